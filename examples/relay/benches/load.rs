//! What the relay bears on this machine: `cargo bench --package keyfob-relay`.
//!
//! The program itself runs, one instance or two, with sign-ins in memory or in a `redis-server` of its own. So many
//! devices wait in long-polls, while sixteen others sign in again and again, each over a connection of its own.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use keyfob_relay::{Keys, NewDevice};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Those that sign in at the same time.
const BUSY: usize = 16;

/// Devices that take turns, so that none opens more mailboxes than it may.
const POOL: usize = 4_000;

/// How long each line of the table takes.
const TIME: Duration = Duration::from_secs(5);

/// Mailboxes whose memory is measured.
const MANY: usize = 100_000;

#[tokio::main]
async fn main() {
    // `cargo test --benches` only wants to know that it starts.
    if env::args().any(|word| word == "--test") {
        return;
    }
    let bench = Bench::new();
    println!(
        "| store | instances | devices waiting | sign-ins/s | requests/s | median ms | p99 ms | answer reaches device, p99 ms |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (store, instances) in [("memory", 1), ("redis", 1), ("redis", 2)] {
        for waiting in [1, 100, 1_000] {
            bench.line(store, instances, waiting).await;
        }
    }
    bench.memory().await;
}

struct Bench {
    folder: PathBuf,
    authorizations: Arc<Vec<String>>,
    next: Arc<AtomicUsize>,
}

impl Bench {
    fn new() -> Self {
        let folder = env::temp_dir().join(format!("keyfob-relay-load-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (mut file, mut authorizations) = (String::new(), Vec::new());
        for _ in 0..POOL {
            let new = NewDevice::generate("Kettle in the kitchen").expect("random octets");
            file += &new.entry;
            let basic = Base64::encode_string(format!("{}:{}", new.id, new.secret.as_str()).as_bytes());
            authorizations.push(format!("Authorization: Basic {basic}\r\n"));
        }
        fs::write(folder.join("devices.toml"), file).expect("a file");
        fs::write(folder.join("relay.key"), Keys::generate().expect("random octets").as_str())
            .expect("a file");
        Self { folder, authorizations: Arc::new(authorizations), next: Arc::default() }
    }

    async fn line(&self, store: &str, instances: usize, waiting: usize) {
        let redis = (store == "redis").then(|| Redis::start(&self.folder));
        let url = redis.as_ref().map_or("memory".into(), |redis| format!("redis://127.0.0.1:{}", redis.port));
        let relays: Vec<_> = (0..instances).map(|_| Relay::start(&self.folder, &url)).collect();
        let addresses: Arc<Vec<_>> = Arc::new(relays.iter().map(|relay| relay.address).collect());
        let stop = Arc::new(AtomicBool::new(false));
        let mut quiet = JoinSet::new();
        for place in 0..waiting {
            let (address, authorization) = (addresses[place % instances], self.device());
            quiet.spawn(async move {
                let mut connection = Connection::open(address).await;
                let state = open(&mut connection, &authorization).await.0;
                loop {
                    let form = format!("mailbox={}&seen=waiting&wait=25", mailbox(&state));
                    connection.post("/mailbox/wait", &authorization, &form).await;
                }
            });
        }
        // Until all of them wait.
        tokio::time::sleep(Duration::from_millis(500 + waiting as u64)).await;
        let mut busy = JoinSet::new();
        let start = Instant::now();
        for place in 0..BUSY {
            let (addresses, stop, authorizations, next) =
                (addresses.clone(), stop.clone(), self.authorizations.clone(), self.next.clone());
            busy.spawn(async move {
                let mut device = Connection::open(addresses[place % addresses.len()]).await;
                let mut browser = Connection::open(addresses[(place + 1) % addresses.len()]).await;
                let (mut times, mut reached) = (Vec::new(), Vec::new());
                while !stop.load(Ordering::Relaxed) {
                    let device_authorization = &authorizations[next.fetch_add(1, Ordering::Relaxed) % POOL];
                    sign_in(&mut device, &mut browser, device_authorization, &mut times, &mut reached).await;
                }
                (times, reached)
            });
        }
        tokio::time::sleep(TIME).await;
        stop.store(true, Ordering::Relaxed);
        let (mut times, mut reached) = (Vec::new(), Vec::new());
        while let Some(result) = busy.join_next().await {
            let (more, more_reached) = result.expect("sign-ins that all work");
            times.extend(more);
            reached.extend(more_reached);
        }
        let seconds = start.elapsed().as_secs_f64();
        quiet.shutdown().await;
        times.sort_unstable();
        reached.sort_unstable();
        let at =
            |times: &[Duration], share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        println!(
            "| {store} | {instances} | {waiting} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} |",
            reached.len() as f64 / seconds,
            times.len() as f64 / seconds,
            at(&times, 50),
            at(&times, 99),
            at(&reached, 99),
        );
    }

    /// What a pending sign-in takes, in the process and in the server.
    async fn memory(&self) {
        let relay = Relay::start(&self.folder, "memory");
        let before = relay.resident();
        self.fill(relay.address, MANY).await;
        let each = (relay.resident() - before) / MANY as u64;
        println!("\n{MANY} pending sign-ins in memory: {each} octets each, of resident memory.");
        let redis = Redis::start(&self.folder);
        let relay = Relay::start(&self.folder, &format!("redis://127.0.0.1:{}", redis.port));
        let before = redis.used();
        self.fill(relay.address, MANY / 4).await;
        let each = (redis.used() - before) / (MANY / 4) as u64;
        println!("{} pending sign-ins in redis: {each} octets each, of its `used_memory`.", MANY / 4);
    }

    async fn fill(&self, address: SocketAddr, count: usize) {
        let mut tasks = JoinSet::new();
        for _ in 0..BUSY {
            let (authorizations, next) = (self.authorizations.clone(), self.next.clone());
            tasks.spawn(async move {
                let mut connection = Connection::open(address).await;
                for _ in 0..count / BUSY {
                    open(&mut connection, &authorizations[next.fetch_add(1, Ordering::Relaxed) % POOL]).await;
                }
            });
        }
        while let Some(result) = tasks.join_next().await {
            result.expect("mailboxes that all open");
        }
    }

    fn device(&self) -> String {
        self.authorizations[self.next.fetch_add(1, Ordering::Relaxed) % POOL].clone()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Opens a mailbox: the state, and the token of the QR code.
async fn open(connection: &mut Connection, authorization: &str) -> (String, String) {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).expect("random octets");
    let state = Base64UrlUnpadded::encode_string(&octets);
    // As long as it is when nothing was pushed to the server.
    let url = format!(
        "https%3A%2F%2Fop.example%2Fauthorize%3Fresponse_type%3Dcode%26client_id%3Dkettle%26scope%3Dopenid%2520profile%2520email\
         %26redirect_uri%3Dhttps%253A%252F%252Frelay.example%252Fcallback%26code_challenge%3D{state}\
         %26code_challenge_method%3DS256%26nonce%3D{state}%26state%3D{state}"
    );
    let key = Base64UrlUnpadded::encode_string(&[9; 32]);
    let form = format!("mailbox={}&authorization_url={url}&public_key={key}", mailbox(&state));
    let answer = connection.post("/mailbox", authorization, &form).await;
    let token = answer.split("?t=").nth(1).and_then(|rest| rest.split('"').next());
    let token = token.unwrap_or_else(|| panic!("{answer}")).into();
    (state, token)
}

/// A whole sign-in: eight requests, one of which waits.
async fn sign_in(
    device: &mut Connection,
    browser: &mut Connection,
    authorization: &str,
    times: &mut Vec<Duration>,
    reached: &mut Vec<Duration>,
) {
    let mut lap = Instant::now();
    let mut time =
        |times: &mut Vec<Duration>| times.push(std::mem::replace(&mut lap, Instant::now()).elapsed());
    let (state, token) = open(device, authorization).await;
    time(times);
    browser.get(&format!("/?t={token}"), "").await;
    time(times);
    let page = browser.post("/pair", "", &format!("token={token}")).await;
    time(times);
    let cookie = page.split("set-cookie: ").nth(1).and_then(|rest| rest.split(';').next());
    let cookie = format!("Cookie: {}\r\n", cookie.unwrap_or_else(|| panic!("{page}")));
    let token =
        page.split("name=\"page\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    browser.post("/go", &cookie, &format!("page={token}")).await;
    time(times);
    let form = format!("mailbox={}&seen=paired&wait=25", mailbox(&state));
    let poll = async {
        let answer = device.post("/mailbox/wait", authorization, &form).await;
        assert!(answer.contains("\"response\""), "{answer}");
        Instant::now()
    };
    let callback = async {
        // The device waits already.
        tokio::time::sleep(Duration::from_millis(5)).await;
        let start = Instant::now();
        browser.get(&format!("/callback?code=SplxlOBeZQQYbYS6WxSbIA&state={state}"), &cookie).await;
        (start, start.elapsed())
    };
    let (answered, (start, took)) = tokio::join!(poll, callback);
    times.push(took);
    reached.push(answered.saturating_duration_since(start));
    let mut lap = Instant::now();
    let mut time =
        |times: &mut Vec<Duration>| times.push(std::mem::replace(&mut lap, Instant::now()).elapsed());
    device
        .post("/mailbox/close", authorization, &format!("mailbox={}&ending=signed_in", mailbox(&state)))
        .await;
    time(times);
    browser.get("/done", &cookie).await;
    time(times);
}

fn mailbox(state: &str) -> String {
    Base64UrlUnpadded::encode_string(&Sha256::digest(state))
}

/// A connection that stays.
struct Connection {
    stream: TcpStream,
    octets: Vec<u8>,
}

impl Connection {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a relay that listens");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, octets: Vec::new() }
    }

    async fn get(&mut self, target: &str, headers: &str) -> String {
        self.ask(&format!("GET {target} HTTP/1.1\r\nHost: relay.example\r\n{headers}\r\n")).await
    }

    async fn post(&mut self, target: &str, headers: &str, form: &str) -> String {
        let length = form.len();
        self.ask(&format!(
            "POST {target} HTTP/1.1\r\nHost: relay.example\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n{headers}\r\n{form}"
        ))
        .await
    }

    async fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(request.as_bytes()).await.expect("a connection");
        self.octets.clear();
        loop {
            if let Some(end) = self.octets.windows(4).position(|window| window == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.octets[..end]).to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                let length: usize = length.map_or(0, |length| length.parse().expect("a length"));
                if self.octets.len() >= end + 4 + length {
                    break;
                }
            }
            let read = self.stream.read_buf(&mut self.octets).await.expect("a connection");
            assert!(read > 0, "closed after {request}");
        }
        String::from_utf8_lossy(&self.octets).into_owned()
    }
}

/// The program.
struct Relay {
    child: Child,
    address: SocketAddr,
}

impl Relay {
    fn start(folder: &PathBuf, store: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyfob-relay"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--public-url",
                "https://relay.example",
                "--devices",
                "devices.toml",
            ])
            .args(["--authorization-endpoint", "https://op.example/authorize", "--key-file", "relay.key"])
            .args(["--connections-per-address", "9000", "--mailboxes", "200000", "--store", store])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
        let address = line.trim().rsplit('/').next().and_then(|address| address.parse().ok());
        Self { address: address.unwrap_or_else(|| panic!("{line}")), child }
    }

    /// Octets of its memory.
    fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its size");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server of this bench alone.
struct Redis {
    child: Child,
    port: u16,
}

impl Redis {
    fn start(folder: &PathBuf) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a port")
            .port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .current_dir(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let redis = Self { child, port };
        for _ in 0..100 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        redis
    }

    fn used(&self) -> u64 {
        let client = redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).expect("a URL");
        let info: String = redis::cmd("INFO")
            .arg("memory")
            .query(&mut client.get_connection().expect("a server"))
            .expect("info");
        let line = info.lines().find_map(|line| line.strip_prefix("used_memory:")).expect("its size");
        line.trim().parse().expect("a number")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
