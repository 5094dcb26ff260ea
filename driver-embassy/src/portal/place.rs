//! Where the portal is: its address, and its names.

use core::{
    fmt::{self, Write as _},
    net::SocketAddr,
};

use keyfob_core::portal::Site;

/// Names beside the address.
const NAMES: usize = 3;

/// The port of plain http.
const HTTP: u16 = 80;

/// A site that gets its address while it is there.
pub(super) struct Place<'s> {
    pub(super) site: Site<'s>,
    address: Option<SocketAddr>,
    host: Host,
}

impl<'s> Place<'s> {
    pub(super) const fn new(site: Site<'s>) -> Self {
        Self { site, address: None, host: Host::EMPTY }
    }

    /// Takes note of where the portal is reached. `None`: as before, or nowhere; `Some(true)`: elsewhere than before.
    pub(super) fn settle(&mut self, address: Option<SocketAddr>) -> Option<bool> {
        let address = address.filter(|address| Some(*address) != self.address)?;
        self.host = Host::EMPTY;
        // There is room for the longest address.
        let _ = match address.port() {
            HTTP if address.is_ipv6() => write!(self.host, "[{}]", address.ip()),
            HTTP => write!(self.host, "{}", address.ip()),
            _ => write!(self.host, "{address}"),
        };
        Some(self.address.replace(address).is_some())
    }

    /// Whether there is an address.
    pub(super) const fn is_somewhere(&self) -> bool {
        self.address.is_some()
    }

    /// Address and names, as they stand in `Host`.
    pub(super) fn hosts(&self) -> [&str; NAMES + 1] {
        let mut hosts = [""; NAMES + 1];
        let own = core::iter::once(self.host.text()).chain(self.site.hosts().iter().copied());
        hosts.iter_mut().zip(own).for_each(|(place, host)| *place = host);
        hosts
    }
}

/// An address as text: an IPv6 address with its brackets, and a port.
struct Host {
    octets: [u8; 64],
    length: usize,
}

impl Host {
    const EMPTY: Self = Self { octets: [0; 64], length: 0 };

    fn text(&self) -> &str {
        let octets = self.octets.get(..self.length).unwrap_or_default();
        core::str::from_utf8(octets).unwrap_or_default()
    }
}

impl fmt::Write for Host {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            *self.octets.get_mut(self.length).ok_or(fmt::Error)? = octet;
            self.length = self.length.saturating_add(1);
        }
        Ok(())
    }
}
