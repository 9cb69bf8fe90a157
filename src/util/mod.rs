//! Functions that are independent of HTTP and import nothing of this library.
//!
//! * `base64`: bytes as text of 64 letters
//! * `catch_panic`: the user's code, and the end of its panics
//! * `io`: deadlines and timeouts of sockets
//! * `lock`: locks without poison
//! * `net`: one form of each address

#[cfg(any(feature = "forms", feature = "websocket"))]
pub(crate) mod base64;
pub(crate) mod catch_panic;
pub(crate) mod io;
pub(crate) mod lock;
pub(crate) mod net;
