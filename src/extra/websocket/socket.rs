//! The connection as a program has it: what receives, sends and closes.

use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, thread};

use super::frame::Opcode;
use super::plain::Plain;
use super::receive::{Nothing, Receiver, Wait};
use super::sender::{of_control, WebsocketSender};
use super::{Message, SendError};
use crate::message::{ReadWrite, Switched, Upgrade};

/// A connection to a client, for messages both ways: an iterator over what comes in, with functions
/// that send.
///
/// [`start`](super::start) makes one. Whoever has it receives; threads that send meanwhile have a
/// [`sender`](Websocket::sender) each. Somebody has to receive, or nothing answers the client's
/// pings and its close, and no dead client is noticed.
///
/// Dropping it closes the connection: with 1000, or with 1011 if that is a panic's doing. It takes
/// a second at most, where the client does not read.
///
/// | a client's | at most | then | another one |
/// |---|---|---|---|
/// | message | 1 MiB | 1009 | [`set_max_message_bytes`](Websocket::set_max_message_bytes) |
/// | silence | 30 s, a ping, 30 s | over | [`set_idle_timeout`](Websocket::set_idle_timeout) |
/// | not reading | 10 s | cut | [`set_write_timeout`](Websocket::set_write_timeout) |
/// | answer to a close frame | 2 s | over | |
pub struct Websocket {
    receiver: Receiver,
}

impl Websocket {
    pub(crate) fn new(switched: Switched) -> Websocket {
        let receiver = Receiver::new(switched);
        Websocket { receiver }
    }

    /// Sends text: in a browser the message is a string.
    ///
    /// It waits while the client does not take it, for as long as
    /// [`set_write_timeout`](Websocket::set_write_timeout) allows.
    ///
    /// ```
    /// use millpond::websocket::{SendError, Websocket};
    ///
    /// fn greet(socket: &mut Websocket) -> Result<(), SendError> {
    ///     socket.send_text("hello")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If the connection is closed, or fails. It is closed after any error.
    pub fn send_text(&mut self, data: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, data.as_bytes())
    }

    /// Sends bytes: in a browser the message is a blob or an array buffer.
    ///
    /// ```
    /// use millpond::websocket::{SendError, Websocket};
    ///
    /// fn pixel(socket: &mut Websocket) -> Result<(), SendError> {
    ///     socket.send_binary(&[0xff, 0x80, 0x00])
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_text`](Websocket::send_text).
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, data)
    }

    /// Asks the client whether it is there; its answer, which is not told, repeats `data`, of
    /// which 125 bytes are sent. A silent client is asked anyway:
    /// [`set_idle_timeout`](Websocket::set_idle_timeout).
    ///
    /// ```
    /// use millpond::websocket::{SendError, Websocket};
    ///
    /// fn ask(socket: &mut Websocket) -> Result<(), SendError> {
    ///     socket.ping(b"there?")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_text`](Websocket::send_text).
    pub fn ping(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, of_control(data))
    }

    /// Closes: sends a close frame with this code and reason, and nothing after it. It does not
    /// wait for the client's.
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
        match &self.receiver.line {
            Some(line) => line.close(Some(code), reason),
            None => Err(SendError::Closed),
        }
    }

    /// Whether nothing more can be sent: one of the two sides closed, or broke a rule, or is gone.
    ///
    /// The client's end is noticed by receiving, or when sending fails.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    ///
    /// fn tidy(sockets: &mut Vec<Websocket>) {
    ///     sockets.retain(|socket| !socket.is_closed());
    /// }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.receiver
            .line
            .as_ref()
            .map_or(true, |line| line.is_closed())
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
        let (code, reason) = self.receiver.close_reason.as_ref()?;
        Some((*code, reason))
    }

    /// Something that sends to the same client, for other threads: for all that has to be told to
    /// it while one thread waits for what it says.
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
        let line = self.receiver.line.as_ref().map(Arc::downgrade);
        WebsocketSender::new(line.unwrap_or_default())
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
        self.receiver
            .receive(Wait::For(time))
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
        self.receiver
            .receive(Wait::Not)
            .map_err(|nothing| match nothing {
                Nothing::Yet => TryRecvError::Empty,
                Nothing::EverAgain => TryRecvError::Disconnected,
            })
    }

    /// How long a message may be, all its fragments together; 1 MiB unless this says otherwise.
    /// With a longer one the connection is closed with 1009, when its length is known and before
    /// any of it is kept.
    ///
    /// It is all that a client can make a websocket hold, and up to 64 KiB besides: consider how
    /// many there may be ([`max_upgraded`](crate::Limits::max_upgraded)).
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    ///
    /// fn only_words(socket: &mut Websocket) {
    ///     socket.set_max_message_bytes(1000);
    /// }
    /// ```
    pub fn set_max_message_bytes(&mut self, bytes: usize) {
        self.receiver.decoder.most = bytes;
    }

    /// How long a client may be silent until it is pinged, and then again until it counts as gone:
    /// 30 s unless this says otherwise, so that a client without power is noticed within a minute.
    /// `None`: it may be silent for ever.
    ///
    /// Browsers answer pings by themselves. It holds while somebody receives.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    /// use std::time::Duration;
    ///
    /// /// A proxy in between ends what is silent for a minute.
    /// fn keep_alive(socket: &mut Websocket) {
    ///     socket.set_idle_timeout(Some(Duration::from_secs(20)));
    /// }
    /// ```
    pub fn set_idle_timeout(&mut self, time: Option<Duration>) {
        self.receiver.idle_timeout = time;
    }

    /// How long sending waits for a client that takes nothing, 10 s unless this says otherwise. One
    /// that takes a little now and then gets so long for the whole message, and a second more for
    /// each 64 KiB of it. The connection is cut then: a part of a frame may be on its way, and
    /// nothing can follow that. At least a millisecond.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    /// use std::time::Duration;
    ///
    /// /// One thread serves them all: a slow one must not hold it up.
    /// fn hurry(socket: &mut Websocket) {
    ///     socket.set_write_timeout(Duration::from_millis(50));
    /// }
    /// ```
    pub fn set_write_timeout(&mut self, time: Duration) {
        if let Some(line) = &self.receiver.line {
            line.set_write_timeout(time);
        }
    }

    fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        match &self.receiver.line {
            Some(line) => line.send(opcode, payload),
            None => Err(SendError::Closed),
        }
    }
}

/// Waits for the next message: `None` when none will come any more.
impl Iterator for Websocket {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.receiver.receive(Wait::Forever).ok()
    }
}

impl Drop for Websocket {
    fn drop(&mut self) {
        let code = if thread::panicking() { 1011 } else { 1000 };
        self.receiver.hang_up(code);
    }
}

impl fmt::Debug for Websocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Websocket")
            .field("is_closed", &self.is_closed())
            .field("close_reason", &self.receiver.close_reason)
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
