//! The scanner: one worker polls the tasks of the scan list and runs their handlers itself.
//!
//! Polls are paid with *credit*. A poll costs one credit; a request or some progress earns many.
//! While there is credit, the scanner polls without a pause, because the load is worth the CPU. If
//! the credit is used up, the scanner hands idle tasks to workers that block. The tasks for which
//! no worker is free are polled within a budget of 2 % of a core, with sleeps between the rounds.
//!
//! The scan list is guarded by the lock of the pool. An entry is taken from the list for its poll,
//! so that no lock is held meanwhile. The watchdog of [`worker`](super::worker) may take over the
//! scan while a handler runs here; the number of the scan shows this afterwards.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::quota::Purpose;
use super::state::{heartbeat, Entry, Job, Mode, PoolState, Shared};
use super::task::{guarded, Next, Task};
use crate::util::lock::lock;

/// Cost of a poll that finds nothing: 1.05 µs. That is a read that would block (0.7 µs), on a
/// socket that is in no cache, and the lock around it.
const POLL_COST: Duration = Duration::from_nanos(1_050);
/// Cost of a sleep: 15 µs. The thread leaves its core and comes back.
const WAKE_UP_COST: Duration = Duration::from_micros(15);
/// Credit earned by a request, in polls. Scanning breaks even at about 12,000 requests a second.
const CREDIT_PER_REQUEST: i64 = 100;
/// Credit earned by progress, in polls: a part of a head or body, some bytes of a response.
const CREDIT_PER_PROGRESS: i64 = 16;
/// Largest credit, in polls: about 6 ms of polls that find nothing. A pause of the load that is
/// shorter does not change the mode.
const MAX_CREDIT: i64 = 8192;
/// Credit from which the load counts as lasting, in polls: the pool enters scanning mode.
const SCANNING_MODE_CREDIT: i64 = 1024;
/// Divisor of a core's time for polls without credit: 1/50 is 2 %.
const CORE_TIME_DIVISOR: u32 = 50;
/// Shortest sleep between two rounds without credit: 1 ms.
const MIN_SCAN_SLEEP: Duration = Duration::from_millis(1);
/// Longest sleep between two rounds without credit: 400 ms. In blocking mode, a request on a cold
/// task waits for up to this time.
const MAX_SCAN_SLEEP: Duration = Duration::from_millis(400);
/// Time without progress after which a hot task becomes cold: 50 ms.
const MAX_HOT_IDLE_TIME: Duration = Duration::from_millis(50);
/// Longest run of a quick handler: 100 µs. A slower one is better run by a worker of its own.
const MAX_QUICK_RUN_TIME: Duration = Duration::from_micros(100);
/// Number of runs that are judged together: 64. If a quarter of them are slow, scanning mode is
/// suspended.
const JUDGED_RUNS: u32 = 64;

/// One scan: rounds of polls until the scan list is empty or another worker has taken over.
pub(crate) struct Scanner<'a, T: Task> {
    shared: &'a Arc<Shared<T>>,
    /// Number of this scan.
    scan: u64,
    /// Number of starts and ends of handlers, for the heartbeat.
    steps: u64,
    /// When the current pass over the list began.
    now: Instant,
    credit: i64,
    /// The mode in which this scanner works. A worker may have changed [`Shared::mode`] since.
    mode: Mode,
    cold_scanned_at: Instant,
    /// Number of runs since they were last judged.
    judged_runs: u32,
    /// Number of slow ones among these.
    slow_runs: u32,
    /// Whether tasks that are ready are handed to other workers for now.
    hands_over: bool,
    /// Whether handlers are too slow for scanning mode.
    handlers_slow: bool,
}

/// The list from which an entry is taken.
#[derive(Clone, Copy)]
enum List {
    Hot,
    Cold,
}

/// The place of an entry after its poll.
enum Placement<T> {
    Hot(Entry<T>),
    SameList(Entry<T>),
    /// A worker that blocks, or the cold list.
    Cooler(Entry<T>),
    Gone,
}

impl<'a, T: Task> Scanner<'a, T> {
    pub(crate) fn new(shared: &'a Arc<Shared<T>>, scan: u64) -> Scanner<'a, T> {
        let now = Instant::now();
        Scanner {
            shared,
            scan,
            steps: 0,
            now,
            credit: 0,
            mode: Mode::Blocking,
            cold_scanned_at: now,
            judged_runs: 0,
            slow_runs: 0,
            hands_over: false,
            handlers_slow: false,
        }
    }

    /// Scans until the scan list is empty or another worker has taken over.
    pub(crate) fn run(&mut self, buffers: &mut T::Buffers) {
        loop {
            let state = self.lock();
            self.hands_over = state.hand_over_until > self.now;
            let hot = state.hot.len();
            drop(state);
            if !self.pass(buffers, hot, List::Hot) {
                return;
            }
            let due = self.cold_due();
            if due > 0 && !self.pass(buffers, due, List::Cold) {
                return;
            }
            if self.mode == Mode::Scanning {
                let accepted = self.shared.accept_lent() as i64;
                self.earn(accepted * CREDIT_PER_REQUEST);
            }
            if !self.scans_on(hot) && !self.pause() {
                return;
            }
        }
    }

    /// Polls `count` entries of a list. Returns false if another worker has taken over.
    fn pass(&mut self, buffers: &mut T::Buffers, count: usize, list: List) -> bool {
        self.now = Instant::now();
        let mut left = count;
        let mut placement = Placement::Gone;
        loop {
            // One lock for each entry: the last one is put back and the next one is taken.
            let mut state = self.lock();
            self.place(&mut state, placement, list);
            if state.scan != Some(self.scan) {
                if !state.hot.is_empty() {
                    // The new scanner may sleep, and must poll the entry that was put back.
                    self.shared.wake_scanner(&mut state);
                }
                return false;
            }
            if left == 0 {
                return true;
            }
            let entry = match list {
                List::Hot => state.hot.pop_front(),
                List::Cold => state.cold.pop_front(),
            };
            drop(state);
            placement = match entry {
                Some(entry) => self.poll(buffers, entry),
                None => return true,
            };
            left -= 1;
            self.credit -= 1;
        }
    }

    fn place(&self, state: &mut PoolState<T>, placement: Placement<T>, list: List) {
        match (placement, list) {
            (Placement::Hot(entry), _) => state.hot.push_back(entry),
            (Placement::SameList(entry), List::Hot) => state.hot.push_back(entry),
            (Placement::SameList(entry), List::Cold) => state.cold.push_back(entry),
            (Placement::Cooler(entry), _) => self.cool(state, entry),
            (Placement::Gone, _) => {}
        }
    }

    /// Hands an idle entry to a worker that blocks, or puts it into the cold list. If no worker is
    /// free, an entry that was active a moment ago stays hot.
    fn cool(&self, state: &mut PoolState<T>, entry: Entry<T>) {
        let kept = match entry.idle && self.shared.may_await(state) {
            true => self.shared.hand_over(state, Job::AwaitRequest, entry),
            false => Some(entry),
        };
        match kept {
            Some(entry) if self.is_cool(&entry) => state.cold.push_back(entry),
            Some(entry) => state.hot.push_back(entry),
            None => {}
        }
    }

    fn poll(&mut self, buffers: &mut T::Buffers, mut entry: Entry<T>) -> Placement<T> {
        let now = self.now;
        let next = guarded::<T>(buffers, |buffers| entry.task.poll(buffers, now));
        entry.idle = next == Next::Idle;
        match next {
            Next::Run => self.run_task(buffers, entry),
            Next::RunMayBlock => self.hand_over_blocking(entry),
            Next::Progressed => {
                self.earn(CREDIT_PER_PROGRESS);
                self.keep_hot(entry)
            }
            Next::Idle | Next::Blocked | Next::Closing => match self.is_cool(&entry) {
                true => Placement::Cooler(entry),
                false => Placement::SameList(entry),
            },
            Next::Done => {
                self.shared.drop_task(entry.task);
                Placement::Gone
            }
        }
    }

    fn run_task(&mut self, buffers: &mut T::Buffers, mut entry: Entry<T>) -> Placement<T> {
        self.earn(CREDIT_PER_REQUEST);
        // The handlers were slow a moment ago, or no watchdog watches in blocking mode. Another
        // worker runs the task, so that this one continues to poll the scan list.
        if self.hands_over || self.handlers_slow || self.mode == Mode::Blocking {
            let state = &mut self.lock();
            entry = match self.shared.hand_over(state, Job::Run, entry) {
                Some(entry) => entry,
                None => return Placement::Gone,
            };
        }
        self.steps += 1;
        let running = heartbeat(self.scan, self.steps);
        self.shared.heartbeat.store(running, Ordering::Release);
        let began = Instant::now();
        let next = guarded::<T>(buffers, |buffers| entry.task.run(buffers));
        self.steps += 1;
        let done = heartbeat(self.scan, self.steps);
        // The heartbeat is unchanged unless another worker has taken over meanwhile.
        let heartbeat = &self.shared.heartbeat;
        if heartbeat
            .compare_exchange(running, done, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            self.lock().stalled -= 1;
        }
        self.judge(began.elapsed());
        if next == Next::Done {
            self.shared.drop_task(entry.task);
            return Placement::Gone;
        }
        entry.idle = next == Next::Idle;
        self.keep_hot(entry)
    }

    /// Suspends scanning mode if many handlers are slow. A handler is run here because waking a
    /// thread takes longer than the handler. If many handlers take longer, workers of their own are
    /// better, on as many cores as there are.
    fn judge(&mut self, run_time: Duration) {
        self.judged_runs += 1;
        self.slow_runs += u32::from(run_time > MAX_QUICK_RUN_TIME);
        if self.slow_runs >= JUDGED_RUNS / 4 {
            self.lock().suspend_scanning_mode(self.now);
            self.handlers_slow = true;
        } else if self.judged_runs >= JUDGED_RUNS {
            self.judged_runs = 0;
            self.slow_runs = 0;
        }
    }

    /// Hands a task whose handler may wait for the peer to another worker. Until a permit is free,
    /// the entry stays in its list.
    fn hand_over_blocking(&mut self, entry: Entry<T>) -> Placement<T> {
        let permit = match self.shared.acquire_permit(Purpose::Run) {
            Some(permit) => permit,
            None => return Placement::SameList(entry),
        };
        self.earn(CREDIT_PER_REQUEST);
        let mut state = self.lock();
        let job = Job::RunMayBlock(permit);
        self.shared.enqueue(&mut state, job, entry.task);
        if self.shared.is_only_worker(&state) {
            // This worker ends the scan and runs the task itself.
            state.scan = None;
        }
        Placement::Gone
    }

    /// Returns whether to scan on without a pause: credit is left, or a worker has entered scanning
    /// mode and the load is about to reach the scan list.
    fn scans_on(&mut self, hot: usize) -> bool {
        let entered = self.mode == Mode::Blocking && self.shared.mode() == Mode::Scanning;
        if entered {
            self.credit = self.credit.max(MAX_CREDIT / 2);
        }
        if self.credit <= 0 || self.handlers_slow || (hot == 0 && !entered) {
            return false;
        }
        if self.mode == Mode::Blocking && (entered || self.credit >= SCANNING_MODE_CREDIT) {
            let mut state = self.lock();
            if entered || state.may_enter_scanning_mode(self.now) {
                self.mode = Mode::Scanning;
                self.shared.scanning_mode.store(true, Ordering::Relaxed);
                if !state.watchdog {
                    self.shared.wake_worker(&mut state);
                }
            }
        }
        true
    }

    /// Leaves scanning mode, hands idle tasks over, and sleeps. Returns false if the scan list is
    /// empty or another worker has taken over.
    fn pause(&mut self) -> bool {
        self.credit = 0;
        self.judged_runs = 0;
        self.slow_runs = 0;
        self.handlers_slow = false;
        if self.mode == Mode::Scanning {
            self.mode = Mode::Blocking;
            self.shared.leave_scanning_mode();
        }
        let mut state = self.lock();
        if state.scan != Some(self.scan) {
            return false;
        }
        if std::mem::replace(&mut state.arrivals, false) {
            self.credit = 2 * CREDIT_PER_REQUEST;
            return true;
        }
        for entry in std::mem::take(&mut state.hot) {
            match entry.idle || self.is_cool(&entry) {
                true => self.cool(&mut state, entry),
                false => state.hot.push_back(entry),
            }
        }
        if state.scan_list_is_empty() {
            state.scan = None;
            return false;
        }
        self.sleep(state)
    }

    /// Sleeps as long as the budget requires, or until a task is added to the scan list. Returns
    /// false if another worker has taken over.
    fn sleep(&mut self, mut state: MutexGuard<'_, PoolState<T>>) -> bool {
        let now = Instant::now();
        let end = match state.hot.len() {
            0 => self.cold_scanned_at + scan_interval(state.cold.len()),
            hot => now + scan_interval(hot),
        };
        let time = end.saturating_duration_since(now).max(MIN_SCAN_SLEEP);
        state.scanner_sleeps = true;
        let is_asleep =
            |state: &mut PoolState<T>| state.scanner_sleeps && state.scan == Some(self.scan);
        let wake = &self.shared.scanner_wake;
        let woken = wake.wait_timeout_while(state, time, is_asleep);
        state = woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        if state.scan != Some(self.scan) {
            return false;
        }
        if !std::mem::replace(&mut state.scanner_sleeps, false) {
            // A task was added, and a request may follow in a moment.
            self.credit = 2 * CREDIT_PER_REQUEST;
        }
        true
    }

    /// Returns the number of cold entries to poll now. In scanning mode these are a few at a time,
    /// so that the hot ones do not wait for long. Otherwise they are all entries, once in an
    /// interval. With a mix of both, some entries would wait for two intervals.
    fn cold_due(&mut self) -> usize {
        let since = self.now.saturating_duration_since(self.cold_scanned_at);
        let due = (since.as_nanos() / (POLL_COST * CORE_TIME_DIVISOR).as_nanos()) as usize;
        // Fewer are not worth a lock.
        if due < 8 && since < MIN_SCAN_SLEEP {
            return 0;
        }
        let cold = self.lock().cold.len();
        if self.mode == Mode::Blocking && since < scan_interval(cold) {
            return 0;
        }
        self.cold_scanned_at = self.now;
        cold.min(due.max(1))
    }

    fn is_cool(&self, entry: &Entry<T>) -> bool {
        self.now.saturating_duration_since(entry.last_active) > MAX_HOT_IDLE_TIME
    }

    fn earn(&mut self, credit: i64) {
        self.credit = (self.credit + credit).min(MAX_CREDIT);
    }

    fn keep_hot(&self, mut entry: Entry<T>) -> Placement<T> {
        entry.last_active = self.now;
        Placement::Hot(entry)
    }

    fn lock(&self) -> MutexGuard<'a, PoolState<T>> {
        lock(&self.shared.state)
    }
}

/// Returns the time between two rounds over `count` tasks that keeps to the budget.
fn scan_interval(count: usize) -> Duration {
    let polls = POLL_COST * u32::try_from(count).unwrap_or(u32::MAX / CORE_TIME_DIVISOR / 2);
    ((WAKE_UP_COST + polls) * CORE_TIME_DIVISOR).clamp(MIN_SCAN_SLEEP, MAX_SCAN_SLEEP)
}
