//! [`Decoder`]: joins the fragments of messages, and finds the control frames between fragments.
//!
//! The result does not depend on how the input is divided. Memory grows with the received bytes. A
//! length that is only announced reserves at most [`MAX_RESERVED_BYTES`].

use super::close_code::{is_valid_close_code, protocol_error};
use super::close_code::{Fault, INVALID_UTF8, MESSAGE_TOO_LONG};
use super::head::{head_length, read_head, unmask, Head, Opcode, MAX_HEAD_BYTES};
use super::text::{Invalid, Text};
use crate::extra::websocket::message::Message;

/// 64 KiB: the most memory that is reserved for an announced length. Without this, a head alone
/// could make the server allocate a whole message.
const MAX_RESERVED_BYTES: usize = 64 * 1024;

/// A message or a control frame from a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Message(Message),
    Ping(Vec<u8>),
    Pong,
    /// The code is `None` if the frame has none. Later frames are not read.
    Close(Option<u16>, String),
}

#[derive(Debug)]
pub(crate) struct Decoder {
    pub(crate) max_message_bytes: usize,
    /// The first `have` bytes of an incomplete head.
    head: [u8; MAX_HEAD_BYTES],
    have: usize,
    /// The frame whose payload is being read. `length` counts the missing bytes, and `mask` is
    /// rotated to the next byte.
    frame: Option<Head>,
    /// The message whose fragments are being read.
    message: Option<PartialMessage>,
    /// The payload of a control frame, which may stand between the fragments of a message.
    control: Vec<u8>,
}

#[derive(Debug)]
enum PartialMessage {
    Text(Text),
    Binary(Vec<u8>),
}

impl From<Invalid> for Fault {
    fn from(_: Invalid) -> Fault {
        INVALID_UTF8
    }
}

impl Decoder {
    pub(crate) fn new(max_message_bytes: usize) -> Decoder {
        Decoder {
            max_message_bytes,
            head: [0; MAX_HEAD_BYTES],
            have: 0,
            frame: None,
            message: None,
            control: Vec::new(),
        }
    }

    /// Reads up to the next event, or to the end of the input. Returns the number of bytes read,
    /// and the event. Unmasks the input in place.
    ///
    /// # Errors
    ///
    /// Returns the fault of the client. The decoder cannot continue after a fault.
    pub(crate) fn decode(&mut self, input: &mut [u8]) -> Result<(usize, Option<Event>), Fault> {
        let mut read = 0;
        loop {
            let mut frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.read_head(&input[read..])? {
                    (count, Some(head)) => {
                        read += count;
                        head
                    }
                    (count, None) => return Ok((read + count, None)),
                },
            };
            let rest = &mut input[read..];
            // At most the length of the input, so the value fits a usize.
            let count = frame.length.min(rest.len() as u64) as usize;
            let payload = &mut rest[..count];
            unmask(payload, &mut frame.mask);
            self.append(frame.opcode, payload)?;
            read += count;
            frame.length -= count as u64;
            if frame.length > 0 {
                self.frame = Some(frame);
                return Ok((read, None));
            }
            if let Some(event) = self.finish_frame(frame)? {
                return Ok((read, Some(event)));
            }
        }
    }

    /// Returns the number of bytes that belong to the head, and the head if complete.
    fn read_head(&mut self, input: &[u8]) -> Result<(usize, Option<Head>), Fault> {
        let mut found = (0, None);
        if self.have == 0 {
            // The common case: the input contains the whole head.
            if let Some(head) = read_head(input)? {
                found = (head_length(input[1]), Some(head));
            }
        }
        if found.1.is_none() {
            for &byte in input {
                // In range: a head is complete after at most MAX_HEAD_BYTES bytes.
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
            self.begin_frame(head)?;
        }
        Ok(found)
    }

    /// Checks whether the frame is allowed here, before any of its payload is read.
    fn begin_frame(&mut self, head: &Head) -> Result<(), Fault> {
        if head.opcode.is_control() {
            return Ok(());
        }
        // RFC 6455 §5.4: the fragments of two messages must not be mixed.
        match (head.opcode, &self.message) {
            (Opcode::Continuation, None) => {
                return Err(protocol_error("continuation without message"));
            }
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(protocol_error("new message before end of last")),
            (Opcode::Text, None) => self.message = Some(PartialMessage::Text(Text::default())),
            (_, None) => self.message = Some(PartialMessage::Binary(Vec::new())),
        }
        let (length, max) = (head.length, self.max_message_bytes as u64);
        let so_far = self.message.as_ref().map_or(0, PartialMessage::len) as u64;
        if length > max.saturating_sub(so_far) {
            return Err(MESSAGE_TOO_LONG);
        }
        if let Some(message) = &mut self.message {
            message.reserve(
                length.min(MAX_RESERVED_BYTES as u64) as usize,
                self.max_message_bytes,
            );
        }
        Ok(())
    }

    /// Appends a piece of a payload.
    fn append(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Fault> {
        match &mut self.message {
            _ if opcode.is_control() => self.control.extend_from_slice(payload),
            Some(message) => {
                message.reserve(payload.len(), self.max_message_bytes);
                message.push(payload)?;
            }
            None => {}
        }
        Ok(())
    }

    /// Returns the event of a complete frame, unless more fragments follow.
    fn finish_frame(&mut self, frame: Head) -> Result<Option<Event>, Fault> {
        let event = match frame.opcode {
            Opcode::Ping => Event::Ping(std::mem::take(&mut self.control)),
            Opcode::Pong => {
                self.control.clear();
                Event::Pong
            }
            Opcode::Close => parse_close(&std::mem::take(&mut self.control))?,
            Opcode::Continuation | Opcode::Text | Opcode::Binary if !frame.fin => return Ok(None),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => match self.message.take() {
                Some(PartialMessage::Text(mut text)) => {
                    Event::Message(Message::Text(text.finish()?))
                }
                Some(PartialMessage::Binary(bytes)) => Event::Message(Message::Binary(bytes)),
                None => return Ok(None),
            },
        };
        Ok(Some(event))
    }
}

impl PartialMessage {
    fn len(&self) -> usize {
        match self {
            PartialMessage::Text(text) => text.len(),
            PartialMessage::Binary(bytes) => bytes.len(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            PartialMessage::Text(text) => text.capacity(),
            PartialMessage::Binary(bytes) => bytes.capacity(),
        }
    }

    /// Reserves room for `more` bytes. Doubles the capacity, up to `max`.
    fn reserve(&mut self, more: usize, max: usize) {
        let (length, capacity) = (self.len(), self.capacity());
        let needed = length.saturating_add(more);
        if needed <= capacity {
            return;
        }
        let room = capacity.saturating_mul(2).min(max).max(needed) - length;
        match self {
            PartialMessage::Text(text) => text.reserve_exact(room),
            PartialMessage::Binary(bytes) => bytes.reserve_exact(room),
        }
    }

    fn push(&mut self, payload: &[u8]) -> Result<(), Invalid> {
        match self {
            PartialMessage::Text(text) => text.push(payload)?,
            PartialMessage::Binary(bytes) => bytes.extend_from_slice(payload),
        }
        Ok(())
    }
}

/// Parses the payload of a close frame (RFC 6455 §5.5.1): empty, or a code and a reason.
fn parse_close(payload: &[u8]) -> Result<Event, Fault> {
    let (code, reason) = match payload {
        [] => return Ok(Event::Close(None, String::new())),
        [_] => return Err(protocol_error("close frame with 1-byte payload")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !is_valid_close_code(code) {
        return Err(protocol_error("invalid close code"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(Event::Close(Some(code), reason.to_owned())),
        Err(_) => Err(INVALID_UTF8),
    }
}

#[cfg(test)]
mod tests;
