//! The bound on the number of workers that wait for a peer at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::util::lock::lock;

/// The reason for which a worker waits for a peer.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// An idle task waits for the next request of its peer.
    AwaitRequest,
    /// A handler waits for its peer, for example for the rest of an upload.
    Run,
}

/// The number of workers that may wait for a peer at the same time.
///
/// A quarter of the workers is a reserve. Idle tasks may use all workers but the reserve; handlers
/// may also use half of the reserve. If that half is zero, the last permit is for handlers alone.
/// Without this, an upload would wait until an idle task leaves, which may take long.
///
/// The limits also depend on the number of workers started so far, so that some workers always
/// remain that do not wait.
pub(crate) struct BlockingQuota {
    /// Largest number of permits for each [`Purpose`], those for the other purpose included.
    max: [usize; 2],
    /// Number of permits in use for each [`Purpose`]. The lock is held for a few nanoseconds.
    in_use: Mutex<[usize; 2]>,
    /// Number of started workers. Written under the lock of the pool.
    pub(crate) workers: AtomicUsize,
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
        let max = match reserve {
            1 => [rest.saturating_sub(1), rest.max(1)],
            _ => [rest, rest + reserve / 2],
        };
        BlockingQuota {
            max,
            in_use: Mutex::default(),
            workers: AtomicUsize::new(0),
        }
    }

    /// Returns a permit if one is free for this purpose.
    pub(crate) fn acquire(self: &Arc<Self>, purpose: Purpose) -> Option<BlockingPermit> {
        let mut in_use = lock(&self.in_use);
        if in_use.iter().sum::<usize>() >= self.limit_now(purpose) {
            return None;
        }
        in_use[purpose as usize] += 1;
        let quota = Arc::clone(self);
        Some(BlockingPermit { quota, purpose })
    }

    /// Returns whether a permit is free for this purpose.
    pub(crate) fn is_free(&self, purpose: Purpose) -> bool {
        self.in_use().iter().sum::<usize>() < self.limit_now(purpose)
    }

    /// Returns whether a permit is free for this purpose once enough workers are started.
    pub(crate) fn may_become_free(&self, purpose: Purpose) -> bool {
        self.in_use().iter().sum::<usize>() < self.max[purpose as usize]
    }

    /// Returns the number of permits in use for idle tasks, and of those for handlers.
    pub(crate) fn in_use(&self) -> [usize; 2] {
        *lock(&self.in_use)
    }

    /// Returns the limit with the workers started so far. One of them stays free for scanning. If
    /// the permit is for an idle task, one more stays free for an upload. If the system has no
    /// further thread for a second worker, a single worker works like a pool of one.
    fn limit_now(&self, purpose: Purpose) -> usize {
        let workers = self.workers.load(Ordering::Acquire);
        self.max[purpose as usize].min(match purpose {
            Purpose::AwaitRequest => workers.saturating_sub(2),
            Purpose::Run => workers.saturating_sub(1).max(1),
        })
    }
}

impl Drop for BlockingPermit {
    fn drop(&mut self) {
        lock(&self.quota.in_use)[self.purpose as usize] -= 1;
    }
}
