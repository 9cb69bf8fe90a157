//! [`Text`]: UTF-8 that arrives in pieces. A piece may end within a character. Invalid UTF-8 is
//! refused at the first byte that makes the text invalid (RFC 6455 §8.1).

use std::str;

/// The text so far, and up to three bytes of an incomplete character.
#[derive(Debug, Default)]
pub(crate) struct Text {
    text: String,
    partial: [u8; 4],
    partial_len: usize,
}

/// The text is invalid UTF-8, and no later bytes can change that.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invalid;

impl Text {
    /// Returns the length in bytes, including those of an incomplete character.
    pub(crate) fn len(&self) -> usize {
        self.text.len() + self.partial_len
    }

    pub(crate) fn capacity(&self) -> usize {
        self.text.capacity()
    }

    pub(crate) fn reserve_exact(&mut self, more: usize) {
        self.text.reserve_exact(more);
    }

    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Invalid> {
        while self.partial_len > 0 && !bytes.is_empty() {
            self.partial[self.partial_len] = bytes[0];
            self.partial_len += 1;
            bytes = &bytes[1..];
            match str::from_utf8(&self.partial[..self.partial_len]) {
                Ok(character) => {
                    self.text.push_str(character);
                    self.partial_len = 0;
                }
                // Four bytes are always a character or invalid, so `partial` has room.
                Err(e) if e.error_len().is_none() => {}
                Err(_) => return Err(Invalid),
            }
        }
        let rest = match str::from_utf8(bytes) {
            Ok(text) => {
                self.text.push_str(text);
                return Ok(());
            }
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            Err(_) => return Err(Invalid),
        };
        let (whole, rest) = bytes.split_at(rest);
        self.text
            .push_str(str::from_utf8(whole).map_err(|_| Invalid)?);
        self.partial[..rest.len()].copy_from_slice(rest);
        self.partial_len = rest.len();
        Ok(())
    }

    /// Returns the text, unless the text ends within a character.
    pub(crate) fn finish(&mut self) -> Result<String, Invalid> {
        match self.partial_len {
            0 => Ok(std::mem::take(&mut self.text)),
            _ => Err(Invalid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], size: usize) -> Result<String, Invalid> {
        let mut text = Text::default();
        let mut length = 0;
        for piece in bytes.chunks(size) {
            text.push(piece)?;
            length += piece.len();
            assert_eq!(text.len(), length);
        }
        text.finish()
    }

    /// The first and the last character of each length, and those around the surrogates.
    #[test]
    fn pieces_may_end_within_a_character() {
        let text = "\0\u{7f}\u{80}\u{7ff}\u{800}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}a";
        for size in 1..=text.len() {
            assert_eq!(read(text.as_bytes(), size).as_deref(), Ok(text), "{size}");
        }
        assert_eq!(read(b"", 1).as_deref(), Ok(""));
    }

    /// RFC 3629 §3 and §4. Each row is refused at its last byte, and not before.
    #[test]
    fn invalid_utf8_is_refused_at_the_first_byte_that_shows_it() {
        for bytes in [
            &b"\x80"[..],
            b"\xbf",
            b"\xc0",
            b"\xc1",
            b"\xc2\x20",
            b"\xc2\xc2",
            b"\xe0\x9f",
            b"\xe1\x80\x20",
            b"\xed\xa0",
            b"\xf0\x8f",
            b"\xf1\x80\x80\x20",
            b"\xf4\x90",
            b"\xf5",
            b"\xfe",
            b"\xff",
        ] {
            let mut whole = b"a\xc3\xa9".to_vec();
            whole.extend_from_slice(bytes);
            let mut text = Text::default();
            for &byte in &whole[..whole.len() - 1] {
                assert_eq!(text.push(&[byte]), Ok(()), "{bytes:x?}");
            }
            let last = &whole[whole.len() - 1..];
            assert_eq!(text.push(last), Err(Invalid), "{bytes:x?}");
            assert_eq!(read(&whole, whole.len()), Err(Invalid), "{bytes:x?}");
        }
    }

    #[test]
    fn text_must_not_end_within_a_character() {
        for bytes in [&b"\xc2"[..], b"a\xe1\x80", b"\xf1\x80\x80", b"\xf1"] {
            for size in 1..=bytes.len() {
                assert_eq!(read(bytes, size), Err(Invalid), "{bytes:x?}");
            }
        }
    }
}
