//! millpond with ureq, an HTTP client of other authors: each understands what the other sends. The
//! details of the protocol are tested in `tests/it`.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

use std::time::Duration;

/// No exchange takes longer, the largest bodies on a slow machine included.
pub const GUARD: Duration = Duration::from_secs(60);

mod agents;
mod bodies;
mod connections;
mod exchange;
mod redirects;
// A package uses some of these parts, and other packages the others.
#[allow(dead_code, unused_imports)]
#[path = "../../support/mod.rs"]
mod support;
