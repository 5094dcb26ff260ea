//! The OAuth 2.0 and OpenID Connect client for things that are not web servers: no `std`, no heap, no I/O.
//!
//! A [`Flow`](flow::Flow) is a state machine. Ask it what to do, do it, tell it what came of it:
//!
//! ```
//! use keyfob_core::{
//!     client::Client,
//!     error::Error,
//!     flow::{Action, AuthorizationCode, Event, Flow, Redirect},
//!     http::Incoming,
//!     metadata::Metadata,
//!     secret::{Buffer, Seed},
//! };
//! # use keyfob_core::{http::Request, time::Now};
//! # struct Modem;
//! # impl Modem {
//! #     fn send(&mut self, _: &Request) {}
//! #     fn receive(&mut self, incoming: &mut Incoming) {
//! #         incoming.status(200);
//! #         incoming.header("content-type", b"application/json");
//! #         incoming.body(br#"{"access_token":"at","token_type":"Bearer"}"#);
//! #     }
//! # }
//! # struct Phone(String);
//! # impl Phone {
//! #     fn show(&mut self, url: &str) {
//! #         let state = url.split("state=").nth(1).unwrap().split('&').next().unwrap();
//! #         self.0 = format!("com.example.app:/callback?code=abc&state={state}");
//! #     }
//! #     fn wait<'p>(&'p self) -> &'p str { &self.0 }
//! # }
//! # fn random() -> [u8; 32] { core::array::from_fn(|place| place as u8) }
//! # fn now() -> Now { Now::unknown(0) }
//! # fn store(token: &str) { assert_eq!(token, "at") }
//!
//! const SERVER: Metadata = Metadata::new("https://op.example")
//!     .authorization_endpoint("https://op.example/authorize")
//!     .token_endpoint("https://op.example/token");
//! static CLIENT: Client = Client::oauth(SERVER, "client-id").redirect_uri("com.example.app:/callback");
//!
//! # fn main() -> Result<(), Error> {
//! # let (mut modem, mut phone) = (Modem, Phone(String::new()));
//! let mut buffer = Buffer::<2048>::new(); // requests and responses in turn; wiped on drop
//! let mut flow = AuthorizationCode::<512>::new(&CLIENT, Seed::new(random())?, now())?;
//! loop {
//!     let tokens = match flow.poll(now(), &mut buffer)? {
//!         Action::Authorize(url) => {
//!             phone.show(url);
//!             flow.handle(now(), Event::Redirect(Redirect::Url(phone.wait())))?
//!         }
//!         Action::Send(request) => {
//!             modem.send(&request);
//!             let mut incoming = Incoming::new(request.keep(), &mut buffer);
//!             modem.receive(&mut incoming);
//!             flow.handle(now(), Event::Response(incoming.finish().0))?
//!         }
//!         _ => break,
//!     };
//!     if let Some(tokens) = tokens {
//!         store(tokens.access_token());
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`poll`](flow::Flow::poll) takes `&self` and changes nothing: after a failed send, a reset or a power loss,
//!   poll again for the same octets.
//! - Answers pass a sieve: pieces of any size go into an [`Incoming`](http::Incoming), and only the members that
//!   the step asked for stay in the buffer, decoded. A key set of 256 KiB passes through 1 KiB.
//! - A user's claims can be read only from an [`IdToken`](id_token::IdToken), and there is none that has not
//!   passed signature and every rule.
//! - One [`Seed`](secret::Seed) of 32 octets is all the randomness and the one secret of a flow. With what the
//!   server chose it is all that a [snapshot](flow::Flow::save) holds.
//! - [`Error`](error::Error) is two registers large, carries no text, and leaves the flow as it was.
//!
//! # Where is what
//!
//! | module | what | source |
//! | --- | --- | --- |
//! | [`flow`] | code flow, pushed or not; device grant; refresh; client credentials, assertions | RFC 6749 §4.1, §4.4, §6; RFC 7523; RFC 7636; RFC 8628; RFC 9126; RFC 9207; OIDC Core §3.1, §12 |
//! | [`plan`] | which way a user can sign in on this device | RFC 8252; RFC 8628; RFC 9700 §2.6 |
//! | [`portal`] | the web server that a device, or a desktop, shows to the user's browser | RFC 8252 §7.3; RFC 9110; RFC 9112 |
//! | [`relay`] | a service that holds the response for a device, which [`flow::Relayed`] fetches | RFC 9180; RFC 9700 §2.6 |
//! | [`qr`] | the address for another device, to scan | ISO/IEC 18004 |
//! | [`exchange`] | discovery, keys, UserInfo, revocation | OIDC Discovery §4; RFC 8414; RFC 7517 §5; OIDC Core §5.3; RFC 7009 |
//! | [`session`] | staying signed in, through losses of power | RFC 6749 §6; RFC 9700 §4.14 |
//! | [`sign_out`] | taking tokens back, also later | RFC 7009 |
//! | [`end_session`] | signing out at the server | RP-Initiated Logout 1.0; Front-Channel Logout 1.0 |
//! | [`logout_token`] | the server signs a user out here | Back-Channel Logout 1.0 |
//! | [`client`], [`client_authentication`] | who asks, for what, and how it authenticates | RFC 6749 §2, RFC 8252 |
//! | [`dpop`] | tokens that serve only who holds a key | RFC 9449 |
//! | [`metadata`] | the server's endpoints and abilities | RFC 8414 §2 |
//! | [`http`] | what crosses to a driver | RFC 9110 |
//! | [`token`], [`id_token`], [`claims`] | what a sign-in brings | RFC 6749 §5; OIDC Core §2, §5 |
//! | [`provider`], [`quirks`] | well-known servers, and what servers do differently | their documentation |
//! | [`jws`], [`jwk`], [`cache`] | signatures, keys, and how long to keep them | RFC 7515, RFC 7517, RFC 7518 |
//! | [`secret`], [`entropy`], [`time`] | what the caller brings | RFC 5869 |
//! | [`error`] | what can go wrong, and what to do then | RFC 6749 §4.1.2.1, §5.2 |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// No panic that input can reach; the link-time proof of `tests/link` shows the same of what is linked.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

pub mod cache;
pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod dpop;
pub mod end_session;
pub mod entropy;
pub mod error;
pub mod exchange;
pub mod flow;
pub mod http;
pub mod id_token;
pub mod jwk;
pub mod jws;
pub mod logout_token;
pub mod metadata;
pub mod plan;
pub mod portal;
pub mod provider;
pub mod qr;
pub mod quirks;
pub mod relay;
pub mod secret;
pub mod session;
pub mod sign_out;
pub mod time;
pub mod token;

mod client_assertion;
mod encoding;
mod error_code;
mod hash;
mod jwt;
mod memory;
mod name;
mod pace;
mod pkce;
mod redirect;
mod sieve;

pub use crate::sieve::Keep;
