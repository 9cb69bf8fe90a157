//! The threads of a server: workers that run handlers, wait for peers and poll connections.
//!
//! # The rough picture
//!
//! There are two ways to wait for the next request of a connection. A worker can *block* in a read.
//! This costs nothing until the request arrives; then the system has to wake a thread, and
//! meanwhile the worker is of no use to other connections. Or one worker can *poll* many
//! connections in turn. This finds a request within microseconds without waking a thread, but costs
//! CPU while nothing arrives. The pool blocks while requests are rare, and polls while they are
//! frequent:
//!
//! ```text
//!              admit                       a request arrives
//!    ──────────────────► a worker waits ◄─────────────────┐         blocking mode:
//!                        (blocking read) ── handler runs ─┘         no wake-ups, no CPU
//!                              │  ▲
//!    no permit, half a request │  │ idle, and a permit is free
//!      or scanning mode        ▼  │
//!                        scan list: hot ◄── the scanner runs ──┐    scanning mode:
//!                              │  ▲        the handler ────────┘    no thread switches
//!                         idle ▼  │ a request arrives
//!                        scan list: cold, polled within a CPU budget
//! ```
//!
//! # The exact picture
//!
//! * A [`Task`] is a connection. Each call of a task returns the [`Next`] step that the task needs.
//! * A task is with a worker, in the queue (a worker was woken for the task), or in the scan list.
//!   In the scan list, a task is *hot* if it made progress in the last 50 ms, and *cold* otherwise.
//! * At most one worker at a time is the *scanner*, which polls the tasks of the scan list. In
//!   blocking mode, the scanner sleeps between two rounds.
//! * While the scanner is at work, another worker is the *watchdog*, which wakes every millisecond.
//!   If a handler has stalled the scanner meanwhile, the watchdog takes over the scan.
//! * A [`BlockingPermit`](quota::BlockingPermit) allows a worker to wait for a peer. The number of
//!   permits is bounded. Without this, slow peers could use up all workers.
//! * Each poll costs the scanner *credit*, and each request or progress earns credit. With enough
//!   credit, the pool enters [`Mode::Scanning`]; without credit, the pool leaves that mode. A high
//!   rate of requests in [`Mode::Blocking`] also begins scanning mode.
//! * If work finds no free worker, the workers are *exhausted*: each worker then releases its task
//!   to the scan list after the current request.
//! * In scanning mode, listeners lend their [`Acceptor`] to the scanner, which then also accepts.
//!
//! Every wait has an end:
//!
//! | wait | ended by |
//! |---|---|
//! | a worker in a blocking read | the peer, or the task's own timeout |
//! | an idle worker | a notification under the lock, given whenever there is work |
//! | the sleeping scanner | a notification when a task is added, or at most 400 ms |
//! | the watchdog | a notification when there is work, or 1 ms |
//! | the lender of an acceptor | a notification on an error or a change of mode, or its time |
//!
//! | file | content |
//! |---|---|
//! | `task` | the trait that connects the pool to a connection |
//! | `quota` | permits to wait for a peer |
//! | `state` | the shared data with its lock: queue, scan list, counts, mode |
//! | `scanner` | the scan: polls, credit, budget |
//! | `worker` | the loop of a worker, the watchdog |
//! | `mod` | the pool, as the server uses it |
//!
//! Each file depends on files above it in this table. The pool depends on `util` alone, not on
//! HTTP, sockets or addresses.

mod quota;
mod scanner;
mod state;
mod task;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::state::{Acceptor, Mode};
use self::state::{Job, LentAcceptor, PoolState, Shared};
pub(crate) use self::task::{Next, Task};
use crate::util::lock::lock;

/// The number of workers in each state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkerCounts {
    /// Workers that run a handler.
    pub(crate) running: usize,
    /// Workers that wait for the next request of an idle task.
    pub(crate) keep_alive: usize,
    /// Workers that run a handler with a permit to wait for its peer.
    pub(crate) uploading: usize,
    pub(crate) scanning: usize,
    /// Workers without work, the watchdog included.
    pub(crate) idle: usize,
    /// All workers that were started and have not ended.
    pub(crate) workers: usize,
}

/// A pool of workers, which are started when they are needed.
pub(crate) struct Pool<T: Task> {
    shared: Arc<Shared<T>>,
}

impl<T: Task> Pool<T> {
    /// Returns a pool of at most `size` workers.
    ///
    /// # Panics
    ///
    /// Panics if `size` is 0.
    pub(crate) fn new(size: usize) -> Pool<T> {
        assert!(size > 0, "invalid pool size 0: expected at least 1 worker");
        let shared = Arc::new(Shared::new(size, Box::new(worker::spawn)));
        Pool { shared }
    }

    /// Takes a task and runs it until it is done. Returns the task if no worker can be started.
    pub(crate) fn admit(&self, task: Box<T>) -> Result<(), Box<T>> {
        let shared = &self.shared;
        shared.tasks.fetch_add(1, Ordering::AcqRel);
        // A connection costs more than a request and counts as two.
        if shared.mode() == Mode::Blocking && shared.count_requests(2) {
            shared.enter_scanning_mode();
        }
        let mut state = lock(&shared.state);
        let job = Job::AwaitRequest;
        if shared.mode() == Mode::Blocking && shared.has_free_worker(&state, &job) {
            shared.enqueue(&mut state, job, task);
        } else {
            shared.add_to_scan_list(&mut state, task);
        }
        if state.workers > 0 {
            return Ok(());
        }
        // No thread could be started: without a worker, the task is the only one.
        shared.tasks.fetch_sub(1, Ordering::AcqRel);
        let queued = state.queue.pop_back().map(|queued| queued.task);
        match queued.or_else(|| state.hot.pop_back().map(|entry| entry.task)) {
            Some(task) => Err(task),
            None => Ok(()),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.shared.mode()
    }

    /// Lends an acceptor to the scanner until `time` has passed, the acceptor fails, or scanning
    /// mode ends.
    ///
    /// # Errors
    ///
    /// Returns an error if the acceptor has failed.
    pub(crate) fn lend_acceptor(
        &self,
        acceptor: Arc<Acceptor<T>>,
        time: Duration,
    ) -> io::Result<()> {
        let is_this = |lent: &LentAcceptor<T>| Arc::ptr_eq(&lent.acceptor, &acceptor);
        let is_lent = |all: &mut Vec<LentAcceptor<T>>| {
            let in_use = |lent: &LentAcceptor<T>| is_this(lent) && lent.result.is_ok();
            self.mode() == Mode::Scanning && all.iter().any(in_use)
        };
        let mut all = lock(&self.shared.lent_acceptors);
        all.push(LentAcceptor {
            acceptor: Arc::clone(&acceptor),
            result: Ok(()),
        });
        let returned = &self.shared.acceptor_returned;
        let waited = returned.wait_timeout_while(all, time, is_lent);
        all = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        match all.iter().position(is_this) {
            Some(at) => all.swap_remove(at).result,
            // Only this function removes the acceptor.
            None => Ok(()),
        }
    }

    /// Makes the scanner poll every task of the scan list now, whatever the budget.
    pub(crate) fn scan_all(&self) {
        let mut state = lock(&self.shared.state);
        let PoolState { hot, cold, .. } = &mut *state;
        hot.append(cold);
        if !state.hot.is_empty() {
            self.shared.wake_scanner(&mut state);
        }
    }

    /// Returns the error of the last failure to start a thread, once for each failure.
    pub(crate) fn take_spawn_error(&self) -> Option<io::Error> {
        if !self.shared.has_spawn_error.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.has_spawn_error.store(false, Ordering::Relaxed);
        lock(&self.shared.state).spawn_error.take()
    }

    /// Returns the number of workers in each state.
    pub(crate) fn worker_counts(&self) -> WorkerCounts {
        let [keep_alive, uploading] = self.shared.quota.in_use();
        let state = lock(&self.shared.state);
        let (workers, idle) = (state.workers, state.idle);
        let scanning = usize::from(state.scan.is_some());
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

/// Closes the pool without waiting: the workers end when their tasks are done.
impl<T: Task> Drop for Pool<T> {
    fn drop(&mut self) {
        lock(&self.shared.state).closing = true;
        self.shared.work_available.notify_all();
    }
}

#[cfg(test)]
mod tests;
