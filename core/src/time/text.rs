//! Dates as text, read strictly: two digits where two belong, no white space, and a day that exists.

/// A date and time in UTC, or at an offset from it.
pub(super) struct Moment {
    year: u32,
    /// From 1 on.
    month: u32,
    day: u32,
    /// Seconds since midnight.
    second: u32,
    /// Minutes east of UTC.
    offset: i32,
}

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
/// 1970 began on a Thursday.
const WEEKDAYS: &[u8; 21] = b"ThuFriSatSunMonTueWed";
const DAY: u64 = 24 * 60 * 60;

impl Moment {
    /// Seconds since 1970, if it is not before that.
    pub(super) fn seconds(self) -> Option<u64> {
        let midnight = u64::from(self.days()?).checked_mul(DAY)?;
        let local = midnight.checked_add(u64::from(self.second))?;
        let offset = i64::from(self.offset).checked_mul(60)?;
        local.checked_sub_signed(offset)
    }

    /// Days since 1970, if there is such a day.
    fn days(&self) -> Option<u32> {
        let leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let length = match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=length).contains(&self.day) {
            return None;
        }
        // Counted from a March, so that the day that is sometimes missing comes last. All of these are small.
        let early = u32::from(self.month <= 2);
        let year = self.year.checked_sub(early)?;
        let month = self.month.wrapping_add(early.wrapping_mul(12)).wrapping_sub(3);
        let in_year = (month.wrapping_mul(153).wrapping_add(2) / 5).wrapping_add(self.day);
        let leaps = (year / 4).wrapping_sub(year / 100).wrapping_add(year / 400);
        // The first of March of the year 0 was 719,469 days before the second of January 1970.
        year.wrapping_mul(365).wrapping_add(leaps).wrapping_add(in_year).checked_sub(719_469)
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`. One pass, since every program that reads answers has this in it.
pub(super) fn http_date(text: &[u8]) -> Option<Moment> {
    /// A digit stands for a digit of the number of that place, `a` for a letter, all else for itself.
    const FORM: &[u8; 29] = b"aaa, 00 aaa 1111 22:33:44 GMT";
    let text: &[u8; 29] = text.try_into().ok()?;
    let mut numbers = [0u32; 5];
    for (&form, &octet) in FORM.iter().zip(text) {
        let place = usize::from(form.wrapping_sub(b'0'));
        match numbers.get_mut(place) {
            Some(number) if octet.is_ascii_digit() => {
                *number = number.wrapping_mul(10).wrapping_add(u32::from(octet.wrapping_sub(b'0')));
            }
            None if form == b'a' || form == octet => {}
            _ => return None,
        }
    }
    let [day, year, hour, minute, second] = numbers;
    let month = word(text.get(8..11)?, MONTHS)?.wrapping_add(1);
    let second = hour.wrapping_mul(60).wrapping_add(minute).wrapping_mul(60).wrapping_add(second);
    let moment = Moment { year, month, day, second, offset: 0 };
    let in_range = hour < 24 && minute < 60 && numbers.last().is_some_and(|second| *second < 60);
    let right = in_range && Some(moment.days()? % 7) == word(text.get(..3)?, WEEKDAYS);
    right.then_some(moment)
}

/// The place of a word of three letters among `words`.
fn word(word: &[u8], words: &[u8]) -> Option<u32> {
    words.chunks_exact(3).position(|known| known == word).and_then(|place| u32::try_from(place).ok())
}

/// `1994-11-06T08:49:37.5+01:00`.
pub(super) fn rfc3339(text: &[u8]) -> Option<Moment> {
    let mut text = Text(text);
    let year = text.number(4)?;
    text.is(b"-")?;
    let month = text.number(2)?;
    text.is(b"-")?;
    let day = text.number(2)?;
    text.is(b"T").or_else(|| text.is(b"t"))?;
    let second = text.time()?;
    if text.is(b".").is_some() {
        text.number(1)?;
        while text.number(1).is_some() {}
    }
    let offset = text.offset()?;
    text.0.is_empty().then_some(Moment { year, month, day, second, offset })
}

/// What is left to read.
struct Text<'t>(&'t [u8]);

impl Text<'_> {
    /// Exactly these octets.
    fn is(&mut self, octets: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(octets)?;
        Some(())
    }

    /// So many digits.
    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let value = number.iter().try_fold(0u32, |value, &digit| {
            let digit = char::from(digit).to_digit(10)?;
            value.checked_mul(10)?.checked_add(digit)
        })?;
        self.0 = rest;
        Some(value)
    }

    /// `hh:mm`, in minutes.
    fn clock(&mut self) -> Option<u32> {
        let hours = self.number(2).filter(|hours| *hours < 24)?;
        self.is(b":")?;
        let minutes = self.number(2).filter(|minutes| *minutes < 60)?;
        hours.checked_mul(60)?.checked_add(minutes)
    }

    /// `hh:mm:ss`, in seconds.
    fn time(&mut self) -> Option<u32> {
        let minutes = self.clock()?;
        self.is(b":")?;
        let seconds = self.number(2).filter(|seconds| *seconds < 60)?;
        minutes.checked_mul(60)?.checked_add(seconds)
    }

    /// `Z`, `+hh:mm` or `-hh:mm`, in minutes.
    fn offset(&mut self) -> Option<i32> {
        if self.is(b"Z").or_else(|| self.is(b"z")).is_some() {
            return Some(0);
        }
        let west = self.is(b"-").is_some();
        if !west {
            self.is(b"+")?;
        }
        let minutes = i32::try_from(self.clock()?).ok()?;
        if west { minutes.checked_neg() } else { Some(minutes) }
    }
}
