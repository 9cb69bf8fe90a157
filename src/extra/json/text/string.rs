//! Strings of JSON text, read and written (RFC 8259 §7): the escapes, and the search for the next
//! byte that needs one. The module does not depend on values.

use std::fmt::{self, Write};

use crate::extra::json::error::Reason;

/// Whether a byte may stand in a string without an escape:
/// `unescaped = %x20-21 / %x23-5B / %x5D-10FFFF` (RFC 8259 §7). Bytes of 0x80 and above belong to
/// characters that `str` has checked.
const IS_PLAIN_BYTE: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

/// Returns the index of the first byte from `at` on that is not plain, or an index past the end.
pub(crate) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at a time: twice as fast as single bytes for long strings.
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let quote = word ^ (ONE_IN_EACH_BYTE * u64::from(b'"'));
        let backslash = word ^ (ONE_IN_EACH_BYTE * u64::from(b'\\'));
        let found = bytes_below(word, 0x20) | bytes_below(quote, 1) | bytes_below(backslash, 1);
        if found != 0 {
            // The division gives at most 7.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while matches!(bytes.get(at), Some(&byte) if IS_PLAIN_BYTE[usize::from(byte)]) {
        at += 1;
    }
    at
}

/// A word whose eight bytes are all 1.
const ONE_IN_EACH_BYTE: u64 = 0x0101_0101_0101_0101;

/// Returns a word with the top bit set of the lowest byte that is less than `bound` (at most 0x80).
/// Higher bits may be wrong, because the subtraction borrows from higher bytes.
fn bytes_below(word: u64, bound: u64) -> u64 {
    word.wrapping_sub(ONE_IN_EACH_BYTE * bound) & !word & (ONE_IN_EACH_BYTE << 7)
}

/// Decodes the escapes of a string. An error contains the offset of the backslash.
pub(crate) fn unescape(raw: &str) -> Result<String, (usize, Reason)> {
    // An escape is never shorter than its character.
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(plain) = rest.find('\\') {
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
        let offset = raw.len() - rest.len();
        let (character, len) = escape(rest.as_bytes()).map_err(|reason| (offset, reason))?;
        out.push(character);
        rest = &rest[len..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Decodes the escape at the start of `bytes`. Returns the character and the length of the escape.
fn escape(bytes: &[u8]) -> Result<(char, usize), Reason> {
    let character = match bytes.get(1) {
        Some(&byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(bytes),
        _ => return Err(Reason::BadEscape),
    };
    Ok((character, 2))
}

/// Decodes `\uXXXX`, or two of these for a character beyond the basic plane (RFC 8259 §7).
fn unicode_escape(bytes: &[u8]) -> Result<(char, usize), Reason> {
    let first = code_unit(bytes).ok_or(Reason::BadEscape)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    // Not a character, so half of a surrogate pair. RFC 8259 §8.2 does not define the meaning of
    // one half alone; refuse.
    let second = code_unit(&bytes[6..]).ok_or(Reason::LoneSurrogate)?;
    if first > 0xdbff || !(0xdc00..=0xdfff).contains(&second) {
        return Err(Reason::LoneSurrogate);
    }
    let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(scalar).ok_or(Reason::LoneSurrogate)?, 12))
}

/// Returns the value of the four hex digits of a `\uXXXX` at the start of `bytes`.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| {
        Some(unit << 4 | char::from(digit).to_digit(16)?)
    })
}

/// Writes `string = quotation-mark *char quotation-mark` with only the required escapes (RFC 8259
/// §7). A text for a `<script>` element needs more escapes.
pub(crate) fn write_string<W: Write>(text: &str, out: &mut W) -> fmt::Result {
    let bytes = text.as_bytes();
    let mut start = 0;
    out.write_char('"')?;
    loop {
        let end = skip_plain(bytes, start);
        out.write_str(&text[start..end])?;
        match bytes.get(end) {
            None => break,
            Some(b'"') => out.write_str("\\\"")?,
            Some(b'\\') => out.write_str("\\\\")?,
            Some(0x8) => out.write_str("\\b")?,
            Some(0xc) => out.write_str("\\f")?,
            Some(b'\n') => out.write_str("\\n")?,
            Some(b'\r') => out.write_str("\\r")?,
            Some(b'\t') => out.write_str("\\t")?,
            Some(control) => write!(out, "\\u{:04x}", control)?,
        }
        start = end + 1;
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut out = String::new();
        write_string(text, &mut out).unwrap();
        out
    }

    #[test]
    fn only_the_required_escapes_are_written() {
        let table = [
            ("", r#""""#),
            (
                "plain / \u{7f} \u{e9} \u{2028} \u{1f600} </script>",
                "\"plain / \u{7f} \u{e9} \u{2028} \u{1f600} </script>\"",
            ),
            ("\"\\", r#""\"\\""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("\0\u{1}\u{1f}x", r#""\u0000\u0001\u001fx""#),
        ];
        for (text, want) in table {
            assert_eq!(written(text), want);
        }
    }

    #[test]
    fn the_next_special_byte_is_found_at_every_distance() {
        for special in ['"', '\\', '\0', '\u{1f}'] {
            for before in 0..20 {
                for after in 0..20 {
                    let plain = "\u{e9} !#[]\u{7f}\u{10ffff}xyz 0123456789";
                    let head: String = plain.chars().take(before).collect();
                    let text = format!("{}{}{}", head, special, &"~".repeat(after));
                    assert_eq!(skip_plain(text.as_bytes(), 0), head.len());
                    assert_eq!(skip_plain(head.as_bytes(), 0), head.len());
                }
            }
        }
        assert_eq!(skip_plain(b"abc", 7), 7);
    }
}
