//! A relay: it takes the answer of a sign-in for a device that a browser cannot reach.
//!
//! The device opens a mailbox, named by the hash of its `state`, and shows the relay's code. The user opens the relay's
//! page, types the code, and is sent to the server; the answer comes back to the relay, which seals it to the device's
//! key and hands it over, once. The relay holds nothing that redeems the answer: verifier, secrets and keys stay in the
//! device (RFC 7636 §1).
//!
//! ```no_run
//! use keyfob_relay::{Relay, Settings};
//!
//! # async fn example() -> Result<(), String> {
//! let listen = "127.0.0.1:8080".parse().expect("an address");
//! let relay = Relay::start(Settings::new(listen, "devices.toml", "https://op.example/authorize")).await?;
//! println!("{}", relay.public_url());
//! relay.stop().await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod browser;
mod clock;
mod code;
mod device;
mod keys;
mod listener;
mod log;
mod metrics;
mod pages;
mod registry;
mod relay;
mod request;
mod seal;
mod service;
mod settings;
mod store;
mod waiters;
mod words;

pub use crate::{
    clock::Clock,
    keys::Keys,
    log::log_to,
    registry::NewDevice,
    relay::Relay,
    settings::{Brand, Limits, ProxyHeader, Settings, StoreKind, Tls},
    store::{Rules, Tries},
};
