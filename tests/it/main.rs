//! The server from outside, over real sockets: one folder for each topic, one module for each
//! promise. The names of tests are facts.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

use std::time::Duration;

/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(5);

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
