//! What a session writes to its store.
//!
//! A record is: four octets of magic, version, mark, length of the whole (two octets), sequence number (four),
//! fingerprint of client and server (eight), date (eight, seconds; 0: not known), audiences (four), `auth_time`
//! (eight; all ones: none), the lengths of five texts (two each), the texts, and a checksum (eight). Numbers are little-endian.

use crate::{
    client::Client,
    encoding::writer::Writer,
    error::Error,
    memory::{CHECKSUM, FINGERPRINT, checksum, fingerprint},
    secret::equal,
    session::{
        SignInReason,
        fields::{Field, Fields, STORED},
    },
};

const MAGIC: [u8; 4] = *b"KfoS";
const VERSION: u8 = 1;

/// Octets of a record beside its texts.
pub(super) const OVERHEAD: usize = 58;

/// What a record says of its refresh token.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Mark {
    /// It was not sent yet, or the server has answered and did not replace it.
    Ready,
    /// A refresh with it may be on its way.
    Sent,
}

/// What a record holds beside the texts.
#[derive(Clone, Copy)]
pub(super) struct Facts {
    /// When the refresh token came, in Unix seconds; 0 if nobody knew.
    pub(super) date: u64,
    pub(super) audiences: u32,
    pub(super) auth_time: Option<u64>,
}

impl Facts {
    pub(super) const NONE: Self = Self { date: 0, audiences: 0, auth_time: None };
}

/// Writes a record.
pub(super) fn write<'b, const N: usize>(
    client: &Client<'_>,
    mark: Mark,
    sequence: u32,
    facts: &Facts,
    fields: &Fields<N>,
    out: &'b mut [u8],
) -> Result<&'b [u8], Error> {
    let mut writer = Writer::new(out);
    let length = OVERHEAD.saturating_add(fields.stored().len());
    writer.text(&MAGIC);
    writer.text(&[VERSION, if mark == Mark::Sent { 1 } else { 0 }]);
    writer.text(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    writer.text(&sequence.to_le_bytes());
    writer.text(&fingerprint(client, ""));
    writer.text(&facts.date.to_le_bytes());
    writer.text(&facts.audiences.to_le_bytes());
    writer.text(&facts.auth_time.unwrap_or(u64::MAX).to_le_bytes());
    fields.lengths().iter().for_each(|length| writer.text(&length.to_le_bytes()));
    writer.text(fields.stored());
    let sum = checksum(writer.written(0));
    writer.text(&sum);
    writer.finish().map(|(record, _)| &*record)
}

/// A record that may be used.
pub(super) struct Record<'s> {
    pub(super) mark: Mark,
    pub(super) sequence: u32,
    facts: Facts,
    lengths: [u16; STORED],
    texts: &'s [u8],
}

impl<'s> Record<'s> {
    /// Reads what a slot holds.
    ///
    /// # Errors
    /// The reason why there is no session in it.
    pub(super) fn read(slot: &'s [u8], client: &Client<'_>) -> Result<Self, SignInReason> {
        // Erased flash holds ones, a new file nothing.
        if slot.iter().all(|&octet| octet == 0xFF) || slot.iter().all(|&octet| octet == 0) {
            return Err(SignInReason::NeverSignedIn);
        }
        // Of every version: the magic, the version, the length, and the checksum at the end.
        match whole(slot) {
            Some((body, VERSION)) => Self::read_1(body, client),
            // Here older versions are read, when there are any.
            None | Some((_, 0)) => Err(SignInReason::StoreDamaged),
            Some(_) => Err(SignInReason::NewerVersion),
        }
    }

    fn read_1(body: &'s [u8], client: &Client<'_>) -> Result<Self, SignInReason> {
        let (owner, record) = Self::parts(body).ok_or(SignInReason::StoreDamaged)?;
        if equal(owner, &fingerprint(client, "")) { Ok(record) } else { Err(SignInReason::ClientChanged) }
    }

    /// The fingerprint and the rest of a record.
    fn parts(body: &'s [u8]) -> Option<(&'s [u8; FINGERPRINT], Self)> {
        let mark = match body.get(5)? {
            0 => Mark::Ready,
            1 => Mark::Sent,
            _ => return None,
        };
        let (sequence, rest) = body.get(8..)?.split_first_chunk::<4>()?;
        let (owner, rest) = rest.split_first_chunk::<FINGERPRINT>()?;
        let (date, rest) = rest.split_first_chunk::<8>()?;
        let (audiences, rest) = rest.split_first_chunk::<4>()?;
        let (auth_time, rest) = rest.split_first_chunk::<8>()?;
        let (lengths, texts) = rest.split_first_chunk::<{ 2 * STORED }>()?;
        let mut numbers = [0; STORED];
        for (number, pair) in numbers.iter_mut().zip(lengths.chunks_exact(2)) {
            *number = u16::from_le_bytes(pair.try_into().ok()?);
        }
        let auth_time = Some(u64::from_le_bytes(*auth_time)).filter(|&seconds| seconds != u64::MAX);
        let facts =
            Facts { date: u64::from_le_bytes(*date), audiences: u32::from_le_bytes(*audiences), auth_time };
        let sequence = u32::from_le_bytes(*sequence);
        Some((owner, Self { mark, sequence, facts, lengths: numbers, texts }))
    }

    /// Whether it was written after `other`.
    pub(super) fn is_after(&self, other: u32) -> bool {
        // The count may have gone round.
        (1..0x8000_0000).contains(&self.sequence.wrapping_sub(other))
    }

    /// Takes everything out of it.
    ///
    /// # Errors
    /// [`SignInReason::TooLarge`] if the texts do not fit.
    pub(super) fn unpack<const N: usize>(&self, fields: &mut Fields<N>) -> Result<Facts, SignInReason> {
        if self.texts.len() > N {
            return Err(SignInReason::TooLarge);
        }
        fields.wipe();
        let mut rest = self.texts;
        for (field, &length) in Field::ALL.into_iter().zip(&self.lengths) {
            let (text, behind) =
                rest.split_at_checked(usize::from(length)).ok_or(SignInReason::StoreDamaged)?;
            let text = core::str::from_utf8(text).map_err(|_| SignInReason::StoreDamaged)?;
            fields.set(field, text).map_err(|_| SignInReason::TooLarge)?;
            rest = behind;
        }
        Ok(self.facts)
    }
}

/// A record without its checksum, which is right, and its version.
fn whole(slot: &[u8]) -> Option<(&[u8], u8)> {
    let (head, _) = slot.split_first_chunk::<8>()?;
    let [b'K', b'f', b'o', b'S', version, _, low, high] = *head else { return None };
    let record = slot.get(..usize::from(u16::from_le_bytes([low, high])))?;
    let (body, sum) = record.split_last_chunk::<CHECKSUM>()?;
    equal(&checksum(body), sum).then_some((body, version))
}
