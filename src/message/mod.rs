//! The message types that a handler uses: request, response, their bodies, and upgrades.
//!
//! * `request/`: the request, its head and header fields, and requests made up for tests
//! * `response/`: the response, its constructors and `with_` methods, entity tags
//! * `body`: the bodies of both
//! * `upgrade`: the trait of a protocol that takes over a connection
//! * `syntax/`: text forms that several modules share
//!
//! The folder imports nothing from the server, the routing or the wire.

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
