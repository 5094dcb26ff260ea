//! Stands in until the driver has its own.

use embassy_net::{Ipv4Address, Stack, tcp::TcpSocket};
use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};
use keyfob_core::{
    http::{Incoming, Request},
    session::Slot,
};
use keyfob_embassy::{
    http::{Http, HttpError, HttpErrorKind},
    session::Store,
};

use crate::{application::Underway, board::FileFlash};

pub struct Client {
    stack: Stack<'static>,
    text: [u8; 2048],
    length: usize,
    port: u16,
}

impl Client {
    pub fn new(stack: Stack<'static>) -> Self {
        Self { stack, text: [0; 2048], length: 0, port: 0 }
    }

    fn put(&mut self, piece: &[u8]) {
        self.text[self.length..self.length + piece.len()].copy_from_slice(piece);
        self.length += piece.len();
    }
}

impl Http for Client {
    type Error = ();

    async fn send(&mut self, request: &Request<'_>) -> Result<(), HttpError<()>> {
        let rest = request.url().strip_prefix("http://").unwrap();
        let (host, path) = rest.split_at(rest.find('/').unwrap());
        self.port = host.split_once(':').unwrap().1.parse().unwrap();
        self.length = 0;
        for piece in [request.method().as_str(), " ", path, " HTTP/1.0\r\nHost: ", host] {
            self.put(piece.as_bytes());
        }
        for (name, value) in request.headers() {
            for piece in ["\r\n", name, ": ", value] {
                self.put(piece.as_bytes());
            }
        }
        let mut number = [0; 20];
        let mut n = request.body().len();
        let mut at = 20;
        loop {
            at -= 1;
            number[at] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.put(b"\r\nContent-Length: ");
        self.put(&number[at..]);
        self.put(b"\r\n\r\n");
        self.put(request.body());
        Ok(())
    }

    async fn receive(&mut self, incoming: &mut Incoming<'_>) -> Result<(), HttpError<()>> {
        let bad = |_| HttpError::new(HttpErrorKind::Connect, true);
        let (mut rx, mut tx) = ([0; 2048], [0; 2048]);
        let mut socket = TcpSocket::new(self.stack, &mut rx, &mut tx);
        let there = (Ipv4Address::new(10, 0, 2, 2), self.port);
        socket.connect(there).await.map_err(|_| HttpError::new(HttpErrorKind::Connect, false))?;
        let mut sent = 0;
        while sent < self.length {
            sent += socket.write(&self.text[sent..self.length]).await.map_err(bad)?;
        }
        let mut have = 0;
        let mut in_body = false;
        loop {
            let n = socket.read(&mut self.text[have..]).await.map_err(bad)?;
            if n == 0 {
                return if in_body { Ok(()) } else { Err(bad(embassy_net::tcp::Error::ConnectionReset)) };
            }
            have += n;
            if !in_body {
                let Some(end) = self.text[..have].windows(4).position(|w| w == b"\r\n\r\n") else { continue };
                in_body = true;
                let head = str::from_utf8(&self.text[..end]).unwrap();
                let mut lines = head.split("\r\n");
                incoming.status(lines.next().unwrap()[9..12].parse().unwrap());
                for line in lines {
                    let (name, value) = line.split_once(':').unwrap();
                    incoming.header(name, value.as_bytes());
                }
                incoming.body(&self.text[end + 4..have]);
            } else {
                incoming.body(&self.text[..have]);
            }
            have = 0;
        }
    }
}

pub struct FlashStore(FileFlash);

impl FlashStore {
    pub fn new(flash: FileFlash) -> Self {
        Self(flash)
    }

    async fn get(&mut self, sector: u32, buffer: &mut [u8]) -> usize {
        let mut length = [0; 4];
        self.0.read(sector * 4096, &mut length).await.unwrap();
        let length = u32::from_le_bytes(length) as usize;
        if length > 4000 {
            return 0;
        }
        self.0.read(sector * 4096 + 4, &mut buffer[..length]).await.unwrap();
        length
    }

    async fn put(&mut self, sector: u32, record: &[u8]) {
        self.0.erase(sector * 4096, sector * 4096 + 4096).await.unwrap();
        if record.is_empty() {
            return;
        }
        for (i, c) in record.chunks(4).enumerate() {
            let mut w = [0xFF; 4];
            w[..c.len()].copy_from_slice(c);
            self.0.write(sector * 4096 + 4 + i as u32 * 4, &w).await.unwrap();
        }
        self.0.write(sector * 4096, &(record.len() as u32).to_le_bytes()).await.unwrap();
    }
}

fn sector(slot: Slot) -> u32 {
    match slot {
        Slot::First => 0,
        Slot::Second => 1,
        _ => 2,
    }
}

impl Store for FlashStore {
    type Error = ();

    async fn load(&mut self, slot: Slot, buffer: &mut [u8]) -> Result<usize, ()> {
        Ok(self.get(sector(slot), buffer).await)
    }

    async fn store(&mut self, slot: Slot, record: &[u8]) -> Result<(), ()> {
        self.put(sector(slot), record).await;
        Ok(())
    }

    async fn erase(&mut self, slot: Slot) -> Result<(), ()> {
        self.put(sector(slot), &[]).await;
        Ok(())
    }
}

impl Underway for FlashStore {
    async fn load_flow(&mut self, buffer: &mut [u8]) -> usize {
        self.get(3, buffer).await
    }

    async fn store_flow(&mut self, snapshot: &[u8]) {
        self.put(3, snapshot).await;
    }
}
