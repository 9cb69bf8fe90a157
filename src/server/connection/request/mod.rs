//! A request while it is received: the head, then the part of the body that is gathered before the
//! handler runs. [`RequestReader`] takes bytes and returns whether a request is ready. The reader
//! has no socket and no clock.
//!
//! ```text
//!   Preface ──► Head ──► Body ──► Ready ── taken by the connection ──► Head
//!                        Skipping an unread body ──────────────────────► Head
//! ```
//!
//! A preface comes only from a trusted proxy, and names the client (PROXY protocol). Nothing is
//! allocated because of a length that a client announces.

pub(crate) mod min_rate;
pub(crate) mod upload;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::limits::Limits;
use crate::message::request::head::Head;
use crate::wire::body::chunked::Decoder;
use crate::wire::body::framing;
use crate::wire::body::framing::{BodyLength, RequestFraming};
use crate::wire::error::WireError;
use crate::wire::head::HeadParser;
use crate::wire::proxied::TrustedProxies;

/// Bytes of an unread body that are skipped so that the connection can be kept, 256 KiB as in Go's
/// net/http. With a longer rest, the connection is closed.
pub(crate) const MAX_SKIPPED_BODY_BYTES: usize = 256 * 1024;
/// Bytes skipped at once, 4 KiB: the buffer is on the stack.
const SKIP_PIECE_BYTES: usize = 4096;

/// The part of a body that is still to come.
#[derive(Debug)]
pub(crate) enum BodyRemainder {
    Length(u64),
    Chunked(Box<Decoder>),
}

impl BodyRemainder {
    pub(crate) const NONE: BodyRemainder = BodyRemainder::Length(0);

    fn of(length: BodyLength, limits: &Limits) -> BodyRemainder {
        match length {
            BodyLength::None => BodyRemainder::NONE,
            BodyLength::Known(length) => BodyRemainder::Length(length),
            BodyLength::Chunked => BodyRemainder::Chunked(Box::new(Decoder::new(limits))),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        match self {
            BodyRemainder::Length(left) => *left == 0,
            BodyRemainder::Chunked(decoder) => decoder.is_done(),
        }
    }

    /// Returns the number of bytes to come, unless the body is chunked.
    pub(crate) fn known_length(&self) -> Option<u64> {
        match self {
            BodyRemainder::Length(left) => Some(*left),
            BodyRemainder::Chunked(_) => None,
        }
    }

    /// Moves body bytes from `input` to `out`. Returns the number of bytes used of each.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> Result<(usize, usize), WireError> {
        match self {
            BodyRemainder::Length(left) => {
                let count = input.len().min(out.len());
                let count = count.min(usize::try_from(*left).unwrap_or(usize::MAX));
                out[..count].copy_from_slice(&input[..count]);
                *left -= count as u64;
                Ok((count, count))
            }
            BodyRemainder::Chunked(decoder) => {
                let progress = decoder.decode(input, out)?;
                Ok((progress.consumed, progress.produced))
            }
        }
    }

    /// Subtracts bytes that were read straight from the socket, from a body of known length.
    pub(crate) fn consume(&mut self, count: usize) {
        if let BodyRemainder::Length(left) = self {
            *left -= count as u64;
        }
    }
}

/// A request that is ready for the handler. The head is in [`RequestReader::head`].
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) framing: RequestFraming,
    /// The part of the body that was gathered.
    pub(crate) body: Vec<u8>,
    pub(crate) rest: BodyRemainder,
    /// Whether the client closed its side before the end of the body.
    pub(crate) truncated: bool,
}

impl ReceivedRequest {
    /// Returns whether the handler has to wait for the client in order to read the whole body.
    pub(crate) fn is_partial(&self) -> bool {
        !self.rest.is_done() && !self.truncated
    }
}

#[derive(Debug)]
enum Stage {
    Preface(Arc<dyn TrustedProxies>),
    Head,
    Body(ReceivedRequest),
    Ready(ReceivedRequest),
    Skipping { rest: BodyRemainder, budget: usize },
}

/// The result of feeding bytes to a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More bytes are needed.
    Incomplete,
    /// A request is ready to be taken.
    Ready,
    /// An unread body is too long to be skipped.
    TooLongToSkip,
}

/// The bytes that a client must send next. The deadline of the connection follows from this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expecting {
    /// Nothing: the connection is between requests, or a request is ready.
    Nothing,
    /// The rest of a preface.
    Preface,
    /// The rest of a head.
    Head,
    /// The rest of a body, or of the part that is gathered.
    Body,
    /// The rest of an unread body.
    SkippedBody,
}

/// Receives the requests of one connection, one after the other.
#[derive(Debug)]
pub(crate) struct RequestReader {
    parser: HeadParser,
    /// A part of a head or a preface was seen, and is passed in again with more bytes behind it.
    begun: bool,
    pub(crate) head: Head,
    /// The client that the preface of the connection names.
    pub(crate) source: Option<SocketAddr>,
    stage: Stage,
}

impl RequestReader {
    /// Creates a reader for a connection that begins with a preface of these proxies, or with a
    /// head.
    pub(crate) fn new(proxies: Option<Arc<dyn TrustedProxies>>) -> RequestReader {
        RequestReader {
            parser: HeadParser::default(),
            begun: false,
            head: Head::default(),
            source: None,
            stage: proxies.map_or(Stage::Head, Stage::Preface),
        }
    }

    pub(crate) fn expecting(&self) -> Expecting {
        match self.stage {
            Stage::Preface(_) if self.begun => Expecting::Preface,
            Stage::Head if self.begun => Expecting::Head,
            Stage::Preface(_) | Stage::Head | Stage::Ready(_) => Expecting::Nothing,
            Stage::Body(_) => Expecting::Body,
            Stage::Skipping { .. } => Expecting::SkippedBody,
        }
    }

    /// Returns the request that is ready, if there is one.
    pub(crate) fn ready(&self) -> Option<&ReceivedRequest> {
        match &self.stage {
            Stage::Ready(received) => Some(received),
            _ => None,
        }
    }

    /// Takes the request that is ready. Its head is in `head`, and the caller takes it from there:
    /// one value fewer to move for each request.
    pub(crate) fn take_ready(&mut self) -> Option<ReceivedRequest> {
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Ready(received) => Some(received),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Skips the rest of an unread body, up to `budget` bytes, before the next head.
    pub(crate) fn skip(&mut self, rest: BodyRemainder, budget: usize) {
        self.stage = Stage::Skipping { rest, budget };
    }

    /// Makes a request ready although the client will not finish the body. A read past the received
    /// part then returns an error to the handler.
    pub(crate) fn truncate(&mut self) {
        self.end_body(true);
    }

    fn end_body(&mut self, truncated: bool) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Body(received) => Stage::Ready(ReceivedRequest {
                truncated,
                ..received
            }),
            other => other,
        };
    }

    /// Takes in `bytes`. Bytes that are not consumed must be passed in again, with more behind
    /// them. Returns the number of bytes consumed.
    ///
    /// # Errors
    ///
    /// The client broke a rule or a limit. The bytes that follow have no meaning.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Progress), WireError> {
        let mut at = 0;
        loop {
            match &mut self.stage {
                Stage::Ready(_) => return Ok((at, Progress::Ready)),
                Stage::Preface(_) | Stage::Head if at == bytes.len() => {
                    return Ok((at, Progress::Incomplete))
                }
                Stage::Preface(proxies) => {
                    self.begun = true;
                    let read = proxies.read_preface(&bytes[at..]);
                    let preface = match read.ok_or(WireError::BadPreface)? {
                        Some(preface) => preface,
                        None => return Ok((at, Progress::Incomplete)),
                    };
                    at += preface.length;
                    self.begun = false;
                    self.source = preface.source;
                    self.stage = Stage::Head;
                }
                Stage::Head => {
                    let length = match self.parser.feed(&bytes[at..], limits, &mut self.head)? {
                        Some(length) => length,
                        None => {
                            // Empty lines alone begin no head (RFC 9112 §2.2): the connection
                            // stays idle.
                            let empty = self.parser.pass_empty_lines();
                            self.begun = empty.is_none();
                            return Ok((at + empty.unwrap_or(0), Progress::Incomplete));
                        }
                    };
                    at += length;
                    self.begun = false;
                    let framing = framing::request(&self.head, limits)?;
                    self.stage = Stage::Body(ReceivedRequest {
                        framing,
                        body: Vec::new(),
                        rest: BodyRemainder::of(framing.body, limits),
                        truncated: false,
                    });
                }
                Stage::Body(received) => {
                    at += gather(received, &bytes[at..], limits.buffered_body_bytes)?;
                    // A client that waits for 100 (Continue) sends nothing until the handler reads.
                    let is_ready = received.rest.is_done()
                        || received.body.len() >= limits.buffered_body_bytes
                        || (received.framing.expects_continue && at == bytes.len());
                    if !is_ready {
                        return Ok((at, Progress::Incomplete));
                    }
                    self.end_body(false);
                }
                Stage::Skipping { rest, budget } => {
                    let mut skipped = [0; SKIP_PIECE_BYTES];
                    let (consumed, _) = rest.decode(&bytes[at..], &mut skipped)?;
                    at += consumed;
                    if rest.is_done() {
                        self.stage = Stage::Head;
                    } else if consumed > *budget {
                        return Ok((at, Progress::TooLongToSkip));
                    } else if consumed == 0 {
                        return Ok((at, Progress::Incomplete));
                    } else {
                        *budget -= consumed;
                    }
                }
            }
        }
    }
}

/// Decodes into the gathered body, up to `max_bytes`. The body grows with the bytes that came, and
/// not with the length that the client announces. Returns the number of bytes consumed.
fn gather(
    received: &mut ReceivedRequest,
    bytes: &[u8],
    max_bytes: usize,
) -> Result<usize, WireError> {
    let mut at = 0;
    loop {
        let gathered = received.body.len();
        let room = (max_bytes - gathered).min(bytes.len() - at);
        if room == 0 || received.rest.is_done() {
            return Ok(at);
        }
        received.body.resize(gathered + room, 0);
        let decoded = received
            .rest
            .decode(&bytes[at..], &mut received.body[gathered..]);
        let (consumed, produced) = decoded.unwrap_or((0, 0));
        received.body.truncate(gathered + produced);
        at += consumed;
        if decoded? == (0, 0) {
            return Ok(at);
        }
    }
}
