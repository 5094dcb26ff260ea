//! What every page has, and in which language.

use base64ct::{Base64, Encoding};
use keyfob_relay::Brand;
use sha2::{Digest, Sha256};

use crate::support::{Reply, Running, SignIn};

/// Pages of every kind, with what they are.
fn all_pages(relay: &Running) -> Vec<(&'static str, Reply)> {
    let (device, sign_in, mut browser) = (relay.kettle(), SignIn::new(), relay.browser());
    let codes = device.open(&sign_in);
    let scanned = browser.get(codes.complete.strip_prefix("https://relay.example").unwrap());
    let wrong = browser.post("/pair", "code=no");
    let confirm = browser.pair(&codes);
    let go = browser.go(&confirm);
    let callback = browser.callback(&sign_in.response());
    let wait = browser.get("/done");
    device.close(&sign_in, "signed_in");
    vec![
        ("start", browser.get("/")),
        ("scanned", scanned),
        ("wrong", wrong),
        ("confirm", confirm),
        ("go", go),
        ("callback", callback),
        ("wait", wait),
        ("end", browser.get("/done")),
        ("stray", browser.get("/callback")),
        ("nothing", browser.get("/nothing")),
        ("misdirected", browser.client.clone().host("x").get("/")),
    ]
}

// REQ: PORTAL-15, PORTAL-30, REDIR-25, REDIR-26
#[test]
fn every_answer_is_guarded() {
    let relay = Running::start();
    for (name, reply) in all_pages(&relay) {
        let header = |name| reply.header(name).unwrap_or_default();
        assert_eq!(header("cache-control"), "no-store", "{name}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{name}");
        assert_eq!(header("strict-transport-security"), "max-age=31536000", "{name}");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{name}"
        );
        let form = reply.body.contains("<form");
        assert_eq!(header("referrer-policy"), if form { "same-origin" } else { "no-referrer" }, "{name}");
        if reply.status == 303 {
            assert!(reply.body.is_empty() && reply.header("content-type").is_none(), "{name}");
            continue;
        }
        assert_eq!(header("content-type"), "text/html; charset=utf-8", "{name}");
        // The style is the one that is allowed; nothing else could be loaded, and nothing is asked for.
        let style =
            reply.body.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).unwrap();
        let hash = Base64::encode_string(&Sha256::digest(style));
        assert!(
            policy.contains(&format!("style-src 'sha256-{hash}'")) && !policy.contains("script"),
            "{name}"
        );
        assert!(
            policy.contains(if form { "form-action 'self' https:" } else { "form-action 'none'" }),
            "{name}"
        );
        for word in ["http:", "https:", "//", "<script", "style=", "src=", "@import", "url("] {
            assert!(!reply.body.contains(word), "{name}: {word}");
        }
        assert!(reply.body.len() < 4096, "{name}: {}", reply.body.len());
        assert!(
            reply.body.contains("<html lang=\"en\">") && reply.body.contains("name=\"viewport\""),
            "{name}"
        );
    }
}

#[test]
fn the_cookie_is_bound() {
    let relay = Running::start();
    let mut browser = relay.browser();
    let reply = browser.pair(&relay.kettle().open(&SignIn::new()));
    let cookie = reply.header("set-cookie").unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=None; Max-Age=600");
    let (name, value) = pair.split_once('=').unwrap();
    assert_eq!((name, value.len()), ("__Host-keyfob", 86));
}

// REQ: PORTAL-31
#[test]
fn pages_speak_four_languages() {
    let relay = Running::start();
    for (accepted, tag, title) in [
        ("de-CH, en;q=0.5", "de", "Ein Gerät anmelden"),
        ("fr", "fr", "Connecter un appareil"),
        ("pt, es;q=0.3", "es", "Iniciar sesión en un dispositivo"),
        ("pt", "en", "Sign in a device"),
    ] {
        let mut browser = relay.browser();
        browser.client = browser.client.with("Accept-Language", accepted);
        let page = browser.get("/");
        assert!(page.body.contains(&format!("<title>{title}</title>")), "{accepted}");
        assert_eq!(page.header("content-language"), Some(tag));
        let confirm = browser.pair(&relay.kettle().open(&SignIn::new()));
        assert!(confirm.body.contains(&format!("<html lang=\"{tag}\">")) && confirm.body.contains("Kettle"));
    }
}

// REQ: PORTAL-26
#[test]
fn the_user_sees_whose_it_is() {
    let relay = Running::with(|settings| {
        settings.brand = Brand { name: "Acme <Kitchens>".into(), colour: "#ffd600".into() };
    });
    let mut browser = relay.browser();
    let page = browser.pair(&relay.kettle().open(&SignIn::new()));
    assert!(page.body.contains("<header>Acme &lt;Kitchens&gt;</header>"));
    assert!(page.body.contains("button{background:#ffd600;color:#000}"));
    for text in ["<dd>Kettle in the kitchen</dd>", "<dd>op.example</dd>"] {
        assert!(page.body.contains(text), "{}", page.body);
    }
}
