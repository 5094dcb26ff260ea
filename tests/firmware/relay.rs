//! A phone anywhere signs in, with a relay between it and the board.

use std::{
    fs,
    net::TcpListener,
    thread::{self, JoinHandle},
    time::Duration,
};

use keyfob_emulator::{Board, Tls, Ways};
use keyfob_firmware_tests::equipment::Equipment;
use keyfob_interop::{
    browser::{self, Browser},
    certificates::Leaf,
    provider::Options,
};
use keyfob_relay::{NewDevice, Relay, Settings};
use tokio::sync::oneshot;

/// A relay in this process, for one device.
struct Service {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts it there, with a certificate that the board trusts.
    fn start(port: u16, equipment: &Equipment, device: &NewDevice) -> Self {
        let devices = equipment.device.folder().join("devices.toml");
        fs::write(&devices, device.entry.as_bytes()).expect("it can be written");
        let issuer = equipment.provider.issuer();
        let issued = equipment.provider.authority().issue(Leaf::Valid);
        let mut settings =
            Settings::new(([127, 0, 0, 1], port).into(), devices, format!("{issuer}/authorize"));
        settings.public_url = Some(format!("https://localhost:{port}"));
        settings.tls = Some(keyfob_relay::Tls { certificate: issued.certificate_file, key: issued.key_file });
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = oneshot::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let relay = Relay::start(settings).await.expect("the relay starts");
                ready.send(()).expect("somebody waits");
                let _ = stopped.await;
                relay.stop().await;
            });
        });
        started.blocking_recv().expect("the relay starts");
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits until the page says so.
#[track_caller]
fn says(browser: &Browser, text: &str) {
    browser.wait_for(|browser| browser.text().contains(text), SOON);
}

// REQ: RELAY-01, RELAY-07, RELAY-12
#[test]
fn the_answer_comes_through_a_relay() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let base = format!("https://localhost:{port}");
    let own = NewDevice::generate("Kettle in the kitchen").expect("random octets");
    let options =
        Options { https: true, redirect_uris: vec![format!("{base}/callback")], ..Options::default() };
    let settings = [
        ("client_id", "appliance-code"),
        ("relay", &base),
        ("relay_id", &own.id),
        ("relay_secret", own.secret.as_str()),
    ];
    let equipment = Equipment::with(Board::Mps2An386, Tls::P256, Ways::Relay, options, &settings);
    let Equipment { device, provider, browser: phone } = &equipment;

    // Nobody answers there yet: the device says so, and there is no other way on this one.
    drop(listener);
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

    let service = Service::start(port, &equipment, &own);
    let mut running = device.start();
    running.line("Nobody is signed in");
    running.press("\r");
    running.line(
        "Not so: the server does not let this device do that (InvalidRequest). Going on with a phone, by way",
    );
    let (address, code) = running.code();
    assert_eq!(address, format!("{base}/"));
    phone.open(&address);
    phone.fill("input[name=code]", &code);
    phone.click("button");
    says(phone, "Kettle in the kitchen");
    running.line("A phone is signing in.");
    phone.click("button");
    phone.wait_for(|phone| phone.url().starts_with(provider.issuer()), SOON);
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
