//! A transport that remembers what was sent.

use keyfob_core::http::{Incoming, Request};
use keyfob_std::http::{Http, HttpError};

/// Another transport, and every request that it was given.
#[derive(Debug)]
pub struct Wiretap<'h, H> {
    http: &'h mut H,
    /// Addresses and bodies, in their order.
    pub sent: Vec<(String, String)>,
}

impl<'h, H: Http> Wiretap<'h, H> {
    /// Listens in on this one.
    pub fn new(http: &'h mut H) -> Self {
        Self { http, sent: Vec::new() }
    }

    /// Every value that was sent to the server under one of these names.
    pub fn values(&self, names: &[&str]) -> Vec<String> {
        let pairs =
            self.sent.iter().flat_map(|(_, body)| body.split('&')).filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| value.to_owned()).collect()
    }
}

impl<H: Http> Http for Wiretap<'_, H> {
    fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError> {
        self.sent.push((request.url().into(), String::from_utf8_lossy(request.body()).into_owned()));
        self.http.send(request)
    }

    fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError> {
        self.http.receive(incoming)
    }
}
