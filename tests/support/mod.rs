//! Shared parts of all tests: servers, clients, processes and folders that end with their test, and
//! waits that have an end.
//!
//! `tests/it` and other packages include this folder by its path. Each has a bound of its own for
//! every wait, [`GUARD`], at its root.

use std::time::Duration;

mod address;
mod barrier;
mod client;
mod echo;
mod folder;
mod load;
mod process;
mod server;
mod wait;

pub use self::barrier::Barrier;
pub use self::client::{Client, Incomplete, Reply};
pub use self::echo::switch;
pub use self::folder::Folder;
pub use self::load::{KeepAliveMode, Load};
pub use self::process::Process;
pub use self::server::{
    drain_observer, get, listen, measure, serve, serve_as, serve_routes, Running,
};
pub use self::wait::{eventually, eventually_equals, eventually_within, finishes, timed};
pub use crate::GUARD;

/// Added to every bound that a promise names: the machines of a CI stall for 100 ms at times, and
/// longer under load.
pub const SLACK: Duration = Duration::from_millis(800);
