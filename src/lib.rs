//! An HTTP/1.1 server on `std` alone: no dependencies, no `unsafe`, no async runtime.
//!
//! ```
//! use millpond::{router, Response, Server};
//!
//! let server = Server::new("127.0.0.1:0", |request| {
//!     router!(request,
//!         (GET) (/) => { Response::html("<h1>hello</h1>") },
//!         (GET) (/hello/{name: String}) => { Response::text(format!("hello {}", name)) },
//!         _ => Response::empty_404()
//!     )
//! })
//! .unwrap();
//! println!("http://{}/hello/world", server.server_addr());
//! server.poll(); // or run(), or poll_timeout() in a loop, or stoppable()
//! ```
//!
//! # Two ways to serve
//!
//! * [`Server`], as rouille has it: a handler, a pool of threads, and a loop that is yours.
//! * [`Router::serve_managed`], as toolkit-zero has it: a [`BackgroundServer`] whose routes are
//!   added and removed, and whose address moves, while it runs.
//!
//! Either way a handler is a function from [`&Request`](Request) to [`Response`]. It runs on a
//! thread of the pool and may block.
//!
//! | to | use |
//! |---|---|
//! | choose a handler by method and path | [`Router`] and [`Route`], or [`router!`] |
//! | read a request | [`Request`], [`input`], [`accept!`], [`mod@json`], [`try_or_400!`] |
//! | read a form | [`post_input!`], [`input::multipart`] |
//! | tell clients apart | [`session`] |
//! | answer | [`Response`], [`reply!`]; with files [`match_assets`], [`serve_file`] |
//! | send less | [`content_encoding::apply`] |
//! | have another server or a program answer | [`proxy`], [`cgi`] |
//! | talk both ways | [`websocket`] |
//! | bound what a client can ask for | [`Limits`] |
//! | set the rest up: the pool, the proxies in front | [`Settings`], [`Proxies`] |
//! | listen at several places, TCP or Unix | [`Address`], [`Listen`] |
//! | see what goes on, and what goes wrong | [`Monitor`], [`Stats`], [`log_as`], [`ServerError`] |
//! | speak another protocol | [`Upgrade`] |
//! | test a handler | [`Request::fake_http`] |
//!
//! # What it is not
//!
//! There is no TLS, no HTTP/2 and no client. It compresses with gzip alone, and only what it is
//! told to. The README says what to use instead, what is promised and which test holds each
//! promise, how HTTP is read to the byte, and how to come from rouille or toolkit-zero.
//!
//! # The map
//!
//! A request walks down this list; so does a reader of the source.
//!
//! | file | what it owns |
//! |---|---|
//! | `limits.rs` | every bound a client can push against, with its default and its reason |
//! | `server/` | sockets, threads and time; `connection.rs` there is the place to start |
//! | `routing/` | patterns, routes, the router that holds them, the macros |
//! | `message/` | what a handler sees: request, response, their headers and bodies |
//! | `wire/` | bytes to heads and bodies and back: no socket, no clock, no thread |
//! | `json.rs` | a JSON value, its reader and writer; knows nothing of HTTP |
//! | `assets/` | files as responses: conditions, ranges, media types |
//! | `input/` | what a client says in its fields and bodies: cookies, credentials, forms, JSON |
//! | `session/` | an id for each client, in a cookie |
//! | `content_encoding/` | gzip, and which responses it is for |
//! | `websocket/` | messages both ways over one connection |
//! | `proxy/` | a request answered by another server |
//! | `cgi/` | a request answered by a program |
//! | `log/` | a line for each request |
//! | `base64.rs` | bytes as text that survives a header |
//! | `lock.rs` | how a poisoned lock is recovered |
#![forbid(unsafe_code)]
#![warn(missing_docs, rust_2018_idioms, unreachable_pub)]
#![warn(clippy::self_named_module_files)]

// In reading order.
mod limits;

mod server;

mod routing;

mod message;

mod wire;

mod extra;

mod util;

pub use limits::Limits;
pub use message::{HeadersIter, ReadWrite, Request, RequestBody, Response, ResponseBody, Upgrade};
pub use routing::{Route, Route as ServerMechanism, RouteBuilder, RouteError, Router, Status};
#[cfg(feature = "trusted-proxies")]
pub use server::Proxies;
pub use server::{
    start_server, start_server_with_pool, Address, BackgroundServer, CloseReason, ConnectionState,
    Drained, InFlight, Listen, Monitor, Server, ServerError, ServerErrorKind, Settings, Stats,
    WorkerState,
};

#[cfg(feature = "assets")]
pub use extra::assets::{asset_path, extension_to_mime, match_assets, serve_file};
#[cfg(feature = "gzip")]
pub use extra::content_encoding;
#[cfg(feature = "cgi")]
pub use extra::gateway::cgi;
#[cfg(feature = "proxy")]
pub use extra::gateway::proxy;
#[cfg(feature = "forms")]
pub use extra::input;
#[cfg(feature = "json")]
pub use extra::json::{self, FromJson, Json, JsonError, ToJson};
#[cfg(feature = "log")]
pub use extra::log::{log, log_as, log_custom, LogFormat};
#[cfg(feature = "session")]
pub use extra::session;
#[cfg(feature = "websocket")]
pub use extra::websocket;

// Names that the macros expand to.
#[cfg(feature = "json")]
#[doc(hidden)]
pub use extra::json::try_or_400;
#[doc(hidden)]
pub use routing::{macros as __macros, reply as __reply};

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
