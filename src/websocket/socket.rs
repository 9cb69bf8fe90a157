//! The receiving half, and with it the connection: reading, answering pings, the end.
//!
//! ```text
//!   Open ──► close() ──► closing ──► the client's close, its end, or CLOSE_WAIT ──┐
//!    │                                                                            ▼
//!    ├──► the client's close, its end, silence for two idle timeouts ──────────► Over
//!    └──► a fault ──► close frame, end of our side ──► Refusing, until its end ───┘
//! ```

use std::io::ErrorKind;
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use super::decode::{Decoder, Event};
use super::frame::{Fault, Opcode};
use super::line::{would_block, Line};
use super::plain::Plain;
use super::sender::{of_control, WebsocketSender};
use super::{Message, SendError};
use crate::message::{ReadWrite, Switched, Upgrade};

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
/// Control frames, each of which may have to be answered, that are looked at in no time.
const LATE_FRAMES: usize = 64;
/// RFC 6455 §7.4.1: a close frame without a code.
const NO_CODE: u16 = 1005;

/// A connection to a client, for messages both ways: an iterator over what comes in, with functions
/// that send.
///
/// [`start`](super::start) makes one. Whoever has it receives; threads that send meanwhile have a
/// [`sender`](Websocket::sender) each. Somebody has to receive, or nothing answers the client's
/// pings and its close, and no dead client is noticed.
///
/// Dropping it closes the connection: with 1000, or with 1011 if that is a panic's doing.
///
/// | bound | default | when it is passed |
/// |---|---|---|
/// | a message | 1 MiB | closed with 1009; [`set_max_message_bytes`](Websocket::set_max_message_bytes) |
/// | silence | 30 s, then a ping, then 30 s | over; [`set_idle_timeout`](Websocket::set_idle_timeout) |
/// | taking nothing of a message | 10 s, the whole 1 s longer for each 64 KiB | cut; [`set_write_timeout`](Websocket::set_write_timeout) |
/// | answering a close frame | 2 s | over |
pub struct Websocket {
    /// `None` when it is over: nothing holds the connection then.
    line: Option<Arc<Line>>,
    decoder: Decoder,
    /// What was read and not decoded is `input[at..end]`.
    input: Vec<u8>,
    at: usize,
    end: usize,
    read_timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
    /// When something came last.
    heard: Instant,
    /// When it was asked whether it is there, if nothing came since.
    pinged: Option<Instant>,
    /// Until when what comes is thrown away, after a fault.
    refusing: Option<Instant>,
    close_reason: Option<(u16, String)>,
}

/// How long to wait for a message.
#[derive(Clone, Copy)]
enum Wait {
    Not,
    For(Duration),
    Forever,
}

/// Why there is no message.
enum Nothing {
    Yet,
    EverAgain,
}

impl Websocket {
    pub(super) fn new(switched: Switched) -> Websocket {
        let Switched { early, socket } = switched;
        let at = early.position() as usize;
        let input = early.into_inner();
        Websocket {
            line: Some(Arc::new(Line::new(socket))),
            decoder: Decoder::new(MOST),
            end: input.len(),
            at: at.min(input.len()),
            input,
            read_timeout: None,
            idle_timeout: Some(IDLE_TIMEOUT),
            heard: Instant::now(),
            pinged: None,
            refusing: None,
            close_reason: None,
        }
    }

    /// Sends text: in a browser the message is a string.
    ///
    /// It waits while the client does not take it, for as long as
    /// [`set_write_timeout`](Websocket::set_write_timeout) allows.
    ///
    /// # Errors
    ///
    /// If the connection is closed, or fails. It is closed after any error.
    pub fn send_text(&mut self, data: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, data.as_bytes())
    }

    /// Sends bytes: in a browser the message is a blob or an array buffer.
    ///
    /// # Errors
    ///
    /// As [`send_text`](Websocket::send_text).
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, data)
    }

    /// Asks the client whether it is there; `data` comes back to it in its answer, and is cut to 125
    /// bytes. A silent client is asked anyway: [`set_idle_timeout`](Websocket::set_idle_timeout).
    ///
    /// # Errors
    ///
    /// As [`send_text`](Websocket::send_text).
    pub fn ping(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, of_control(data))
    }

    /// Closes: sends a close frame with this code and reason, and nothing after it. It does not wait.
    ///
    /// Messages that the client sent before it saw that still come in: go on receiving until there
    /// are none, at most 2 seconds, to be sure that it has seen it. Dropping this ends the
    /// connection at once, and what the client still sends then may take the close frame from it.
    ///
    /// Codes are those of RFC 6455 §7.4: 1000 for done, 1001 for going away, 1008 for what is
    /// against a rule of yours, 1011 for an error of yours, 3000 to 4999 for what you and your
    /// client agree on. The reason, a word for whoever debugs it, is cut to 123 bytes.
    ///
    /// ```
    /// use millpond::websocket::{SendError, Websocket};
    ///
    /// fn refuse(mut socket: Websocket) -> Result<(), SendError> {
    ///     socket.close(4001, "unknown room")?;
    ///     socket.by_ref().for_each(drop);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_text`](Websocket::send_text). Also if the code may not be sent, be it one that
    /// [`close_reason`](Websocket::close_reason) told: 1000 to 1003, 1007 to 1014 and 3000 to 4999
    /// may. Nothing is sent then, and nothing closed.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), SendError> {
        match &self.line {
            Some(line) => line.close(Some(code), reason),
            None => Err(SendError::Closed),
        }
    }

    /// Whether nothing more can be sent: one of the two sides closed, or broke a rule, or is gone.
    ///
    /// The client's end is noticed by receiving, or when sending fails.
    pub fn is_closed(&self) -> bool {
        self.line.as_ref().map_or(true, |line| line.is_closed())
    }

    /// The code and the reason of the client's close frame, once that has come. The code is 1005 if
    /// the frame had none; there is nothing here if the connection ended without a close frame.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    ///
    /// fn told(mut socket: Websocket) -> String {
    ///     socket.by_ref().for_each(drop);
    ///     match socket.close_reason() {
    ///         Some((code, reason)) => format!("closed with {code} {reason}"),
    ///         None => "gone".to_owned(),
    ///     }
    /// }
    /// ```
    pub fn close_reason(&self) -> Option<(u16, &str)> {
        let (code, reason) = self.close_reason.as_ref()?;
        Some((*code, reason))
    }

    /// Something that sends to the same client, for other threads: for all that has to be told to it
    /// while one thread waits for what it says.
    ///
    /// ```
    /// use millpond::websocket::{Message, Websocket};
    /// use std::{thread, time::Duration};
    ///
    /// fn talk(socket: Websocket) {
    ///     let sender = socket.sender();
    ///     thread::spawn(move || {
    ///         while sender.send_text("tick").is_ok() {
    ///             thread::sleep(Duration::from_secs(1));
    ///         }
    ///     });
    ///     for message in socket {
    ///         if let Message::Text(text) = message {
    ///             println!("{text}");
    ///         }
    ///     }
    /// }
    /// ```
    pub fn sender(&self) -> WebsocketSender {
        let line = self.line.as_ref().map(Arc::downgrade);
        WebsocketSender::new(line.unwrap_or_else(Weak::new))
    }

    /// The next message, if it is here by then; it does not wait longer than `time`.
    ///
    /// Pings are answered meanwhile, which may take as long as sending may, where a client sends
    /// them and reads nothing.
    ///
    /// ```
    /// use millpond::websocket::{Message, Websocket};
    /// use std::{sync::mpsc::RecvTimeoutError, time::Duration};
    ///
    /// fn count(mut socket: Websocket) {
    ///     let mut seconds = 0;
    ///     loop {
    ///         match socket.recv_timeout(Duration::from_secs(1)) {
    ///             Ok(Message::Text(word)) if word == "again" => seconds = 0,
    ///             Ok(_) => {}
    ///             Err(RecvTimeoutError::Timeout) => seconds += 1,
    ///             Err(RecvTimeoutError::Disconnected) => break,
    ///         }
    ///         if socket.send_text(&seconds.to_string()).is_err() {
    ///             break;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing came in time, `Disconnected` if nothing will come any more: where
    /// [`next`](Iterator::next) returns `None`.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<Message, RecvTimeoutError> {
        self.receive(Wait::For(time))
            .map_err(|nothing| match nothing {
                Nothing::Yet => RecvTimeoutError::Timeout,
                Nothing::EverAgain => RecvTimeoutError::Disconnected,
            })
    }

    /// The next message, if it is here already: for a thread that looks after many.
    ///
    /// While another thread sends to the same client it waits for a moment, some milliseconds.
    ///
    /// ```
    /// use millpond::websocket::{Message, Websocket};
    /// use std::sync::mpsc::TryRecvError;
    ///
    /// /// Once around: everybody hears what anybody says.
    /// fn pass_on(sockets: &mut Vec<Websocket>) {
    ///     let mut said = Vec::new();
    ///     sockets.retain_mut(|socket| match socket.try_recv() {
    ///         Ok(Message::Text(text)) => { said.push(text); true }
    ///         Ok(Message::Binary(_)) | Err(TryRecvError::Empty) => true,
    ///         Err(TryRecvError::Disconnected) => false,
    ///     });
    ///     for text in said {
    ///         sockets.retain_mut(|socket| socket.send_text(&text).is_ok());
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// `Empty` if nothing is here, `Disconnected` if nothing will come any more.
    pub fn try_recv(&mut self) -> Result<Message, TryRecvError> {
        self.receive(Wait::Not).map_err(|nothing| match nothing {
            Nothing::Yet => TryRecvError::Empty,
            Nothing::EverAgain => TryRecvError::Disconnected,
        })
    }

    /// How long a message may be, all its fragments together; 1 MiB unless this says otherwise. With
    /// a longer one the connection is closed with 1009, when its length is known and before any of
    /// it is kept.
    ///
    /// It is all that a client can make a websocket hold, and up to 64 KiB besides: consider how
    /// many there may be ([`max_upgraded`](crate::Limits::max_upgraded)).
    pub fn set_max_message_bytes(&mut self, bytes: usize) {
        self.decoder.most = bytes;
    }

    /// How long a client may be silent until it is pinged, and then again until it counts as gone:
    /// 30 s unless this says otherwise, so that a client without power is noticed within a minute.
    /// `None`: it may be silent for ever.
    ///
    /// Browsers answer pings by themselves. It holds while somebody receives.
    pub fn set_idle_timeout(&mut self, time: Option<Duration>) {
        self.idle_timeout = time;
    }

    /// How long sending waits for a client that takes nothing, 10 s unless this says otherwise. One
    /// that takes a little now and then gets so long for the whole message, and a second more for
    /// each 64 KiB of it. The connection is cut then: a part of a frame may be on its way, and
    /// nothing can follow that. At least a millisecond.
    pub fn set_write_timeout(&mut self, time: Duration) {
        if let Some(line) = &self.line {
            line.set_write_timeout(time);
        }
    }

    fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        match &self.line {
            Some(line) => line.send(opcode, payload),
            None => Err(SendError::Closed),
        }
    }

    fn receive(&mut self, wait: Wait) -> Result<Message, Nothing> {
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
        // What comes without end while it is thrown away must not put the end off.
        if self.refusing.map_or(false, |until| Instant::now() >= until) {
            self.over();
        }
        self.end
    }

    /// When it is over whatever comes, if that is so, and how long a read may wait.
    fn patience(&self, line: &Line) -> (Option<Instant>, Duration) {
        let closing = line.closing().map(|at| at + CLOSE_WAIT);
        let patience = match (self.refusing.or(closing), self.idle_timeout) {
            (Some(until), _) => until.saturating_duration_since(Instant::now()),
            (None, Some(time)) => time,
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
                self.pinged = Some(now);
                // If it fails the next read tells.
                let _ = line.send(Opcode::Ping, b"");
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

    fn over(&mut self) {
        if let Some(line) = self.line.take() {
            line.finish();
        }
        (self.at, self.end, self.input) = (0, 0, Vec::new());
    }
}

/// Waits for the next message: `None` when none will come any more.
impl Iterator for Websocket {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.receive(Wait::Forever).ok()
    }
}

impl Drop for Websocket {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.hang_up(if thread::panicking() { 1011 } else { 1000 });
        }
    }
}

impl fmt::Debug for Websocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Websocket")
            .field("is_closed", &self.is_closed())
            .field("close_reason", &self.close_reason)
            .finish_non_exhaustive()
    }
}

/// What [`start`](super::start) puts into its response: the websocket goes to whoever waits for it,
/// and if nobody does any more it is closed.
impl Upgrade for mpsc::Sender<Websocket> {
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>) {
        self.take_over(Plain::switched(socket));
    }

    fn take_over(&mut self, socket: Switched) {
        drop(self.send(Websocket::new(socket)));
    }
}
