//! [`Receiver`]: the receiving half of a websocket. It reads, answers pings, detects an idle client
//! and ends the connection.
//!
//! ```text
//!   Open ──► close() ──► Closing ──► the client's close or end, or CLOSE_TIMEOUT ───┐
//!    │                                                                              ▼
//!    ├──► the client's close or end, or two idle timeouts without bytes ─────────► Ended
//!    └──► a fault ──► close frame, end of writing ──► Discarding, until its end ────┘
//! ```
//!
//! The states are `frames` (`None` in Ended), `FrameSender::close_began` (set in Closing) and
//! `discard_until` (set in Discarding).

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::close_code::{Fault, NO_CODE};
use super::frame::decode::{Decoder, Event};
use super::frame::head::Opcode;
use super::message::Message;
use super::send::FrameSender;
use crate::message::Switched;
use crate::util::io::would_block;

/// 1 MiB: the default maximum size of a message, which limits the memory of a websocket.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// 30 s: the idle time after which a client is pinged. After as long again, the connection ends.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// 2 s: the time for the client to answer a close frame, or to end its side after a fault.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// 30 s: the longest time of one read. Without this, a close by another thread would not be noticed
/// while the client sends nothing.
const MAX_READ_WAIT: Duration = Duration::from_secs(30);

/// 4 KiB: the size of the read buffer at first, and again after a read of less.
const MIN_READ_BYTES: usize = 4 * 1024;

/// 64 KiB: the largest size of the read buffer, reached while reads fill the buffer.
const MAX_READ_BYTES: usize = 64 * 1024;

/// 6 MiB: the unread bytes that a drop discards. Linux keeps this much for a connection by default.
const MAX_DISCARDED_BYTES: usize = 6 * 1024 * 1024;

/// 64 frames: the limit of frames that are decoded after the time of a wait is over. Each control
/// frame may need an answer, so without this a client could hold the thread.
const MAX_LATE_FRAMES: usize = 64;

/// The time to wait for a message.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    Not,
    AtMost(Duration),
    Forever,
}

/// The reason why there is no message.
pub(crate) enum NoMessage {
    Yet,
    Ended,
}

pub(crate) struct Receiver {
    /// The connection, which the sending half owns. `None` after the end: then nothing holds the
    /// connection open.
    pub(crate) frames: Option<Arc<FrameSender>>,
    pub(crate) decoder: Decoder,
    pub(crate) idle_timeout: Option<Duration>,
    /// The code and the reason of the client's close frame.
    pub(crate) close_reason: Option<(u16, String)>,
    /// The read buffer. `input[at..end]` has been read and not decoded.
    input: Vec<u8>,
    at: usize,
    end: usize,
    /// The read timeout that the socket has now.
    read_timeout: Option<Duration>,
    /// The time at which bytes last arrived.
    last_received: Instant,
    /// The time of the ping, if nothing has arrived since.
    pinged: Option<Instant>,
    /// After a fault: the time until which received bytes are discarded.
    discard_until: Option<Instant>,
}

impl Receiver {
    pub(crate) fn new(switched: Switched) -> Receiver {
        let Switched { early, socket } = switched;
        let input = early.into_inner();
        Receiver {
            frames: Some(Arc::new(FrameSender::new(socket))),
            decoder: Decoder::new(MAX_MESSAGE_BYTES),
            idle_timeout: Some(IDLE_TIMEOUT),
            close_reason: None,
            at: 0,
            end: input.len(),
            input,
            read_timeout: None,
            last_received: Instant::now(),
            pinged: None,
            discard_until: None,
        }
    }

    pub(crate) fn receive(&mut self, wait: Wait) -> Result<Message, NoMessage> {
        let began = Instant::now();
        let left = || match wait {
            Wait::Not => Some(Duration::ZERO),
            Wait::AtMost(time) => Some(time.saturating_sub(began.elapsed())),
            Wait::Forever => None,
        };
        // The work that is still done after the time is over. It is enough for a message that has
        // arrived, but limited, because a client may send without end.
        let mut bytes = self
            .decoder
            .max_message_bytes
            .saturating_add(MAX_READ_BYTES);
        let mut late_frames = MAX_LATE_FRAMES;
        loop {
            let frames = match &self.frames {
                Some(frames) => Arc::clone(frames),
                None => return Err(NoMessage::Ended),
            };
            if bytes == 0 || late_frames == 0 {
                return Err(NoMessage::Yet);
            }
            let left = left();
            let late = left == Some(Duration::ZERO);
            if self.at < self.end && self.discard_until.is_none() {
                if let Some(message) = self.decode(&frames) {
                    return Ok(message);
                }
                late_frames -= usize::from(late);
                continue;
            }
            let count = self.read(&frames, left);
            if late {
                bytes = if count == 0 {
                    0
                } else {
                    bytes.saturating_sub(count)
                };
            }
        }
    }

    /// Decodes and handles one event. Returns the message if the event is one.
    fn decode(&mut self, frames: &FrameSender) -> Option<Message> {
        let event = match self.decoder.decode(&mut self.input[self.at..self.end]) {
            Ok((count, event)) => {
                self.at += count;
                event?
            }
            Err(Fault { code, reason }) => {
                // RFC 6455 §7.1.7. The close fails if this side has already closed.
                let _ = frames.close(Some(code), reason);
                frames.finish();
                self.discard_until = Some(Instant::now() + CLOSE_TIMEOUT);
                return None;
            }
        };
        match event {
            Event::Message(message) => return Some(message),
            // RFC 6455 §5.5.2. The send fails if this side has already closed.
            Event::Ping(data) => drop(frames.send(Opcode::Pong, &data)),
            Event::Pong => {}
            Event::Close(code, reason) => {
                // RFC 6455 §5.5.1: the answer has the same code. The close fails if the client's
                // frame is itself an answer.
                let _ = frames.close(code, "");
                self.close_reason = Some((code.unwrap_or(NO_CODE), reason));
                self.finish();
            }
        }
        None
    }

    /// Reads, and waits at most for `left`. Returns the number of bytes, which is 0 also at the end
    /// of the connection.
    fn read(&mut self, frames: &FrameSender, left: Option<Duration>) -> usize {
        let (deadline, max_wait) = self.deadline_and_max_wait(frames);
        let wait = left.map_or(max_wait, |left| left.min(max_wait));
        self.make_room();
        let read = match left {
            Some(Duration::ZERO) => frames.read_now(&mut self.input),
            _ => None,
        };
        let read = read.unwrap_or_else(|| {
            // In whole milliseconds: the value then rarely changes, which saves system calls.
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let wait = Duration::from_millis(millis.saturating_add(1));
            if self.read_timeout != Some(wait) {
                frames.set_read_timeout(wait);
                self.read_timeout = Some(wait);
            }
            frames.read(&mut self.input)
        });
        match read {
            Ok(0) => self.finish(),
            Ok(count) => {
                (self.at, self.end) = (0, count);
                if count < MIN_READ_BYTES && self.input.len() > MIN_READ_BYTES {
                    self.input.truncate(MIN_READ_BYTES);
                    self.input.shrink_to(MIN_READ_BYTES);
                }
                self.last_received = Instant::now();
                self.pinged = None;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if would_block(&e) => self.check_timeouts(frames, deadline),
            Err(_) => self.finish(),
        }
        // Also after a successful read. Otherwise a client that keeps sending could delay the end.
        if deadline.map_or(false, |deadline| Instant::now() >= deadline) {
            self.finish();
        }
        self.end
    }

    /// Returns the time at which the connection ends, if this side is closing, and the longest time
    /// that a read may wait.
    fn deadline_and_max_wait(&self, frames: &FrameSender) -> (Option<Instant>, Duration) {
        let closing = frames.close_began().map(|at| at + CLOSE_TIMEOUT);
        let deadline = self.discard_until.or(closing);
        let max_wait = match (deadline, self.idle_timeout) {
            (Some(deadline), _) => deadline.saturating_duration_since(Instant::now()),
            // Earlier, shorter waits count.
            (None, Some(idle)) => {
                let since = self.pinged.unwrap_or(self.last_received);
                idle.saturating_sub(since.elapsed())
            }
            (None, None) => MAX_READ_WAIT,
        };
        (deadline, max_wait.min(MAX_READ_WAIT))
    }

    /// Pings an idle client, or ends the connection, after a read timed out.
    fn check_timeouts(&mut self, frames: &FrameSender, deadline: Option<Instant>) {
        let now = Instant::now();
        if let Some(deadline) = deadline {
            if now >= deadline {
                self.finish();
            }
            return;
        }
        let idle = match self.idle_timeout {
            Some(idle) if now.saturating_duration_since(self.last_received) >= idle => idle,
            _ => return,
        };
        match self.pinged {
            None => {
                // After an error, the next read reports the end. The ping may wait for a long frame
                // of another thread; the client's time starts after the ping.
                let _ = frames.send(Opcode::Ping, b"");
                self.pinged = Some(Instant::now());
            }
            Some(at) if now.saturating_duration_since(at) >= idle => self.finish(),
            Some(_) => {}
        }
    }

    /// Empties the buffer for the next read: all earlier bytes have been decoded, or are discarded.
    fn make_room(&mut self) {
        let full = self.end == self.input.len() && self.end > 0;
        (self.at, self.end) = (0, 0);
        let size = match self.input.len() {
            0 => MIN_READ_BYTES,
            size if full => (size * 4).clamp(MIN_READ_BYTES, MAX_READ_BYTES),
            size => size,
        };
        self.input.resize(size, 0);
    }

    /// Closes the connection for a drop, which must not block for long.
    pub(crate) fn close_now(&mut self, code: u16) {
        let frames = match self.frames.take() {
            Some(frames) => frames,
            None => return,
        };
        frames.close_now(code);
        // If unread bytes remain when a socket is closed, the kernel resets the connection and
        // discards the bytes that have not been sent.
        self.input.resize(MAX_READ_BYTES, 0);
        for _ in 0..MAX_DISCARDED_BYTES / MAX_READ_BYTES {
            match frames.read_now(&mut self.input) {
                Some(Ok(1..)) => {}
                _ => break,
            }
        }
    }

    /// Ends this side, and stops holding the connection.
    fn finish(&mut self) {
        if let Some(frames) = self.frames.take() {
            frames.finish();
        }
        (self.at, self.end, self.input) = (0, 0, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extra::websocket::send::tests::FakeSocket;
    use crate::util::lock::lock;
    use std::io::Cursor;
    use std::sync::atomic::Ordering;

    fn pair() -> (Arc<FakeSocket>, Receiver) {
        let fake = Arc::new(FakeSocket::default());
        let receiver = Receiver::new(Switched {
            early: Cursor::default(),
            socket: Box::new(Arc::clone(&fake)),
        });
        (fake, receiver)
    }

    fn ago(secs: u64) -> Instant {
        Instant::now()
            .checked_sub(Duration::from_secs(secs))
            .unwrap()
    }

    /// Idle time counts from the last received bytes, also if several reads wait through it.
    #[test]
    fn a_read_waits_at_most_until_the_idle_timeout() {
        let secs = Duration::from_secs;
        for (idle, silent, pinged, max) in [
            (Some(secs(45)), 0, None, MAX_READ_WAIT),
            (Some(secs(45)), 30, None, secs(15)),
            (Some(secs(25)), 20, None, secs(5)),
            (Some(secs(25)), 26, Some(1), secs(24)),
            (Some(secs(25)), 90, None, secs(0)),
            (None, 90, None, MAX_READ_WAIT),
        ] {
            let (fake, mut receiver) = pair();
            receiver.idle_timeout = idle;
            receiver.last_received = ago(silent);
            receiver.pinged = pinged.map(ago);
            assert!(receiver.receive(Wait::Forever).is_err());
            let waited = lock(&fake.read_timeout).unwrap();
            let near = waited <= max + Duration::from_millis(1) && waited + secs(1) > max;
            assert!(near, "{waited:?}, not {max:?}");
        }
    }

    #[test]
    fn the_time_for_a_pong_starts_after_the_ping_was_written() {
        let (fake, mut receiver) = pair();
        fake.is_silent.store(true, Ordering::Relaxed);
        receiver.last_received = ago(2 * IDLE_TIMEOUT.as_secs());
        assert!(receiver.receive(Wait::Not).is_err());
        let last_write = *lock(&fake.last_write);
        assert!(last_write.is_some() && receiver.pinged >= last_write);
    }
}
