//! The driver against servers, proxies and browsers that do as they are told. Nothing leaves this machine.

// The browser of these tests is a shell script.
#[cfg(unix)]
mod desktop;
mod http;
mod loopback;
mod proxy;
#[cfg(unix)]
mod quiet;
mod support;
mod tls;
