//! Where one part of a multipart body ends and the next begins (RFC 2046 §5.1.1), in a stream and
//! with a buffer of one size. It knows bytes, not what the lines above a part's data say.
//!
//! ```text
//!            delimiter CRLF              an empty line
//!   Data ────────────────────▶ Head ────────────────────▶ Data
//!    │ delimiter "--"            │
//!    ▼                           ▼ whatever is malformed, or ends too early
//!   End                        Failed
//! ```
//!
//! It begins in `Data`, that of the preamble, which nobody reads.

use super::{MAX_PARTS, MAX_PART_HEAD_BYTES};
use std::io::{self, ErrorKind, Read};

/// What is read at once. Holds the longest head of a part, and the longest delimiter many times.
const BUFFER_BYTES: usize = 16 * 1024;
const CRLF: &[u8] = b"\r\n";

pub(crate) struct Parts<R> {
    source: R,
    /// As long as it is from the beginning.
    buffer: Box<[u8]>,
    /// What has come and was not taken yet: `buffer[start..end]`.
    start: usize,
    end: usize,
    /// `buffer[start..clear]` is data: no delimiter begins there.
    clear: usize,
    /// `CRLF "--" boundary`.
    delimiter: Vec<u8>,
    place: Place,
    /// How many were begun.
    count: usize,
    /// What is wrong, where nobody was told yet.
    untold: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Data,
    Head,
    End,
    Failed(ErrorKind),
}

impl<R: Read> Parts<R> {
    /// The boundary has its bounds and its alphabet: no CR among it.
    pub(super) fn new(source: R, boundary: &str) -> Parts<R> {
        let mut buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        // So the first delimiter is one like the others: it has no line before it.
        buffer[..CRLF.len()].copy_from_slice(CRLF);
        Parts {
            source,
            buffer,
            start: 0,
            end: CRLF.len(),
            clear: 0,
            delimiter: [CRLF, b"--", boundary.as_bytes()].concat(),
            place: Place::Data,
            count: 0,
            untold: None,
        }
    }

    /// Goes to the next part, past what is left of this one; `read` gets its header lines, each
    /// with its end. `None` behind the last.
    pub(super) fn next<T>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<T, &'static str>,
    ) -> io::Result<Option<T>> {
        loop {
            let skipped = self.data()?.len();
            if skipped == 0 {
                break;
            }
            self.take(skipped);
        }
        if self.place == Place::End {
            return Ok(None);
        }
        self.head(read).map(Some).map_err(|error| self.fail(error))
    }

    /// More of the part's data; nothing at its end, which is where a whole delimiter is.
    pub(super) fn data(&mut self) -> io::Result<&[u8]> {
        while self.clear == self.start && self.place == Place::Data {
            self.look().map_err(|error| self.fail(error))?;
        }
        match self.place {
            Place::Failed(kind) => Err(self.untold.take().unwrap_or_else(|| kind.into())),
            Place::Data => Ok(&self.buffer[self.start..self.clear]),
            Place::Head | Place::End => Ok(&[]),
        }
    }

    /// So much of what `data` has shown.
    pub(super) fn take(&mut self, count: usize) {
        self.start = self.clear.min(self.start + count);
    }

    /// What is told by the next `data` or `next`, in place of its kind alone.
    pub(super) fn tell_later(&mut self, error: io::Error) {
        self.untold = Some(error);
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        self.place = Place::Failed(error.kind());
        error
    }

    /// Finds data or the delimiter, or that more has to come.
    fn look(&mut self) -> io::Result<()> {
        let begins = before_delimiter(&self.buffer[self.start..self.end], &self.delimiter);
        self.clear = self.start + begins;
        if begins > 0 {
            return Ok(());
        }
        if self.end - self.start < self.delimiter.len() {
            return self.more_or_cut();
        }
        self.take_all(self.delimiter.len());
        self.rest_of_delimiter()
    }

    /// `delimiter "--" transport-padding [CRLF epilogue]` or `delimiter transport-padding CRLF`.
    /// Any other line that begins like that no data may have, and no two readers agree on it.
    fn rest_of_delimiter(&mut self) -> io::Result<()> {
        let is_last = self.begins_with(b"--")?;
        if is_last {
            self.take_all(2);
        }
        // transport-padding = *LWSP-char
        while self.begins_with(b" ")? || self.begins_with(b"\t")? {
            self.take_all(1);
        }
        if self.begins_with(CRLF)? {
            self.take_all(CRLF.len());
        } else {
            while self.end - self.start < CRLF.len() && self.more()? {}
            match self.end - self.start {
                0 if is_last => {}
                0 | 1 => return Err(cut()),
                _ => return Err(malformed("something stands behind a boundary")),
            }
        }
        self.place = match is_last {
            true => Place::End,
            false => Place::Head,
        };
        Ok(())
    }

    fn head<T>(&mut self, read: impl FnOnce(&[u8]) -> Result<T, &'static str>) -> io::Result<T> {
        self.count += 1;
        if self.count > MAX_PARTS {
            return Err(malformed("too many parts"));
        }
        if self.begins_with(CRLF)? {
            return Err(malformed("a part has no head"));
        }
        // How far it was searched for its end.
        let mut searched: usize = 0;
        let length = loop {
            let come = &self.buffer[self.start..self.end];
            let from = searched.saturating_sub(3);
            let end = come[from..].windows(4).position(|w| w == b"\r\n\r\n");
            match end {
                Some(end) if from + end + 4 <= MAX_PART_HEAD_BYTES => {
                    break from + end + CRLF.len()
                }
                None if come.len() < MAX_PART_HEAD_BYTES => {}
                _ => return Err(malformed("the head of a part is too long")),
            }
            searched = come.len();
            self.more_or_cut()?;
        };
        let head = &self.buffer[self.start..self.start + length];
        // A line in it may be both a header field and a boundary (`--x: y`), and other readers look
        // for the latter first. What looks like the beginning of one is the end of its last line.
        let first = &self.delimiter[CRLF.len()..];
        if head.starts_with(first) || before_delimiter(head, &self.delimiter) + 2 < length {
            return Err(malformed("a boundary stands in the head of a part"));
        }
        let head = read(head).map_err(malformed)?;
        // The end of the empty line may begin the delimiter: a part without data may end so.
        self.take_all(length);
        loop {
            let come = &self.buffer[self.start..self.end];
            if before_delimiter(come, &self.delimiter) > 0 {
                self.take_all(CRLF.len());
                break;
            }
            if come.len() >= self.delimiter.len() {
                break;
            }
            self.more_or_cut()?;
        }
        self.place = Place::Data;
        Ok(head)
    }

    /// Whether what has not been taken begins with these bytes; reads on if that is open.
    fn begins_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        loop {
            let come = &self.buffer[self.start..self.end];
            if come.len() >= bytes.len() || !bytes.starts_with(come) {
                return Ok(come.starts_with(bytes));
            }
            if !self.more()? {
                return Ok(false);
            }
        }
    }

    fn take_all(&mut self, count: usize) {
        self.start += count;
        self.clear = self.start;
    }

    fn more_or_cut(&mut self) -> io::Result<()> {
        match self.more()? {
            true => Ok(()),
            false => Err(cut()),
        }
    }

    /// Reads once; `false` at the body's end. There is room: nobody waits for more than a head or a
    /// delimiter.
    fn more(&mut self) -> io::Result<bool> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.clear -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// How many bytes stand before the delimiter, or before what may become one when more has come.
///
/// Each byte is looked at twice at most: CR is the delimiter's first byte and none of its others,
/// so where it breaks off none of it can begin.
fn before_delimiter(bytes: &[u8], delimiter: &[u8]) -> usize {
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'\r') {
        at += found;
        let pairs = bytes[at..].iter().zip(delimiter);
        let same = pairs.take_while(|(byte, wanted)| byte == wanted).count();
        if same == delimiter.len() || at + same == bytes.len() {
            return at;
        }
        at += same;
    }
    bytes.len()
}

fn malformed(why: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why)
}

fn cut() -> io::Error {
    let why = "the form ends before its last boundary";
    io::Error::new(ErrorKind::UnexpectedEof, why)
}
