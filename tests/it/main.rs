//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod join;
mod poll;
mod readme;
mod rebind;
mod rouille;
mod skipped;
mod smoke;
mod stop;
mod stoppable;
#[allow(dead_code)]
mod support;
mod handover;
