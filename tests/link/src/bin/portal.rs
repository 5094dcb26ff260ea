//! A device's portal, in one language, with every answer.

#![no_std]
#![no_main]

use core::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
};

use keyfob_core::{
    error::Error,
    portal::{Alphabet, ENGLISH, Ending, Outcome, Portal, Screen, Site, Slots, Status, Visitor},
    secret::Seed,
};
use keyfob_link::{Given, SERVER, entry, now, seed};

entry!(run);

#[inline(never)]
fn run(given: Given<'_>) -> Result<usize, Error> {
    let hosts = [given.text];
    let languages = [&ENGLISH];
    let site = Site::new(&SERVER, &hosts).callback(given.text).paste(&SERVER).languages(&languages);
    let mut portal = Portal::paired(Seed::new(seed(&given))?, Alphabet::Consonants, now(&given));
    let mut slots = Slots::<4>::new(2);
    let peer = IpAddr::V4(Ipv4Addr::from_bits(black_box(0)));
    black_box(slots.admit(peer, given.number));
    slots.heard(black_box(0));
    slots.answered(black_box(0), given.number);
    slots.free(black_box(0));
    black_box((slots.is_late(black_box(0), given.number, black_box(0)), slots.has_place(given.number)));
    black_box(slots.wait(given.number));
    let mut visitor = Visitor::new(peer);
    if let Screen::Pair(invitation) = portal.poll(&site, now(&given), given.buffer)? {
        black_box((invitation.address(), invitation.code(), invitation.link(), invitation.seconds_left()));
    }
    let request = (given.bytes, black_box(0));
    let answer = match portal.handle(&site, now(&given), &mut visitor, request, given.buffer)? {
        Outcome::Answer(answer) => answer.octets().len(),
        Outcome::Redirect(redirect) => {
            black_box(redirect);
            portal.judged(&site, now(&given), &visitor, black_box(None), given.buffer)?.octets().len()
        }
        Outcome::Start => portal.send(&site, &visitor, given.text, given.buffer)?.octets().len(),
        Outcome::Wait => portal.wait(&site, &visitor, given.buffer)?.octets().len(),
        _ => portal.refuse(&site, &visitor, Status::RequestTimeout, given.buffer)?.octets().len(),
    };
    portal.confirm();
    portal.release(now(&given));
    portal.finished(Ending::of(black_box(Error::Misuse)));
    let last = portal.last(&site, &visitor, black_box(Ending::SignedIn), given.text, given.buffer)?;
    black_box(last);
    Ok(answer)
}
