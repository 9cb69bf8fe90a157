//! Content negotiation (RFC 9110 §12): weighted lists, and the content codings.

#[cfg(any(feature = "assets", feature = "gzip"))]
pub(crate) mod coding;
pub(crate) mod weights;
