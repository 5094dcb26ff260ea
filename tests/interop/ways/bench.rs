//! A provider, and what stands between it and a device.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::OnceLock,
};

use keyfob_core::{client::Client, metadata::Metadata};
use keyfob_interop::provider::{Options, Provider};

use crate::relay::{self, Relay};

/// What a test is done with.
pub struct Bench {
    pub provider: Provider,
    /// Where the device has its portal: an address that is not the one of everything else here.
    pub portal: SocketAddr,
    /// An address where nothing listens.
    pub nowhere: String,
    relay_address: SocketAddr,
    relay: OnceLock<Relay>,
}

impl Bench {
    /// A provider of its own, so that what it saw is of this test.
    pub fn new() -> Self {
        let portal = free(Ipv4Addr::new(127, 0, 0, 20));
        let relay_address = free(Ipv4Addr::LOCALHOST);
        let redirect_uris =
            vec![format!("http://{portal}/callback"), format!("{}/callback", relay::base(relay_address))];
        let provider = Provider::start(Options { redirect_uris, ..Options::default() });
        let nowhere = format!("http://{}/callback", free(Ipv4Addr::LOCALHOST));
        Self { provider, portal, nowhere, relay_address, relay: OnceLock::new() }
    }

    /// The relay, which starts when it is asked for.
    pub fn relay(&self) -> &Relay {
        let authorization_endpoint = format!("{}/authorize", self.provider.issuer());
        self.relay.get_or_init(|| Relay::start(self.relay_address, &authorization_endpoint))
    }

    /// What the relay wrote to its log, if it was started.
    pub fn relay_log(&self) -> Option<String> {
        self.relay.get().map(Relay::log)
    }

    /// The relay ends, without a word.
    pub fn kill_relay(&mut self) {
        self.relay.take();
    }

    /// How many requests to the token endpoint went well that had this grant.
    #[track_caller]
    pub fn tokens_given(&self, grant: &str) -> usize {
        let seen = self.provider.seen_at("/oauth/token");
        seen.iter()
            .filter(|request| request["values"]["grant_type"] == grant && request["status"] == 200)
            .count()
    }

    /// How many codes were brought to the token endpoint.
    #[track_caller]
    pub fn codes_used(&self) -> usize {
        let seen = self.provider.seen_at("/oauth/token");
        seen.iter().filter(|request| request["values"]["grant_type"] == "authorization_code").count()
    }
}

/// A device with pages elsewhere.
pub fn elsewhere(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "ways").scope(SCOPE).lifetime(PATIENCE)
}

/// A native application.
pub fn native(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "public").scope(SCOPE).lifetime(PATIENCE)
}

/// A device that only shows codes.
pub fn device(metadata: Metadata<'_>) -> Client<'_> {
    Client::new(metadata, "device").scope(SCOPE).lifetime(PATIENCE)
}

/// A port that was free a moment ago.
fn free(address: Ipv4Addr) -> SocketAddr {
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    listener.local_addr().expect("is bound")
}

/// Seconds for a sign-in; a test that goes wrong is not to take long.
const PATIENCE: u32 = 60;
const SCOPE: &[&str] = &["openid", "offline_access", "profile"];
