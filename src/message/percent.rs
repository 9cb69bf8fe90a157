//! Percent-encoding (RFC 3986 §2.1) and the decoding of forms (`application/x-www-form-urlencoded`).
//! It knows text and bytes, not what a path or a parameter means.

use std::borrow::Cow;

/// The text with its `%41` escapes decoded; what then is not UTF-8 becomes U+FFFD. A `%` without two
/// hexadecimal digits after it stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(lossy(bytes(text).map(|(byte, _)| byte).collect()))
}

/// [`decode`], and `+` is a space: names and values of a query string or a posted form.
pub(crate) fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    // Only a literal `+` is a space; `%2B` has been decoded to a plus sign by then, three bytes long.
    let decode_plus = |(byte, len)| if (byte, len) == (b'+', 1) { b' ' } else { byte };
    Cow::Owned(lossy(bytes(text).map(decode_plus).collect()))
}

/// How many bytes at the front of `text` decode to exactly `prefix`, escapes counted as written.
///
/// The cut is a character boundary of `text`: a lead byte says how long its character is, and
/// `prefix` holds whole characters.
pub(crate) fn prefix_len(text: &str, prefix: &str) -> Option<usize> {
    let mut decoded = bytes(text);
    let mut taken = 0;
    for want in prefix.bytes() {
        match decoded.next() {
            Some((byte, len)) if byte == want => taken += len,
            _ => return None,
        }
    }
    Some(taken)
}

/// Appends `text`, with every byte outside `keep` as `%XX`.
pub(crate) fn encode_into(out: &mut String, text: &str, keep: fn(u8) -> bool) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii() && keep(byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Every decoded byte with the number of bytes it was written in: 1, or 3 for an escape.
fn bytes(text: &str) -> impl Iterator<Item = (u8, usize)> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, len) = match *rest {
            [] => return None,
            // pct-encoded = "%" HEXDIG HEXDIG
            [b'%', high, low, ..] => match (hex(high), hex(low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [byte, ..] => (byte, 1),
        };
        rest = &rest[len..];
        Some((byte, len))
    })
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn lossy(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}
