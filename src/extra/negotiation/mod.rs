//! Content negotiation (RFC 9110 §12).
//!
//! * `weights`: lists with weights, such as `Accept`
//! * `coding`: the content coding that a client prefers

#[cfg(any(feature = "assets", feature = "gzip"))]
pub(crate) mod coding;
pub(crate) mod weights;
