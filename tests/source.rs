//! What can be read from the sources, and from Cargo's list of dependencies.

use std::{env, fs, path::Path, process::Command};

use keyfob_core::{
    client::Client,
    flow::{AuthorizationCode, Event, Flow, Redirect},
    time::Now,
};
use keyfob_tests::{
    answer::Answer,
    clients::{KIOSK, PUSHED},
    clock::NOW,
    form, seeds,
    server::{Return, refusal},
    stations::{ENOUGH, Hand, Happening},
};

/// A source file: its path from the top folder, and its lines without comments and unit tests.
struct Source {
    path: String,
    lines: Vec<(usize, String)>,
}

/// The sources of a package, in the order of their paths.
fn sources(package: &str) -> Vec<Source> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the top folder");
    let (mut rest, mut found) = (vec![top.join(package).join("src")], Vec::new());
    while let Some(folder) = rest.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                rest.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                // Unit tests stand at the end.
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let lines = code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
                let path = path.strip_prefix(top).expect("below it").to_string_lossy().into_owned();
                found.push(Source { path, lines: lines.map(|(at, line)| (at + 1, line.into())).collect() });
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!found.is_empty(), "{package} has no sources");
    found
}

/// Whether `word` stands in `line`, and not as a part of another word.
fn has_word(line: &str, word: &str) -> bool {
    let is_part =
        |octet: Option<&u8>| octet.is_some_and(|octet| octet.is_ascii_alphanumeric() || *octet == b'_');
    line.match_indices(word).any(|(start, _)| {
        let end = start + word.len();
        !is_part(line.as_bytes().get(start.wrapping_sub(1))) && !is_part(line.as_bytes().get(end))
    })
}

/// Every line of a package in which one of these words stands.
fn lines_with(package: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources(package) {
        for (number, line) in &source.lines {
            if words.iter().any(|word| has_word(line, word)) {
                found.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    found
}

/// The crates that a package is built with, for a chip or a desktop: what Cargo would build, tests left out.
fn dependencies(package: &str, more: &[&str]) -> Vec<String> {
    let common = ["tree", "--locked", "--offline", "--package", package, "--edges", "normal"];
    let output = Command::new(env::var_os("CARGO").expect("Cargo runs this test"))
        .args(common)
        .args(["--prefix", "none", "--format", "{lib}"])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("Cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut names: Vec<_> = text
        .lines()
        .map(|line| line.trim_end_matches("(*)").trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn words_are_found() {
    assert!(has_word("use std::vec;", "std") && has_word("std", "std"));
    assert!(!has_word("no_std", "std") && !has_word("stdx", "std") && !has_word("", "std"));
    assert!(lines_with("core", &["no_std"]).len() == 1);
}

/// It builds without a standard library and without a heap: `cargo run -p keyfob-check -- no_std allocator`.
// REQ: SM-01, CLOCK-01
#[test]
fn the_core_has_nothing_of_the_outside() {
    for package in ["core", "driver-embassy"] {
        assert_eq!(lines_with(package, &["std", "alloc", "libc"]), [] as [String; 0]);
    }
    let clocks = ["Instant", "SystemTime", "Duration", "UNIX_EPOCH", "core::time", "embassy_time"];
    let state =
        ["static mut", "Cell", "RefCell", "UnsafeCell", "OnceCell", "LazyLock", "Mutex", "thread_local"];
    let outside = ["TcpStream", "File", "thread", "spawn", "asm", "extern"];
    for words in [&clocks[..], &state, &outside] {
        assert_eq!(lines_with("core", words), [] as [String; 0]);
    }
    let atomic = |line: &String| line.contains("Atomic") || line.trim_start().contains(": static ");
    assert!(!lines_with("core", &["static"]).iter().any(atomic));
    // Time comes in with each call that needs it, as a count of 64 bits and a date that may be unknown.
    let time = include_str!("../core/src/time.rs");
    assert!(
        time.contains("pub uptime: u64") && time.contains("pub date: Date") && time.contains("    Unknown,")
    );
    let flow = include_str!("../core/src/flow.rs");
    for call in
        ["fn poll<'b>(&'b self, now: Now,", "fn handle<'b>(&mut self, now: Now,", "fn save(&self, now: Now,"]
    {
        assert!(flow.contains(call), "{call}");
    }
    // What it is made of does arithmetic and nothing else.
    let known = [
        "aead",
        "base16ct",
        "base64ct",
        "block_buffer",
        "cfg_if",
        "chacha20",
        "chacha20poly1305",
        "cipher",
        "cmov",
        "const_oid",
        "cpubits",
        "cpufeatures",
        "crypto_bigint",
        "crypto_common",
        "ctutils",
        "curve25519_dalek",
        "der",
        "digest",
        "ecdsa",
        "ed25519_compact",
        "elliptic_curve",
        "ff",
        "group",
        "hkdf",
        "hmac",
        "hpke",
        "hybrid_array",
        "inout",
        "keyfob_core",
        "libc",
        "num_traits",
        "p256",
        "p384",
        "poly1305",
        "primefield",
        "primeorder",
        "qrcodegen_no_heap",
        "rand_core",
        "rfc6979",
        "sec1",
        "sha2",
        "signature",
        "subtle",
        "typenum",
        "universal_hash",
        "wnaf",
        "x25519_dalek",
        "zeroize",
    ];
    let chip = dependencies("keyfob-core", &["--target", "thumbv7em-none-eabihf"]);
    // Run by the compiler, and in no program.
    let macros = ["proc_macro2", "quote", "syn", "unicode_ident", "zeroize_derive"];
    let is_new = |name: &&String| ![&known[..], &macros].concat().contains(&name.as_str());
    let new: Vec<_> = chip.iter().filter(is_new).collect();
    assert!(new.is_empty(), "does {new:?} belong into the core?");
    assert!(!chip.contains(&"libc".to_owned()), "only `cpufeatures` needs it, on desktops");
}

/// `rand_core` has the traits of generators, and no generator.
// REQ: RNG-01
#[test]
fn the_core_has_no_random_source() {
    let generators = [
        "fastrand",
        "getrandom",
        "hwrng",
        "oorandom",
        "rand",
        "rand_chacha",
        "rand_hc",
        "rand_pcg",
        "rand_xorshift",
        "rand_xoshiro",
        "wyrand",
    ];
    for more in [&[][..], &["--all-features"], &["--no-default-features"]] {
        let built = dependencies("keyfob-core", more);
        let found: Vec<_> = built.iter().filter(|name| generators.contains(&name.as_str())).collect();
        assert!(found.is_empty(), "{found:?} with {more:?}");
        assert!(built.contains(&"subtle".to_owned()), "the list is there");
        // A cipher that can be made one by a feature.
        let features = ["--edges", "features,normal", "--invert", "chacha20"];
        let cipher = dependencies("keyfob-core", &[&features, more].concat());
        assert!(
            cipher.contains(&"hpke".to_owned()) && !cipher.contains(&"chacha20 feature \"rng\"".to_owned())
        );
    }
    // What fills a seed is the caller's, and marked as cryptographic.
    let found = lines_with("core", &["Entropy for"]);
    assert_eq!(found.len(), 4, "{found:?}");
    for line in &found {
        let forwards = line.contains("impl<E: Entropy + ?Sized> Entropy for &mut E");
        assert!(forwards || line.contains("CryptoRng"), "{line}");
    }
    // A seed is made of what is handed in, and of nothing else.
    let secret = include_str!("../core/src/secret.rs");
    let constructors = secret.lines().filter(|line| line.contains("-> Result<Self, Error> {"));
    let constructors: Vec<_> = constructors.map(str::trim).collect();
    assert_eq!(
        constructors,
        [
            "pub fn new(octets: [u8; Self::LENGTH]) -> Result<Self, Error> {",
            "pub fn draw(source: &mut impl Entropy) -> Result<Self, Error> {",
        ]
    );
    assert!(!secret.contains("impl Default for Seed"));
}

// REQ: MEM-03
#[test]
fn there_is_no_unsafe_code() {
    for package in ["core", "driver-std", "driver-embassy"] {
        let roots: Vec<_> =
            sources(package).into_iter().filter(|source| source.path.ends_with("/src/lib.rs")).collect();
        let forbidden =
            |source: &Source| source.lines.iter().any(|(_, line)| line == "#![forbid(unsafe_code)]");
        assert!(roots.len() == 1 && forbidden(&roots[0]), "{package}");
        // `forbid` cannot be lifted further down.
        assert_eq!(lines_with(package, &["unsafe"]), [] as [String; 0]);
    }
}

/// What a format string of the core shows. None of these is a secret: names, numbers, known words, and an address
/// without its query.
const SHOWN: &[&str] = &[
    "self.metadata.issuer",
    "self.id",
    "self.base",
    "needed",
    "check:?",
    "name",
    "code",
    "text::before(url, b'?')",
    "request:?",
    "self.step",
    "slot:?",
    "until:?",
    "until",
    "reason:?",
    "outcome:?",
    "self.len()",
    "self.checked",
    "self.method.as_str()",
    "self.route",
    "url",
    "self.status",
    "host",
    "seconds",
    "modules",
    // What a person is shown, as text; `Debug` of it shows none of them.
    "application",
    "user_code",
    "verification_uri",
];

/// Types whose `Debug` is derived: it shows all that is in them. Add one only when nothing secret is.
const DERIVED: &[&str] = &[
    "Ability",
    "Admission",
    "Age",
    "Algorithm",
    "Algorithms",
    "Alphabet",
    "Audiences",
    "Characters",
    "Check",
    "Checked",
    "ClientAuthentication",
    "Content",
    "Date",
    "Discovery",
    "Ed25519",
    "EdDsa",
    "EndSession",
    "Ending",
    "Error",
    "ErrorCode",
    "Es256",
    "Es384",
    "Hpke",
    "Hs256",
    "Floor",
    "HttpErrorKind",
    "Jwks",
    "Keep",
    "KeyFilter",
    "KeyType",
    "Kind",
    "Length",
    "Limits",
    "Literal",
    "Malformed",
    "Metadata",
    "Method",
    "Name",
    "Next",
    "NonceHeader",
    "Notice",
    "Now",
    "Number",
    "Outcome",
    "Part",
    "Paste",
    "Place",
    "Plan",
    "Prompt",
    "Proof",
    "Provider",
    "Ps256",
    "Ps384",
    "Ps512",
    "Reason",
    "Refusal",
    "Refusals",
    "Remedy",
    "ResponseMode",
    "Route",
    "Rs256",
    "Rs384",
    "Rs512",
    "SignError",
    "SignInReason",
    "Slot",
    "State",
    "Status",
    "Step",
    "Times",
    "Token",
    "TokenType",
    "Try",
    "UnixTime",
    "Url",
    "Wanted",
    "Way",
];

/// That what these show is no secret is tried in `secrets.rs`.
// REQ: SECRET-06
#[test]
fn no_format_string_shows_a_secret() {
    // A panic or an assertion with a message is not in the code that runs.
    let macros = [
        "panic!",
        "todo!",
        "unimplemented!",
        "unreachable!",
        "assert_eq!",
        "assert_ne!",
        "debug_assert!",
        "dbg!",
    ];
    let panics = |line: &&String| macros.iter().any(|name| line.contains(name));
    for package in ["core", "driver-embassy"] {
        for source in sources(package) {
            let lines: Vec<_> = source.lines.iter().map(|(_, line)| line).collect();
            assert_eq!(lines.iter().copied().find(panics), None, "{}", source.path);
        }
    }
    let mut asserts = lines_with("core", &["assert"]);
    asserts.retain(|line| !line.contains("const _: () = assert!(size_of::<"));
    assert_eq!(asserts, [] as [String; 0]);
    assert_eq!(lines_with("core", &["log", "defmt", "println", "eprintln", "print"]), [] as [String; 0]);
    let mut formats = 0;
    for line in lines_with("core", &["write", "writeln", "format_args", "format", "concat"]) {
        if !line.contains('!') || line.contains("doc = concat!") || !line.contains("write!(f") {
            assert!(!line.contains("format") && !line.contains("writeln!"), "{line}");
            continue;
        }
        formats += 1;
        let (_, call) = line.split_once("write!(f, \"").expect("one format string in a line");
        let (string, rest) = call.split_once('"').expect("it ends");
        let inline = string.split('{').skip(1).filter_map(|piece| piece.split('}').next());
        for shown in inline.filter(|shown| !shown.is_empty() && *shown != ":?") {
            assert!(SHOWN.contains(&shown), "`{shown}` is shown: {line}");
        }
        let mut rest = rest.trim_end_matches(['{', ' ', ',', ';', '?']).to_owned();
        for shown in SHOWN {
            rest = rest.replace(&format!(", {shown}"), "");
        }
        assert_eq!(rest.replace(')', ""), "", "something else is shown: {line}");
    }
    assert!(formats > 10, "they were found");
    let mut derived = Vec::new();
    for source in sources("core") {
        let mut next = false;
        for (_, line) in &source.lines {
            next |= line.trim_start().starts_with("#[derive(") && line.contains("Debug");
            let words: Vec<_> = line.split(|other: char| !other.is_alphanumeric() && other != '_').collect();
            if let Some(place) =
                words.iter().position(|word| matches!(*word, "struct" | "enum")).filter(|_| next)
            {
                derived.push(words[place + 1].to_owned());
                next = false;
            }
        }
    }
    assert!(derived.len() > 30, "they were found");
    derived.retain(|name| !DERIVED.contains(&name.as_str()));
    assert!(derived.is_empty(), "does {derived:?} hold a secret?");
}

/// That it runs every flow is in `drivers.rs`, and TLS in `driver-std/tests`.
// REQ: DRV-01
#[test]
fn drivers_know_nothing_of_oauth() {
    for package in ["driver-std", "driver-embassy"] {
        let of_oauth = [
            "access_token",
            "authorization_code",
            "base64url",
            "client_id",
            "client_secret",
            "code_challenge",
            "code_verifier",
            "error_description",
            "expires_in",
            "grant_type",
            "id_token",
            "iss",
            "jwks",
            "kid",
            "nonce",
            "refresh_token",
            "response_type",
            "scope",
            "serde_json",
            "state",
            "token_type",
        ];
        let mut found = lines_with(package, &of_oauth);
        // A word of English.
        found.retain(|line| !line.contains("connection state") && !line.contains("// "));
        assert_eq!(found, [] as [String; 0]);
        let built = dependencies(
            if package == "driver-std" { "keyfob-std" } else { "keyfob-embassy" },
            &["--depth", "1"],
        );
        for name in ["serde", "serde_json", "jsonwebtoken", "url", "form_urlencoded", "percent_encoding"] {
            assert!(!built.contains(&name.to_owned()), "{package} has {name}");
        }
    }
}

/// A 16-bit chip needs more: see MEM-11 in `spec/open.txt`.
#[test]
fn casts_are_of_small_enumerations() {
    let numbers = ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "isize"];
    let words: Vec<_> = numbers.iter().map(|number| format!("as {number}")).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    for line in lines_with("core", &words) {
        let of_enumeration = ["algorithm as u8", "kind as u8", "member as u8", "name as u8", "self as usize"];
        let named = line.contains("Kind::") && line.contains(" as u8;");
        assert!(named || of_enumeration.iter().any(|cast| line.contains(cast)), "{line}");
    }
}

/// The rows of the table in the documentation of a flow: step, action, event, next step.
fn transitions(source: &str) -> Vec<[String; 4]> {
    let mut rows: Vec<[String; 4]> = Vec::new();
    let lines = source.lines().skip_while(|line| !line.starts_with("/// | step |")).skip(2);
    for line in lines.take_while(|line| line.starts_with("/// |")) {
        let cells: Vec<_> = line.trim_start_matches("///").split('|').map(str::trim).collect();
        let cell = |place: usize| cells[place].replace(['[', ']', '`'], "");
        let mut row = [cell(1), cell(2), cell(3), cell(4)];
        for (place, cell) in row.iter_mut().enumerate().take(2).filter(|(_, cell)| cell.is_empty()) {
            cell.clone_from(&rows.last().expect("a row above")[place]);
        }
        rows.push(row);
    }
    rows
}

/// A flow in a step by its documented name.
fn code_flow_in(step: &str, hand: &Hand) -> (AuthorizationCode<'static, 64>, Option<Return>) {
    let client: &'static Client<'static> = if step == "push" { &PUSHED } else { &KIOSK };
    let mut flow = AuthorizationCode::<64>::new(client, seeds::seed(1), NOW).expect("right");
    if step == "push" {
        return (flow, None);
    }
    let redirect = hand.visit(&flow);
    if !matches!(step, "authorize" | "expired") {
        hand.redirect(&mut flow, &redirect).expect("right");
    }
    match step {
        "done" => {
            let answer = Happening::Response(hand.answer(&flow).0);
            hand.tell(&mut flow, &answer).expect("right");
        }
        "expired" => drop(Flow::handle(&mut flow, TOO_LATE, Event::Redirect(Redirect::Url("/")))),
        "lost" => drop(hand.tell(&mut flow, &Happening::Timeout)),
        "refused" => drop(hand.tell(&mut flow, &Happening::Response(refusal(400, "invalid_grant")))),
        _ => {}
    }
    (flow, Some(redirect))
}

/// The steps in which a flow may be, as its `Debug` shows them.
fn step_of(flow: &AuthorizationCode<'_, 64>) -> String {
    let shown = format!("{flow:?}");
    let step = shown.trim_start_matches("AuthorizationCode(");
    step.chars().take_while(|octet| octet.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// After the time that a user has.
const TOO_LATE: Now = Now { uptime: NOW.uptime + 600_001, ..NOW };

// REQ: SM-03
#[test]
fn the_code_flow_does_what_its_table_says() {
    let rows = transitions(include_str!("../core/src/flow/authorization_code.rs"));
    let mut seen = Vec::new();
    for [step, action, event, next] in &rows {
        for step in step.split(", ") {
            let hand = Hand::default();
            let (flow, redirect) = code_flow_in(step, &hand);
            assert_eq!(step_of(&flow), step);
            let shown = match flow.poll(NOW, &mut [0; ENOUGH]) {
                Ok(action) => format!("Action::{action:?}"),
                Err(error) => format!("Error::{error:?}"),
            };
            let shown: String =
                shown.chars().take_while(|octet| octet.is_alphanumeric() || *octet == ':').collect();
            assert!(action.split(", ").any(|action| action == shown), "{step}: {shown}");
            let happenings = happenings(event, &hand, &flow, redirect);
            for happening in happenings {
                let (mut flow, _) = code_flow_in(step, &hand);
                let now = if event.contains("after the deadline") { TOO_LATE } else { NOW };
                if event.contains("the second time") {
                    assert_eq!(hand.tell_at(&mut flow, &happening, now), Ok(None));
                }
                let outcome = hand.tell_at(&mut flow, &happening, now);
                assert_eq!(step_of(&flow), *next, "{step}, {event}: {outcome:?}");
                let waits = (step, next.as_str()) == ("authorize", "authorize") || event.contains("an error");
                assert_eq!(
                    outcome.is_err(),
                    waits || matches!(next.as_str(), "expired" | "refused" | "lost"),
                    "{event}"
                );
            }
            seen.push(step.to_owned());
        }
    }
    seen.dedup();
    assert_eq!(seen, ["push", "authorize", "exchange", "done", "refused", "lost", "expired"]);
    assert_eq!(rows.len(), 18, "a row of the table was not tried: {rows:?}");
}

/// What the table calls by these words.
fn happenings(event: &str, hand: &Hand, flow: &dyn Flow, redirect: Option<Return>) -> Vec<Happening> {
    let url = match redirect {
        Some(Return::Url(url)) => url,
        Some(Return::Form(_)) => panic!("a query was asked for"),
        None => String::new(),
    };
    let answer = |change: fn(&mut serde_json::Value)| {
        hand.link.server().shape = Some(change);
        Happening::Response(hand.answer(flow).0)
    };
    let redirect = |url: String| Happening::Redirect(Return::Url(url));
    match event {
        "" => vec![],
        "a redirect that passes every check" | "a redirect after the deadline: Error::Expired" => {
            vec![redirect(url)]
        }
        "Event::NotSent" => vec![Happening::NotSent],
        "a redirect with the server's refusal" => {
            vec![redirect(url.replace("code=", "error=access_denied&x="))]
        }
        "any other redirect: an error, and the flow waits on" => {
            let state = form::in_url(&url, "state");
            vec![
                redirect(url.replace(&state, "x")),
                redirect(url.replace("app.example", "evil.example")),
                redirect(format!("{url}&state={state}")),
            ]
        }
        "a response with tokens that pass every check" => vec![answer(|_| ())],
        "the server's refusal" => vec![Happening::Response(refusal(400, "invalid_grant"))],
        "a response with a request URI" => vec![Happening::Response(hand.answer(flow).0)],
        "Event::Timeout: the code may be used up"
        | "Event::Timeout: nothing is used up"
        | "Event::Timeout the second time in a row" => vec![Happening::Timeout],
        "a success that does not pass: an error, and the code is used up" => {
            vec![answer(|body| body["id_token"] = "x".into())]
        }
        "any other response: an error" => vec![
            Happening::Response(Answer::new(503, "text/html", "")),
            Happening::Response(Answer::new(200, "text/html", "<h1>Hotel")),
        ],
        other => panic!("what is `{other}`?"),
    }
}

/// One way to compare secrets, and it is `subtle`'s.
// REQ: JOSE-20, SECRET-07
#[test]
fn secrets_are_compared_in_constant_time() {
    let secret = include_str!("../core/src/secret.rs");
    assert!(
        secret.contains("fn equal(left: &[u8], right: &[u8]) -> bool {\n    left.ct_eq(right).into()\n}")
    );
    let compared = |source: &'static str, function: &str| {
        let (_, rest) = source.split_once(&format!("fn {function}(")).expect("there is such a function");
        rest.split("\n}").next().expect("it ends")
    };
    let facts = include_str!("../core/src/id_token/facts.rs");
    let half_hash = include_str!("../core/src/id_token/half_hash.rs");
    for (source, function) in [
        (include_str!("../core/src/redirect.rs"), "check_state"),
        (facts, "is_nonce"),
        (half_hash, "is_text_of"),
        (include_str!("../core/src/memory.rs"), "parse"),
    ] {
        let body = compared(source, function);
        assert!(body.contains("equal("), "{function}");
    }
    for body in [compared(facts, "is_nonce"), compared(half_hash, "is_text_of")] {
        assert!(!body.contains(" == ") && !body.contains(".eq("), "{body}");
    }
    // No secret has an operator for it.
    for line in lines_with("core", &["PartialEq"]) {
        assert!(!line.contains("Seed") && !line.contains("Secret") && !line.contains("Derived"), "{line}");
    }
    let (_, derived) = secret.split_once("pub(crate) struct Derived").expect("it is there");
    assert!(!derived.contains("PartialEq"));
}
