//! The chunked transfer coding (RFC 9112 §7.1): the decoder, and the lines around the chunks of a
//! body that is sent. The decoder holds no bytes and never allocates.
//!
//! The decoder is a state machine over single bytes, except that it copies the bytes of a chunk at
//! once:
//!
//! ```text
//!            ;                                     chunk-ext: Name Eq Value Quoted ..
//!    Size ──────► (chunk-ext) ──┐                  trailer: Line Name Value LineLf
//!     ▲ └──────── CR ─────────► SizeLf ── LF, size 0 ──► (trailer) ── CR ─► EndLf ── LF ─► Done
//!     │                           │ LF
//!     └── LF ── DataLf ◄── CR ── Data
//! ```

use crate::limits::Limits;
use crate::message::syntax::bytes::{is, QUOTED, TOKEN, VALUE};
use crate::wire::error::WireError;
use crate::wire::head::fields::{bad_name, bad_value};

/// The bytes after each chunk.
pub(crate) const CHUNK_END: &[u8] = b"\r\n";

/// The chunk of size 0 and an empty trailer section.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// 16 digits: the longest chunk size, as many as a u64 has. Leading zeros count. A longer size is
/// rejected.
const MAX_SIZE_DIGITS: u8 = 16;

/// 4 KiB: the most bytes of all chunk extensions of one body. Extensions have no known use. Without
/// a bound, a peer could send any number of bytes in them (RFC 9112 §7.1.1 requires a bound). More
/// bytes are rejected.
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

/// The byte counts of one call of [`Decoder::decode`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) consumed: usize,
    pub(crate) produced: usize,
}

/// The decoder of a chunked body that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    digits: u8,
    /// The size of the current chunk; while its data arrives, the bytes still missing.
    size: u64,
    /// The bytes that all further chunks may have.
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

    /// Reads from `input`, and writes the bytes of the body to `out`.
    ///
    /// Returns at the end of the input, before a byte that `out` has no room for, and after the
    /// body and its trailer section. In the last case, the rest of the input belongs to the next
    /// request.
    ///
    /// # Errors
    ///
    /// Returns an error if the coding is malformed or a limit is exceeded. The body then has no end
    /// that the server can rely on, and the content of `out` has no meaning.
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

    /// Returns whether the body and its trailer section have ended.
    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Returns the state after one byte outside of the data of a chunk.
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

    /// trailer-section = *( field-line CRLF ), and the CRLF that ends the body. The decoder checks
    /// the fields and ignores them: no field may change the meaning of the head (RFC 9110 §6.5.1).
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
                if is(byte, TOKEN) {
                    Ok(State::Name)
                } else {
                    Err(bad_name(byte, true))
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

/// Appends the line before a chunk of `len` bytes. `len` must not be 0, which would end the body.
pub(crate) fn write_chunk_head(out: &mut Vec<u8>, len: usize) {
    debug_assert_ne!(len, 0);
    out.extend_from_slice(format!("{len:x}\r\n").as_bytes());
}

#[cfg(test)]
mod tests;
