//! What is between the quotation marks of a JSON string, both ways (RFC 8259 §7).
//!
//! Owns the escapes and the search for the next byte that is special. Knows nothing of values.

use std::fmt::{self, Write};

use super::Reason;

/// What a string holds as it is: `unescaped = %x20-21 / %x23-5B / %x5D-10FFFF` (RFC 8259 §7).
/// Bytes from 0x80 up belong to characters that `str` has checked.
const PLAIN: [bool; 256] = {
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

/// The first byte from `at` on that is not plain, or some index past the end.
pub(crate) fn skip_plain(bytes: &[u8], mut at: usize) -> usize {
    // Eight bytes at a time, twice as fast as one by one where strings are long.
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let quote = word ^ (EACH * u64::from(b'"'));
        let backslash = word ^ (EACH * u64::from(b'\\'));
        let found = bytes_below(word, 0x20) | bytes_below(quote, 1) | bytes_below(backslash, 1);
        if found != 0 {
            // At most 7.
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while matches!(bytes.get(at), Some(&byte) if PLAIN[usize::from(byte)]) {
        at += 1;
    }
    at
}

/// A one in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The top bit of the lowest byte that is less than `bound` (at most 0x80); bits above it may be
/// wrong, as the subtraction borrows from there.
fn bytes_below(word: u64, bound: u64) -> u64 {
    word.wrapping_sub(EACH * bound) & !word & (EACH << 7)
}

/// The error holds the offset of the backslash to blame.
pub(crate) fn unescape(raw: &str) -> Result<String, (usize, Reason)> {
    // No escape is shorter than the character it stands for.
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

/// Reads the escape that `bytes` starts with; the character, and how many bytes it took.
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

/// `\uXXXX`, or two of them for a character beyond the basic plane (RFC 8259 §7).
fn unicode_escape(bytes: &[u8]) -> Result<(char, usize), Reason> {
    let first = code_unit(bytes).ok_or(Reason::BadEscape)?;
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    // Not a character, so a surrogate; RFC 8259 §8.2 leaves open what half a pair means. Refuse.
    let second = code_unit(&bytes[6..]).ok_or(Reason::LoneSurrogate)?;
    if first > 0xdbff || !(0xdc00..=0xdfff).contains(&second) {
        return Err(Reason::LoneSurrogate);
    }
    let scalar = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(scalar).ok_or(Reason::LoneSurrogate)?, 12))
}

/// The four hex digits of a `\uXXXX` that `bytes` starts with.
fn code_unit(bytes: &[u8]) -> Option<u32> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, &digit| {
        Some(unit << 4 | char::from(digit).to_digit(16)?)
    })
}

/// `string = quotation-mark *char quotation-mark`, with only those escapes that have to be
/// (RFC 8259 §7). All else is left as it is, so a text for a `<script>` element needs more.
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
    fn escapes_what_has_to_be_and_nothing_else() {
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
    fn finds_the_special_byte_at_every_distance() {
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
