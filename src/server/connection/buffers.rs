//! A worker's buffers: the buffers that it lends to one connection after the other, so that those at
//! rest need none, and the date, which all of its responses share for a second.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::KEPT;
use crate::message::request::head::Head;
use crate::message::syntax::date;
use crate::message::Request;
use crate::server::stats::counters::{next_worker, Counters, WorkerCounters};

/// Asked of the socket at once: a head, or a whole buffered body with its head.
const READ: usize = 72 * 1024;

/// A worker's buffers, lent to the connection it attends to.
pub(crate) struct Buffers {
    pub(crate) input: Vec<u8>,
    pub(crate) out: Vec<u8>,
    pub(crate) request: Request,
    pub(crate) head: Head,
    date: [u8; 29],
    date_until: Option<Instant>,
    /// Selects the counters that this worker changes.
    worker: usize,
}

impl Default for Buffers {
    fn default() -> Buffers {
        Buffers {
            input: vec![0; READ],
            out: Vec::with_capacity(KEPT),
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
    pub(crate) fn worker_counters<'a>(&self, counters: &'a Counters) -> &'a WorkerCounters {
        counters.of_worker(self.worker)
    }

    /// The Date field's value, formatted once a second.
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
