//! The sweeper's round over the ring: how often it looks, when it naps, and whom it hands on.
//! Like the pool, it knows nothing of HTTP.
//!
//! Looking is paid for in *visits*. Every guest that moves earns more of them; what is earned decides
//! how long the sweeper goes on without a pause. When it is used up the load is not worth the
//! CPU: quiet guests are handed to workers that block, and those for whom none is free are looked
//! at within 2 % of a core.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::pool::{guarded, Errand, Guest, Seat, Shared, State, Turn};
use crate::lock::lock;

/// What a visit that finds nothing costs: a read that would block, and the lock around it.
const VISIT: Duration = Duration::from_nanos(750);
/// Visits that one served request pays for: 75 µs, or break-even at 13,000 requests a second.
const EARNED_BY_SERVING: i64 = 100;
/// Visits that some progress (a part of a head or body, some bytes of a response) pays for.
const EARNED_BY_MOVING: i64 = 16;
/// The most that can be saved: about 6 ms of looking at nothing, so that a pause does not flap.
const SAVED_AT_MOST: i64 = 8192;
/// One part in this many of a core goes to guests that only might have something (2 %).
const BUDGET: u32 = 50;
const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(400);
/// A guest that was quiet for so long has no business among the hot ones.
const COOLS_AFTER: Duration = Duration::from_millis(50);

pub(super) struct Sweep<'a, G: Guest> {
    shared: &'a Arc<Shared<G>>,
    number: u64,
    serves: u64,
    now: Instant,
    saved: i64,
    cold_looked_at: Instant,
}

/// Where a visited guest goes.
enum Goes<G> {
    Back(Seat<G>),
    Cools(Seat<G>),
    Away,
}

impl<'a, G: Guest> Sweep<'a, G> {
    pub(super) fn new(shared: &'a Arc<Shared<G>>, number: u64) -> Sweep<'a, G> {
        let now = Instant::now();
        let sweep = Sweep {
            shared,
            number,
            serves: 0,
            now,
            saved: 0,
            cold_looked_at: now,
        };
        shared.pulse.store(sweep.pulse(), Ordering::Release);
        sweep
    }

    /// Sweeps until there is nothing left in the ring, or another has taken over.
    pub(super) fn run(&mut self, desk: &mut G::Desk) {
        loop {
            let hot = self.lock().hot.len();
            if !self.pass(desk, hot, Seats::Hot) {
                return;
            }
            let due = self.cold_due();
            if due > 0 && !self.pass(desk, due, Seats::Cold) {
                return;
            }
            let goes_on = match self.saved > 0 {
                true => self.stay_busy(),
                false => self.calm_down(desk),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Visits `count` guests of one kind. False when this sweeper was relieved.
    fn pass(&mut self, desk: &mut G::Desk, count: usize, kind: Seats) -> bool {
        self.now = Instant::now();
        let mut left = count;
        let mut goes = Goes::Away;
        loop {
            let seat = {
                let mut state = lock(&self.shared.state);
                self.put(&mut state, goes, kind);
                if state.sweep != Some(self.number) {
                    return false;
                }
                if left == 0 {
                    return true;
                }
                match kind {
                    Seats::Hot => state.hot.pop_front(),
                    Seats::Cold => state.cold.pop_front(),
                }
            };
            goes = match seat {
                Some(seat) => self.visit(desk, seat),
                None => return true,
            };
            left -= 1;
            self.saved -= 1;
        }
    }

    fn put(&self, state: &mut State<G>, goes: Goes<G>, kind: Seats) {
        match goes {
            Goes::Away => {}
            Goes::Back(seat) if seat.active >= self.now => state.hot.push_back(seat),
            Goes::Back(seat) => match kind {
                Seats::Hot => state.hot.push_back(seat),
                Seats::Cold => state.cold.push_back(seat),
            },
            Goes::Cools(seat) => self.cool(state, seat, true),
        }
    }

    /// Takes a quiet guest out of the hot ones: to a worker that blocks if one may, else to the cold.
    fn cool(&self, state: &mut State<G>, seat: Seat<G>, idle: bool) {
        if !(idle && self.shared.may_hold()) {
            return state.cold.push_back(seat);
        }
        if let Some(seat) = self.shared.hand_over(state, Errand::Hold, seat) {
            state.cold.push_back(seat);
        }
    }

    fn visit(&mut self, desk: &mut G::Desk, mut seat: Seat<G>) -> Goes<G> {
        let now = self.now;
        let turn = guarded::<G>(desk, |desk| seat.guest.look(desk, now));
        match turn {
            Turn::Over => {
                self.shared.drop_guest(seat.guest);
                Goes::Away
            }
            Turn::Ready => self.serve(desk, seat),
            Turn::ReadyLong => self.serve_long(seat),
            Turn::Moved => {
                self.earn(EARNED_BY_MOVING);
                self.goes_back_active(seat)
            }
            Turn::Idle if now.saturating_duration_since(seat.active) > COOLS_AFTER => {
                Goes::Cools(seat)
            }
            Turn::Idle | Turn::Stuck => Goes::Back(seat),
        }
    }

    fn serve(&mut self, desk: &mut G::Desk, seat: Seat<G>) -> Goes<G> {
        self.earn(EARNED_BY_SERVING);
        let mut seat = match self.hand_over_if_slow(seat) {
            Some(seat) => seat,
            None => return Goes::Away,
        };
        self.serves += 1;
        let serving = self.pulse();
        self.shared.pulse.store(serving, Ordering::Release);
        let turn = guarded::<G>(desk, |desk| seat.guest.serve(desk));
        self.serves += 1;
        // Only where no other sweeper has begun meanwhile is the pulse still its own.
        let (done, pulse) = (self.pulse(), &self.shared.pulse);
        if pulse
            .compare_exchange(serving, done, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            lock(&self.shared.state).stalled -= 1;
        }
        if turn == Turn::Over {
            self.shared.drop_guest(seat.guest);
            return Goes::Away;
        }
        self.goes_back_active(seat)
    }

    /// Handlers were slow a moment ago, or this is a chance find while calm and no sentry watches:
    /// another worker serves it, so that the ring is not left alone.
    fn hand_over_if_slow(&mut self, seat: Seat<G>) -> Option<Seat<G>> {
        let mut state = lock(&self.shared.state);
        let slow = state
            .hand_over_until
            .map_or(false, |until| until > self.now);
        if slow || !self.shared.busy.load(Ordering::Relaxed) {
            return self.shared.hand_over(&mut state, Errand::Serve, seat);
        }
        Some(seat)
    }

    /// Its handler may wait on the peer, so it gets a worker of its own and a place, or waits for both.
    fn serve_long(&mut self, seat: Seat<G>) -> Goes<G> {
        if !self.shared.places.take_to_serve() {
            return Goes::Back(seat);
        }
        let mut state = lock(&self.shared.state);
        match self.shared.hand_over(&mut state, Errand::ServeLong, seat) {
            None => {
                self.earn(EARNED_BY_SERVING);
                Goes::Away
            }
            Some(seat) => {
                self.shared.places.give_back();
                Goes::Back(seat)
            }
        }
    }

    /// What was found pays for more looking. With nobody left to look at, that can wait.
    fn stay_busy(&mut self) -> bool {
        let mut state = self.lock();
        if state.hot.is_empty() {
            self.saved = 0;
            self.shared.busy.store(false, Ordering::Relaxed);
            return self.nap(state);
        }
        if !self.shared.busy.swap(true, Ordering::Relaxed) && !state.sentry {
            self.shared.wake_worker(&mut state);
        }
        true
    }

    /// The savings are used up: quiet guests leave the hot ones, then naps keep to the budget.
    /// False when the ring is empty or another has taken over.
    fn calm_down(&mut self, desk: &mut G::Desk) -> bool {
        self.shared.busy.store(false, Ordering::Relaxed);
        let mut state = self.lock();
        if state.sweep != Some(self.number) {
            return false;
        }
        for _ in 0..state.hot.len() {
            if let Some(mut seat) = state.hot.pop_front() {
                // Whether it is between requests is its own affair: ask.
                let now = self.now;
                drop(state);
                let turn = guarded::<G>(desk, |desk| seat.guest.look(desk, now));
                state = self.lock();
                match turn {
                    Turn::Over => {
                        drop(state);
                        self.shared.drop_guest(seat.guest);
                        state = self.lock();
                    }
                    Turn::Idle | Turn::Stuck => self.cool(&mut state, seat, turn == Turn::Idle),
                    Turn::Moved | Turn::Ready | Turn::ReadyLong => {
                        self.saved = EARNED_BY_SERVING;
                        state.hot.push_back(Seat {
                            active: Instant::now(),
                            ..seat
                        });
                    }
                }
            }
        }
        self.nap(state)
    }

    fn nap(&mut self, mut state: MutexGuard<'_, State<G>>) -> bool {
        if state.sweep != Some(self.number) {
            return false;
        }
        if !state.hot.is_empty() {
            return true;
        }
        if state.cold.is_empty() {
            state.sweep = None;
            return false;
        }
        let length = (VISIT * BUDGET * state.cold.len() as u32).clamp(SHORTEST_NAP, LONGEST_NAP);
        let end = Instant::now() + length;
        state.napping = true;
        while state.hot.is_empty() && state.sweep == Some(self.number) {
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
        state.napping = false;
        true
    }

    /// How many cold guests may be looked at now.
    fn cold_due(&mut self) -> usize {
        let since = self.now.saturating_duration_since(self.cold_looked_at);
        let due = since.as_nanos() / (VISIT * BUDGET).as_nanos();
        // Worth a lock only for several of them.
        if due < 8 && since < SHORTEST_NAP {
            return 0;
        }
        self.cold_looked_at = self.now;
        let cold = self.lock().cold.len();
        cold.min(due.max(1) as usize)
    }

    fn earn(&mut self, visits: i64) {
        self.saved = (self.saved + visits).min(SAVED_AT_MOST);
    }

    fn goes_back_active(&self, seat: Seat<G>) -> Goes<G> {
        // Not before the pass began: this is how `put` knows that something came of it.
        Goes::Back(Seat {
            active: self.now,
            ..seat
        })
    }

    fn pulse(&self) -> u64 {
        self.number << 32 | (self.serves & 0xffff_ffff)
    }

    fn lock(&self) -> MutexGuard<'a, State<G>> {
        lock(&self.shared.state)
    }
}

#[derive(Clone, Copy)]
enum Seats {
    Hot,
    Cold,
}
