//! What other threads send with.

use std::fmt;
use std::sync::Weak;

use super::frame::{Opcode, MOST_CONTROL};
use super::send::Line;
use super::SendError;

/// Sends to the client of a [`Websocket`](super::Websocket), from any thread.
///
/// Made by [`Websocket::sender`](super::Websocket::sender). Each message goes out whole: threads
/// that send at the same time wait for each other, and so for a client that does not read, as long
/// as [`set_write_timeout`](super::Websocket::set_write_timeout) allows. It does not keep the
/// connection open: when the websocket is dropped or over, everything here is
/// [`SendError::Closed`].
///
/// # Example: everybody is told, nobody waits for long
///
/// ```
/// use millpond::websocket::WebsocketSender;
/// use std::sync::Mutex;
///
/// fn tell(all: &Mutex<Vec<WebsocketSender>>, text: &str) {
///     // One who does not read holds the others up, once: it is cut off then. Where that is too
///     // much, give each a thread and a bounded channel, as `examples/chat` does.
///     all.lock().unwrap().retain(|sender| sender.send_text(text).is_ok());
/// }
/// ```
#[derive(Clone)]
pub struct WebsocketSender {
    line: Weak<Line>,
}

impl WebsocketSender {
    pub(crate) fn new(line: Weak<Line>) -> WebsocketSender {
        WebsocketSender { line }
    }

    /// As [`Websocket::send_text`](super::Websocket::send_text).
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
    /// If the connection is closed, or fails. It is closed after any error.
    pub fn send_text(&self, data: &str) -> Result<(), SendError> {
        self.send(Opcode::Text, data.as_bytes())
    }

    /// As [`Websocket::send_binary`](super::Websocket::send_binary).
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
    /// As [`send_text`](WebsocketSender::send_text).
    pub fn send_binary(&self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Binary, data)
    }

    /// As [`Websocket::ping`](super::Websocket::ping).
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
    /// As [`send_text`](WebsocketSender::send_text).
    pub fn ping(&self, data: &[u8]) -> Result<(), SendError> {
        self.send(Opcode::Ping, of_control(data))
    }

    /// As [`Websocket::close`](super::Websocket::close). Whoever receives gets what the client had
    /// sent, and then the end: when the client answers, or after 2 seconds; a thread that waits in
    /// [`next`](Iterator::next) already notices a client that does not answer after the idle
    /// timeout, 30 seconds at most.
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
    /// As [`Websocket::close`](super::Websocket::close).
    pub fn close(&self, code: u16, reason: &str) -> Result<(), SendError> {
        let line = self.line.upgrade().ok_or(SendError::Closed)?;
        line.close(Some(code), reason)
    }

    /// Whether nothing more can be sent.
    ///
    /// ```
    /// use millpond::websocket::WebsocketSender;
    ///
    /// fn forget(senders: &mut Vec<WebsocketSender>) {
    ///     senders.retain(|sender| !sender.is_closed());
    /// }
    /// ```
    pub fn is_closed(&self) -> bool {
        self.line.upgrade().map_or(true, |line| line.is_closed())
    }

    fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        let line = self.line.upgrade().ok_or(SendError::Closed)?;
        line.send(opcode, payload)
    }
}

impl fmt::Debug for WebsocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebsocketSender")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// What of it fits into a control frame.
pub(crate) fn of_control(data: &[u8]) -> &[u8] {
    &data[..data.len().min(MOST_CONTROL)]
}
