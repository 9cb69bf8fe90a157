//! The buffers that a worker lends to one connection after the other. An idle connection then needs
//! no buffer, and all responses of a second share one formatted date.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::request::head::Head;
use crate::message::syntax::date;
use crate::message::Request;
use crate::server::stats::counters::{next_worker, Counters, WorkerCounters};

/// Bytes read from a socket at once, 72 KiB: a head and a buffered body of the default 64 KiB come
/// in one read. Each worker has one such buffer.
const READ_BUFFER_BYTES: usize = 72 * 1024;
/// The initial capacity of the output buffer, 4 KiB: most heads with a small body fit.
const OUT_BUFFER_BYTES: usize = 4 * 1024;

/// The buffers of one worker, lent to the connection that the worker serves.
pub(crate) struct Buffers {
    /// Receives from sockets, and holds the piece of a body that is sent next.
    pub(crate) input: Vec<u8>,
    /// Responses that are encoded and not sent.
    pub(crate) out: Vec<u8>,
    /// The request that the handler sees. The allocations are reused for the next request.
    pub(crate) request: Request,
    /// A spare head, lent to the connection that begins to receive a request.
    pub(crate) head: Head,
    date: [u8; 29],
    date_until: Option<Instant>,
    /// Selects the counters that this worker changes.
    worker: usize,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers {
            input: vec![0; READ_BUFFER_BYTES],
            out: Vec::with_capacity(OUT_BUFFER_BYTES),
            request: Request::blank(),
            head: Head::default(),
            date: [b' '; 29],
            date_until: None,
            worker: next_worker(),
        }
    }
}

impl Buffers {
    /// Returns the counters that this worker changes.
    #[inline]
    pub(crate) fn counters<'a>(&self, counters: &'a Counters) -> &'a WorkerCounters {
        counters.of_worker(self.worker)
    }

    /// Returns the value of the Date field. The value is formatted once a second.
    pub(crate) fn date(&mut self, now: Instant) -> &[u8; 29] {
        if self.date_until.map_or(true, |until| now >= until) {
            let clock = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            self.date = date::imf_fixdate(clock.as_secs());
            let rest = 1_000_000_000 - u64::from(clock.subsec_nanos());
            self.date_until = Some(now + Duration::from_nanos(rest));
        }
        &self.date
    }
}
