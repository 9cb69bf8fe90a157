//! A gzip member (RFC 1952) as a reader over the reader of what is in it. It holds a window of the
//! text and one block, however long the whole is.

use super::bits::Bits;
use super::block;
use super::block::Block;
use super::crc::Crc;
use super::matcher::Matcher;
use std::io::{self, ErrorKind, Read};

/// RFC 1952 §2.3: deflate, no name, no time, by no system known.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Yields the text of `reader` as a gzip member. An error of the reader is passed on, and what was
/// yielded before does not look whole.
pub(crate) struct Gzip<R> {
    reader: R,
    /// How much more it was announced to yield, if it was.
    left: Option<u64>,
    next: Next,
    matcher: Matcher,
    block: Block,
    out: Bits,
    /// How many of the bytes in `out` the caller has.
    taken: usize,
    crc: Crc,
    /// RFC 1952 §2.3.1: modulo 2^32.
    length: u32,
}

/// What follows once all text that is here is in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The first piece is read; the header waits for it, so that a reader which fails at once has
    /// yielded nothing.
    First,
    Piece,
    /// What there is can be decoded before the reader is asked again: it may take its time.
    Flush,
    End,
    Nothing,
}

impl<R: Read> Gzip<R> {
    /// Of `length` bytes: no more are read, and fewer are an error. Where the length is not known,
    /// what the reader yields at once can be decoded at once.
    pub(crate) fn new(reader: R, length: Option<u64>) -> Gzip<R> {
        Gzip {
            reader,
            left: length,
            next: Next::First,
            matcher: Matcher::new(length),
            block: Block::default(),
            out: Bits::default(),
            taken: 0,
            crc: Crc::default(),
            length: 0,
        }
    }

    /// Takes one piece from the reader, or its end.
    fn read_piece(&mut self) -> io::Result<()> {
        let room = self.matcher.room();
        let most = self.left.map_or(room.len(), |left| {
            usize::try_from(left).map_or(room.len(), |left| left.min(room.len()))
        });
        let count = match most {
            0 => 0,
            _ => self.reader.read(&mut room[..most])?.min(most),
        };
        if count == 0 && most > 0 && self.left.is_some() {
            let why = "a body's reader has fewer bytes than were announced";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
        }
        if self.next == Next::First {
            self.out.bytes.extend_from_slice(&HEADER);
        }
        self.next = match (count, &mut self.left) {
            (0, _) => Next::End,
            (_, Some(left)) => {
                *left -= count as u64;
                Next::Piece
            }
            // A reader that has more at hand fills what it is given.
            (_, None) if count < room.len() => Next::Flush,
            (_, None) => Next::Piece,
        };
        self.crc.add(&room[..count]);
        // Its lower half.
        self.length = self.length.wrapping_add(count as u32);
        self.matcher.filled(count);
        Ok(())
    }

    /// Makes some bytes of the member, if there are more of it.
    fn work(&mut self) -> io::Result<()> {
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
                    self.end();
                    self.next = Next::Nothing;
                    return Ok(());
                }
                Next::Nothing => return Ok(()),
            }
        }
    }

    fn write_block(&mut self, last: bool) {
        self.block.write(self.matcher.block(), last, &mut self.out);
        self.matcher.begin_block();
    }

    fn end(&mut self) {
        self.write_block(true);
        self.out.align();
        for word in [self.crc.value(), self.length] {
            self.out.bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.out.bytes.len() && !buf.is_empty() {
            self.out.bytes.clear();
            self.taken = 0;
            self.work()?;
        }
        let count = (&self.out.bytes[self.taken..]).read(buf)?;
        self.taken += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
