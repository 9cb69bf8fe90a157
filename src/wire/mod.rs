//! HTTP/1.1 as bytes: received bytes become values, and responses become bytes.
//!
//! * `head/`: the parser of a request head
//! * `body/`: the framing of a request body, and the chunked coding
//! * `encode/`: the framing and the head of a response
//! * `proxied`: the interface to proxies that name the client
//! * `error`: the reasons for which a message is rejected, with their status codes
//!
//! The folder imports nothing but `message`, `limits` and `util`. It has no socket, no clock and no
//! thread, so tests call plain functions.
//!
//! If two parsers could read the same bytes differently, this one rejects the message. Without
//! this, a proxy in front of the server could read one request where the server reads two (request
//! smuggling). No setting makes the parser lenient.

pub(crate) mod body;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod head;
#[cfg_attr(not(feature = "trusted-proxies"), allow(dead_code))] // Nothing implements the interface.
pub(crate) mod proxied;

#[cfg(test)]
pub(crate) mod tests;
