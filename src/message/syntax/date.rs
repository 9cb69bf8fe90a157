//! Dates in fields (RFC 9110 §5.6.7), to and from seconds since 1970, and the calendar behind them.
//! What time it is, is not known here.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const LONG_DAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SECONDS_A_DAY: u64 = 86_400;
/// 31 Dec 9999 23:59:59, the last one that four digits of a year can tell.
const LAST_SECOND: u64 = 253_402_300_799;

/// `Sun, 06 Nov 1994 08:49:37 GMT`. Later than the year 9999 is its last second.
pub(crate) fn imf_fixdate(secs_since_epoch: u64) -> [u8; 29] {
    let secs = secs_since_epoch.min(LAST_SECOND);
    let utc = Utc::at(secs);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let two = |n: u64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
    // The epoch was a Thursday.
    out[0..3].copy_from_slice(DAYS[(secs / SECONDS_A_DAY % 7) as usize].as_bytes());
    out[5..7].copy_from_slice(&two(utc.day));
    out[8..11].copy_from_slice(utc.month_name().as_bytes());
    out[12..14].copy_from_slice(&two(utc.year / 100));
    out[14..16].copy_from_slice(&two(utc.year % 100));
    out[17..19].copy_from_slice(&two(utc.hour));
    out[20..22].copy_from_slice(&two(utc.minute));
    out[23..25].copy_from_slice(&two(utc.second));
    out
}

/// A second since 1970 as the calendar and the clock have it.
pub(crate) struct Utc {
    pub year: u64,
    /// 1 to 12, as the day is from 1.
    pub month: u64,
    pub day: u64,
    pub hour: u64,
    pub minute: u64,
    pub second: u64,
}

impl Utc {
    /// Later than the year 9999 is its last second.
    pub(crate) fn at(secs_since_epoch: u64) -> Utc {
        let secs = secs_since_epoch.min(LAST_SECOND);
        let (year, month, day) = civil(secs / SECONDS_A_DAY);
        Utc {
            year,
            month,
            day,
            hour: secs / 3600 % 24,
            minute: secs / 60 % 60,
            second: secs % 60,
        }
    }

    pub(crate) fn month_name(&self) -> &'static str {
        MONTHS[self.month as usize - 1]
    }
}

/// Seconds since 1970 of a date in any of the three formats a recipient must know; `None` for
/// anything else, and for a date before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (name, rest) = text.split_at(text.find([',', ' '])?);
    let short = DAYS.contains(&name);
    // `rest` is ASCII wherever it fits, so that it may be cut anywhere.
    let (year, month, day, time) = if short && fits(rest, ", 00 Aaa 0000 00:00:00 GMT") {
        (number(&rest[9..13])?, &rest[5..8], &rest[2..4], &rest[14..])
    } else if LONG_DAYS.contains(&name) && fits(rest, ", 00-Aaa-00 00:00:00 GMT") {
        // A clock would tell which century is at most 50 years ahead; this is 1970 to 2069.
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
    let secs = days(year, month, number(day)?)? * SECONDS_A_DAY + time_of_day(time)?;
    // A leap second in the last minute would be in the year 10000.
    Some(secs.min(LAST_SECOND))
}

/// `08:49:37` and whatever follows; a leap second counts as the one after it.
fn time_of_day(text: &str) -> Option<u64> {
    let part = |at| number(&text[at..at + 2]);
    match (part(0)?, part(3)?, part(6)?) {
        (hour @ 0..=23, minute @ 0..=59, second @ 0..=60) => {
            Some(hour * 3600 + minute * 60 + second)
        }
        _ => None,
    }
}

/// Whether the text is like the shape, where `0` is any digit, `A` and `a` any such letter.
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

/// Year, month and day from days since 1970. Counted in eras of 400 years that begin on 1 March,
/// so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    // 719,468 days lie between 0000-03-01 and the epoch.
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = (shifted_month + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Days since 1970 of a day that exists.
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

    #[test]
    fn dates_both_ways() {
        for (secs, want) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1, "Thu, 01 Jan 1970 00:00:01 GMT"),
            (86_399, "Thu, 01 Jan 1970 23:59:59 GMT"),
            (86_400, "Fri, 02 Jan 1970 00:00:00 GMT"),
            (68_169_599, "Mon, 28 Feb 1972 23:59:59 GMT"),
            (68_169_600, "Tue, 29 Feb 1972 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 GMT"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
        ] {
            let text = imf_fixdate(secs);
            assert_eq!(std::str::from_utf8(&text), Ok(want));
            assert_eq!(parse(want), Some(secs), "{}", want);
        }
        assert_eq!(imf_fixdate(u64::MAX), imf_fixdate(LAST_SECOND));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = (1969, 12, 31);
        for day in 0..=LAST_SECOND / SECONDS_A_DAY {
            let (y, m, d) = civil(day);
            let leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
            let last = match before.1 {
                2 => 28 + u64::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            let want = match before {
                (y, 12, 31) => (y + 1, 1, 1),
                (y, m, d) if d == last => (y, m + 1, 1),
                (y, m, d) => (y, m, d + 1),
            };
            assert_eq!((y, m, d), want);
            assert_eq!(days(y, m, d), Some(day));
            before = (y, m, d);
        }
        assert_eq!(before, (9999, 12, 31));
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
            ("Fri, 31 Dec 9999 23:59:60 GMT", LAST_SECOND),
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
