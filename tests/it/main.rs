//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod clone;
mod descriptors;
mod dropped;
mod examples;
mod join;
mod live_routes;
mod methods;
mod panics;
mod poll;
mod readme;
mod rebind;
mod rouille;
mod skipped;
mod smoke;
mod stop;
mod stoppable;
mod support;
mod tidy;
mod upgrade;
