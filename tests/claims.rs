//! What a server says about a user: every form of a claim, where it lies.

use keyfob_core::{
    claims::{Claim, Claims, Kind},
    client::Client,
    error::{Check, Error},
    exchange::{Exchange, UserInfo},
    time::UnixTime,
};
use keyfob_tests::{
    answer::Answer,
    clients::KIOSK,
    clock::{NOW, TODAY, TestClock},
    executor::block_on,
    fault::Fault,
    link::Link,
    outcome::Tokens,
    stations::{ENOUGH, Station, Step},
};
use serde_json::{Value, json};

/// What a look at claims brings.
type Look<'l, T> = &'l dyn Fn(Claims<'_>) -> T;

/// Looks at the claims that UserInfo answers with this text.
fn text_of_userinfo<T>(client: &Client<'_>, body: &str, look: Look<'_, T>) -> Result<T, Error> {
    let userinfo = UserInfo::new(client, "access-1", "alice");
    let keep = userinfo.request(NOW, &mut [0; 256]).expect("right").keep();
    let mut buffer = vec![0; ENOUGH];
    userinfo.response(Answer::new(200, "application/json", body).read(keep, &mut buffer).0).map(look)
}

/// The same for claims beside `sub`.
fn with<T>(mut claims: Value, look: Look<'_, T>) -> T {
    claims["sub"] = "alice".into();
    text_of_userinfo(&KIOSK, &claims.to_string(), look).expect("right")
}

fn text(claim: Option<Claim<'_>>) -> Option<String> {
    claim?.text(&mut [0; ENOUGH]).expect("it fits").map(Into::into)
}

// REQ: UINFO-06
#[test]
fn a_name_is_one_name_and_a_path_is_a_path() {
    let claims = json!({
        "https://acme.example/roles": ["admin", "user"],
        "a.b": "dotted", "a": { "b": "nested", "": { "\u{e9}\"\\/": "odd" } },
        "address": { "country": "FR", "formatted": "1 rue\nParis" },
        "deep": { "roles": [{ "name": "x" }, { "name": "y", "name2": [1, [2, { "z": "far" }]] }] },
        "": "nameless",
    });
    with(claims, &|claims| {
        assert_eq!(text(claims.get("a.b")).as_deref(), Some("dotted"));
        assert_eq!(text(claims.at(&["a", "b"])).as_deref(), Some("nested"));
        assert_eq!(text(claims.at(&["a", "", "\u{e9}\"\\/"])).as_deref(), Some("odd"));
        assert_eq!(text(claims.get("")).as_deref(), Some("nameless"));
        assert_eq!(text(claims.at(&["address", "country"])).as_deref(), Some("FR"));
        assert!(claims.contains("https://acme.example/roles", "admin"));
        assert!(!claims.contains("https://acme.example/roles", "adm"));
        for path in [&["b"][..], &["a", "c"], &["a", "b", "c"], &["roles"], &["country"], &["z"], &["A"]] {
            assert!(claims.at(path).is_none(), "{path:?}");
        }
        assert_eq!(claims.at(&[]).map(|claim| claim.kind()), Some(Kind::Object), "the document itself");
        let roles = claims.at(&["deep", "roles"]).expect("is there");
        let names: Vec<_> = roles.items().map(|role| text(role.get("name"))).collect();
        assert_eq!(names, [Some("x".into()), Some("y".into())]);
        let far = roles.items().nth(1).and_then(|role| role.get("name2")).expect("is there");
        let kinds: Vec<_> = far.items().map(|item| item.kind()).collect();
        assert_eq!(kinds, [Kind::Number, Kind::Array]);
        let inner = far.items().nth(1).expect("is there");
        assert_eq!(text(inner.items().nth(1).and_then(|item| item.get("z"))).as_deref(), Some("far"));
        assert!(inner.items().nth(2).is_none());
    });
}

// REQ: UINFO-07, IDT-26
#[test]
fn absent_claims_are_normal() {
    with(json!({}), &|claims| {
        let mut room = [0; 8];
        for found in [
            claims.name(&mut room).map(|text| text.is_some()),
            claims.email(&mut room).map(|text| text.is_some()),
            claims.locale(&mut room).map(|text| text.is_some()),
        ] {
            assert_eq!(found, Ok(false));
        }
        assert_eq!((claims.email_verified(), claims.phone_number_verified()), (None, None));
        assert!(claims.updated_at().is_none() && claims.address().is_none());
        assert!(!claims.contains("roles", "") && claims.get("x").is_none());
    });
}

#[test]
fn every_claim_of_the_standard_has_a_method() {
    macro_rules! texts {
        ($of:expr, $($claim:ident),*) => {
            [$((stringify!($claim), $of.$claim(&mut [0; 64]).expect("it fits").map(str::to_owned))),*]
        };
    }
    let names = [
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
    ];
    let parts = ["formatted", "street_address", "locality", "region", "postal_code", "country"];
    let mut given = json!({
        "address": {}, "email_verified": true, "phone_number_verified": false, "updated_at": 1,
    });
    for name in names {
        given[name] = format!("the {name}").into();
    }
    for name in parts {
        given["address"][name] = format!("{name}\nof it").into();
    }
    with(given, &|claims| {
        let found = texts!(
            claims,
            name,
            given_name,
            family_name,
            middle_name,
            nickname,
            preferred_username,
            profile,
            picture,
            website,
            email,
            gender,
            birthdate,
            zoneinfo,
            locale,
            phone_number
        );
        assert_eq!(found.to_vec(), names.map(|name| (name, Some(format!("the {name}")))));
        let address = claims.address().expect("is there");
        let found = texts!(address, formatted, street_address, locality, region, postal_code, country);
        assert_eq!(found.to_vec(), parts.map(|name| (name, Some(format!("{name}\nof it")))));
        assert_eq!((claims.email_verified(), claims.phone_number_verified()), (Some(true), Some(false)));
        assert_eq!(claims.updated_at(), Some(UnixTime::from_seconds(1)));
    });
    // An address that is a text, as some write it, has no parts.
    with(json!({ "address": "1 rue" }), &|claims| {
        assert_eq!(claims.address().expect("is there").country(&mut []), Ok(None));
    });
}

#[test]
fn whole_numbers_are_exact() {
    for (written, signed, unsigned) in [
        ("0", Some(0), Some(0)),
        ("-0", Some(0), Some(0)),
        ("-0.0", Some(0), Some(0)),
        ("0e9999999", Some(0), Some(0)),
        ("7", Some(7), Some(7)),
        ("-7", Some(-7), None),
        ("1.0", Some(1), Some(1)),
        ("1.5", None, None),
        ("0.5", None, None),
        ("1e3", Some(1000), Some(1000)),
        ("1.25E+2", Some(125), Some(125)),
        ("125e-2", None, None),
        ("12500e-2", Some(125), Some(125)),
        ("1000000000000000000000000000000e-30", Some(1), Some(1)),
        ("0.000000000000000000000000000001e30", Some(1), Some(1)),
        ("1.00000000000000000000000000000000000000", Some(1), Some(1)),
        ("1.00000000000000000000000000000000000001", None, None),
        ("9223372036854775807", Some(i64::MAX), Some(9_223_372_036_854_775_807)),
        ("9223372036854775808", None, Some(9_223_372_036_854_775_808)),
        ("-9223372036854775808", Some(i64::MIN), None),
        ("-9223372036854775809", None, None),
        ("18446744073709551615", None, Some(u64::MAX)),
        ("1844674407370955161500e-2", None, Some(u64::MAX)),
        ("18446744073709551616", None, None),
        ("1e19", None, Some(10_000_000_000_000_000_000)),
        ("1e20", None, None),
        ("1e400", None, None),
        ("1e-400", None, None),
        ("1e99999999999999999999", None, None),
        ("9007199254740993", Some(9_007_199_254_740_993), Some(9_007_199_254_740_993)),
    ] {
        let body = format!(r#"{{"sub":"alice","n":{written},"t":"{written}"}}"#);
        let found = text_of_userinfo(&KIOSK, &body, &|claims| {
            let (n, t) = (claims.get("n").expect("is there"), claims.get("t").expect("is there"));
            assert_eq!((t.integer(), t.unsigned(), t.decimal(&mut [])), (None, None, Ok(None)));
            assert_eq!(n.text(&mut []), Ok(None));
            let decimal = n.decimal(&mut [0; 64]).map(|text| text.map(str::to_owned));
            assert_eq!(decimal, Ok(Some(written.to_owned())));
            let needed = written.len();
            let short = n.decimal(&mut vec![0; needed - 1]).map(|_| ());
            assert_eq!(short, Err(Error::BufferTooSmall { needed }));
            (n.integer(), n.unsigned())
        });
        assert_eq!(found, Ok((signed, unsigned)), "{written}");
    }
}

// REQ: IDT-27
#[test]
fn each_kind_is_read_as_itself_and_as_nothing_else() {
    let values = [
        (json!("x"), Kind::Text),
        (json!("true"), Kind::Text),
        (json!(true), Kind::Boolean),
        (json!(null), Kind::Null),
        (json!(1), Kind::Number),
        (json!(["x", "y", ["z"], { "x": "w" }, null]), Kind::Array),
        (json!([]), Kind::Array),
        (json!({ "x": "x", "y": ["x"] }), Kind::Object),
        (json!({}), Kind::Object),
    ];
    for (value, kind) in values {
        with(json!({ "c": value }), &|claims| {
            let claim = claims.get("c").expect("is there");
            assert_eq!(claim.kind(), kind);
            assert_eq!(claim.is_null(), kind == Kind::Null);
            assert_eq!(claim.boolean(), value.as_bool());
            assert_eq!(claim.integer(), value.as_i64());
            assert_eq!(text(Some(claim)).as_deref(), value.as_str());
            assert_eq!(claim.items().count(), value.as_array().map_or(0, Vec::len));
            assert_eq!(claim.get("x").is_some(), value.get("x").is_some());
            for word in ["x", "y", "z", "w", "", "true", "null", "1"] {
                let listed = value.as_array().is_some_and(|items| items.contains(&json!(word)));
                assert_eq!(claim.contains(word), listed || value == json!(word), "{value} {word}");
                assert_eq!(claim.is(word), value == json!(word), "{value} {word}");
            }
        });
    }
}

#[test]
fn text_is_unescaped_and_its_length_is_exact() {
    for (written, plain) in [
        (r"", ""),
        (r"plain", "plain"),
        (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r"\u00e9\u00C9é", "éÉé"),
        (r"\ud83d\udd11!", "\u{1f511}!"),
        (r"\ud83d", "\u{fffd}"),
        (r"a\udd11b", "a\u{fffd}b"),
        (r"\ud83d\ud83d\udd11", "\u{fffd}\u{1f511}"),
        (r"\u0000", "\0"),
        ("{\\\"sub\\\":[1,2]}", "{\"sub\":[1,2]}"),
    ] {
        // Also as a name.
        let body = format!(r#"{{"sub":"alice","t":"{written}","n":{{"{written}":1}}}}"#);
        let outcome = text_of_userinfo(&KIOSK, &body, &|claims| {
            let claim = claims.get("t").expect("is there");
            for length in 0..=plain.len() + 1 {
                let mut out = vec![0xAA; length];
                let needed = plain.len();
                let expected =
                    if length < needed { Err(Error::BufferTooSmall { needed }) } else { Ok(Some(plain)) };
                assert_eq!(claim.text(&mut out), expected, "{written}");
                assert_eq!(claims.text("t", &mut vec![0xAA; length]), expected, "{written}");
                if length < needed {
                    assert!(out.iter().all(|octet| *octet == 0), "nothing partial is left");
                }
            }
            // Half a character is no character: what it stands for is shown, and is equal to nothing.
            let broken = plain.contains('\u{fffd}');
            assert_eq!(claim.is(plain), !broken, "{written}");
            assert_eq!(claims.at(&["n", plain]).is_some(), !broken, "{written}");
        });
        assert_eq!(outcome, Ok(()));
    }
}

#[test]
fn a_name_that_stands_twice_counts_for_nothing() {
    let body = r#"{"sub":"alice","role":"user","a":{"b":1,"b":2,"c":3},"r\u006fle":"admin","x":[{"y":1,"y":1}],"role2":1}"#;
    let outcome = text_of_userinfo(&KIOSK, body, &|claims| {
        assert!(claims.get("role").is_none() && claims.at(&["a", "b"]).is_none());
        assert!(!claims.contains("role", "admin") && !claims.contains("role", "user"));
        assert_eq!(claims.text("role", &mut []), Ok(None));
        assert_eq!(claims.at(&["a", "c"]).and_then(|claim| claim.integer()), Some(3));
        let item = claims.get("x").and_then(|list| list.items().next()).expect("is there");
        assert!(item.get("y").is_none());
    });
    assert_eq!(outcome, Ok(()));
}

#[test]
fn times_in_all_their_forms() {
    let auth0 = "2027-01-15T08:00:00.000Z";
    let at = |seconds| Some(UnixTime::from_seconds(seconds));
    for (value, tolerated, strict) in [
        (json!(TODAY), at(TODAY), at(TODAY)),
        (json!(1.75), at(1), at(1)),
        (json!(auth0), at(TODAY), None),
        (json!("2027-01-15T09:00:00+01:00"), at(TODAY), None),
        (json!(TODAY.to_string()), at(TODAY), None),
        (json!("0"), at(0), None),
        (json!(""), None, None),
        (json!("-1"), None, None),
        (json!(-1), None, None),
        (json!("1.5"), None, None),
        (json!("yesterday"), None, None),
        (json!("2027-01-15"), None, None),
        (json!(format!("2027-01-15T08:00:00.{}Z", "0".repeat(60))), None, None),
        (json!(253_402_300_799_u64), Some(UnixTime::MAX), Some(UnixTime::MAX)),
        (json!(253_402_300_800_u64), None, None),
        (json!("253402300800"), None, None),
        (json!("99999999999999999999999999"), None, None),
        (json!(TODAY * 1000), None, None),
        (json!(true), None, None),
        (json!([TODAY]), None, None),
        (json!({ "time": TODAY }), None, None),
        (json!(null), None, None),
    ] {
        let body = json!({ "sub": "alice", "updated_at": value }).to_string();
        for (client, expected) in [(KIOSK, tolerated), (KIOSK.strict(), strict)] {
            let found = text_of_userinfo(&client, &body, &|claims| claims.updated_at());
            assert_eq!(found, Ok(expected), "{value}");
        }
    }
    // A lone half of a character is no digit.
    let body = r#"{"sub":"alice","updated_at":"1\ud800"}"#;
    assert_eq!(text_of_userinfo(&KIOSK, body, &|claims| claims.updated_at()), Ok(None));
}

/// What Auth0 writes in the ID token, where claims lie in base64url and are decoded 48 octets at a time.
// REQ: UINFO-06, MEM-17
#[test]
fn claims_of_an_id_token_are_read_where_they_lie() {
    use keyfob_core::{flow::Event, jwk::KeySet};
    use keyfob_tests::keys::{FIRST, VERIFIERS, jwk_set};
    let mut room = [0; 1024];
    let set = jwk_set(&[FIRST]).to_string();
    let keys = KeySet::from_json(set.as_bytes(), VERIFIERS, &mut room).expect("a key set");
    let mut station = Station::code(&KIOSK, Step::Exchange);
    station.hand.link.server().forge = Some(|draft| {
        draft.claims["updated_at"] = "2027-01-15T08:00:00.000Z".into();
        draft.claims["https://acme.example/roles"] = json!(["user", "d\u{e9}p\u{f4}t", "admin"]);
        draft.claims["address"] = json!({ "formatted": "x".repeat(100), "country": "FR" });
        draft.claims["name"] = "Ren\u{e9}e \u{1f511} ".repeat(20).into();
    });
    let (answer, keep) = station.hand.answer(&*station.flow);
    let mut buffer = [0; ENOUGH];
    let span = buffer.as_ptr_range();
    let (response, _) = answer.read(keep, &mut buffer);
    let tokens = station.flow.handle(NOW, Event::Response(response.with_keys(keys)));
    let tokens = tokens.expect("right").expect("tokens");
    // No copy was made: what is given out lies in the buffer that the answer was read into.
    let id_token = tokens.id_token().expect("somebody signed in");
    for text in [
        tokens.access_token(),
        id_token.as_str(),
        tokens.refresh_token().expect("one"),
        tokens.scope().expect("one"),
    ] {
        assert!(span.contains(&text.as_ptr()), "{text}");
    }
    let claims = id_token.claims();
    assert_eq!(claims.updated_at(), Some(UnixTime::from_seconds(TODAY)));
    assert!(claims.contains("https://acme.example/roles", "d\u{e9}p\u{f4}t"));
    assert_eq!(claims.get("https://acme.example/roles").expect("is there").items().count(), 3);
    assert_eq!(text(claims.at(&["address", "country"])).as_deref(), Some("FR"));
    assert_eq!(text(claims.get("name")), Some("Ren\u{e9}e \u{1f511} ".repeat(20)));
    assert_eq!(Tokens::of(&tokens).subject.as_deref(), Some("alice"));
    assert_eq!(format!("{:?} {:?}", claims, claims.get("name")), "Claims(…) Some(Claim(…))");
}

// REQ: UINFO-07, UINFO-08, IDT-33
#[test]
fn nothing_that_claims_point_to_is_fetched() {
    let given = json!({
        "sub": "alice", "picture": "https://evil.example/p.png", "profile": "https://evil.example/p",
        "website": "http://evil.example/",
        "_claim_names": { "credit_score": "src1", "address": "src2" },
        "_claim_sources": {
            "src1": { "endpoint": "https://evil.example/claims", "access_token": "ksj3n283dke" },
            "src2": { "JWT": "a.b.c" },
        },
    });
    // The picture is an address and stays one; a claim of elsewhere is no claim.
    let look: Look<'_, ()> = &|claims| {
        assert_eq!(claims.picture(&mut [0; 64]), Ok(Some("https://evil.example/p.png")));
        assert!(claims.get("credit_score").is_none() && claims.address().is_none());
        assert_eq!(text(claims.at(&["_claim_sources", "src2", "JWT"])).as_deref(), Some("a.b.c"));
    };
    let body: &'static str = given.to_string().leak();
    let userinfo = UserInfo::new(&KIOSK, "access-1", "alice");
    // A second request would not find an answer like the first.
    let faults = [Fault::Answer(200, "application/json", body), Fault::Answer(500, "text/html", "")];
    let links = [Link::default(), Link::default()];
    links.iter().for_each(|link| link.faults(&faults));
    let mut buffer = [0; 2048];
    keyfob_std::fetch(&userinfo, &mut links[0].clone(), &mut TestClock::default(), &mut buffer)
        .map(look)
        .expect("right");
    block_on(keyfob_embassy::fetch(&userinfo, &mut links[1].clone(), &mut TestClock::default(), &mut buffer))
        .map(look)
        .expect("right");
    for link in links {
        assert_eq!(link.world().faults.len(), 1, "one request and no more");
    }
}

// REQ: UINFO-10
#[test]
fn the_token_goes_into_the_body_if_it_must() {
    let userinfo = UserInfo::new(&KIOSK, "a+b/c==", "alice").in_body();
    let body = "access_token=a%2Bb%2Fc%3D%3D";
    for length in 0..=body.len() + 1 {
        let mut out = vec![0; length];
        let needed = body.len();
        match userinfo.request(NOW, &mut out) {
            Ok(request) => {
                assert!(length >= needed);
                assert_eq!((request.method().as_str(), request.body()), ("POST", body.as_bytes()));
                assert_eq!(request.url(), "https://op.example/userinfo");
                let headers: Vec<_> = request.headers().collect();
                let form = ("Content-Type", "application/x-www-form-urlencoded");
                assert_eq!(headers, [("Accept", "application/json"), form]);
            }
            Err(error) => assert_eq!((error, length < needed), (Error::BufferTooSmall { needed }, true)),
        }
    }
    let bad = UserInfo::new(&KIOSK, "a b", "alice").in_body();
    assert!(matches!(bad.request(NOW, &mut [0; 64]), Err(Error::Check(Check::BadMember(_)))));
    // The answer is judged as ever.
    let keep = userinfo.request(NOW, &mut [0; 64]).expect("right").keep();
    let other = Answer::json(200, &json!({ "sub": "bob" }));
    let outcome = userinfo.response(other.read(keep, &mut [0; 64]).0).map(|_| ());
    assert_eq!(outcome, Err(Check::SubjectMismatch.into()));
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn text(&mut self) -> String {
        const CARE: &[char] =
            &['"', '\\', '/', '\n', '\0', '{', '[', ',', ':', 'é', '\u{1f511}', '\u{fffd}', 'a'];
        (0..self.below(9))
            .map(|_| match self.below(3) {
                0 => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('x'),
                _ => CARE[self.below(CARE.len())],
            })
            .collect()
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 5 } else { 7 }) {
            0 => Value::Null,
            1 => (self.below(2) == 0).into(),
            2 => json!(self.below(usize::MAX) as i64),
            3 => json!(self.below(1 << 20) as f64 / 64.0),
            4 => self.text().into(),
            5 => (0..self.below(5)).map(|_| self.value(depth - 1)).collect(),
            _ => Value::Object((0..self.below(5)).map(|_| (self.text(), self.value(depth - 1))).collect()),
        }
    }

    /// The document with some characters escaped that need not be, and white space where it may stand.
    fn written(&mut self, value: &Value) -> String {
        let space = |random: &mut Self| ["", " ", "\n", "\t \r"][random.below(4)];
        match value {
            Value::String(text) => self.quoted(text),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(|item| self.written(item) + space(self)).collect();
                format!("[{}{}]", space(self), items.join(","))
            }
            Value::Object(members) => {
                let member = |(name, value): (&String, &Value)| {
                    format!("{}{}:{}{}", space(self), self.quoted(name), space(self), self.written(value))
                };
                let members: Vec<_> = members.iter().map(member).collect();
                format!("{{{}{}}}", members.join(","), space(self))
            }
            plain => plain.to_string(),
        }
    }

    fn quoted(&mut self, text: &str) -> String {
        let mut out = String::from('"');
        for character in text.chars() {
            if self.below(4) == 0 {
                let mut units = [0; 2];
                character
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
            } else {
                let plain = Value::from(character.to_string()).to_string();
                out.push_str(&plain[1..plain.len() - 1]);
            }
        }
        out.push('"');
        out
    }
}

/// The claim is the value, all the way down.
fn same(claim: Claim<'_>, value: &Value) {
    let kind = match value {
        Value::Array(_) => Kind::Array,
        Value::Bool(_) => Kind::Boolean,
        Value::Null => Kind::Null,
        Value::Number(_) => Kind::Number,
        Value::Object(_) => Kind::Object,
        Value::String(_) => Kind::Text,
    };
    assert_eq!(claim.kind(), kind, "{value}");
    assert_eq!(claim.boolean(), value.as_bool());
    assert_eq!(text(Some(claim)).as_deref(), value.as_str());
    let whole = value.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64);
    assert_eq!(claim.integer(), value.as_i64().or(whole), "{value}");
    if let Some(text) = value.as_str() {
        assert!(claim.is(text) && claim.contains(text) && !claim.is(&format!("{text}x")));
    }
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    assert_eq!(claim.items().count(), items.len());
    for (item, value) in claim.items().zip(items) {
        same(item, value);
        assert!(value.as_str().is_none_or(|text| claim.contains(text)));
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        same(claim.get(name).expect("is there"), value);
    }
    assert!(claim.get("no name is as long as this").is_none());
}

#[test]
fn random_documents_read_as_serde_json_reads_them() {
    let mut random = Random(7);
    for _ in 0..400 {
        let mut document = Value::Object((0..6).map(|_| (random.text(), random.value(4))).collect());
        document["sub"] = "alice".into();
        let written = random.written(&document);
        assert_eq!(serde_json::from_str::<Value>(&written).expect("JSON"), document, "{written}");
        let outcome = text_of_userinfo(&KIOSK, &written, &|claims| {
            same(claims.at(&[]).expect("the document"), &document);
        });
        assert_eq!(outcome, Ok(()), "{written}");
    }
}
