//! A response while it is sent: the bytes that the socket has not accepted, and the source of the
//! rest. The writer sends as much as the socket accepts and never waits; the caller decides when to
//! try again.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;

use crate::server::connection::byte_queue::ByteQueue;
use crate::util::catch_panic::catch_panic;
use crate::util::io::would_block;
use crate::wire::body::chunked;

/// Bytes read from the reader of a body at once, 64 KiB. They fit the input buffer of a worker.
const BODY_PIECE_BYTES: usize = 64 * 1024;

/// The source of the part of a body that is not in the output buffer.
pub(crate) enum BodySource {
    Nothing,
    Bytes(ByteQueue),
    Reader(BodyReader),
}

impl BodySource {
    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, BodySource::Nothing)
    }
}

/// A body that is read while it is sent. The reader is user code, and so is its drop: both may fail,
/// panic or take long. So the reader is kept until the last bytes are sent.
pub(crate) struct BodyReader {
    reader: Box<dyn Read + Send>,
    /// Bytes to come, if their number was announced.
    left: Option<u64>,
    chunked: bool,
    is_done: bool,
}

impl BodyReader {
    /// `chunked` requires that `length` is unknown.
    pub(crate) fn new(
        reader: Box<dyn Read + Send>,
        length: Option<u64>,
        chunked: bool,
    ) -> BodyReader {
        BodyReader {
            reader,
            left: length,
            chunked,
            is_done: length == Some(0),
        }
    }

    /// Appends the next piece of the body to `out`, framed as the response says. `piece` is the
    /// buffer to read into.
    ///
    /// # Errors
    ///
    /// The reader failed, panicked, or has fewer bytes than were announced.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>, piece: &mut Vec<u8>) -> io::Result<()> {
        let chunked = self.chunked;
        match self.read_piece(piece)? {
            bytes if !chunked => out.extend_from_slice(bytes),
            [] => out.extend_from_slice(chunked::LAST_CHUNK),
            bytes => {
                chunked::write_chunk_head(out, bytes.len());
                out.extend_from_slice(bytes);
                out.extend_from_slice(chunked::CHUNK_END);
            }
        }
        Ok(())
    }

    /// Returns the next bytes of the body; none if the body is done.
    fn read_piece<'a>(&mut self, piece: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        if self.is_done {
            return Ok(&[]);
        }
        let most = self.left.map_or(BODY_PIECE_BYTES, |left| {
            usize::try_from(left).map_or(BODY_PIECE_BYTES, |left| left.min(BODY_PIECE_BYTES))
        });
        piece.resize(piece.len().max(BODY_PIECE_BYTES), 0);
        let count = self.read(&mut piece[..most])?;
        match &mut self.left {
            None => self.is_done = count == 0,
            Some(_) if count == 0 => {
                let text = "response body shorter than announced";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
            Some(left) => {
                *left -= count as u64;
                self.is_done = *left == 0;
            }
        }
        Ok(&piece[..count])
    }

    /// Reads once. A panic of the reader becomes an error.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match catch_panic(|| self.reader.read(buf))? {
                // A faulty reader may return a count beyond the end of the buffer.
                Ok(count) => return Ok(count.min(buf.len())),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let _ = catch_panic(|| self.reader = Box::new(io::empty()));
    }
}

/// The progress of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    All,
    /// The socket accepts no more bytes for now.
    Blocked,
    /// The reader must be called, which only a worker may do: the reader is user code.
    NeedsReader,
}

/// The reason why a response cannot be finished. The connection is then cut, so that the client
/// cannot take the response for a whole one.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The connection is broken.
    Write,
    /// The reader of the body failed, or had fewer bytes than were announced.
    Reader(io::Error),
}

/// The part of a response that is not sent.
pub(crate) struct ResponseWriter {
    /// Bytes that the socket has not accepted.
    unsent: ByteQueue,
    source: BodySource,
    /// Bytes sent. The caller counts them and sets this to 0.
    pub(crate) written: usize,
}

impl ResponseWriter {
    pub(crate) fn new(source: BodySource) -> ResponseWriter {
        ResponseWriter {
            unsent: ByteQueue::default(),
            source,
            written: 0,
        }
    }

    /// Sends `out`, then the source, for as long as the socket accepts bytes. Calls the reader for
    /// more, with `piece` as the buffer to read into. `out` must be empty unless the response
    /// begins, and is left empty unless the response failed.
    pub(crate) fn fill_and_write(
        &mut self,
        stream: &TcpStream,
        out: &mut Vec<u8>,
        piece: &mut Vec<u8>,
    ) -> Result<Sent, SendError> {
        loop {
            if !out.is_empty() {
                let body = match &self.source {
                    BodySource::Bytes(bytes) => bytes.as_slice(),
                    _ => &[],
                };
                let written = write_once(stream, out, body)?;
                self.written += written;
                let of_out = written.min(out.len());
                self.unsent.push(&out[of_out..]);
                if let BodySource::Bytes(bytes) = &mut self.source {
                    bytes.consume(written - of_out);
                }
                out.clear();
            }
            let sent = self.write_pending(stream)?;
            match (sent, &mut self.source) {
                (Sent::NeedsReader, BodySource::Reader(body)) if body.chunked => {
                    body.fill(out, piece).map_err(SendError::Reader)?;
                }
                (Sent::NeedsReader, BodySource::Reader(body)) => {
                    // Sent from the buffer that was read into. A copy would take a twentieth of the
                    // time.
                    let bytes = body.read_piece(piece).map_err(SendError::Reader)?;
                    let written = write_once(stream, bytes, &[])?;
                    self.written += written;
                    self.unsent.push(&bytes[written..]);
                }
                _ => return Ok(sent),
            }
        }
    }

    /// Sends the bytes that are here, without a call of the reader.
    pub(crate) fn write_pending(&mut self, stream: &TcpStream) -> Result<Sent, SendError> {
        if !self.unsent.is_empty() {
            self.written += write_from(stream, &mut self.unsent)?;
            if !self.unsent.is_empty() {
                return Ok(Sent::Blocked);
            }
            // Frees the buffer: the next piece may be long in coming.
            self.unsent = ByteQueue::default();
        }
        match &mut self.source {
            BodySource::Nothing => Ok(Sent::All),
            BodySource::Reader(body) if body.is_done => Ok(Sent::All),
            BodySource::Reader(_) => Ok(Sent::NeedsReader),
            BodySource::Bytes(bytes) => {
                self.written += write_from(stream, bytes)?;
                match bytes.is_empty() {
                    true => Ok(Sent::All),
                    false => Ok(Sent::Blocked),
                }
            }
        }
    }

    /// Returns whether the writer holds a reader, which is user code.
    pub(crate) fn has_reader(&self) -> bool {
        matches!(self.source, BodySource::Reader(_))
    }
}

/// Sends from the front of `queue`. Returns the number of bytes sent.
fn write_from(stream: &TcpStream, queue: &mut ByteQueue) -> Result<usize, SendError> {
    let written = write_once(stream, queue.as_slice(), &[])?;
    queue.consume(written);
    Ok(written)
}

/// Sends `first` and then `second` in one write. Returns the number of bytes that the socket
/// accepted: 0 if the socket is full.
fn write_once(mut stream: &TcpStream, first: &[u8], second: &[u8]) -> Result<usize, SendError> {
    if first.is_empty() {
        return Ok(0);
    }
    loop {
        let written = match second {
            [] => stream.write(first),
            _ => stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]),
        };
        match written {
            Ok(0) => return Err(SendError::Write),
            Ok(count) => return Ok(count),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if would_block(&e) => return Ok(0),
            Err(_) => return Err(SendError::Write),
        }
    }
}
