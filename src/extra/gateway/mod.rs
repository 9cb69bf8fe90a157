//! Gateways: a request answered by another server, or by a program.

#[cfg(feature = "cgi")]
pub mod cgi;
mod hops;
#[cfg(feature = "proxy")]
pub mod proxy;
mod response;
