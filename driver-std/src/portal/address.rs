//! Where a portal is: its port, and its hosts.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
};

use keyfob_core::portal::Site;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be let in.
const BACKLOG: i32 = 128;

/// Takes a port, at which nobody is heard yet.
pub(super) fn take_port(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Elsewhere this has another meaning: it takes ports away from others.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

pub(super) fn listen(socket: Socket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The address as it stands in `Host`; empty if it stands for all.
pub(super) fn authority(address: SocketAddr) -> String {
    let host = match address.ip() {
        ip if ip.is_unspecified() => return String::new(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    if address.port() == 80 { host } else { format!("{host}:{}", address.port()) }
}

/// The hosts of the site, and its address.
pub(super) fn hosts<'h>(site: &Site<'h>, authority: &'h str) -> Vec<&'h str> {
    let own = Some(authority).filter(|own| !own.is_empty() && !site.hosts().contains(own));
    site.hosts().iter().copied().chain(own).collect()
}

#[cfg(test)]
mod tests {
    use keyfob_core::metadata::Metadata;

    use super::*;

    #[test]
    fn an_address_is_written_as_browsers_do() {
        for (address, written) in [
            ("192.168.4.20:80", "192.168.4.20"),
            ("192.168.4.20:8080", "192.168.4.20:8080"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("[2001:db8::1]:8080", "[2001:db8::1]:8080"),
            // The zone is nobody's but this machine's (RFC 6874 §3).
            ("[fe80::1%2]:80", "[fe80::1]"),
            ("0.0.0.0:80", ""),
            ("[::]:80", ""),
        ] {
            assert_eq!(authority(address.parse().expect("is literal")), written);
        }
    }

    #[test]
    fn the_address_is_one_of_the_hosts() {
        let server = Metadata::new("https://op.example");
        let named = ["kettle.local", "192.168.4.20"];
        for (site, own, expected) in [
            (Site::new(&server, &[]), "192.168.4.20", &["192.168.4.20"][..]),
            (Site::new(&server, &named), "192.168.4.77", &["kettle.local", "192.168.4.20", "192.168.4.77"]),
            (Site::new(&server, &named), "192.168.4.20", &named),
            (Site::new(&server, &named), "", &named),
        ] {
            assert_eq!(hosts(&site, own), expected);
        }
    }
}
