//! What a test needs: a board, its server, and its user's browser.

use keyfob_emulator::{Board, Tls, Ways, build};
use keyfob_interop::{
    browser::{self, Browser},
    provider::{Options, Provider},
};

use crate::Device;

/// A board, its server, and its user's browser.
pub struct Equipment {
    /// The board.
    pub device: Device,
    /// The server.
    pub provider: Provider,
    /// A browser that is not in the board's network.
    pub browser: Browser,
}

impl Equipment {
    /// A board that has no way but the server's page.
    pub fn new(board: Board, tls: Tls) -> Self {
        let options = Options { https: tls != Tls::None, ..Options::default() };
        Self::with(board, tls, Ways::Code, options, &[])
    }

    /// A board with these ways, at such a server and with further settings.
    pub fn with(board: Board, tls: Tls, ways: Ways, options: Options, settings: &[(&str, &str)]) -> Self {
        let https = options.https;
        let provider = Provider::start(options);
        let settings = [settings, &[("issuer", provider.issuer())]].concat();
        let firmware = build(board, tls, ways).unwrap_or_else(|sentence| panic!("{sentence}"));
        let mut device = Device::new(board, &firmware, &settings);
        if https {
            device.put("authority.der", &provider.authority().ca_der());
        }
        let options = browser::Options { accept_insecure_certs: https };
        let browser = match ways {
            Ways::Portal | Ways::Every => phone(&mut device),
            Ways::Code | Ways::Relay => Browser::phone(options, &[]),
        };
        Self { device, provider, browser }
    }

    /// Another phone in the board's network.
    pub fn other_phone(&mut self) -> Browser {
        phone(&mut self.device)
    }
}

fn phone(device: &mut Device) -> Browser {
    let place = device.forward().to_string();
    Browser::phone(browser::Options { accept_insecure_certs: true }, &[(ADDRESS, &place)])
}

/// The board's address, which is what the phone asks for.
pub const ADDRESS: &str = "10.0.2.15";

/// What looks like a token of this server: 43 characters of base64url or more.
pub fn tokens(flash: &[u8]) -> Vec<&str> {
    let is_text = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_".contains(octet);
    let texts = flash.split(|octet| !is_text(octet)).filter(|text| text.len() >= 43);
    texts.map(|text| str::from_utf8(text).expect("it is ASCII")).collect()
}
