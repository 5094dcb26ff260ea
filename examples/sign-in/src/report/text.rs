//! Text for terminals: nobody's words may move the cursor, and numbers are said in words.

/// Text of a stranger, with everything escaped that a terminal would obey or that hides what is there.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        if is_harmful(character) {
            plain.extend(character.escape_unicode());
        } else {
            plain.push(character);
        }
    }
    plain
}

/// Whether a character controls a terminal, turns the direction of writing or cannot be seen.
pub fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// A length of time in its two largest units: `1 hour 5 minutes`.
pub fn duration(seconds: u64) -> String {
    let mut words = Vec::new();
    let mut rest = seconds;
    for (length, unit) in [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")] {
        let count = rest / length;
        rest %= length;
        if count > 0 {
            words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
        } else if !words.is_empty() {
            break;
        }
    }
    words.truncate(2);
    if words.is_empty() { "0 seconds".to_owned() } else { words.join(" ") }
}

/// A date: `2026-11-21 09:40:00 UTC`; `None` beyond the year 9999.
pub fn date(seconds: u64) -> Option<String> {
    if seconds > keyfob_core::time::UnixTime::MAX.seconds() {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 1 March of the year 0, when leap days come last, in eras of 400 years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, turned) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = year + era * 400 + turned;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC"))
}

/// Lines of at most `width` characters, broken between words; a longer word has a line of its own.
pub fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_reaches_the_terminal() {
        assert_eq!(plain("Ada \u{1b}[31mred\u{7}\n"), "Ada \\u{1b}[31mred\\u{7}\\u{a}");
        assert_eq!(plain("\u{9b}2J\u{7f}"), "\\u{9b}2J\\u{7f}");
        assert_eq!(plain("\u{202e}gpj.exe\u{200b}"), "\\u{202e}gpj.exe\\u{200b}");
        assert_eq!(plain("愛 Łukasz ✓"), "愛 Łukasz ✓");
        for character in '\0'..='\u{10FFFF}' {
            let escaped = plain(&character.to_string());
            assert!(!escaped.chars().any(char::is_control), "{character:?}");
        }
    }

    #[test]
    fn lengths_of_time_are_words() {
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (600, "10 minutes"),
            (3600, "1 hour"),
            (3660, "1 hour 1 minute"),
            (3601, "1 hour"),
            (90_061, "1 day 1 hour"),
            (172_800, "2 days"),
        ] {
            assert_eq!(duration(seconds), words);
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
        ] {
            assert_eq!(date(seconds).as_deref(), Some(text));
        }
        assert_eq!(date(253_402_300_800), None);
    }

    #[test]
    fn lines_break_between_words() {
        assert_eq!(lines("a bb ccc dddddddd e", 6), ["a bb", "ccc", "dddddddd", "e"]);
        assert!(lines(" ", 6).is_empty());
    }
}
