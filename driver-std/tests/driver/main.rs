//! The driver against servers, proxies and browsers that do as they are told. Nothing leaves this machine.

mod desktop;
mod http;
mod loopback;
mod proxy;
mod quiet;
mod support;
mod tls;
