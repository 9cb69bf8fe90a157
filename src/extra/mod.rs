//! Parts around the server, each behind a feature of its own. They use the message types as a
//! program would; the server does not know them.

pub(crate) mod assets;
pub mod content_encoding;
pub(crate) mod gateway;
pub mod input;
pub mod json;
pub(crate) mod log;
mod negotiation;
pub mod session;
pub mod websocket;
