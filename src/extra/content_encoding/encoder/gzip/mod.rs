//! [`Gzip`]: a reader that compresses the bytes of another reader into a gzip member (RFC 1952).
//!
//! The memory is that of a window of the text and one block, for any length.

use super::bits::Bits;
use super::block;
use super::block::Block;
use super::crc::Crc;
use super::matcher::Matcher;
use std::io::{self, ErrorKind, Read};

/// RFC 1952 §2.3: compression with deflate, no name, no time, unknown system.
const MEMBER_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Returns the text of `reader` as a gzip member. An error of the reader is returned, and the bytes
/// before are an incomplete member, so that a client detects the error.
pub(crate) struct Gzip<R> {
    reader: R,
    /// The number of announced bytes that have not been read, if a length was announced.
    left: Option<u64>,
    next: Next,
    matcher: Matcher,
    block: Block,
    out: Bits,
    /// The number of bytes in `out` that the caller has read.
    consumed: usize,
    crc: Crc,
    /// The length of the text modulo 2^32 (RFC 1952 §2.3.1).
    length: u32,
}

/// The next step when the whole text of the window is in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Read the first piece. The header is written after that, so that nothing is returned if the
    /// reader fails at once.
    First,
    Piece,
    /// Make the bytes so far decodable before the next read, which may block.
    Flush,
    End,
    Finished,
}

impl<R: Read> Gzip<R> {
    /// With a `length`, at most that many bytes are read, and fewer are an error. Without a length,
    /// a client can decode each piece of the reader when the piece arrives.
    pub(crate) fn new(reader: R, length: Option<u64>) -> Gzip<R> {
        Gzip {
            reader,
            left: length,
            next: Next::First,
            matcher: Matcher::new(length),
            block: Block::default(),
            out: Bits::default(),
            consumed: 0,
            crc: Crc::default(),
            length: 0,
        }
    }

    /// Reads one piece, or the end of the reader.
    fn read_piece(&mut self) -> io::Result<()> {
        let room = self.matcher.room();
        let max = self.left.map_or(room.len(), |left| {
            usize::try_from(left).map_or(room.len(), |left| left.min(room.len()))
        });
        let count = match max {
            0 => 0,
            _ => self.reader.read(&mut room[..max])?.min(max),
        };
        if count == 0 && max > 0 && self.left.is_some() {
            let text = "response body shorter than announced";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
        }
        if self.next == Next::First {
            self.out.bytes.extend_from_slice(&MEMBER_HEADER);
        }
        self.next = match (count, &mut self.left) {
            (0, _) => Next::End,
            (_, Some(left)) => {
                *left -= count as u64;
                Next::Piece
            }
            // A reader with more bytes available would have filled the room.
            (_, None) if count < room.len() => Next::Flush,
            (_, None) => Next::Piece,
        };
        self.crc.add(&room[..count]);
        // `as` keeps the lower half, which is the value modulo 2^32.
        self.length = self.length.wrapping_add(count as u32);
        self.matcher.filled(count);
        Ok(())
    }

    /// Encodes more bytes of the member, unless complete.
    fn encode_more(&mut self) -> io::Result<()> {
        loop {
            let more = matches!(self.next, Next::First | Next::Piece);
            if self.matcher.fill(&mut self.block, more) {
                self.write_block(false);
                return Ok(());
            }
            match self.next {
                Next::First | Next::Piece => self.read_piece()?,
                Next::Flush => {
                    self.write_block(false);
                    block::flush(&mut self.out);
                    self.next = Next::Piece;
                    return Ok(());
                }
                Next::End => {
                    self.finish();
                    self.next = Next::Finished;
                    return Ok(());
                }
                Next::Finished => return Ok(()),
            }
        }
    }

    fn write_block(&mut self, last: bool) {
        self.block.write(self.matcher.block(), last, &mut self.out);
        self.matcher.begin_block();
    }

    fn finish(&mut self) {
        self.write_block(true);
        self.out.align();
        for word in [self.crc.value(), self.length] {
            self.out.bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.consumed == self.out.bytes.len() && !buf.is_empty() {
            self.out.bytes.clear();
            self.consumed = 0;
            self.encode_more()?;
        }
        let count = (&self.out.bytes[self.consumed..]).read(buf)?;
        self.consumed += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
