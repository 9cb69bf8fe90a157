//! Gateways: requests that another server or a program answers.
//!
//! * `proxy/`: another HTTP server
//! * `cgi/`: a program (CGI)
//! * `request`: hop-by-hop fields, and the length of a request body
//! * `response_head/`: the parser of the head that a server or a program sends

#[cfg(feature = "cgi")]
pub mod cgi;
#[cfg(feature = "proxy")]
pub mod proxy;
mod request;
mod response_head;

/// The error text for a body that the handler has already read.
const BODY_ALREADY_READ: &str = "request body already read";
