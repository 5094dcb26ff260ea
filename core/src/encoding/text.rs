//! Cutting text at an octet. The library's own functions do the same, but keep panics that no input can reach
//! and that the link-time proof therefore finds.

/// What stands before and behind the first `separator`, which is ASCII.
#[inline(never)]
pub(crate) fn split_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    at(text, text.bytes().position(|octet| octet == separator)?)
}

/// What stands before and behind the last `separator`, which is ASCII.
#[inline(never)]
pub(crate) fn rsplit_once(text: &str, separator: u8) -> Option<(&str, &str)> {
    let behind = text.bytes().rev().position(|octet| octet == separator)?;
    at(text, text.len().checked_sub(behind)?.checked_sub(1)?)
}

/// What stands before the first `separator`, or everything.
pub(crate) fn before(text: &str, separator: u8) -> &str {
    split_once(text, separator).map_or(text, |(before, _)| before)
}

/// The pieces between separators.
pub(crate) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (piece, behind) = match split_once(text, separator) {
            Some((piece, behind)) => (piece, Some(behind)),
            None => (text, None),
        };
        rest = behind;
        Some(piece)
    })
}

/// How many there are. The library's `count` can overflow, as far as a compiler knows.
pub(crate) fn count(items: impl Iterator) -> usize {
    items.fold(0, |count, _| count.saturating_add(1))
}

fn at(text: &str, position: usize) -> Option<(&str, &str)> {
    let (before, behind) = text.split_at_checked(position)?;
    Some((before, behind.get(1..)?))
}

/// Whether both are the same, ASCII letters compared without case.
#[inline(never)]
pub(crate) fn is_alike(left: &[u8], right: &[u8]) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Puts `octets` at `position` of `out`, if all of them fit there.
#[inline(never)]
pub(crate) fn put(out: &mut [u8], position: usize, octets: &[u8]) {
    if let Some(place) = out.get_mut(position..).and_then(|rest| rest.get_mut(..octets.len())) {
        place.copy_from_slice(octets);
    }
}
