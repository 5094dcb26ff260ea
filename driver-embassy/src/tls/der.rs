//! As much of DER as keys and signatures need (X.690 §8, §10).

pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const SEQUENCE: u8 = 0x30;

/// The contents of the value at the start, if it has this tag, and what follows it.
pub(super) fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81 => {
            let (length, rest) = rest.split_first()?;
            (Some(usize::from(*length)).filter(|length| *length > 0x7F)?, rest)
        }
        0x82 => {
            let (length, rest) = rest.split_first_chunk()?;
            (Some(usize::from(u16::from_be_bytes(*length))).filter(|length| *length > 0xFF)?, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length).filter(|_| *first == tag)
}

/// The two numbers of a sequence that holds nothing else: of a signature r and s, of a key modulus and exponent.
pub(super) fn two_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (numbers, rest) = value(SEQUENCE, der)?;
    let (one, numbers) = value(INTEGER, numbers)?;
    let (other, numbers) = value(INTEGER, numbers)?;
    let pair = (natural(one)?, natural(other)?);
    (numbers.is_empty() && rest.is_empty()).then_some(pair)
}

/// The magnitude of a number that is not negative and is written without needless zeros.
fn natural(number: &[u8]) -> Option<&[u8]> {
    match number {
        [] | [0x80..=0xFF, ..] | [0, 0..=0x7F, ..] => None,
        [0, magnitude @ ..] if !magnitude.is_empty() => Some(magnitude),
        _ => Some(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(value(INTEGER, &[2, 1, 5, 9]), Some((&[5][..], &[9][..])));
        let mut long = [0; 400];
        long[..4].copy_from_slice(&[3, 0x82, 1, 0]);
        assert_eq!(value(BIT_STRING, &long).map(|(value, rest)| (value.len(), rest.len())), Some((256, 140)));
        long[..3].copy_from_slice(&[3, 0x81, 0x80]);
        assert_eq!(value(BIT_STRING, &long).map(|(value, rest)| (value.len(), rest.len())), Some((128, 269)));
        // Needlessly long, indefinite, longer than what there is, of another tag.
        for bad in [
            &[2, 0x81, 1, 5][..],
            &[2, 0x82, 0, 1, 5],
            &[2, 0x80, 5, 0, 0],
            &[2, 0x83, 0, 0, 1, 5],
            &[2, 2, 5],
            &[3, 1, 5],
            &[2],
            &[],
        ] {
            assert_eq!(value(INTEGER, bad), None, "{bad:?}");
        }
    }

    #[test]
    fn numbers() {
        let two = |one: &[u8], other: &[u8]| {
            let (one, other) =
                ([&[2, one.len() as u8], one].concat(), [&[2, other.len() as u8], other].concat());
            let numbers = [one, other].concat();
            [&[0x30, numbers.len() as u8][..], &numbers].concat()
        };
        assert_eq!(two_numbers(&two(&[7], &[0, 0x80])), Some((&[7][..], &[0x80][..])));
        assert_eq!(two_numbers(&two(&[0], &[1])), Some((&[0][..], &[1][..])));
        for bad in [&[][..], &[0x80], &[0, 1], &[0, 0]] {
            assert_eq!(two_numbers(&two(bad, &[1])), None, "{bad:?}");
            assert_eq!(two_numbers(&two(&[1], bad)), None, "{bad:?}");
        }
        let good = two(&[1], &[2]);
        assert_eq!(two_numbers(&[&good[..], &[0]].concat()), None);
        assert_eq!(two_numbers(&[0x30, 9, 2, 1, 1, 2, 1, 2, 2, 1, 3]), None);
        for cut in 0..good.len() {
            assert_eq!(two_numbers(&good[..cut]), None, "{cut}");
        }
    }
}
