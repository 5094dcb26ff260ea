//! Keyfob core.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod claims;
pub mod client;
pub mod client_authentication;
pub mod entropy;
pub mod error;
pub mod exchange;
pub mod flow;
pub mod http;
pub mod id_token;
pub mod jwk;
pub mod jws;
pub mod metadata;
pub mod secret;
pub mod time;
pub mod token;

mod encoding;
mod error_code;
mod memory;
mod name;
mod pkce;
mod redirect;
mod sieve;

pub use crate::sieve::Keep;
