//! A phone in the board's network signs in.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use keyfob_emulator::{Board, Tls, Ways};
use keyfob_firmware_tests::{
    Running,
    equipment::{Equipment, tokens},
};
use keyfob_interop::{
    browser::{self, Browser},
    provider::Options,
};

/// A board whose phones come back to it, or bring an address back, as `settings` say.
fn equipment(board: Board, settings: &[(&str, &str)]) -> Equipment {
    let redirect_uris =
        ["http://10.0.2.15/callback", "http://127.0.0.1/callback"].map(str::to_owned).to_vec();
    let options = Options { https: true, redirect_uris, ..Options::default() };
    Equipment::with(board, Tls::P256, Ways::Portal, options, settings)
}

const COMES_BACK: [(&str, &str); 2] = [("client_id", "ways"), ("insecure_lan_redirect", "yes")];

/// Waits until the page says so.
#[track_caller]
fn says(browser: &Browser, text: &str) {
    browser.wait_for(|browser| browser.text().contains(text), SOON);
}

/// Types the code that the console shows.
#[track_caller]
fn enter(phone: &Browser, running: &mut Running) {
    let (address, code) = running.code();
    assert_eq!(address, "http://10.0.2.15/");
    phone.open(&address);
    phone.fill("input[name=code]", &code);
    phone.click("button");
}

/// Waits for the server's page.
#[track_caller]
fn at_server(phone: &Browser) {
    phone.wait_for(|phone| phone.url().starts_with("https://localhost:"), SOON);
}

/// Waits for the server's page, and signs in there.
#[track_caller]
fn sign_in(phone: &Browser, login: &str) {
    at_server(phone);
    browser::sign_in(phone, login);
}

/// Whether the board closes connections as soon as they come: nobody listens there.
fn is_closed(equipment: &Equipment) -> bool {
    let mut stream = connect(equipment);
    // A portal would wait longer for a request.
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("it is open");
    !stream.read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// The status of a request, with this host and no cookie. To the board, all phones here have one address, and for so many
/// connections from there it may have no place for a moment.
#[track_caller]
fn status(equipment: &Equipment, host: &str) -> String {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let deadline = Instant::now() + SOON;
    loop {
        let (mut stream, mut line) = (connect(equipment), [0; 12]);
        let answered = stream.write_all(request.as_bytes()).and_then(|()| stream.read_exact(&mut line));
        match answered {
            Ok(()) => return String::from_utf8_lossy(&line).into_owned(),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn connect(equipment: &Equipment) -> TcpStream {
    let place = equipment.device.wiring.forward.expect("it is forwarded");
    TcpStream::connect(place).expect("QEMU takes all connections")
}

// REQ: PORTAL-08, PORTAL-09, PORTAL-10, PORTAL-19, PORTAL-24, CDX-01, CDX-03, CDX-07
#[test]
fn it_comes_back_and_the_user_confirms() {
    let mut equipment = equipment(Board::Mps2An386, &COMES_BACK);
    let other = equipment.other_phone();
    let Equipment { device, provider, browser: phone } = &equipment;
    let mut running = device.start();
    running.line("Nobody is signed in (NeverSignedIn).");
    running.line("1 a code for the server's page (Enter)");
    running.line("- a browser on this device: this device lacks it (Browser)");
    running.line("- a phone, by way of a relay: this device lacks it (Relay)");
    running.line("4 a phone that brings an address back");
    running.line("5 a phone that comes back to this device");
    assert!(is_closed(&equipment));
    running.press("2");
    running.line("That way is closed: this device lacks it (Browser).");
    running.line("Nobody is signed in");
    running.press("5");
    let (address, code) = running.code();
    assert_eq!(address, "http://10.0.2.15/");

    // Who does not see the screen gets nowhere.
    phone.open(&address);
    phone.fill("input[name=code]", if code.starts_with('B') { "CCCC-CCCC" } else { "BBBB-BBBB" });
    phone.click("button");
    says(phone, "This is not the code on the screen.");
    phone.fill("input[name=code]", &code);
    phone.click("button");
    running.line("A phone is signing in.");
    // Nor does who comes second.
    other.open(&address);
    says(&other, "Another phone is signing in.");
    assert_eq!(status(&equipment, "10.0.2.15"), "HTTP/1.1 409");
    assert_eq!(status(&equipment, "keyfob.local"), "HTTP/1.1 409");
    assert_eq!(status(&equipment, "evil.example"), "HTTP/1.1 421");
    sign_in(phone, "mallory");
    running.line("Sign in as mallory? y or n");
    says(phone, "Look at the device.");
    assert!(!phone.url().contains("code="), "{}", phone.url());
    running.press("n");
    says(phone, "You are not signed in: it was not allowed.");
    running.line("Wrong codes: 1; answers of other sign-ins: 0.");
    running.line("Refused here.");
    running.line("Signed out: Revoked.");
    running.line("Nobody is signed in");
    assert_eq!(tokens(&device.flash()), [""; 0]);
    assert!(provider.seen_at("/oauth/revoke").iter().all(|seen| seen["status"] == 200));
    assert!(provider.seen_at("/userinfo").is_empty());
    assert!(is_closed(&equipment));

    // By its picture this time, and by the right one.
    running.press("\r");
    let link = running.scan();
    assert!(link.starts_with("http://10.0.2.15/?t=") && link.len() == 36, "{link}");
    other.open(&link);
    other.click("button");
    sign_in(&other, "alice");
    running.line("Sign in as alice? y or n");
    says(&other, "Look at the device.");
    running.press("y");
    says(&other, "You are signed in.");
    running.line("Signed in as alice: User alice");
    assert!(is_closed(&equipment));
    assert!(!tokens(&device.flash()).is_empty());
}

#[test]
fn it_is_given_up_and_refused() {
    let equipment = equipment(Board::Mps2An386, &COMES_BACK);
    let Equipment { device, browser: phone, .. } = &equipment;
    let mut running = device.start();
    running.line("Nobody is signed in");

    // With the device's key, before and after a phone came.
    running.press("5");
    running.code();
    running.press("q");
    running.line("The sign-in has failed: the sign-in was given up.");
    running.line("Nobody is signed in");
    assert!(is_closed(&equipment));
    running.press("5");
    enter(phone, &mut running);
    running.line("A phone is signing in.");
    at_server(phone);
    // Or another phone is let in, and the one that was lost has no way back.
    running.press("r");
    running.code();
    sign_in(phone, "alice");
    says(phone, "This address does not belong to the sign-in that is waiting here.");
    running.press("q");
    running.line("The sign-in has failed: the sign-in was given up.");
    running.line("Nobody is signed in");
    assert!(is_closed(&equipment));

    // At the server: nobody is asked again by another way.
    running.press("5");
    enter(phone, &mut running);
    browser::refuse(phone);
    says(phone, "You are not signed in: it was not allowed.");
    running.line("The server says: access_denied");
    running.line("Nobody is signed in");

    // The power goes while a phone is at the server.
    running.press("5");
    enter(phone, &mut running);
    at_server(phone);
    drop(running);
    let mut running = device.start();
    running.line("Nobody is signed in (NeverSignedIn).");
    assert!(is_closed(&equipment));
    sign_in(phone, "alice");
    assert!(phone.url().starts_with("http://10.0.2.15/callback?code="), "{}", phone.url());
    running.press("5");
    enter(phone, &mut running);
    sign_in(phone, "alice");
    running.line("Sign in as alice? y or n");
    running.press("y");
    running.line("Signed in as alice");
}

// REQ: PORTAL-29
#[test]
fn it_brings_an_address_back() {
    // The server's page is closed for this client, so it is tried, and another way follows.
    let equipment = equipment(Board::Virt, &[("client_id", "ways-by-code")]);
    let Equipment { device, browser: phone, .. } = &equipment;
    let mut running = device.start();
    running.line("Nobody is signed in");
    running.line("- a phone that comes back to this device: the answer would cross the network unencrypted");
    running.press("\r");
    running.line("Asking for a code.");
    running.line("Not so: the server does not let this device do that (InvalidRequest). Going on with a phone that brings");
    enter(phone, &mut running);
    running.line("A phone is signing in.");
    says(phone, "Copy the whole address");
    phone.click("form[action='/go'] button");
    phone.go_to_tab(1);
    sign_in(phone, "alice");
    let address = phone.url();
    assert!(address.starts_with("http://127.0.0.1/callback?code="), "{address}");

    // One that is of no sign-in here, and then the right one.
    phone.go_to_tab(0);
    phone.fill("textarea", &address.replace("state=", "state=x"));
    phone.click("form[action='/paste'] button");
    says(phone, "This does not belong to the sign-in that is waiting.");
    phone.fill("textarea", &address);
    phone.click("form[action='/paste'] button");
    running.line("Sign in as alice? y or n");
    says(phone, "Look at the device.");
    running.press("y");
    says(phone, "You are signed in.");
    running.line("Signed in as alice");
}

const SOON: Duration = Duration::from_secs(30);
