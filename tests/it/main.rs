//! The server from outside, over real sockets: one module for each promise, whose tests are facts.

mod docs;
mod extras;
mod hostile;
mod http;
mod lifecycle;
mod limits;
mod observe;
#[path = "../support/mod.rs"]
mod support;
