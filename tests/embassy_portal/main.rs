//! The portal of a chip: sockets of `embassy-net`, phones, and who attacks it, each with a network stack of its own.

mod access_log;
mod attacks;
mod device;
mod mdns;
mod network;
mod sign_in;
