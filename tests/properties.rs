//! What must hold for every input, tried with random ones. The generator starts from fixed seeds, so every run is
//! the same.

use keyfob_core::{
    client::Client,
    client_authentication::ClientAuthentication,
    error::{Check, Error},
    exchange::{Discovery, Exchange, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    jwk::KeySet,
    jws::{Es256, Rs256, Verifier},
    secret::Secret,
};
use keyfob_tests::{
    answer::Answer,
    clients::{KIOSK, ROBOT, SERVER},
    clock::NOW,
    form,
    keys::base64url,
    seeds,
    server::SUBJECT,
    stations::{ENOUGH, Happening, Kind, Station, Step},
};
use serde_json::{Value, json};

/// Runs of each test.
const RUNS: u64 = 500;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to try things.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn of<'v, T>(&mut self, values: &'v [T]) -> &'v T {
        &values[self.below(values.len())]
    }

    /// A text of any characters, often of those that need care.
    fn text(&mut self, most: usize) -> String {
        const CARE: &[char] = &[
            '%',
            '&',
            '+',
            '=',
            '#',
            '?',
            ' ',
            '"',
            '\\',
            '/',
            '~',
            '*',
            '\u{E9}',
            '\u{301}',
            '\u{1F511}',
            'e',
        ];
        let length = self.below(most + 1);
        (0..length)
            .map(|_| match self.below(3) {
                0 => *self.of(CARE),
                1 => char::from(0x20 + self.below(95) as u8),
                _ => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{FFFD}'),
            })
            .collect()
    }

    /// The same of visible ASCII and space, and not empty.
    fn visible(&mut self, most: usize) -> String {
        (0..=self.below(most)).map(|_| char::from(0x20 + self.below(95) as u8)).collect()
    }
}

/// What is written, its length, and where it was written.
type Written = Result<String, Error>;

/// The named length does, one less does not, and leaves nothing of what was written.
#[track_caller]
fn is_exact(write: &dyn Fn(&mut [u8]) -> Written, length_of: &dyn Fn(&str) -> usize) {
    let Err(Error::BufferTooSmall { needed }) = write(&mut []) else { panic!("nothing fits into nothing") };
    let mut buffer = vec![0xAA; needed];
    let written = write(&mut buffer).expect("the named length does");
    assert_eq!(length_of(&written), needed, "{written}");
    let mut less = vec![0xAA; needed - 1];
    assert_eq!(write(&mut less), Err(Error::BufferTooSmall { needed }));
    assert!(less.iter().all(|octet| *octet == 0), "something partial was left");
    let mut more = vec![0xAA; needed + 7];
    assert_eq!(write(&mut more), Ok(written));
    assert!(more[needed..].iter().all(|octet| *octet == 0xAA), "more was touched than was said");
}

/// The catalogue leaves a slice that is too short unchanged; here it is wiped.
// REQ: ENC-14, AUTHZ-14
#[test]
fn the_needed_length_is_the_length() {
    let mut random = Random(1);
    for number in 1..=RUNS {
        let (id, secret, hint, other) =
            (random.visible(40), random.visible(40), random.text(60), random.text(60));
        let (resource, parameters) = (["https://api.example/?a=%20"], [("x y", other.as_str())]);
        let client = Client::new(SERVER, &id)
            .redirect_uri("https://app.example/cb?x=y")
            .login_hint(&hint)
            .resource(&resource[..random.below(2)])
            .parameters(&parameters)
            .algorithms(&[&Es256])
            .authentication(match random.below(4) {
                0 => ClientAuthentication::None,
                1 => ClientAuthentication::ClientSecretBasic(Secret::new(&secret)),
                2 => ClientAuthentication::ClientSecretBasicRaw(Secret::new(&secret)),
                _ => ClientAuthentication::ClientSecretPost(Secret::new(&secret)),
            });
        let mut flow = AuthorizationCode::<512>::new(&client, seeds::seed(number), NOW).expect("right");
        let poll = |flow: &AuthorizationCode<'_, 512>, out: &mut [u8]| {
            Ok(match flow.poll(NOW, out)? {
                Action::Authorize(url) => url.to_owned(),
                Action::Send(request) => {
                    let header = request.headers().find(|(name, _)| *name == "Authorization");
                    let body = std::str::from_utf8(request.body()).expect("requests are ASCII");
                    format!("{body}{}", header.map_or("", |(_, value)| value))
                }
                other => panic!("{other:?}"),
            })
        };
        is_exact(&|out| poll(&flow, out), &str::len);
        let url = poll(&flow, &mut [0; ENOUGH]).expect("it fits");
        assert_eq!(form::in_url(&url, "client_id"), id);
        assert_eq!(hint.is_empty(), !url.contains("&login_hint="));
        let (state, code) = (form::in_url(&url, "state"), random.visible(100));
        let redirect = format!(
            "https://app.example/cb?x=y&iss=https%3A%2F%2Fop.example&state={state}&code={}",
            form::encode(&code)
        );
        assert!(matches!(flow.handle(NOW, Event::Redirect(Redirect::Url(&redirect))), Ok(None)));
        is_exact(&|out| poll(&flow, out), &str::len);
        // A snapshot is written in octets; here they stand as digits.
        let save = |out: &mut [u8]| {
            let length = flow.save(NOW, out)?;
            Ok(out[..length].iter().map(|octet| format!("{octet:02x}")).collect())
        };
        is_exact(&save, &|digits| digits.len() / 2);
        let name = random.text(60) + "x";
        let answer = Answer::json(200, &json!({ "sub": SUBJECT, "name": name }));
        let userinfo = UserInfo::new(&KIOSK, "access-1", SUBJECT);
        is_exact(
            &|out| userinfo.request(NOW, out).map(|request| request.headers().last().expect("it").1.into()),
            &str::len,
        );
        let keep = userinfo.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
        let mut buffer = [0; ENOUGH];
        let claims = userinfo.response(answer.read(keep, &mut buffer).0).expect("alice");
        is_exact(&|out| claims.text("name", out).map(|text| text.expect("it is there").into()), &str::len);
        is_exact(&|out| claims.json(out).map(Into::into), &str::len);
    }
}

/// Texts that look alike, or would be the same after a normalisation.
const ALIKE: &[&str] = &[
    "alice",
    "Alice",
    "ALICE",
    "al\u{131}ce",
    "alice ",
    " alice",
    "alice\0",
    "alic\u{435}",
    "\u{E9}",
    "e\u{301}",
    "E\u{301}",
    "\u{C9}",
    "\u{212B}",
    "\u{C5}",
    "A\u{30A}",
    "\u{FB01}",
    "fi",
    "\u{3A3}",
    "\u{3C3}",
    "\u{3C2}",
    "\u{DF}",
    "ss",
    "SS",
    "\u{130}",
    "i",
    "\u{1F511}",
    "\u{FFFD}",
    "a\u{200B}",
    "a",
    "\u{FF41}",
    "%61",
    "\\u0061",
    "alice%00",
];

/// The same text with some characters as JSON escapes.
fn escaped(random: &mut Random, text: &str) -> String {
    let plain = |character: char| serde_json::to_string(&character.to_string()).expect("a text");
    let one = |character: char| {
        if random.below(2) == 0 {
            let quoted = plain(character);
            return quoted[1..quoted.len() - 1].to_owned();
        }
        character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}")).collect()
    };
    text.chars().map(one).collect()
}

// REQ: ENC-13
#[test]
fn texts_are_equal_character_by_character_only() {
    let mut random = Random(2);
    let subject_is = |random: &mut Random, expected: &str, found: &str| {
        let userinfo = UserInfo::new(&KIOSK, "access-1", expected);
        let keep = userinfo.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
        let body = format!(
            "{{\"sub\":\"{}\",\"{}\":true}}",
            escaped(random, found),
            escaped(random, &format!("{found}!"))
        );
        let mut buffer = [0; ENOUGH];
        let (response, _) = Answer::new(200, "application/json", body).read(keep, &mut buffer);
        match userinfo.response(response) {
            Ok(claims) => {
                // Names of members are compared in the same way.
                assert_eq!(claims.boolean(&format!("{found}!")), Some(true));
                ALIKE.iter().filter(|other| **other != found).for_each(|other| {
                    assert_eq!(claims.boolean(&format!("{other}!")), None, "{other:?} {found:?}");
                });
                true
            }
            Err(error) => {
                assert_eq!(error, Check::SubjectMismatch.into());
                false
            }
        }
    };
    for expected in ALIKE {
        for found in ALIKE {
            assert_eq!(subject_is(&mut random, expected, found), expected == found, "{expected:?} {found:?}");
        }
    }
    for _ in 0..RUNS {
        let (left, right) = (random.text(4), random.text(4));
        assert_eq!(subject_is(&mut random, &left, &right), left == right, "{left:?} {right:?}");
        assert!(subject_is(&mut random, &left, &left), "{left:?}");
    }
    // The nonce and the state in another case.
    let mut station = Station::code(&KIOSK, Step::Exchange);
    station.hand.link.server().forge = Some(|draft| {
        let nonce = draft.claims["nonce"].as_str().expect("a text");
        let other = if nonce.chars().any(|octet| octet.is_ascii_lowercase()) {
            nonce.to_ascii_uppercase()
        } else {
            nonce.to_ascii_lowercase()
        };
        draft.claims["nonce"] = other.into();
    });
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    assert_eq!(station.hand.tell(&mut *station.flow, &answer), Err(Check::NonceMismatch.into()));
    // The issuer.
    for (asked, found) in [
        ("https://op.example", "https://OP.example"),
        ("https://op.example", "https://op.example/"),
        ("https://op.example/%7e", "https://op.example/~"),
        ("https://op.example/%7e", "https://op.example/%7E"),
        ("https://op.example", "https://op.example:443"),
        ("https://op.example", "HTTPS://op.example"),
    ] {
        let discovery = Discovery::new(asked).expect("right");
        let keep = discovery.request(NOW, &mut [0; ENOUGH]).expect("it fits").keep();
        let of = |issuer: &str| {
            let mut document = keyfob_tests::server::metadata();
            document["issuer"] = issuer.into();
            let mut buffer = [0; ENOUGH];
            discovery.response(Answer::json(200, &document).read(keep, &mut buffer).0).map(drop)
        };
        assert_eq!(of(found), Err(Check::IssuerMismatch.into()), "{asked} {found}");
        assert_eq!(of(asked), Ok(()));
    }
    // These are compared without case, and no others.
    for kind in ["Bearer", "bearer", "BEARER"] {
        for (header, media_type) in
            [("content-type", "APPLICATION/json"), ("CONTENT-TYPE", "application/JSON")]
        {
            let mut station = Station::code(&ROBOT, Step::Exchange);
            let mut answer = Answer::json(200, &json!({ "access_token": "a", "token_type": kind }));
            answer.headers = vec![(header.into(), media_type.into())];
            assert!(station.hand.tell(&mut *station.flow, &Happening::Response(answer)).is_ok(), "{kind}");
        }
    }
    for (name, value) in [("Access_Token", "a"), ("ACCESS_TOKEN", "a")] {
        let mut station = Station::code(&ROBOT, Step::Exchange);
        let answer = Answer::json(200, &json!({ name: value, "token_type": "Bearer" }));
        assert!(station.hand.tell(&mut *station.flow, &Happening::Response(answer)).is_err(), "{name}");
    }
}

fn kept(json: &[u8], verifiers: &[&dyn Verifier]) -> Vec<u8> {
    let mut room = [0; ENOUGH];
    KeySet::from_json(json, verifiers, &mut room).map(|keys| keys.as_bytes().to_vec()).expect("a key set")
}

/// Keys are collected in the caller's buffer as text, and decoded there; texts are unescaped as they come. The
/// same is done here with room to spare, by other code. That output cannot overlap input the compiler sees to:
/// the core has no unsafe code (MEM-03), and takes the one as `&mut [u8]` and the other as `&[u8]`.
// REQ: MEM-14
#[test]
fn what_is_decoded_in_place_is_the_same() {
    let verifiers: &[&dyn Verifier] = &[&Rs256, &Es256];
    let mut random = Random(3);
    for _ in 0..RUNS {
        let mut octets =
            |length: usize| -> Vec<u8> { (0..length).map(|_| random.next() as u8 | 1).collect() };
        let length = 256 + 128 * (usize::from(octets(1)[0]) % 3);
        let (n, e) = (octets(length), octets(3));
        let (x, y) = (octets(32), octets(32));
        let name = random.text(12).replace(['"', '\\'], "") + "k";
        let rsa = json!({ "kty": "RSA", "n": base64url(&n), "e": base64url(&e), "kid": name });
        let ec = json!({ "kty": "EC", "crv": "P-256", "x": base64url(&x), "y": base64url(&y), "kid": name });
        let holds = |set: &[u8], part: &[u8]| set.windows(part.len()).any(|window| window == part);
        for (key, parts) in [(rsa, [&n, &e]), (ec, [&x, &y])] {
            let plain = json!({ "keys": [key] }).to_string();
            let set = kept(plain.as_bytes(), verifiers);
            for part in parts {
                assert!(holds(&set, part), "{plain}");
            }
            assert!(holds(&set, name.as_bytes()), "{plain}");
            // As escapes, so that what is read is six times as long as what is kept.
            let members: Vec<String> = key
                .as_object()
                .expect("members")
                .iter()
                .map(|(name, value)| format!("\"{name}\":\"{}\"", all_escaped(value)))
                .collect();
            let escaped = format!("{{\"keys\":[{{{}}}]}}", members.join(","));
            assert_eq!(kept(escaped.as_bytes(), verifiers), set, "{escaped}");
        }
        // A text in a buffer that has room for it and no more.
        let text = random.visible(60);
        let mut station = Station::code(&ROBOT, Step::Exchange);
        let body = format!(
            "{{\"access_token\":\"{}\",\"token_type\":\"\\u0062earer\"}}",
            escaped(&mut random, &text)
        );
        let answer = Answer::new(200, "application/json", body);
        let keep = station.hand.request(&*station.flow).expect("goes on").expect("a request").1;
        let saved = station.hand.shown(&*station.flow).saved.expect("the flow goes on");
        let mut room = vec![0; 16 * 1024];
        let mut needed = 0;
        let seen = loop {
            let mut flow = Kind::AuthorizationCode.restore(station.client, &saved, NOW).expect("whole");
            let (response, _) = answer.read(keep, &mut room[..needed]);
            match flow.handle(NOW, Event::Response(response)) {
                Ok(Some(tokens)) => break tokens.access_token().to_owned(),
                Err(Error::BufferTooSmall { needed: more }) if more > needed => needed = more,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(seen, text);
        let outcome = station.hand.tell(&mut *station.flow, &Happening::Response(answer));
        assert_eq!(outcome.expect("right").expect("tokens").access_token, text);
    }
}

fn all_escaped(value: &Value) -> String {
    let text = value.as_str().expect("a text");
    text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// Whatever comes back is an outcome.
#[test]
fn noise_is_an_error_and_changes_nothing() {
    let mut random = Random(4);
    for number in 0..RUNS {
        let mut station =
            Station::code(&ROBOT, if number % 2 == 0 { Step::Authorize } else { Step::Exchange });
        let before = station.hand.shown(&*station.flow);
        let noise = random.text(80);
        let happening = if number % 2 == 0 {
            Happening::Redirect(keyfob_tests::server::Return::Url(format!("com.example.robot:/cb?{noise}")))
        } else {
            Happening::Response(Answer::new(400, "application/json", noise.as_str()))
        };
        let outcome = station.hand.tell(&mut *station.flow, &happening);
        assert!(outcome.is_err(), "{noise}");
        assert_eq!(station.hand.shown(&*station.flow), before, "{noise}");
    }
}
