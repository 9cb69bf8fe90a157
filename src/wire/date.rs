//! Dates in fields (RFC 9110 §5.6.7), to and from seconds since 1970. What time it is, is not
//! known here.

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
    let days = secs / SECONDS_A_DAY;
    let (year, month, day) = civil(days);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let two = |n: u64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
    // The epoch was a Thursday.
    out[0..3].copy_from_slice(DAYS[(days % 7) as usize].as_bytes());
    out[5..7].copy_from_slice(&two(day));
    out[8..11].copy_from_slice(MONTHS[month as usize - 1].as_bytes());
    out[12..14].copy_from_slice(&two(year / 100));
    out[14..16].copy_from_slice(&two(year % 100));
    out[17..19].copy_from_slice(&two(secs / 3600 % 24));
    out[20..22].copy_from_slice(&two(secs / 60 % 60));
    out[23..25].copy_from_slice(&two(secs % 60));
    out
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
    Some(days(year, month, number(day)?)? * SECONDS_A_DAY + time_of_day(time)?)
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
