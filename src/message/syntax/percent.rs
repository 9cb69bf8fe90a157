//! Percent-encoding (RFC 3986 §2.1) and the decoding of forms
//! (`application/x-www-form-urlencoded`).
//!
//! The module knows text and bytes, and not the meaning of a path or a parameter.

use std::borrow::Cow;

/// Returns `text` with its `%41` escapes decoded. Bytes that are not UTF-8 become U+FFFD. A `%`
/// that is not followed by two hexadecimal digits stays.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.as_bytes().contains(&b'%') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(lossy(text, bytes(text)))
}

/// Returns the bytes of `text` with its escapes decoded: for names that need not be UTF-8.
pub(crate) fn bytes(text: &str) -> impl Iterator<Item = u8> + '_ {
    units(text.as_bytes()).map(|(byte, _)| byte)
}

/// Decodes a name or a value of a query string or a posted form: as [`decode`], and `+` is a space.
pub(crate) fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(lossy(text, form_bytes(text.as_bytes())))
}

/// Returns the decoded bytes of a name or a value of a form. The bytes may be other than UTF-8.
pub(crate) fn form_bytes(written: &[u8]) -> impl Iterator<Item = u8> + '_ {
    units(written).map(|decoded| match decoded {
        // A plus sign that was written as `%2B` has a length of three bytes, not one.
        (b'+', 1) => b' ',
        (byte, _) => byte,
    })
}

/// Returns the number of bytes at the front of `text` that decode to exactly `prefix`. Escapes
/// count as written.
///
/// The result is a character boundary of `text`: a lead byte determines the length of its
/// character, and `prefix` holds whole characters.
pub(crate) fn prefix_len(text: &str, prefix: &str) -> Option<usize> {
    let mut decoded = units(text.as_bytes());
    let mut length = 0;
    for want in prefix.bytes() {
        match decoded.next() {
            Some((byte, written)) if byte == want => length += written,
            _ => return None,
        }
    }
    Some(length)
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

/// Returns `text` as a URI reference (RFC 3986 §2). Characters that no URI can hold are encoded,
/// and escapes stay.
///
/// Browsers read a `\` as a `/`, and skip a tab or a line break between two slashes. Without the
/// encoding, a redirect could therefore lead to another host.
pub(crate) fn encode_uri(text: Cow<'static, str>) -> Cow<'static, str> {
    if split_at_invalid(&text).1.is_empty() {
        return text;
    }
    let (mut out, mut rest) = (String::new(), &*text);
    while !rest.is_empty() {
        let (valid, tail) = split_at_invalid(rest);
        out.push_str(valid);
        let length = tail.chars().next().map_or(0, char::len_utf8);
        let (invalid, tail) = tail.split_at(length);
        encode_into(&mut out, invalid, |_| false);
        rest = tail;
    }
    out.into()
}

/// Splits `text` before its first character that no URI can hold.
fn split_at_invalid(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let is_valid = |at: usize| match bytes[at..] {
        [b'%', high, low, ..] => hex(high).is_some() && hex(low).is_some(),
        // unreserved / gen-delims / sub-delims
        [byte, ..] => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
        [] => false,
    };
    let invalid = (0..bytes.len()).find(|&at| !is_valid(at));
    text.split_at(invalid.unwrap_or(bytes.len()))
}

/// Returns each decoded byte with its written length: 1, or 3 for an escape.
fn units(mut rest: &[u8]) -> impl Iterator<Item = (u8, usize)> + '_ {
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
    // A hexadecimal digit has a value below 16.
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn lossy(text: &str, bytes: impl Iterator<Item = u8>) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    decoded.extend(bytes);
    match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_escapes_and_forms() {
        // (input, as a path, as a form)
        let table = [
            ("", "", ""),
            ("plain", "plain", "plain"),
            ("a+b", "a+b", "a b"),
            ("a%2Bb+c", "a+b+c", "a+b c"),
            ("%41%2f%3F", "A/?", "A/?"),
            ("%2541", "%41", "%41"),
            ("%", "%", "%"),
            ("%4", "%4", "%4"),
            ("%zz%4g%g4", "%zz%4g%g4", "%zz%4g%g4"),
            ("%%41", "%A", "%A"),
            ("%+1%-1", "%+1%-1", "% 1%-1"),
            ("%C3%A9", "\u{e9}", "\u{e9}"),
            ("%E2%82%AC", "\u{20ac}", "\u{20ac}"),
            ("h\u{e9}%20", "h\u{e9} ", "h\u{e9} "),
            ("a%ffb", "a\u{fffd}b", "a\u{fffd}b"),
            ("%C3", "\u{fffd}", "\u{fffd}"),
            ("%00", "\0", "\0"),
        ];
        for (input, path, form) in table {
            assert_eq!(decode(input), path, "{input:?} as a path");
            assert_eq!(decode_form(input), form, "{input:?} as a form");
            let is = |text: &str| form_bytes(input.as_bytes()).eq(text.bytes());
            assert_eq!(
                is(form),
                !form.contains('\u{fffd}'),
                "{input:?} is {form:?}"
            );
            assert!(!is(&format!("{form}x")) && !is(&format!("x{form}")));
        }
    }

    #[test]
    fn a_uri_is_left_alone_and_anything_else_becomes_one() {
        let table = [
            ("", ""),
            ("/a?b=c&d#e", "/a?b=c&d#e"),
            (
                "http://[::1]:80/~a/(b);c=d,e!f$g*h+i'j@k",
                "http://[::1]:80/~a/(b);c=d,e!f$g*h+i'j@k",
            ),
            ("/a%20b%C3%a9", "/a%20b%C3%a9"),
            ("/a b", "/a%20b"),
            ("/100%", "/100%25"),
            ("/%2", "/%252"),
            ("/%zz%41%", "/%25zz%41%25"),
            ("/\r\nSet-Cookie: a=b", "/%0D%0ASet-Cookie:%20a=b"),
            ("/\t/b", "/%09/b"),
            ("/\\b", "/%5Cb"),
            ("/\"<>^`{|}\0\x7f", "/%22%3C%3E%5E%60%7B%7C%7D%00%7F"),
            (
                "/\u{e9}\u{10d}\u{10a}\u{1f600}",
                "/%C3%A9%C4%8D%C4%8A%F0%9F%98%80",
            ),
        ];
        for (text, want) in table {
            let uri = encode_uri(text.into());
            assert_eq!(uri, want, "{text:?}");
            assert_eq!(encode_uri(uri.into_owned().into()), want, "{text:?}, twice");
        }
        assert!(matches!(encode_uri("/a%20b".into()), Cow::Borrowed(_)));
    }

    #[test]
    fn copies_only_what_changes() {
        assert!(matches!(decode("a+b"), Cow::Borrowed(_)));
        assert!(matches!(decode_form("a-b"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["", "plain", "100% \u{20ac} + \0\x7f\"\\", "%41"] {
            for keep in [
                |_| false,
                |byte: u8| byte != b'%',
                |byte: u8| byte.is_ascii_lowercase(),
            ] {
                let mut encoded = String::new();
                encode_into(&mut encoded, text, keep);
                assert_eq!(decode(&encoded), text, "{encoded}");
            }
        }
    }

    /// Every text of up to six of these pieces, and every prefix of what it decodes to.
    #[test]
    fn a_prefix_is_cut_where_it_was_written() {
        fn check(text: &str) {
            let decoded = decode(text);
            for (at, _) in decoded.char_indices().chain([(decoded.len(), ' ')]) {
                let prefix = &decoded[..at];
                match prefix_len(text, prefix) {
                    Some(len) => assert_eq!(decode(&text[..len]), prefix, "{text:?}"),
                    // U+FFFD, which replaces bytes that are not UTF-8, is not in the text.
                    None => assert!(prefix.contains('\u{fffd}'), "{text:?} {prefix:?}"),
                }
            }
            let longer = format!("{decoded}x");
            assert_eq!(prefix_len(text, &longer), None, "{text:?}");
        }
        fn extend(text: &mut String, pieces: usize) {
            check(text);
            if pieces == 0 {
                return;
            }
            for piece in ["%", "C3", "A9", "4", "\u{e9}", "/"] {
                text.push_str(piece);
                extend(text, pieces - 1);
                text.truncate(text.len() - piece.len());
            }
        }
        extend(&mut String::new(), 6);
    }
}
