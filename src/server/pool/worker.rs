//! One worker's day: it answers calls, holds a task, sweeps, or stands sentry over who sweeps.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::scanner::Scanner;
use super::state::{Entry, Job, Mode, PoolState, QueuedTask, Shared};
use super::{Next, Task};
use crate::util::catch_panic::catch_panic;
use crate::util::lock::lock;

/// A peer that answers this fast, this often, is in a loop with us: waiting for it asleep would
/// cost more than half of its time.
const MAX_CLOSED_LOOP_GAP: Duration = Duration::from_micros(60);
pub(crate) const CLOSED_LOOP_REQUESTS: u32 = 16;
/// How often the sentry looks whether the sweeper stalls.
const WATCHDOG_INTERVAL: Duration = Duration::from_millis(1);
/// With this many stalled at the same time it is the handlers that are slow, not a sweeper that
/// lost its core for a moment: ready tasks are then handed to other workers for a while.
const MIN_STALLED_SCANNERS: usize = 4;
const HAND_OVER_TIME: Duration = Duration::from_millis(100);

enum Assignment<T> {
    Attend(QueuedTask<T>),
    Scan(u64),
    Leave,
}

pub(crate) struct Worker<T: Task> {
    shared: Arc<Shared<T>>,
    buffers: T::Buffers,
}

impl<T: Task> Worker<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Worker<T> {
        Worker {
            shared,
            buffers: T::Buffers::default(),
        }
    }

    pub(crate) fn run(&mut self) {
        loop {
            match self.next_task() {
                Assignment::Attend(call) => self.attend(call.job, call.task),
                Assignment::Scan(number) => {
                    let shared = Arc::clone(&self.shared);
                    Scanner::new(&shared, number).run(&mut self.buffers);
                }
                Assignment::Leave => return,
            }
        }
    }

    fn next_task(&self) -> Assignment<T> {
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        loop {
            // The ring first: whoever answers a call may be gone for long, and there may be nobody
            // else.
            let unswept = state.scan.is_none() && !state.scan_list_is_empty();
            if unswept && (state.queue.is_empty() || !shared.is_only_worker(&state)) {
                let number = shared.begin_scan(&mut state);
                state.move_queue_to_scan_list();
                return Assignment::Scan(number);
            }
            if let Some(call) = state.queue.pop_front() {
                if state.scan.is_some()
                    && !state.scanner_sleeps
                    && !state.watchdog
                    && state.idle > 0
                {
                    // It may be the sentry who answers this call: another takes the post.
                    shared.work.notify_one();
                }
                return Assignment::Attend(call);
            }
            if state.closing && shared.tasks.load(Ordering::Acquire) == 0 {
                state.workers -= 1;
                return Assignment::Leave;
            }
            // Somebody is free; whoever only answers a call is not.
            shared.workers_exhausted.store(false, Ordering::Release);
            state.idle += 1;
            if state.scan.is_some() && !state.scanner_sleeps && !state.watchdog {
                let (back, stalled) = self.watch(state);
                state = back;
                state.idle -= 1;
                if stalled {
                    state.stalled += 1;
                    if state.stalled >= MIN_STALLED_SCANNERS {
                        state.hand_over_until = Some(Instant::now() + HAND_OVER_TIME);
                    }
                    return Assignment::Scan(shared.begin_scan(&mut state));
                }
            } else {
                // Woken by whoever queues something; every such place holds the lock.
                state = shared.work.wait(state).unwrap_or_else(|e| e.into_inner());
                state.idle -= 1;
            }
        }
    }

    /// The sentry's post. Ends when there is other work, or no sweep to watch, or it stalls (true).
    fn watch<'a>(
        &'a self,
        mut state: MutexGuard<'a, PoolState<T>>,
    ) -> (MutexGuard<'a, PoolState<T>>, bool) {
        let shared = &self.shared;
        state.watchdog = true;
        let mut seen = shared.heartbeat.load(Ordering::Acquire);
        let stalled = loop {
            let waited = shared.work.wait_timeout(state, WATCHDOG_INTERVAL);
            let (back, wait) = waited.unwrap_or_else(|e| e.into_inner());
            state = back;
            if !state.queue.is_empty() || state.scan.is_none() || state.scanner_sleeps {
                break false;
            }
            if !wait.timed_out() {
                continue;
            }
            let heartbeat = shared.heartbeat.load(Ordering::Acquire);
            let stalls = heartbeat == seen && heartbeat % 2 == 1 && !state.scan_list_is_empty();
            if stalls && shared.take_over(&state, heartbeat) {
                break true;
            }
            seen = heartbeat;
        };
        state.watchdog = false;
        (state, stalled)
    }

    /// Holds a task, or serves it and then holds it, until it is over or better off in the ring.
    fn attend(&mut self, job: Job, task: Box<T>) {
        let shared = Arc::clone(&self.shared);
        let mut task = task;
        let mut job = job;
        let mut streak = 0;
        loop {
            let next = match job {
                Job::AwaitRequest => {
                    if !shared.take_to_await() {
                        return self.release(task);
                    }
                    let since = Instant::now();
                    let next = self.guarded(|buffers| task.wait(buffers));
                    shared.quota.release();
                    streak = if since.elapsed() < MAX_CLOSED_LOOP_GAP {
                        streak + 1
                    } else {
                        0
                    };
                    next
                }
                Job::Run => self.guarded(|buffers| task.run(buffers)),
                Job::RunMayBlock => {
                    let next = self.guarded(|buffers| task.run(buffers));
                    shared.quota.release_from_run();
                    next
                }
            };
            job = match next {
                Next::Done => return shared.task_done(task),
                // The sweeper finds it when it next looks; without one it is this worker's turn.
                Next::Closing => {
                    lock(&shared.state).cold.push_back(Entry::new(task));
                    return;
                }
                // A client that pipelines without end: others need this worker as much.
                Next::Run if job != Job::AwaitRequest && self.workers_exhausted() => {
                    return self.release(task)
                }
                Next::Run => Job::Run,
                Next::RunMayBlock if shared.take_to_run() => Job::RunMayBlock,
                Next::Idle if job != Job::AwaitRequest && self.stays_blocking(&mut streak) => {
                    Job::AwaitRequest
                }
                _ => return self.release(task),
            };
        }
    }

    fn workers_exhausted(&self) -> bool {
        self.shared.workers_exhausted.load(Ordering::Acquire)
    }

    /// After a request: whether to go on holding its task.
    fn stays_blocking(&self, streak: &mut u32) -> bool {
        let shared = &self.shared;
        if shared.mode() == Mode::Scanning || self.workers_exhausted() {
            return false;
        }
        if *streak < CLOSED_LOOP_REQUESTS && !shared.count_requests(1) {
            return true;
        }
        *streak = 0;
        !shared.enter_scanning_mode()
    }

    fn release(&self, task: Box<T>) {
        let mut state = lock(&self.shared.state);
        if state.scan.is_none() {
            // This worker is about to ask for a task and will find the ring.
            state.hot.push_back(Entry::new(task));
        } else {
            self.shared.add_to_scan_list(&mut state, task);
        }
    }

    /// A panic in a task ends that task, never the worker.
    fn guarded(&mut self, act: impl FnOnce(&mut T::Buffers) -> Next) -> Next {
        guarded::<T>(&mut self.buffers, act)
    }
}

pub(crate) fn guarded<T: Task>(
    buffers: &mut T::Buffers,
    act: impl FnOnce(&mut T::Buffers) -> Next,
) -> Next {
    catch_panic(|| act(buffers)).unwrap_or_else(|_| {
        *buffers = T::Buffers::default();
        Next::Done
    })
}
