//! The errors of websockets: [`WebsocketError`] before the connection is open, [`SendError`] after.

use std::error::Error;
use std::{fmt, io};

/// The reason why [`start`](super::start) refused a request.
///
/// ```
/// use millpond::{try_or_400, websocket, Request, Response};
///
/// fn talk(request: &Request) -> Response {
///     // As in rouille. `websocket::refusal` gives the client a more exact response.
///     let (response, _receiver) = try_or_400!(websocket::start(request, Some("chat")));
///     response
/// }
/// # assert_eq!(talk(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 400);
/// ```
#[derive(Debug)]
pub enum WebsocketError {
    /// The request does not have the form of RFC 6455 §4.2.1: GET, HTTP/1.1, `Upgrade: websocket`,
    /// `Connection: upgrade`, `Sec-WebSocket-Version: 13`, and one `Sec-WebSocket-Key` that encodes
    /// 16 bytes.
    InvalidWebsocketRequest,

    /// The client did not request the subprotocol.
    WrongSubprotocol,
}

impl Error for WebsocketError {}

impl fmt::Display for WebsocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WebsocketError::InvalidWebsocketRequest => "invalid websocket request",
            WebsocketError::WrongSubprotocol => "subprotocol not requested by client",
        })
    }
}

/// The reason why a message was not sent.
///
/// ```
/// use millpond::websocket::{SendError, Websocket};
///
/// fn notify(socket: &mut Websocket, text: &str) -> &'static str {
///     match socket.send_text(text) {
///         Ok(()) => "sent",
///         Err(SendError::Closed) => "the client has left",
///         Err(SendError::IoError(_)) => "the connection failed, or the client does not read",
///     }
/// }
/// ```
#[derive(Debug)]
pub enum SendError {
    /// The connection failed, and is closed now. The kind is `TimedOut` if the client did not read
    /// the message in time.
    IoError(io::Error),

    /// The websocket is closed.
    Closed,
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> SendError {
        SendError::IoError(error)
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SendError::IoError(error) => Some(error),
            SendError::Closed => None,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::IoError(error) => write!(f, "websocket message not sent: {error}"),
            SendError::Closed => f.write_str("websocket closed"),
        }
    }
}
