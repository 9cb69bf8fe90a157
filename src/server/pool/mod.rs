//! The workers: who runs a handler, who waits on a peer, and who looks after everybody else.
//! It cares for [`Task`]s and knows nothing of HTTP, sockets or addresses.
//!
//! ```text
//!             admit                        a request came
//!    ─────────────────► held by a worker ◄───────────────┐
//!                        (blocking read) ──── serve ─────┘      calm: no wake-ups, no CPU
//!                             │  ▲
//!      no place, half a       │  │ quiet, and a place is free
//!      request, or busy       ▼  │
//!                            ring: hot ──── serve in place       busy: no thread switches
//!                             │  ▲
//!                       quiet ▼  │ something came
//!                            ring: cold, looked at within a CPU budget
//! ```
//!
//! One worker at a time is the *sweeper*: it looks at the ring's tasks without waiting and serves
//! what it finds in place. Another, the *sentry*, wakes every millisecond while the sweeper is at
//! work and takes the ring over when a handler stalls it. How many workers may wait on a peer at
//! the same time is bounded ([`places`]), so that no peer can pin the pool.

mod quota;
mod scanner;
mod state;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::state::{pulse, Entry, Job, Shared, State};
pub(crate) use self::worker::guarded;
use crate::util::lock::lock;

/// One connection, as the pool sees it.
pub(crate) trait Task: Send + 'static {
    /// What a worker owns and lends to the task it attends to: buffers to be used again.
    type Buffers: Default;

    /// Does what can be done at once, without waiting for the peer and without running a handler.
    fn poll(&mut self, buffers: &mut Self::Buffers, now: Instant) -> Next;

    /// Waits for the peer of an idle task, at most until its own deadline.
    fn wait(&mut self, buffers: &mut Self::Buffers) -> Next;

    /// Runs the handler, or what is left of it, and sends what the peer takes at once.
    /// May wait on the peer only after [`Next::RunMayBlock`].
    fn run(&mut self, buffers: &mut Self::Buffers) -> Next;
}

/// What a task needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: it is between requests. Only such a task may be held.
    Idle,
    /// Its peer, who most likely leaves in a moment. To see that is not worth waking anybody.
    Closing,
    /// Its peer: something is half done, and nothing has moved.
    Blocked,
    /// Its peer: something is half done, and some of it has moved.
    Progressed,
    /// A worker, to serve it.
    Run,
    /// A worker, to serve it, which may wait on the peer meanwhile.
    RunMayBlock,
    /// To be dropped.
    Done,
}

/// Where tasks come from: hands over those that are waiting, without waiting for more. An error
/// is for someone who may take his time to see to it.
pub(crate) type Acceptor<G> = dyn Fn(&mut dyn FnMut(Box<G>)) -> io::Result<()> + Send + Sync;

/// The workers of a pool, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    pub serving: usize,
    pub holding: usize,
    /// In a place that lets them wait on a peer while they serve.
    pub uploading: usize,
    pub sweeping: usize,
    /// Without work, or watching the sweeper.
    pub idle: usize,
    /// All that were started and are still there.
    pub workers: usize,
}

/// A pool of at most `size` workers, started on demand.
pub(crate) struct Pool<G: Task> {
    shared: Arc<Shared<G>>,
}

impl<G: Task> Pool<G> {
    /// # Panics
    ///
    /// If `size` is 0.
    pub(crate) fn new(size: usize) -> Pool<G> {
        assert!(size > 0, "a pool needs at least one worker");
        Pool {
            shared: Arc::new(Shared::new(size)),
        }
    }

    /// Takes care of a task until it is over. Gives it back if no worker can be started at all.
    pub(crate) fn admit(&self, task: Box<G>) -> Result<(), Box<G>> {
        let shared = &self.shared;
        shared.tasks.fetch_add(1, Ordering::AcqRel);
        // A connection costs more than a request: it counts as two.
        if !shared.busy.load(Ordering::Relaxed) && shared.note_served(2) {
            shared.begin_busy();
        }
        let mut state = lock(&shared.state);
        if shared.busy.load(Ordering::Relaxed) {
            shared.to_ring(&mut state, task);
        } else if shared.worker_free(&state, Job::AwaitRequest) {
            shared.call(&mut state, Job::AwaitRequest, task);
        } else {
            shared.to_ring(&mut state, task);
        }
        if state.workers > 0 {
            return Ok(());
        }
        // Not one thread to be had: whatever is queued is this task, nobody else could be.
        shared.tasks.fetch_sub(1, Ordering::AcqRel);
        let last = state.called.pop_back().map(|call| call.task);
        match last.or_else(|| state.hot.pop_back().map(|entry| entry.task)) {
            Some(task) => Err(task),
            None => Ok(()),
        }
    }

    /// Whether the sweeper is at work without pause.
    pub(crate) fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::Relaxed)
    }

    /// Has the sweeper look after a door, for `time` at most or until it is busy no more.
    ///
    /// # Errors
    ///
    /// What is wrong there, if the sweeper gave the door back for that.
    pub(crate) fn lend_door(&self, door: Arc<Acceptor<G>>, time: Duration) -> io::Result<()> {
        let shared = &self.shared;
        let until = Instant::now() + time;
        let address = |door: &Arc<Acceptor<G>>| Arc::as_ptr(door) as *const ();
        let this = address(&door);
        let mut lent = lock(&shared.doors);
        lent.push((door, Ok(())));
        loop {
            let at = match lent.iter().position(|(door, _)| address(door) == this) {
                Some(at) => at,
                // Nobody else takes it away.
                None => return Ok(()),
            };
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO || !self.is_busy() || lent[at].1.is_err() {
                return lent.swap_remove(at).1;
            }
            lent = shared
                .door_back
                .wait_timeout(lent, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
    }

    /// Has every task of the ring looked at now, whatever the budget.
    pub(crate) fn rouse(&self) {
        let mut state = lock(&self.shared.state);
        let cold = std::mem::take(&mut state.cold);
        state.hot.extend(cold);
        if !state.hot.is_empty() {
            self.shared.call_sweeper(&mut state);
        }
    }

    /// Why the system had no thread for the pool, once for each time that it was asked in vain.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        if !self.shared.refused.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.refused.store(false, Ordering::Relaxed);
        lock(&self.shared.state).refusal.take()
    }

    /// Who does what now.
    pub(crate) fn worker_counts(&self) -> WorkerCounts {
        let (holding, uploading) = self.shared.places.count();
        let state = lock(&self.shared.state);
        let workers = state.workers;
        let sweeping = usize::from(state.sweep.is_some());
        let idle = state.idle;
        drop(state);
        WorkerCounts {
            serving: workers.saturating_sub(holding + uploading + sweeping + idle),
            holding,
            uploading,
            sweeping,
            idle,
            workers,
        }
    }
}

/// Workers go on until their tasks are over, then end. Nobody waits for them.
impl<G: Task> Drop for Pool<G> {
    fn drop(&mut self) {
        lock(&self.shared.state).closing = true;
        self.shared.work.notify_all();
    }
}

#[cfg(test)]
mod tests;
