//! Helpers that know nothing of HTTP.

pub(crate) mod base64;
pub(crate) mod catch_panic;
pub(crate) mod io;
pub(crate) mod lock;
