//! An HTTP/1.1 server on `std` alone.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod limits;
#[allow(dead_code)]
mod message;
#[allow(dead_code)]
mod wire;

pub use limits::Limits;
