//! The nouns a handler sees. Nothing here knows a socket, the wire's syntax, or a route.

mod body;
mod caching;
pub(crate) mod head;
mod headers;
pub(crate) mod percent;
mod request;
mod response;

pub(crate) use body::Data;
pub(crate) use request::Parts;

pub use body::{RequestBody, ResponseBody};
pub use headers::HeadersIter;
pub use request::Request;
pub use response::{ReadWrite, Response, Upgrade};
pub(crate) mod status;
