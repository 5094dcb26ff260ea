//! Where the portal is: its address, and its names.

use core::net::SocketAddrV4;

use keyfob_core::portal::Site;

/// Names beside the address.
const NAMES: usize = 3;

/// The port of plain http.
const HTTP: u16 = 80;

/// A site that gets its address while it is there.
pub(super) struct Place<'s> {
    pub(super) site: Site<'s>,
    address: Option<SocketAddrV4>,
    host: Host,
}

impl<'s> Place<'s> {
    pub(super) const fn new(site: Site<'s>) -> Self {
        Self { site, address: None, host: Host::EMPTY }
    }

    /// Takes note of where the portal is reached. `None`: as before, or nowhere; `Some(true)`: elsewhere than before.
    pub(super) fn settle(&mut self, address: Option<SocketAddrV4>) -> Option<bool> {
        let address = address.filter(|address| Some(*address) != self.address)?;
        self.host = Host::EMPTY;
        for (number, octet) in address.ip().octets().into_iter().enumerate() {
            self.host.text(if number > 0 { "." } else { "" });
            self.host.number(octet.into());
        }
        if address.port() != HTTP {
            self.host.text(":");
            self.host.number(address.port());
        }
        Some(self.address.replace(address).is_some())
    }

    /// Whether there is an address.
    pub(super) const fn is_somewhere(&self) -> bool {
        self.address.is_some()
    }

    /// Address and names, as they stand in `Host`.
    pub(super) fn hosts(&self) -> [&str; NAMES + 1] {
        let mut hosts = [""; NAMES + 1];
        let own = core::iter::once(self.host.as_str()).chain(self.site.hosts().iter().copied());
        hosts.iter_mut().zip(own).for_each(|(place, host)| *place = host);
        hosts
    }
}

/// An address as text. It is written by hand: how numbers and addresses are formatted otherwise takes more flash than all
/// that is done with them.
struct Host {
    octets: [u8; MAX_HOST],
    length: usize,
}

/// `255.255.255.255:65535`.
const MAX_HOST: usize = 21;

impl Host {
    const EMPTY: Self = Self { octets: [0; MAX_HOST], length: 0 };

    fn as_str(&self) -> &str {
        let octets = self.octets.get(..self.length).unwrap_or_default();
        core::str::from_utf8(octets).unwrap_or_default()
    }

    fn text(&mut self, text: &str) {
        text.bytes().for_each(|octet| self.push(octet));
    }

    fn number(&mut self, number: u16) {
        let mut began = false;
        for place in [10_000, 1000, 100, 10, 1] {
            let digit = number / place % 10;
            began |= digit > 0 || place == 1;
            if began {
                self.push(b'0'.wrapping_add(digit as u8));
            }
        }
    }

    fn push(&mut self, octet: u8) {
        // There is room for the longest one.
        if let Some(place) = self.octets.get_mut(self.length) {
            *place = octet;
            self.length = self.length.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::string::ToString;

    use keyfob_core::metadata::Metadata;

    use super::*;

    #[test]
    fn addresses_as_text() {
        for address in
            ["0.0.0.0:80", "10.0.200.7:80", "192.168.4.20:8080", "255.255.255.255:65535", "1.2.3.4:1"]
        {
            let mut place =
                Place::new(Site::new(&Metadata::new("https://op.example"), &["a", "b", "c", "d"]));
            let address: SocketAddrV4 = address.parse().expect("an address");
            assert_eq!(place.settle(Some(address)), Some(false));
            let text = address.to_string();
            assert_eq!(place.hosts(), [text.strip_suffix(":80").unwrap_or(&text), "a", "b", "c"]);
            assert_eq!((place.settle(Some(address)), place.settle(None)), (None, None));
            let other = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 80);
            assert_eq!(place.settle(Some(other)), Some(true));
        }
    }
}
