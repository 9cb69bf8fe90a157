//! The chunked transfer coding (RFC 9112 §7.1): the decoder for requests, and the lines that go
//! around the chunks of a response. It holds no bytes and never allocates.
//!
//! ```text
//!            ;                                     chunk-ext: Name Eq Value Quoted ..
//!    Size ──────► (chunk-ext) ──┐                  trailer: Line Name Value LineLf
//!     ▲ └──────── CR ─────────► SizeLf ── LF, size 0 ──► (trailer) ── CR ─► EndLf ── LF ─► Done
//!     │                           │ LF
//!     └── LF ── DataLf ◄── CR ── Data
//! ```

use crate::limits::Limits;
use crate::wire::bytes::{is, QUOTED, TOKEN, VALUE};
use crate::wire::error::WireError;
use crate::wire::head::fields::{bad_name, bad_value};

/// What follows the bytes of each chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// The chunk of size 0 and an empty trailer section.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// As many as a u64 has; leading zeros count.
const MAX_SIZE_DIGITS: u8 = 16;

/// Extension bytes of one body. Nobody uses them, and without a bound a peer could send its
/// megabytes there (RFC 9112 §7.1.1 asks for one).
const MAX_EXTENSION_BYTES: usize = 4 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    ExtBlank,
    ExtNameStart,
    ExtName,
    ExtNameBlank,
    ExtValueStart,
    ExtValue,
    ExtQuoted,
    ExtEscape,
    ExtQuotedEnd,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Line,
    Name,
    Value,
    LineLf,
    EndLf,
    Done,
}

/// How much [`Decoder::decode`] used of what it was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub consumed: usize,
    pub produced: usize,
}

/// Takes a chunked body apart as it arrives.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    digits: u8,
    /// Of the current chunk: its size while that is read, then what is still to come.
    size: u64,
    /// What the chunks to come may still add up to.
    body_left: u64,
    extension_left: usize,
    trailer_left: usize,
    fields_left: usize,
}

impl Decoder {
    pub(crate) fn new(limits: &Limits) -> Decoder {
        Decoder {
            state: State::Size,
            digits: 0,
            size: 0,
            body_left: limits.max_body_bytes,
            extension_left: MAX_EXTENSION_BYTES,
            trailer_left: limits.max_head_bytes,
            fields_left: limits.max_headers,
        }
    }

    /// For a body that is passed on as it comes: it may be of any length. Its extensions and its
    /// trailer section are bounded as ever.
    pub(crate) fn of_any_length() -> Decoder {
        Decoder::new(&Limits {
            max_body_bytes: u64::MAX,
            ..Limits::default()
        })
    }

    /// Reads from `input` and writes the body's bytes into `out`. Returns when the input is used
    /// up, when the next byte has no room in `out`, or when the body and its trailer section have
    /// ended; what is left of the input then belongs to the next request.
    ///
    /// After an error the body has no end that could be trusted, and `out` holds nothing.
    pub(crate) fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<Progress, WireError> {
        let mut done = Progress::default();
        while let Some(&byte) = input.get(done.consumed) {
            match self.state {
                State::Done => break,
                State::Data => {
                    let from = &input[done.consumed..];
                    let into = &mut out[done.produced..];
                    let room = from.len().min(into.len());
                    if room == 0 {
                        break;
                    }
                    let n = usize::try_from(self.size).map_or(room, |size| size.min(room));
                    into[..n].copy_from_slice(&from[..n]);
                    done.consumed += n;
                    done.produced += n;
                    self.size -= n as u64;
                    if self.size == 0 {
                        self.state = State::DataCr;
                    }
                }
                _ => {
                    self.state = self.step(byte)?;
                    done.consumed += 1;
                }
            }
        }
        Ok(done)
    }

    /// The body has ended, trailer section and all.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Where one byte of what is not body leads to.
    fn step(&mut self, byte: u8) -> Result<State, WireError> {
        match self.state {
            State::Size => self.size_byte(byte),
            State::SizeLf if byte == b'\n' => self.size_end(),
            State::DataCr if byte == b'\r' => Ok(State::DataLf),
            State::DataLf if byte == b'\n' => {
                self.digits = 0;
                Ok(State::Size)
            }
            State::DataCr | State::DataLf => Err(WireError::BadChunkEnd),
            State::SizeLf => Err(WireError::BareCr),
            State::Line | State::Name | State::Value | State::LineLf | State::EndLf => {
                self.trailer_byte(byte)
            }
            _ => self.extension_byte(byte),
        }
    }

    /// chunk-size = 1*HEXDIG
    fn size_byte(&mut self, byte: u8) -> Result<State, WireError> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'\n' => return Err(WireError::BareLf),
            _ if self.digits == 0 => return Err(WireError::BadChunkSize),
            b'\r' => return Ok(State::SizeLf),
            b' ' | b'\t' | b';' => {
                self.state = State::ExtBlank;
                return self.extension_byte(byte);
            }
            _ => return Err(WireError::BadChunkSize),
        };
        if self.digits == MAX_SIZE_DIGITS {
            return Err(WireError::BadChunkSize);
        }
        self.size = self.size << 4 | u64::from(digit);
        self.digits += 1;
        Ok(State::Size)
    }

    fn size_end(&mut self) -> Result<State, WireError> {
        if self.size == 0 {
            return Ok(State::Line);
        }
        self.body_left = self
            .body_left
            .checked_sub(self.size)
            .ok_or(WireError::BodyTooLarge)?;
        Ok(State::Data)
    }

    /// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
    /// chunk-ext-name = token, chunk-ext-val = token / quoted-string
    fn extension_byte(&mut self, byte: u8) -> Result<State, WireError> {
        use State::*;
        if byte == b'\r' && matches!(self.state, ExtName | ExtValue | ExtQuotedEnd) {
            return Ok(SizeLf);
        }
        if byte == b'\n' {
            return Err(WireError::BareLf);
        }
        self.extension_left = self
            .extension_left
            .checked_sub(1)
            .ok_or(WireError::ChunkExtensionsTooLong)?;
        let blank = byte == b' ' || byte == b'\t';
        Ok(match self.state {
            ExtBlank if blank => ExtBlank,
            ExtNameStart if blank => ExtNameStart,
            ExtNameStart | ExtName if is(byte, TOKEN) => ExtName,
            ExtName | ExtNameBlank if blank => ExtNameBlank,
            ExtName | ExtNameBlank if byte == b'=' => ExtValueStart,
            ExtValueStart if blank => ExtValueStart,
            ExtValueStart if byte == b'"' => ExtQuoted,
            ExtValueStart | ExtValue if is(byte, TOKEN) => ExtValue,
            ExtQuoted if is(byte, QUOTED) => ExtQuoted,
            ExtQuoted if byte == b'\\' => ExtEscape,
            ExtQuoted if byte == b'"' => ExtQuotedEnd,
            ExtEscape if is(byte, VALUE) => ExtQuoted,
            ExtValue | ExtQuotedEnd if blank => ExtBlank,
            ExtBlank | ExtName | ExtNameBlank | ExtValue | ExtQuotedEnd if byte == b';' => {
                ExtNameStart
            }
            _ => return Err(WireError::BadChunkExtension),
        })
    }

    /// trailer-section = *( field-line CRLF ), and the CRLF that ends the body. The fields are
    /// checked and forgotten: none may change what the head said (RFC 9110 §6.5.1).
    fn trailer_byte(&mut self, byte: u8) -> Result<State, WireError> {
        self.trailer_left = self
            .trailer_left
            .checked_sub(1)
            .ok_or(WireError::HeadTooLarge)?;
        match (self.state, byte) {
            (State::Line, b'\r') => Ok(State::EndLf),
            (State::Line, b'\n') => Err(WireError::BareLf),
            (State::Line, b' ' | b'\t') => Err(WireError::ObsFold),
            (State::Line, _) => {
                self.fields_left = self
                    .fields_left
                    .checked_sub(1)
                    .ok_or(WireError::TooManyHeaders)?;
                match is(byte, TOKEN) {
                    true => Ok(State::Name),
                    false => Err(bad_name(byte, true)),
                }
            }
            (State::Name, b':') => Ok(State::Value),
            (State::Name, _) if is(byte, TOKEN) => Ok(State::Name),
            (State::Name, _) => Err(bad_name(byte, false)),
            (State::Value, b'\r') => Ok(State::LineLf),
            (State::Value, _) if is(byte, VALUE) => Ok(State::Value),
            (State::Value, _) => Err(bad_value(byte)),
            (State::LineLf, b'\n') => Ok(State::Line),
            (State::EndLf, b'\n') => Ok(State::Done),
            _ => Err(WireError::BareCr),
        }
    }
}

/// The line before a chunk of `len` bytes, which is not 0: that would end the body.
pub(crate) fn write_chunk_head(out: &mut Vec<u8>, len: usize) {
    debug_assert_ne!(len, 0);
    let mut digits = [0; 16];
    let mut left = len;
    let mut at = digits.len();
    while left > 0 {
        at -= 1;
        digits[at] = b"0123456789abcdef"[left & 15];
        left >>= 4;
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests;
