//! An HTTP/1.1 server on `std` alone.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod json;
mod limits;
mod lock;
#[allow(dead_code, unused_imports)]
mod message;
mod routing;
mod server;
#[allow(dead_code)]
mod wire;

pub use json::{FromJson, Json, JsonError, ToJson};
pub use limits::Limits;
pub use message::{HeadersIter, ReadWrite, Request, RequestBody, Response, ResponseBody, Upgrade};
pub use routing::{Route, Route as ServerMechanism, RouteBuilder, RouteError, Router, Status};
pub use server::{
    start_server, start_server_with_pool, BackgroundServer, CloseReason, Drained, Server, Stats,
};

// What the macros expand to.
#[doc(hidden)]
pub use routing::{macros as __macros, reply as __reply};
