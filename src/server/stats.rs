//! What the server counts, as plain numbers. Written without a lock, read at any time.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// A server's numbers since it began to serve, all addresses it moved through included.
///
/// ```
/// # use millpond::{CloseReason, Router};
/// let server = Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let stats = server.stats();
/// assert_eq!(stats.requests, 0);
/// assert_eq!(stats.closed(CloseReason::Idle), 0);
/// # let _ = server.stop();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away with 503 because of `max_connections`, or for want of a thread.
    pub turned_away: u64,
    /// Times that accepting failed: out of file descriptors, say.
    pub accept_errors: u64,
    /// Connections open now.
    pub open: u64,
    /// Connections of these with a request in flight: received whole, not yet answered whole.
    pub in_flight: u64,
    /// Requests answered, those refused included.
    pub requests: u64,
    /// Responses by class: 1xx, 2xx, 3xx, 4xx, 5xx.
    pub responses: [u64; 5],
    /// Handlers that panicked.
    pub panics: u64,
    /// Worker threads started and still there.
    pub workers: u64,
    pub(crate) closed: [u64; 12],
}

impl Stats {
    /// How many connections ended for that reason.
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }
}

/// The counters behind [`Stats`]. Each is exact; two of them read together may be a moment apart.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    accept_errors: AtomicU64,
    responses: [AtomicU64; 5],
    panics: AtomicU64,
    closed: [AtomicU64; 12],
}

impl Counters {
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub fn accept_error(&self) {
        self.accept_errors.fetch_add(1, Ordering::Relaxed);
    }

    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.responses[class].fetch_add(1, Ordering::Relaxed);
    }

    pub fn closed(&self, reason: CloseReason) {
        self.closed[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The counters' part of the numbers; what is open now is for the caller to add.
    pub fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = Stats {
            accepted: read(&self.accepted),
            turned_away: read(&self.turned_away),
            accept_errors: read(&self.accept_errors),
            panics: read(&self.panics),
            ..Stats::default()
        };
        for (number, counter) in stats.responses.iter_mut().zip(&self.responses) {
            *number = read(counter);
        }
        for (number, counter) in stats.closed.iter_mut().zip(&self.closed) {
            *number = read(counter);
        }
        stats.requests = stats.responses.iter().sum();
        stats
    }
}
