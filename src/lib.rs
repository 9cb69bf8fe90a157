//! An HTTP/1.1 server library on `std` alone: no dependencies, no `unsafe`, no async runtime.
//!
//! ```no_run
//! use millpond::{router, Response, Server};
//! use std::error::Error;
//!
//! fn main() -> Result<(), Box<dyn Error>> {
//!     let server = Server::listen_on([([127, 0, 0, 1], 8080)], |request| {
//!         router!(request,
//!             (GET) (/) => { Response::html("<a href='/hello/world'>hello</a>") },
//!             (GET) (/hello/{name: String}) => { Response::text(format!("hello {name}\n")) },
//!             _ => Response::empty_404()
//!         )
//!     })?;
//!     println!("http://{}/", server.server_addr());
//!     server.run();
//!     Ok(())
//! }
//! ```
//!
//! The [`guide`] contains a [cookbook](guide::cookbook) of short programs, the
//! [guarantees](guide::guarantees) and their tests, and pages about
//! [production](guide::operations), [security](guide::security) and the
//! [source](guide::architecture).
//!
//! # Two ways to serve
//!
//! * [`Server`], as in rouille: a handler, a pool of threads, and a loop in the program. Choose
//!   this with [`router!`] for a fixed set of routes.
//! * [`Router::serve_managed`], as in toolkit-zero: a [`BackgroundServer`] with threads of its own.
//!   Choose this if routes or addresses change while the server runs.
//!
//! In both, a handler is a function from [`&Request`](Request) to [`Response`]. A handler runs on
//! a thread of the pool and may block. A [`Router`] is also a handler for a `Server`.
//!
//! # Tasks
//!
//! | task | items |
//! |---|---|
//! | choose a handler by method and path | [`Router`] and [`Route`], or [`router!`] |
//! | read a request | [`Request`], [`input`], [`accept!`], [`mod@json`], [`try_or_400!`] |
//! | read a form | [`post_input!`], [`input::multipart`] |
//! | recognise a client | [`session`], [`input::cookies()`], [`input::basic_http_auth`] |
//! | return a response | [`Response`], [`reply!`] |
//! | serve files | [`match_assets`], [`serve_file`] |
//! | compress responses | [`content_encoding::apply`] |
//! | forward to a server, or run a program | [`proxy`], [`cgi`] |
//! | exchange messages | [`websocket`] |
//! | limit clients | [`Limits`] |
//! | configure the pool, errors and proxies | [`Settings`], [`Proxies`] |
//! | listen at several addresses, TCP or Unix | [`Address`], [`Listen`] |
//! | stop the server | [`BackgroundServer::stop`], [`Server::stoppable`] |
//! | observe the server | [`Monitor`], [`Stats`], [`log_as`], [`ServerError`] |
//! | speak another protocol | [`Upgrade`] |
//! | test a handler | [`Request::fake_http`] |
//!
//! # Features
//!
//! All features are on by default. With `default-features = false`, only the server, the router
//! and the message types remain.
//!
//! * `assets`: [`match_assets`], [`serve_file`], [`asset_path`], [`extension_to_mime`]
//! * `cgi`: [`cgi`]
//! * `forms`: [`input`], [`post_input!`], [`accept!`]; turns on `json`
//! * `gzip`: [`content_encoding`]
//! * `json`: [`mod@json`], [`json!`], [`json_struct!`], [`Response::json`], [`try_or_400!`]
//! * `log`: [`fn@log`], [`log_as`], [`log_custom`]
//! * `proxy`: [`proxy`]
//! * `session`: [`session`]; turns on `forms`
//! * `trusted-proxies`: [`Proxies`]
//! * `websocket`: [`websocket`]
//!
//! # Not included
//!
//! There is no TLS, no HTTP/2, no HTTP client, and no compression other than gzip. The page about
//! [limitations](guide::limitations) names a replacement for each part that std cannot provide.
#![forbid(unsafe_code)]
#![warn(missing_docs, rust_2018_idioms, unreachable_pub)]
#![warn(clippy::self_named_module_files)]

#[cfg(all(any(doc, doctest), feature = "default"))]
pub mod guide;

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
#[cfg(feature = "trusted-proxies")]
pub use extra::gateway::trusted_proxies::Proxies;
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
#[cfg(all(doctest, feature = "default"))]
#[doc = include_str!("../README.md")]
struct Readme;
