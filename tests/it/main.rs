//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod dropped;
mod early;
mod join;
mod limits;
mod live_routes;
mod methods;
mod panics;
#[cfg(target_os = "linux")]
mod pinning;
mod pipelining;
mod poll;
mod rebind;
mod responses;
mod slow;
mod smoke;
mod stop;
mod stoppable;
#[allow(dead_code)]
mod support;
mod upgrade;
mod wire;
