//! Frames to messages: fragments are joined, control frames found between them. Bytes in, values
//! out, however the bytes are cut up. No frame and no message makes it hold more than has come, but
//! for a piece of [`AHEAD`].

use super::text::{Invalid, Text};
use super::{head_length, may_close, protocol, read_head, unmask};
use super::{Fault, Head, Opcode, LONGEST_HEAD, NOT_UTF8, TOO_BIG};
use crate::extra::websocket::Message;

/// What is made room for because a head announced it.
const AHEAD: usize = 64 * 1024;

/// What a client said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    /// The code is `None` where the frame had none. Nothing that follows is read.
    Close(Option<u16>, String),
}

#[derive(Debug)]
pub(crate) struct Decoder {
    /// Bytes of a message.
    pub most: usize,
    /// The beginning of a head, until it is whole.
    head: [u8; LONGEST_HEAD],
    have: usize,
    /// The frame whose payload comes now; its `length` is what is still to come, its `mask` is
    /// turned accordingly.
    frame: Option<Head>,
    /// The message that has begun.
    message: Option<Body>,
    /// The payload of a control frame, which comes between fragments too.
    control: Vec<u8>,
}

#[derive(Debug)]
enum Body {
    Text(Text),
    Binary(Vec<u8>),
}

impl From<Invalid> for Fault {
    fn from(_: Invalid) -> Fault {
        NOT_UTF8
    }
}

impl Decoder {
    pub(crate) fn new(most: usize) -> Decoder {
        Decoder {
            most,
            head: [0; LONGEST_HEAD],
            have: 0,
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Reads up to the end of a frame that says something, or of the input. How much was read, and
    /// what it says. The input is unmasked in place.
    ///
    /// # Errors
    ///
    /// What the client did wrong. There is no way to read on then.
    pub(crate) fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Event>), Fault> {
        let mut read = 0;
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.begin(&input[read..])? {
                    (count, Some(head)) => {
                        read += count;
                        head
                    }
                    (count, None) => return Ok((read + count, None)),
                },
            };
            let rest = &mut input[read..];
            // No more than the input has, so it is a usize.
            let count = frame.length.min(rest.len() as u64) as usize;
            let payload = &mut rest[..count];
            unmask(payload, &mut frame.mask);
            self.take(frame.opcode, payload)?;
            read += count;
            frame.length -= count as u64;
            if frame.length > 0 {
                self.frame = Some(frame);
                return Ok((read, None));
            }
            if let Some(event) = self.end(frame)? {
                return Ok((read, Some(event)));
            }
        }
    }

    /// How much of the input belongs to the head, and the head, if that is all of it.
    fn begin(&mut self, input: &[u8]) -> Result<(usize, Option<Head>), Fault> {
        let mut found = (0, None);
        if self.have == 0 {
            // As a rule it is there as a whole.
            if let Some(head) = read_head(input)? {
                found = (head_length(input[1]), Some(head));
            }
        }
        if found.1.is_none() {
            for &byte in input {
                // A head is whole at its last place at the latest.
                self.head[self.have] = byte;
                self.have += 1;
                found.0 += 1;
                found.1 = read_head(&self.head[..self.have])?;
                if found.1.is_some() {
                    self.have = 0;
                    break;
                }
            }
        }
        if let Some(head) = &found.1 {
            self.admit(head)?;
        }
        Ok(found)
    }

    /// Whether such a frame may come now, before any of its payload has.
    fn admit(&mut self, head: &Head) -> Result<(), Fault> {
        if head.opcode.is_control() {
            return Ok(());
        }
        // RFC 6455 §5.4: the fragments of two messages are not mixed.
        match (head.opcode, &self.message) {
            (Opcode::Continuation, None) => {
                return Err(protocol("a continuation of nothing"));
            }
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(protocol("a message within a message")),
            (Opcode::Text, None) => self.message = Some(Body::Text(Text::default())),
            (_, None) => self.message = Some(Body::Binary(Vec::new())),
        }
        let (length, most) = (head.length, self.most as u64);
        let had = self.message.as_ref().map_or(0, Body::len) as u64;
        if length > most.saturating_sub(had) {
            return Err(TOO_BIG);
        }
        if let Some(message) = &mut self.message {
            message.reserve(length.min(AHEAD as u64) as usize, self.most);
        }
        Ok(())
    }

    /// A piece of a payload.
    fn take(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Fault> {
        match &mut self.message {
            _ if opcode.is_control() => self.control.extend_from_slice(payload),
            Some(message) => {
                message.reserve(payload.len(), self.most);
                message.push(payload)?;
            }
            None => {}
        }
        Ok(())
    }

    /// A frame is whole: what it says, unless more fragments follow.
    fn end(&mut self, frame: Head) -> Result<Option<Event>, Fault> {
        let event = match frame.opcode {
            Opcode::Ping => Event::Ping(std::mem::take(&mut self.control)),
            Opcode::Pong => {
                self.control.clear();
                Event::Pong
            }
            Opcode::Close => close(&std::mem::take(&mut self.control))?,
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !frame.fin => return Ok(None),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => match self.message.take() {
                Some(Body::Text(mut text)) => Event::Message(Message::Text(text.finish()?)),
                Some(Body::Binary(bytes)) => Event::Message(Message::Binary(bytes)),
                None => return Ok(None),
            },
        };
        Ok(Some(event))
    }
}

impl Body {
    fn len(&self) -> usize {
        match self {
            Body::Text(text) => text.len(),
            Body::Binary(bytes) => bytes.len(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Body::Text(text) => text.capacity(),
            Body::Binary(bytes) => bytes.capacity(),
        }
    }

    /// Room for so much more: twice as much each time, but not beyond what a message may have.
    fn reserve(&mut self, more: usize, most: usize) {
        let (length, capacity) = (self.len(), self.capacity());
        let needed = length.saturating_add(more);
        if needed <= capacity {
            return;
        }
        let room = capacity.saturating_mul(2).min(most).max(needed) - length;
        match self {
            Body::Text(text) => text.reserve_exact(room),
            Body::Binary(bytes) => bytes.reserve_exact(room),
        }
    }

    fn push(&mut self, payload: &[u8]) -> Result<(), Invalid> {
        match self {
            Body::Text(text) => text.push(payload)?,
            Body::Binary(bytes) => bytes.extend_from_slice(payload),
        }
        Ok(())
    }
}

/// RFC 6455 §5.5.1: nothing, or a code and a reason.
fn close(payload: &[u8]) -> Result<Event, Fault> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close(None, String::new())),
        [_] => return Err(protocol("half a code")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !may_close(code) {
        return Err(protocol("a code that does not close"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Event::Close(Some(code), reason.to_owned())),
        Err(_) => Err(NOT_UTF8),
    }
}

#[cfg(test)]
mod tests;
