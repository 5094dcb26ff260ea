//! Seconds as a date.

use mbedtls_rs::sys::tm;

/// The date in UTC, or `None` beyond the year 9999.
pub fn broken_down(seconds: u64) -> Option<tm> {
    if seconds > 253_402_300_799 {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March, so that a leap day is the last one; 400 of them have always as many days.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = 400 * era + year + u64::from(month <= 2);
    let small = |number: u64| i32::try_from(number).ok();
    Some(tm {
        tm_sec: small(second % 60)?,
        tm_min: small(second / 60 % 60)?,
        tm_hour: small(second / 3600)?,
        tm_mday: small(day)?,
        tm_mon: small(month - 1)?,
        tm_year: small(year.checked_sub(1900)?)?,
        ..tm::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (seconds, year, month, day, hour, minute, second) in [
            (0, 1970, 1, 1, 0, 0, 0),
            (951_782_400, 2000, 2, 29, 0, 0, 0),
            (1_782_864_000, 2026, 7, 1, 0, 0, 0),
            (1_798_761_599, 2026, 12, 31, 23, 59, 59),
            (4_107_542_400, 2100, 3, 1, 0, 0, 0),
            (253_402_300_799, 9999, 12, 31, 23, 59, 59),
        ] {
            let date = broken_down(seconds).expect("a date");
            assert_eq!(
                (date.tm_year + 1900, date.tm_mon + 1, date.tm_mday, date.tm_hour, date.tm_min, date.tm_sec),
                (year, month, day, hour, minute, second)
            );
        }
        assert!(broken_down(253_402_300_800).is_none());
    }
}
