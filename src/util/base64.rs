//! Base64 with the standard alphabet and with padding (RFC 4648 §4), for HTTP credentials and for
//! the keys of a websocket handshake.

#[cfg(any(feature = "websocket", test))]
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';

/// Returns the text of the bytes.
#[cfg(any(feature = "websocket", test))]
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity((bytes.len() + 2) / 3 * 4);
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let sextet = bits >> (18 - 6 * index) & 0x3f;
            // A group of n bytes has n + 1 digits; padding fills it up to 4.
            let digit = if index <= group.len() {
                ALPHABET[sextet as usize]
            } else {
                PAD
            };
            text.push(char::from(digit));
        }
    }
    text
}

/// Returns the bytes of the text, or `None` if the text is not Base64.
///
/// Each value has one text: padding is required, unused bits are 0 (RFC 4648 §3.5), and blanks are
/// not allowed.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if text.len() % 4 != 0 {
        return None;
    }
    let digits = match text {
        [digits @ .., PAD, PAD] | [digits @ .., PAD] => digits,
        digits => digits,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0;
        for &digit in group {
            bits = bits << 6 | value(digit)?;
        }
        // The last bits of a short group belong to no byte; they are shifted out.
        let spare = match group.len() {
            4 => 0,
            3 => 2,
            2 => 4,
            _ => return None,
        };
        if bits & ((1 << spare) - 1) != 0 {
            return None;
        }
        let whole = group.len() * 6 / 8;
        bytes.extend_from_slice(&(bits >> spare).to_be_bytes()[4 - whole..]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    /// RFC 4648 §10, and bytes that need every digit.
    #[test]
    fn a_value_has_one_text() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"f", "Zg=="),
            (b"fo", "Zm8="),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg=="),
            (b"fooba", "Zm9vYmE="),
            (b"foobar", "Zm9vYmFy"),
            (b"\xfb\xef\xff", "++//"),
            (b"\0\x10\x83", "ABCD"),
        ] {
            assert_eq!(encode(bytes), text);
            assert_eq!(decode(text).as_deref(), Some(bytes), "{}", text);
        }
        let all: Vec<u8> = (0..=255).collect();
        for from in 0..=255 {
            assert_eq!(decode(&encode(&all[from..])).as_deref(), Some(&all[from..]));
        }
    }

    #[test]
    fn rejects_text_that_is_not_base64() {
        for text in [
            "Z",
            "Zg",
            "Zm8",
            "Zg=",
            "Zg===",
            "=",
            "==",
            "===",
            "====",
            "Z===",
            "Zg==Zg==",
            "Zh==",
            "Zm9=",
            "Zm9v\n",
            " Zg==",
            "Zm9v====",
            "Zm-_",
            "Zm\u{e9}=",
            "Zg= =",
            "=Zg=",
        ] {
            assert_eq!(decode(text), None, "{}", text);
        }
    }
}
