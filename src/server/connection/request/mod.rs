//! A request on its way in: its head, then as much of its body as is gathered before a handler
//! runs. Bytes go in, and out comes whether a request is ready. No socket, no clock.
//!
//! ```text
//!   Head ──► Body ──► Ready ──(taken by the connection)──► Head
//!     └────────────────▲           Skip: an unread body on its way out of the way ──► Head
//!   Preface ──► Head: whose connection it is, as a trusted proxy says before all else
//! ```

pub(crate) mod min_rate;
pub(crate) mod upload;

use std::net::SocketAddr;

use crate::limits::Limits;
use crate::message::request::head::Head;
use crate::wire::body::chunked::Decoder;
use crate::wire::body::framing;
use crate::wire::body::framing::{BodyLength, RequestFraming};
use crate::wire::error::WireError;
use crate::wire::head::HeadParser;
use crate::wire::proxied::preface;

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) enum BodyRemainder {
    Length(u64),
    Chunked(Box<Decoder>),
}

impl BodyRemainder {
    fn of(length: BodyLength, limits: &Limits) -> BodyRemainder {
        match length {
            BodyLength::None => BodyRemainder::Length(0),
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

    /// The bytes that are certain to come, where that is known.
    pub(crate) fn known(&self) -> Option<u64> {
        match self {
            BodyRemainder::Length(left) => Some(*left),
            BodyRemainder::Chunked(_) => None,
        }
    }

    /// Moves body bytes from `input` to `out`: how many were used of each.
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

    /// The reader took bytes of the body straight from the socket.
    pub(crate) fn took(&mut self, count: usize) {
        if let BodyRemainder::Length(left) = self {
            *left -= count as u64;
        }
    }
}

/// A request whose handler can run: its head is in [`RequestReader::head`].
#[derive(Debug)]
pub(crate) struct ReceivedRequest {
    pub framing: RequestFraming,
    pub body: Vec<u8>,
    pub rest: BodyRemainder,
    /// The client ended its side before the body was whole.
    pub truncated: bool,
}

impl ReceivedRequest {
    /// Whether its handler will have to wait for the client to see all of the body.
    pub(crate) fn is_partial(&self) -> bool {
        !self.rest.is_done() && !self.truncated
    }
}

#[derive(Debug)]
enum Stage {
    Preface,
    Head,
    Body(ReceivedRequest),
    Ready(ReceivedRequest),
    Skip { rest: BodyRemainder, budget: usize },
}

/// What bytes brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A request is not whole yet.
    More,
    /// A request is ready to be taken.
    Ready,
    /// An unread body turned out too long to be skipped.
    TooMuch,
}

#[derive(Debug)]
pub(crate) struct RequestReader {
    parser: HeadParser,
    /// The parser has seen some of a head, or of a preface, and wants to see it again with more
    /// behind it.
    begun: bool,
    pub head: Head,
    /// Whose connection it is, according to its preface.
    pub source: Option<SocketAddr>,
    stage: Stage,
}

/// What the client owes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expecting {
    /// Nothing: it is between requests.
    Nothing,
    /// The rest of a preface.
    Preface,
    Head,
    Body,
    /// The rest of a body that nobody wants.
    Skipped,
}

impl RequestReader {
    /// What comes begins with a preface, or with a head.
    pub(crate) fn new(has_preface: bool) -> RequestReader {
        RequestReader {
            parser: HeadParser::default(),
            begun: false,
            head: Head::default(),
            source: None,
            stage: match has_preface {
                true => Stage::Preface,
                false => Stage::Head,
            },
        }
    }

    pub(crate) fn owes(&self) -> Expecting {
        match self.stage {
            Stage::Preface if self.begun => Expecting::Preface,
            Stage::Head if self.begun => Expecting::Head,
            Stage::Preface | Stage::Head | Stage::Ready(_) => Expecting::Nothing,
            Stage::Body(_) => Expecting::Body,
            Stage::Skip { .. } => Expecting::Skipped,
        }
    }

    pub(crate) fn ready(&self) -> Option<&ReceivedRequest> {
        match &self.stage {
            Stage::Ready(received) => Some(received),
            _ => None,
        }
    }

    pub(crate) fn take_ready(&mut self) -> Option<ReceivedRequest> {
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Ready(received) => Some(received),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Skips what is left of an unread body, up to `budget` bytes, before the next head.
    pub(crate) fn skip(&mut self, rest: BodyRemainder, budget: usize) {
        self.stage = Stage::Skip { rest, budget };
    }

    /// The client ended its side in the middle of a body: the handler is to see that.
    pub(crate) fn truncate(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Body(received) => Stage::Ready(ReceivedRequest {
                truncated: true,
                ..received
            }),
            other => other,
        };
    }

    /// A head is not whole. Empty lines before it are consumed and begin nothing: a client that
    /// sends them behind a request (RFC 9112 §2.2) owes no more than one that does not.
    fn wait_for_head(&mut self) -> usize {
        let empty = self.parser.pass_empty_lines();
        self.begun = empty.is_none();
        empty.unwrap_or(0)
    }

    /// Takes in `bytes`, of which nothing was consumed before. What is not consumed has to be given
    /// again, with more behind it.
    ///
    /// # Errors
    ///
    /// The client broke a rule or a limit. Nothing after that means anything.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
    ) -> Result<(usize, Progress), WireError> {
        let mut at = 0;
        loop {
            match &mut self.stage {
                Stage::Ready(_) => return Ok((at, Progress::Ready)),
                Stage::Preface | Stage::Head if at == bytes.len() => {
                    return Ok((at, Progress::More))
                }
                Stage::Preface => {
                    self.begun = true;
                    let preface = match preface::read(&bytes[at..])? {
                        Some(preface) => preface,
                        None => return Ok((at, Progress::More)),
                    };
                    at += preface.length;
                    self.begun = false;
                    self.source = preface.source;
                    self.stage = Stage::Head;
                }
                Stage::Head => {
                    let length = match self.parser.feed(&bytes[at..], limits, &mut self.head)? {
                        Some(length) => length,
                        None => return Ok((at + self.wait_for_head(), Progress::More)),
                    };
                    at += length;
                    self.begun = false;
                    self.parser.reset();
                    let framing = framing::request(&self.head, limits)?;
                    let rest = BodyRemainder::of(framing.body, limits);
                    let received = ReceivedRequest {
                        framing,
                        body: Vec::new(),
                        rest,
                        truncated: false,
                    };
                    self.stage = match received.rest.is_done() {
                        true => Stage::Ready(received),
                        false => Stage::Body(received),
                    };
                }
                Stage::Body(received) => {
                    at += gather(received, &bytes[at..], limits.buffered_body_bytes)?;
                    // A client that waits for "100 Continue" sends nothing until the handler reads.
                    let ready = received.rest.is_done()
                        || received.body.len() >= limits.buffered_body_bytes
                        || (received.framing.expects_continue && at == bytes.len());
                    if !ready {
                        return Ok((at, Progress::More));
                    }
                    self.stage = match std::mem::replace(&mut self.stage, Stage::Head) {
                        Stage::Body(received) => Stage::Ready(received),
                        other => other,
                    };
                }
                Stage::Skip { rest, budget } => {
                    let mut discarded = [0; 4096];
                    let (consumed, _) = rest.decode(&bytes[at..], &mut discarded)?;
                    at += consumed;
                    if rest.is_done() {
                        self.stage = Stage::Head;
                    } else if consumed > *budget {
                        return Ok((at, Progress::TooMuch));
                    } else if consumed == 0 {
                        return Ok((at, Progress::More));
                    } else {
                        *budget -= consumed;
                    }
                }
            }
        }
    }
}

/// Decodes into the gathered body, which holds `most` bytes at most. What a peer announces
/// allocates nothing: the body grows with what has come.
fn gather(received: &mut ReceivedRequest, bytes: &[u8], most: usize) -> Result<usize, WireError> {
    let mut at = 0;
    loop {
        let held = received.body.len();
        let room = (most - held).min(bytes.len() - at);
        if room == 0 || received.rest.is_done() {
            return Ok(at);
        }
        received.body.resize(held + room, 0);
        let decoded = received
            .rest
            .decode(&bytes[at..], &mut received.body[held..]);
        let (consumed, produced) = decoded.unwrap_or((0, 0));
        received.body.truncate(held + produced);
        at += consumed;
        if decoded? == (0, 0) {
            return Ok(at);
        }
    }
}
