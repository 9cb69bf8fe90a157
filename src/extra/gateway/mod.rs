//! Gateways: a request answered by another server, or by a program.

pub mod cgi;
mod hops;
pub mod proxy;
mod response;
