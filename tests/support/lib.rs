//! A scripted authorization server and all that is around it, in memory: no socket, no clock, no randomness, so
//! a whole sign-in with dropped, cut and corrupted answers runs at once and the same every time.
//!
//! - [`Server`](server::Server) knows the protocol and signs real ID tokens; it can be told to misbehave.
//! - [`Link`](link::Link) is the network to it, for both drivers, with a [`Fault`](fault::Fault) per request.
//! - [`Person`](person::Person) is the user with a browser, for both drivers.
//! - [`Conversation`](conversation::Conversation) is one run of a driver against them, with its transcript.
//! - [`stations`] are all flows in all their steps, for what must hold everywhere; [`Walk`](walk::Walk) leads one on to
//!   its end, as often as one likes.

pub mod answer;
pub mod bodies;
pub mod clients;
pub mod clock;
pub mod conversation;
pub mod device;
pub mod ether;
pub mod executor;
pub mod fault;
pub mod forgeries;
pub mod form;
pub mod id_token;
pub mod keys;
pub mod lan;
pub mod link;
pub mod nor_flash;
pub mod outcome;
pub mod person;
pub mod process_memory;
pub mod proofs;
pub mod relay;
pub mod seeds;
pub mod server;
pub mod stations;
pub mod suite;
pub mod time_driver;
pub mod transcript;
pub mod walk;
pub mod wire;
