//! The body of the other server's answer, read while it is sent to the client. It ends where its
//! framing says so and nowhere else: an end that comes too early is an error.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use super::{ended, read_on};
use crate::extra::gateway::response::ResponseLength;
use crate::limits::Limits;
use crate::wire::body::chunked::Decoder;

/// Coded bytes taken from the socket at once. Others go straight to who reads.
const CODED: usize = 32 * 1024;

pub(crate) struct Body {
    /// `None` once the body is over: the connection ends with it.
    stream: Option<TcpStream>,
    /// What came before it was asked for.
    received: Vec<u8>,
    at: usize,
    rest: Rest,
    /// Why it cannot be read on.
    failed: Option<ErrorKind>,
}

enum Rest {
    Length(u64),
    Chunked(Box<Decoder>),
    ToEnd,
}

impl Body {
    pub(super) fn new(stream: TcpStream, received: Vec<u8>, length: ResponseLength) -> Body {
        Body {
            stream: Some(stream),
            received,
            at: 0,
            rest: match length {
                ResponseLength::Nothing => Rest::Length(0),
                ResponseLength::Known(length) => Rest::Length(length),
                // The body is passed on, not kept, so it may have any length.
                ResponseLength::Chunked => Rest::Chunked(Box::new(Decoder::new(&Limits {
                    max_body_bytes: u64::MAX,
                    ..Limits::default()
                }))),
                ResponseLength::ToEnd => Rest::ToEnd,
            },
            failed: None,
        }
    }

    /// How long one read may wait.
    pub(super) fn within(self, time: Duration) -> io::Result<Body> {
        if let Some(stream) = &self.stream {
            stream.set_read_timeout(Some(time))?;
        }
        Ok(self)
    }

    /// Bytes as they came, framing and all. 0 is the end of the connection.
    fn raw(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let here = &self.received[self.at..];
        if here.is_empty() {
            return match &mut self.stream {
                Some(stream) => read_on(stream, buf),
                None => Ok(0),
            };
        }
        let count = here.len().min(buf.len());
        buf[..count].copy_from_slice(&here[..count]);
        self.at += count;
        Ok(count)
    }

    fn next(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.rest {
            Rest::ToEnd => self.raw(buf),
            Rest::Length(0) => Ok(0),
            Rest::Length(left) => {
                let left = *left;
                let most = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
                let count = self.raw(&mut buf[..most])?;
                if count == 0 {
                    return Err(ended());
                }
                self.rest = Rest::Length(left - count as u64);
                Ok(count)
            }
            Rest::Chunked(_) => self.decoded(buf),
        }
    }

    fn decoded(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Rest::Chunked(decoder) = &mut self.rest {
                let bad = |_| io::Error::new(ErrorKind::InvalidData, "a chunk is malformed");
                let done = decoder
                    .decode(&self.received[self.at..], buf)
                    .map_err(bad)?;
                self.at += done.consumed;
                if done.produced > 0 || decoder.is_done() {
                    return Ok(done.produced);
                }
            }
            // All of it was used.
            self.received.resize(CODED, 0);
            self.at = 0;
            let count = match &mut self.stream {
                Some(stream) => read_on(stream, &mut self.received),
                None => Ok(0),
            };
            self.received.truncate(*count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Err(ended());
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let read = self.next(buf);
        match &read {
            Ok(0) => self.stream = None,
            Ok(_) => {}
            Err(e) => {
                self.failed = Some(e.kind());
                self.stream = None;
            }
        }
        read
    }
}
