//! Signing out at the server.

use keyfob_core::{
    client::Client,
    end_session::{EndSession, LogoutState},
    error::Check,
    flow::AuthorizationCode,
    metadata::Metadata,
};
use keyfob_interop::{person::Program, tab::Tab};
use keyfob_std::{Clock, run};

use crate::{PLAIN, seed};

const REDIRECT_URI: &str = "com.myclientapp://callback.example/callback";
const AFTERWARDS: &str = "com.myclientapp://callback.example/loggedout";

fn application(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "custom-scheme").redirect_uri(REDIRECT_URI)
}

/// Signs in once more, and tells whether the server knew the user still.
#[track_caller]
fn is_known(tab: &mut Tab) -> bool {
    let user = Program::new(&PLAIN).sign_in_with(tab, REDIRECT_URI, application).expect("a sign-in");
    assert_eq!(user.subject, "alice");
    !tab.asked
}

// REQ: LOGOUT-01, LOGOUT-04, LOGOUT-05, LOGOUT-06, LOGOUT-07, INTEROP-04
#[test]
fn the_user_signs_out_at_the_server_too() {
    let mut tab = Tab::new(REDIRECT_URI);
    let id_token = Program::new(&PLAIN).with_client(application, |client, http, clock| {
        let mut flow = AuthorizationCode::<512>::new(client, seed(), clock.now())?;
        run(&mut flow, http, &mut tab, clock, &mut [0; 8192], |tokens| {
            tokens.id_token().expect("an ID token").as_str().to_string()
        })
    });
    let id_token = id_token.expect("a sign-in");
    assert!(tab.asked && is_known(&mut tab));

    let state = LogoutState::new(&seed());
    let url = Program::new(&PLAIN).with_client(application, |client, _, _| {
        let request = EndSession::new(client)
            .id_token_hint(&id_token)
            .post_logout_redirect_uri(AFTERWARDS, state.as_str());
        Ok(request.url(&mut [0; 2048])?.to_string())
    });
    let url = url.expect("an address");
    assert!(url.starts_with(&format!("{}/oidc/logout?id_token_hint=eyJ", PLAIN.issuer())), "{url}");
    let browser = tab.browser();
    browser.open(&url);
    browser.click("button[name=logout]");
    let back = browser.captured_navigation(AFTERWARDS, std::time::Duration::from_secs(20));
    assert_eq!(back, format!("{AFTERWARDS}?state={}", state.as_str()));
    assert_eq!(state.check(&back), Ok(()));
    assert_eq!(LogoutState::new(&seed()).check(&back), Err(Check::StateMismatch.into()));
    assert_eq!(state.check(AFTERWARDS), Err(Check::StateMismatch.into()));

    // The server has forgotten the user.
    assert!(!is_known(&mut tab));
}
