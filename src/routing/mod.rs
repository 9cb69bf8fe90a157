//! From a request to a handler: patterns, routes, the router that holds them, and the macros that
//! route and reply in a line. Routing knows messages, and neither the wire nor the server.

mod pattern;
mod route;
mod router;

pub mod macros;
pub mod reply;

pub use self::reply::Status;
pub use self::route::{Route, RouteBuilder, RouteError};
pub use self::router::Router;
