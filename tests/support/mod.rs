//! Shared parts of all tests: servers, clients, processes and folders that end with their test, and
//! waits that have an end.
//!
//! `tests/it` and the packages beside it include this folder by its path. Each has its own patience,
//! at its root: [`GUARD`], and where bounds are checked [`SLACK`].

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
pub use self::client::{Client, Cut, Reply};
pub use self::echo::switch;
pub use self::folder::Folder;
pub use self::load::{KeepAliveMode, Load};
pub use self::process::Process;
pub use self::server::{
    drain_observer, get, listen, measure, serve, serve_as, serve_routes, Running,
};
pub use self::wait::{eventually, eventually_equals, eventually_within, finishes, timed};
pub use crate::{GUARD, SLACK};
