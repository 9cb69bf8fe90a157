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
use crate::wire::body::framing::{BodyLength, Framing};
use crate::wire::error::WireError;
use crate::wire::head::HeadParser;
use crate::wire::proxied::preface;

/// What is still to come of a body.
#[derive(Debug)]
pub(crate) enum Rest {
    Length(u64),
    Chunked(Box<Decoder>),
}

impl Rest {
    fn of(length: BodyLength, limits: &Limits) -> Rest {
        match length {
            BodyLength::None => Rest::Length(0),
            BodyLength::Known(length) => Rest::Length(length),
            BodyLength::Chunked => Rest::Chunked(Box::new(Decoder::new(limits))),
        }
    }

    pub fn is_done(&self) -> bool {
        match self {
            Rest::Length(left) => *left == 0,
            Rest::Chunked(decoder) => decoder.is_done(),
        }
    }

    /// The bytes that are certain to come, where that is known.
    pub fn known(&self) -> Option<u64> {
        match self {
            Rest::Length(left) => Some(*left),
            Rest::Chunked(_) => None,
        }
    }

    /// Moves body bytes from `input` to `out`: how many were used of each.
    pub fn decode(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), WireError> {
        match self {
            Rest::Length(left) => {
                let count = input.len().min(out.len());
                let count = count.min(usize::try_from(*left).unwrap_or(usize::MAX));
                out[..count].copy_from_slice(&input[..count]);
                *left -= count as u64;
                Ok((count, count))
            }
            Rest::Chunked(decoder) => {
                let progress = decoder.decode(input, out)?;
                Ok((progress.consumed, progress.produced))
            }
        }
    }

    /// The reader took bytes of the body straight from the socket.
    pub fn took(&mut self, count: usize) {
        if let Rest::Length(left) = self {
            *left -= count as u64;
        }
    }
}

/// A request whose handler can run: its head is in [`Intake::head`].
#[derive(Debug)]
pub(crate) struct Arrived {
    pub framing: Framing,
    pub body: Vec<u8>,
    pub rest: Rest,
    /// The client ended its side before the body was whole.
    pub truncated: bool,
}

impl Arrived {
    /// Whether its handler will have to wait for the client to see all of the body.
    pub fn is_partial(&self) -> bool {
        !self.rest.is_done() && !self.truncated
    }
}

#[derive(Debug)]
enum Stage {
    Preface,
    Head,
    Body(Arrived),
    Ready(Arrived),
    Skip { rest: Rest, budget: usize },
}

/// What bytes brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A request is not whole yet.
    More,
    /// A request is ready to be taken.
    Ready,
    /// An unread body turned out too long to be skipped.
    TooMuch,
}

#[derive(Debug)]
pub(crate) struct Intake {
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
pub(crate) enum Owes {
    /// Nothing: it is between requests.
    Nothing,
    /// The rest of a preface.
    Preface,
    Head,
    Body,
    /// The rest of a body that nobody wants.
    Skipped,
}

impl Intake {
    /// What comes begins with a preface, or with a head.
    pub fn new(has_preface: bool) -> Intake {
        Intake {
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

    pub fn owes(&self) -> Owes {
        match self.stage {
            Stage::Preface if self.begun => Owes::Preface,
            Stage::Head if self.begun => Owes::Head,
            Stage::Preface | Stage::Head | Stage::Ready(_) => Owes::Nothing,
            Stage::Body(_) => Owes::Body,
            Stage::Skip { .. } => Owes::Skipped,
        }
    }

    pub fn ready(&self) -> Option<&Arrived> {
        match &self.stage {
            Stage::Ready(arrived) => Some(arrived),
            _ => None,
        }
    }

    pub fn take_ready(&mut self) -> Option<Arrived> {
        match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Ready(arrived) => Some(arrived),
            other => {
                self.stage = other;
                None
            }
        }
    }

    /// Skips what is left of an unread body, up to `budget` bytes, before the next head.
    pub fn skip(&mut self, rest: Rest, budget: usize) {
        self.stage = Stage::Skip { rest, budget };
    }

    /// The client ended its side in the middle of a body: the handler is to see that.
    pub fn truncate(&mut self) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Head) {
            Stage::Body(arrived) => Stage::Ready(Arrived {
                truncated: true,
                ..arrived
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
    pub fn absorb(&mut self, bytes: &[u8], limits: &Limits) -> Result<(usize, Step), WireError> {
        let mut at = 0;
        loop {
            match &mut self.stage {
                Stage::Ready(_) => return Ok((at, Step::Ready)),
                Stage::Preface | Stage::Head if at == bytes.len() => return Ok((at, Step::More)),
                Stage::Preface => {
                    self.begun = true;
                    let preface = match preface::read(&bytes[at..])? {
                        Some(preface) => preface,
                        None => return Ok((at, Step::More)),
                    };
                    at += preface.length;
                    self.begun = false;
                    self.source = preface.source;
                    self.stage = Stage::Head;
                }
                Stage::Head => {
                    let length = match self.parser.feed(&bytes[at..], limits, &mut self.head)? {
                        Some(length) => length,
                        None => return Ok((at + self.wait_for_head(), Step::More)),
                    };
                    at += length;
                    self.begun = false;
                    self.parser.reset();
                    let framing = framing::request(&self.head, limits)?;
                    let rest = Rest::of(framing.body, limits);
                    let arrived = Arrived {
                        framing,
                        body: Vec::new(),
                        rest,
                        truncated: false,
                    };
                    self.stage = match arrived.rest.is_done() {
                        true => Stage::Ready(arrived),
                        false => Stage::Body(arrived),
                    };
                }
                Stage::Body(arrived) => {
                    at += gather(arrived, &bytes[at..], limits.buffered_body_bytes)?;
                    // A client that waits for "100 Continue" sends nothing until the handler reads.
                    let ready = arrived.rest.is_done()
                        || arrived.body.len() >= limits.buffered_body_bytes
                        || (arrived.framing.expects_continue && at == bytes.len());
                    if !ready {
                        return Ok((at, Step::More));
                    }
                    self.stage = match std::mem::replace(&mut self.stage, Stage::Head) {
                        Stage::Body(arrived) => Stage::Ready(arrived),
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
                        return Ok((at, Step::TooMuch));
                    } else if consumed == 0 {
                        return Ok((at, Step::More));
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
fn gather(arrived: &mut Arrived, bytes: &[u8], most: usize) -> Result<usize, WireError> {
    let mut at = 0;
    loop {
        let held = arrived.body.len();
        let room = (most - held).min(bytes.len() - at);
        if room == 0 || arrived.rest.is_done() {
            return Ok(at);
        }
        arrived.body.resize(held + room, 0);
        let decoded = arrived.rest.decode(&bytes[at..], &mut arrived.body[held..]);
        let (consumed, produced) = decoded.unwrap_or((0, 0));
        arrived.body.truncate(held + produced);
        at += consumed;
        if decoded? == (0, 0) {
            return Ok(at);
        }
    }
}
