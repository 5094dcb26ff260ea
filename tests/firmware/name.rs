//! The board's name in its network: frames come and go over a wire whose other end is here, for QEMU's own network lets
//! no multicast in.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use keyfob_emulator::{Board, Tls, Ways, build};
use keyfob_firmware_tests::Device;
use keyfob_interop::provider::{Options, Provider};

/// The other end of the wire.
struct Wire {
    socket: UdpSocket,
    board: SocketAddr,
}

impl Wire {
    fn new() -> Self {
        let socket = || UdpSocket::bind("127.80.0.1:0").expect("a free port");
        let (here, there) = (socket(), socket());
        Self { socket: here, board: there.local_addr().expect("it is bound") }
    }

    /// The wire as the board's network takes it: its own end, and this one.
    fn ends(&self) -> (SocketAddr, SocketAddr) {
        (self.board, self.socket.local_addr().expect("it is bound"))
    }

    /// Asks all for the address of this name.
    fn ask(&self, name: &str) {
        let mut query = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend(label.as_bytes());
        }
        query.extend([0, 0, 1, 0, 1]);
        let length = |octets: usize| (octets as u16).to_be_bytes();
        let mut ip = vec![0x45, 0];
        ip.extend(length(28 + query.len()));
        // Hops, and UDP; room for the checksum; from a neighbour to the group.
        ip.extend([0, 0, 0, 0, 255, 17, 0, 0, 10, 0, 2, 77, 224, 0, 0, 251]);
        let sum: u32 = ip.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = !((sum & 0xFFFF) + (sum >> 16)) as u16;
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut frame = vec![1, 0, 0x5E, 0, 0, 0xFB, 2, 0, 0, 0, 0, 77, 8, 0];
        frame.extend(ip);
        frame.extend([PORT, PORT].as_flattened());
        frame.extend(length(8 + query.len()));
        frame.extend([0, 0]);
        frame.extend(query);
        self.socket.send_to(&frame, self.board).expect("it is sent");
    }

    /// The next message of mDNS that the board sends to all; `None` if none comes in time.
    fn heard(&self, time: Duration) -> Option<Vec<u8>> {
        let deadline = Instant::now() + time;
        let mut frame = [0; 2048];
        loop {
            let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
            self.socket.set_read_timeout(Some(left)).expect("a time");
            let length = self.socket.recv(&mut frame).ok()?;
            let ours = frame[12..14] == [8, 0]
                && frame[23] == 17
                && frame[26..30] == ADDRESS
                && frame[30..34] == [224, 0, 0, 251]
                && frame[36..38] == PORT;
            if ours {
                return Some(frame[42..length].to_vec());
            }
        }
    }
}

/// How long the board's address is said to hold, in seconds; `None` if the message does not say it.
fn life(message: &[u8]) -> Option<u32> {
    let record = [&[0, 4][..], &ADDRESS].concat();
    let at = message.windows(record.len()).position(|octets| octets == record)?;
    let life = message.get(at.checked_sub(4)?..at)?;
    Some(u32::from_be_bytes(life.try_into().ok()?))
}

// REQ: PORTAL-25
#[test]
fn the_board_answers_for_its_name_while_somebody_signs_in() {
    let redirect_uris = vec!["http://127.0.0.1/callback".to_owned()];
    let provider = Provider::start(Options { https: true, redirect_uris, ..Options::default() });
    let settings = [("issuer", provider.issuer()), ("client_id", "ways"), ("name", "kettle")];
    let firmware = build(Board::Mps2An386, Tls::P256, Ways::Portal).unwrap_or_else(|why| panic!("{why}"));
    let mut device = Device::new(Board::Mps2An386, &firmware, &settings);
    device.put("authority.der", &provider.authority().ca_der());
    let wire = Wire::new();
    device.wiring.frames = Some(wire.ends());
    let mut running = device.start();
    running.line("Nobody is signed in");
    wire.ask("kettle.local");
    assert_eq!(wire.heard(Duration::from_secs(1)), None);

    // Twice by itself, then for who asks; and the picture has the address all the same.
    running.press("4");
    let link = running.scan();
    assert!(link.starts_with("http://10.0.2.15/?t="), "{link}");
    let token = link.split_once('=').expect("a token").1;
    let mut said = Vec::new();
    for _ in 0..2 {
        said.extend(wire.heard(SOON));
    }
    wire.ask("pot.local");
    wire.ask("Kettle.local");
    said.extend(wire.heard(SOON));
    assert_eq!(said.len(), 3);
    for message in &said {
        assert_eq!(life(message), Some(120), "{message:?}");
        let text = String::from_utf8_lossy(message);
        assert!(text.contains("kettle") && !text.contains(token), "{text}");
    }
    assert_eq!(wire.heard(Duration::from_secs(1)), None);

    // And it says when it goes.
    running.press("q");
    running.line("The sign-in has failed: the sign-in was given up.");
    assert_eq!(wire.heard(SOON).as_deref().and_then(life), Some(0));
    wire.ask("kettle.local");
    assert_eq!(wire.heard(Duration::from_secs(1)), None);
}

const ADDRESS: [u8; 4] = [10, 0, 2, 15];
const PORT: [u8; 2] = 5353_u16.to_be_bytes();
const SOON: Duration = Duration::from_secs(10);
