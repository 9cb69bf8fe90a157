//! [`Parts`]: finds the parts of a multipart body in a stream (RFC 2046 §5.1.1), with a buffer of
//! fixed size. The caller parses the header lines of a part.
//!
//! ```text
//!            delimiter CRLF              an empty line
//!   Data ────────────────────▶ Head ────────────────────▶ Data
//!    │ delimiter "--"            │
//!    ▼                           ▼ malformed, or ends too early
//!   End                        Failed
//! ```
//!
//! The first state is `Data`: the data of the preamble, which is skipped.

use std::io::{self, ErrorKind, Read};

/// The maximum number of parts of one form. One more is an error.
pub const MAX_PARTS: usize = 10_000;

/// 8 KiB: the maximum size of the header lines of one part, with the empty line. One byte more is
/// an error.
pub const MAX_PART_HEAD_BYTES: usize = 8 * 1024;

/// 16 KiB: the size of the buffer. The buffer must hold the longest head of a part, and holds the
/// longest delimiter many times.
const BUFFER_BYTES: usize = 16 * 1024;
const CRLF: &[u8] = b"\r\n";

pub(crate) struct Parts<R> {
    source: R,
    /// The length does not change.
    buffer: Box<[u8]>,
    /// `buffer[start..end]` has been read and not consumed.
    start: usize,
    end: usize,
    /// `buffer[start..clear]` is data: no delimiter begins in it.
    clear: usize,
    /// `CRLF "--" boundary`.
    delimiter: Vec<u8>,
    state: State,
    /// The number of parts so far.
    count: usize,
    /// An error that the next call returns.
    pending_error: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Data,
    Head,
    End,
    Failed(ErrorKind),
}

impl<R: Read> Parts<R> {
    /// The caller has checked the boundary: length and characters, no CR.
    pub(crate) fn new(source: R, boundary: &str) -> Parts<R> {
        let mut buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        // The delimiter begins with CRLF, and the first boundary may be the first line.
        buffer[..CRLF.len()].copy_from_slice(CRLF);
        Parts {
            source,
            buffer,
            start: 0,
            end: CRLF.len(),
            clear: 0,
            delimiter: [CRLF, b"--", boundary.as_bytes()].concat(),
            state: State::Data,
            count: 0,
            pending_error: None,
        }
    }

    /// Skips the rest of the current part, and parses the head of the next part with `read`. The
    /// function `read` gets the header lines, each with its end. Returns `None` after the last
    /// part.
    pub(crate) fn next<T>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<T, &'static str>,
    ) -> io::Result<Option<T>> {
        loop {
            let skipped = self.data()?.len();
            if skipped == 0 {
                break;
            }
            self.consume(skipped);
        }
        if self.state == State::End {
            return Ok(None);
        }
        self.head(read).map(Some).map_err(|error| self.fail(error))
    }

    /// Returns more data of the current part. Returns an empty slice at a complete delimiter, which
    /// ends the part.
    pub(crate) fn data(&mut self) -> io::Result<&[u8]> {
        while self.clear == self.start && self.state == State::Data {
            self.find_delimiter().map_err(|error| self.fail(error))?;
        }
        match self.state {
            State::Failed(kind) => Err(self.pending_error.take().unwrap_or_else(|| kind.into())),
            State::Data => Ok(&self.buffer[self.start..self.clear]),
            State::Head | State::End => Ok(&[]),
        }
    }

    /// Consumes `count` bytes of the last result of `data`.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start = self.clear.min(self.start + count);
    }

    /// Makes the next `data` or `next` return this error, and not only its kind.
    pub(crate) fn return_later(&mut self, error: io::Error) {
        self.pending_error = Some(error);
    }

    fn fail(&mut self, error: io::Error) -> io::Error {
        self.state = State::Failed(error.kind());
        error
    }

    /// Searches the buffer for data or the delimiter, or reads more if neither is complete.
    fn find_delimiter(&mut self) -> io::Result<()> {
        let begins = before_delimiter(&self.buffer[self.start..self.end], &self.delimiter);
        self.clear = self.start + begins;
        if begins > 0 {
            return Ok(());
        }
        if self.end - self.start < self.delimiter.len() {
            return self.read_more_or_fail();
        }
        self.skip(self.delimiter.len());
        self.finish_delimiter()
    }

    /// Reads the rest of `delimiter "--" transport-padding [CRLF epilogue]` or
    /// `delimiter transport-padding CRLF`. Any other line with this beginning is an error: data
    /// must not contain such a line, and parsers disagree about the meaning.
    fn finish_delimiter(&mut self) -> io::Result<()> {
        let is_last = self.begins_with(b"--")?;
        if is_last {
            self.skip(2);
        }
        // transport-padding = *LWSP-char
        while self.begins_with(b" ")? || self.begins_with(b"\t")? {
            self.skip(1);
        }
        if self.begins_with(CRLF)? {
            self.skip(CRLF.len());
        } else {
            while self.end - self.start < CRLF.len() && self.read_more()? {}
            match self.end - self.start {
                0 if is_last => {}
                0 | 1 => return Err(ended_early()),
                _ => return Err(malformed("text after form boundary")),
            }
        }
        self.state = if is_last { State::End } else { State::Head };
        Ok(())
    }

    fn head<T>(&mut self, read: impl FnOnce(&[u8]) -> Result<T, &'static str>) -> io::Result<T> {
        self.count += 1;
        if self.count > MAX_PARTS {
            return Err(malformed(format!("more than {MAX_PARTS} form parts")));
        }
        if self.begins_with(CRLF)? {
            return Err(malformed("form part without head"));
        }
        // The number of bytes that were searched for the end of the head.
        let mut searched: usize = 0;
        let length = loop {
            let unread = &self.buffer[self.start..self.end];
            let from = searched.saturating_sub(3);
            let end = unread[from..].windows(4).position(|w| w == b"\r\n\r\n");
            match end {
                Some(end) if from + end + 4 <= MAX_PART_HEAD_BYTES => {
                    break from + end + CRLF.len()
                }
                None if unread.len() < MAX_PART_HEAD_BYTES => {}
                _ => {
                    return Err(malformed(format!(
                        "head of form part longer than {MAX_PART_HEAD_BYTES} bytes"
                    )))
                }
            }
            searched = unread.len();
            self.read_more_or_fail()?;
        };
        let head = &self.buffer[self.start..self.start + length];
        // A line in the head may be a header field and a boundary at the same time (`--x: y`).
        // Other parsers search for the boundary first. The `+ 2` allows the CRLF of the last line,
        // which looks like the beginning of a delimiter.
        let first = &self.delimiter[CRLF.len()..];
        if head.starts_with(first) || before_delimiter(head, &self.delimiter) + 2 < length {
            return Err(malformed("boundary in head of form part"));
        }
        let head = read(head).map_err(malformed)?;
        // The CRLF of the empty line may begin the delimiter of a part without data.
        self.skip(length);
        loop {
            let unread = &self.buffer[self.start..self.end];
            if before_delimiter(unread, &self.delimiter) > 0 {
                self.skip(CRLF.len());
                break;
            }
            if unread.len() >= self.delimiter.len() {
                break;
            }
            self.read_more_or_fail()?;
        }
        self.state = State::Data;
        Ok(head)
    }

    /// Returns whether the unread bytes begin with `bytes`. Reads more if necessary.
    fn begins_with(&mut self, bytes: &[u8]) -> io::Result<bool> {
        loop {
            let unread = &self.buffer[self.start..self.end];
            if unread.len() >= bytes.len() || !bytes.starts_with(unread) {
                return Ok(unread.starts_with(bytes));
            }
            if !self.read_more()? {
                return Ok(false);
            }
        }
    }

    fn skip(&mut self, count: usize) {
        self.start += count;
        self.clear = self.start;
    }

    fn read_more_or_fail(&mut self) -> io::Result<()> {
        if self.read_more()? {
            Ok(())
        } else {
            Err(ended_early())
        }
    }

    /// Reads once. Returns `false` at the end of the body. The buffer has room: callers need at
    /// most a head or a delimiter.
    fn read_more(&mut self) -> io::Result<bool> {
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

/// Returns the number of bytes before the delimiter, or before an incomplete delimiter at the end.
///
/// Each byte is compared at most twice: CR occurs only as the first byte of the delimiter. After a
/// partial match, no delimiter can begin within the matched bytes.
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

fn malformed(reason: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.into())
}

fn ended_early() -> io::Error {
    let reason = "form without last boundary";
    io::Error::new(ErrorKind::UnexpectedEof, reason)
}
