//! Parts around the server, each behind its own feature. Most of them use only the message types,
//! as a program does. The server does not depend on the extras.
//!
//! * `assets/`: files as responses
//! * `content_encoding/`: compression of responses with gzip
//! * `gateway/`: responses from another server or a program; proxies that name the client
//! * `input/`: cookies, credentials, forms and other input of requests
//! * `json/`: JSON values, text and conversions
//! * `log/`: a line for each request
//! * `negotiation/`: weighted lists and content codings
//! * `session/`: an id for each client
//! * `websocket/`: messages in both directions

#[cfg(feature = "assets")]
pub(crate) mod assets;
#[cfg(feature = "gzip")]
pub mod content_encoding;
#[cfg(any(feature = "cgi", feature = "proxy", feature = "trusted-proxies"))]
pub(crate) mod gateway;
#[cfg(feature = "forms")]
pub mod input;
#[cfg(feature = "json")]
pub mod json;
#[cfg(feature = "log")]
pub(crate) mod log;
#[cfg(any(feature = "assets", feature = "forms", feature = "gzip"))]
mod negotiation;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "websocket")]
pub mod websocket;
