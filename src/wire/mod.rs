//! HTTP/1.1 as bytes: what a peer sent becomes values, and answers become bytes. No socket, no
//! clock and no thread is known here, so that all of it is tested as plain functions.
//!
//! Where two parsers could read the same bytes differently the message is refused: what a proxy
//! in front of this server took for one request must never be two here. There is no leniency
//! switch. The reading side is a head ([`head`]), what its fields say about the rest
//! ([`framing`]) and a chunked body ([`chunked`]); the writing side is [`encode`]. What proxies say
//! of their clients is in [`forwarded`] and [`preface`]; what this side needs to ask another server
//! itself, or a CGI script, is in [`gateway`] and [`response`].

pub(crate) mod body;
pub(crate) mod bytes;
pub(crate) mod encode;
pub(crate) mod error;
pub(crate) mod head;
pub(crate) mod proxied;

#[cfg(test)]
pub(crate) mod tests;
