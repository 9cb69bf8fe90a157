//! An HTTP/1.1 server on `std` alone.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod limits;
mod message;

pub use limits::Limits;
