//! Websockets: messages both ways over one connection, for as long as both sides like (RFC 6455).
//!
//! A client, mostly a script in a page, asks for one with a GET request. [`start`] makes the
//! response to it, and a channel on which the [`Websocket`] comes when that is sent. A thread of
//! yours receives from it, as from any iterator, and answers:
//!
//! ```
//! use millpond::websocket::{self, Message, Websocket};
//! use millpond::{router, Response, Server};
//! use std::thread;
//!
//! fn double(mut socket: Websocket) {
//!     while let Some(message) = socket.next() {
//!         let answer = match message {
//!             Message::Text(text) => text.repeat(2),
//!             Message::Binary(_) => "only text".to_owned(),
//!         };
//!         if socket.send_text(&answer).is_err() {
//!             break;
//!         }
//!     }
//! }
//!
//! let server = Server::new("127.0.0.1:0", |request| {
//!     router!(request,
//!         (GET) (/) => {
//!             Response::html("<script>
//!                 let socket = new WebSocket(`ws://${location.host}/double`);
//!                 socket.onopen = () => socket.send('ho');
//!                 socket.onmessage = (message) => document.body.append(message.data);
//!             </script>")
//!         },
//!         (GET) (/double) => match websocket::start(request, None::<&str>) {
//!             Ok((response, receiver)) => {
//!                 thread::spawn(move || receiver.into_iter().for_each(double));
//!                 response
//!             },
//!             Err(_) => websocket::refusal(request),
//!         },
//!         _ => Response::empty_404()
//!     )
//! });
//! # assert!(server.is_ok());
//! ```
//!
//! A websocket takes no worker of the pool. A server has [`max_upgraded`](crate::Limits) of them at
//! most.
//!
//! | to | use |
//! |---|---|
//! | wait for a message | [`Websocket::next`](Iterator::next) |
//! | wait for so long, or not at all | [`Websocket::recv_timeout`], [`Websocket::try_recv`] |
//! | send while another thread waits | [`Websocket::sender`] |
//! | close with a code | [`Websocket::close`] |
//! | know with which the client closed | [`Websocket::close_reason`] |
//! | bound size, silence, slowness | [`Websocket`] has the defaults |
//! | agree on a protocol within | [`requested_protocols`] |
//!
//! No extension is agreed on, so nothing is compressed.
//!
//! # Whose page it is
//!
//! A browser lets any page open a websocket to any server, and sends that server's cookies with the
//! request. So where cookies, or an address that only some can reach, say who may talk, a foreign
//! page of a visitor may too, unless you ask whose page it is (RFC 6455 §10.2):
//!
//! ```
//! use millpond::Request;
//!
//! /// Whether a page of this very site asks, or no browser.
//! fn is_own(request: &Request) -> bool {
//!     match (request.header("Origin"), request.header("Host")) {
//!         (None, _) => true,
//!         (Some(page), Some(host)) => page.split_once("://").map_or(false, |(_, p)| p == host),
//!         _ => false,
//!     }
//! }
//! # let request = |origin: &str| {
//! #     let headers = vec![("Host".into(), "a".into()), ("Origin".into(), origin.into())];
//! #     is_own(&Request::fake_http("GET", "/", headers, vec![]))
//! # };
//! # assert!(request("http://a") && !request("http://b") && !request("null"));
//! ```
//!
//! Better still compare it with the names that you serve under.
//!
//! # Going away
//!
//! A server that stops or moves neither ends nor awaits websockets: it cannot know what is left to
//! say. Whoever wants them to hear of it keeps their senders, and says so:
//!
//! ```
//! use millpond::websocket::WebsocketSender;
//! use millpond::BackgroundServer;
//! use std::time::{Duration, Instant};
//!
//! fn stop(server: BackgroundServer, clients: &[WebsocketSender], time: Duration) {
//!     let monitor = server.monitor();
//!     server.stop(); // No new ones from here on.
//!     for client in clients {
//!         let _ = client.close(1001, "the server stops");
//!     }
//!     // They answer, and their threads end. The end of the process cuts those that do not.
//!     let began = Instant::now();
//!     while monitor.stats().upgraded > 0 && began.elapsed() < time {
//!         std::thread::sleep(Duration::from_millis(5));
//!     }
//! }
//! # let server = millpond::Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
//! # stop(server, &[], Duration::ZERO);
//! ```

mod frame;
mod handshake;
mod plain;
mod receive;
mod send;
mod sender;
mod socket;

#[cfg(test)]
mod compat;

pub use self::handshake::{refusal, requested_protocols, start};
pub use self::handshake::{RequestedProtocolsIter, WebsocketError};
pub use self::sender::WebsocketSender;
pub use self::socket::Websocket;

use std::error::Error;
use std::{fmt, io};

/// What a client sent.
///
/// ```
/// use millpond::websocket::Message;
///
/// fn length(message: &Message) -> usize {
///     match message {
///         Message::Text(text) => text.chars().count(),
///         Message::Binary(bytes) => bytes.len(),
///     }
/// }
/// # assert_eq!(length(&Message::Text("\u{e9}".to_owned())), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Text: a script in a browser passed a string to `send()`.
    Text(String),

    /// Bytes: it passed a blob or an array buffer.
    Binary(Vec<u8>),
}

/// Why a message was not sent.
///
/// ```
/// use millpond::websocket::{SendError, Websocket};
///
/// fn tell(socket: &mut Websocket, text: &str) -> &'static str {
///     match socket.send_text(text) {
///         Ok(()) => "sent",
///         Err(SendError::Closed) => "it has left",
///         Err(SendError::IoError(_)) => "it is gone, or does not read",
///     }
/// }
/// ```
#[derive(Debug)]
pub enum SendError {
    /// The connection failed; with `TimedOut` if the client did not take the message in time. It is
    /// closed.
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
            SendError::IoError(_) => f.write_str("the message could not be sent"),
            SendError::Closed => f.write_str("the websocket is closed"),
        }
    }
}
