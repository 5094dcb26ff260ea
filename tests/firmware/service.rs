//! A relay beside a test.

use std::{
    fs,
    net::TcpListener,
    thread::{self, JoinHandle},
};

use keyfob_interop::{certificates::Leaf, provider::Options};
use keyfob_relay::{NewDevice, Relay, Settings};
use tokio::sync::oneshot;

use crate::equipment::Equipment;

/// A device's account at a relay that may not be there yet.
pub struct Account {
    /// The relay's address.
    pub base: String,
    port: u16,
    device: NewDevice,
}

impl Account {
    /// For a device of this name.
    pub fn new(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let device = NewDevice::generate(name).expect("random octets");
        Self { base: format!("https://localhost:{port}"), port, device }
    }

    /// The board's settings.
    pub fn settings(&self) -> [(&'static str, &str); 3] {
        [("relay", &self.base), ("relay_id", &self.device.id), ("relay_secret", self.device.secret.as_str())]
    }

    /// A server that sends browsers there.
    pub fn options(&self) -> Options {
        let redirect_uris = vec![format!("{}/callback", self.base)];
        Options { https: true, redirect_uris, ..Options::default() }
    }
}

/// A relay in this process, for one device.
pub struct Service {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts it there, with a certificate that the board trusts.
    pub fn start(account: &Account, equipment: &Equipment) -> Self {
        let Account { base, port, device } = account;
        let devices = equipment.device.folder().join("devices.toml");
        fs::write(&devices, device.entry.as_bytes()).expect("it can be written");
        let issuer = equipment.provider.issuer();
        let issued = equipment.provider.authority().issue(Leaf::Valid);
        let mut settings =
            Settings::new(([127, 0, 0, 1], *port).into(), devices, format!("{issuer}/authorize"));
        settings.public_url = Some(base.clone());
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
