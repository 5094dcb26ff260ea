//! What the tests have in common.

pub mod child;
pub mod exchange;
pub mod server;
pub mod tls;
