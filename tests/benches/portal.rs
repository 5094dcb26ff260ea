//! Requests per second of a device's portal, quiet and while a crowd keeps its connections busy (slow-loris).
//!
//! `cargo bench --package keyfob-std --bench portal` prints a table. Its numbers are of the machine it runs on; what
//! counts is the ratio to quiet. That the phone is served under each attack is asserted, how fast is not.

use std::{
    fmt::Write as _,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use keyfob_core::{
    metadata::Metadata,
    portal::{Screen, Site},
    secret::Seed,
};
use keyfob_std::{
    portal::{Front, Portal},
    user_agent::UserAgent,
};

use crate::crowd::{Crowd, Slow};

#[path = "../../driver-std/tests/driver/portal/crowd.rs"]
mod crowd;

/// The device's address; phone and crowd have others.
const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The time that each row takes.
const ROW: Duration = Duration::from_secs(4);

/// The longest wait for an answer.
const LONG: Duration = Duration::from_secs(20);

const SERVER: Metadata<'static> = Metadata::new("https://op.example")
    .authorization_endpoint("https://op.example/authorize")
    .token_endpoint("https://op.example/token");

/// The last code that was shown.
#[derive(Default)]
struct Note(Arc<Mutex<String>>);

impl Front for Note {
    fn show(&mut self, screen: &Screen<'_>) {
        if let Screen::Pair(invitation) = screen {
            *self.0.lock().expect("is whole") = invitation.code().unwrap_or_default().to_owned();
        }
    }
}

fn main() {
    let seed =
        Seed::new(std::array::from_fn(|place| u8::try_from(place).expect("is small"))).expect("a seed");
    let (code, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
    let site = Site::new(&SERVER, &[]).callback("/callback");
    let mut portal =
        Portal::bind((HOME, 0).into(), site, seed, Note(Arc::clone(&code))).expect("a port is free");
    let device: SocketAddr = portal.host().parse().expect("is literal");
    portal.open("https://op.example/authorize?client_id=kettle").expect("opens");
    let stopped = Arc::clone(&stop);
    let serving = thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            assert!(portal.redirect(&mut [0; 4096]).expect("serves").is_none());
        }
    });
    let code = code.lock().expect("is whole").clone();
    let cookie = pair(device, &code);
    println!("| crowd | requests/s | ratio | median ms | p99 ms | worst ms | connections of the crowd/s |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    let quiet = row("none", None, device, &cookie, None);
    let silent =
        [(Slow::Silent, 100, 1), (Slow::Silent, 100, 3), (Slow::Silent, 100, 50), (Slow::Silent, 250, 250)];
    let more =
        [(Slow::Head, 100, 50), (Slow::Body, 100, 50), (Slow::Answer, 100, 50), (Slow::Body, 250, 250)];
    for crowd in silent.into_iter().chain(more) {
        let (slow, connections, addresses) = crowd;
        let name = format!("{slow:?}, {connections} from {addresses}");
        row(&name, Some(crowd), device, &cookie, Some(quiet));
    }
    row("none, again", None, device, &cookie, Some(quiet));
    stop.store(true, Ordering::Relaxed);
    serving.join().expect("it does not panic");
}

/// Measures, and prints a row. Gives requests per second.
fn row(
    name: &str,
    crowd: Option<(Slow, u8, u8)>,
    device: SocketAddr,
    cookie: &str,
    quiet: Option<f64>,
) -> f64 {
    let crowd =
        crowd.map(|(slow, connections, addresses)| Crowd::start(slow, device, connections, addresses));
    thread::sleep(Duration::from_millis(500));
    let request = format!("GET / HTTP/1.1\r\nHost: {device}\r\nCookie: {cookie}\r\n\r\n");
    let (start, mut times) = (Instant::now(), Vec::new());
    while start.elapsed() < ROW {
        let began = Instant::now();
        // A browser tries again, so does this one; a try that was in vain is a part of the time.
        while !ask(device, &request).starts_with("HTTP/1.1 200 ") {
            assert!(began.elapsed() < LONG, "{name}: the phone is not served");
        }
        times.push(began.elapsed());
    }
    let seconds = start.elapsed().as_secs_f64();
    let opened = crowd.map_or(0, Crowd::stop);
    times.sort();
    let at =
        |hundredth: usize| times[(times.len() * hundredth / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    let count = u32::try_from(times.len()).map_or(f64::MAX, f64::from);
    let rate = count / seconds;
    let mut line = format!("| {name} | {rate:.0} | ");
    write!(line, "{:.2} | ", quiet.map_or(1.0, |quiet| rate / quiet)).expect("is text");
    write!(line, "{:.2} | {:.2} | {:.2} | ", at(50), at(99), at(100)).expect("is text");
    println!("{line}{:.0} |", f64::from(opened) / seconds);
    rate
}

/// Types the code. Gives the cookie.
fn pair(device: SocketAddr, code: &str) -> String {
    let page = ask(device, &format!("GET / HTTP/1.1\r\nHost: {device}\r\n\r\n"));
    let page = page.split_once("name=\"page\" value=\"").and_then(|(_, rest)| rest.split('"').next());
    let form = format!("page={}&code={code}", page.expect("a form"));
    let answer = ask(
        device,
        &format!(
            "POST /start HTTP/1.1\r\nHost: {device}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    );
    let cookie = answer.lines().find_map(|line| line.strip_prefix("Set-Cookie: ")?.split(';').next());
    cookie.expect("a cookie").to_owned()
}

/// Sends a request, and reads all that comes.
fn ask(device: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(device).expect("the portal is there");
    stream.set_read_timeout(Some(LONG)).expect("is set");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("is text")
}
