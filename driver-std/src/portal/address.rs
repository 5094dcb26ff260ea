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
