//! Gateways: requests that another server or a program answers, and requests that a proxy passes on
//! to this server.
//!
//! * `proxy/`: another HTTP server answers
//! * `cgi/`: a program answers (CGI)
//! * `trusted_proxies/`: proxies in front of this server name the clients
//! * `request`: hop-by-hop fields, and the length of a request body
//! * `response_head/`: the parser of the head that a server or a program sends

#[cfg(feature = "cgi")]
pub mod cgi;
#[cfg(feature = "proxy")]
pub mod proxy;
#[cfg(any(feature = "cgi", feature = "proxy"))]
mod request;
#[cfg(any(feature = "cgi", feature = "proxy"))]
mod response_head;
#[cfg(feature = "trusted-proxies")]
pub(crate) mod trusted_proxies;

/// The error text for a body that the handler has already read.
#[cfg(any(feature = "cgi", feature = "proxy"))]
const BODY_ALREADY_READ: &str = "request body already read";
