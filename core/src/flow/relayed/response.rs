//! An authorization response, out of its seal.

use crate::{
    encoding::{base64url, text},
    error::{Check, Error, Name},
    flow::Redirect,
    relay::{self, KEY, Relay},
};

/// The redirect that was sealed. Where it is the query of one, the callback's path is put before it.
pub(super) fn unseal<'b>(
    relay: &Relay<'_>,
    private_key: &[u8; KEY],
    mailbox: &str,
    sealed: &str,
    room: &'b mut [u8],
) -> Result<Redirect<'b>, Error> {
    let callback = relay.callback();
    let before = callback.iter().map(|piece| piece.len()).fold(1, usize::saturating_add);
    let start = before.saturating_sub(KEY).saturating_sub(1);
    let length = base64url::decoded_length(sealed);
    let place = room.get_mut(start..).and_then(|rest| rest.get_mut(..length));
    let place = place.ok_or(Error::InputTooLarge(Name::Response))?;
    base64url::decode(sealed.as_bytes(), place).ok_or(Check::BadEncoding(Name::Response))?;
    let plain = relay::open(relay.opens(), private_key, mailbox, place).ok_or(Check::SealBroken)?;
    let (kind, length) = match plain.split_first() {
        Some((kind, text)) => (*kind, text.len()),
        None => return Err(Check::BadMember(Name::Response).into()),
    };
    let text = start.saturating_add(KEY).saturating_add(1);
    let end = text.saturating_add(length);
    let first = match kind {
        b'f' => text,
        b'q' => text.saturating_sub(before),
        _ => return Err(Check::BadMember(Name::Response).into()),
    };
    if kind == b'q' {
        let [path, name] = callback;
        for (position, piece) in
            [(first, path), (first.saturating_add(path.len()), name), (text.saturating_sub(1), "?")]
        {
            text::put(room, position, piece.as_bytes());
        }
    }
    let text = room.get(first..end).unwrap_or_default();
    let text = core::str::from_utf8(text).map_err(|_| Check::BadEncoding(Name::Response))?;
    Ok(if kind == b'f' { Redirect::Form(text) } else { Redirect::Url(text) })
}
