//! A response on its way out: what the client has not write_once yet, and the reader that has more.
//! It writes as much as is write_once at once and never waits; when to try again is its caller's affair.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::TcpStream;

use crate::message::Data;
use crate::util::catch_panic::catch_panic;
use crate::wire::body::chunked;

/// Bodies up to this size travel in the same buffer as their head.
const INLINE: usize = 16 * 1024;
/// What is asked of a reader at once.
const PIECE: usize = 64 * 1024;

/// Where the rest of a body comes from.
pub(crate) enum BodySource {
    Nothing,
    Bytes {
        bytes: Vec<u8>,
        at: usize,
    },
    Reader(BodyReader),
    /// Nothing more: what was composed before it is sent, and then the connection is cut.
    Abort,
}

/// A body that is read while it is sent. The reader is the user's code, as is what its drop does:
/// it may fail, panic or take its time, and is kept until what it had is sent.
pub(crate) struct BodyReader {
    reader: Box<dyn Read + Send>,
    left: Option<u64>,
    chunked: bool,
    state: Reading,
}

enum Reading {
    More,
    Done,
    /// Why, until that is asked for. What was composed before is sent, and then the connection is
    /// cut.
    Failed(Option<io::Error>),
}

impl BodySource {
    /// What has to follow a head in `out`. Small bodies are put there, and the first piece of those
    /// that are read.
    pub(crate) fn of(
        data: Data,
        chunked: bool,
        out: &mut Vec<u8>,
        piece: &mut Vec<u8>,
    ) -> BodySource {
        match data {
            Data::Empty => BodySource::Nothing,
            Data::Bytes(bytes) if bytes.len() <= INLINE => {
                out.extend_from_slice(&bytes);
                BodySource::Nothing
            }
            Data::Bytes(bytes) => BodySource::Bytes { bytes, at: 0 },
            Data::Reader { reader, size } => {
                let mut stream = BodyReader::new(reader, size, chunked);
                stream.fill(out, piece);
                BodySource::Reader(stream)
            }
        }
    }

    /// A body that is read once its head was sent.
    pub(crate) fn unread(
        reader: Box<dyn Read + Send>,
        size: Option<u64>,
        chunked: bool,
    ) -> BodySource {
        BodySource::Reader(BodyReader::new(reader, size, chunked))
    }

    /// Drops what is not wanted.
    pub(crate) fn discard(data: Data) {
        if let Data::Reader { reader, size } = data {
            drop(BodyReader::new(reader, size, false));
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, BodySource::Nothing)
    }

    /// Why the reader failed, if it did: told once.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        match self {
            BodySource::Reader(BodyReader {
                state: Reading::Failed(error),
                ..
            }) => error.take(),
            _ => None,
        }
    }
}

impl BodyReader {
    fn new(reader: Box<dyn Read + Send>, left: Option<u64>, chunked: bool) -> BodyReader {
        BodyReader {
            reader,
            left,
            chunked,
            state: Reading::More,
        }
    }

    /// Puts one more piece into `out`, framed as it travels.
    fn fill(&mut self, out: &mut Vec<u8>, piece: &mut Vec<u8>) {
        let count = self.take(piece);
        if !self.chunked {
            out.extend_from_slice(&piece[..count]);
        } else if count > 0 {
            chunked::write_chunk_head(out, count);
            out.extend_from_slice(&piece[..count]);
            out.extend_from_slice(chunked::CHUNK_END);
        } else if matches!(self.state, Reading::Done) {
            out.extend_from_slice(chunked::LAST_CHUNK);
        }
    }

    /// How many bytes at the front of `piece` are the next ones; at 0 the state says why.
    fn take(&mut self, piece: &mut Vec<u8>) -> usize {
        let most = self.left.map_or(PIECE, |left| {
            usize::try_from(left).unwrap_or(PIECE).min(PIECE)
        });
        if most == 0 {
            self.state = Reading::Done;
            return 0;
        }
        piece.resize(piece.len().max(PIECE), 0);
        let count = match self.read(&mut piece[..most]) {
            Ok(0) if self.left.is_none() => {
                self.state = Reading::Done;
                return 0;
            }
            Ok(0) => {
                let error = io::Error::new(
                    ErrorKind::UnexpectedEof,
                    "its reader has fewer bytes than were announced",
                );
                self.state = Reading::Failed(Some(error));
                return 0;
            }
            Err(error) => {
                self.state = Reading::Failed(Some(error));
                return 0;
            }
            Ok(count) => count,
        };
        if let Some(left) = &mut self.left {
            *left -= count as u64;
            if *left == 0 {
                self.state = Reading::Done;
            }
        }
        count
    }

    /// An error where the reader fails, or panics.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match catch_panic(|| self.reader.read(buf))? {
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

/// How far the sending came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    All,
    /// The client takes no more for now.
    Blocked,
    /// The reader has to be asked for more, which is a worker's work: it is the user's code.
    NeedsReader,
}

/// Why a response cannot be finished: the client sees a cut connection, never a response that
/// looks whole.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The client is gone.
    Write,
    /// The body's reader failed, or had fewer bytes than were announced.
    Reader(io::Error),
}

/// The unsent part of a response. `moved` counts what was written since it was last asked;
/// `uncounted` what is not in the numbers yet.
pub(crate) struct ResponseWriter {
    unsent: Vec<u8>,
    at: usize,
    source: BodySource,
    pub moved: usize,
    uncounted: usize,
}

impl ResponseWriter {
    /// Something to be sent: `source`, behind what [`begin`](ResponseWriter::begin) is given.
    pub(crate) fn new(source: BodySource) -> ResponseWriter {
        ResponseWriter {
            unsent: Vec::new(),
            at: 0,
            source,
            moved: 0,
            uncounted: 0,
        }
    }

    /// Sends `out`, then what the source has. What is not write_once is kept; `out` is left empty.
    pub(crate) fn begin(
        &mut self,
        stream: &TcpStream,
        out: &mut Vec<u8>,
        piece: &mut Vec<u8>,
    ) -> Result<Sent, SendError> {
        let written = match &mut self.source {
            BodySource::Bytes { bytes, at } => {
                let written = write_both(stream, out, bytes)?;
                *at = written.saturating_sub(out.len());
                written
            }
            _ => write(stream, out)?,
        };
        self.wrote(written);
        if written < out.len() {
            self.unsent.extend_from_slice(&out[written..]);
        }
        out.clear();
        match self.write_pending(stream)? {
            Sent::NeedsReader => self.fill_and_write(stream, out, piece),
            sent => Ok(sent),
        }
    }

    fn wrote(&mut self, count: usize) {
        self.moved += count;
        self.uncounted += count;
    }

    /// What was written since this was last called.
    pub(crate) fn uncounted(&mut self) -> usize {
        std::mem::take(&mut self.uncounted)
    }

    /// Writes what is here, without asking the reader.
    pub(crate) fn write_pending(&mut self, stream: &TcpStream) -> Result<Sent, SendError> {
        if self.at < self.unsent.len() {
            let written = write(stream, &self.unsent[self.at..])?;
            self.at += written;
            self.wrote(written);
            if self.at < self.unsent.len() {
                return Ok(Sent::Blocked);
            }
            self.unsent = Vec::new();
            self.at = 0;
        }
        match &mut self.source {
            BodySource::Nothing => Ok(Sent::All),
            BodySource::Abort => Err(SendError::Write),
            BodySource::Reader(stream) => match &mut stream.state {
                Reading::More => Ok(Sent::NeedsReader),
                Reading::Done => Ok(Sent::All),
                Reading::Failed(error) => Err(SendError::Reader(
                    error.take().unwrap_or_else(|| ErrorKind::Other.into()),
                )),
            },
            BodySource::Bytes { bytes, at } => {
                let written = write(stream, &bytes[*at..])?;
                *at += written;
                let all = *at == bytes.len();
                self.wrote(written);
                Ok(if all { Sent::All } else { Sent::Blocked })
            }
        }
    }

    /// Asks the reader for more as long as the client takes it.
    pub(crate) fn fill_and_write(
        &mut self,
        stream: &TcpStream,
        out: &mut Vec<u8>,
        piece: &mut Vec<u8>,
    ) -> Result<Sent, SendError> {
        loop {
            match self.write_pending(stream)? {
                Sent::NeedsReader => {}
                sent => return Ok(sent),
            }
            out.clear();
            let bytes = match &mut self.source {
                // From where it was read to: a copy would be a twentieth of the work.
                BodySource::Reader(body) if !body.chunked => {
                    let count = body.take(piece);
                    &piece[..count]
                }
                BodySource::Reader(body) => {
                    body.fill(out, piece);
                    &out[..]
                }
                _ => &[],
            };
            let written = write(stream, bytes)?;
            self.wrote(written);
            self.unsent.extend_from_slice(&bytes[written..]);
            out.clear();
        }
    }

    /// Whether it has a reader of the user's.
    pub(crate) fn has_reader(&self) -> bool {
        matches!(self.source, BodySource::Reader(_))
    }
}

fn write(stream: &TcpStream, bytes: &[u8]) -> Result<usize, SendError> {
    write_once(
        bytes.len(),
        |mut stream: &TcpStream| stream.write(bytes),
        stream,
    )
}

fn write_both(stream: &TcpStream, first: &[u8], second: &[u8]) -> Result<usize, SendError> {
    let slices = [IoSlice::new(first), IoSlice::new(second)];
    write_once(
        first.len(),
        |mut stream: &TcpStream| stream.write_vectored(&slices),
        stream,
    )
}

/// How much one write was write_once of; nothing, where the client takes nothing now.
fn write_once(
    length: usize,
    attempt: impl Fn(&TcpStream) -> io::Result<usize>,
    stream: &TcpStream,
) -> Result<usize, SendError> {
    loop {
        match attempt(stream) {
            Ok(0) if length > 0 => return Err(SendError::Write),
            Ok(count) => return Ok(count),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if crate::util::io::would_block(&e) => return Ok(0),
            Err(_) => return Err(SendError::Write),
        }
    }
}
