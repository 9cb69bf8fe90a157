//! The server: sockets, threads and time.

mod accept;
mod api;
mod config;
mod connection;
mod engine;
mod pool;
mod registry;
mod stats;

pub use self::accept::address::Address;
pub use self::accept::listen::Listen;
pub use self::api::background::BackgroundServer;
pub use self::api::server::{start_server, start_server_with_pool, Server};
pub use self::config::Settings;
pub use self::registry::{ConnectionState, Drained, InFlight};
pub use self::stats::error_hook::{ServerError, ServerErrorKind};
pub use self::stats::monitor::Monitor;
pub use self::stats::{CloseReason, Stats, WorkerState};
