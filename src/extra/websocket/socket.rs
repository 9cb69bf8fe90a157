//! [`Websocket`]: the connection as a program uses it. It receives, sends and closes.

use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, thread};

use super::error::SendError;
use super::frame::head::{control_payload, Opcode};
use super::message::Message;
use super::plain::Plain;
use super::receive::{NoMessage, Receiver, Wait};
use super::sender::WebsocketSender;
use crate::message::{ReadWrite, Switched, Upgrade};

/// A connection to a client for messages in both directions: an iterator over the received
/// messages, with functions that send.
///
/// [`start`](super::start) creates the websocket. Its owner receives; other threads send meanwhile,
/// each with a [`sender`](Websocket::sender). A thread must always be receiving. Otherwise the
/// client's pings and its close frame are not answered, and the loss of a client is not detected.
///
/// A drop closes the connection: with code 1000, or with 1011 during a panic. The drop takes at
/// most a second if the client does not read.
///
/// | limit | default | when exceeded | change with |
/// |---|---|---|---|
/// | size of a message | 1 MiB | close code 1009 | [`set_max_message_bytes`] |
/// | client is idle | 30 s, then a ping, then 30 s | connection ends | [`set_idle_timeout`] |
/// | client does not read | 10 s | connection is closed | [`set_write_timeout`] |
/// | answer to a close frame | 2 s | connection ends | |
///
/// [`set_max_message_bytes`]: Websocket::set_max_message_bytes
/// [`set_idle_timeout`]: Websocket::set_idle_timeout
/// [`set_write_timeout`]: Websocket::set_write_timeout
pub struct Websocket {
    receiver: Receiver,
}

impl Websocket {
    pub(crate) fn new(switched: Switched) -> Websocket {
        let receiver = Receiver::new(switched);
        Websocket { receiver }
    }

    /// Sends a text message, which a browser receives as a string.
    ///
    /// The call blocks while the client does not read, as long as
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
    /// Returns an error if the connection is closed or fails. After an error, the connection is
    /// closed.
    pub fn send_text(&mut self, data: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, data.as_bytes())
    }

    /// Sends a binary message, which a browser receives as a blob or an array buffer.
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
    /// Returns the errors of [`send_text`](Websocket::send_text).
    pub fn send_binary(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, data)
    }

    /// Sends a ping with the first 125 bytes of `data`.
    ///
    /// The client answers with a pong that repeats the data. The websocket reads the pong, and does
    /// not report it. An idle client is pinged without this call: see
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
    /// Returns the errors of [`send_text`](Websocket::send_text).
    pub fn ping(&mut self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, control_payload(data))
    }

    /// Sends a close frame with this code and reason. Nothing can be sent after the close frame.
    ///
    /// The call does not wait for the client's close frame. Messages that the client sent before
    /// still arrive. To make sure that the client received the close frame, receive until there are
    /// no more messages, at most 2 seconds. A drop ends the connection at once. Bytes that the
    /// client then still sends can prevent the arrival of the close frame.
    ///
    /// RFC 6455 §7.4 defines the codes: 1000 for a normal end, 1001 for going away, 1008 for a
    /// violation of your rules, and 1011 for an error of your program. Your program and its clients
    /// can agree on codes from 3000 to 4999. The reason is a text for debugging, and is cut to 123
    /// bytes.
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
    /// Returns the errors of [`send_text`](Websocket::send_text). Also returns an error if the code must not be sent;
    /// the connection then stays open. Only 1000 to 1003, 1007 to 1014 and 3000 to 4999 are
    /// allowed, although [`close_reason`](Websocket::close_reason) may return other codes.
    pub fn close(&mut self, code: u16, reason: &str) -> Result<(), SendError> {
        match &self.receiver.frames {
            Some(frames) => frames.close(Some(code), reason),
            None => Err(SendError::Closed),
        }
    }

    /// Returns whether the websocket is closed for sending: one side closed, violated the protocol,
    /// or is gone.
    ///
    /// The end of the client is detected when a thread receives, or when a send fails.
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
            .frames
            .as_ref()
            .map_or(true, |frames| frames.is_closed())
    }

    /// Returns the code and the reason of the client's close frame.
    ///
    /// The code is 1005 if the frame had none. Returns `None` until the frame has arrived, and if
    /// the connection ended without a close frame.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    ///
    /// fn end_of(mut socket: Websocket) -> String {
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

    /// Returns a sender to the same client, with which other threads send while one thread waits
    /// for messages.
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
        let frames = self.receiver.frames.as_ref().map(Arc::downgrade);
        WebsocketSender::new(frames.unwrap_or_default())
    }

    /// Waits for the next message, at most for `time`.
    ///
    /// Pings are answered meanwhile. If a client sends pings and does not read, the answer can take
    /// as long as the write timeout.
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
    /// Returns `Timeout` if no message arrived in time, and `Disconnected` if no message can arrive
    /// any more. In the second case, [`next`](Iterator::next) returns `None`.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<Message, RecvTimeoutError> {
        self.receiver
            .receive(Wait::AtMost(time))
            .map_err(|no_message| match no_message {
                NoMessage::Yet => RecvTimeoutError::Timeout,
                NoMessage::Ended => RecvTimeoutError::Disconnected,
            })
    }

    /// Returns the next message if one has arrived, for a thread that serves many websockets.
    ///
    /// While another thread sends to the same client, the call may block for some milliseconds.
    ///
    /// ```
    /// use millpond::websocket::{Message, Websocket};
    /// use std::sync::mpsc::TryRecvError;
    ///
    /// /// Sends each message that has arrived to all clients.
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
    /// Returns `Empty` if no message has arrived, and `Disconnected` if no message can arrive any
    /// more.
    pub fn try_recv(&mut self) -> Result<Message, TryRecvError> {
        self.receiver
            .receive(Wait::Not)
            .map_err(|no_message| match no_message {
                NoMessage::Yet => TryRecvError::Empty,
                NoMessage::Ended => TryRecvError::Disconnected,
            })
    }

    /// Sets the maximum size of a message, all its fragments together. The default is 1 MiB.
    ///
    /// A longer message closes the connection with code 1009. The check happens when the length is
    /// known, before any of the payload is stored.
    ///
    /// A client can make a websocket hold this many bytes, and up to 64 KiB more. Consider the
    /// possible number of websockets too ([`max_upgraded`](crate::Limits::max_upgraded)).
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    ///
    /// fn only_words(socket: &mut Websocket) {
    ///     socket.set_max_message_bytes(1000);
    /// }
    /// ```
    pub fn set_max_message_bytes(&mut self, bytes: usize) {
        self.receiver.decoder.max_message_bytes = bytes;
    }

    /// Sets the time after which an idle client is pinged. The default is 30 s; with `None`, a
    /// client may be idle without limit.
    ///
    /// If the client then sends nothing for the same time again, the connection ends. With the
    /// default, a client that lost power is therefore detected within a minute.
    ///
    /// Browsers answer pings without a script. The timeout applies while a thread receives.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    /// use std::time::Duration;
    ///
    /// /// Keeps the connection through a proxy that closes after an idle minute.
    /// fn keep_alive(socket: &mut Websocket) {
    ///     socket.set_idle_timeout(Some(Duration::from_secs(20)));
    /// }
    /// ```
    pub fn set_idle_timeout(&mut self, time: Option<Duration>) {
        self.receiver.idle_timeout = time;
    }

    /// Sets the time for which a send waits for a client that does not read. The default is 10 s,
    /// and the minimum 1 ms.
    ///
    /// A client that reads slowly gets this time for the whole message, and a second more for each
    /// 64 KiB of the message. After that, the connection is closed: a part of a frame may already
    /// have been sent, and nothing else can follow that part.
    ///
    /// ```
    /// use millpond::websocket::Websocket;
    /// use std::time::Duration;
    ///
    /// /// For one thread that serves all clients: a slow client must not delay the others.
    /// fn hurry(socket: &mut Websocket) {
    ///     socket.set_write_timeout(Duration::from_millis(50));
    /// }
    /// ```
    pub fn set_write_timeout(&mut self, time: Duration) {
        if let Some(frames) = &self.receiver.frames {
            frames.set_write_timeout(time);
        }
    }

    fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        match &self.receiver.frames {
            Some(frames) => frames.send(opcode, payload),
            None => Err(SendError::Closed),
        }
    }
}

/// Waits for the next message. Returns `None` when no message can arrive any more.
impl Iterator for Websocket {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.receiver.receive(Wait::Forever).ok()
    }
}

impl Drop for Websocket {
    fn drop(&mut self) {
        let code = if thread::panicking() { 1011 } else { 1000 };
        self.receiver.close_now(code);
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

/// Delivers the websocket to the receiver that [`start`](super::start) returned. If that receiver
/// has been dropped, the websocket is closed.
impl Upgrade for mpsc::Sender<Websocket> {
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>) {
        self.take_over(Plain::switched(socket));
    }

    fn take_over(&mut self, socket: Switched) {
        drop(self.send(Websocket::new(socket)));
    }
}
