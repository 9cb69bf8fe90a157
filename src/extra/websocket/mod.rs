//! Websockets: messages in both directions over one connection (RFC 6455).
//!
//! A client, usually a script in a page, requests a websocket with GET. [`start`] returns the
//! response and a channel. The channel delivers the [`Websocket`] after the response has been sent.
//! A thread of your program receives messages from the websocket, as from any iterator:
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
//! A websocket uses no worker of the pool. A server has at most
//! [`max_upgraded`](crate::Limits::max_upgraded) websockets at a time, by default 1,024. The
//! response to one more request is 503.
//!
//! All frames are checked on arrival: masks, reserved bits and opcodes, fragments, lengths, close
//! codes, and UTF-8 up to the last byte. A violation closes the websocket with 1002 or 1007 at the
//! first byte that shows the violation.
//!
//! | to | use |
//! |---|---|
//! | wait for a message | [`Websocket::next`](Iterator::next) |
//! | wait with a timeout, or not at all | [`Websocket::recv_timeout`], [`Websocket::try_recv`] |
//! | send while another thread receives | [`Websocket::sender`] |
//! | close with a code | [`Websocket::close`] |
//! | read the code of the client's close | [`Websocket::close_reason`] |
//! | limit message size, idle time and write time | [`Websocket`] lists the defaults |
//! | agree on a subprotocol | [`requested_protocols`] |
//!
//! No extension is negotiated, so messages are not compressed.
//!
//! # Checking the origin
//!
//! A browser lets any page open a websocket to any server, and sends that server's cookies with the
//! request. If cookies or a private address decide about access, a page of another site can
//! therefore use a visitor's access. To prevent this, check the `Origin` field (RFC 6455 §10.2):
//!
//! ```
//! use millpond::Request;
//!
//! /// Returns whether the request comes from a page of this site, or from no browser.
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
//! A comparison with the known names of your site is safer still.
//!
//! # Stopping the server
//!
//! A server that stops or moves neither closes its websockets nor waits for them: only the program
//! knows which messages are still due. To notify the clients, keep the senders and close each one:
//!
//! ```
//! use millpond::websocket::WebsocketSender;
//! use millpond::BackgroundServer;
//! use std::time::{Duration, Instant};
//!
//! fn stop(server: BackgroundServer, clients: &[WebsocketSender], time: Duration) {
//!     let monitor = server.monitor();
//!     server.stop(); // From here on, no client can open a websocket.
//!     for client in clients {
//!         let _ = client.close(1001, "the server stops");
//!     }
//!     // The clients answer, and their threads end. The end of the process closes the rest.
//!     let began = Instant::now();
//!     while monitor.stats().upgraded > 0 && began.elapsed() < time {
//!         std::thread::sleep(Duration::from_millis(5));
//!     }
//! }
//! # let server = millpond::Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
//! # stop(server, &[], Duration::ZERO);
//! ```
//!
//! The example `examples/chat` sends 1001 to its clients, and waits briefly for their answers.
//!
//! # Cost
//!
//! One websocket and its thread used 24 KiB. 1,000 websockets used 1,000 threads and 23 MiB.
//!
//! The table compares echo servers. The plain server has a thread for each connection, which only
//! separates frames and returns these unchanged. All servers ran on the same two cores as the
//! clients, while other programs were running. Each range has the medians of two runs of three
//! rounds.
//!
//! | messages per second, echoed | millpond | plain sockets | rouille |
//! |---|--:|--:|--:|
//! | 16 bytes, 1 client | 23–28 k | 24–29 k | 23–29 k |
//! | 16 bytes, 8 clients | 106–115 k | 96–103 k | 97–101 k |
//! | 16 bytes, 64 clients | 99–103 k | 106–108 k | 106–107 k |
//! | 64 KiB, 8 clients | 40–48 k | 48–55 k | 13 k |
//!
//! # Tests
//!
//! `src/extra/websocket/` and `tests/it/extras/websocket/mod.rs`. A second parser of frames is in
//! `tests/it/hostile/fuzz/websocket.rs`.

// The files, from the program's side down to the bytes:
//
// * `handshake/`: the request that opens a websocket, and the response
// * `socket`: `Websocket`, which receives, sends and closes
// * `sender`: `WebsocketSender`, which sends from other threads
// * `receive`: reads, answers pings, detects idle clients, ends the connection
// * `send/`: writes whole frames in order, each before a deadline
// * `frame/`: one frame as bytes, and frames to messages
// * `plain`: a websocket over any reader and writer
// * `message`, `error`: the types that the files above share

mod error;
mod frame;
mod handshake;
mod message;
mod plain;
mod receive;
mod send;
mod sender;
mod socket;

#[cfg(test)]
mod compat;

pub use self::error::{SendError, WebsocketError};
pub use self::handshake::{refusal, requested_protocols, start, RequestedProtocolsIter};
pub use self::message::Message;
pub use self::sender::WebsocketSender;
pub use self::socket::Websocket;
