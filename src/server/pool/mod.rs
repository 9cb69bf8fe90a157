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

pub(crate) use self::state::{heartbeat, Entry, Job, Mode, PoolState, Shared};
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
pub(crate) type Acceptor<T> = dyn Fn(&mut dyn FnMut(Box<T>)) -> io::Result<()> + Send + Sync;

/// The workers of a pool, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    pub running: usize,
    pub keep_alive: usize,
    /// In a place that lets them wait on a peer while they serve.
    pub uploading: usize,
    pub scanning: usize,
    /// Without work, or watching the sweeper.
    pub idle: usize,
    /// All that were started and are still there.
    pub workers: usize,
}

/// A pool of at most `size` workers, started on demand.
pub(crate) struct Pool<T: Task> {
    shared: Arc<Shared<T>>,
}

impl<T: Task> Pool<T> {
    /// # Panics
    ///
    /// If `size` is 0.
    pub(crate) fn new(size: usize) -> Pool<T> {
        assert!(size > 0, "a pool needs at least one worker");
        Pool {
            shared: Arc::new(Shared::new(size)),
        }
    }

    /// Takes care of a task until it is over. Gives it back if no worker can be started at all.
    pub(crate) fn admit(&self, task: Box<T>) -> Result<(), Box<T>> {
        let shared = &self.shared;
        shared.tasks.fetch_add(1, Ordering::AcqRel);
        // A connection costs more than a request: it counts as two.
        if shared.mode() == Mode::Blocking && shared.count_requests(2) {
            shared.enter_scanning_mode();
        }
        let mut state = lock(&shared.state);
        if shared.mode() == Mode::Scanning {
            shared.add_to_scan_list(&mut state, task);
        } else if shared.has_free_worker(&state, Job::AwaitRequest) {
            shared.enqueue(&mut state, Job::AwaitRequest, task);
        } else {
            shared.add_to_scan_list(&mut state, task);
        }
        if state.workers > 0 {
            return Ok(());
        }
        // Not one thread to be had: whatever is queued is this task, nobody else could be.
        shared.tasks.fetch_sub(1, Ordering::AcqRel);
        let last = state.queue.pop_back().map(|call| call.task);
        match last.or_else(|| state.hot.pop_back().map(|entry| entry.task)) {
            Some(task) => Err(task),
            None => Ok(()),
        }
    }

    /// Whether the sweeper is at work without pause.
    pub(crate) fn mode(&self) -> Mode {
        self.shared.mode()
    }

    /// Has the sweeper look after a door, for `time` at most or until it is busy no more.
    ///
    /// # Errors
    ///
    /// What is wrong there, if the sweeper gave the door back for that.
    pub(crate) fn lend_acceptor(
        &self,
        acceptor: Arc<Acceptor<T>>,
        time: Duration,
    ) -> io::Result<()> {
        let shared = &self.shared;
        let until = Instant::now() + time;
        let address = |acceptor: &Arc<Acceptor<T>>| Arc::as_ptr(acceptor) as *const ();
        let this = address(&acceptor);
        let mut lent = lock(&shared.acceptors);
        lent.push((acceptor, Ok(())));
        loop {
            let at = match lent
                .iter()
                .position(|(acceptor, _)| address(acceptor) == this)
            {
                Some(at) => at,
                // Nobody else takes it away.
                None => return Ok(()),
            };
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO || self.mode() == Mode::Blocking || lent[at].1.is_err() {
                return lent.swap_remove(at).1;
            }
            lent = shared
                .acceptor_returned
                .wait_timeout(lent, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
    }

    /// Has every task of the ring looked at now, whatever the budget.
    pub(crate) fn scan_all(&self) {
        let mut state = lock(&self.shared.state);
        let cold = std::mem::take(&mut state.cold);
        state.hot.extend(cold);
        if !state.hot.is_empty() {
            self.shared.wake_scanner(&mut state);
        }
    }

    /// Why the system had no thread for the pool, once for each time that it was asked in vain.
    pub(crate) fn take_spawn_error(&self) -> Option<io::Error> {
        if !self.shared.has_spawn_error.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.has_spawn_error.store(false, Ordering::Relaxed);
        lock(&self.shared.state).spawn_error.take()
    }

    /// Who does what now.
    pub(crate) fn worker_counts(&self) -> WorkerCounts {
        let (keep_alive, uploading) = self.shared.quota.count();
        let state = lock(&self.shared.state);
        let workers = state.workers;
        let scanning = usize::from(state.scan.is_some());
        let idle = state.idle;
        drop(state);
        WorkerCounts {
            running: workers.saturating_sub(keep_alive + uploading + scanning + idle),
            keep_alive,
            uploading,
            scanning,
            idle,
            workers,
        }
    }
}

/// Workers go on until their tasks are over, then end. Nobody waits for them.
impl<T: Task> Drop for Pool<T> {
    fn drop(&mut self) {
        lock(&self.shared.state).closing = true;
        self.shared.work.notify_all();
    }
}

#[cfg(test)]
mod tests;
