//! What the server counts, as plain numbers. Written without a lock, read at any time.
//!
//! What is counted for each request is counted by the worker that does it, in a [`Tally`] that
//! nobody else writes: a plain addition in a cache line of its own. Whoever reads adds them up.
//! What happens once for a connection, or less often, is counted in [`Counters`], which all share.

mod counters;
pub(crate) mod error_hook;
pub(crate) mod monitor;
mod prometheus;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use self::counters::{OwnTally, Tally};
use super::registry::ConnectionState;
use crate::util::lock::lock;

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client closed it between two requests.
    ClientClosed,
    /// It broke, or the client left, in the middle of a request or a response.
    Broken,
    /// The client or the handler's response asked for it, or HTTP/1.0 did.
    Asked,
    /// Nothing came for `idle_timeout`.
    Idle,
    /// A head took longer than `head_timeout`.
    HeadTimeout,
    /// A body came slower than `min_body_rate`.
    SlowBody,
    /// A response was taken slower than `min_write_rate`.
    SlowRead,
    /// The client broke a rule of the protocol, or a size limit.
    Refused,
    /// A response's body failed or was shorter than announced; the client was to see that.
    BodyFailed,
    /// `max_requests_per_connection` was reached, or it was given up for a newer one.
    Limit,
    /// The server is stopping, moving or draining.
    Drained,
    /// It was handed over to another protocol.
    Upgraded,
}

impl CloseReason {
    /// Every reason there is, in the order of [`Stats::closed`].
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

/// What a thread of the pool is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerState {
    /// It runs a handler, or sends what that answered.
    Handler,
    /// It waits for the next request of a quiet connection.
    KeepAlive,
    /// It runs a handler that may wait for more of a body.
    Upload,
    /// It looks at the connections that nobody waits on, and runs handlers in between.
    Sweeping,
    /// It has nothing to do.
    Idle,
}

impl WorkerState {
    /// Every state there is, in the order of [`Stats::workers_in`].
    pub const ALL: [WorkerState; 5] = [
        WorkerState::Handler,
        WorkerState::KeepAlive,
        WorkerState::Upload,
        WorkerState::Sweeping,
        WorkerState::Idle,
    ];
}

/// A server's numbers since it began to serve, all addresses it moved through included.
///
/// Had from [`Server::stats`](crate::Server::stats),
/// [`BackgroundServer::stats`](crate::BackgroundServer::stats) and, inside a handler,
/// [`Monitor::stats`](crate::Monitor::stats). Each number is exact; two of them may be a moment
/// apart. What was answered is counted before it is sent: a client that has its answer is in it.
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
    /// Since the server was made, or the monitor that it was given.
    pub uptime: Duration,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away with 503 because of `max_connections`, or for want of a thread.
    /// [`closed`](Stats::closed) does not count them.
    pub turned_away: u64,
    /// Connections closed at once, as they came to an address that is not served
    /// ([`Listen::only_at`](crate::Listen::only_at)). They are in no other number.
    pub not_admitted: u64,
    /// Times that accepting failed: out of file descriptors, say.
    pub accept_errors: u64,
    /// Connections open now, those handed over to another protocol not included.
    pub open: u64,
    /// Connections of these with a request in flight: received whole, not yet answered whole.
    pub in_flight: u64,
    /// Connections open now that were handed over to another protocol.
    pub upgraded: u64,
    /// Requests answered, those refused included.
    pub requests: u64,
    /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx. Of 1xx these are the 101s: an interim response
    /// answers nothing.
    pub responses: [u64; 5],
    /// Handlers that panicked.
    pub panics: u64,
    /// Bytes received from clients: heads, bodies, whatever came, other protocols included.
    pub received_bytes: u64,
    /// Bytes sent to clients, or at least taken by the kernel; likewise.
    pub sent_bytes: u64,
    /// Worker threads started and still there.
    pub workers: u64,
    closed: [u64; CloseReason::ALL.len()],
    pub(crate) connections: [u64; ConnectionState::ALL.len()],
    pub(crate) workers_in: [u64; WorkerState::ALL.len()],
}

impl Stats {
    /// The content type of [`to_prometheus`](Stats::to_prometheus).
    pub const PROMETHEUS: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// How many connections ended for that reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    /// How many connections are in that state.
    pub fn connections(&self, state: ConnectionState) -> u64 {
        self.connections[state as usize]
    }

    /// How many workers are in that state.
    pub fn workers_in(&self, state: WorkerState) -> u64 {
        self.workers_in[state as usize]
    }

    /// The numbers in Prometheus' text format, version 0.0.4, for a page of the type
    /// [`PROMETHEUS`](Stats::PROMETHEUS).
    ///
    /// All names begin with `millpond_`. What only grows ends in `_total`; the rest is as it is
    /// now. Labels are `class` (`2xx`), `reason` ([`CloseReason`]) and `state`
    /// ([`ConnectionState`], [`WorkerState`]).
    ///
    /// # Example: a page to be scraped
    ///
    /// ```
    /// use millpond::{Response, Route, Router, Stats};
    ///
    /// let router = Router::default();
    /// let server = router.serve_managed(([127, 0, 0, 1], 0))?;
    /// let monitor = server.monitor();
    /// router.add(Route::get("/metrics").onconnect(move |_| {
    ///     Response::from_data(Stats::PROMETHEUS, monitor.stats().to_prometheus())
    /// }));
    /// # let request = millpond::Request::fake_http("GET", "/metrics", vec![], vec![]);
    /// # let page = router.handle(&request);
    /// # let mut text = String::new();
    /// # let mut reader = page.data.into_reader_and_size().0;
    /// # std::io::Read::read_to_string(&mut reader, &mut text)?;
    /// # assert!(text.contains("\nmillpond_requests_total{class=\"2xx\"} 0\n"));
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_prometheus(&self) -> String {
        prometheus::text(self)
    }
}

/// What all connections count together, and where the workers' own numbers are found.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    not_admitted: AtomicU64,
    accept_errors: AtomicU64,
    panics: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    /// What is not moved by a worker at its buffers: uploads, other protocols, who is turned away.
    elsewhere: Tally,
    /// Taken by a worker that begins or ends, and by who reads.
    tallies: Mutex<Tallies>,
}

#[derive(Debug, Default)]
struct Tallies {
    of_workers: Vec<Arc<Tally>>,
    of_those_gone: Tally,
}

impl Counters {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn turned_away(&self, sent: usize) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
        self.sent(sent);
    }

    pub(crate) fn not_admitted(&self) {
        self.not_admitted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn closed(&self, reason: CloseReason) {
        self.closed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// As [`Tally::received`], for any thread.
    pub(crate) fn received(&self, bytes: usize) {
        self.elsewhere.received_with_others(bytes);
    }

    /// As [`Tally::sent`], for any thread.
    pub(crate) fn sent(&self, bytes: usize) {
        self.elsewhere.sent_with_others(bytes);
    }

    /// The counters' part of the numbers; what is there now is for the caller to add.
    pub(crate) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = Stats {
            accepted: read(&self.accepted),
            turned_away: read(&self.turned_away),
            not_admitted: read(&self.not_admitted),
            accept_errors: read(&self.accept_errors),
            panics: read(&self.panics),
            ..Stats::default()
        };
        for (number, counter) in stats.closed.iter_mut().zip(&self.closed) {
            *number = read(counter);
        }
        self.elsewhere.add_to(&mut stats);
        let tallies = lock(&self.tallies);
        tallies.of_those_gone.add_to(&mut stats);
        for tally in &tallies.of_workers {
            tally.add_to(&mut stats);
        }
        stats.requests = stats.responses.iter().sum();
        stats
    }
}
