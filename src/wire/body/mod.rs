//! The body of a message on the wire.
//!
//! * `framing`: where the body of a request ends, and whether the connection persists
//! * `chunked/`: the chunked transfer coding

pub(crate) mod chunked;
pub(crate) mod framing;
