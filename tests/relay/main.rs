//! Signing in with the browser of another device, by way of a relay.

mod drivers;
