//! The three date formats that a recipient must read (RFC 9110 §5.6.7).

use crate::message::syntax::date::{civil, DAYS, MAX_SECONDS, MONTHS, SECONDS_PER_DAY};

const LONG_DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

/// Returns the seconds since 1970 of a date in any of the three formats. Returns `None` for any
/// other text, and for a date before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (name, rest) = text.split_at(text.find([',', ' '])?);
    let short = DAYS.contains(&name);
    // A `rest` that fits a shape is ASCII, so that every index is a character boundary.
    let (year, month, day, time) = if short && fits(rest, ", 00 Aaa 0000 00:00:00 GMT") {
        (number(&rest[9..13])?, &rest[5..8], &rest[2..4], &rest[14..])
    } else if LONG_DAYS.contains(&name) && fits(rest, ", 00-Aaa-00 00:00:00 GMT") {
        // RFC 9110 §5.6.7: a date more than 50 years ahead lies in the past. Without a clock, the
        // two digits mean 1970 to 2069.
        let year = match number(&rest[9..11])? {
            year @ 70..=99 => 1900 + year,
            year => 2000 + year,
        };
        (year, &rest[5..8], &rest[2..4], &rest[12..])
    } else if short && fits(rest, " Aaa 00 00:00:00 0000") {
        (number(&rest[17..])?, &rest[1..4], &rest[5..7], &rest[8..])
    } else if short && fits(rest, " Aaa  0 00:00:00 0000") {
        (number(&rest[17..])?, &rest[1..4], &rest[6..7], &rest[8..])
    } else {
        return None;
    };
    let month = MONTHS.iter().position(|&name| name == month)? as u64 + 1;
    let secs = days(year, month, number(day)?)? * SECONDS_PER_DAY + time_of_day(time)?;
    // A leap second in the last minute of 9999 would lie in the year 10000.
    Some(secs.min(MAX_SECONDS))
}

/// Returns the seconds of `08:49:37` at the front of `text`. A leap second counts as the second
/// after it.
fn time_of_day(text: &str) -> Option<u64> {
    let part = |at| number(&text[at..at + 2]);
    match (part(0)?, part(3)?, part(6)?) {
        (hour @ 0..=23, minute @ 0..=59, second @ 0..=60) => {
            Some(hour * 3600 + minute * 60 + second)
        }
        _ => None,
    }
}

/// Returns whether `text` has this shape: `0` stands for any digit, `A` and `a` for any letter of
/// that case, and every other character for itself.
fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(b, wanted)| match wanted {
                b'0' => b.is_ascii_digit(),
                b'A' => b.is_ascii_uppercase(),
                b'a' => b.is_ascii_lowercase(),
                _ => b == wanted,
            })
}

fn number(digits: &str) -> Option<u64> {
    digits.parse().ok()
}

/// Returns the days since 1970, or `None` if the calendar has no such day.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let shifted_year = year.checked_sub(u64::from(month <= 2))?;
    let era = shifted_year / 400;
    let year_of_era = shifted_year % 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    match civil(days) == (year, month, day) {
        true => Some(days),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::syntax::date::imf_fixdate;

    #[test]
    fn reads_dates_as_they_are_written() {
        for secs in (0..=MAX_SECONDS).step_by(31 * SECONDS_PER_DAY as usize) {
            // Another time on each day: 7919 is prime.
            let secs = secs + secs / SECONDS_PER_DAY * 7919 % SECONDS_PER_DAY;
            let text = imf_fixdate(secs);
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(parse(text), Some(secs), "{text}");
        }
    }

    #[test]
    fn three_formats_are_read() {
        for (text, want) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Sun Nov 06 08:49:37 1994", 784_111_777),
            ("Wed Nov 16 08:49:37 1994", 784_975_777),
            ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
            ("Tuesday, 31-Dec-69 23:59:59 GMT", 3_155_759_999),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            ("Fri, 31 Dec 9999 23:59:60 GMT", MAX_SECONDS),
        ] {
            assert_eq!(parse(text), Some(want), "{}", text);
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for text in [
            "",
            " ",
            ",",
            "Sun",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            " Sun, 06 Nov 1994 08:49:37 GMT",
            "sun, 06 Nov 1994 08:49:37 GMT",
            "Son, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nox 1994 08:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Mon, 29 Feb 2100 00:00:00 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov +994 08:49:37 GMT",
            "Sun, 06-Nov-94 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Fri, 01 Jan 0000 00:00:00 GMT",
            "Sun Nov 6 08:49:37 1994",
            "Sun Nov  6 08:49:37 1994 GMT",
            "Sun, 06 Nov 1994 08:49:3\u{b2} GMT",
            "Sun, 06 N\u{f3}v 1994 08:49:37 GMT",
            "\u{1f552}, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse(text), None, "{}", text);
        }
    }
}
