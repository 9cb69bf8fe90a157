//! The sweeper's round over the ring: how often it looks, when it naps, and whom it hands on.
//! Like the pool, it knows nothing of HTTP.
//!
//! Looking is paid for in *visits*. Every task that moves earns more of them; what is earned
//! decides how long the sweeper goes on without a pause. When it is used up the load is not worth
//! the CPU: quiet tasks are handed to workers that block, and those for whom none is free are
//! looked at within 2 % of a core.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::{guarded, heartbeat, Entry, Job, Mode, Next, PoolState, Shared, Task};
use crate::util::lock::lock;

/// What a visit that finds nothing costs: a read that would block (0.7 µs), on a socket that no
/// cache has, and the lock around it.
const POLL_COST: Duration = Duration::from_nanos(1_050);
/// What a nap costs: the thread leaves its core and comes back.
const WAKE_UP_COST: Duration = Duration::from_micros(15);
/// Visits that one served request pays for: break-even is at some 12,000 requests a second.
const CREDIT_PER_REQUEST: i64 = 100;
/// Visits that some progress (a part of a head or body, some bytes of a response) pays for.
const CREDIT_PER_PROGRESS: i64 = 16;
/// The most that can be saved: about 6 ms of looking at nothing, so that a pause does not flap.
const MAX_CREDIT: i64 = 8192;
/// With so much saved the load has shown itself to be lasting: no more pauses, no more handing
/// over.
const SCANNING_MODE_CREDIT: i64 = 1024;
/// One part in this many of a core goes to tasks that only might have something (2 %).
const CORES_DIVISOR: u32 = 50;
const MIN_SCAN_SLEEP: Duration = Duration::from_millis(1);
const MAX_SCAN_SLEEP: Duration = Duration::from_millis(400);
/// A task that was quiet for so long has no business among the hot ones.
const MAX_HOT_IDLE_TIME: Duration = Duration::from_millis(50);

/// A handler that takes longer had better run on a worker of its own ...
const MAX_QUICK_RUN_TIME: Duration = Duration::from_micros(100);
/// ... and with a quarter of so many in a row, all of them.
const JUDGED_RUNS: u32 = 64;

pub(crate) struct Scanner<'a, T: Task> {
    shared: &'a Arc<Shared<T>>,
    number: u64,
    runs: u64,
    now: Instant,
    credit: i64,
    /// This sweeper's own idea of [`Shared::busy`], which a worker may have set meanwhile.
    mode: Mode,
    cold_scanned_at: Instant,
    /// Serves since the last judgement on them, and the slow ones among these.
    judged: u32,
    slow: u32,
    /// Ready tasks go to other workers for now.
    hands_over: bool,
    /// Serving in place does not pay.
    handlers_slow: bool,
}

/// Where a visited task goes.
enum Placement<T> {
    Back(Entry<T>),
    Cools(Entry<T>),
    Away,
}

impl<'a, T: Task> Scanner<'a, T> {
    pub(crate) fn new(shared: &'a Arc<Shared<T>>, number: u64) -> Scanner<'a, T> {
        let now = Instant::now();
        Scanner {
            shared,
            number,
            runs: 0,
            now,
            credit: 0,
            mode: Mode::Blocking,
            cold_scanned_at: now,
            judged: 0,
            slow: 0,
            hands_over: false,
            handlers_slow: false,
        }
    }

    /// Sweeps until there is nothing left in the ring, or another has taken over.
    pub(crate) fn run(&mut self, buffers: &mut T::Buffers) {
        loop {
            let hot = {
                let state = self.lock();
                self.hands_over = state
                    .hand_over_until
                    .map_or(false, |until| until > self.now);
                state.hot.len()
            };
            if !self.pass(buffers, hot, List::Hot) {
                return;
            }
            let due = self.cold_due();
            if due > 0 && !self.pass(buffers, due, List::Cold) {
                return;
            }
            if self.mode == Mode::Scanning {
                let fresh = self.shared.accept_lent(self.now) as i64;
                self.earn(fresh * CREDIT_PER_REQUEST);
            }
            let goes_on = match self.has_credit(hot) {
                true => true,
                false => self.pause(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Visits `count` tasks of one kind. False when this sweeper was relieved.
    fn pass(&mut self, buffers: &mut T::Buffers, count: usize, kind: List) -> bool {
        self.now = Instant::now();
        let mut left = count;
        let mut goes = Placement::Away;
        loop {
            let entry = {
                let mut state = lock(&self.shared.state);
                self.place(&mut state, goes, kind);
                if state.scan != Some(self.number) {
                    if !state.hot.is_empty() {
                        // What was put back is news to the other sweeper, who may nap.
                        self.shared.wake_scanner(&mut state);
                    }
                    return false;
                }
                if left == 0 {
                    return true;
                }
                match kind {
                    List::Hot => state.hot.pop_front(),
                    List::Cold => state.cold.pop_front(),
                }
            };
            goes = match entry {
                Some(entry) => self.poll(buffers, entry),
                None => return true,
            };
            left -= 1;
            self.credit -= 1;
        }
    }

    fn place(&self, state: &mut PoolState<T>, goes: Placement<T>, kind: List) {
        match goes {
            Placement::Away => {}
            Placement::Back(entry) if entry.last_active >= self.now => state.hot.push_back(entry),
            Placement::Back(entry) => match kind {
                List::Hot => state.hot.push_back(entry),
                List::Cold => state.cold.push_back(entry),
            },
            Placement::Cools(entry) => self.cool(state, entry),
        }
    }

    /// Takes a quiet task out of the hot ones: to a worker that blocks if one may, else to the
    /// cold. While neither will have it, one that was active a moment ago stays.
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
            Next::Done => {
                self.shared.drop_task(entry.task);
                Placement::Away
            }
            Next::Run => self.run_task(buffers, entry),
            Next::RunMayBlock => self.run_blocking(entry),
            Next::Progressed => {
                self.earn(CREDIT_PER_PROGRESS);
                self.place_active(entry)
            }
            Next::Idle | Next::Blocked | Next::Closing if self.is_cool(&entry) => {
                Placement::Cools(entry)
            }
            Next::Idle | Next::Blocked | Next::Closing => Placement::Back(entry),
        }
    }

    fn run_task(&mut self, buffers: &mut T::Buffers, entry: Entry<T>) -> Placement<T> {
        self.earn(CREDIT_PER_REQUEST);
        let mut entry = entry;
        // Handlers were slow a moment ago, or this is a chance find while calm and no sentry
        // watches: another worker serves it, so that the ring is not left alone.
        if self.hands_over || self.handlers_slow || self.mode == Mode::Blocking {
            let mut state = self.lock();
            entry = match self.shared.hand_over(&mut state, Job::Run, entry) {
                Some(entry) => entry,
                None => return Placement::Away,
            };
        }
        self.runs += 1;
        let serving = self.heartbeat();
        self.shared.heartbeat.store(serving, Ordering::Release);
        let began = Instant::now();
        let next = guarded::<T>(buffers, |buffers| entry.task.run(buffers));
        self.runs += 1;
        // Only where no other sweeper has begun meanwhile is the pulse still its own.
        let (done, heartbeat) = (self.heartbeat(), &self.shared.heartbeat);
        if heartbeat
            .compare_exchange(serving, done, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            self.lock().stalled -= 1;
        }
        self.judge(began.elapsed());
        if next == Next::Done {
            self.shared.drop_task(entry.task);
            return Placement::Away;
        }
        entry.idle = next == Next::Idle;
        self.place_active(entry)
    }

    /// Serving in place is for handlers that take less than waking a thread does. Where many take
    /// longer, workers of their own do better, on as many cores as there are.
    fn judge(&mut self, took: Duration) {
        self.judged += 1;
        self.slow += u32::from(took > MAX_QUICK_RUN_TIME);
        if self.slow >= JUDGED_RUNS / 4 {
            self.lock().suspend_scanning_mode(self.now);
            self.handlers_slow = true;
        } else if self.judged >= JUDGED_RUNS {
            self.judged = 0;
            self.slow = 0;
        }
    }

    /// Its handler may wait on the peer, so it gets a worker of its own and a place, or waits for
    /// both.
    fn run_blocking(&mut self, entry: Entry<T>) -> Placement<T> {
        if !self.shared.take_to_run() {
            return Placement::Back(entry);
        }
        self.earn(CREDIT_PER_REQUEST);
        let mut state = self.lock();
        self.shared
            .enqueue(&mut state, Job::RunMayBlock, entry.task);
        if self.shared.is_only_worker(&state) {
            // There is no other worker to be had: this one steps down to do it.
            state.scan = None;
        }
        Placement::Away
    }

    /// Whether to look again without a pause: what was found pays for it, or a worker found the
    /// pool busy, and the load is given time to come to the ring.
    fn has_credit(&mut self, hot: usize) -> bool {
        let entered_by_worker = self.shared.mode() == Mode::Scanning && self.mode == Mode::Blocking;
        if entered_by_worker {
            self.credit = self.credit.max(MAX_CREDIT / 2);
        }
        if self.credit <= 0 || self.handlers_slow || (hot == 0 && !entered_by_worker) {
            return false;
        }
        if self.mode == Mode::Blocking && (entered_by_worker || self.credit >= SCANNING_MODE_CREDIT)
        {
            let mut state = self.lock();
            if entered_by_worker || state.may_enter_scanning_mode(self.now) {
                self.mode = Mode::Scanning;
                self.shared.scanning_mode.store(true, Ordering::Relaxed);
                if !state.watchdog {
                    self.shared.wake_worker(&mut state);
                }
            }
        }
        true
    }

    /// The savings are used up: quiet tasks leave the hot ones, then a nap keeps to the budget.
    /// False when the ring is empty or another has taken over.
    fn pause(&mut self) -> bool {
        self.credit = 0;
        self.judged = 0;
        self.slow = 0;
        self.handlers_slow = false;
        if std::mem::replace(&mut self.mode, Mode::Blocking) == Mode::Scanning {
            self.shared.leave_scanning_mode();
        }
        let mut state = self.lock();
        if state.scan != Some(self.number) {
            return false;
        }
        if std::mem::replace(&mut state.arrivals, false) {
            self.credit = 2 * CREDIT_PER_REQUEST;
            return true;
        }
        for _ in 0..state.hot.len() {
            match state.hot.pop_front() {
                Some(entry) if entry.idle || self.is_cool(&entry) => self.cool(&mut state, entry),
                Some(entry) => state.hot.push_back(entry),
                None => break,
            }
        }
        if state.scan_list_is_empty() {
            state.scan = None;
            return false;
        }
        self.sleep(state)
    }

    fn sleep(&mut self, mut state: MutexGuard<'_, PoolState<T>>) -> bool {
        let now = Instant::now();
        let end = match state.hot.len() {
            0 => (self.cold_scanned_at + round(state.cold.len())).max(now + MIN_SCAN_SLEEP),
            hot => now + round(hot),
        };
        state.scanner_sleeps = true;
        while state.scanner_sleeps && state.scan == Some(self.number) {
            let left = end.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            state = self
                .shared
                .sleep
                .wait_timeout(state, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
        if state.scan != Some(self.number) {
            return false;
        }
        if !std::mem::replace(&mut state.scanner_sleeps, false) {
            // Somebody came to the ring; what he is here for may be a moment behind him.
            self.credit = 2 * CREDIT_PER_REQUEST;
        }
        true
    }

    /// How many cold tasks may be looked at now. While busy, some at a time, so that the hot ones
    /// do not wait for long. Else all of them once a round: if they had their turns one by one at
    /// times and all together at others, some would wait for two rounds.
    fn cold_due(&mut self) -> usize {
        let since = self.now.saturating_duration_since(self.cold_scanned_at);
        let due = (since.as_nanos() / (POLL_COST * CORES_DIVISOR).as_nanos()) as usize;
        // Worth a lock only for several of them.
        if due < 8 && since < MIN_SCAN_SLEEP {
            return 0;
        }
        let cold = self.lock().cold.len();
        if self.mode == Mode::Blocking && since < round(cold) {
            return 0;
        }
        self.cold_scanned_at = self.now;
        cold.min(due.max(1))
    }

    fn is_cool(&self, entry: &Entry<T>) -> bool {
        self.now.saturating_duration_since(entry.last_active) > MAX_HOT_IDLE_TIME
    }

    fn earn(&mut self, visits: i64) {
        self.credit = (self.credit + visits).min(MAX_CREDIT);
    }

    fn place_active(&self, entry: Entry<T>) -> Placement<T> {
        // Not before the pass began: this is how `put` knows that something came of it.
        Placement::Back(Entry {
            last_active: self.now,
            ..entry
        })
    }

    fn heartbeat(&self) -> u64 {
        heartbeat(self.number, self.runs)
    }

    fn lock(&self) -> MutexGuard<'a, PoolState<T>> {
        lock(&self.shared.state)
    }
}

/// How often so many quiet tasks are looked at.
fn round(count: usize) -> Duration {
    let visits = POLL_COST * u32::try_from(count).unwrap_or(u32::MAX / CORES_DIVISOR / 2);
    ((WAKE_UP_COST + visits) * CORES_DIVISOR).clamp(MIN_SCAN_SLEEP, MAX_SCAN_SLEEP)
}

#[derive(Clone, Copy)]
enum List {
    Hot,
    Cold,
}
