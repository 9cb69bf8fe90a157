//! The parts around the core: files, forms, sessions, compression, websockets and gateways.

pub mod assets;
mod cgi;
mod content_encoding;
mod gateway;
mod input;
mod multipart;
mod proxies;
mod session;
pub mod websocket;
