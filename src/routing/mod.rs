//! The choice of a handler for a request. Routing imports messages, and neither the wire nor the
//! server.
//!
//! * `pattern`: the path pattern of a route, its precedence and its parameters
//! * `route`: [`Route`], a method, a pattern and a handler
//! * `router`: [`Router`], routes that can change while requests are served
//! * `macros`: `router!` and the early returns, as in rouille
//! * `reply`: `reply!` and [`Status`], as in toolkit-zero

mod pattern;
mod route;
mod router;

pub mod macros;
pub mod reply;

pub use self::reply::Status;
pub use self::route::{Route, RouteBuilder, RouteError};
pub use self::router::Router;
