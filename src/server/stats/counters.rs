//! What one worker counts. It alone writes there, so that an addition is a load and a store, of a
//! cache line that no other core asks for but to read the numbers.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use super::{Counters, Stats};
use crate::util::lock::lock;

/// Two cache lines' worth apart: processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    responses: [AtomicU64; 5],
    received: AtomicU64,
    sent: AtomicU64,
}

impl Tally {
    #[inline]
    pub(crate) fn answered(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        add(&self.responses[class], 1);
    }

    #[inline]
    pub(crate) fn received(&self, bytes: usize) {
        add(&self.received, bytes as u64);
    }

    #[inline]
    pub(crate) fn sent(&self, bytes: usize) {
        add(&self.sent, bytes as u64);
    }

    pub(crate) fn received_with_others(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent_with_others(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (number, counter) in stats.responses.iter_mut().zip(&self.responses) {
            *number += read(counter);
        }
        stats.received_bytes += read(&self.received);
        stats.sent_bytes += read(&self.sent);
    }

    /// Takes over what another one counted, which is not written any more.
    fn absorb(&self, other: &Tally) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (sum, counter) in self.responses.iter().zip(&other.responses) {
            add(sum, read(counter));
        }
        add(&self.received, read(&other.received));
        add(&self.sent, read(&other.sent));
    }
}

/// For the one thread that writes there.
#[inline]
fn add(counter: &AtomicU64, count: u64) {
    let sum = counter.load(Ordering::Relaxed).wrapping_add(count);
    counter.store(sum, Ordering::Relaxed);
}

/// A worker's tally, entered among the others for as long as the worker has it.
pub(crate) struct OwnTally {
    tally: Arc<Tally>,
    counters: Arc<Counters>,
}

impl OwnTally {
    pub(crate) fn new(counters: &Arc<Counters>) -> OwnTally {
        let tally = Arc::new(Tally::default());
        lock(&counters.tallies).of_workers.push(Arc::clone(&tally));
        OwnTally {
            tally,
            counters: Arc::clone(counters),
        }
    }
}

impl Deref for OwnTally {
    type Target = Tally;

    #[inline]
    fn deref(&self) -> &Tally {
        &self.tally
    }
}

impl Drop for OwnTally {
    fn drop(&mut self) {
        let mut tallies = lock(&self.counters.tallies);
        tallies.of_those_gone.absorb(&self.tally);
        tallies
            .of_workers
            .retain(|other| !Arc::ptr_eq(other, &self.tally));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn nothing_is_lost_when_workers_come_and_go() {
        let counters = Arc::new(Counters::default());
        let workers: Vec<_> = (0..8)
            .map(|_| {
                let counters = Arc::clone(&counters);
                thread::spawn(move || {
                    for _ in 0..100 {
                        let tally = OwnTally::new(&counters);
                        (0..100).for_each(|_| tally.answered(204));
                        tally.received(3);
                        tally.sent(5);
                        counters.received(1);
                    }
                })
            })
            .collect();
        let mut last = 0;
        while !workers.iter().all(|worker| worker.is_finished()) {
            let requests = counters.read().requests;
            assert!(requests >= last, "{} after {}", requests, last);
            last = requests;
        }
        let stats = counters.read();
        assert_eq!(stats.responses, [0, 80_000, 0, 0, 0]);
        assert_eq!(stats.requests, 80_000);
        assert_eq!((stats.received_bytes, stats.sent_bytes), (3_200, 4_000));
        assert!(lock(&counters.tallies).of_workers.is_empty());
    }

    #[test]
    fn classes_are_those_of_the_first_digit() {
        let tally = Tally::default();
        for status in [101, 200, 299, 304, 404, 499, 500, 999] {
            tally.answered(status);
        }
        let mut stats = Stats::default();
        tally.add_to(&mut stats);
        assert_eq!(stats.responses, [1, 2, 1, 2, 2]);
    }
}
