//! The nouns a handler sees. Nothing here knows a socket, the wire's syntax, or a route.

mod body;
#[cfg(test)]
mod compat;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod syntax;
mod upgrade;

pub(crate) use self::body::Data;
pub(crate) use self::upgrade::{Duplex, Switched};

pub use self::body::{RequestBody, ResponseBody};
pub use self::request::headers::HeadersIter;
pub use self::request::Request;
pub use self::response::Response;
pub use self::upgrade::{ReadWrite, Upgrade};
