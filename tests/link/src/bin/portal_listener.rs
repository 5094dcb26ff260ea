//! A listener for a browser on the same machine: the portal without pairing.

#![no_std]
#![no_main]

use core::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
};

use keyfob_core::{
    error::Error,
    portal::{Ending, Outcome, Portal, Site, Visitor},
};
use keyfob_link::{Given, entry, now};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let hosts = [given.text];
    let site = Site::loopback(&hosts, given.text);
    let mut portal = Portal::listener();
    let mut visitor = Visitor::new(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let request = (given.bytes, black_box(0));
    let answer = match portal.handle(&site, now(&given), &mut visitor, request, given.buffer)? {
        Outcome::Answer(answer) => answer,
        Outcome::Redirect(redirect) => {
            black_box(redirect);
            portal.judged(&site, now(&given), &visitor, black_box(None), given.buffer)?
        }
        _ => portal.last(&site, &visitor, black_box(Ending::SignedIn), given.text, given.buffer)?,
    };
    Ok(answer.octets().len())
}
