//! How many workers may wait on a peer at the same time: a count, and the bounds on it.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The workers that may wait on a peer at the same time: quiet tasks may have all but a reserve
/// of a quarter. Uploads may have half of the reserve besides, and where that is nothing, the last
/// place is for them alone: quiet tasks stay for long, and an upload would wait until one leaves.
pub(crate) struct BlockingQuota {
    pub(crate) taken: AtomicUsize,
    /// Of these, for uploads.
    uploads: AtomicUsize,
    /// The workers there are. Written under the pool's lock.
    pub(crate) workers: AtomicUsize,
    holding: usize,
    serving: usize,
}

impl BlockingQuota {
    pub(crate) fn new(size: usize) -> BlockingQuota {
        let reserve = (size / 4).max(1);
        let most = size - reserve;
        // A pool of one has no reserve to keep. It holds nobody, but it must be able to take an
        // upload; that upload is then bounded by its minimum rate alone.
        let (holding, serving) = match reserve {
            1 => (most.saturating_sub(1), most.max(1)),
            _ => (most, most + reserve / 2),
        };
        BlockingQuota {
            taken: AtomicUsize::new(0),
            uploads: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            holding,
            serving,
        }
    }

    /// However few workers there are as yet, whoever waits leaves some behind that do not.
    fn take(&self, most: usize) -> bool {
        let free = |taken| if taken < most { Some(taken + 1) } else { None };
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, free)
            .is_ok()
    }

    /// Leaves one that sweeps, and one for an upload.
    pub(crate) fn take_to_hold(&self) -> bool {
        self.take(self.holding.min(self.all_but_two()))
    }

    fn all_but_two(&self) -> usize {
        self.workers.load(Ordering::Acquire).saturating_sub(2)
    }

    pub(crate) fn leaves_enough(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.all_but_two()
    }

    /// Leaves one that sweeps. A worker that is alone for want of threads does as a pool of one.
    pub(crate) fn take_to_serve(&self) -> bool {
        let workers = self.workers.load(Ordering::Acquire);
        let took = self.take(self.serving.min(workers.saturating_sub(1).max(1)));
        self.uploads.fetch_add(usize::from(took), Ordering::Relaxed);
        took
    }

    pub(crate) fn give_back_from_serving(&self) {
        self.uploads.fetch_sub(1, Ordering::Relaxed);
        self.give_back();
    }

    /// Those taken to hold, and those taken to serve. A moment apart.
    pub(crate) fn count(&self) -> (usize, usize) {
        let uploads = self.uploads.load(Ordering::Relaxed);
        let taken = self.taken.load(Ordering::Relaxed);
        (taken.saturating_sub(uploads), uploads)
    }

    pub(crate) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn may_serve(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.serving
    }

    pub(crate) fn may_hold(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.holding
    }
}
