//! The body of a message on the wire: how its length is found, and the chunked coding.

pub(crate) mod chunked;
pub(crate) mod framing;
