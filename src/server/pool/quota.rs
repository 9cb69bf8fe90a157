//! The bound on the number of workers that wait for a peer at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

/// The reason for which a worker waits for a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An idle task waits for the next request of its peer.
    AwaitRequest,
    /// A handler waits for its peer, for example for the rest of an upload.
    Run,
}

/// The number of workers that may wait for a peer at the same time.
///
/// A quarter of the workers is a reserve. Idle tasks may use all workers but the reserve, and
/// handlers half of the reserve besides. If that half is nothing, the last permit is for handlers
/// alone: idle tasks stay for long, and an upload would wait until one of them leaves.
///
/// The limits also depend on the number of workers started so far: some workers are always left
/// that do not wait.
pub(crate) struct BlockingQuota {
    /// Number of permits in use.
    in_use: AtomicUsize,
    /// Number of permits in use for handlers.
    in_use_by_runs: AtomicUsize,
    /// Number of started workers. Written under the lock of the pool.
    pub(crate) workers: AtomicUsize,
    max_for_idle: usize,
    max_for_all: usize,
}

/// The permission of one worker to wait for a peer. Released on drop.
#[must_use]
pub(crate) struct BlockingPermit {
    quota: Arc<BlockingQuota>,
    purpose: Purpose,
}

impl BlockingQuota {
    /// Returns the quota of a pool of at most `size` workers.
    pub(crate) fn new(size: usize) -> BlockingQuota {
        let reserve = (size / 4).max(1);
        let rest = size - reserve;
        // A pool of one worker has no reserve. The worker never waits for an idle task, but must
        // be able to run an upload; only the minimum rate bounds that upload.
        let (max_for_idle, max_for_all) = match reserve {
            1 => (rest.saturating_sub(1), rest.max(1)),
            _ => (rest, rest + reserve / 2),
        };
        BlockingQuota {
            in_use: AtomicUsize::new(0),
            in_use_by_runs: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            max_for_idle,
            max_for_all,
        }
    }

    /// Returns a permit if one is free for this purpose.
    pub(crate) fn acquire(self: &Arc<Self>, purpose: Purpose) -> Option<BlockingPermit> {
        let limit = self.limit_now(purpose);
        let one_more = |in_use| {
            if in_use < limit {
                Some(in_use + 1)
            } else {
                None
            }
        };
        self.in_use
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()?;
        if purpose == Purpose::Run {
            self.in_use_by_runs.fetch_add(1, Ordering::Relaxed);
        }
        Some(BlockingPermit {
            quota: Arc::clone(self),
            purpose,
        })
    }

    /// Returns whether a permit is free for this purpose.
    pub(crate) fn is_free(&self, purpose: Purpose) -> bool {
        self.in_use.load(Ordering::Acquire) < self.limit_now(purpose)
    }

    /// Returns whether a permit is free for this purpose once enough workers are started.
    pub(crate) fn may_become_free(&self, purpose: Purpose) -> bool {
        self.in_use.load(Ordering::Acquire) < self.limit(purpose)
    }

    /// Returns the permits in use for idle tasks, and those in use for handlers. The two numbers
    /// may be a moment apart.
    pub(crate) fn in_use(&self) -> (usize, usize) {
        let runs = self.in_use_by_runs.load(Ordering::Relaxed);
        let all = self.in_use.load(Ordering::Relaxed);
        (all.saturating_sub(runs), runs)
    }

    fn limit(&self, purpose: Purpose) -> usize {
        match purpose {
            Purpose::AwaitRequest => self.max_for_idle,
            Purpose::Run => self.max_for_all,
        }
    }

    /// Of the started workers, one is left that scans, and one more for an upload unless this is
    /// the upload. A worker that is alone, because the system has no further thread, works like a
    /// pool of one.
    fn limit_now(&self, purpose: Purpose) -> usize {
        let workers = self.workers.load(Ordering::Acquire);
        self.limit(purpose).min(match purpose {
            Purpose::AwaitRequest => workers.saturating_sub(2),
            Purpose::Run => workers.saturating_sub(1).max(1),
        })
    }
}

impl Drop for BlockingPermit {
    fn drop(&mut self) {
        if self.purpose == Purpose::Run {
            self.quota.in_use_by_runs.fetch_sub(1, Ordering::Relaxed);
        }
        self.quota.in_use.fetch_sub(1, Ordering::AcqRel);
    }
}
