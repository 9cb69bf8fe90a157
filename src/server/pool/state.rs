//! The data that the workers of a pool share, and the operations on it.
//!
//! One lock guards [`PoolState`]. Functions with a parameter of that type are called under the
//! lock. The atomics outside of the lock are read for each request, where a lock would cost too
//! much. The workers themselves are unknown here: a pool gets a function that starts one.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::quota::{BlockingPermit, BlockingQuota, Purpose};
use super::task::Task;
use crate::util::catch_panic::catch_panic;
use crate::util::lock::lock;

/// Number of requests after which the rate is computed in blocking mode: 256.
const RATE_WINDOW_REQUESTS: u64 = 256;
/// Time for these requests at 30,000 requests per second. At a higher rate, scanning costs less
/// than waking a thread for each request: a poll that finds nothing takes 0.7 µs, a wake-up 10 µs
/// of CPU and 40 µs of time (measured).
const RATE_WINDOW_TIME: Duration = Duration::from_micros(RATE_WINDOW_REQUESTS * 1_000_000 / 30_000);
/// Time after a failure to start a thread until the next attempt: 100 ms. Meanwhile the pool works
/// with the threads that it has.
pub(crate) const SPAWN_RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// Time without scanning mode after handlers were too slow: 100 ms at first, then doubled each
/// time.
const MIN_SCANNING_PAUSE: Duration = Duration::from_millis(100);
/// The longest time without scanning mode: 3 s.
const MAX_SCANNING_PAUSE: Duration = Duration::from_secs(3);

/// A source of tasks. Passes each task that is ready to the function and does not wait for more.
/// After an error, the listener's own thread must wait until accepting is possible again.
pub(crate) type Acceptor<T> = dyn Fn(&mut dyn FnMut(Box<T>)) -> io::Result<()> + Send + Sync;

/// Starts a worker. A parameter of the pool, so that this file does not depend on the worker.
pub(crate) type SpawnWorker<T> = dyn Fn(Arc<Shared<T>>) -> io::Result<()> + Send + Sync;

/// The way in which the pool waits for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Workers block in reads of idle connections.
    Blocking,
    /// The scanner polls all connections and runs their handlers itself.
    Scanning,
}

/// The work that a worker does for a task.
pub(crate) enum Job {
    AwaitRequest,
    Run,
    RunMayBlock(BlockingPermit),
}

/// A task for which a worker was woken.
pub(crate) struct QueuedTask<T> {
    pub(crate) job: Job,
    pub(crate) task: Box<T>,
}

/// A task in the scan list.
pub(crate) struct Entry<T> {
    pub(crate) task: Box<T>,
    /// When the task was added or last made progress.
    pub(crate) last_active: Instant,
    /// Whether the last poll or run returned `Next::Idle`.
    pub(crate) idle: bool,
}

impl<T> Entry<T> {
    pub(crate) fn new(task: Box<T>) -> Entry<T> {
        Entry {
            task,
            last_active: Instant::now(),
            idle: false,
        }
    }
}

/// An acceptor that is lent to the scanner, and the result of the last call. After an error, the
/// acceptor is not called again.
pub(crate) struct LentAcceptor<T> {
    pub(crate) acceptor: Arc<Acceptor<T>>,
    pub(crate) result: io::Result<()>,
}

pub(crate) struct Shared<T: Task> {
    pub(crate) state: Mutex<PoolState<T>>,
    /// Idle workers wait here for work. Used with the lock of `state`.
    pub(crate) work_available: Condvar,
    /// The scanner sleeps here between two rounds. Used with the lock of `state`.
    pub(crate) scanner_wake: Condvar,
    pub(crate) quota: Arc<BlockingQuota>,
    /// The largest number of workers.
    pub(crate) size: usize,
    /// Whether the mode is [`Mode::Scanning`].
    pub(crate) scanning_mode: AtomicBool,
    /// Whether work found no free worker. A worker then releases its task after each request.
    pub(crate) workers_exhausted: AtomicBool,
    /// Whether there is a [`PoolState::spawn_error`]. Saves a lock for each accepted connection.
    pub(crate) has_spawn_error: AtomicBool,
    /// The scan and the scanner's step, see [`heartbeat`]. Odd while a handler runs. The watchdog
    /// compares two readings.
    pub(crate) heartbeat: AtomicU64,
    /// Number of requests in blocking mode, for [`Shared::count_requests`].
    pub(crate) requests: AtomicU64,
    /// Number of tasks. When there is none, the workers of a closed pool end.
    pub(crate) tasks: AtomicUsize,
    /// In scanning mode, the scanner also accepts connections. Without this, a listener's thread
    /// would be woken for each connection: clients that close their connections would cost 13 to
    /// 29 % more CPU for each request (measured).
    pub(crate) lent_acceptors: Mutex<Vec<LentAcceptor<T>>>,
    /// Notified when an acceptor fails and when scanning mode ends. Used with the lock of
    /// `lent_acceptors`.
    pub(crate) acceptor_returned: Condvar,
    spawn_worker: Box<SpawnWorker<T>>,
}

pub(crate) struct PoolState<T> {
    /// Tasks for which a worker was woken.
    pub(crate) queue: VecDeque<QueuedTask<T>>,
    /// Entries of the scan list that are polled in every round.
    pub(crate) hot: VecDeque<Entry<T>>,
    /// Entries of the scan list that are polled within the CPU budget.
    pub(crate) cold: VecDeque<Entry<T>>,
    /// Number of started workers.
    pub(crate) workers: usize,
    /// Number of workers without work, the watchdog included.
    pub(crate) idle: usize,
    /// Number of the current scan, if there is one. A scanner that finds another number has been
    /// replaced.
    pub(crate) scan: Option<u64>,
    /// Number of scans begun so far.
    pub(crate) scans: u64,
    /// Whether the scanner sleeps, so that no watchdog is needed. Setting false wakes the scanner.
    pub(crate) scanner_sleeps: bool,
    /// Whether a task was added to the scan list while the scanner polled others.
    pub(crate) arrivals: bool,
    /// Whether a worker is the watchdog.
    pub(crate) watchdog: bool,
    /// Number of scanners that were replaced and whose handler still runs.
    pub(crate) stalled: usize,
    /// Until then, tasks that are ready are handed to other workers.
    pub(crate) hand_over_until: Instant,
    /// Before then, scanning mode is not entered, because handlers were too slow.
    no_scanning_before: Instant,
    /// The next time without scanning mode.
    scanning_pause: Duration,
    /// Before then, no thread is started, because the system had none.
    no_spawn_before: Instant,
    /// The error of the last failure to start a thread, until it is reported.
    pub(crate) spawn_error: Option<io::Error>,
    /// When the current window of [`RATE_WINDOW_REQUESTS`] began.
    rate_window_start: Instant,
    /// Whether the pool was dropped.
    pub(crate) closing: bool,
}

impl<T> PoolState<T> {
    pub(crate) fn scan_list_is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// Returns whether the scanner is at work without a watchdog.
    pub(crate) fn needs_watchdog(&self) -> bool {
        self.scan.is_some() && !self.scanner_sleeps && !self.watchdog
    }

    /// Moves queued tasks for which there is no worker to the scan list. Returns whether there were
    /// any. An upload has its permit and stays in the queue.
    pub(crate) fn move_queue_to_scan_list(&mut self) -> bool {
        let before = self.hot.len();
        while self.queue.len() > self.idle {
            match self.queue.pop_back() {
                Some(upload) if matches!(upload.job, Job::RunMayBlock(_)) => {
                    self.queue.push_back(upload);
                    break;
                }
                Some(queued) => self.hot.push_back(Entry::new(queued.task)),
                None => break,
            }
        }
        self.hot.len() > before
    }

    pub(crate) fn may_enter_scanning_mode(&self, now: Instant) -> bool {
        now >= self.no_scanning_before
    }

    /// Prevents scanning mode for a while because it was slower than blocking mode: for longer each
    /// time, unless the last time is long ago.
    pub(crate) fn suspend_scanning_mode(&mut self, now: Instant) {
        if now > self.no_scanning_before + self.scanning_pause * 2 {
            self.scanning_pause = MIN_SCANNING_PAUSE;
        }
        self.no_scanning_before = now + self.scanning_pause;
        self.scanning_pause = (self.scanning_pause * 2).min(MAX_SCANNING_PAUSE);
    }
}

/// The queue, the scan list and the workers.
impl<T: Task> Shared<T> {
    pub(crate) fn new(size: usize, spawn_worker: Box<SpawnWorker<T>>) -> Shared<T> {
        let now = Instant::now();
        Shared {
            state: Mutex::new(PoolState {
                queue: VecDeque::new(),
                hot: VecDeque::new(),
                cold: VecDeque::new(),
                workers: 0,
                idle: 0,
                scan: None,
                scans: 0,
                scanner_sleeps: false,
                arrivals: false,
                watchdog: false,
                stalled: 0,
                hand_over_until: now,
                no_scanning_before: now,
                scanning_pause: MIN_SCANNING_PAUSE,
                no_spawn_before: now,
                spawn_error: None,
                rate_window_start: now,
                closing: false,
            }),
            work_available: Condvar::new(),
            scanner_wake: Condvar::new(),
            quota: Arc::new(BlockingQuota::new(size)),
            size,
            scanning_mode: AtomicBool::new(false),
            workers_exhausted: AtomicBool::new(false),
            has_spawn_error: AtomicBool::new(false),
            heartbeat: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            tasks: AtomicUsize::new(0),
            lent_acceptors: Mutex::default(),
            acceptor_returned: Condvar::new(),
            spawn_worker,
        }
    }

    /// Queues a task for the next worker that is free.
    pub(crate) fn enqueue(self: &Arc<Self>, state: &mut PoolState<T>, job: Job, task: Box<T>) {
        state.queue.push_back(QueuedTask { job, task });
        self.wake_worker(state);
    }

    /// Adds a task to the hot entries of the scan list.
    pub(crate) fn add_to_scan_list(self: &Arc<Self>, state: &mut PoolState<T>, task: Box<T>) {
        state.hot.push_back(Entry::new(task));
        self.wake_scanner(state);
    }

    /// Hands a task that is ready to another worker. Returns the entry if no worker is free.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        state: &mut PoolState<T>,
        job: Job,
        entry: Entry<T>,
    ) -> Option<Entry<T>> {
        if self.has_free_worker(state, &job) {
            self.enqueue(state, job, entry.task);
            return None;
        }
        if !matches!(job, Job::AwaitRequest) {
            // The scanner runs the task itself, and there is no watchdog.
            self.workers_exhausted.store(true, Ordering::Release);
        }
        Some(entry)
    }

    /// Drops a task that is done.
    pub(crate) fn drop_task(&self, task: Box<T>) {
        // The task may still contain code of the program, a reader or an upgrade, that panics.
        let _ = catch_panic(|| drop(task));
        if self.tasks.fetch_sub(1, Ordering::AcqRel) == 1 && lock(&self.state).closing {
            self.work_available.notify_all();
        }
    }

    /// Wakes the scanner, or a worker that becomes the scanner.
    pub(crate) fn wake_scanner(self: &Arc<Self>, state: &mut PoolState<T>) {
        if state.scan.is_none() {
            self.wake_worker(state);
        } else if state.scanner_sleeps {
            state.scanner_sleeps = false;
            self.scanner_wake.notify_one();
        } else {
            state.arrivals = true;
            if state.idle == 0 {
                // The scanner may be in a handler, and there is no watchdog.
                self.workers_exhausted.store(true, Ordering::Release);
            }
        }
    }

    /// Wakes or starts a worker that looks for work.
    pub(crate) fn wake_worker(self: &Arc<Self>, state: &mut PoolState<T>) {
        let wanted = state.queue.len() + usize::from(state.scan.is_none());
        if state.idle < wanted.max(1) && self.add_worker(state) {
            // A new worker looks for work without being notified.
        } else if state.idle > 0 {
            self.work_available.notify_one();
        } else {
            self.workers_exhausted.store(true, Ordering::Release);
        }
    }

    /// Returns whether one more queued task finds a worker at once.
    ///
    /// Workers that were notified and have not woken yet still count as idle. Therefore their
    /// number is compared with the length of the queue: without this, the tasks of a burst would
    /// wait for a few workers. The watchdog does not leave for a task that may be idle for long.
    pub(crate) fn has_free_worker(&self, state: &PoolState<T>, job: &Job) -> bool {
        let watchdog_stays = state.watchdog && matches!(job, Job::AwaitRequest);
        state.idle > state.queue.len() + usize::from(watchdog_stays) || self.may_add_worker(state)
    }

    /// Returns whether there is one worker and no second can be started.
    pub(crate) fn is_only_worker(&self, state: &PoolState<T>) -> bool {
        state.workers == 1 && !self.may_add_worker(state)
    }

    fn may_add_worker(&self, state: &PoolState<T>) -> bool {
        state.workers < self.size && (state.workers == 0 || Instant::now() >= state.no_spawn_before)
    }

    fn add_worker(self: &Arc<Self>, state: &mut PoolState<T>) -> bool {
        if !self.may_add_worker(state) {
            return false;
        }
        if let Err(error) = (self.spawn_worker)(Arc::clone(self)) {
            state.spawn_error = Some(error);
            self.has_spawn_error.store(true, Ordering::Relaxed);
            state.no_spawn_before = Instant::now() + SPAWN_RETRY_INTERVAL;
            // The queue may contain tasks for this worker, and for others that failed before.
            if state.move_queue_to_scan_list() && state.workers > 0 {
                self.wake_scanner(state);
            }
            return false;
        }
        state.workers += 1;
        self.quota.workers.store(state.workers, Ordering::Release);
        true
    }

    /// Returns a permit to wait for a peer. Starts workers if that makes a permit free.
    pub(crate) fn acquire_permit(self: &Arc<Self>, purpose: Purpose) -> Option<BlockingPermit> {
        loop {
            let permit = self.quota.acquire(purpose);
            if permit.is_some()
                || !self.quota.may_become_free(purpose)
                || !self.add_worker(&mut lock(&self.state))
            {
                return permit;
            }
        }
    }

    /// Returns whether an idle task would get a permit.
    pub(crate) fn may_await(&self, state: &PoolState<T>) -> bool {
        let (quota, purpose) = (&self.quota, Purpose::AwaitRequest);
        quota.is_free(purpose) || quota.may_become_free(purpose) && self.may_add_worker(state)
    }
}

/// The mode.
impl<T: Task> Shared<T> {
    pub(crate) fn mode(&self) -> Mode {
        match self.scanning_mode.load(Ordering::Relaxed) {
            true => Mode::Scanning,
            false => Mode::Blocking,
        }
    }

    /// Counts requests in blocking mode. Returns whether the rate is so high that scanning costs
    /// less.
    pub(crate) fn count_requests(&self, count: u64) -> bool {
        let before = self.requests.fetch_add(count, Ordering::Relaxed);
        if before / RATE_WINDOW_REQUESTS == (before + count) / RATE_WINDOW_REQUESTS {
            return false;
        }
        let now = Instant::now();
        let start = std::mem::replace(&mut lock(&self.state).rate_window_start, now);
        now.saturating_duration_since(start) < RATE_WINDOW_TIME
    }

    /// Enters scanning mode unless that mode is suspended. Returns whether the pool is in scanning
    /// mode.
    pub(crate) fn enter_scanning_mode(&self) -> bool {
        let may_enter = lock(&self.state).may_enter_scanning_mode(Instant::now());
        if may_enter {
            self.scanning_mode.store(true, Ordering::Relaxed);
        }
        may_enter
    }

    /// Leaves scanning mode and returns the lent acceptors.
    pub(crate) fn leave_scanning_mode(&self) {
        if self.scanning_mode.swap(false, Ordering::Relaxed) {
            // A lender checks the mode and begins to wait under this lock. Without this line, the
            // notification could come between the two and be lost.
            drop(lock(&self.lent_acceptors));
            self.acceptor_returned.notify_all();
        }
    }

    /// Calls the lent acceptors and adds the new tasks to the scan list. Returns their number.
    pub(crate) fn accept_lent(&self) -> usize {
        let mut accepted = Vec::new();
        let mut all = lock(&self.lent_acceptors);
        for lent in all.iter_mut().filter(|lent| lent.result.is_ok()) {
            lent.result = (lent.acceptor)(&mut |task| accepted.push(Entry::new(task)));
            if lent.result.is_err() {
                self.acceptor_returned.notify_all();
            }
        }
        drop(all);
        let count = accepted.len();
        if count > 0 {
            self.tasks.fetch_add(count, Ordering::AcqRel);
            lock(&self.state).hot.extend(accepted);
        }
        count
    }
}

/// The scan and its watchdog.
impl<T: Task> Shared<T> {
    /// Begins a scan and returns its number.
    pub(crate) fn begin_scan(self: &Arc<Self>, state: &mut PoolState<T>) -> u64 {
        state.scans += 1;
        state.scan = Some(state.scans);
        state.scanner_sleeps = false;
        // Under the lock of the takeover: a scanner whose handler returns now must see both.
        let begun = heartbeat(state.scans, 0);
        self.heartbeat.store(begun, Ordering::Release);
        if state.needs_watchdog() {
            self.wake_worker(state);
        }
        state.scans
    }

    /// Takes the scan from a scanner whose handler has run since the reading `stalled`. Returns
    /// false if that handler has returned meanwhile: only one of the two threads succeeds in
    /// changing the heartbeat, so that both know which of them is the scanner.
    pub(crate) fn take_over(&self, state: &PoolState<T>, stalled: u64) -> bool {
        let begun = heartbeat(state.scans + 1, 0);
        self.heartbeat
            .compare_exchange(stalled, begun, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

/// Returns the value of [`Shared::heartbeat`] after `steps` steps of a scan: each start and each
/// end of a handler is a step.
pub(crate) fn heartbeat(scan: u64, steps: u64) -> u64 {
    scan << 32 | (steps & 0xffff_ffff)
}
