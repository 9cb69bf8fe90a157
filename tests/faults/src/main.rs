//! Errors of the kernel, caused for real: by strace, which injects errors into system calls, by
//! limits, by a small disk, by a clock that jumps, by missing randomness. Run as root:
//!
//! ```sh
//! apt-get install strace faketime util-linux
//! cargo test --manifest-path tests/faults/Cargo.toml
//! ```
//!
//! Every server is a child process, mostly of this very test binary.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

use std::time::Duration;

/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(10);

mod accepting;
mod clock;
mod disk;
mod interrupted;
mod randomness;
mod server;
mod threads;
// A package uses some of these parts, and other packages the others.
#[allow(dead_code, unused_imports)]
#[path = "../../support/mod.rs"]
mod support;
