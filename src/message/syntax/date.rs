//! The calendar, and the date of a header field (RFC 9110 §5.6.7).
//!
//! The module computes with seconds since 1970 and reads no clock.

/// The names of the days, from the epoch on: 1 January 1970 was a Thursday.
pub(crate) const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
pub(crate) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
pub(crate) const SECONDS_PER_DAY: u64 = 86_400;
/// 31 December 9999, 23:59:59: the last second of a year with four digits.
pub(crate) const MAX_SECONDS: u64 = 253_402_300_799;

/// Returns the date in the form `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate). A time after the
/// year 9999 becomes the last second of that year.
pub(crate) fn imf_fixdate(secs_since_epoch: u64) -> [u8; 29] {
    let secs = secs_since_epoch.min(MAX_SECONDS);
    let utc = Utc::at(secs);
    let mut out = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    let two = |n: u64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
    out[0..3].copy_from_slice(DAYS[(secs / SECONDS_PER_DAY % 7) as usize].as_bytes());
    out[5..7].copy_from_slice(&two(utc.day));
    out[8..11].copy_from_slice(utc.month_name().as_bytes());
    out[12..14].copy_from_slice(&two(utc.year / 100));
    out[14..16].copy_from_slice(&two(utc.year % 100));
    out[17..19].copy_from_slice(&two(utc.hour));
    out[20..22].copy_from_slice(&two(utc.minute));
    out[23..25].copy_from_slice(&two(utc.second));
    out
}

/// A second since 1970 as a date and a time of day, in UTC.
pub(crate) struct Utc {
    pub(crate) year: u64,
    /// 1 to 12.
    pub(crate) month: u64,
    /// 1 to 31.
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl Utc {
    /// Returns the date and time of `secs_since_epoch`. A time after the year 9999 becomes the
    /// last second of that year.
    pub(crate) fn at(secs_since_epoch: u64) -> Utc {
        let secs = secs_since_epoch.min(MAX_SECONDS);
        let (year, month, day) = civil(secs / SECONDS_PER_DAY);
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

/// Returns year, month and day of a day since 1970.
///
/// Years are counted in eras of 400 years. A year begins on 1 March, so that the leap day is its
/// last day.
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_leap_days_and_ends_of_centuries() {
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
        }
        assert_eq!(imf_fixdate(u64::MAX), imf_fixdate(MAX_SECONDS));
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = (1969, 12, 31);
        for day in 0..=MAX_SECONDS / SECONDS_PER_DAY {
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
            before = (y, m, d);
        }
        assert_eq!(before, (9999, 12, 31));
    }
}
