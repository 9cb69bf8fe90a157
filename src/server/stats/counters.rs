//! The counters of a server, written without a lock by any thread.
//!
//! Every request changes a few counters. These exist [`SHARES`] times: each worker adds to the
//! share of its own, and a reader sums the shares. Events that happen once for a connection, or
//! less often, are counted in one place. All accesses are relaxed: each number is exact, and
//! no other data depends on the order of two numbers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::{CloseReason, Stats};

/// Number of shares. 16 workers that run at the same time mostly write different shares. Without
/// this, all cores of a large machine would wait for one cache line.
const SHARES: usize = 16;

/// Counters that every request changes, for some of the workers.
///
/// The alignment keeps the shares 128 bytes apart: processors fetch cache lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerCounters {
    responses: [AtomicU64; 5],
    received: AtomicU64,
    sent: AtomicU64,
}

impl WorkerCounters {
    /// Counts a response by the class of its status.
    #[inline]
    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.responses[class].fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    turned_away: AtomicU64,
    not_admitted: AtomicU64,
    accept_errors: AtomicU64,
    panics: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    shares: [WorkerCounters; SHARES],
}

/// Returns the number of a new worker, for [`Counters::of_worker`].
pub(crate) fn next_worker() -> usize {
    static WORKERS: AtomicUsize = AtomicUsize::new(0);
    WORKERS.fetch_add(1, Ordering::Relaxed)
}

impl Counters {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that is closed with a response of `sent` bytes instead of being served.
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

    /// Returns the share of a worker.
    #[inline]
    pub(crate) fn of_worker(&self, worker: usize) -> &WorkerCounters {
        &self.shares[worker % SHARES]
    }

    /// Counts bytes that a thread outside of the pool received, or an upload.
    pub(crate) fn received(&self, bytes: usize) {
        self.shares[0].received(bytes);
    }

    /// Counts bytes that a thread outside of the pool sent.
    pub(crate) fn sent(&self, bytes: usize) {
        self.shares[0].sent(bytes);
    }

    /// Returns the numbers that are counted here. The caller adds the current states.
    pub(crate) fn read(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = Stats {
            accepted: read(&self.accepted),
            turned_away: read(&self.turned_away),
            not_admitted: read(&self.not_admitted),
            accept_errors: read(&self.accept_errors),
            panics: read(&self.panics),
            closed: std::array::from_fn(|reason| read(&self.closed[reason])),
            ..Stats::default()
        };
        for share in &self.shares {
            for (sum, counter) in stats.responses.iter_mut().zip(&share.responses) {
                *sum += read(counter);
            }
            stats.received_bytes += read(&share.received);
            stats.sent_bytes += read(&share.sent);
        }
        stats.requests = stats.responses.iter().sum();
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn workers_that_share_a_share_lose_nothing() {
        let counters = Counters::default();
        thread::scope(|scope| {
            for _ in 0..2 * SHARES {
                scope.spawn(|| {
                    let worker = next_worker();
                    for _ in 0..1_000 {
                        counters.of_worker(worker).answered(204);
                    }
                    counters.of_worker(worker).received(3);
                    counters.of_worker(worker).sent(5);
                    counters.received(1);
                });
            }
        });
        let stats = counters.read();
        assert_eq!(stats.responses, [0, 32_000, 0, 0, 0]);
        assert_eq!(stats.requests, 32_000);
        assert_eq!((stats.received_bytes, stats.sent_bytes), (128, 160));
    }

    #[test]
    fn classes_are_those_of_the_first_digit() {
        let counters = Counters::default();
        for status in [101, 200, 299, 304, 404, 499, 500, 999] {
            counters.of_worker(0).answered(status);
        }
        assert_eq!(counters.read().responses, [1, 2, 1, 2, 2]);
    }
}
