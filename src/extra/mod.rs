//! Parts around the server, each behind a feature of its own. They use the message types as a
//! program would; the server does not know them.

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
