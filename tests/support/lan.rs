//! A network with more than two ends: a device, its server, phones, and whoever else is there.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use embassy_net::tcp::TcpSocket;
use embassy_net::{Config, Ipv4Address, Stack, StackResources, driver::HardwareAddress, driver::LinkState};
use embassy_net_driver_channel as channel;
use embassy_time::{Duration, Timer, with_timeout};
use embedded_io_async::Write;

use crate::{
    ether::{DEVICE, Ether, FINE, SERVER, address},
    form,
    time_driver::{Task, elapsed},
    wire::Site,
};

const MTU: usize = 1514;

/// A wire that all hang on.
pub struct Lan {
    ends: RefCell<Vec<End>>,
    tasks: RefCell<Vec<Task<'static>>>,
    /// The device, and where it is in the network.
    pub device: Stack<'static>,
    /// Whether the device's cable is pulled.
    pub cut: Cell<bool>,
    state: RefCell<Option<channel::StateRunner<'static>>>,
}

struct End {
    rx: channel::RxRunner<'static, MTU>,
}

impl Lan {
    /// A device and its server, and the tasks of both.
    pub fn new<S: Site + 'static>(site: Rc<RefCell<S>>) -> Rc<Self> {
        let mut tasks = Vec::new();
        let (device, state, rx, device_tx) = end(DEVICE, &mut tasks);
        let lan = Rc::new(Self {
            ends: RefCell::new(vec![End { rx }]),
            tasks: RefCell::new(tasks),
            device,
            cut: Cell::new(false),
            state: RefCell::new(Some(state)),
        });
        lan.task(lan.clone().carry(0, device_tx));
        let server = lan.join(SERVER);
        let ether = Ether::new(FINE, 1);
        lan.task(ether.clone().name(server));
        for _ in 0..4 {
            lan.task(ether.clone().serve(server, site.clone()));
        }
        lan
    }

    /// Another one in the network, before its life begins.
    pub fn join(self: &Rc<Self>, at: Ipv4Address) -> Stack<'static> {
        let (stack, _, rx, tx) = end(at, &mut self.tasks.borrow_mut());
        let number = self.ends.borrow().len();
        self.ends.borrow_mut().push(End { rx });
        self.task(self.clone().carry(number, tx));
        stack
    }

    /// The same with this number.
    pub fn host(self: &Rc<Self>, number: u8) -> Stack<'static> {
        self.join(Ipv4Address::new(10, 0, 0, number))
    }

    /// Something else that happens.
    pub fn task(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().push(Box::pin(task));
    }

    /// All that happens.
    pub fn tasks(&self) -> Vec<Task<'static>> {
        self.tasks.take()
    }

    /// Takes the device's link away, or gives it back.
    pub fn link(&self, up: bool) {
        self.cut.set(!up);
        let state = if up { LinkState::Up } else { LinkState::Down };
        self.state.borrow().as_ref().expect("a device").set_link_state(state);
    }

    /// Gives the device another address.
    pub fn move_to(&self, at: Ipv4Address) {
        self.device.set_config_v4(address(at));
    }

    /// Knocks at the device's port 80 in the name of somebody who is not there, and who does not answer (RFC 9293 §3.5).
    pub fn knock(&self, from: Ipv4Address, port: u16) {
        let (to, sum) = (DEVICE.octets(), |parts: &[&[u8]]| {
            let octets = parts.concat();
            let sum =
                octets.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum::<u32>();
            let sum = (sum & 0xFFFF) + (sum >> 16);
            !(((sum & 0xFFFF) + (sum >> 16)) as u16)
        });
        let from = from.octets();
        let mut tcp = [0; 20];
        tcp[..2].copy_from_slice(&port.to_be_bytes());
        tcp[3] = 80;
        (tcp[12], tcp[13], tcp[14]) = (0x50, 0x02, 0x10);
        let check = sum(&[&from, &to, &[0, 6, 0, 20], &tcp]);
        tcp[16..18].copy_from_slice(&check.to_be_bytes());
        let mut ip = [0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        ip[12..16].copy_from_slice(&from);
        ip[16..].copy_from_slice(&to);
        let check = sum(&[&ip]);
        ip[10..12].copy_from_slice(&check.to_be_bytes());
        let ethernet = [2, 0, 0, 0, 0, to[3], 2, 0, 0, 0, 0, from[3], 8, 0];
        let frame = [&ethernet[..], &ip, &tcp].concat();
        let mut ends = self.ends.borrow_mut();
        let rx = &mut ends[0].rx;
        rx.try_rx_buf().expect("room")[..frame.len()].copy_from_slice(&frame);
        rx.rx_done(frame.len());
    }

    async fn carry(self: Rc<Self>, from: usize, mut tx: channel::TxRunner<'static, MTU>) {
        loop {
            let frame = tx.tx_buf().await.to_vec();
            tx.tx_done();
            Timer::after_micros(200).await;
            for (number, end) in self.ends.borrow_mut().iter_mut().enumerate() {
                let cut = self.cut.get() && (number == 0 || from == 0);
                if number != from
                    && !cut
                    && let Some(room) = end.rx.try_rx_buf()
                {
                    room[..frame.len()].copy_from_slice(&frame);
                    end.rx.rx_done(frame.len());
                }
            }
        }
    }
}

type Ended = (
    Stack<'static>,
    channel::StateRunner<'static>,
    channel::RxRunner<'static, MTU>,
    channel::TxRunner<'static, MTU>,
);

fn end(at: Ipv4Address, tasks: &mut Vec<Task<'static>>) -> Ended {
    let state = Box::leak(Box::new(channel::State::<MTU, 64, 64>::new()));
    let number = at.octets()[3];
    let (runner, driver) = channel::new(state, HardwareAddress::Ethernet([2, 0, 0, 0, 0, number]));
    let resources = Box::leak(Box::new(StackResources::<32>::new()));
    let mut settings = Config::default();
    settings.ipv4 = address(at);
    let (stack, mut stack_runner) = embassy_net::new(driver, settings, resources, number.into());
    tasks.push(Box::pin(async move { stack_runner.run().await }));
    let (state, rx, tx) = runner.split();
    state.set_link_state(LinkState::Up);
    (stack, state, rx, tx)
}

impl std::fmt::Debug for Lan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lan").finish_non_exhaustive()
    }
}

/// A browser on a phone.
#[derive(Clone)]
pub struct Phone {
    stack: Stack<'static>,
    /// Where it goes.
    pub at: Ipv4Address,
    /// What it calls that.
    pub host: String,
    /// The cookie that it was given.
    pub cookie: Option<String>,
    /// The languages of its user.
    pub language: &'static str,
    /// Times that it could not connect.
    pub refused: u32,
}

impl Phone {
    /// A phone that goes to the device.
    pub fn new(stack: Stack<'static>) -> Self {
        let host = DEVICE.to_string();
        Self { stack, at: DEVICE, host, cookie: None, language: "en", refused: 0 }
    }

    /// Says this, and gives the answer. `None`: there was none.
    pub async fn say(&mut self, request: &[u8]) -> Option<String> {
        let (mut rx, mut tx, mut room) = ([0; 4096], [0; 4096], [0; 2048]);
        let mut socket = TcpSocket::new(self.stack, &mut rx, &mut tx);
        let connect = with_timeout(Duration::from_secs(10), socket.connect((self.at, 80)));
        if !matches!(connect.await, Ok(Ok(()))) {
            self.refused += 1;
            return None;
        }
        let mut answer = Vec::new();
        if socket.write_all(request).await.is_ok() {
            while let Ok(Ok(length @ 1..)) =
                with_timeout(Duration::from_secs(30), socket.read(&mut room)).await
            {
                answer.extend(&room[..length]);
            }
        }
        socket.close();
        let _ = with_timeout(Duration::from_secs(1), socket.flush()).await;
        let answer = String::from_utf8(answer).expect("UTF-8");
        if let Some(set) = header(&answer, "Set-Cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        Some(answer).filter(|answer| !answer.is_empty())
    }

    /// The same until there is an answer, as browsers and their users do: again a moment later.
    pub async fn insist(&mut self, request: &[u8]) -> String {
        for number in 0..200 {
            if let Some(answer) = self.say(request).await {
                return answer;
            }
            // In no step with anybody else.
            Timer::after_millis(200 + number * 37 % 101).await;
        }
        panic!("no answer to {}", String::from_utf8_lossy(request));
    }

    fn head(&self, method: &str, target: &str) -> String {
        let (host, language) = (&self.host, self.language);
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n\
             User-Agent: Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/140.0.0.0 Mobile Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,\
             image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n\
             Accept-Encoding: gzip, deflate\r\nAccept-Language: {language},en;q=0.9\r\n{cookie}"
        )
    }

    /// A request as it goes out.
    pub fn getting(&self, target: &str) -> String {
        format!("{}\r\n", self.head("GET", target))
    }

    /// The same of a form.
    pub fn posting(&self, target: &str, form: &str) -> String {
        let (head, host, length) = (self.head("POST", target), &self.host, form.len());
        format!(
            "{head}Origin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n\r\n{form}"
        )
    }

    /// Asks for a page.
    pub async fn get(&mut self, target: &str) -> String {
        self.insist(self.getting(target).as_bytes()).await
    }

    /// Sends a form.
    pub async fn post(&mut self, target: &str, form: &str) -> String {
        self.insist(self.posting(target, form).as_bytes()).await
    }

    /// Opens the page and types a code. Gives the answer.
    pub async fn start(&mut self, code: &str) -> String {
        let page = self.get("/").await;
        let page = field(&page, "page").unwrap_or_default().to_owned();
        self.post("/start", &format!("page={page}&code={}", form::encode(code))).await
    }

    /// Asks for the last page until the sign-in has ended, and gives it with the time that it came.
    pub async fn last_page(&mut self, target: &str) -> (String, u64) {
        for _ in 0..100 {
            let page = self.get(target).await;
            if header(&page, "Refresh").is_none() {
                return (page, elapsed());
            }
            Timer::after_secs(3).await;
        }
        panic!("it does not end");
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Phone").finish_non_exhaustive()
    }
}

/// The status of an answer.
///
/// # Panics
/// If there is none.
pub fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).expect(answer)
}

/// A header field of an answer.
pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The heading of a page.
pub fn heading(answer: &str) -> &str {
    answer.split_once("<h1>").and_then(|(_, rest)| rest.split_once("</h1>")).map_or("", |(text, _)| text)
}

/// The value of a hidden field.
pub fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let start = answer.split_once(&format!("name=\"{name}\" value=\""))?.1;
    start.split('"').next()
}
