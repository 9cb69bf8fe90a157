//! The server from outside, over real sockets: one folder for each topic, one module for each
//! promise. The names of tests are facts.

use std::time::Duration;

/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(5);
/// Added to every bound that a promise names: the machines of a CI stall for 100 ms at times, and
/// longer under load.
pub const SLACK: Duration = Duration::from_millis(800);

mod docs;
mod extras;
mod hostile;
mod http;
mod lifecycle;
mod limits;
mod observe;
// A package uses some of these parts, and other packages the others.
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;
