//! A phone anywhere signs in, with a relay between it and the board.

use std::time::Duration;

use keyfob_emulator::{Board, Tls, Ways};
use keyfob_firmware_tests::{
    Running,
    equipment::Equipment,
    service::{Account, Service},
};
use keyfob_interop::browser::{self, Browser};

/// Waits until the page says so.
#[track_caller]
fn says(browser: &Browser, text: &str) {
    browser.wait_for(|browser| browser.text().contains(text), SOON);
}

/// The user enters the code at the relay's page, and goes on to the server.
#[track_caller]
fn go(equipment: &Equipment, running: &mut Running, account: &Account) {
    let Equipment { provider, browser: phone, .. } = equipment;
    let (address, code) = running.code();
    assert_eq!(address, format!("{}/", account.base));
    phone.open(&address);
    phone.fill("input[name=code]", &code);
    phone.click("button");
    says(phone, "Kettle in the kitchen");
    running.line("A phone is signing in.");
    phone.click("button");
    phone.wait_for(|phone| phone.url().starts_with(provider.issuer()), SOON);
}

// REQ: RELAY-01, RELAY-07, RELAY-12
#[test]
fn the_answer_comes_through_a_relay() {
    let account = Account::new("Kettle in the kitchen");
    let settings = [&account.settings()[..], &[("client_id", "ways-by-code")]].concat();
    let equipment = Equipment::with(Board::Mps2An386, Tls::P256, Ways::Relay, account.options(), &settings);
    let Equipment { device, browser: phone, .. } = &equipment;

    // Nobody answers there yet: the device says so, and there is no other way on this one.
    let mut running = device.start();
    running.line("Nobody is signed in");
    running.line("3 a phone, by way of a relay");
    running.press("3");
    running.line("The sign-in has failed");
    running.line("Not so: it did not answer. Going on with a code for the server's page.");
    running.line("There is no code: the server refused: invalid_request.");
    running.line("Nobody is signed in");
    running.line("- a phone, by way of a relay: it did not answer");
    drop(running);

    let service = Service::start(&account, &equipment);
    let mut running = device.start();
    running.line("Nobody is signed in");
    running.press("\r");
    running.line(
        "Not so: the server does not let this device do that (InvalidRequest). Going on with a phone, by way",
    );
    go(&equipment, &mut running, &account);

    // It is given up here, and the relay is told.
    running.press("q");
    running.line("The sign-in has failed: the sign-in was given up.");
    browser::sign_in(phone, "alice");
    says(phone, "Not signed in: it was cancelled on the device.");

    // The power goes while the phone is at the server.
    running.line("Nobody is signed in");
    running.press("3");
    go(&equipment, &mut running, &account);
    drop(running);
    let mut running = device.start();
    running.line("Nobody is signed in (NeverSignedIn).");

    // At the server.
    running.press("3");
    go(&equipment, &mut running, &account);
    browser::refuse(phone);
    running.line("The server says: access_denied");
    says(phone, "Not signed in: it was not allowed.");
    running.line("Nobody is signed in");

    running.press("3");
    go(&equipment, &mut running, &account);
    browser::sign_in(phone, "alice");
    running.line("The server gave tokens.");
    says(phone, "The device is signed in.");
    assert!(!phone.url().contains("code="), "{}", phone.url());
    running.line("Signed in as alice: User alice");

    // A device that is not told to the relay.
    running.press("o");
    running.line("Nobody is signed in");
    drop(running);
    let mut running = device.start_with(&[("relay_secret", "another-secret-of-the-same-length")]);
    running.line("Nobody is signed in");
    running.press("3");
    running.line("The sign-in has failed: ");
    running.line("Nobody is signed in");
    drop(service);
}

const SOON: Duration = Duration::from_secs(30);
