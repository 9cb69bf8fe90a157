//! Names, sizes and times as people read them, and as a page and a URL can hold them.

use std::ffi::OsStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// As text in a page, or between the quotes of an attribute.
pub fn html(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        // These would end a line, or turn the text's direction round.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}'.to_string(),
        c => if c.is_control() { '\u{fffd}' } else { c }.to_string(),
    });
    escaped.collect()
}

/// As one segment of a URL; on Unix byte for byte, as a name there need not be UTF-8.
pub fn segment(name: &OsStr) -> String {
    #[cfg(unix)]
    let bytes = std::os::unix::ffi::OsStrExt::as_bytes(name);
    #[cfg(not(unix))]
    let bytes = name.to_str().unwrap_or_default().as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encoded = bytes.iter().map(|byte| match is_plain(byte) {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    encoded.collect()
}

/// `999 B`, `1.5 kB`, `64 MB`.
pub fn size(bytes: u64) -> String {
    let mut units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"].iter();
    let (mut value, mut unit) = (bytes as f64, units.next().unwrap_or(&""));
    while let (true, Some(next)) = (value >= 999.5, units.next()) {
        (value, unit) = (value / 1000.0, next);
    }
    let digits = usize::from(value < 9.95 && bytes > 999);
    format!("{value:.digits$} {unit}")
}

/// `2026-11-21 12:30`, in UTC; 1970 for a time before it.
pub fn utc(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400 + 719_468, since.as_secs() % 86_400);
    // Years are counted from March on, so that a leap day is the last of its year.
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, year) = ((month + 2) % 12 + 1, era * 400 + year + month / 10);
    let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}")
}
