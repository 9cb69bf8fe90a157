//! An HTTP/1.1 server on `std` alone.
#![forbid(unsafe_code)]

mod limits;

pub use limits::Limits;
