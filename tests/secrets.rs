//! Nothing secret is printed, and nothing secret stays in memory.

use std::{fmt::Debug, ptr};

use keyfob_core::{
    client_authentication::ClientAuthentication,
    entropy::Entropy,
    error::{Check, Error, ErrorCode, Name, Remedy},
    exchange::{Discovery, Exchange, Jwks, UserInfo},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect, RefreshToken},
    id_token::{Audiences, Previous},
    jws::{EdDsaSigner, Es256Signer},
    secret::{Buffer, Secret, Seed},
    session,
    sign_out::SignOut,
};
use keyfob_tests::{
    answer::Answer,
    clients::{BACKEND, BACKEND_SECRET, GAUGE, ISSUER, KIOSK, ROBOT},
    clock::NOW,
    device::Device,
    form,
    keys::{FIRST, jwk_set},
    process_memory::{Found, Marker, read, search},
    seeds,
    server::{Return, SUBJECT},
    stations::{ENOUGH, Hand, Happening, Station, Step},
};

/// What was printed, and what must not be in it.
#[derive(Default)]
struct Printed {
    texts: Vec<String>,
    secrets: Vec<String>,
}

impl Printed {
    fn show(&mut self, value: &dyn Debug) {
        self.texts.push(format!("{value:?}"));
        self.texts.push(format!("{value:#?}"));
    }

    fn secret(&mut self, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() > 4, "{text} may be anywhere");
        self.secrets.push(form::encode(&text));
        self.secrets.push(text);
    }

    #[track_caller]
    fn check(&self) {
        for text in &self.texts {
            for secret in &self.secrets {
                assert!(!text.contains(secret.as_str()), "`{secret}` is printed: {text}");
            }
        }
    }
}

// REQ: SECRET-01, SECRET-02, SECRET-09, PKCE-06
#[test]
fn nothing_secret_is_printed() {
    let mut printed = Printed::default();
    let hand = Hand::default();
    let mut flow = AuthorizationCode::<64>::new(&BACKEND, seeds::seed(1), NOW).expect("right");
    printed.show(&flow);
    printed.show(&seeds::seed(1));
    printed.secret(BACKEND_SECRET);
    let mut out = [0; ENOUGH];
    let action = flow.poll(NOW, &mut out).expect("goes on");
    printed.show(&action);
    let Action::Authorize(url) = action else { panic!("{action:?}") };
    printed.secret(form::in_url(url, "state"));
    printed.secret(form::in_url(url, "nonce"));
    printed.secret(form::in_url(url, "code_challenge"));
    let redirect = hand.link.server().authorize(url);
    let Return::Url(url) = &redirect else { panic!("a query was asked for") };
    printed.secret(form::in_url(url, "code"));
    for event in [Event::Redirect(Redirect::Url(url)), Event::Redirect(Redirect::Form(url))] {
        printed.show(&event);
    }
    hand.redirect(&mut flow, &redirect).expect("right");
    printed.show(&flow);
    let (answer, keep) = hand.answer(&flow);
    let action = flow.poll(NOW, &mut out).expect("goes on");
    printed.show(&action);
    let Action::Send(request) = action else { panic!("{action:?}") };
    printed.show(&request);
    printed.show(&request.keep());
    printed.secret(form::in_body(request.body(), "code_verifier"));
    printed.secret(request.headers().find(|(name, _)| *name == "Authorization").expect("basic").1);
    let mut buffer = [0; ENOUGH];
    let (response, rest) = answer.read(keep, &mut buffer);
    printed.show(&response);
    let fetched = Answer::json(200, &jwk_set(&[FIRST]));
    assert!(flow.handle(NOW, Event::Response(response)).is_err_and(|error| error == Error::KeysNeeded));
    let keep = flow.keys(&response).expect("its key is missing").keep();
    let keys = fetched.read(keep, rest).0.keys().expect("a key set");
    printed.show(&keys);
    let event = Event::Response(response.with_keys(keys));
    printed.show(&event);
    let tokens = flow.handle(NOW, event).expect("right").expect("tokens");
    printed.show(&tokens);
    printed.secret(tokens.access_token());
    let id_token = tokens.id_token().expect("there is one");
    printed.show(&id_token);
    printed.show(&id_token.claims());
    printed.show(&id_token.checked());
    printed.secret(id_token.as_str());
    printed.secret("alice");
    printed.show(&flow);
    printed.check();
}

// REQ: SECRET-01, SECRET-02, SECRET-09
#[test]
fn nothing_secret_is_printed_of_the_other_types() {
    const MARKER: &str = "MARKER-7c1f";
    let mut printed = Printed::default();
    printed.secret(MARKER);
    let secret = Secret::new(MARKER);
    printed.show(&secret);
    for authentication in [
        ClientAuthentication::ClientSecretBasic(secret),
        ClientAuthentication::ClientSecretBasicRaw(secret),
        ClientAuthentication::ClientSecretPost(secret),
    ] {
        printed.show(&authentication);
        printed.show(&KIOSK.authentication(authentication));
    }
    printed.show(&KIOSK.login_hint(MARKER).id_token_hint(MARKER).subject(MARKER));
    let userinfo = UserInfo::new(&KIOSK, MARKER, SUBJECT);
    printed.show(&userinfo);
    printed.show(&userinfo.request(NOW, &mut [0; 64]).expect("it fits"));
    let mut buffer = Buffer::<64>::new();
    buffer[..MARKER.len()].copy_from_slice(MARKER.as_bytes());
    printed.show(&buffer);
    let flow = RefreshToken::<64>::new(&KIOSK, MARKER, None).expect("right");
    printed.show(&flow);
    printed.show(&flow.poll(NOW, &mut [0; ENOUGH]).expect("goes on"));
    printed.show(&Jwks::new(&KIOSK));
    printed.show(&Discovery::new(ISSUER).expect("right"));
    printed.check();
}

// REQ: SECRET-01, SECRET-02
#[test]
fn a_nonce_to_remember_is_not_printed() {
    let mut printed = Printed::default();
    printed.secret("NONCE-7c1f");
    let nonce = Some("NONCE-7c1f");
    printed.show(&Previous { subject: SUBJECT, audiences: Audiences::CLIENT, auth_time: None, nonce });
    printed.check();
}

// REQ: ERR-03, ERR-13, SECRET-09
#[test]
fn errors_hold_no_text_of_anybody() {
    let mut printed = Printed::default();
    printed.secret("MARKER-7c1f");
    for answer in [
        Answer::new(400, "application/json", r#"{"error":"MARKER-7c1f","error_description":"MARKER-7c1f"}"#),
        Answer::new(200, "application/json", r#"{"MARKER-7c1f":1,"access_token":MARKER-7c1f}"#),
        Answer::new(200, "application/json", r#"{"token_type":"MARKER-7c1f","access_token":"MARKER-7c1f"}"#),
        Answer::new(200, "MARKER-7c1f", "MARKER-7c1f"),
    ] {
        let mut station = Station::code(&ROBOT, Step::Exchange);
        let error =
            station.hand.tell(&mut *station.flow, &Happening::Response(answer)).expect_err("it is bad");
        printed.show(&error);
        printed.texts.push(error.to_string());
        printed.show(&keyfob_std::Failure::from(error));
        printed.texts.push(keyfob_std::Failure::from(error).to_string());
        printed.texts.push(keyfob_embassy::Failure::<u8>::from(error).to_string());
        let plain: &dyn std::error::Error = &error;
        assert!(plain.source().is_none());
        let _: Remedy = error.remedy();
    }
    printed.check();
    // The largest there are.
    for error in [
        Error::BufferTooSmall { needed: usize::MAX },
        Error::Check(Check::ClaimChanged(Name::AuthTime)),
        Error::Check(Check::HttpStatus(599)),
        Error::Refused(ErrorCode::Other),
    ] {
        assert!(error.to_string().len() < 100, "{error}");
    }
}

/// The memory of a value that lives.
fn memory<T>(value: &T) -> Vec<u8> {
    read(ptr::from_ref(value) as usize, size_of::<T>())
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

/// What is in the place of a value before and after it is dropped there.
fn before_and_after<T>(value: T) -> (Vec<u8>, Vec<u8>) {
    let mut place = vec![value];
    let before = memory(&place[0]);
    let start = place.as_ptr() as usize;
    // It keeps the room, and writes nothing there.
    place.clear();
    (before, read(start, size_of::<T>()))
}

// REQ: SECRET-03, SECRET-05, SM-12
#[test]
fn seeds_and_buffers_are_wiped_on_drop() {
    let seed = seeds::octets(7);
    let (before, after) = before_and_after(seeds::seed(7));
    assert!(holds(&before, &seed) && !holds(&after, &seed[..4]));
    let mut buffer = Buffer::<256>::new();
    buffer.fill(0xA5);
    let (before, after) = before_and_after(buffer);
    assert!(holds(&before, &[0xA5; 256]) && !holds(&after, &[0xA5; 4]));
}

/// A type that can neither be printed nor copied: were it so, `Is` would have the method twice, and this would not build.
macro_rules! neither_printed_nor_copied {
    ($($type:ty),*) => {$({
        struct Is<T: ?Sized>(std::marker::PhantomData<T>);
        trait Lacks<Reason> {
            fn both(&self) {}
        }
        impl<T: ?Sized> Lacks<()> for Is<T> {}
        impl<T: ?Sized + Debug> Lacks<u8> for Is<T> {}
        impl<T: ?Sized + Clone> Lacks<u16> for Is<T> {}
        Is::<$type>(std::marker::PhantomData).both();
    })*};
}

// REQ: DPOP-16, SECRET-01, SECRET-03
#[test]
fn private_keys_are_wiped_on_drop() {
    neither_printed_nor_copied!(Es256Signer<'static>, EdDsaSigner<'static>);
    // No other test has these: what lies between the fields of a value is whatever lay there before.
    let secret: [u8; 32] = std::array::from_fn(|place| (place as u8).wrapping_mul(29) ^ 0xC3);
    let (before, after) = before_and_after(EdDsaSigner::new(&secret).expect("a key"));
    assert!(holds(&before, &secret) && !holds(&after, &secret[..4]));
    let (before, after) = before_and_after(Es256Signer::new(&secret).expect("a key"));
    // The number lies there in limbs, the least first.
    let limbs: Vec<u8> = secret.iter().rev().copied().collect();
    assert!(holds(&before, &limbs) && !holds(&after, &limbs[..4]) && !holds(&after, &limbs[28..]));
}

// REQ: SECRET-03, SM-12, SM-04, PKCE-07, REDIR-24
#[test]
fn code_flows_are_wiped_at_their_end_and_on_drop() {
    let seed = seeds::octets(1);
    for end in [Step::Authorize, Step::Exchange, Step::Done, Step::Lost, Step::Refused] {
        let hand = Hand::default();
        let mut flow = AuthorizationCode::<64>::new(&KIOSK, seeds::seed(1), NOW).expect("right");
        let redirect = hand.visit(&flow);
        if end != Step::Authorize {
            hand.redirect(&mut flow, &redirect).expect("right");
            let now = memory(&flow);
            assert!(holds(&now, &seed) && holds(&now, b"code-1"));
        }
        hand.finish(&mut flow, end);
        let (before, after) = before_and_after(flow);
        let kept = !end.is_end();
        assert_eq!(holds(&before, &seed), kept, "{end:?}");
        assert_eq!(holds(&before, b"code-1"), end == Step::Exchange, "{end:?}");
        assert!(!holds(&after, &seed[..8]) && !holds(&after, b"code-1"), "{end:?}");
    }
}

// REQ: SECRET-03, SM-12, SM-04, REFRESH-03, REFRESH-08
#[test]
fn refreshes_are_wiped_at_their_end_and_on_drop() {
    for end in [Step::Send, Step::SendAgain, Step::Done, Step::Lost, Step::Refused] {
        let hand = Hand::default();
        let token = hand.link.server().session("kiosk", "openid offline_access");
        let mut flow = RefreshToken::<64>::new(&KIOSK, &token, None).expect("right");
        assert!(holds(&memory(&flow), token.as_bytes()));
        if matches!(end, Step::SendAgain | Step::Lost) {
            hand.tell(&mut flow, &Happening::Timeout).expect("once is no loss");
        }
        hand.finish(&mut flow, end);
        let (before, after) = before_and_after(flow);
        assert_eq!(holds(&before, token.as_bytes()), !end.is_end(), "{end:?}");
        assert!(!holds(&after, token.as_bytes()), "{end:?}");
    }
}

/// A device with a session, and with what it owes its server.
fn signed_in() -> (Device, SignOut<'static, 64>) {
    let mut device = Device::new(&GAUGE, 1);
    device.settle().expect("power");
    device.sign_in();
    device.settle().expect("power");
    let mut owed = SignOut::new(&GAUGE, &seeds::seed(2)).expect("right");
    owed.handle(NOW, session::Event::Loaded(&[])).expect("it was asked for");
    owed.owe(&device.session, true).expect("there is room");
    (device, owed)
}

// REQ: SECRET-03, SM-12, REFRESH-03, REFRESH-08
#[test]
fn sessions_are_wiped_at_their_end_and_on_drop() {
    let tokens: [&[u8]; 2] = [b"refresh-1", b"access-1"];
    for end in ["drop", "sign-out", "refusal", "rotation"] {
        let (mut device, owed) = signed_in();
        assert!(tokens.iter().all(|token| holds(&memory(&device.session), token)));
        match end {
            "sign-out" => device.session.sign_out(),
            "refusal" => {
                device.issuer.borrow_mut().revoke_all();
                device.next_refresh().expect("power");
            }
            "rotation" => drop(device.next_refresh()),
            _ => {}
        }
        let (before, after) = before_and_after(device.session);
        for token in tokens {
            assert_eq!(holds(&before, token), end == "drop", "{end}");
            assert!(!holds(&after, token), "{end}");
        }
        let (before, after) = before_and_after(owed);
        assert!(tokens.iter().all(|token| holds(&before, token) && !holds(&after, token)));
    }
}

/// The secrets of one flow, in a form in which they can be searched for.
struct Markers {
    seed: Marker,
    code: Marker,
    access_token: Marker,
    verifier: Option<Marker>,
}

/// Draws the seed that a marker stands for.
struct Revealed<'m>(&'m Marker, u8);

impl Entropy for Revealed<'_> {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.reveal(out);
        self.1 += 1;
        // The first draw is only compared with the second.
        if self.1 == 1 {
            out.reverse();
        }
        Ok(())
    }
}

/// A whole flow. Everything that the caller has to wipe is wiped.
#[inline(never)]
fn life(markers: &mut Markers, watch: impl Fn(&Markers)) {
    let seed = Seed::draw(&mut Revealed(&markers.seed, 0)).expect("it is random");
    let mut buffer = Box::new(Buffer::<2048>::new());
    let mut flow = AuthorizationCode::<64>::new(&ROBOT, seed, NOW).expect("right");
    let Ok(Action::Authorize(url)) = flow.poll(NOW, &mut buffer[..]) else { panic!("not at the server") };
    let state = form::in_url(url, "state");
    let mut code = vec![0; markers.code.length()];
    markers.code.reveal(&mut code);
    let mut redirect = Box::new(Buffer::<2048>::new());
    let mut end = 0;
    for piece in
        [b"com.example.robot:/cb?iss=https%3A%2F%2Fop.example&state=", state.as_bytes(), b"&code=", &code]
    {
        redirect[end..end + piece.len()].copy_from_slice(piece);
        end += piece.len();
    }
    code.fill(0);
    let url = std::str::from_utf8(&redirect[..end]).expect("ASCII");
    flow.handle(NOW, Event::Redirect(Redirect::Url(url))).expect("right");
    drop(redirect);
    let Ok(Action::Send(request)) = flow.poll(NOW, &mut buffer[..]) else { panic!("no request") };
    let keep = request.keep();
    let name = b"code_verifier=";
    let place = request.body().windows(name.len()).position(|window| window == name).expect("there is one");
    let start = place + name.len();
    markers.verifier = Some(Marker::take(&mut buffer[start..start + 43]));
    buffer.fill(0);
    watch(markers);
    let mut body = Vec::with_capacity(256);
    body.extend_from_slice(br#"{"token_type":"Bearer","access_token":""#);
    let mut token = vec![0; markers.access_token.length()];
    markers.access_token.reveal(&mut token);
    body.extend_from_slice(&token);
    body.extend_from_slice(br#""}"#);
    token.fill(0);
    let mut answer = Answer::new(200, "application/json", body);
    let (response, _) = answer.read(keep, &mut buffer);
    let tokens = flow.handle(NOW, Event::Response(response)).expect("right").expect("tokens");
    assert_eq!(tokens.access_token().len(), markers.access_token.length());
    answer.body.fill(0);
    std::hint::black_box(&answer);
}

// REQ: SECRET-03, SECRET-04, SECRET-05, SM-12, SM-13, PKCE-07
#[test]
fn nothing_stays_in_the_memory_of_the_process() {
    let mut octets: Vec<u8> = (0..32).map(|place: u8| place.wrapping_mul(7) ^ 0x81).collect();
    let seed = Marker::take(&mut octets);
    let mut octets: Vec<u8> = (0..40).map(|place: u8| b'a' + (place * 3) % 26).collect();
    let code = Marker::take(&mut octets);
    let mut octets: Vec<u8> = (0..40).map(|place: u8| b'A' + (place * 5) % 26).collect();
    let access_token = Marker::take(&mut octets);
    let mut markers = Markers { seed, code, access_token, verifier: None };
    life(&mut markers, |markers| {
        assert!(!search(&markers.seed).is_empty(), "the search finds what there is");
        assert!(!search(&markers.code).is_empty());
    });
    let verifier = markers.verifier.as_ref().expect("it was sent");
    for (name, marker) in [("code", &markers.code), ("token", &markers.access_token), ("verifier", verifier)]
    {
        assert_eq!(search(marker), [], "{name}");
    }
    // A value that is moved leaves its octets where it was (there is no other move in Rust): the caller moved the
    // seed into the flow, so the caller's own dead frames may hold it, until the stack is used again.
    let here = ptr::from_ref(&markers) as usize;
    for Found { address, .. } in search(&markers.seed) {
        assert!((here.saturating_sub(1 << 16)..here).contains(&address), "not in a dead frame: {address:#x}");
    }
    overwrite_the_dead_frames();
    for (name, marker) in [
        ("seed", &markers.seed),
        ("code", &markers.code),
        ("access token", &markers.access_token),
        ("verifier", verifier),
    ] {
        assert_eq!(search(marker), [], "{name}");
    }
}

/// What a cautious caller does after a flow.
#[inline(never)]
fn overwrite_the_dead_frames() {
    std::hint::black_box(&mut [0u8; 1 << 16]);
}
