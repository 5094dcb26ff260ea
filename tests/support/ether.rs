//! Two network stacks of `embassy-net` and the wire between them: a device, and a server with names and answers.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::pending,
    rc::Rc,
};

use embassy_futures::select::{Either, select};
use embassy_net::{
    Config, ConfigV4, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
    driver::{HardwareAddress, LinkState},
    tcp::TcpSocket,
    udp::{PacketMetadata, UdpSocket},
};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Instant, Timer, with_timeout};
use embedded_io_async::Write;
use keyfob_embassy::connect::{Connect, Origin};

use crate::{
    time_driver::Task,
    wire::{Ear, Said, Site, Then, Traffic},
};

const MTU: usize = 1514;

/// The longest time that a server lets a connection lie idle, as Node.js does.
const IDLE: Duration = Duration::from_secs(5);

/// The device's address.
pub const DEVICE: Ipv4Address = Ipv4Address::new(10, 0, 0, 1);

/// The server's address.
pub const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 0, 2);

/// What happens to frames on the wire.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Of a thousand frames, so many are lost.
    pub loss: u64,
    /// So many come twice.
    pub doubles: u64,
    /// Each takes up to so many microseconds more than a millisecond, so that they overtake each other.
    pub delay: u64,
}

/// All frames arrive after a millisecond, in turn.
pub const FINE: Weather = Weather { loss: 0, doubles: 0, delay: 0 };

/// The wire, and what the network knows.
#[derive(Debug)]
pub struct Ether {
    /// What happens to frames.
    pub weather: Cell<Weather>,
    /// Whether the wire is cut.
    pub cut: Cell<bool>,
    /// Whether names are answered.
    pub names: Cell<bool>,
    /// What has gone over the wire, in octets.
    pub carried: Cell<usize>,
    /// What the server has seen.
    pub traffic: Traffic,
    dice: Cell<u64>,
}

impl Ether {
    /// A wire whose chances follow from `seed`.
    pub fn new(weather: Weather, seed: u64) -> Rc<Self> {
        Rc::new(Self {
            weather: Cell::new(weather),
            cut: Cell::new(false),
            names: Cell::new(true),
            carried: Cell::new(0),
            traffic: Traffic::default(),
            dice: Cell::new(seed.wrapping_mul(2).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        })
    }

    /// A number below `bound`.
    fn throw(&self, bound: u64) -> u64 {
        let mut dice = self.dice.get();
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        self.dice.set(dice);
        (dice >> 16) % bound.max(1)
    }

    /// Carries frames one way.
    async fn carry(self: Rc<Self>, mut from: channel::TxRunner<'_, MTU>, mut to: channel::RxRunner<'_, MTU>) {
        let mut queue = BTreeMap::new();
        for number in 0u64.. {
            let next = queue.first_key_value().map(|((at, _), _)| *at);
            let due = async {
                match next {
                    Some(at) => Timer::at(at).await,
                    None => pending().await,
                }
            };
            let sent = match select(from.tx_buf(), due).await {
                Either::First(frame) => Some(frame.to_vec()),
                Either::Second(()) => None,
            };
            let Some(frame) = sent else {
                let ((_, _), frame): (_, Vec<u8>) = queue.pop_first().expect("one is due");
                if let (false, Some(room)) = (self.cut.get(), to.try_rx_buf()) {
                    room[..frame.len()].copy_from_slice(&frame);
                    to.rx_done(frame.len());
                }
                continue;
            };
            from.tx_done();
            self.carried.update(|carried| carried + frame.len());
            let Weather { loss, doubles, delay } = self.weather.get();
            let copies = if self.throw(1000) < doubles { 2 } else { 1 };
            for copy in 0..copies {
                if self.throw(1000) >= loss && !self.cut.get() {
                    let at = Instant::now() + Duration::from_micros(1000 + self.throw(delay));
                    queue.insert((at, number * 2 + copy), frame.clone());
                }
            }
        }
    }

    /// Answers one connection after the other.
    pub(crate) async fn serve(self: Rc<Self>, stack: Stack<'static>, site: Rc<RefCell<impl Site>>) {
        let (rx, tx) = (vec![0; 4096].leak(), vec![0; 4096].leak());
        loop {
            let mut socket = TcpSocket::new(stack, rx, tx);
            if socket.accept(443).await.is_err() {
                continue;
            }
            self.traffic.connections.update(|connections| connections + 1);
            self.talk(&mut socket, &site).await;
            socket.close();
            // Nobody waits for the last words of a connection for ever.
            let _ = with_timeout(IDLE, socket.flush()).await;
            socket.abort();
            let _ = with_timeout(IDLE, socket.flush()).await;
        }
    }

    async fn talk(&self, socket: &mut TcpSocket<'_>, site: &RefCell<impl Site>) {
        let (mut ear, mut room) = (Ear::default(), [0; 2048]);
        loop {
            let Ok(Ok(length @ 1..)) = with_timeout(IDLE, socket.read(&mut room)).await else { return };
            let Some(request) = ear.hear(&room[..length]) else { continue };
            self.traffic.requests.update(|requests| requests + 1);
            let Said { octets, then, .. } = site.borrow_mut().answer(request);
            if !matches!(with_timeout(IDLE, socket.write_all(&octets)).await, Ok(Ok(()))) {
                return;
            }
            match then {
                Then::Keep => {}
                Then::Close => return,
                Then::Reset => return socket.abort(),
                Then::Endless(text) => {
                    while let Ok(Ok(())) = with_timeout(IDLE, socket.write_all(text.as_bytes())).await {}
                    return;
                }
                Then::Hang => return Timer::after_secs(60).await,
            }
        }
    }

    /// Answers what asks for a name: `op.example` is the server's, and there is no other.
    pub(crate) async fn name(self: Rc<Self>, stack: Stack<'static>) {
        let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 4], [PacketMetadata::EMPTY; 4]);
        let (mut rx, mut tx, mut room) = ([0; 1024], [0; 1024], [0; 512]);
        let mut socket = UdpSocket::new(stack, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
        socket.bind(53).expect("a port");
        loop {
            let (length, from) = socket.recv_from(&mut room).await.expect("a question");
            if self.names.get() {
                socket.send_to(&named(&room[..length]), from).await.expect("a device");
            }
        }
    }
}

/// The answer to a question (RFC 1035 §4.1).
fn named(question: &[u8]) -> Vec<u8> {
    let known = question[12..].starts_with(b"\x02op\x07example\0\0\x01");
    let mut answer = question.to_vec();
    answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(known), 0, 0, 0, 0]);
    if known {
        answer.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        answer.extend(SERVER.octets());
    } else {
        // No such name.
        answer[3] = 0x83;
    }
    answer
}

/// The settings of a device with this address.
pub fn address(address: Ipv4Address) -> ConfigV4 {
    let mut config = StaticConfigV4 {
        address: Ipv4Cidr::new(address, 24),
        gateway: None,
        dns_servers: Default::default(),
    };
    config.dns_servers.push(SERVER).expect("room");
    ConfigV4::Static(config)
}

/// A device on one end of the wire.
pub struct Device {
    /// Its network.
    pub stack: Stack<'static>,
    state: channel::StateRunner<'static>,
    ether: Rc<Ether>,
}

impl Device {
    /// Takes the link away, or gives it back.
    pub fn link(&self, up: bool) {
        self.ether.cut.set(!up);
        self.state.set_link_state(if up { LinkState::Up } else { LinkState::Down });
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").finish_non_exhaustive()
    }
}

/// A device and a server, joined by a wire; and the tasks of all three.
pub fn joined<S: Site + 'static>(ether: &Rc<Ether>, site: Rc<RefCell<S>>) -> (Device, Vec<Task<'static>>) {
    let mut tasks: Vec<Task<'static>> = Vec::new();
    let mut node = |config: ConfigV4, number: u8| {
        let state = Box::leak(Box::new(channel::State::<MTU, 8, 8>::new()));
        let (runner, device) = channel::new(state, HardwareAddress::Ethernet([2, 0, 0, 0, 0, number]));
        let resources = Box::leak(Box::new(StackResources::<8>::new()));
        let mut settings = Config::default();
        settings.ipv4 = config;
        let (stack, mut stack_runner) = embassy_net::new(device, settings, resources, number.into());
        tasks.push(Box::pin(async move { stack_runner.run().await }));
        (stack, runner.split())
    };
    let (device, (device_state, device_rx, device_tx)) = node(address(DEVICE), 1);
    let (server, (server_state, server_rx, server_tx)) = node(address(SERVER), 2);
    device_state.set_link_state(LinkState::Up);
    server_state.set_link_state(LinkState::Up);
    tasks.push(Box::pin(ether.clone().carry(device_tx, server_rx)));
    tasks.push(Box::pin(ether.clone().carry(server_tx, device_rx)));
    tasks.push(Box::pin(ether.clone().name(server)));
    for _ in 0..4 {
        tasks.push(Box::pin(ether.clone().serve(server, site.clone())));
    }
    (Device { stack: device, state: device_state, ether: ether.clone() }, tasks)
}

/// Plain streams in place of TLS, for tests of what lies below.
#[derive(Debug)]
pub struct Bare<C>(pub C);

impl<C: Connect> Connect for Bare<C> {
    type Error = C::Error;
    type Stream<'s>
        = C::Stream<'s>
    where
        Self: 's;

    async fn connect<'s>(&'s self, origin: Origin<'_>) -> Result<Self::Stream<'s>, Self::Error> {
        self.0.connect(Origin { secure: false, ..origin }).await
    }

    fn network(&self) -> u32 {
        self.0.network()
    }
}
