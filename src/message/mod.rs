//! The nouns a handler sees. Nothing here knows a socket, the wire's syntax, or a route.

mod body;
pub(crate) mod caching;
pub(crate) mod coding;
#[cfg(test)]
mod compat;
pub(crate) mod date;
mod fake;
pub(crate) mod head;
mod headers;
pub(crate) mod percent;
mod refine;
mod request;
mod response;
pub(crate) mod status;
mod upgrade;
pub(crate) mod weights;

pub(crate) use body::Data;
pub(crate) use request::unix_peer;
pub(crate) use upgrade::{Duplex, Switched};

pub use body::{RequestBody, ResponseBody};
pub use headers::HeadersIter;
pub use request::Request;
pub use response::Response;
pub use upgrade::{ReadWrite, Upgrade};
