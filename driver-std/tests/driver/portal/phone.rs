//! A phone in the network: a browser that does what browsers do, from an address of its own.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
};

use socket2::{Domain, Socket, Type};

use crate::{portal::device::Device, support::server::LONG};

pub struct Phone {
    from: Ipv4Addr,
    to: SocketAddr,
    pub host: String,
    pub cookie: Option<String>,
    /// Every answer that it got.
    pub answers: Vec<String>,
}

impl Phone {
    /// A phone whose address ends so.
    pub fn new(device: &Device, last: u8) -> Self {
        Self::at(device.address, Ipv4Addr::new(127, 0, 0, last))
    }

    pub fn at(to: SocketAddr, from: Ipv4Addr) -> Self {
        Self { from, to, host: to.to_string(), cookie: None, answers: Vec::new() }
    }

    /// A phone that was let in, and where it was sent.
    pub fn paired(device: &Device, last: u8) -> (Self, String) {
        let mut phone = Self::new(device, last);
        let answer = phone.start(&device.code());
        assert_eq!(status(&answer), 303, "{answer}");
        (phone, header(&answer, "Location").expect("an address").to_owned())
    }

    /// A connection to the device.
    pub fn connect(&self) -> TcpStream {
        connect(self.from, self.to)
    }

    /// Sends octets, and reads all that comes.
    pub fn send(&self, octets: &[u8]) -> String {
        let mut stream = self.connect();
        let _ = stream.write_all(octets);
        hear(&mut stream)
    }

    pub fn get_request(&self, target: &str) -> String {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        format!("GET {target} HTTP/1.1\r\nHost: {}\r\n{cookie}\r\n", self.host)
    }

    pub fn get(&mut self, target: &str) -> String {
        let answer = self.send(self.get_request(target).as_bytes());
        self.keep(answer)
    }

    pub fn post(&mut self, target: &str, form: &str) -> String {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let (host, length) = (&self.host, form.len());
        let request = format!(
            "POST {target} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n{cookie}Content-Type: \
             application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        );
        let answer = self.send(request.as_bytes());
        self.keep(answer)
    }

    /// Opens the page and types a code.
    pub fn start(&mut self, code: &str) -> String {
        let page = self.page("/");
        self.post("/start", &format!("page={page}&code={code}"))
    }

    /// Scans the code on the screen.
    pub fn scan(&mut self, link: &str) -> String {
        let target = link.strip_prefix(&format!("http://{}", self.host)).expect("is the portal's").to_owned();
        let page = self.get(&target);
        let value = |name| field(&page, name).expect("is in the form").to_owned();
        let form = format!("page={}&token={}", value("page"), value("token"));
        self.post("/start", &form)
    }

    /// Goes to the server from the page where the address is pasted; gives the address that it ends at.
    pub fn go(&mut self) -> String {
        let page = self.page("/paste");
        let answer = self.post("/go", &format!("page={page}"));
        self.follow(header(&answer, "Location").expect("an address"))
    }

    /// Pastes an address.
    pub fn paste(&mut self, address: &str) -> String {
        let page = self.page("/paste");
        let coded: String = address.bytes().map(|octet| format!("%{octet:02X}")).collect();
        self.post("/paste", &format!("page={page}&address={coded}"))
    }

    /// What the forms of a page carry.
    fn page(&mut self, target: &str) -> String {
        let page = self.get(target);
        field(&page, "page").unwrap_or_default().to_owned()
    }

    /// Goes where it was sent; gives the address that the server sends it back to.
    pub fn follow(&mut self, location: &str) -> String {
        let (server, target) =
            location.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
        let mut stream = TcpStream::connect(server).expect("the server is there");
        write!(stream, "GET /{target} HTTP/1.1\r\nHost: {server}\r\n\r\n").expect("is sent");
        let answer = hear(&mut stream);
        header(&answer, "Location").expect("the way back").to_owned()
    }

    /// Goes to the server and comes back to the device, up to the last page.
    pub fn sign_in(&mut self, location: &str) -> String {
        let back = self.follow(location);
        let target = back.strip_prefix(&format!("http://{}", self.host)).expect("the way back").to_owned();
        let answer = self.get(&target);
        assert_eq!((status(&answer), header(&answer, "Location")), (303, Some("/callback/done")), "{answer}");
        self.get("/callback/done")
    }

    fn keep(&mut self, answer: String) -> String {
        if let Some(set) = header(&answer, "Set-Cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        self.answers.push(answer.clone());
        answer
    }
}

/// A connection from an address of this machine.
pub fn connect(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.bind(&SocketAddr::from((from, 0)).into()).expect("is an address of this machine");
    socket.connect_timeout(&to.into(), LONG).expect("the portal is there");
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(2 * LONG)).expect("is set");
    stream
}

/// All that comes; what came before a connection was torn counts.
pub fn hear(stream: &mut TcpStream) -> String {
    let mut octets = Vec::new();
    let _ = stream.read_to_end(&mut octets);
    String::from_utf8(octets).expect("is text")
}

pub fn status(answer: &str) -> u16 {
    answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_default()
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The value of a hidden field.
pub fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.split_once(&format!("name=\"{name}\" value=\""))?.1.split('"').next()
}
