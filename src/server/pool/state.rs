//! What the workers of a pool share: the tasks that are queued or in the ring, and the counts by
//! which they find out who is to do what. Whatever changes these does so here, or under their lock.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::quota::BlockingQuota;
use super::worker::Worker;
use super::{Acceptor, Task};
use crate::util::catch_panic::catch_panic;
use crate::util::lock::lock;

/// Above this rate of requests sweeping costs less than waking a thread for each
/// (measured: a look that finds nothing takes 0.7 µs, a wake-up 10 µs of CPU and 40 µs of time).
const RATE_WINDOW_REQUESTS: u64 = 256;
const RATE_WINDOW_TIME: Duration = Duration::from_micros(RATE_WINDOW_REQUESTS * 1_000_000 / 30_000);
/// A system that has no thread to give is left alone for so long.
pub(crate) const SPAWN_RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// How long serving in place is given up for when handlers turn out to be slow.
const MIN_SCANNING_PAUSE: Duration = Duration::from_millis(100);
const MAX_SCANNING_PAUSE: Duration = Duration::from_secs(3);

pub(crate) struct Shared<T: Task> {
    pub(crate) state: Mutex<PoolState<T>>,
    /// Idle workers wait here. Guarded by `state`.
    pub(crate) work: Condvar,
    /// The sweeper naps here between looks at cold tasks. Guarded by `state`.
    pub(crate) sleep: Condvar,
    pub(crate) quota: BlockingQuota,
    pub(crate) size: usize,
    /// The sweeper is at it: tasks go to the ring. Written under `state`, read anywhere.
    pub(crate) scanning_mode: AtomicBool,
    /// Work was queued and nobody was free: whoever holds a task between requests lets go of it.
    pub(crate) workers_exhausted: AtomicBool,
    /// There is a [`State::refusal`].
    pub(crate) has_spawn_error: AtomicBool,
    /// Counts the sweeper's serves: odd while one is under way. The sentry compares two readings.
    pub(crate) heartbeat: AtomicU64,
    /// Requests served by holders since `window_start`.
    pub(crate) requests_in_window: AtomicU64,
    pub(crate) window_start: Mutex<Instant>,
    pub(crate) tasks: AtomicUsize,
    /// While busy, the sweeper looks after the doors too: a thread that waits at one would have to
    /// be woken for every task.
    pub(crate) acceptors: Mutex<Vec<LentAcceptor<T>>>,
    /// Something is wrong at a door, or the sweeper is busy no more. Guarded by `doors`.
    pub(crate) acceptor_returned: Condvar,
    /// Threads the system grants, as far as a test is concerned.
    #[cfg(test)]
    pub(crate) max_threads: AtomicUsize,
}

/// A door, and what the sweeper found wrong there: then it leaves it alone.
pub(crate) type LentAcceptor<T> = (Arc<Acceptor<T>>, io::Result<()>);

pub(crate) struct PoolState<T> {
    /// Guests for whom a worker was called.
    pub(crate) queue: VecDeque<QueuedTask<T>>,
    /// Guests nobody waits on, looked at without pause.
    pub(crate) hot: VecDeque<Entry<T>>,
    /// Guests nobody waits on, looked at within the budget.
    pub(crate) cold: VecDeque<Entry<T>>,
    pub(crate) workers: usize,
    pub(crate) idle: usize,
    /// The running sweep's number, while there is one. A sweeper that finds another is relieved.
    pub(crate) scan: Option<u64>,
    pub(crate) scans: u64,
    /// The sweeper naps, so that no sentry is needed. Whoever has work for it makes this false.
    pub(crate) scanner_sleeps: bool,
    /// Somebody came to the ring while the sweeper was looking at others.
    pub(crate) arrivals: bool,
    pub(crate) watchdog: bool,
    /// Sweepers that were relieved and whose handler still runs.
    pub(crate) stalled: usize,
    /// Ready tasks are handed to other workers until then.
    pub(crate) hand_over_until: Option<Instant>,
    /// Handlers were too slow for serving in place: not again before then, and the time after that.
    pub(crate) no_scanning_before: Option<Instant>,
    pub(crate) scanning_pause: Duration,
    /// The system had no thread to give: it is not asked again before then.
    pub(crate) no_spawn_before: Option<Instant>,
    /// Why it had none, until that is asked for.
    pub(crate) spawn_error: Option<io::Error>,
    pub(crate) closing: bool,
}

/// A task in the ring and when something last came of it.
pub(crate) struct Entry<T> {
    pub(crate) task: Box<T>,
    pub(crate) last_active: Instant,
    /// It was between requests when last looked at.
    pub(crate) idle: bool,
}

impl<T> PoolState<T> {
    pub(crate) fn scan_list_is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// The calls for which no worker is left go to the ring. An upload has its place, and waits.
    pub(crate) fn move_queue_to_scan_list(&mut self) -> bool {
        let before = self.hot.len();
        while self.queue.len() > self.idle {
            match self.queue.pop_back() {
                Some(call) if call.job != Job::RunMayBlock => {
                    self.hot.push_back(Entry::new(call.task));
                }
                Some(upload) => {
                    self.queue.push_back(upload);
                    break;
                }
                None => break,
            }
        }
        self.hot.len() > before
    }

    pub(crate) fn may_enter_scanning_mode(&self, now: Instant) -> bool {
        self.no_scanning_before.map_or(true, |before| now >= before)
    }

    /// Serving in place did not pay: try again later, and later still each time.
    pub(crate) fn suspend_scanning_mode(&mut self, now: Instant) {
        if self
            .no_scanning_before
            .map_or(true, |before| now > before + self.scanning_pause * 2)
        {
            self.scanning_pause = MIN_SCANNING_PAUSE;
        }
        self.no_scanning_before = Some(now + self.scanning_pause);
        self.scanning_pause = (self.scanning_pause * 2).min(MAX_SCANNING_PAUSE);
    }
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

/// How the pool waits for requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Workers block in reads of idle connections.
    Blocking,
    /// The scanner polls all connections and runs short handlers itself.
    Scanning,
}

pub(crate) struct QueuedTask<T> {
    pub(crate) job: Job,
    pub(crate) task: Box<T>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    AwaitRequest,
    Run,
    /// As `Run`; one of the [`BlockingQuota`] is already taken for it.
    RunMayBlock,
}

impl<T: Task> Shared<T> {
    pub(crate) fn new(size: usize) -> Shared<T> {
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
                hand_over_until: None,
                no_scanning_before: None,
                scanning_pause: MIN_SCANNING_PAUSE,
                no_spawn_before: None,
                spawn_error: None,
                closing: false,
            }),
            work: Condvar::new(),
            sleep: Condvar::new(),
            quota: BlockingQuota::new(size),
            size,
            scanning_mode: AtomicBool::new(false),
            workers_exhausted: AtomicBool::new(false),
            has_spawn_error: AtomicBool::new(false),
            heartbeat: AtomicU64::new(0),
            requests_in_window: AtomicU64::new(0),
            window_start: Mutex::new(Instant::now()),
            tasks: AtomicUsize::new(0),
            acceptors: Mutex::default(),
            acceptor_returned: Condvar::new(),
            #[cfg(test)]
            max_threads: AtomicUsize::new(usize::MAX),
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.scanning_mode.load(Ordering::Relaxed) {
            true => Mode::Scanning,
            false => Mode::Blocking,
        }
    }

    /// Queues a task for the next worker that is free.
    pub(crate) fn enqueue(self: &Arc<Self>, state: &mut PoolState<T>, job: Job, task: Box<T>) {
        state.queue.push_back(QueuedTask { job, task });
        self.wake_worker(state);
    }

    /// Whether there is no second worker to be had.
    pub(crate) fn is_only_worker(&self, state: &PoolState<T>) -> bool {
        state.workers == 1 && !self.may_add_worker(state)
    }

    pub(crate) fn may_add_worker(&self, state: &PoolState<T>) -> bool {
        let granted = |before| Instant::now() >= before;
        let asks = state.workers == 0 || state.no_spawn_before.map_or(true, granted);
        asks && state.workers < self.size
    }

    /// Whether one more call would find a worker at once. Those that were notified and have not
    /// woken yet still count as idle: compare with what is queued for them, or a burst would wait
    /// for a few. The sentry does not leave its post for a task that may be quiet for long.
    pub(crate) fn has_free_worker(&self, state: &PoolState<T>, job: Job) -> bool {
        let stays = state.watchdog && job == Job::AwaitRequest;
        state.idle > state.queue.len() + usize::from(stays) || self.may_add_worker(state)
    }

    /// Whether a quiet task would find a place.
    pub(crate) fn may_await(&self, state: &PoolState<T>) -> bool {
        self.quota.may_await() && (self.quota.leaves_enough() || self.may_add_worker(state))
    }

    /// A place for a quiet task, started workers that are left behind included.
    pub(crate) fn take_to_await(self: &Arc<Self>) -> bool {
        let mut took = self.quota.take_to_await();
        while !took && self.quota.may_await() && self.add_worker(&mut lock(&self.state)) {
            took = self.quota.take_to_await();
        }
        took
    }

    /// As `take_to_hold`, for a handler that may wait on its peer.
    pub(crate) fn take_to_run(self: &Arc<Self>) -> bool {
        let mut took = self.quota.take_to_run();
        while !took && self.quota.may_run() && self.add_worker(&mut lock(&self.state)) {
            took = self.quota.take_to_run();
        }
        took
    }

    /// Hands a task that is ready to another worker. Gives it back if there is none.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        state: &mut PoolState<T>,
        job: Job,
        entry: Entry<T>,
    ) -> Option<Entry<T>> {
        if !self.has_free_worker(state, job) {
            if job != Job::AwaitRequest {
                // The sweeper serves it, and nobody watches.
                self.workers_exhausted.store(true, Ordering::Release);
            }
            return Some(entry);
        }
        self.enqueue(state, job, entry.task);
        None
    }

    pub(crate) fn add_to_scan_list(self: &Arc<Self>, state: &mut PoolState<T>, task: Box<T>) {
        state.hot.push_back(Entry::new(task));
        self.wake_scanner(state);
    }

    pub(crate) fn wake_scanner(self: &Arc<Self>, state: &mut PoolState<T>) {
        if state.scan.is_none() {
            self.wake_worker(state);
        } else if state.scanner_sleeps {
            state.scanner_sleeps = false;
            self.sleep.notify_one();
        } else {
            state.arrivals = true;
            if state.idle == 0 {
                // Nobody watches the sweeper, who may be in a handler.
                self.workers_exhausted.store(true, Ordering::Release);
            }
        }
    }

    /// Gets one more worker to come and see what there is to do.
    pub(crate) fn wake_worker(self: &Arc<Self>, state: &mut PoolState<T>) {
        let wanted = state.queue.len() + usize::from(state.scan.is_none());
        if state.idle >= wanted.max(1) {
            self.work.notify_one();
        } else if self.add_worker(state) {
            // It comes by itself.
        } else if state.idle > 0 {
            self.work.notify_one();
        } else {
            self.workers_exhausted.store(true, Ordering::Release);
        }
    }

    fn add_worker(self: &Arc<Self>, state: &mut PoolState<T>) -> bool {
        if !self.may_add_worker(state) {
            return false;
        }
        let started = self.spawn_worker();
        let is_started = started.is_ok();
        if is_started {
            state.workers += 1;
            self.quota.workers.store(state.workers, Ordering::Release);
        } else {
            state.spawn_error = started.err();
            self.has_spawn_error.store(true, Ordering::Relaxed);
            state.no_spawn_before = Some(Instant::now() + SPAWN_RETRY_INTERVAL);
            // What was meant for it, and for others before it that are not there either.
            if state.move_queue_to_scan_list() && state.workers > 0 {
                self.wake_scanner(state);
            }
        }
        is_started
    }

    fn spawn_worker(self: &Arc<Self>) -> io::Result<()> {
        #[cfg(test)]
        {
            let one = |left: usize| left.checked_sub(1);
            let granted = self
                .max_threads
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one);
            granted.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        }
        let shared = Arc::clone(self);
        let worker = move || Worker::new(shared).run();
        thread::Builder::new()
            .name("millpond".into())
            .spawn(worker)
            .map(drop)
    }

    /// Counts requests served while calm. True when there are so many that sweeping is cheaper.
    pub(crate) fn count_requests(&self, weight: u64) -> bool {
        let before = self.requests_in_window.fetch_add(weight, Ordering::Relaxed);
        if before / RATE_WINDOW_REQUESTS == (before + weight) / RATE_WINDOW_REQUESTS {
            return false;
        }
        let mut start = lock(&self.window_start);
        let now = Instant::now();
        let span = now.saturating_duration_since(*start);
        *start = now;
        span < RATE_WINDOW_TIME
    }

    /// Sends the load to the ring, unless that was found not to pay a moment ago.
    pub(crate) fn enter_scanning_mode(&self) -> bool {
        let may = lock(&self.state).may_enter_scanning_mode(Instant::now());
        if may {
            self.scanning_mode.store(true, Ordering::Relaxed);
        }
        may
    }

    pub(crate) fn task_done(&self, task: Box<T>) {
        // A reader or an upgrade that the task still holds is the user's code, and may panic.
        let _ = catch_panic(|| drop(task));
        if self.tasks.fetch_sub(1, Ordering::AcqRel) == 1 && lock(&self.state).closing {
            self.work.notify_all();
        }
    }
}

/// What [`Shared::pulse`] reads when a sweep has begun and ended so many serves, together.
pub(crate) fn heartbeat(scan: u64, runs: u64) -> u64 {
    scan << 32 | (runs & 0xffff_ffff)
}

impl<T: Task> Shared<T> {
    pub(crate) fn begin_scan(self: &Arc<Self>, state: &mut PoolState<T>) -> u64 {
        state.scans += 1;
        state.scan = Some(state.scans);
        state.scanner_sleeps = false;
        // Under the same lock as the takeover: a sweeper that comes back right now has to see both.
        self.heartbeat
            .store(heartbeat(state.scans, 0), Ordering::Release);
        // A handler that stalls the sweeper is noticed by a sentry, if there is anyone to be it.
        if !state.watchdog {
            self.wake_worker(state);
        }
        state.scans
    }

    /// Takes the pulse from a sweeper that stalls. False if it has come back this very moment: of
    /// the two only one gets to change the pulse, and so both know who sweeps.
    pub(crate) fn take_over(&self, state: &PoolState<T>, stalled: u64) -> bool {
        let begun = heartbeat(state.scans + 1, 0);
        self.heartbeat
            .compare_exchange(stalled, begun, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    pub(crate) fn drop_task(&self, task: Box<T>) {
        self.task_done(task);
    }

    /// Lets in who waits at the doors that were lent. How many they were.
    pub(crate) fn accept_lent(&self, now: Instant) -> usize {
        let mut acceptors = lock(&self.acceptors);
        let mut fresh = Vec::new();
        for (open, found) in acceptors.iter_mut().filter(|(_, found)| found.is_ok()) {
            *found = open(&mut |task| fresh.push(task));
            if found.is_err() {
                self.acceptor_returned.notify_all();
            }
        }
        drop(acceptors);
        let count = fresh.len();
        if count > 0 {
            self.tasks.fetch_add(count, Ordering::AcqRel);
            let seats = fresh.drain(..).map(|task| Entry {
                task,
                last_active: now,
                idle: false,
            });
            lock(&self.state).hot.extend(seats);
        }
        count
    }

    /// The sweeper is busy no more: whoever lent a door waits there again.
    pub(crate) fn leave_scanning_mode(&self) {
        if self.scanning_mode.swap(false, Ordering::Relaxed) {
            drop(lock(&self.acceptors));
            self.acceptor_returned.notify_all();
        }
    }
}
