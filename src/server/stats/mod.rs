//! The numbers of a server, and its reports of errors.
//!
//! | file | content |
//! |---|---|
//! | `mod` | the public numbers: [`Stats`], [`CloseReason`], [`WorkerState`] |
//! | `counters` | the counters, written without a lock |
//! | `prometheus` | the numbers as text for Prometheus |
//! | `monitor` | the handle by which other threads read the numbers |
//! | `error_hook` | the program's hook for errors that no response can report |
//!
//! The numbers depend on the registry and on `util`.

pub(crate) mod counters;
pub(crate) mod error_hook;
pub(crate) mod monitor;
mod prometheus;

use std::time::Duration;

use super::registry::ConnectionState;

/// The reason for which a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed the connection between two requests.
    ClientClosed,
    /// The connection broke, or the client left, within a request or a response.
    Broken,
    /// The client or the handler's response asked to close, or the protocol was HTTP/1.0.
    Asked,
    /// No byte arrived for `idle_timeout`.
    Idle,
    /// A head took longer than `head_timeout`.
    HeadTimeout,
    /// A body arrived slower than `min_body_rate`.
    SlowBody,
    /// The client read a response slower than `min_write_rate`.
    SlowRead,
    /// The client broke a rule of the protocol, or exceeded a size limit.
    Refused,
    /// A response's body failed or ended before its announced length; the connection was cut so
    /// that the client notices.
    BodyFailed,
    /// The connection reached `max_requests_per_connection`, or an upgrade was refused, for example
    /// because of `max_upgraded`.
    Limit,
    /// The server stops or moves, or closed the idle connection in favour of a newer one.
    Drained,
    /// Another protocol took over the connection.
    Upgraded,
}

impl CloseReason {
    /// All reasons, in the order of [`Stats::closed`].
    pub const ALL: [CloseReason; 12] = [
        CloseReason::ClientClosed,
        CloseReason::Broken,
        CloseReason::Asked,
        CloseReason::Idle,
        CloseReason::HeadTimeout,
        CloseReason::SlowBody,
        CloseReason::SlowRead,
        CloseReason::Refused,
        CloseReason::BodyFailed,
        CloseReason::Limit,
        CloseReason::Drained,
        CloseReason::Upgraded,
    ];
}

/// The state of a worker, a thread of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// The worker runs a handler, or sends its response.
    Handler,
    /// The worker waits for the next request of an idle connection.
    KeepAlive,
    /// The worker runs a handler that may wait for more of a body.
    Upload,
    /// The worker polls the connections on which no worker waits, and runs their handlers.
    Scanning,
    /// The worker has no work.
    Idle,
}

impl WorkerState {
    /// All states, in the order of [`Stats::workers_in`].
    pub const ALL: [WorkerState; 5] = [
        WorkerState::Handler,
        WorkerState::KeepAlive,
        WorkerState::Upload,
        WorkerState::Scanning,
        WorkerState::Idle,
    ];
}

/// The numbers of a server: totals since its creation, and current values. A move to another
/// address resets none of them.
///
/// Returned by [`Server::stats`](crate::Server::stats),
/// [`BackgroundServer::stats`](crate::BackgroundServer::stats) and, inside a handler,
/// [`Monitor::stats`](crate::Monitor::stats). Each number is exact; two numbers may be a moment
/// apart. A response is counted before it is sent, so that the numbers contain every response
/// that a client has received.
///
/// ```
/// # use millpond::{CloseReason, ConnectionState, Router, WorkerState};
/// let server = Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let stats = server.stats();
/// assert_eq!(stats.requests, 0);
/// assert_eq!(stats.closed(CloseReason::Idle), 0);
/// assert_eq!(stats.connections(ConnectionState::Handler), 0);
/// assert_eq!(stats.workers_in(WorkerState::KeepAlive), 0);
/// # let _ = server.stop();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Time since the server was created, or since the monitor of
    /// [`Settings::monitor`](crate::Settings::monitor) was created.
    pub uptime: Duration,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away with 503, because of `max_connections` or because no thread could be
    /// started. [`closed`](Stats::closed) does not count them.
    pub turned_away: u64,
    /// Connections closed at once because their local address is not served
    /// ([`Listen::only_at`](crate::Listen::only_at)). No other number contains them.
    pub not_admitted: u64,
    /// Failures to accept a connection, for example because no file descriptor was left.
    pub accept_errors: u64,
    /// Connections open now, without those that another protocol uses.
    pub open: u64,
    /// Open connections with a request in flight: received, and not answered completely.
    pub in_flight: u64,
    /// Connections open now that another protocol uses.
    pub upgraded: u64,
    /// Requests answered, including those that were refused.
    pub requests: u64,
    /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx. Of the first class, only 101 is counted: the
    /// others are interim responses, which another response follows.
    pub responses: [u64; 5],
    /// Handlers that panicked.
    pub panics: u64,
    /// Bytes received from clients, including those of other protocols.
    pub received_bytes: u64,
    /// Bytes accepted by the kernel for sending to clients, including those of other protocols.
    pub sent_bytes: u64,
    /// Worker threads that were started and have not ended.
    pub workers: u64,
    closed: [u64; CloseReason::ALL.len()],
    pub(crate) connections: [u64; ConnectionState::ALL.len()],
    pub(crate) workers_in: [u64; WorkerState::ALL.len()],
}

impl Stats {
    /// Returns the number of connections that ended for a reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// Returns the number of connections in a state.
    pub fn connections(&self, state: ConnectionState) -> u64 {
        self.connections[state as usize]
    }

    /// Returns the number of workers in a state.
    pub fn workers_in(&self, state: WorkerState) -> u64 {
        self.workers_in[state as usize]
    }
}
