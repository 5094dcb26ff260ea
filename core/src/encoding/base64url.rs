//! base64url without padding (RFC 4648 §5), read strictly: no padding, no white space, no stray bits.

use base64ct::{Base64UrlUnpadded, Encoding};

/// The length of 32 octets in base64url.
pub(crate) const LENGTH_OF_32: usize = 43;

/// 32 octets as text.
pub(crate) fn encode_32<'b>(octets: &[u8; 32], out: &'b mut [u8; LENGTH_OF_32]) -> &'b str {
    Base64UrlUnpadded::encode(octets, out).unwrap_or_default()
}

/// Decodes `text` where it stands; `None` if it is not what an encoder writes.
pub(crate) fn decode_in_place(text: &mut [u8]) -> Option<&[u8]> {
    // The library looks at stray bits only when it does not decode in place.
    if is_canonical(text) { Base64UrlUnpadded::decode_in_place(text).ok() } else { None }
}

/// Decodes `text` into `out`; `None` also if `out` is too short.
pub(crate) fn decode<'b>(text: &[u8], out: &'b mut [u8]) -> Option<&'b [u8]> {
    Base64UrlUnpadded::decode(text, out).ok()
}

/// Octets as text; `None` if `out` is too short.
pub(crate) fn encode<'b>(octets: &[u8], out: &'b mut [u8]) -> Option<&'b str> {
    Base64UrlUnpadded::encode(octets, out).ok()
}

/// The octets that `text` stands for.
pub(crate) fn decoded_length(text: &str) -> usize {
    text.len().saturating_mul(3) / 4
}

/// Whether text of the right alphabet is what an encoder writes: its length, and no stray bits at its end.
pub(crate) fn is_canonical(text: &[u8]) -> bool {
    let last = text.chunks(4).next_back().unwrap_or_default();
    decode(last, &mut [0; 3]).is_some()
}
