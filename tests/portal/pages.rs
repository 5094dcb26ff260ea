//! What the pages say, and how.

use base64ct::{Base64, Encoding};
use keyfob_core::{
    error::{Check, Error, ErrorCode},
    portal::{Brand, ENGLISH, Ending, GERMAN, Portal, Route, SPANISH, Site, Status, Visitor},
};
use sha2::{Digest, Sha256};

use crate::device::{
    BRAND, Browser, Device, HOST, LANGUAGES, LOGO, NAME, PASTE, PASTED, SERVER, SITE, body, callback, field,
    header, peer, status, text,
};

/// Every page there is, in a language, by name.
pub fn pages(language: &str, site: Site<'static>, paste: Site<'static>) -> Vec<(&'static str, String)> {
    let more = format!("Accept-Language: {language}\r\n");
    let browser = |last: u8| Browser { more: more.clone(), ..Browser::new(last) };
    let mut found = Vec::new();
    let mut device = Device::new(&crate::device::CLIENT, site);
    found.push(("start", browser(2).get(&mut device, "/")));
    let (_, code, link, _) = device.screen().expect("an invitation");
    let target = link.strip_prefix(&format!("http://{HOST}")).expect("the portal").to_owned();
    found.push(("scanned", browser(2).get(&mut device, &target)));
    found.push(("wrong code", browser(2).start(&mut device, "BBBB-BBBB")));
    found.push(("old page", browser(2).post(&mut device, "/start", "page=x&code=y")));
    let mut phone = browser(2);
    found.push(("to the server", phone.start(&mut device, &code.expect("a code"))));
    found.push(("again", phone.get(&mut device, "/")));
    found.push(("busy", browser(3).get(&mut device, "/")));
    found.push(("another browser", browser(3).back(&mut device)));
    found.push(("another state", phone.get(&mut device, &callback("x"))));
    found.push(("nothing", phone.get(&mut device, "/nothing")));
    found.push(("another host", Browser { host: "evil.example".into(), ..browser(2) }.get(&mut device, "/")));
    found.push(("back", phone.back(&mut device)));
    found.push(("wait", phone.get(&mut device, "/callback/done")));
    device.portal.confirm();
    found.push(("confirm", phone.get(&mut device, "/callback/done")));
    let mut visitor = Visitor::new(peer(2));
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{more}\r\n");
    let mut buffer = vec![0; 16 * 1024];
    buffer[..request.len()].copy_from_slice(request.as_bytes());
    device.step(&mut visitor, &buffer, request.len());
    for (name, ending) in [
        ("signed in", Ending::SignedIn),
        ("denied", Ending::Denied),
        ("alarm", Ending::SecurityAlert),
        ("configuration", Ending::Configuration),
        ("later", Ending::TryLater),
        ("unreachable", Ending::Unreachable),
        ("failed", Ending::Failed),
    ] {
        let mut out = [0; Portal::ANSWER];
        let detail = if ending == Ending::SignedIn { "" } else { "a check failed: IssuerMismatch" };
        let page = device.portal.last(&device.site, &visitor, ending, detail, &mut out).expect("room");
        found.push((name, text(page.octets())));
    }
    let mut device = Device::new(&PASTED, paste);
    for _ in 0..5 {
        browser(2).start(&mut device, "BBBB-BBBB");
    }
    found.push(("too many codes", browser(3).start(&mut device, "BBBB-BBBB")));
    device.pass(10);
    let mut phone = browser(4);
    let code = device.code();
    found.push(("to the paste page", phone.start(&mut device, &code)));
    let page = phone.get(&mut device, "/paste");
    let form = format!("page={}&address=x:/", field(&page, "page").expect("a field"));
    found.push(("paste", page));
    found.push(("wrong paste", phone.post(&mut device, "/paste", &form)));
    for _ in 0..31 {
        browser(5).get(&mut device, "/nothing");
    }
    found.push(("slower", browser(5).get(&mut device, "/")));
    found
}

/// The longest of everything.
fn long() -> (Site<'static>, Site<'static>) {
    const LOGO: &str = {
        const TEXT: &[u8] = &[b'x'; Brand::MAX_LOGO];
        match core::str::from_utf8(TEXT) {
            Ok(text) => text,
            Err(_) => "",
        }
    };
    const NAME: &str = "&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&";
    const LONG: Brand<'static> = Brand::new(NAME).logo(LOGO);
    (SITE.brand(&LONG).access_point(), PASTE.brand(&LONG).access_point())
}

// REQ: PORTAL-30
#[test]
fn pages_are_small() {
    for language in ["en", "de", "fr", "es"] {
        let mut sizes = Vec::new();
        for (name, answer) in pages(language, SITE, PASTE) {
            assert!(answer.len() < 4096, "{name} {language}: {}", answer.len());
            sizes.push((body(&answer).len(), name));
        }
        sizes.sort();
        println!("{language}: {sizes:?}");
        let (site, paste) = long();
        for (name, answer) in pages(language, site, paste) {
            assert!(
                answer.len() <= Portal::ANSWER && body(&answer).len() < 4096,
                "{name} {language}: {}",
                body(&answer).len()
            );
        }
    }
}

// REQ: PORTAL-15, PORTAL-16, PORTAL-17, PORTAL-18, PORTAL-30, REDIR-25, REDIR-26
#[test]
fn every_answer_loads_nothing_and_is_kept_by_nobody() {
    for language in ["en", "de", "fr", "es"] {
        for (name, answer) in pages(language, SITE, PASTE) {
            assert_eq!(header(&answer, "Cache-Control"), Some("no-store"), "{name}");
            assert_eq!(header(&answer, "Referrer-Policy"), Some("no-referrer"), "{name}");
            assert_eq!(header(&answer, "X-Content-Type-Options"), Some("nosniff"), "{name}");
            assert_eq!(header(&answer, "Connection"), Some("close"), "{name}");
            assert_eq!(header(&answer, "Content-Type"), Some("text/html; charset=utf-8"), "{name}");
            let page = body(&answer);
            assert_eq!(header(&answer, "Content-Length"), Some(page.len().to_string().as_str()), "{name}");
            let policy = header(&answer, "Content-Security-Policy").expect(name);
            assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{name}: {policy}");
            assert!(
                policy.ends_with("; frame-ancestors 'none'") && policy.contains("; base-uri 'none'; "),
                "{name}"
            );
            let forms = page.contains("<form");
            let action = if forms { "form-action 'self' https:;" } else { "form-action 'none';" };
            assert!(policy.contains(action), "{name}: {policy}");
            for word in ["marker", "code_verifier", "token_type", "password"] {
                assert!(!answer.contains(word), "{word} in {name}");
            }
            for word in
                ["src=", "href=", "url(", "<script", "@import", "://", " style=", "onclick", "<iframe"]
            {
                assert!(!page.contains(word), "{word} in {name}");
            }
            if page.is_empty() {
                assert_eq!(status(&answer), 303, "{name}");
                continue;
            }
            let style =
                page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect(name).0;
            let hash = Base64::encode_string(&Sha256::digest(style));
            assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{name}");
        }
    }
}

/// What a screen reader and a search of the title need.
// REQ: PORTAL-30, PORTAL-31
#[test]
fn pages_are_well_formed() {
    for language in ["en", "de", "fr", "es"] {
        for (name, answer) in pages(language, SITE, PASTE) {
            let page = body(&answer);
            if page.is_empty() {
                continue;
            }
            assert!(page.starts_with(&format!("<!doctype html><html lang=\"{language}\">")), "{name}");
            let title =
                page.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect(name).0;
            assert!(
                page.contains(&format!("<h1>{title}</h1>")) && page.matches("<h1>").count() == 1,
                "{name}"
            );
            assert!(page.contains("width=device-width, initial-scale=1"), "{name}");
            // What a browser says of where a form is from depends on it: see `cross_site_post`.
            let referrer = "<meta name=\"referrer\" content=\"same-origin\">";
            assert_eq!(page.contains(referrer), page.contains("<form"), "{name}");
            assert!(page.contains("<main>") && page.contains("</main>"), "{name}");
            assert!(page.contains(&format!("<header>{LOGO}Kettle</header>")), "{name}");
            // Each field has a label, and each element ends.
            for (at, start) in page.match_indices(" id=\"") {
                let field = page[at + start.len()..].split('"').next().expect("an end");
                assert!(page.contains(&format!("<label for=\"{field}\">")), "{name}: {field}");
            }
            for element in [
                "html", "head", "title", "style", "body", "main", "header", "h1", "p", "form", "label",
                "button", "textarea", "small", "b",
            ] {
                let starts = page.matches(&format!("<{element}>")).count()
                    + page.matches(&format!("<{element} ")).count();
                assert_eq!(starts, page.matches(&format!("</{element}>")).count(), "{element} in {name}");
            }
        }
    }
}

// REQ: PORTAL-31
#[test]
fn pages_are_in_the_language_of_the_browser() {
    let titles = [("en", "Sign in"), ("de", "Anmelden"), ("fr", "Connexion"), ("es", "Iniciar sesión")];
    for (accepted, expected) in [
        ("de", "de"),
        ("DE-AT", "de"),
        ("fr-CA,en;q=0.8", "fr"),
        ("en;q=0.8,fr-CA", "fr"),
        ("it, es ; q=0.5 , en;q=0.4", "es"),
        ("it", "en"),
        ("*", "en"),
        ("", "en"),
        ("de;q=0", "en"),
        ("de;q=0.001", "de"),
        ("de;q=0.5,fr;q=0.50,es;q=0.499", "de"),
        ("de;q=2,fr", "de"),
        ("de;level=1", "de"),
        (";;,,=;q=", "en"),
        ("\u{e4}\u{f6}", "en"),
    ] {
        let mut device = Device::lan();
        let page = Browser { more: format!("Accept-Language: {accepted}\r\n"), ..Browser::new(2) }
            .get(&mut device, "/");
        let title = titles.iter().find(|(tag, _)| *tag == expected).expect("a title").1;
        assert!(page.contains(&format!("<title>{title}</title>")), "{accepted}: {page}");
        let mut device = Device::new(&PASTED, SITE.languages(&[&SPANISH, &GERMAN]));
        let page = Browser { more: format!("Accept-Language: {accepted}\r\n"), ..Browser::new(2) }
            .get(&mut device, "/");
        let expected = if expected == "de" { "de" } else { "es" };
        assert!(page.contains(&format!("<html lang=\"{expected}\">")), "{accepted}");
    }
    let mut device = Device::new(&PASTED, SITE.languages(&[]));
    assert!(Browser::new(2).get(&mut device, "/").contains("Sign in"));
    assert!(LANGUAGES.len() == 4 && core::ptr::eq(LANGUAGES[0], LANGUAGES[0]));
    let _ = &ENGLISH;
}

// REQ: PORTAL-16
#[test]
fn text_is_shown_as_text() {
    let mut device = Device::new(&PASTED, SITE.brand(const { &Brand::new("<b>&'\"") }));
    let page = Browser::new(2).get(&mut device, "/");
    assert!(page.contains("<header>&lt;b&gt;&amp;&#39;&quot;</header>"), "{page}");
    let visitor = Visitor::new(peer(2));
    let mut out = [0; Portal::ANSWER];
    let detail = format!("<script>alert(1)</script>{}", "\u{e4}".repeat(200));
    let page = device.portal.last(&SITE, &visitor, Ending::Failed, &detail, &mut out).expect("room");
    let page = text(page.octets());
    assert!(page.contains("<small>&lt;script&gt;alert(1)&lt;/script&gt;\u{e4}"), "{page}");
    assert!(!page.contains("<script") && page.matches('\u{e4}').count() < 80);
}

// REQ: PORTAL-04, PORTAL-28
#[test]
fn the_user_is_told_what_is_unusual() {
    let page = |site: Site<'static>| Browser::new(2).get(&mut Device::new(&PASTED, site), "/");
    assert!(page(SITE).contains("The way back to the device is not encrypted."));
    assert!(!page(PASTE).contains("not encrypted") && !page(SITE.https()).contains("not encrypted"));
    assert!(
        page(SITE.access_point()).contains("This network has no internet.")
            && !page(SITE).contains("no internet")
    );
    for site in [SITE, PASTE, SITE.https()] {
        assert!(page(site).contains("only if the sign-in was started on the device in front of you"));
    }
}

#[test]
fn a_colour_is_a_colour() {
    for (colour, taken) in [
        ("#fff", true),
        ("#A1b2C3", true),
        ("#ff", false),
        ("#ffff", false),
        ("red", false),
        ("", false),
        ("#", false),
        ("#xyz", false),
        ("#fff}body{}", false),
        ("</sty", false),
    ] {
        let brand = Brand::new("").colour(colour, "#000");
        let brand: &'static Brand<'static> = Box::leak(Box::new(brand));
        let page = Browser::new(2).get(&mut Device::new(&PASTED, SITE.brand(brand)), "/");
        assert_eq!(page.contains(&format!("background:{colour};color:#000}}</style>")), taken, "{colour}");
        assert!(taken || page.contains("background:#0b57d0;color:#fff}</style>"));
    }
    let long: &'static str = Box::leak("x".repeat(Brand::MAX_LOGO + 1).into_boxed_str());
    let brand: &'static Brand<'static> = Box::leak(Box::new(BRAND.logo(long)));
    assert!(Browser::new(2).get(&mut Device::new(&PASTED, SITE.brand(brand)), "/").contains(LOGO));
}

#[test]
fn every_error_has_an_ending() {
    for (error, ending) in [
        (Error::Expired, Ending::Failed),
        (Error::Refused(ErrorCode::AccessDenied), Ending::Denied),
        (Error::Refused(ErrorCode::ServerError), Ending::TryLater),
        (Error::Refused(ErrorCode::UnauthorizedClient), Ending::Configuration),
        (Error::Check(Check::IssuerMismatch), Ending::SecurityAlert),
        (Error::Misuse, Ending::Configuration),
    ] {
        assert_eq!(Ending::of(error), ending, "{error}");
    }
}

// REQ: PORTAL-22, PORTAL-27
#[test]
fn what_is_not_there_is_not_there() {
    for target in [
        "/generate_204",
        "/gen_204",
        "/hotspot-detect.html",
        "/library/test/success.html",
        "/connecttest.txt",
        "/ncsi.txt",
        "/canonical.html",
        "/success.txt",
        "/favicon.ico",
        "/start/",
        "/Start",
        "//",
        "/../",
        "/paste",
        "/go",
        "/callback/done",
        "/callback/",
        "/done",
    ] {
        let mut device = Device::lan();
        let answer = Browser::new(2).get(&mut device, target);
        assert_eq!(status(&answer), 404, "{target}");
        assert!(answer.contains("There is nothing here.") && header(&answer, "Location").is_none());
    }
    for name in ["connectivitycheck.gstatic.com", "captive.apple.com", "www.msftconnecttest.com"] {
        let mut device = Device::lan();
        let answer = Browser { host: name.into(), ..Browser::new(2) }.get(&mut device, "/generate_204");
        assert_eq!(status(&answer), 421, "{name}");
    }
}

// REQ: PORTAL-11, PORTAL-22, REDIR-22
#[test]
fn each_route_has_its_methods() {
    let site = SITE.paste(&SERVER);
    for (target, methods, open) in [
        ("/", "GET, HEAD", ["GET", "HEAD"].as_slice()),
        ("/start", "POST", &[]),
        ("/go", "POST", &[]),
        ("/paste", "GET, HEAD, POST", &["GET", "HEAD"]),
        ("/callback", "GET, HEAD, POST", &["GET", "HEAD"]),
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "start"]
        {
            let mut device = Device::new(&PASTED, site);
            let request = format!("{method} {target} HTTP/1.1\r\nHost: {NAME}\r\n\r\n");
            let (visitor, heard) = device.hear(peer(2), request.as_bytes());
            let answer = heard.text();
            if open.contains(&method) {
                assert_ne!(status(&answer), 405, "{method} {target}");
            } else {
                assert_eq!(
                    (status(&answer), header(&answer, "Allow")),
                    (405, Some(methods)),
                    "{method} {target}"
                );
            }
            assert!(method != "HEAD" || body(&answer).is_empty(), "{target}");
            assert!(visitor.route() != Route::Other && device.waits());
        }
    }
}

// REQ: PORTAL-32
#[test]
fn a_log_has_nothing_to_hide() {
    let mut device = Device::lan();
    let mut phone = Browser::paired(&mut device, 2);
    let cookie = phone.cookie.clone().expect("a cookie");
    let request =
        format!("GET {} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\n\r\n", callback("marker-state"));
    let (visitor, heard) = device.hear(peer(2), request.as_bytes());
    assert_ne!(heard.status(), 200);
    let mut out = [0; Portal::ANSWER];
    let answer = device.portal.refuse(&SITE, &visitor, Status::NotFound, &mut out).expect("room");
    let line =
        format!("{:?} {:?} {answer:?} {:?} {visitor:?}", visitor.route(), answer.status(), device.portal);
    assert_eq!(line, "Callback NotFound Answer(404) Portal(Bound) Visitor(Callback)");
    phone.get(&mut device, "/");
    let (_, code, link, _) = Device::lan().screen().expect("an invitation");
    let printed = format!("{:?}", device.flow);
    assert!(!printed.contains(&link) && !printed.contains(&code.expect("a code")));
}
