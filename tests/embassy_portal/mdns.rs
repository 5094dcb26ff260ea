//! The device's name.

use std::net::Ipv4Addr;

use embassy_futures::{join::join, select::select};
use embassy_net::{
    IpAddress, Ipv4Address, Stack,
    udp::{PacketMetadata, UdpSocket},
};
use embassy_time::{Duration, Timer, with_timeout};
use keyfob_embassy::mdns::{Mdns, Room};
use keyfob_tests::lan::status;

use crate::device::{BACK, Home, LAN};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Asks the group from this port, and gives the first answer.
async fn ask(stack: Stack<'static>, port: u16, question: &[u8]) -> Option<Vec<u8>> {
    stack.join_multicast_group(IpAddress::Ipv4(GROUP)).expect("a group");
    let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 8], [PacketMetadata::EMPTY; 8]);
    let (mut rx, mut tx, mut room) = ([0; 4096], [0; 2048], [0; 1500]);
    let mut socket = UdpSocket::new(stack, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
    socket.bind(port).expect("a port");
    socket.send_to(question, (GROUP, 5353)).await.expect("a network");
    match with_timeout(Duration::from_secs(2), socket.recv_from(&mut room)).await {
        Ok(Ok((length, _))) => Some(room[..length].to_vec()),
        _ => None,
    }
}

/// A question for this name, of this type.
fn question(name: &str, kind: u8) -> Vec<u8> {
    let mut out = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        out.push(label.len() as u8);
        out.extend(label.as_bytes());
    }
    out.extend([0, 0, kind, 0, 1]);
    out
}

const A: u8 = 1;
const PTR: u8 = 12;
const TXT: u8 = 16;

fn holds(answer: &[u8], part: &[u8]) -> bool {
    answer.windows(part.len()).any(|window| window == part)
}

/// Names lead to the device only while a sign-in is wanted; and nothing secret is in any answer.
// REQ: PORTAL-25, PORTAL-19, PORTAL-24
#[test]
fn a_name() {
    let home = Home::new();
    let other = home.lan.host(30);
    let mut phone = home.phone(20);
    phone.host = "kettle.local".into();
    let mut room = Room::new();
    let mut mdns = Mdns::new(home.lan.device, "kettle", "Kettle in the kitchen", 80, &mut room);
    let answers = home.run(async {
        assert_eq!(ask(other, 5353, &question("kettle.local", A)).await, None, "nobody signs in");
        let mut all = Vec::new();
        let asking = async {
            let code = home.panel.code().await;
            // What is said without a question.
            Timer::after_secs(3).await;
            for (name, kind) in [
                ("kettle.local", A),
                ("KETTLE.local", A),
                ("_http._tcp.local", PTR),
                ("Kettle in the kitchen._http._tcp.local", TXT),
                ("_services._dns-sd._udp.local", PTR),
            ] {
                for port in [5353, 40_000] {
                    let answer = ask(other, port, &question(name, kind)).await.expect(name);
                    assert_eq!(answer[2] & 0x84, 0x84, "an answer with authority");
                    // Whoever asks from another port is told its own number (RFC 6762 §6.7).
                    assert_eq!(answer[..2] == [0x12, 0x34], port != 5353);
                    assert!(kind != A || holds(&answer, &[10, 0, 0, 1]), "{name}");
                    all.push(answer);
                }
            }
            assert_eq!(ask(other, 5353, &question("other.local", A)).await, None);
            // By its name, a browser is sent to the address: that is where its cookie will be.
            assert_eq!(status(&phone.get("/").await), 303);
            let link = home.panel.link.borrow().clone();
            assert!(link.starts_with("http://10.0.0.1/?t="), "{link}");
            let token = link.split_once("?t=").expect("a token").1.to_owned();
            (code, token)
        };
        let sign_in = mdns.beside(select(home.sign_in(&LAN, BACK, false), asking));
        let outcome = sign_in.await;
        let embassy_futures::select::Either::Second((code, token)) = outcome else { panic!("it ended") };
        for answer in &all {
            for secret in [code.as_str(), &code.replace('-', ""), &token] {
                assert!(!holds(answer, secret.as_bytes()));
            }
            assert!(answer.len() <= 512);
        }
        // Goodbye is on its way.
        Timer::after_millis(100).await;
        assert_eq!(ask(other, 5353, &question("kettle.local", A)).await, None, "nobody signs in any more");
        all
    });
    assert_eq!(answers.len(), 10);
    // The TXT record says where, and nothing else.
    assert!(answers.iter().any(|answer| holds(answer, b"\x06path=/")));
}

/// What is said of itself: twice at first, again with another address, and goodbye.
// REQ: PORTAL-25
#[test]
fn announcements() {
    let home = Home::new();
    let other = home.lan.host(30);
    let mut room = Room::new();
    let mut mdns = Mdns::new(home.lan.device, "kettle", "Kettle", 80, &mut room);
    let heard = home.run(async {
        other.join_multicast_group(IpAddress::Ipv4(GROUP)).expect("a group");
        let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 8], [PacketMetadata::EMPTY; 1]);
        let (mut rx, mut tx) = ([0; 4096], [0; 64]);
        let mut socket = UdpSocket::new(other, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
        socket.bind(5353).expect("a port");
        mdns.beside(async {
            Timer::after_secs(5).await;
            home.lan.move_to(Ipv4Address::new(10, 0, 0, 77));
            Timer::after_secs(5).await;
        })
        .await;
        Timer::after_millis(100).await;
        let mut heard = Vec::new();
        let mut room = [0; 1500];
        while let Ok(Ok((length, _))) =
            with_timeout(Duration::from_millis(10), socket.recv_from(&mut room)).await
        {
            heard.push(room[..length].to_vec());
        }
        heard
    });
    let of = |address: [u8; 4], life: u8| {
        let part = [&[0, 1, 0, 1, 0, 0, 0, life, 0, 4][..], &address].concat();
        heard.iter().filter(|answer| holds(answer, &part)).count()
    };
    assert_eq!((of([10, 0, 0, 1], 120), of([10, 0, 0, 77], 120), of([10, 0, 0, 77], 0)), (2, 2, 1));
}

/// Ten thousand packets that are no questions, or almost; and the name is still there.
// REQ: PORTAL-25
#[test]
fn random_packets() {
    let home = Home::new();
    let other = home.lan.host(30);
    let mut room = Room::new();
    let mut mdns = Mdns::new(home.lan.device, "kettle", "Kettle", 80, &mut room);
    let answer = home.run(async {
        let fuzz = async {
            let (mut rx_meta, mut tx_meta) = ([PacketMetadata::EMPTY; 1], [PacketMetadata::EMPTY; 8]);
            let (mut rx, mut tx) = ([0; 64], [0; 8192]);
            let mut socket = UdpSocket::new(other, &mut rx_meta, &mut rx, &mut tx_meta, &mut tx);
            socket.bind(40_001).expect("a port");
            let mut dice = 1u64;
            let mut throw = |bound: u64| {
                dice = dice.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                (dice >> 33) % bound
            };
            for _ in 0..10_000 {
                let mut packet =
                    question(["kettle.local", "_http._tcp.local"][throw(2) as usize], throw(40) as u8);
                packet[5] = throw(8) as u8;
                for _ in 0..throw(6) {
                    let place = throw(packet.len() as u64) as usize;
                    packet[place] = throw(256) as u8;
                }
                // Names that point to themselves, and packets that end in the middle.
                if throw(4) == 0 {
                    packet[12] = 0xC0;
                    packet[13] = throw(20) as u8;
                }
                if throw(50) == 0 {
                    let name = packet[12..].to_vec();
                    (0..30).for_each(|_| packet.extend(&name));
                    packet[5] = 31;
                }
                if throw(10) == 0 {
                    packet.truncate(throw(packet.len() as u64) as usize);
                }
                socket.send_to(&packet, (GROUP, 5353)).await.expect("a network");
                Timer::after_millis(5).await;
            }
            Timer::after_secs(3).await;
            ask(other, 5353, &question("kettle.local", A)).await
        };
        join(Timer::after_millis(1), mdns.beside(fuzz)).await.1
    });
    assert!(holds(&answer.expect("it is still there"), &[10, 0, 0, 1]));
}
