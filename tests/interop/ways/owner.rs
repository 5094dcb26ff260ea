//! A relay in the hands of an attacker: it sees and keeps all that comes, and answers what it likes.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use base64ct::{Base64UrlUnpadded, Encoding};
use hpke::{
    Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256,
    rand_core::UnwrapErr, single_shot_seal_with_rng,
};

/// What the attacker answers a device, from all responses that came: one in the order of the mailboxes each. `None`: not
/// yet.
pub type Lie = fn(&[Mailbox], usize) -> Option<String>;

/// A mailbox, and what came for it.
#[derive(Clone, Debug)]
pub struct Mailbox {
    pub name: String,
    pub authorization_url: String,
    public_key: String,
    /// The query that a browser brought.
    pub response: Option<String>,
    /// Whether it was told that the sign-in is over.
    pub closed: Option<String>,
}

impl Mailbox {
    /// A parameter of the response.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let pairs = self.response.as_deref()?.split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find_map(|(found, value)| (found == name).then_some(value))
    }
}

/// The attacker's service; it ends with the test.
pub struct Owner {
    pub base: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    mailboxes: Vec<Mailbox>,
    /// Every request, whole.
    requests: String,
}

impl Owner {
    /// Plain http, for this machine only.
    pub fn start(lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("is bound"));
        let seen = Arc::<Mutex<Seen>>::default();
        let (state, own) = (seen.clone(), base.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, own) = (state.clone(), own.clone());
                thread::spawn(move || serve(stream, &state, &own, lie));
            }
        });
        Self { base, seen }
    }

    /// The mailboxes, in the order in which they were opened.
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        lock(&self.seen).mailboxes.clone()
    }

    /// Everything that was sent to it.
    pub fn requests(&self) -> String {
        lock(&self.seen).requests.clone()
    }
}

fn serve(mut stream: TcpStream, seen: &Mutex<Seen>, base: &str, lie: Lie) {
    let Some((head, body)) = read(&stream) else { return };
    lock(seen).requests.push_str(&format!("{head}{body}\n"));
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let form: HashMap<_, _> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| form.get(name).map_or(String::new(), |value| plain(value));
    let answer = match path {
        "/mailbox" => {
            let mut seen = lock(seen);
            let number = seen.mailboxes.len();
            seen.mailboxes.push(Mailbox {
                name: value("mailbox"),
                authorization_url: value("authorization_url"),
                public_key: value("public_key"),
                response: None,
                closed: None,
            });
            json(&format!(
                r#"{{"user_code":"BCDF-GHJ{number}","verification_uri":"{base}/","verification_uri_complete":"{base}/?t={number}","expires_in":120,"interval":1}}"#
            ))
        }
        "/mailbox/wait" => wait(seen, &value("mailbox"), lie),
        "/mailbox/close" => {
            let mut seen = lock(seen);
            let found = seen.mailboxes.iter_mut().find(|mailbox| mailbox.name == value("mailbox"));
            found.expect("a mailbox").closed = Some(value("ending"));
            json("{}")
        }
        // It lets everybody in.
        "/" => {
            let number: usize = query.trim_start_matches("t=").parse().expect("a number");
            let url = lock(seen).mailboxes[number].authorization_url.clone();
            format!(
                "HTTP/1.1 303 See Other\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        }
        "/callback" => {
            let state = query.split('&').find_map(|pair| pair.strip_prefix("state=")).unwrap_or_default();
            let mut seen = lock(seen);
            let own = |mailbox: &&mut Mailbox| mailbox.authorization_url.contains(&format!("state={state}"));
            if let Some(mailbox) = seen.mailboxes.iter_mut().find(own) {
                mailbox.response = Some(query.to_owned());
            }
            page("Thank you.")
        }
        _ => page("?"),
    };
    let _ = stream.write_all(answer.as_bytes());
}

/// Answers a device that waits, with what the attacker makes of all responses.
fn wait(seen: &Mutex<Seen>, name: &str, lie: Lie) -> String {
    thread::sleep(Duration::from_millis(200));
    let mailboxes = lock(seen).mailboxes.clone();
    let number = mailboxes.iter().position(|mailbox| mailbox.name == name).expect("a mailbox");
    match lie(&mailboxes, number) {
        Some(response) => json(&format!(r#"{{"response":"{}"}}"#, seal(&mailboxes[number], &response))),
        None => json(r#"{"status":"waiting"}"#),
    }
}

/// As a good relay would (HPKE, RFC 9180).
fn seal(mailbox: &Mailbox, response: &str) -> String {
    let key = Base64UrlUnpadded::decode_vec(&mailbox.public_key).expect("a key");
    let key = <X25519HkdfSha256 as hpke::Kem>::PublicKey::from_bytes(&key).expect("a key");
    let (encapsulated, ciphertext) =
        single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            b"keyfob relay 1",
            format!("q{response}").as_bytes(),
            mailbox.name.as_bytes(),
            &mut UnwrapErr(getrandom::SysRng),
        )
        .expect("a seal");
    Base64UrlUnpadded::encode_string(&[encapsulated.to_bytes().to_vec(), ciphertext].concat())
}

fn read(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0u64);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        let end = line.trim().is_empty();
        head.push_str(&line);
        if end {
            break;
        }
    }
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body).ok()?;
    Some((head, body))
}

fn json(body: &str) -> String {
    answer("application/json", body)
}

fn page(body: &str) -> String {
    answer("text/html", &format!("<!doctype html><p>{body}"))
}

fn answer(media: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

/// A value of a form.
fn plain(text: &str) -> String {
    let (mut octets, mut rest) = (Vec::new(), text.bytes());
    while let Some(octet) = rest.next() {
        let digit =
            |octet: Option<u8>| char::from(octet.expect("two digits")).to_digit(16).expect("a digit") as u8;
        octets.push(match octet {
            b'%' => digit(rest.next()) << 4 | digit(rest.next()),
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(octets).expect("UTF-8")
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
