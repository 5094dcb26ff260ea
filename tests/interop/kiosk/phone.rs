//! The terminal shows a code, and each user has a phone.

use std::{sync::LazyLock, thread, time::Duration};

use keyfob_interop::{
    browser::{self, Browser},
    provider::{Options, Provider},
};

use crate::{
    inherit::{screen, state},
    terminal::{PAGES, Terminal, owed, press, records, shows, until},
};

static PROVIDER: LazyLock<Provider> =
    LazyLock::new(|| Provider::start(Options { https: true, ..Options::default() }));

/// What is on the screen for people to read: the address, and the code.
#[track_caller]
fn code(browser: &Browser) -> (String, String) {
    shows(browser, "screen");
    assert!(browser.has(".qr svg path"));
    let text = |css: &str| {
        let text = browser.run(&format!("return document.querySelector('{css}').innerText"));
        text.as_str().expect("a text").to_owned()
    };
    (text(".text b"), text(".code"))
}

#[track_caller]
fn sign_in_by(phone: &Browser, terminal: &Browser, login: &str) -> String {
    press(terminal, "sign-in");
    let (address, code) = code(terminal);
    assert_eq!(address, format!("{}/activate", PROVIDER.issuer()));
    phone.open(&format!("{address}?user_code={code}"));
    browser::sign_in(phone, login);
    shows(terminal, "sign-out");
    assert!(terminal.text().contains(&format!("User {login}")), "{}", terminal.text());
    code
}

/// A's phone stays signed in at the server: that is A's own matter. B has another one.
// REQ: CDX-03, CDX-04, DEV-09, DEV-24
#[test]
fn each_user_signs_in_by_their_own_phone() {
    let state = state();
    let terminal = Terminal::at(&PROVIDER, &state, &[]);
    let kiosk = screen();
    kiosk.open(&terminal.page);
    let alices = screen();
    let first = sign_in_by(&alices, &kiosk, "alice");
    assert!(!kiosk.source().contains(&first) && !kiosk.has(".qr"), "the code is taken down");
    let tokens = owed(state.path());
    assert_eq!(tokens.are_active(&PROVIDER), [true, true]);
    press(&kiosk, "sign-out");
    shows(&kiosk, "sign-in");
    tokens.are_dead(&PROVIDER);
    assert!(!kiosk.source().contains("alice"));
    assert!(kiosk.url().starts_with(&terminal.page), "the browser was never elsewhere");

    let bobs = screen();
    let second = sign_in_by(&bobs, &kiosk, "bob");
    assert_ne!(first, second);
    assert!(!kiosk.source().contains("alice"));
    // Alice's phone signs in nobody but herself, and only with the terminal's code.
    alices.open(&format!("{}/activate?user_code={first}", PROVIDER.issuer()));
    thread::sleep(Duration::from_millis(500));
    assert!(kiosk.text().contains("bob") && !kiosk.text().contains("alice"));
}

// REQ: CDX-02, DEV-24
#[test]
fn a_code_that_was_given_up_is_gone() {
    let state = state();
    let terminal = Terminal::at(&PROVIDER, &state, &["--wait", "8"]);
    let kiosk = screen();
    kiosk.open(&terminal.page);
    press(&kiosk, "sign-in");
    let (_, first) = code(&kiosk);
    press(&kiosk, "cancel");
    kiosk.wait_for(|kiosk| kiosk.text().contains("Welcome"), PAGES);
    assert!(!kiosk.source().contains(&first));
    press(&kiosk, "sign-in");
    let (_, second) = code(&kiosk);
    assert_ne!(first, second);
    // Nobody comes.
    kiosk.wait_for(|kiosk| kiosk.text().contains("Nobody finished in time"), PAGES);
    assert!(!kiosk.source().contains(&second));
    // The phone comes late, and nobody is signed in by it.
    let phone = screen();
    phone.open(&format!("{}/activate?user_code={second}", PROVIDER.issuer()));
    browser::sign_in(&phone, "alice");
    kiosk.wait_for(|kiosk| kiosk.text().contains("Welcome"), PAGES);
    assert!(!kiosk.source().contains("alice"));
}

/// Somebody begins with a code, and goes on here.
#[test]
fn the_user_may_choose_the_screen_and_the_phone() {
    let terminal = Terminal::demo(&["--language", "de"]);
    let kiosk = screen();
    kiosk.open(&terminal.page);
    press(&kiosk, "sign-in");
    code(&kiosk);
    assert!(kiosk.text().contains("Mit dem Telefon scannen"), "{}", kiosk.text());
    press(&kiosk, "fr");
    kiosk.wait_for(|kiosk| kiosk.text().contains("Scannez avec votre téléphone"), PAGES);
    press(&kiosk, "screen");
    kiosk.wait_for(|kiosk| kiosk.has("input[name=name]"), PAGES);
    // Back again: the page does not lead there by itself any more.
    thread::sleep(Duration::from_secs(5));
    kiosk.open(&terminal.page);
    press(&kiosk, "phone");
    code(&kiosk);
    press(&kiosk, "cancel");
    kiosk.wait_for(|kiosk| kiosk.text().contains("Willkommen"), PAGES);
}

/// The server lets this client go no other way: the terminal finds out, and lets the phone in itself. Who is signed in has
/// to be confirmed, for the phone may be that of anybody who sees the code.
// REQ: CDX-03, CDX-04
#[test]
fn without_a_device_grant_the_phone_comes_to_the_terminal() {
    let state = state();
    let more = ["--lan", "127.0.0.1:0", "--insecure-lan-redirect"];
    let terminal = Terminal::of(&PROVIDER, &state, "public-es256", &more);
    let kiosk = screen();
    kiosk.open(&terminal.page);
    let come = |login: &str| {
        press(&kiosk, "sign-in");
        let (address, code) = code(&kiosk);
        assert!(address.starts_with("http://127.0.0.1:"), "{address}");
        let phone = screen();
        phone.open(&address);
        phone.fill("input:not([type=hidden])", &code);
        phone.click("button");
        kiosk.wait_for(|kiosk| kiosk.text().contains("Please go on with your phone."), PAGES);
        assert!(!kiosk.source().contains(&code), "it is taken down");
        browser::sign_in(&phone, login);
        shows(&kiosk, "confirm");
        phone
    };

    let mallorys = come("mallory");
    assert!(
        kiosk.text().contains("Is this you?") && kiosk.text().contains("User mallory"),
        "{}",
        kiosk.text()
    );
    press(&kiosk, "cancel");
    shows(&kiosk, "sign-in");
    let not_signed_in = |phone: &Browser| phone.text().contains("not signed in");
    mallorys.wait_for(not_signed_in, PAGES);
    until(|| records(state.path()).is_empty().then_some(()));

    let alices = come("alice");
    press(&kiosk, "confirm");
    shows(&kiosk, "sign-out");
    assert!(kiosk.text().contains("User alice"), "{}", kiosk.text());
    alices.wait_for(|phone| phone.text().contains("You are signed in."), PAGES);
    let tokens = owed(state.path());
    assert_eq!(tokens.are_active(&PROVIDER), [true, true]);
    press(&kiosk, "sign-out");
    shows(&kiosk, "sign-in");
    until(|| (tokens.are_active(&PROVIDER) == [false, false]).then_some(()));
}
