//! Clients that sign for themselves: `private_key_jwt`, `client_secret_jwt`, and the secret of Sign in with Apple.

mod tables;

use keyfob_core::{
    client::Client,
    client_authentication::{AppleClientSecret, ClientAssertion, ClientAuthentication},
    error::{Check, Error, Name},
    exchange::{Exchange, Revocation},
    flow::{Action, Flow, RefreshToken},
    jws::{Algorithm, EdDsaSigner, Key, MAX_SIGNATURE, SignError, Signer},
    metadata::Metadata,
    secret::Secret,
    time::{Date, Now, UnixTime},
};
use keyfob_tests::{
    clients::{ISSUER, SIGNING},
    clock::{NOW, TODAY, later},
    form,
    keys::base64url,
    proofs::{CLIENT_KEY, CLIENT_TEST_KEY, Jwt},
    stations::{ENOUGH, Hand, Happening, Station, Step},
};
use serde_json::json;

use crate::tables::{CLIENT_ID, discovered, jose};

const SERVER: Metadata<'static> = Metadata::new(ISSUER)
    .token_endpoint("https://op.example/token?tenant=1")
    .revocation_endpoint("https://op.example/revoke");

fn client(way: ClientAuthentication<'_>) -> Client<'_> {
    Client::oauth(SERVER, "a \"client\"\\").authentication(way)
}

/// The body of a refresh.
fn body(client: &Client<'_>, now: Now) -> Result<String, Error> {
    let flow = RefreshToken::<64>::new(client, "refresh-1", None)?;
    let mut out = [0; ENOUGH];
    match flow.poll(now, &mut out)? {
        Action::Send(request) => {
            assert!(request.headers().all(|(name, _)| name != "Authorization" && name != "DPoP"));
            Ok(String::from_utf8(request.body().to_vec()).expect("ASCII"))
        }
        other => panic!("{other:?}"),
    }
}

fn assertion(body: &str) -> Jwt {
    let pairs = form::pairs(body);
    let kind = form::value(&pairs, "client_assertion_type");
    assert_eq!(kind.as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    Jwt::read(&form::value(&pairs, "client_assertion").expect("there is one"))
}

// REQ: AUTHC-09
#[test]
fn private_key_jwt() {
    let way = ClientAuthentication::private_key_jwt(&*CLIENT_KEY);
    let body = body(&client(way), NOW).expect("right");
    assert!(body.starts_with(
        "grant_type=refresh_token&refresh_token=refresh-1&client_id=a+%22client%22%5C&client_assertion_type="
    ));
    let jwt = assertion(&body);
    assert_eq!(jwt.header, json!({ "alg": "ES256", "typ": "JWT", "kid": "client key" }));
    let mut claims = jwt.claims.clone();
    let jti = claims["jti"].take();
    let expected = json!({
        "iss": "a \"client\"\\", "sub": "a \"client\"\\", "aud": ISSUER, "iat": TODAY, "exp": TODAY + 60, "jti": null,
    });
    assert_eq!(claims, expected);
    assert_eq!(jti.as_str().map(str::len), Some(43));
    assert!(jwt.is_signed_with(&CLIENT_TEST_KEY.jwk()));
}

// REQ: AUTHC-09
#[test]
fn every_request_has_its_own_assertion() {
    let client = client(ClientAuthentication::private_key_jwt(&*CLIENT_KEY));
    let first = body(&client, NOW);
    assert_eq!(body(&client, NOW), first, "the same moment gives the same octets");
    let mut all = vec![assertion(&first.expect("right")).claims["jti"].clone()];
    for milliseconds in 1..100 {
        all.push(assertion(&body(&client, later(milliseconds)).expect("right")).claims["jti"].clone());
    }
    // The same token and moment at another endpoint.
    let mut out = [0; ENOUGH];
    let revocation = Revocation::refresh_token(&client, "refresh-1");
    let request = revocation.request(NOW, &mut out).expect("right");
    let revoked = assertion(str::from_utf8(request.body()).expect("ASCII"));
    assert_eq!(revoked.claims["aud"], ISSUER);
    all.push(revoked.claims["jti"].clone());
    let other = RefreshToken::<64>::new(&client, "refresh-2", None).expect("right");
    let mut out = [0; ENOUGH];
    let Ok(Action::Send(request)) = other.poll(NOW, &mut out) else { panic!("no request") };
    all.push(assertion(str::from_utf8(request.body()).expect("ASCII")).claims["jti"].clone());
    let count = all.len();
    all.sort_unstable_by_key(ToString::to_string);
    all.dedup();
    assert_eq!(all.len(), count);
}

// REQ: AUTHC-09
#[test]
fn the_token_endpoint_as_audience_is_a_choice() {
    let way = ClientAssertion::private_key(&*CLIENT_KEY).for_token_endpoint();
    let body = body(&client(ClientAuthentication::Assertion(way)), NOW).expect("right");
    assert_eq!(assertion(&body).claims["aud"], "https://op.example/token?tenant=1");
}

// REQ: AUTHC-10
#[test]
fn client_secret_jwt() {
    let secret = "a secret of 32 octets, no fewer!";
    let way = ClientAuthentication::client_secret_jwt(Secret::new(secret));
    let body = body(&client(way), NOW).expect("right");
    assert!(!body.contains("client_secret=") && !body.contains("a+secret"), "{body}");
    let jwt = assertion(&body);
    assert_eq!(jwt.header, json!({ "alg": "HS256", "typ": "JWT" }));
    assert_eq!(jwt.claims["aud"], ISSUER);
    // The MAC, by other code.
    let token = form::value(&form::pairs(&body), "client_assertion").expect("there is one");
    let (message, mac) = token.rsplit_once('.').expect("three parts");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    assert_eq!(mac, base64url(ring::hmac::sign(&key, message.as_bytes())));
    for short in ["", "a secret of 31 octets, no more!"] {
        let way = ClientAuthentication::client_secret_jwt(Secret::new(short));
        assert_eq!(refused(way), Err(Error::Config(Name::ClientSecret)));
    }
}

fn refused(way: ClientAuthentication<'_>) -> Result<String, Error> {
    body(&client(way), NOW)
}

// REQ: AUTHC-09
#[test]
fn no_date_no_assertion() {
    let client = client(ClientAuthentication::private_key_jwt(&*CLIENT_KEY));
    assert_eq!(body(&client, Now::unknown(7)), Err(Check::ClockNotSet.into()));
    let floor = Now { date: Date::AtLeast(UnixTime::from_seconds(TODAY - 5)), uptime: 0 };
    assert_eq!(assertion(&body(&client, floor).expect("good enough to ask")).claims["iat"], TODAY - 5);
}

/// A signer that answers whatever it is told to.
struct Puppet(Result<usize, SignError>, Algorithm);

impl Signer for Puppet {
    fn algorithm(&self) -> Algorithm {
        self.1
    }

    fn public_key(&self) -> Key<'_> {
        match self.1 {
            Algorithm::Hs256 => Key::Secret(b"a secret"),
            _ => CLIENT_KEY.public_key(),
        }
    }

    fn sign(&self, _: &[u8], _: &mut [u8; MAX_SIGNATURE]) -> Result<usize, SignError> {
        self.0
    }
}

// REQ: AUTHC-09, DPOP-21
#[test]
fn a_signer_that_does_not_sign() {
    for (answer, expected) in [
        (Err(SignError::Failed), Error::SignatureFailed),
        (Err(SignError::Pending), Error::SignaturePending),
        (Ok(63), Error::SignatureFailed),
        (Ok(65), Error::SignatureFailed),
        (Ok(usize::MAX), Error::SignatureFailed),
    ] {
        let puppet = Puppet(answer, Algorithm::Es256);
        let client = client(ClientAuthentication::private_key_jwt(&puppet));
        let flow = RefreshToken::<64>::new(&client, "refresh-1", None).expect("right");
        let mut out = [0xAA; ENOUGH];
        assert_eq!(flow.poll(NOW, &mut out).err(), Some(expected));
        assert!(!out.windows(9).any(|text| text == b"refresh-1"), "nothing of an unsigned request stays");
    }
    // No secret signs in the name of a key pair.
    let puppet = Puppet(Ok(32), Algorithm::Hs256);
    let client = client(ClientAuthentication::private_key_jwt(&puppet));
    assert_eq!(body(&client, NOW), Err(Check::KeyMismatch.into()));
}

// REQ: AUTHC-05, AUTHC-09, AUTHC-10
#[test]
fn the_server_must_take_it() {
    let ed_dsa = EdDsaSigner::new(&[7; 32]).expect("a key");
    let ways = [
        ClientAuthentication::private_key_jwt(&*CLIENT_KEY),
        ClientAuthentication::private_key_jwt(&ed_dsa),
        ClientAuthentication::client_secret_jwt(Secret::new(jose::SECRET)),
    ];
    let outcome = |document: serde_json::Value| {
        let mut buffer = [0; 2048];
        let server = discovered(document, &mut buffer);
        ways.map(|way| {
            let client = Client::oauth(server, CLIENT_ID).authentication(way);
            RefreshToken::<8>::new(&client, "RT", None).map(|_| ()).err()
        })
    };
    let methods = "token_endpoint_auth_methods_supported";
    let algorithms = "token_endpoint_auth_signing_alg_values_supported";
    let unsupported = Some(Check::AuthenticationMethodUnsupported.into());
    let algorithm = Some(Check::AlgorithmUnsupported.into());
    let both = ["private_key_jwt", "client_secret_jwt"];
    assert_eq!(outcome(json!({})), [unsupported; 3]);
    assert_eq!(outcome(json!({ methods: ["private_key_jwt"] })), [None, None, unsupported]);
    assert_eq!(outcome(json!({ methods: ["client_secret_jwt"] })), [unsupported, unsupported, None]);
    assert_eq!(outcome(json!({ methods: both })), [None; 3]);
    assert_eq!(outcome(json!({ methods: both, algorithms: ["ES256", "HS256"] })), [None, algorithm, None]);
    assert_eq!(outcome(json!({ methods: both, algorithms: ["EdDSA"] }))[..2], [algorithm, None]);
}

// REQ: AUTHC-06, AUTHC-09
#[test]
fn the_server_takes_it() {
    for station in [Station::code(&SIGNING, Step::Exchange), Station::refresh(&SIGNING, Step::Send)] {
        let Station { hand, mut flow, .. } = station;
        let answer = Happening::Response(hand.answer(&*flow).0);
        assert!(hand.tell(&mut *flow, &answer).expect("right").is_some());
        let server = hand.link.server();
        assert_eq!(server.guard.assertions.len(), 1);
        assert_eq!(server.guard.proofs.len(), 1, "and a proof beside it");
    }
    // Used twice it is refused.
    let hand = Hand::default();
    let token = hand.link.server().session("signing", "openid");
    let flow = RefreshToken::<64>::new(&SIGNING, &token, None).expect("right");
    assert_eq!(hand.answer(&flow).0.status, 200);
    assert_eq!(hand.answer(&flow).0.status, 401);
}

// REQ: INTEROP-11
#[test]
fn the_secret_of_sign_in_with_apple() {
    let secret = AppleClientSecret::new("TEAM123456", "com.example.app", &*CLIENT_KEY);
    let mut out = [0; 512];
    let text = secret.write(NOW, &mut out).expect("right").to_owned();
    let jwt = Jwt::read(&text);
    assert_eq!(jwt.header, json!({ "alg": "ES256", "kid": "client key" }));
    assert_eq!(
        jwt.claims,
        json!({
            "iss": "TEAM123456", "sub": "com.example.app", "aud": "https://appleid.apple.com",
            "iat": TODAY, "exp": TODAY + 86_400,
        })
    );
    assert!(jwt.is_signed_with(&CLIENT_TEST_KEY.jwk()));
    assert_eq!(secret.write(NOW, &mut [0; 8]), Err(Error::BufferTooSmall { needed: text.len() }));
    assert_eq!(secret.write(Now::unknown(0), &mut out), Err(Check::ClockNotSet.into()));
    let most = AppleClientSecret::MAX_LIFETIME;
    let mut longest = [0; 512];
    let longest = secret.lifetime(most).write(NOW, &mut longest).expect("right");
    assert_eq!(Jwt::read(longest).claims["exp"], TODAY + u64::from(most));
    for lifetime in [0, most + 1] {
        assert_eq!(secret.lifetime(lifetime).write(NOW, &mut out), Err(Error::Config(Name::Exp)));
    }
    let nameless = Puppet(Ok(64), Algorithm::Es256);
    let nameless = AppleClientSecret::new("T", "c", &nameless);
    assert_eq!(nameless.write(NOW, &mut out), Err(Error::Config(Name::Kid)));
    let ed_dsa = EdDsaSigner::new(&[7; 32]).expect("a key");
    let other = AppleClientSecret::new("T", "c", &ed_dsa);
    assert_eq!(other.write(NOW, &mut out), Err(Error::Config(Name::Alg)));
}
