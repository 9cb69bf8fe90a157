//! Content negotiation (RFC 9110 §12): weighted lists, and the content codings.

pub(crate) mod coding;
pub(crate) mod weights;
