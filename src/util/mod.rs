//! Helpers that know nothing of HTTP.

#[cfg(any(feature = "forms", feature = "websocket"))]
pub(crate) mod base64;
pub(crate) mod catch_panic;
pub(crate) mod io;
pub(crate) mod lock;
pub(crate) mod net;
