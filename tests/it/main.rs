//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod descriptors;
mod dropped;
mod examples;
mod join;
mod live_routes;
mod methods;
mod panics;
mod poll;
mod rebind;
mod smoke;
mod stop;
mod stoppable;
#[allow(dead_code)]
mod support;
