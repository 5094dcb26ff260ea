//! What anybody in the network can send to a device's portal, in pieces of any length.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use keyfob_core::{
    flow::Redirect,
    metadata::Metadata,
    portal::{Alphabet, ENGLISH, FRENCH, GERMAN, Outcome, Portal, SPANISH, Screen, Site, Visitor, Words},
    secret::Seed,
    time::Now,
};
use libfuzzer_sys::fuzz_target;

const SERVER: Metadata<'static> = Metadata::new("https://op.example.com")
    .authorization_endpoint("https://op.example.com/authorize")
    .token_endpoint("https://op.example.com/token");
const LANGUAGES: &[&Words] = &[&ENGLISH, &GERMAN, &FRENCH, &SPANISH];
const SITE: Site<'static> =
    Site::new(&SERVER, &["h"]).callback("/callback").paste(&SERVER).languages(LANGUAGES);

/// The octet that stands for the cookie, the code and the form's token of the device.
const PLACEHOLDERS: [u8; 3] = [0xC0, 0xC1, 0xF5];

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else { return };
    let now = Now::unknown(0);
    let seed = Seed::new(core::array::from_fn(|place| place as u8)).expect("a seed");
    let mut portal = Portal::paired(seed, Alphabet::Consonants, now);
    let mut out = vec![0; 16 * 1024];
    let Ok(Screen::Pair(invitation)) = portal.poll(&SITE, now, &mut out) else { panic!("no invitation") };
    let code = invitation.code().expect("a code").to_owned();
    let page = say(&mut portal, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", 1000, &mut out);
    let page =
        page.split("value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form").to_owned();
    let mut cookie = String::new();
    if first & 1 == 1 {
        let form = format!("page={page}&code={code}");
        let start = format!(
            "POST /start HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let answer = say(&mut portal, start.as_bytes(), 1000, &mut out);
        cookie = answer
            .split("keyfob=")
            .nth(1)
            .and_then(|rest| rest.split(';').next())
            .expect("a cookie")
            .to_owned();
    }
    let mut request = Vec::new();
    for &octet in data {
        match PLACEHOLDERS.iter().position(|&placeholder| placeholder == octet) {
            Some(0) => request.extend_from_slice(cookie.as_bytes()),
            Some(1) => request.extend_from_slice(code.as_bytes()),
            Some(_) => request.extend_from_slice(page.as_bytes()),
            None => request.push(octet),
        }
    }
    let whole = say(&mut portal, &request, usize::MAX, &mut out);
    assert!(whole.is_empty() || whole.starts_with("HTTP/1.1 ") || whole.starts_with("outcome "), "{whole}");
});

/// Hands in a request in pieces, and gives what is answered.
fn say(portal: &mut Portal, request: &[u8], piece: usize, out: &mut [u8]) -> String {
    let now = Now::unknown(0);
    let mut visitor = Visitor::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut buffer = request.to_vec();
    buffer.resize(request.len().max(64) + 1, 0);
    let mut length = 0;
    while length < request.len() {
        length = length.saturating_add(piece).min(request.len());
        let outcome = portal.handle(&SITE, now, &mut visitor, (&buffer, length), out).expect("room");
        return match outcome {
            Outcome::More => continue,
            Outcome::Answer(answer) => check(answer.octets()),
            Outcome::Redirect(Redirect::Code(text) | Redirect::Form(text) | Redirect::Url(text)) => {
                assert!(text.len() <= request.len());
                "outcome redirect".to_owned()
            }
            Outcome::Start => {
                let url = "https://op.example.com/authorize?x=y";
                check(portal.send(&SITE, &visitor, url, out).expect("room").octets())
            }
            Outcome::Wait => check(portal.wait(&SITE, &visitor, out).expect("room").octets()),
            other => panic!("{other:?}"),
        };
    }
    String::new()
}

/// One head, of lines that are right, and a body of the length that it says.
fn check(answer: &[u8]) -> String {
    let text = String::from_utf8(answer.to_vec()).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert!(head.split("\r\n").skip(1).all(|line| line.contains(": ") && !line.contains(['\r', '\n'])));
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("Content-Length: "));
    assert!(body.is_empty() || length.is_some_and(|length| length == body.len().to_string()));
    assert!(body.len() < 4096 && !body.contains("<script"));
    text
}
