//! A name for the portal in its network: `kettle.local` (RFC 6762), and a service that lists it (RFC 6763).
//!
//! Names are a convenience: whoever is in the network can answer for them too. So the QR code of a
//! [`Portal`](crate::portal::Portal) holds the address, and nothing secret is told here. Let it answer only while a sign-in
//! is wanted:
//!
//! ```
//! # use core::future::Future;
//! # use embassy_net::Stack;
//! # use keyfob_embassy::mdns::{Mdns, Room};
//! async fn named<F: Future>(stack: Stack<'_>, sign_in: F) -> F::Output {
//!     let mut room = Room::new();
//!     let mut mdns = Mdns::new(stack, "kettle", "Kettle in the kitchen", 80, &mut room);
//!     mdns.beside(sign_in).await
//! }
//! ```
//!
//! The stack needs a socket for it, and the driver of its interface has to let frames to many through. Two devices of one
//! name are not told apart: make the name of something that only this device has.

use core::{
    future::{Future, poll_fn},
    net::Ipv4Addr,
    pin::pin,
    task::Poll,
};

use edge_mdns::{
    HostAnswersMdnsHandler, MdnsHandler, MdnsRequest, MdnsResponse,
    domain::base::Ttl,
    host::{Host, Service, ServiceAnswers},
};
use embassy_net::{
    IpAddress, IpEndpoint, Stack,
    udp::{PacketMetadata, UdpMetadata, UdpSocket},
};
use embassy_time::{Duration, Instant, Timer, with_deadline};

use crate::log::event;

/// The port, and the group that is asked (RFC 6762 §3).
const PORT: u16 = 5353;
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Seconds that others may keep what names a host (RFC 6762 §10).
const LIFE: u32 = 120;

/// The hop limit that receivers check (RFC 6762 §11).
const HOPS: u8 = 255;

/// Octets of a label (RFC 1035 §2.3.4).
const LABEL: usize = 63;

/// Octets of an answer.
const ANSWER: usize = 512;

/// Questions that are answered in a second.
const ANSWERS: u8 = 10;

/// It is said twice, a second apart, that somebody is there (RFC 6762 §8.3).
const ANNOUNCEMENTS: u8 = 2;

const SECOND: Duration = Duration::from_secs(1);

/// The memory of a name.
pub struct Room {
    rx_metadata: [PacketMetadata; 4],
    tx_metadata: [PacketMetadata; 2],
    rx: [u8; 1024],
    tx: [u8; ANSWER],
    answer: [u8; ANSWER],
}

impl Room {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            rx_metadata: [PacketMetadata::EMPTY; 4],
            tx_metadata: [PacketMetadata::EMPTY; 2],
            rx: [0; 1024],
            tx: [0; ANSWER],
            answer: [0; ANSWER],
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// Answers who asks for the device's name.
pub struct Mdns<'d> {
    stack: Stack<'d>,
    socket: UdpSocket<'d>,
    answer: &'d mut [u8],
    name: &'d str,
    service: &'d str,
    port: u16,
    address: Option<Ipv4Addr>,
}

impl<'d> Mdns<'d> {
    /// For a portal at this port of the device: `name` is its host name without `.local`, `service` what a list of services
    /// calls it. Of both, 63 octets count.
    pub fn new(stack: Stack<'d>, name: &'d str, service: &'d str, port: u16, room: &'d mut Room) -> Self {
        let Room { rx_metadata, tx_metadata, rx, tx, answer } = room;
        let mut socket = UdpSocket::new(stack, rx_metadata, rx, tx_metadata, tx);
        socket.set_hop_limit(Some(HOPS));
        Self { stack, socket, answer, name: label(name), service: label(service), port, address: None }
    }

    /// Answers as long as this goes on, and says goodbye then.
    pub async fn beside<F: Future>(&mut self, work: F) -> F::Output {
        let output = {
            let (mut work, mut answers) = (pin!(work), pin!(self.run()));
            poll_fn(|context| match work.as_mut().poll(context) {
                Poll::Pending => answers.as_mut().poll(context).map(|never| match never {}),
                output => output,
            })
            .await
        };
        self.say(0).await;
        self.close();
        output
    }

    /// Answers for ever. The name is gone when it is dropped; what others have kept of it, after two minutes.
    pub async fn run(&mut self) -> core::convert::Infallible {
        let (mut announced, mut left, mut until) = (0, ANSWERS, Instant::now());
        loop {
            if Instant::now() >= until {
                until = Instant::now().saturating_add(SECOND);
                left = ANSWERS;
                if self.settle() {
                    announced = 0;
                }
                if self.address.is_some() && announced < ANNOUNCEMENTS {
                    announced += 1;
                    self.say(LIFE).await;
                }
            }
            if self.address.is_none() || left == 0 {
                Timer::at(until).await;
            } else if with_deadline(until, self.hear()).await == Ok(true) {
                left -= 1;
            }
        }
    }

    /// Looks where the device is. `true`: elsewhere than before.
    fn settle(&mut self) -> bool {
        let address = self.stack.config_v4().map(|config| config.address.address());
        if address == self.address {
            return false;
        }
        self.close();
        if address.is_some() {
            let group = IpAddress::Ipv4(GROUP);
            let ready = self.stack.join_multicast_group(group).is_ok() && self.socket.bind(PORT).is_ok();
            if !ready {
                // No room in the stack: it is tried again.
                return false;
            }
        }
        self.address = address;
        true
    }

    fn close(&mut self) {
        self.socket.close();
        let _ = self.stack.leave_multicast_group(IpAddress::Ipv4(GROUP));
        self.address = None;
    }

    /// Says everything, and how long it is so.
    async fn say(&mut self, life: u32) {
        let Some(address) = self.address else { return };
        let (name, service, port) = (self.name, self.service, self.port);
        let length = told(name, service, port, address, life, MdnsRequest::None, self.answer);
        self.send(length, IpEndpoint::new(IpAddress::Ipv4(GROUP), PORT)).await;
    }

    /// Answers one question. `false`: it was none for this device.
    async fn hear(&mut self) -> bool {
        let Self { stack, socket, answer, name, service, port, address } = self;
        let Some(address) = *address else { return false };
        // The stack cannot be asked while a socket of it is read.
        let config = stack.config_v4();
        let (length, to) = socket
            .recv_from_with(|data, UdpMetadata { endpoint, .. }| {
                // Who is elsewhere is not asked by (RFC 6762 §11).
                let near = config.as_ref().is_some_and(|config| match endpoint.addr {
                    IpAddress::Ipv4(from) => config.address.contains_addr(&from),
                    #[expect(unreachable_patterns, reason = "with IPv6 in the stack there is another one")]
                    _ => false,
                });
                if !near {
                    return (0, endpoint);
                }
                let legacy = endpoint.port != PORT;
                let request = MdnsRequest::Request { legacy, multicast: true, data };
                let length = told(name, service, *port, address, LIFE, request, answer);
                (length, if legacy { endpoint } else { IpEndpoint::new(IpAddress::Ipv4(GROUP), PORT) })
            })
            .await;
        self.send(length, to).await;
        length > 0
    }

    async fn send(&mut self, length: usize, to: IpEndpoint) {
        if let Some(answer) = self.answer.get(..length).filter(|answer| !answer.is_empty()) {
            event!("mDNS: {} octets, to port {}", length, to.port);
            // What is lost is asked for again.
            let _ = with_deadline(Instant::now().saturating_add(SECOND), async {
                let _ = self.socket.send_to(answer, to).await;
                self.socket.flush().await;
            })
            .await;
        }
    }
}

/// Writes what is answered, and gives its length; 0 if nothing is.
fn told(
    name: &str,
    service: &str,
    port: u16,
    address: Ipv4Addr,
    life: u32,
    request: MdnsRequest<'_>,
    out: &mut [u8],
) -> usize {
    let host = Host {
        hostname: name,
        ipv4: address,
        ipv6: core::net::Ipv6Addr::UNSPECIFIED,
        ttl: Ttl::from_secs(life),
    };
    let service = Service {
        name: service,
        priority: 0,
        weight: 0,
        service: "_http",
        protocol: "_tcp",
        port,
        service_subtypes: &[],
        txt_kvs: &[("path", "/")],
    };
    let mut handler = HostAnswersMdnsHandler::new(ServiceAnswers::new(&host, &service));
    // What cannot be read, or asks for more than there is room for, gets no answer.
    match handler.handle(request, out) {
        Ok(MdnsResponse::Reply { data, .. }) => data.len(),
        _ => 0,
    }
}

/// As much of a text as a label holds.
fn label(text: &str) -> &str {
    let mut length = text.len().min(LABEL);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    // A label is not empty.
    text.get(..length).filter(|text| !text.is_empty()).unwrap_or("device")
}

impl Drop for Mdns<'_> {
    fn drop(&mut self) {
        self.close();
    }
}

impl core::fmt::Debug for Mdns<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Mdns({}.local)", self.name)
    }
}

impl core::fmt::Debug for Room {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Room").finish_non_exhaustive()
    }
}
