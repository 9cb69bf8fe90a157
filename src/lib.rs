//! An HTTP/1.1 server on `std` alone.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod json;
mod limits;
#[allow(dead_code, unused_imports)]
mod message;
mod routing;

pub use json::{FromJson, Json, JsonError, ToJson};
pub use limits::Limits;
pub use message::{HeadersIter, ReadWrite, Request, RequestBody, Response, ResponseBody, Upgrade};
pub use routing::{Route, Route as ServerMechanism, RouteBuilder, Router, Status};

// What the macros expand to.
#[doc(hidden)]
pub use routing::{macros as __macros, reply as __reply};
