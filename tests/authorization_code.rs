//! Signing in: who may end a flow, and who may not.

use keyfob_core::{
    client::Client,
    error::{Check, Error, ErrorCode, Name, Remedy},
    flow::{Action, AuthorizationCode, Event, Flow, Redirect},
    time::{Now, UnixTime},
};
use keyfob_tests::{
    answer::Answer,
    clients::{BACKEND, HASTY, ISSUER, KIOSK, POSTED, ROBOT},
    clock::{NOW, TODAY, later},
    form,
    seeds::seed,
    server::{Return, SUBJECT, refusal},
    stations::{ENOUGH, Hand, Happening, Kind, Station, Step, stations, token_keep},
};

type Code<'c> = AuthorizationCode<'c, 64>;

fn new(client: &'static Client<'static>) -> Code<'static> {
    Code::new(client, seed(1), NOW).expect("the settings are right")
}

/// The URL of the right response.
fn right(station: &Station) -> String {
    match &station.redirect {
        Some(Return::Url(url)) => url.clone(),
        other => panic!("no URL: {other:?}"),
    }
}

/// Tells a flow at the server of a redirect, and checks that a fault changes nothing.
#[track_caller]
fn refuses(station: &mut Station, url: &str, error: impl Into<Error>) {
    let before = station.hand.shown(&*station.flow);
    let outcome = station.hand.redirect(&mut *station.flow, &Return::Url(url.into()));
    assert_eq!(outcome, Err(error.into()), "{url}");
    assert_eq!(station.hand.shown(&*station.flow), before, "{url}");
}

// REQ: TOKEN-01, TOKEN-02, TOKEN-03
#[test]
fn a_sign_in() {
    let mut station = Station::code(&KIOSK, Step::Exchange);
    let (request, _) = station.hand.request(&*station.flow).expect("goes on").expect("a request");
    assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", "https://op.example/token"));
    let names: Vec<_> = form::pairs(&request.body).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["grant_type", "code", "redirect_uri", "code_verifier", "client_id"]);
    let answer = station.hand.answer(&*station.flow).0;
    let tokens = station.hand.tell(&mut *station.flow, &Happening::Response(answer));
    let tokens = tokens.expect("no fault").expect("tokens");
    assert_eq!((tokens.access_token.as_str(), tokens.subject.as_deref()), ("access-2", Some(SUBJECT)));
    assert!(matches!(station.flow.poll(NOW, &mut []), Ok(Action::Done)));
}

// REQ: REDIR-08, REDIR-09
#[test]
fn no_number_of_wrong_states_ends_a_flow() {
    let mut flow = new(&KIOSK);
    let hand = Hand::default();
    let Return::Url(right) = hand.visit(&flow) else { panic!("a query was asked for") };
    let before = hand.shown(&flow);
    for trial in 1..=20 {
        let state = format!("state={trial}");
        let wrong = right.replace(&format!("state={}", form::in_url(&right, "state")), &state);
        let outcome = hand.redirect(&mut flow, &Return::Url(wrong));
        assert_eq!(outcome, Err(Check::StateMismatch.into()));
        assert_eq!(flow.rejected_redirects(), trial);
        assert_eq!(flow.rejected_redirects() >= Code::ALERT, trial >= 8);
    }
    assert_eq!(hand.shown(&flow), before);
    assert_eq!(Error::from(Check::StateMismatch).remedy(), Remedy::SecurityAlert);
    hand.redirect(&mut flow, &Return::Url(right)).expect("the right one is taken");
}

// REQ: REDIR-19, IDT-14, TOKEN-17
#[test]
fn a_response_counts_once() {
    let mut station = Station::code(&KIOSK, Step::Exchange);
    let url = right(&station);
    refuses(&mut station, &url, Error::AlreadyCompleted);
    let answer = Happening::Response(station.hand.answer(&*station.flow).0);
    station.hand.tell(&mut *station.flow, &answer).expect("tokens");
    refuses(&mut station, &url, Error::AlreadyCompleted);
    assert_eq!(station.hand.tell(&mut *station.flow, &answer), Err(Error::Misuse));
    assert_eq!(station.hand.link.server().count("/token"), 1);
}

// REQ: REDIR-01, REDIR-02, REDIR-05, REDIR-07, REDIR-08, REDIR-14, REDIR-15, REDIR-23, SM-02
#[test]
fn what_a_redirect_must_not_be() {
    let mut station = Station::code(&KIOSK, Step::Authorize);
    let url = right(&station);
    let state = form::in_url(&url, "state");
    for (change, error) in [
        (url.replace("https:", "http:"), Check::RedirectUriMismatch),
        (url.replace("app.example", "app.example:443"), Check::RedirectUriMismatch),
        (url.replace("/cb", "/cb/"), Check::RedirectUriMismatch),
        (url.replace("/cb", "/CB"), Check::RedirectUriMismatch),
        (url.replace('?', "#"), Check::StateMismatch),
        (url.replace(&state, &state[1..]), Check::StateMismatch),
        (url.replace(&state, &state.to_lowercase()), Check::StateMismatch),
        (url.replace(&state, &format!("{state}%00")), Check::StateMismatch),
        (format!("{url}&state={state}"), Check::DuplicateParameter(Name::State)),
        (format!("{url}&%63ode=x"), Check::DuplicateParameter(Name::Code)),
        (url.replace("code=code", "code=%ZZ"), Check::BadEncoding(Name::Code)),
        (url.replace("code=code", "code=%C0%AF"), Check::BadEncoding(Name::Code)),
        (format!("{url}&access_token=x"), Check::UnexpectedParameter(Name::AccessToken)),
        (format!("{url}&id_token=x"), Check::UnexpectedParameter(Name::IdToken)),
        (format!("{url}&error=access_denied"), Check::ConflictingResponse),
        (url.replace("code=", "kode="), Check::MissingParameter(Name::Code)),
        (url.replace("code=code", "code=%0A"), Check::BadParameter(Name::Code)),
        (url.replace("iss=", "is="), Check::IssuerMissing),
        (url.replace(&form::encode(ISSUER), "https://OP.example"), Check::IssuerMismatch),
    ] {
        refuses(&mut station, &change, error);
    }
    refuses(
        &mut station,
        &url.replace("code=", &format!("code={}", "x".repeat(64))),
        Error::InputTooLarge(Name::Code),
    );
    refuses(&mut station, &format!("{url}{}", "&a=b".repeat(16 * 1024)), Error::InputTooLarge(Name::Url));
    let target = url.replace("https://app.example", "");
    station.hand.redirect(&mut *station.flow, &Return::Url(target)).expect("a request target does as well");
}

// REQ: REDIR-20
#[test]
fn the_response_comes_the_way_it_was_asked_for() {
    for client in [&KIOSK, &POSTED] {
        let mut station = Station::code(client, Step::Authorize);
        let other = match station.redirect.clone().expect("there is a right one") {
            Return::Form(form) => Return::Url(format!("https://app.example/cb?{form}")),
            Return::Url(url) => Return::Form(url.split_once('?').expect("a query").1.into()),
        };
        let outcome = station.hand.redirect(&mut *station.flow, &other);
        assert_eq!(outcome, Err(Check::WrongMethod.into()));
    }
}

// REQ: REDIR-10, REDIR-17, REDIR-18, ERR-03, ERR-04, ERR-05
#[test]
fn a_denial_ends_the_flow_with_a_harmless_text() {
    for (error, code, remedy) in [
        ("access_denied", ErrorCode::AccessDenied, Remedy::UserDenied),
        ("login_required", ErrorCode::LoginRequired, Remedy::UserDenied),
        ("temporarily_unavailable", ErrorCode::TemporarilyUnavailable, Remedy::RetryLater),
        ("vendor_code", ErrorCode::Other, Remedy::Restart),
    ] {
        let mut flow = new(&KIOSK);
        let hand = Hand::default();
        hand.link.server().denial = Some(error);
        let denial = hand.visit(&flow);
        assert_eq!(flow.refusal(), None);
        assert_eq!(hand.redirect(&mut flow, &denial), Err(Error::Refused(code)));
        assert_eq!(Error::Refused(code).remedy(), remedy);
        let refusal = flow.refusal().expect("the flow is over");
        assert_eq!(refusal.code(), error);
        assert!("The user said no.?<b>".starts_with(refusal.description()), "{refusal:?}");
        assert!(flow.poll(NOW, &mut [0; ENOUGH]).is_err_and(|error| error == Error::Refused(code)));
    }
}

// REQ: SM-02, SM-08, TOKEN-17, ERR-10
#[test]
fn an_event_that_does_not_fit_changes_nothing() {
    let answer = Station::code(&ROBOT, Step::Exchange);
    let answer = answer.hand.answer(&*answer.flow).0;
    for mut station in stations() {
        let forms = Return::Form("code=a&state=b".into());
        let url =
            station.redirect.clone().unwrap_or(Return::Url("https://app.example/cb?code=a&state=b".into()));
        for happening in [
            Happening::NotSent,
            Happening::Nudge,
            Happening::Redirect(forms),
            Happening::Redirect(url),
            Happening::Response(answer.clone()),
            Happening::Response(refusal(400, "invalid_grant")),
            Happening::Response(Answer::new(500, "text/html", "")),
            Happening::Timeout,
        ] {
            let fits = match happening {
                Happening::Redirect(_) => station.step == Step::Authorize,
                Happening::Nudge => {
                    matches!(station.step, Step::Connected | Step::Display | Step::Fetch | Step::Poll)
                }
                _ => !station.step.is_end() && station.step != Step::Authorize,
            };
            if fits {
                continue;
            }
            let before = station.hand.shown(&*station.flow);
            let outcome = station.hand.tell(&mut *station.flow, &happening);
            let late = station.kind == Kind::AuthorizationCode
                && station.step != Step::Push
                && matches!(happening, Happening::Redirect(_));
            let error = if late { Error::AlreadyCompleted } else { Error::Misuse };
            let place = format!("{:?} {:?} {happening:?}", station.client, station.step);
            assert_eq!(outcome, Err(error), "{place}");
            assert_eq!(station.hand.shown(&*station.flow), before, "{place}");
            if station.step.is_end() {
                let keep = token_keep();
                let mut buffer = [0; 64];
                assert!(station.flow.keys(&answer.read(keep, &mut buffer).0).is_err(), "{place}");
            }
        }
    }
}

// REQ: REDIR-24, SM-04, CLOCK-05
#[test]
fn the_deadline() {
    let (in_time, too_late) = (later(60_000), later(60_001));
    for step in [Step::Authorize, Step::Exchange] {
        let station = Station::code(&HASTY, step);
        assert!(station.flow.poll(in_time, &mut [0; ENOUGH]).is_ok());
        assert!(station.flow.poll(too_late, &mut [0; ENOUGH]).is_err_and(|error| error == Error::Expired));
    }
    let mut station = Station::code(&HASTY, Step::Authorize);
    let redirect = Happening::Redirect(station.redirect.clone().expect("there is one"));
    let mut tell = |now| station.hand.tell_at(&mut *station.flow, &redirect, now);
    assert_eq!(tell(too_late), Err(Error::Expired));
    // That was its end, whatever the count says afterwards.
    assert_eq!(tell(in_time), Err(Error::Expired));
    let mut station = Station::code(&HASTY, Step::Authorize);
    let redirect = Happening::Redirect(station.redirect.clone().expect("there is one"));
    let mut tell = |now| station.hand.tell_at(&mut *station.flow, &redirect, now);
    assert_eq!(tell(in_time), Ok(None));
    // The date may jump; only the uptime counts.
    let jumped = Now::known(60_000, UnixTime::from_seconds(TODAY + 1_000_000));
    assert!(station.flow.poll(jumped, &mut [0; ENOUGH]).is_ok());
}

// REQ: PKCE-05, PKCE-06
#[test]
fn pkce_is_never_missing() {
    for client in [&KIOSK, &BACKEND, &POSTED, &ROBOT] {
        let station = Station::code(client, Step::Exchange);
        // The server looked at the challenge; here comes what it is compared with.
        let (request, _) = station.hand.request(&*station.flow).expect("goes on").expect("a request");
        let verifier = form::in_body(request.body.as_bytes(), "code_verifier");
        assert_eq!(verifier.len(), 43);
        let url = station.hand.url(&new(client));
        assert!(!url.contains(&verifier));
    }
}

// REQ: PKCE-10, AUTHC-07, ERR-06, ERR-07, REFRESH-08
#[test]
fn nothing_is_sent_after_a_refusal() {
    for error in ["invalid_request", "invalid_grant", "invalid_client", "unauthorized_client", "vendor_code"]
    {
        for status in [200, 400, 401, 403, 500] {
            for mut station in [Station::code(&KIOSK, Step::Exchange), Station::refresh(&KIOSK, Step::Send)] {
                let refusal = Happening::Response(refusal(status, error));
                let outcome = station.hand.tell(&mut *station.flow, &refusal);
                assert!(matches!(outcome, Err(Error::Refused(_))), "{outcome:?}");
                assert_eq!(station.hand.shown(&*station.flow).next.err(), outcome.err());
                assert_eq!(station.flow.refusal().map(|refusal| refusal.code()), Some(error));
            }
        }
    }
}

// REQ: ERR-10, TOKEN-14, HTTP-17
#[test]
fn a_code_that_the_server_took_is_not_sent_again() {
    for (what, shape) in [
        ("another token type", (|answer| answer["token_type"] = "mac".into()) as fn(&mut serde_json::Value)),
        ("an ID token that is none", |answer| answer["id_token"] = "x".into()),
        ("no ID token", |answer| drop(answer.as_object_mut().expect("an object").remove("id_token"))),
    ] {
        let mut station = Station::code(&KIOSK, Step::Exchange);
        station.hand.link.server().shape = Some(shape);
        let answer = Happening::Response(station.hand.answer(&*station.flow).0);
        let outcome = station.hand.tell(&mut *station.flow, &answer);
        assert!(matches!(outcome, Err(Error::Check(_))), "{outcome:?}");
        let again = station.hand.request(&*station.flow);
        assert!(again.is_err(), "after {what} the code would go out once more: {again:?}");
    }
}

// REQ: HTTP-17, HTTP-18, ERR-10
#[test]
fn what_becomes_of_a_request_that_got_no_answer() {
    let mut station = Station::code(&KIOSK, Step::Exchange);
    let before = station.hand.shown(&*station.flow);
    for _ in 0..100 {
        assert_eq!(station.hand.tell(&mut *station.flow, &Happening::NotSent), Ok(None));
        assert_eq!(station.hand.shown(&*station.flow), before);
    }
    let outcome = station.hand.tell(&mut *station.flow, &Happening::Timeout);
    assert_eq!(outcome, Err(Error::AnswerLost));
    assert_eq!(station.hand.shown(&*station.flow).next, Err(Error::AnswerLost));
    assert_eq!(Error::AnswerLost.remedy(), Remedy::Restart);
}

// REQ: PKCE-11, SM-09
#[test]
fn flows_side_by_side_do_not_mix() {
    const FLOWS: usize = 8;
    let hand = Hand::default();
    let mut flows: Vec<Code> =
        (0..FLOWS).map(|number| Code::new(&KIOSK, seed(number as u64 + 1), NOW).expect("right")).collect();
    let redirects: Vec<Return> = flows.iter().map(|flow| hand.visit(flow)).collect();
    for (number, flow) in flows.iter_mut().enumerate() {
        for (other, redirect) in redirects.iter().enumerate().filter(|(other, _)| *other != number) {
            let outcome = hand.redirect(flow, redirect);
            assert_eq!(outcome, Err(Check::StateMismatch.into()), "{other} at {number}");
        }
    }
    // Every flow takes a step now and then; the server sees to it that codes and verifiers belong together.
    let mut ended = Vec::new();
    for turn in (0..).map(|turn: usize| turn * 5 + turn / FLOWS).take(4 * FLOWS * FLOWS) {
        let number = turn % FLOWS;
        let (flow, redirect) = (&mut flows[number], &redirects[number]);
        match hand.request(flow) {
            Ok(Some(_)) => {
                let answer = Happening::Response(hand.answer(flow).0);
                let tokens = hand.tell(flow, &answer).expect("it was the right verifier").expect("tokens");
                ended.push((number, tokens.access_token));
            }
            Ok(None) if ended.iter().any(|(done, _)| *done == number) => {}
            _ => hand.redirect(flow, redirect).expect("the state is right"),
        }
    }
    ended.sort();
    assert!(ended.iter().map(|(number, _)| *number).eq(0..FLOWS), "{ended:?}");
    ended.dedup_by_key(|(_, token)| token.clone());
    assert_eq!(ended.len(), FLOWS);
}

// REQ: SM-11
#[test]
fn the_same_seed_does_the_same() {
    let show = |step| {
        let station = Station::code(&KIOSK, step);
        station.hand.shown(&*station.flow)
    };
    for step in [Step::Authorize, Step::Exchange, Step::Done, Step::Lost, Step::Refused] {
        assert_eq!(show(step), show(step));
    }
}

// REQ: SM-08
#[test]
fn a_redirect_is_no_event_for_a_refresh() {
    let mut station = Station::refresh(&KIOSK, Step::Send);
    let outcome = station.flow.handle(NOW, Event::Redirect(Redirect::Url("https://app.example/cb?code=x")));
    assert!(outcome.is_err_and(|error| error == Error::Misuse));
}
