//! The snapshot of a relayed flow: version, kind, step, four numbers of milliseconds, the codes and their length, the
//! snapshot of the flow inside, checksum.

use crate::{
    client::Client,
    encoding::writer::Writer,
    error::{Error, Name},
    flow::{
        AuthorizationCode, Flow, Relayed,
        device_authorization::pace::Pace,
        relayed::{
            mailbox,
            step::{Next, Step},
        },
    },
    memory::{CHECKSUM, Kind, Memory, VERSION, checksum},
    relay::Relay,
    secret::equal,
    time::Now,
};

const KIND: u8 = Kind::Relayed as u8;

/// Octets before the codes.
const HEAD: usize = 3 + 5 * 4 + 2;

pub(super) fn write<const N: usize>(flow: &Relayed<'_, N>, now: Now, out: &mut [u8]) -> Result<usize, Error> {
    let step = match flow.step {
        Step::Lost | Step::Unavailable => return Err(Error::Misuse),
        Step::Push => 0,
        Step::Open => 1,
        Step::OpenAgain => 2,
        Step::Wait(Next::Ask) => 3,
        Step::Wait(Next::Open) => 4,
        Step::Wait(Next::Push) => 5,
        Step::Paired => 6,
        Step::Taken => 7,
    };
    let Pace { left, interval, backoff, wait, least, .. } = flow.pace.at(now);
    let codes = flow.room.text().as_bytes();
    let mut writer = Writer::new(out);
    writer.text(&[VERSION, KIND, step]);
    for number in [left, interval, backoff, wait, least] {
        writer.text(&number.to_le_bytes());
    }
    writer.text(&u16::try_from(codes.len()).unwrap_or_default().to_le_bytes());
    writer.text(codes);
    let start = writer.length();
    let inner = match flow.flow.save(now, writer.rest()) {
        Ok(length) | Err(Error::BufferTooSmall { needed: length }) => length,
        Err(error) => return Err(error),
    };
    writer.set_length(start.saturating_add(inner));
    let checksum = checksum(writer.written(0));
    writer.text(&checksum);
    writer.finish().map(|(snapshot, _)| snapshot.len())
}

pub(super) fn read<'c, const N: usize>(
    client: &'c Client<'c>,
    relay: &'c Relay<'c>,
    snapshot: &[u8],
    now: Now,
) -> Result<Relayed<'c, N>, Error> {
    let (body, sum) = snapshot.split_last_chunk::<CHECKSUM>().ok_or(Error::Snapshot)?;
    let (head, rest) = body.split_first_chunk::<HEAD>().ok_or(Error::Snapshot)?;
    let [version, kind, step, numbers @ .., low, high] = head;
    let codes = usize::from(u16::from_le_bytes([*low, *high]));
    let (codes, inner) = rest.split_at_checked(codes).ok_or(Error::Snapshot)?;
    if !equal(&checksum(body), sum) || *version != VERSION || *kind != KIND {
        return Err(Error::Snapshot);
    }
    let flow = AuthorizationCode::<N>::restore(client, inner, now)?;
    let step = match (*step, flow.is_exchanging()) {
        (0, false) => Step::Push,
        (1, false) => Step::Open,
        (2, false) => Step::OpenAgain,
        (3, false) => Step::Wait(Next::Ask),
        (4, false) => Step::Wait(Next::Open),
        (5, false) => Step::Wait(Next::Push),
        (6, false) => Step::Paired,
        (7, true) => Step::Taken,
        _ => return Err(Error::Snapshot),
    };
    let waits_for_push = step == Step::Wait(Next::Push);
    if (step == Step::Push) != flow.is_unpushed() || waits_for_push && !client.pushes() {
        return Err(Error::Snapshot);
    }
    let mut numbers = numbers.chunks_exact(4).map(|octets| octets.try_into().map_or(0, u32::from_le_bytes));
    let mut next = || numbers.next().unwrap_or_default();
    let (left, interval, backoff, wait, least) = (next(), next(), next(), next(), next());
    let mut room = Memory::new();
    room.hold(codes.iter().copied(), Name::UserCode)?;
    Ok(Relayed {
        client,
        relay,
        step,
        mailbox: mailbox(&flow),
        flow,
        pace: Pace { since: now.uptime, left, interval, backoff, wait, least },
        room,
    })
}
