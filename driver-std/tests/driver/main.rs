//! The driver against servers, proxies and browsers that do as they are told. Nothing leaves this machine.

// The browser of these tests is a shell script.
#[cfg(unix)]
mod desktop;
mod http;
mod loopback;
// Its phones have addresses that only Linux has without asking.
#[cfg(target_os = "linux")]
mod portal;
mod proxy;
#[cfg(unix)]
mod quiet;
mod support;
mod tls;
