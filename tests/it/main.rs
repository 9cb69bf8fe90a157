//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod early;
mod pipelining;
mod responses;
mod smoke;
#[allow(dead_code)]
mod support;
mod upgrade;
mod wire;
