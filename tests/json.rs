//! The JSON reader, as whoever answers a request can reach it: mostly with a token response, whose unknown members
//! are skipped and whose known ones are kept.

mod tables;

use std::thread;
use std::time::{Duration, Instant};

use keyfob_core::client::Client;
use keyfob_core::error::{Check, Error, Name};
use keyfob_core::exchange::{Exchange, Jwks, UserInfo};
use keyfob_core::flow::{Event, Flow, RefreshToken};
use keyfob_core::http::Incoming;
use keyfob_core::jwk::KeySet;
use keyfob_core::jws::Rs256;
use serde_json::{Value, json};

use crate::tables::outcome::{self, Step};
use crate::tables::{
    Answer, CLIENT, CLIENT_ID, Cut, NOW, OAUTH_CLIENT, SERVER, SUBJECT, discovered, jose, keep,
};

/// What comes of a token response where nobody signs in.
fn answered(body: impl AsRef<[u8]>) -> Value {
    came(&Answer::json(body.as_ref()), Cut::Whole)
}

fn came(answer: &Answer<'_>, cut: Cut) -> Value {
    let mut flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
    let mut buffer = vec![0; 8 * 1024];
    let (response, _) = answer.read(keep(&flow), cut, &mut buffer);
    match flow.handle(NOW, Event::Response(response)) {
        Ok(tokens) => json!(tokens.expect("tokens").access_token()),
        Err(error) => outcome::of(error, Step::Token, flow.refusal()),
    }
}

/// How many keys a key set has.
fn keys(json: impl AsRef<[u8]>) -> Result<usize, Error> {
    KeySet::from_json(json.as_ref(), &[&Rs256], &mut [0; 1024]).map(|keys| keys.len())
}

fn error(name: &str) -> Value {
    json!({ "err": name })
}

/// A good token response with this among its members.
fn beside(member: &str) -> String {
    format!(r#"{{"access_token":"AT",{member},"token_type":"Bearer"}}"#)
}

/// The same with octets that need not be text.
fn skipped(value: &[u8]) -> Vec<u8> {
    [br#"{"access_token":"AT","x":"#, value, br#","token_type":"Bearer"}"#].concat()
}

/// A response with everything in it that JSON has.
const EVERYTHING: &str = "\u{FEFF} {\"access_token\" : \"A\\u0054\",\t\"token_type\":\"Bearer\",\r\n\"x\":[{},[],\"\",0,-0,-1.5e+3,\
    1E-2,true,false,null,\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\\ud800\u{e9}\u{20ac}\u{1F600}\",{\"a\":{\"b\":[1]}}],\
    \"expires_in\":3600,\"scope\":\"a b\"} \n";

// REQ: JSON-01
#[test]
fn only_json_is_json() {
    assert_eq!(answered(EVERYTHING), "AT");
    for member in [
        r#"/* x */"x":1"#,
        r#""x":1 // x"#,
        r#""x":1,"#,
        r#","x":1"#,
        r#"'x':1"#,
        r#"x:1"#,
        r#""x":'1'"#,
        r#""x":[1,]"#,
        r#""x":[,1]"#,
        r#""x":[1 2]"#,
        r#""x":{"y":1,}"#,
        r#""x":{"y"}"#,
        r#""x":{"y":}"#,
        r#""x":{1:1}"#,
        r#""x":{null:1}"#,
        r#""x":(1)"#,
        r#""x":[1}"#,
        r#""x":{"y":1]"#,
        r#""x"=1"#,
        r#""x"::1"#,
        r#""x" 1"#,
        r#""x":"#,
        r#""x":01"#,
        r#""x":+1"#,
        r#""x":.5"#,
        r#""x":1."#,
        r#""x":1.e1"#,
        r#""x":1e"#,
        r#""x":1e+"#,
        r#""x":0x1"#,
        r#""x":1f"#,
        r#""x":--1"#,
        r#""x":-"#,
        r#""x":NaN"#,
        r#""x":Infinity"#,
        r#""x":-Infinity"#,
        r#""x":undefined"#,
        r#""x":True"#,
        r#""x":truE"#,
        r#""x":truefalse"#,
        r#""x":nul"#,
        r#""x":"\a""#,
        r#""x":"\'""#,
        r#""x":"\0""#,
        r#""x":"\U0041""#,
        r#""x":"\u004""#,
        r#""x":"\u004g""#,
        r#""x":"\u+041""#,
        r#""x":"\u 041""#,
        r#""x":"\u{41}""#,
        "\"x\":\"\\\n\"",
        "\"x\":\u{a0}1",
        "\"x\":\u{c}1",
        "\"x\":\u{b}1",
        "\"x\":\u{feff}1",
        "\"x\":1\0",
        "\u{2028}\"x\":1",
    ] {
        assert_eq!(answered(beside(member)), error("JsonSyntax"), "{member}");
    }
}

// REQ: JSON-02
#[test]
fn the_top_is_an_object() {
    for top in ["[]", "[{}]", "\"x\"", "0", "-1", "1.5", "true", "false", "null"] {
        assert_eq!(answered(top), error("JsonNotObject"), "{top}");
    }
    for none in ["", " ", "\r\n\t "] {
        assert_eq!(answered(none), error("JsonEof"), "{none:?}");
    }
    assert_eq!(answered("x"), error("JsonSyntax"));
}

// REQ: JSON-03
#[test]
fn behind_the_object_is_only_white_space() {
    assert_eq!(answered(format!("{} \t\r\n", beside(r#""x":1"#))), "AT");
    for more in ["{}", "x", "\0", ",", "}", "]", "\"", "0", "null", " {}", "\u{feff}", "\u{a0}", "\u{c}"] {
        assert_eq!(answered(format!("{}{more}", beside(r#""x":1"#))), error("JsonTrailing"), "{more:?}");
    }
}

// REQ: JSON-04
#[test]
fn an_end_too_early_is_told_from_a_fault() {
    let whole = EVERYTHING.trim_end().as_bytes();
    for length in 0..whole.len() {
        assert_eq!(answered(&whole[..length]), error("JsonEof"), "{length}");
    }
    assert_eq!(answered(whole), "AT");
}

// REQ: JSON-05
#[test]
fn every_text_is_utf8() {
    for good in [
        "\u{7f}",
        "\u{80}",
        "\u{7ff}",
        "\u{800}",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "\u{10ffff}",
    ] {
        assert_eq!(answered(skipped(format!("\"{good}\"").as_bytes())), "AT", "{good:?}");
    }
    for bad in [
        &b"\x80"[..],
        b"\xbf",
        b"\xc0\x80",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xc2",
        b"\xc2\xc2",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xef\xbf",
        b"\xf0\x80\x80\x80",
        b"\xf0\x8f\xbf\xbf",
        b"\xf0\x9f\x98",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xfc\x84\x80\x80\x80\x80",
        b"\xfe",
        b"\xff",
    ] {
        let text = [b"\"", bad, b"\""].concat();
        let name = [b"{", &text[..], b":1}"].concat();
        let nested = [b"[{\"y\":", &text[..], b"}]"].concat();
        let behind_escape = [b"\"\\ud800", bad, b"\""].concat();
        for value in [text, name, nested, behind_escape] {
            let body = skipped(&value);
            assert_eq!(answered(&body), error("JsonUtf8"), "{}", body.escape_ascii());
            let answer = Answer::json(&body);
            assert_eq!(came(&answer, Cut::Octets), error("JsonUtf8"), "{}", body.escape_ascii());
        }
    }
    // No character ends in an escape or in the quote behind it.
    assert_eq!(answered(skipped(b"\"\xc3\\u00a9\"")), error("JsonUtf8"));
}

// REQ: JSON-06
#[test]
fn a_byte_order_mark_is_skipped_and_other_encodings_are_refused() {
    let body = beside(r#""x":1"#);
    assert_eq!(answered(format!("\u{feff}{body}")), "AT");
    assert_eq!(answered(format!("\u{feff} {body}")), "AT");
    for start in ["\u{feff}\u{feff}", " \u{feff}", "\n\u{feff}"] {
        assert_eq!(answered(format!("{start}{body}")), error("JsonSyntax"), "{start:?}");
    }
    for start in [&b"\xef"[..], b"\xef\xbb", b"\xef\xbf\xbb", b"\xbb\xbf", b"\xbf"] {
        assert_eq!(
            answered([start, body.as_bytes()].concat()),
            error("JsonSyntax"),
            "{}",
            start.escape_ascii()
        );
    }
    let marked = format!("\u{feff}{body}");
    for text in [&body, &marked] {
        let units: Vec<_> = text.encode_utf16().collect();
        let characters: Vec<_> = text.chars().map(u32::from).collect();
        for bytes in [
            units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>(),
            units.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
            characters.iter().flat_map(|character| character.to_be_bytes()).collect(),
            characters.iter().flat_map(|character| character.to_le_bytes()).collect(),
        ] {
            assert_eq!(answered(bytes), error("JsonSyntax"));
        }
    }
}

// REQ: JSON-07
#[test]
fn escapes_are_decoded_where_a_text_is_used() {
    let token = |written: &str| answered(format!(r#"{{"access_token":"{written}","token_type":"Bearer"}}"#));
    assert_eq!(token(r#"\"\\\/\u0041\u007e\u007E"#), r#""\/A~~"#);
    // These are no characters of a token.
    for written in [r"\b", r"\f", r"\n", r"\r", r"\t", r"\u0000", r"\u00e9", r"\ud83d\ude00"] {
        assert_eq!(token(written), json!({ "err": "BadMember", "arg": "access_token" }), "{written}");
    }
    let surrogates = [
        r"\ud800",
        r"\uDBFF",
        r"\udc00",
        r"\udfff",
        r"\ude00\ud83d",
        r"\ud83d\ud83d\ude00",
        r"\ud83dA",
        r"\ud83d\n",
        r"\ud83d\u0041",
        r"\ud83d\\ude00",
        r"A\ud83d",
    ];
    for written in surrogates {
        assert_eq!(token(written), error("JsonSyntax"), "{written}");
        assert_eq!(answered(beside(&format!(r#""x":"{written}""#))), "AT", "{written}");
        assert_eq!(answered(beside(&format!(r#""{written}":"access_token""#))), "AT", "{written}");
    }
    // Every escape of UserInfo comes to the caller as the character it stands for.
    let all = r#"\"\\\/\b\f\n\r\t\u0041\u00e9\u20ac\ud83d\ude00\uD83D\uDE00é€😀"#;
    let document = format!(r#"{{"sub":"{SUBJECT}","name":"{all}"}}"#);
    let client = Client::new(SERVER.userinfo_endpoint("https://op.example.com/userinfo"), CLIENT_ID);
    let userinfo = UserInfo::new(&client, "AT", SUBJECT);
    for cut in Answer::json(document.as_bytes()).cuts() {
        let mut buffer = [0; 1024];
        let keep = userinfo.request(NOW, &mut [0; 64]).expect("a short URL").keep();
        let (response, _) = Answer::json(document.as_bytes()).read(keep, cut, &mut buffer);
        let claims = userinfo.response(response).expect("about the same user");
        let mut out = [0; 64];
        let name = claims.text("name", &mut out).expect("it fits").expect("is there");
        assert_eq!(name, "\"\\/\u{8}\u{c}\n\r\tA\u{e9}\u{20ac}\u{1F600}\u{1F600}\u{e9}\u{20ac}\u{1F600}");
    }
}

// REQ: JSON-08
#[test]
fn raw_control_characters_are_refused() {
    for octet in 0..0x20u8 {
        let text = [b"\"a", &[octet][..], b"b\""].concat();
        for value in [text.clone(), [b"{", &text[..], b":1}"].concat(), [b"[", &text[..], b"]"].concat()] {
            assert_eq!(answered(skipped(&value)), error("JsonSyntax"), "{octet}");
        }
        let known = [b"{\"access_token\":", &text[..], b",\"token_type\":\"Bearer\"}"].concat();
        assert_eq!(answered(known), error("JsonSyntax"), "{octet}");
    }
    assert_eq!(answered(skipped(b"\"a\x7fb\"")), "AT");
}

/// The members of a token response, each with a good value.
const MEMBERS: [(&str, &str); 9] = [
    ("access_token", "\"AT\""),
    ("token_type", "\"Bearer\""),
    ("expires_in", "3600"),
    ("refresh_token", "\"RT\""),
    ("scope", "\"profile\""),
    ("id_token", "\"a.b.c\""),
    ("error", "\"\""),
    ("error_description", "\"x\""),
    ("error_uri", "\"x\""),
];

fn escaped(name: &str) -> String {
    name.bytes().map(|octet| format!("\\u{octet:04x}")).collect()
}

// REQ: JSON-09
#[test]
fn names_are_compared_unescaped_and_exactly() {
    let escaped_names = MEMBERS.map(|(name, value)| format!("\"{}\":{value}", escaped(name)));
    assert_eq!(answered(format!("{{{}}}", escaped_names.join(","))), "AT");
    let missing = json!({ "err": "MissingMember", "arg": "access_token" });
    for name in [
        "Access_token",
        "ACCESS_TOKEN",
        "access_token ",
        " access_token",
        "access_toke",
        "access_tokenx",
        "access-token",
        "access_token\\u0000",
        "acce\\u017f\\u017f_token",
        "",
        "authorization_response_iss_parameter_supported_access_token",
    ] {
        assert_eq!(answered(format!(r#"{{"{name}":"AT","token_type":"Bearer"}}"#)), missing, "{name}");
    }
}

// REQ: JSON-07, JSON-09
#[test]
fn keys_may_be_written_in_escapes() {
    let key = |escape: fn(&str) -> String| {
        let members = jose::jwk("rsa1");
        let members = members.as_object().expect("a key").iter();
        let member = |(name, value): (&String, &Value)| {
            format!("\"{}\":\"{}\"", escape(name), escape(value.as_str().expect("a text")))
        };
        let json =
            format!("{{\"{}\":[{{{}}}]}}", escape("keys"), members.map(member).collect::<Vec<_>>().join(","));
        let mut buffer = [0; 1024];
        KeySet::from_json(json.as_bytes(), &[&Rs256], &mut buffer).expect("a key set").as_bytes().to_vec()
    };
    let plain = key(str::to_string);
    assert!(plain.len() > 256);
    assert_eq!(key(escaped), plain);
}

// REQ: JSON-10
#[test]
fn a_known_member_comes_once() {
    for (name, value) in MEMBERS {
        let rest: Vec<_> = MEMBERS.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        for (again, value) in
            [(name.to_string(), value), (escaped(name), value), (name.into(), "null"), (name.into(), "{}")]
        {
            let twice = json!({ "err": "DuplicateMember", "arg": name });
            assert_eq!(answered(format!("{{{},\"{again}\":{value}}}", rest.join(","))), twice, "{again}");
            assert_eq!(answered(format!("{{\"{again}\":{value},{}}}", rest.join(","))), twice, "{again}");
        }
    }
    assert_eq!(answered(beside(r#""x":1,"x":1,"x":{"y":1,"y":2},"":1,"":2"#)), "AT");
    assert_eq!(keys(r#"{"keys":[],"keys":[]}"#), Err(Check::DuplicateMember(Name::Keys).into()));
    assert_eq!(keys(r#"{"keys":[],"x":[],"x":[]}"#), Ok(0));
}

// REQ: JSON-11
#[test]
fn only_members_of_the_top_count() {
    let inside =
        r#"{"access_token":"XX","token_type":"mac","error":"x","x":[{"access_token":"YY","error":"y"}]}"#;
    for value in [inside.to_string(), format!("[{inside}]"), format!("[[{inside}],{inside}]")] {
        for body in [
            beside(&format!(r#""x":{value}"#)),
            format!(r#"{{"x":{value},"access_token":"AT","token_type":"Bearer"}}"#),
            format!(r#"{{"access_token":"AT","token_type":"Bearer","x":{value}}}"#),
        ] {
            assert_eq!(answered(&body), "AT", "{body}");
        }
    }
}

// REQ: JSON-12
#[test]
fn nesting_costs_nothing_and_ends() {
    const MANY: usize = 1024 * 1024;
    let nested = |open: &str, close: &str, levels: usize| {
        beside(&format!("\"x\":{}1{}", open.repeat(levels), close.repeat(levels)))
    };
    // With the top object there are sixteen levels.
    assert_eq!(answered(nested("[", "]", 15)), "AT");
    assert_eq!(answered(nested("[", "]", 16)), error("JsonDepth"));
    assert_eq!(answered(nested("{\"y\":", "}", 15)), "AT");
    assert_eq!(answered(nested("{\"y\":", "}", 16)), error("JsonDepth"));
    assert_eq!(answered(nested("[{\"y\":", "}]", 7)), "AT");
    assert_eq!(answered(nested("[{\"y\":", "}]", 8)), error("JsonDepth"));
    // Closed again, there may be any number.
    assert_eq!(answered(beside(&format!("\"x\":[{}0]", "[[]],".repeat(10_000)))), "AT");

    let bombs =
        ["[", "{\"x\":", "[{\"x\":"].map(|open| format!("{{\"x\":{}", open.repeat(MANY / open.len())));
    let small = thread::Builder::new().stack_size(256 * 1024);
    let run = small.spawn(move || {
        for bomb in &bombs {
            let answer = Answer { limit: 2 * MANY, ..Answer::json(bomb.as_bytes()) };
            assert_eq!(came(&answer, Cut::Whole), error("JsonDepth"));
            assert_eq!(came(&answer, Cut::Octets), error("JsonDepth"));
            assert_eq!(keys(bomb), Err(Check::JsonDepth.into()));
        }
    });
    run.expect("a thread").join().expect("256 KiB are enough");
}

/// No floating point, which small chips do not have and which rounds.
// REQ: JSON-13
#[test]
fn numbers_are_exact() {
    let lifetime = |written: &str| {
        let body = beside(&format!("\"expires_in\":{written}"));
        let mut flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
        let mut buffer = [0; 256];
        let (response, _) = Answer::json(body.as_bytes()).read(keep(&flow), Cut::Octets, &mut buffer);
        flow.handle(NOW, Event::Response(response)).expect("tokens").expect("tokens").expires_in()
    };
    let zeros = "0".repeat(10_000);
    for (written, seconds) in [
        ("2147483646.9999999999999999999999", 2_147_483_646),
        ("2147483647", 2_147_483_647),
        ("2147483648", 2_147_483_647),
        ("18446744073709551615", 2_147_483_647),
        ("18446744073709551616", 2_147_483_647),
        ("1e9", 1_000_000_000),
        ("0.000000001e18", 1_000_000_000),
        ("1000000000000000000000000000e-18", 1_000_000_000),
        ("3599999999999999999999999999e-24", 3_599),
        ("1e99999999999999999999", 2_147_483_647),
        ("1e-99999999999999999999", 0),
        ("0e99999999999999999999", 0),
        ("-0.0e5", 0),
        (&format!("3600.{zeros}1"), 3_600),
        (&format!("1e+{zeros}3"), 1_000),
        (&format!("1{zeros}"), 2_147_483_647),
    ] {
        assert_eq!(lifetime(written), Some(seconds), "{written:.40}");
    }
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src");
    let mut folders = vec![std::path::PathBuf::from(sources)];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(!text.contains("f32") && !text.contains("f64"), "{}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 20);
}

// REQ: JSON-14, JSON-15
#[test]
fn a_wrong_type_is_no_default() {
    let with = |name: &str, value: &str| {
        let members = MEMBERS.iter().filter(|(member, _)| !member.starts_with("error"));
        let members = members
            .map(|(member, good)| format!("\"{member}\":{}", if *member == name { value } else { good }));
        answered(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    };
    let wrong = |name: &str| json!({ "err": "WrongType", "arg": name });
    for name in ["access_token", "token_type", "scope", "refresh_token"] {
        for value in ["1", "true", "false", "[]", "{}", "[\"AT\"]", "{\"x\":\"AT\"}"] {
            assert_eq!(with(name, value), wrong(name), "{name} {value}");
        }
    }
    for value in
        ["true", "false", "[]", "{}", "[3600]", "\"\"", "\"x\"", "\"1.0\"", "\"123456789012345678901\"", "-1"]
    {
        assert_eq!(with("expires_in", value), wrong("expires_in"), "{value}");
    }
    for name in ["access_token", "token_type"] {
        assert_eq!(with(name, "null"), wrong(name));
    }
    for name in ["expires_in", "refresh_token", "scope"] {
        assert_eq!(with(name, "null"), "AT");
    }
    for value in ["1", "\"x\"", "{}", "null", "true"] {
        assert_eq!(
            keys(format!("{{\"keys\":{value}}}")),
            Err(Check::WrongType(Name::Keys).into()),
            "{value}"
        );
    }
}

/// The time for 32 times as much is about 32 times the time, whatever is sent.
// REQ: JSON-16
#[test]
fn time_is_linear() {
    const SHORT: usize = 8 * 1024;
    let shapes: [(&str, &str, &str); 12] = [
        (r#"{"x":""#, "a", r#""}"#),
        (r#"{"x":""#, "\\u0061", r#""}"#),
        (r#"{"x":""#, "\\ud800", r#""}"#),
        (r#"{"x":""#, "\\ud800a", r#""}"#),
        (r#"{"x":""#, "\u{1F600}", r#""}"#),
        (r#"{"access_token":""#, "a", r#""}"#),
        (r#"{"x":"#, "1", r#"}"#),
        (r#"{"x":["#, "[[]],", r#"0]}"#),
        (r#"{"#, r#""x":1,"#, r#""y":1}"#),
        (r#"{"#, r#""":{},"#, r#""y":1}"#),
        (r#"{"x":1"#, " ", r#"}"#),
        (r#"{"keys":["#, r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"k","key_ops":["verify"]},"#, r#"{}]}"#),
    ];
    for (start, middle, end) in shapes {
        let time = |length: usize| {
            let body = format!("{start}{}{end}", middle.repeat(length / middle.len()));
            let answer = Answer { limit: body.len(), ..Answer::json(body.as_bytes()) };
            let took = |cut| {
                let begin = Instant::now();
                came(&answer, cut);
                assert!(keys(&body).is_ok() || !start.contains("keys"));
                begin.elapsed()
            };
            (0..3).map(|_| took(Cut::Whole) + took(Cut::Octets)).min().unwrap_or(Duration::MAX)
        };
        let (short, long) = (time(SHORT), time(32 * SHORT));
        assert!(long < short * (32 * 8), "{middle}: {short:?} and {long:?}");
    }
}

// REQ: JSON-17
#[test]
fn a_text_that_does_not_fit_is_not_cut() {
    for (length, written) in [(4096, "a"), (4096, "\\u0061")] {
        let body = |length: usize| {
            format!(r#"{{"access_token":"{}","token_type":"Bearer"}}"#, written.repeat(length))
        };
        assert_eq!(answered(body(length)), "a".repeat(length));
        let too_large = json!({ "err": "InputTooLarge", "arg": "access_token" });
        assert_eq!(answered(body(length + 1)), too_large);
    }
    // Where the caller's buffer is the limit, the length that would do is told.
    let body = br#"{"access_token":"aaaaaaaaaaaaaaaaaaaaaaaa","token_type":"Bearer"}"#;
    let read = |length: usize| {
        let mut flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
        let mut buffer = vec![0; length];
        let (response, _) = Answer::json(body).read(keep(&flow), Cut::Whole, &mut buffer);
        flow.handle(NOW, Event::Response(response)).map(|_| ())
    };
    let Err(Error::BufferTooSmall { needed }) = read(0) else { panic!("nothing fits into nothing") };
    for length in 0..needed {
        assert_eq!(read(length), Err(Error::BufferTooSmall { needed }), "{length}");
    }
    assert_eq!(read(needed), Ok(()));
}

// REQ: JSON-18, QA-06
#[test]
fn pieces_of_every_size_are_the_same() {
    let bodies = [
        EVERYTHING.to_string(),
        beside(r#""x":"\ud83d\ude00\ud83dA\ud83d","y":01"#),
        beside("\"x\":\"\u{1F600}\\u\""),
        format!("\u{feff}{}", beside(r#""error":"x""#)),
    ];
    for body in bodies {
        let whole = answered(&body);
        for size in 1..body.len() {
            let mut flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
            let mut buffer = [0; 1024];
            let mut incoming = Incoming::new(keep(&flow), &mut buffer);
            incoming.status(200);
            incoming.header("content-type", b"application/json");
            // Empty ones among them.
            body.as_bytes().chunks(size).flat_map(|piece| [piece, b""]).for_each(|piece| {
                incoming.body(piece);
            });
            let (response, _) = incoming.finish();
            let seen = match flow.handle(NOW, Event::Response(response)) {
                Ok(tokens) => json!(tokens.expect("tokens").access_token()),
                Err(error) => outcome::of(error, Step::Token, flow.refusal()),
            };
            assert_eq!(seen, whole, "{size}: {body}");
        }
    }
}

/// A key set passes through a buffer that holds one key, and comes out the same from every cut.
// REQ: JSON-18, QA-06
#[test]
fn key_sets_in_pieces_are_the_same() {
    let table: Value =
        serde_json::from_str(include_str!("spec/cases-idtoken.json")).expect("a table is JSON");
    let client = CLIENT.algorithms(&[&Rs256, &keyfob_core::jws::Es256]);
    let jwks = Jwks::new(&client);
    let keep = jwks.request(NOW, &mut []).expect("a URL").keep();
    for (name, document) in table["jwks"].as_object().expect("key sets") {
        let body = document.to_string();
        let answer = Answer::json(body.as_bytes());
        let octets = |cut| {
            let mut buffer = [0; 4096];
            let (response, _) = answer.read(keep, cut, &mut buffer);
            jwks.response(response).expect("a key set").as_bytes().to_vec()
        };
        let whole = octets(Cut::Whole);
        for cut in answer.cuts() {
            assert_eq!(octets(cut), whole, "{name} {cut:?}");
        }
    }
}

/// More than one thing is wrong with these; which is told does not depend on where they are cut.
// REQ: QA-06
#[test]
fn what_is_too_long_in_pieces_is_the_same() {
    let (good, broken) =
        (beside(&format!("\"x\":\"{}\"", "x".repeat(64))), format!("{{x{}", " ".repeat(100)));
    for (status, content_type, body) in [
        (200, "application/json", good.as_str()),
        (200, "application/json", &broken),
        (400, "application/json", &good),
        (400, "application/json", &broken),
        (200, "text/html", &good),
        (502, "text/html", &good),
        (302, "application/json", &good),
    ] {
        let answer = Answer { status, content_type, body: body.as_bytes(), limit: 64 };
        let whole = came(&answer, Cut::Whole);
        for cut in answer.cuts() {
            assert_eq!(came(&answer, cut), whole, "{status} {content_type} {cut:?}");
        }
    }
}

// REQ: HTTP-13
#[test]
fn an_endless_body_is_left() {
    let flow = RefreshToken::<8>::new(&OAUTH_CLIENT, "RT", None).expect("a good client");
    let mut buffer = [0; 64];
    let mut incoming = Incoming::new(keep(&flow), &mut buffer).limit(1000);
    incoming.status(200);
    incoming.header("content-type", b"application/json");
    let read = (1..).find(|_| !incoming.body(b" "));
    assert_eq!(read, Some(1001));
    let (response, _) = incoming.finish();
    assert_eq!(response.keys().map(|keys| keys.len()), Err(Error::InputTooLarge(Name::Body)));
}

/// A list may hold anything; only where a text in it is known does it count.
// REQ: JSON-10, JSON-11, JSON-15
#[test]
fn lists_hold_texts() {
    let mut buffer = [0; 1024];
    let methods = |list: Value| json!({ "code_challenge_methods_supported": list });
    let metadata = discovered(methods(json!(["plain", "S256", "S256", "", "x".repeat(1000)])), &mut buffer);
    let client =
        Client::new(metadata, CLIENT_ID).redirect_uri("https://kiosk.example/cb").require_announced_pkce();
    assert!(keyfob_core::flow::AuthorizationCode::<8>::new(&client, tables::seed(), NOW).is_ok());
}
