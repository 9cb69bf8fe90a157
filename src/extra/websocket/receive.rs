//! Receiving: reading, answering pings, noticing silence, the end.
//!
//! ```text
//!   Open ──► close() ──► closing ──► the client's close, its end, or CLOSE_WAIT ──┐
//!    │                                                                            ▼
//!    ├──► the client's close, its end, silence for two idle timeouts ──────────► Over
//!    └──► a fault ──► close frame, end of our side ──► Refusing, until its end ───┘
//! ```

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frame::decode::{Decoder, Event};
use super::frame::{Fault, Opcode};
use super::send::{would_block, Line};
use super::Message;
use crate::message::Switched;

/// Bytes of a message: what a client may make one websocket hold.
const MOST: usize = 1024 * 1024;
/// A client that is silent for so long is pinged, and for twice as long is gone.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to answer a close frame, or to end its side after a fault.
const CLOSE_WAIT: Duration = Duration::from_secs(2);
/// No read waits longer, so that what other threads closed is noticed.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// What is read at once: little as long as little comes.
const SMALL: usize = 4 * 1024;
const LARGE: usize = 64 * 1024;
/// What is read past at the end: as much as Linux keeps for a connection, unless told otherwise.
const MOST_UNREAD: usize = 6 * 1024 * 1024;
/// Control frames, each of which may have to be answered, that are looked at in no time.
const LATE_FRAMES: usize = 64;
/// RFC 6455 §7.4.1: a close frame without a code.
const NO_CODE: u16 = 1005;

/// How long to wait for a message.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    Not,
    For(Duration),
    Forever,
}

/// Why there is no message.
pub(crate) enum Nothing {
    Yet,
    EverAgain,
}

/// The receiving half of a websocket, and with it what keeps the connection.
pub(crate) struct Receiver {
    /// `None` when it is over: nothing holds the connection then.
    pub line: Option<Arc<Line>>,
    pub decoder: Decoder,
    pub idle_timeout: Option<Duration>,
    /// What the client's close frame said.
    pub close_reason: Option<(u16, String)>,
    /// What was read and not decoded is `input[at..end]`.
    input: Vec<u8>,
    at: usize,
    end: usize,
    /// As the socket has it.
    read_timeout: Option<Duration>,
    /// When something came last.
    heard: Instant,
    /// When it was asked whether it is there, if nothing came since.
    pinged: Option<Instant>,
    /// Until when what comes is thrown away, after a fault.
    refusing: Option<Instant>,
}

impl Receiver {
    pub(super) fn new(switched: Switched) -> Receiver {
        let Switched { early, socket } = switched;
        let input = early.into_inner();
        Receiver {
            line: Some(Arc::new(Line::new(socket))),
            decoder: Decoder::new(MOST),
            idle_timeout: Some(IDLE_TIMEOUT),
            close_reason: None,
            at: 0,
            end: input.len(),
            input,
            read_timeout: None,
            heard: Instant::now(),
            pinged: None,
            refusing: None,
        }
    }

    pub(super) fn receive(&mut self, wait: Wait) -> Result<Message, Nothing> {
        let began = Instant::now();
        let left = || match wait {
            Wait::Not => Some(Duration::ZERO),
            Wait::For(time) => Some(time.saturating_sub(began.elapsed())),
            Wait::Forever => None,
        };
        // What is still done when the time is over: enough for a message that is here, not for all
        // that a client may have to say.
        let (mut bytes, mut frames) = (self.decoder.most.saturating_add(LARGE), LATE_FRAMES);
        loop {
            let line = match &self.line {
                Some(line) => Arc::clone(line),
                None => return Err(Nothing::EverAgain),
            };
            if bytes == 0 || frames == 0 {
                return Err(Nothing::Yet);
            }
            let left = left();
            let late = left == Some(Duration::ZERO);
            if self.at < self.end && self.refusing.is_none() {
                if let Some(message) = self.decode(&line) {
                    return Ok(message);
                }
                frames -= usize::from(late);
                continue;
            }
            let came = self.read(&line, left);
            if late {
                bytes = if came == 0 {
                    0
                } else {
                    bytes.saturating_sub(came)
                };
            }
        }
    }

    /// Reads on in what is here. A message, if that is what it says.
    fn decode(&mut self, line: &Line) -> Option<Message> {
        let event = match self.decoder.decode(&mut self.input[self.at..self.end]) {
            Ok((count, event)) => {
                self.at += count;
                event?
            }
            Err(Fault { code, why }) => {
                // RFC 6455 §7.1.7. If this side closed already there is nothing more to say.
                let _ = line.close(Some(code), why);
                line.finish();
                self.refusing = Some(Instant::now() + CLOSE_WAIT);
                return None;
            }
        };
        match event {
            Event::Message(message) => return Some(message),
            // RFC 6455 §5.5.2. After our close frame nothing is sent.
            Event::Ping(data) => drop(line.send(Opcode::Pong, &data)),
            Event::Pong => {}
            Event::Close(code, reason) => {
                // RFC 6455 §5.5.1: the answer has the same code. It fails if this is an answer.
                let _ = line.close(code, "");
                self.close_reason = Some((code.unwrap_or(NO_CODE), reason));
                self.over();
            }
        }
        None
    }

    /// Waits for bytes, for so long at most. How many came; if none did, it may be over.
    fn read(&mut self, line: &Line, left: Option<Duration>) -> usize {
        let (until, patience) = self.patience(line);
        let wait = left.map_or(patience, |left| left.min(patience));
        self.make_room();
        let read = match left {
            Some(Duration::ZERO) => line.read_now(&mut self.input),
            _ => None,
        };
        let read = read.unwrap_or_else(|| {
            // In whole milliseconds, so that it is mostly what it was.
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            let wait = Duration::from_millis(millis.saturating_add(1));
            if self.read_timeout != Some(wait) {
                line.set_read_timeout(wait);
                self.read_timeout = Some(wait);
            }
            line.read(&mut self.input)
        });
        match read {
            Ok(0) => self.over(),
            Ok(count) => {
                (self.at, self.end) = (0, count);
                if count < SMALL && self.input.len() > SMALL {
                    self.input.truncate(SMALL);
                    self.input.shrink_to(SMALL);
                }
                self.heard = Instant::now();
                self.pinged = None;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if would_block(&e) => {
                self.nothing_came(line, until);
            }
            Err(_) => self.over(),
        }
        // What still comes must not put the end off.
        if until.map_or(false, |until| Instant::now() >= until) {
            self.over();
        }
        self.end
    }

    /// When it is over whatever comes, if that is so, and how long a read may wait.
    fn patience(&self, line: &Line) -> (Option<Instant>, Duration) {
        let closing = line.closing().map(|at| at + CLOSE_WAIT);
        let patience = match (self.refusing.or(closing), self.idle_timeout) {
            (Some(until), _) => until.saturating_duration_since(Instant::now()),
            // What was waited before, in shorter waits, counts.
            (None, Some(idle)) => idle.saturating_sub(self.pinged.unwrap_or(self.heard).elapsed()),
            (None, None) => LONGEST_WAIT,
        };
        (self.refusing.or(closing), patience.min(LONGEST_WAIT))
    }

    fn nothing_came(&mut self, line: &Line, until: Option<Instant>) {
        let now = Instant::now();
        if let Some(until) = until {
            if now >= until {
                self.over();
            }
            return;
        }
        let idle = match self.idle_timeout {
            Some(idle) if now.saturating_duration_since(self.heard) >= idle => idle,
            _ => return,
        };
        match self.pinged {
            None => {
                // If it fails the next read tells. Behind a long frame it may take its time, and
                // that is none of the client's.
                let _ = line.send(Opcode::Ping, b"");
                self.pinged = Some(Instant::now());
            }
            Some(at) if now.saturating_duration_since(at) >= idle => self.over(),
            Some(_) => {}
        }
    }

    /// Room to read into: all that was read before has been decoded, or is thrown away.
    fn make_room(&mut self) {
        let full = self.end == self.input.len() && self.end > 0;
        (self.at, self.end) = (0, 0);
        let size = match self.input.len() {
            0 => SMALL,
            size if full => (size * 4).clamp(SMALL, LARGE),
            size => size,
        };
        self.input.resize(size, 0);
    }

    /// Ends it from this side, which waits for nothing, or for a moment at most.
    pub(super) fn hang_up(&mut self, code: u16) {
        let line = match self.line.take() {
            Some(line) => line,
            None => return,
        };
        line.hang_up(code);
        // What lies unread when a socket is closed makes a reset, and that takes away whatever the
        // kernel has not sent yet.
        self.input.resize(LARGE, 0);
        for _ in 0..MOST_UNREAD / LARGE {
            match line.read_now(&mut self.input) {
                Some(Ok(1..)) => {}
                _ => break,
            }
        }
    }

    fn over(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish();
        }
        (self.at, self.end, self.input) = (0, 0, Vec::new());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extra::websocket::send::tests::Fake;
    use crate::util::lock::lock;
    use std::io::Cursor;
    use std::sync::atomic::Ordering;

    fn pair() -> (Arc<Fake>, Receiver) {
        let fake = Arc::new(Fake::default());
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

    /// Silence counts from when something came last, in however many pieces it is waited through.
    #[test]
    fn a_wait_ends_when_the_silence_does() {
        let secs = Duration::from_secs;
        for (idle, silent, pinged, most) in [
            (Some(secs(45)), 0, None, LONGEST_WAIT),
            (Some(secs(45)), 30, None, secs(15)),
            (Some(secs(25)), 20, None, secs(5)),
            (Some(secs(25)), 26, Some(1), secs(24)),
            (Some(secs(25)), 90, None, secs(0)),
            (None, 90, None, LONGEST_WAIT),
        ] {
            let (fake, mut receiver) = pair();
            receiver.idle_timeout = idle;
            receiver.heard = ago(silent);
            receiver.pinged = pinged.map(ago);
            assert!(receiver.receive(Wait::Forever).is_err());
            let waited = lock(&fake.read_timeout).unwrap();
            let near = waited <= most + Duration::from_millis(1) && waited + secs(1) > most;
            assert!(near, "{waited:?}, not {most:?}");
        }
    }

    #[test]
    fn a_client_has_the_time_to_answer_from_when_it_was_asked() {
        let (fake, mut receiver) = pair();
        fake.is_silent.store(true, Ordering::Relaxed);
        receiver.heard = ago(2 * IDLE_TIMEOUT.as_secs());
        assert!(receiver.receive(Wait::Not).is_err());
        let wrote = *lock(&fake.wrote);
        assert!(wrote.is_some() && receiver.pinged >= wrote);
    }
}
