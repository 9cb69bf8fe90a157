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

use super::{guarded, pulse, Entry, Job, Next, Shared, State, Task};
use crate::util::lock::lock;

/// What a visit that finds nothing costs: a read that would block (0.7 µs), on a socket that no
/// cache has, and the lock around it.
const VISIT: Duration = Duration::from_nanos(1_050);
/// What a nap costs: the thread leaves its core and comes back.
const WAKE_UP: Duration = Duration::from_micros(15);
/// Visits that one served request pays for: break-even is at some 12,000 requests a second.
const EARNED_BY_SERVING: i64 = 100;
/// Visits that some progress (a part of a head or body, some bytes of a response) pays for.
const EARNED_BY_MOVING: i64 = 16;
/// The most that can be saved: about 6 ms of looking at nothing, so that a pause does not flap.
const SAVED_AT_MOST: i64 = 8192;
/// With so much saved the load has shown itself to be lasting: no more pauses, no more handing
/// over.
const BUSY_FROM: i64 = 1024;
/// One part in this many of a core goes to tasks that only might have something (2 %).
const BUDGET: u32 = 50;
const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(400);
/// A task that was quiet for so long has no business among the hot ones.
const COOLS_AFTER: Duration = Duration::from_millis(50);

/// A handler that takes longer had better run on a worker of its own ...
const QUICK: Duration = Duration::from_micros(100);
/// ... and with a quarter of so many in a row, all of them.
const SLOW_OF: u32 = 64;

pub(crate) struct Scan<'a, G: Task> {
    shared: &'a Arc<Shared<G>>,
    number: u64,
    serves: u64,
    now: Instant,
    saved: i64,
    /// This sweeper's own idea of [`Shared::busy`], which a worker may have set meanwhile.
    busy: bool,
    cold_looked_at: Instant,
    /// Serves since the last judgement on them, and the slow ones among these.
    judged: u32,
    slow: u32,
    /// Ready tasks go to other workers for now.
    hands_over: bool,
    /// Serving in place does not pay.
    gives_up: bool,
}

/// Where a visited task goes.
enum Goes<G> {
    Back(Entry<G>),
    Cools(Entry<G>),
    Away,
}

impl<'a, G: Task> Scan<'a, G> {
    pub(crate) fn new(shared: &'a Arc<Shared<G>>, number: u64) -> Scan<'a, G> {
        let now = Instant::now();
        Scan {
            shared,
            number,
            serves: 0,
            now,
            saved: 0,
            busy: false,
            cold_looked_at: now,
            judged: 0,
            slow: 0,
            hands_over: false,
            gives_up: false,
        }
    }

    /// Sweeps until there is nothing left in the ring, or another has taken over.
    pub(crate) fn run(&mut self, buffers: &mut G::Buffers) {
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
            if self.busy {
                let fresh = self.shared.answer_doors(self.now) as i64;
                self.earn(fresh * EARNED_BY_SERVING);
            }
            let goes_on = match self.has_reason_to_look(hot) {
                true => true,
                false => self.calm_down(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Visits `count` tasks of one kind. False when this sweeper was relieved.
    fn pass(&mut self, buffers: &mut G::Buffers, count: usize, kind: List) -> bool {
        self.now = Instant::now();
        let mut left = count;
        let mut goes = Goes::Away;
        loop {
            let entry = {
                let mut state = lock(&self.shared.state);
                self.put(&mut state, goes, kind);
                if state.sweep != Some(self.number) {
                    if !state.hot.is_empty() {
                        // What was put back is news to the other sweeper, who may nap.
                        self.shared.call_sweeper(&mut state);
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
                Some(entry) => self.visit(buffers, entry),
                None => return true,
            };
            left -= 1;
            self.saved -= 1;
        }
    }

    fn put(&self, state: &mut State<G>, goes: Goes<G>, kind: List) {
        match goes {
            Goes::Away => {}
            Goes::Back(entry) if entry.active >= self.now => state.hot.push_back(entry),
            Goes::Back(entry) => match kind {
                List::Hot => state.hot.push_back(entry),
                List::Cold => state.cold.push_back(entry),
            },
            Goes::Cools(entry) => self.cool(state, entry),
        }
    }

    /// Takes a quiet task out of the hot ones: to a worker that blocks if one may, else to the
    /// cold. While neither will have it, one that was active a moment ago stays.
    fn cool(&self, state: &mut State<G>, entry: Entry<G>) {
        let kept = match entry.idle && self.shared.may_hold(state) {
            true => self.shared.hand_over(state, Job::AwaitRequest, entry),
            false => Some(entry),
        };
        match kept {
            Some(entry) if self.is_cool(&entry) => state.cold.push_back(entry),
            Some(entry) => state.hot.push_back(entry),
            None => {}
        }
    }

    fn visit(&mut self, buffers: &mut G::Buffers, mut entry: Entry<G>) -> Goes<G> {
        let now = self.now;
        let turn = guarded::<G>(buffers, |buffers| entry.task.poll(buffers, now));
        entry.idle = turn == Next::Idle;
        match turn {
            Next::Done => {
                self.shared.drop_task(entry.task);
                Goes::Away
            }
            Next::Run => self.serve(buffers, entry),
            Next::RunMayBlock => self.serve_long(entry),
            Next::Progressed => {
                self.earn(EARNED_BY_MOVING);
                self.goes_back_active(entry)
            }
            Next::Idle | Next::Blocked | Next::Closing if self.is_cool(&entry) => {
                Goes::Cools(entry)
            }
            Next::Idle | Next::Blocked | Next::Closing => Goes::Back(entry),
        }
    }

    fn serve(&mut self, buffers: &mut G::Buffers, entry: Entry<G>) -> Goes<G> {
        self.earn(EARNED_BY_SERVING);
        let mut entry = entry;
        // Handlers were slow a moment ago, or this is a chance find while calm and no sentry
        // watches: another worker serves it, so that the ring is not left alone.
        if self.hands_over || self.gives_up || !self.busy {
            let mut state = self.lock();
            entry = match self.shared.hand_over(&mut state, Job::Run, entry) {
                Some(entry) => entry,
                None => return Goes::Away,
            };
        }
        self.serves += 1;
        let serving = self.pulse();
        self.shared.pulse.store(serving, Ordering::Release);
        let began = Instant::now();
        let turn = guarded::<G>(buffers, |buffers| entry.task.run(buffers));
        self.serves += 1;
        // Only where no other sweeper has begun meanwhile is the pulse still its own.
        let (done, pulse) = (self.pulse(), &self.shared.pulse);
        if pulse
            .compare_exchange(serving, done, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            self.lock().stalled -= 1;
        }
        self.judge(began.elapsed());
        if turn == Next::Done {
            self.shared.drop_task(entry.task);
            return Goes::Away;
        }
        entry.idle = turn == Next::Idle;
        self.goes_back_active(entry)
    }

    /// Serving in place is for handlers that take less than waking a thread does. Where many take
    /// longer, workers of their own do better, on as many cores as there are.
    fn judge(&mut self, took: Duration) {
        self.judged += 1;
        self.slow += u32::from(took > QUICK);
        if self.slow >= SLOW_OF / 4 {
            self.lock().give_up_busy(self.now);
            self.gives_up = true;
        } else if self.judged >= SLOW_OF {
            self.judged = 0;
            self.slow = 0;
        }
    }

    /// Its handler may wait on the peer, so it gets a worker of its own and a place, or waits for
    /// both.
    fn serve_long(&mut self, entry: Entry<G>) -> Goes<G> {
        if !self.shared.take_to_serve() {
            return Goes::Back(entry);
        }
        self.earn(EARNED_BY_SERVING);
        let mut state = self.lock();
        self.shared.call(&mut state, Job::RunMayBlock, entry.task);
        if self.shared.is_alone(&state) {
            // There is no other worker to be had: this one steps down to do it.
            state.sweep = None;
        }
        Goes::Away
    }

    /// Whether to look again without a pause: what was found pays for it, or a worker found the
    /// pool busy, and the load is given time to come to the ring.
    fn has_reason_to_look(&mut self, hot: usize) -> bool {
        let told_busy = self.shared.busy.load(Ordering::Relaxed) && !self.busy;
        if told_busy {
            self.saved = self.saved.max(SAVED_AT_MOST / 2);
        }
        if self.saved <= 0 || self.gives_up || (hot == 0 && !told_busy) {
            return false;
        }
        if !self.busy && (told_busy || self.saved >= BUSY_FROM) {
            let mut state = self.lock();
            if told_busy || state.may_be_busy(self.now) {
                self.busy = true;
                self.shared.busy.store(true, Ordering::Relaxed);
                if !state.sentry {
                    self.shared.wake_worker(&mut state);
                }
            }
        }
        true
    }

    /// The savings are used up: quiet tasks leave the hot ones, then a nap keeps to the budget.
    /// False when the ring is empty or another has taken over.
    fn calm_down(&mut self) -> bool {
        self.saved = 0;
        self.judged = 0;
        self.slow = 0;
        self.gives_up = false;
        if std::mem::replace(&mut self.busy, false) {
            self.shared.calm();
        }
        let mut state = self.lock();
        if state.sweep != Some(self.number) {
            return false;
        }
        if std::mem::replace(&mut state.news, false) {
            self.saved = 2 * EARNED_BY_SERVING;
            return true;
        }
        for _ in 0..state.hot.len() {
            match state.hot.pop_front() {
                Some(entry) if entry.idle || self.is_cool(&entry) => self.cool(&mut state, entry),
                Some(entry) => state.hot.push_back(entry),
                None => break,
            }
        }
        if state.ring_is_empty() {
            state.sweep = None;
            return false;
        }
        self.nap(state)
    }

    fn nap(&mut self, mut state: MutexGuard<'_, State<G>>) -> bool {
        let now = Instant::now();
        let end = match state.hot.len() {
            0 => (self.cold_looked_at + round(state.cold.len())).max(now + SHORTEST_NAP),
            hot => now + round(hot),
        };
        state.napping = true;
        while state.napping && state.sweep == Some(self.number) {
            let left = end.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            state = self
                .shared
                .nap
                .wait_timeout(state, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
        if state.sweep != Some(self.number) {
            return false;
        }
        if !std::mem::replace(&mut state.napping, false) {
            // Somebody came to the ring; what he is here for may be a moment behind him.
            self.saved = 2 * EARNED_BY_SERVING;
        }
        true
    }

    /// How many cold tasks may be looked at now. While busy, some at a time, so that the hot ones
    /// do not wait for long. Else all of them once a round: if they had their turns one by one at
    /// times and all together at others, some would wait for two rounds.
    fn cold_due(&mut self) -> usize {
        let since = self.now.saturating_duration_since(self.cold_looked_at);
        let due = (since.as_nanos() / (VISIT * BUDGET).as_nanos()) as usize;
        // Worth a lock only for several of them.
        if due < 8 && since < SHORTEST_NAP {
            return 0;
        }
        let cold = self.lock().cold.len();
        if !self.busy && since < round(cold) {
            return 0;
        }
        self.cold_looked_at = self.now;
        cold.min(due.max(1))
    }

    fn is_cool(&self, entry: &Entry<G>) -> bool {
        self.now.saturating_duration_since(entry.active) > COOLS_AFTER
    }

    fn earn(&mut self, visits: i64) {
        self.saved = (self.saved + visits).min(SAVED_AT_MOST);
    }

    fn goes_back_active(&self, entry: Entry<G>) -> Goes<G> {
        // Not before the pass began: this is how `put` knows that something came of it.
        Goes::Back(Entry {
            active: self.now,
            ..entry
        })
    }

    fn pulse(&self) -> u64 {
        pulse(self.number, self.serves)
    }

    fn lock(&self) -> MutexGuard<'a, State<G>> {
        lock(&self.shared.state)
    }
}

/// How often so many quiet tasks are looked at.
fn round(count: usize) -> Duration {
    let visits = VISIT * u32::try_from(count).unwrap_or(u32::MAX / BUDGET / 2);
    ((WAKE_UP + visits) * BUDGET).clamp(SHORTEST_NAP, LONGEST_NAP)
}

#[derive(Clone, Copy)]
enum List {
    Hot,
    Cold,
}
