//! [`WebsocketSender`]: the handle with which other threads send.

use std::fmt;
use std::sync::Weak;

use super::error::SendError;
use super::frame::head::{control_payload, Opcode};
use super::send::FrameSender;

/// A sender to the client of a [`Websocket`](super::Websocket), for use in any thread.
///
/// [`Websocket::sender`](super::Websocket::sender) returns one. Each message is sent whole. Threads
/// that send at the same time wait for each other. If the client does not read, the threads wait as
/// long as [`set_write_timeout`](super::Websocket::set_write_timeout) allows.
///
/// A sender does not keep the connection open. After the websocket has ended or has been dropped,
/// each function returns [`SendError::Closed`].
///
/// # Example: send to all clients, with a bounded wait
///
/// ```
/// use millpond::websocket::WebsocketSender;
/// use std::sync::Mutex;
///
/// fn broadcast(all: &Mutex<Vec<WebsocketSender>>, text: &str) {
///     // A client that does not read delays the others once, and is then disconnected. If that is
///     // too much, give each client a thread and a bounded channel, as in `examples/chat`.
///     all.lock().unwrap().retain(|sender| sender.send_text(text).is_ok());
/// }
/// ```
#[derive(Clone)]
pub struct WebsocketSender {
    frames: Weak<FrameSender>,
}

impl WebsocketSender {
    pub(crate) fn new(frames: Weak<FrameSender>) -> WebsocketSender {
        WebsocketSender { frames }
    }

    /// Sends a text message, as [`Websocket::send_text`](super::Websocket::send_text) does.
    ///
    /// ```
    /// use millpond::websocket::{SendError, WebsocketSender};
    ///
    /// fn tick(sender: &WebsocketSender) -> Result<(), SendError> {
    ///     sender.send_text("tick")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is closed or fails. After an error, the connection is
    /// closed.
    pub fn send_text(&self, data: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, data.as_bytes())
    }

    /// Sends a binary message, as [`Websocket::send_binary`](super::Websocket::send_binary) does.
    ///
    /// ```
    /// use millpond::websocket::{SendError, WebsocketSender};
    ///
    /// fn frame(sender: &WebsocketSender) -> Result<(), SendError> {
    ///     sender.send_binary(&[1, 2, 3])
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`send_text`](WebsocketSender::send_text).
    pub fn send_binary(&self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, data)
    }

    /// Sends a ping, as [`Websocket::ping`](super::Websocket::ping) does.
    ///
    /// ```
    /// use millpond::websocket::{SendError, WebsocketSender};
    ///
    /// fn ask(sender: &WebsocketSender) -> Result<(), SendError> {
    ///     sender.ping(b"")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`send_text`](WebsocketSender::send_text).
    pub fn ping(&self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, control_payload(data))
    }

    /// Closes the websocket, as [`Websocket::close`](super::Websocket::close) does.
    ///
    /// The receiving thread gets the messages that the client sent before, and then the end: when
    /// the client answers, or after 2 seconds. If a thread was already waiting in
    /// [`next`](Iterator::next) and the client does not answer, the thread gets the end after the
    /// idle timeout, at most 30 seconds.
    ///
    /// ```
    /// use millpond::websocket::{SendError, WebsocketSender};
    ///
    /// fn end(sender: &WebsocketSender) -> Result<(), SendError> {
    ///     sender.close(1001, "going away")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Websocket::close`](super::Websocket::close).
    pub fn close(&self, code: u16, reason: &str) -> Result<(), SendError> {
        let frames = self.frames.upgrade().ok_or(SendError::Closed)?;
        frames.close(Some(code), reason)
    }

    /// Returns whether the websocket is closed for sending.
    ///
    /// ```
    /// use millpond::websocket::WebsocketSender;
    ///
    /// fn forget(senders: &mut Vec<WebsocketSender>) {
    ///     senders.retain(|sender| !sender.is_closed());
    /// }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.frames
            .upgrade()
            .map_or(true, |frames| frames.is_closed())
    }

    fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        let frames = self.frames.upgrade().ok_or(SendError::Closed)?;
        frames.send(opcode, payload)
    }
}

impl fmt::Debug for WebsocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebsocketSender")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
