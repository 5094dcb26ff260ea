//! A crowd that keeps connections busy and asks for nothing (slow-loris).

use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

/// The time between two things that a crowd does.
const ROUND: Duration = Duration::from_millis(5);

/// Rounds after which each connection says one octet more.
const DRIP: u32 = 10;

/// What the connections do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Slow {
    /// They ask, and do not read the answer.
    Answer,
    /// They say the body of a form, octet by octet.
    Body,
    /// They say a head, octet by octet.
    Head,
    /// They say nothing.
    Silent,
}

/// Connections that are opened again as soon as they are closed, until it is dropped.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<u32>>,
}

struct Member {
    from: Ipv4Addr,
    stream: Option<TcpStream>,
    said: bool,
}

impl Crowd {
    /// So many connections, from so many addresses.
    pub fn start(slow: Slow, to: SocketAddr, connections: u8, addresses: u8) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut members: Vec<_> = (0..connections)
            .map(|number| Member {
                from: Ipv4Addr::new(127, 0, 1, 1 + number % addresses),
                stream: None,
                said: false,
            })
            .collect();
        let thread = thread::spawn(move || {
            let (mut opened, mut round) = (0, 0u32);
            // Whatever becomes of the test, it has an end.
            let start = Instant::now();
            while !stopped.load(Ordering::Relaxed) && start.elapsed() < Duration::from_secs(120) {
                round += 1;
                for member in &mut members {
                    opened += u32::from(member.act(slow, to, round));
                }
                thread::sleep(ROUND);
            }
            opened
        });
        Self { stop, thread: Some(thread) }
    }

    /// Ends it. Gives how many connections were opened.
    pub fn stop(mut self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(0, |thread| thread.join().expect("it does not panic"))
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Member {
    /// Does the next thing. Whether a connection was opened.
    fn act(&mut self, slow: Slow, to: SocketAddr, round: u32) -> bool {
        let Some(stream) = &mut self.stream else {
            (self.stream, self.said) = (open(self.from, to, slow), false);
            return self.stream.is_some();
        };
        let start = match slow {
            Slow::Answer => format!("GET / HTTP/1.1\r\nHost: {to}\r\n\r\n"),
            Slow::Body => format!(
                "POST /start HTTP/1.1\r\nHost: {to}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                 Content-Length: 4000\r\n\r\n"
            ),
            Slow::Head => "GET / HTTP/1.1\r\nX: ".to_owned(),
            Slow::Silent => String::new(),
        };
        let mut lost = false;
        if !self.said {
            match stream.write(start.as_bytes()) {
                // It is not connected yet.
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {
                    return false;
                }
                Err(_) => lost = true,
                Ok(_) => self.said = true,
            }
        } else if round.is_multiple_of(DRIP) && slow != Slow::Silent {
            lost = stream.write(b"a").is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
        }
        if slow != Slow::Answer {
            lost |= match stream.read(&mut [0; 4096]) {
                Ok(read) => read == 0,
                Err(error) => error.kind() != ErrorKind::WouldBlock,
            };
        }
        if lost {
            self.stream = None;
        }
        false
    }
}

fn open(from: Ipv4Addr, to: SocketAddr, slow: Slow) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    if slow == Slow::Answer {
        // Room for nothing.
        socket.set_recv_buffer_size(1).ok()?;
    }
    socket.bind(&SocketAddr::from((from, 0)).into()).ok()?;
    socket.set_nonblocking(true).ok()?;
    match socket.connect(&to.into()) {
        Err(error) if error.raw_os_error() != Some(IN_PROGRESS) => None,
        _ => Some(socket.into()),
    }
}

/// `EINPROGRESS` of Linux.
const IN_PROGRESS: i32 = 115;
