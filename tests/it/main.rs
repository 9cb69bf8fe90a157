//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod clone;
mod descriptors;
mod dropped;
mod early;
mod examples;
mod join;
mod limits;
mod live_routes;
mod methods;
mod panics;
mod pinning;
mod pipelining;
mod poll;
mod readme;
mod rebind;
mod responses;
mod rouille;
mod skipped;
mod slow;
mod smoke;
mod stop;
mod stoppable;
mod support;
mod tidy;
mod upgrade;
mod wire;
