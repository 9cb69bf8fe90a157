//! One worker's day: it answers calls, holds a guest, sweeps, or stands sentry over who sweeps.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::scanner::Sweep;
use super::state::{Call, Errand, Seat, Shared, State};
use super::{Guest, Turn};
use crate::util::catch_panic::caught;
use crate::util::lock::lock;

/// A peer that answers this fast, this often, is in a loop with us: waiting for it asleep would
/// cost more than half of its time.
const CLOSED_LOOP_GAP: Duration = Duration::from_micros(60);
pub(crate) const CLOSED_LOOP_STREAK: u32 = 16;
/// How often the sentry looks whether the sweeper stalls.
const SENTRY_TICK: Duration = Duration::from_millis(1);
/// With this many stalled at the same time it is the handlers that are slow, not a sweeper that
/// lost its core for a moment: ready guests are then handed to other workers for a while.
const STALLS: usize = 4;
const HAND_OVER_FOR: Duration = Duration::from_millis(100);

enum Task<G> {
    Attend(Call<G>),
    Sweep(u64),
    Leave,
}

pub(crate) struct Worker<G: Guest> {
    shared: Arc<Shared<G>>,
    desk: G::Desk,
}

impl<G: Guest> Worker<G> {
    pub(crate) fn new(shared: Arc<Shared<G>>) -> Worker<G> {
        Worker {
            shared,
            desk: G::Desk::default(),
        }
    }

    pub(crate) fn run(&mut self) {
        loop {
            match self.next_task() {
                Task::Attend(call) => self.attend(call.errand, call.guest),
                Task::Sweep(number) => {
                    let shared = Arc::clone(&self.shared);
                    Sweep::new(&shared, number).run(&mut self.desk);
                }
                Task::Leave => return,
            }
        }
    }

    fn next_task(&self) -> Task<G> {
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        loop {
            // The ring first: whoever answers a call may be gone for long, and there may be nobody
            // else.
            let unswept = state.sweep.is_none() && !state.ring_is_empty();
            if unswept && (state.called.is_empty() || !shared.is_alone(&state)) {
                let number = shared.begin_sweep(&mut state);
                state.take_in_calls();
                return Task::Sweep(number);
            }
            if let Some(call) = state.called.pop_front() {
                if state.sweep.is_some() && !state.napping && !state.sentry && state.idle > 0 {
                    // It may be the sentry who answers this call: another takes the post.
                    shared.work.notify_one();
                }
                return Task::Attend(call);
            }
            if state.closing && shared.guests.load(Ordering::Acquire) == 0 {
                state.workers -= 1;
                return Task::Leave;
            }
            // Somebody is free; whoever only answers a call is not.
            shared.pressed.store(false, Ordering::Release);
            state.idle += 1;
            if state.sweep.is_some() && !state.napping && !state.sentry {
                let (back, stalled) = self.watch(state);
                state = back;
                state.idle -= 1;
                if stalled {
                    state.stalled += 1;
                    if state.stalled >= STALLS {
                        state.hand_over_until = Some(Instant::now() + HAND_OVER_FOR);
                    }
                    return Task::Sweep(shared.begin_sweep(&mut state));
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
        mut state: MutexGuard<'a, State<G>>,
    ) -> (MutexGuard<'a, State<G>>, bool) {
        let shared = &self.shared;
        state.sentry = true;
        let mut seen = shared.pulse.load(Ordering::Acquire);
        let stalled = loop {
            let waited = shared.work.wait_timeout(state, SENTRY_TICK);
            let (back, wait) = waited.unwrap_or_else(|e| e.into_inner());
            state = back;
            if !state.called.is_empty() || state.sweep.is_none() || state.napping {
                break false;
            }
            if !wait.timed_out() {
                continue;
            }
            let pulse = shared.pulse.load(Ordering::Acquire);
            let stalls = pulse == seen && pulse % 2 == 1 && !state.ring_is_empty();
            if stalls && shared.relieve(&state, pulse) {
                break true;
            }
            seen = pulse;
        };
        state.sentry = false;
        (state, stalled)
    }

    /// Holds a guest, or serves it and then holds it, until it is over or better off in the ring.
    fn attend(&mut self, errand: Errand, guest: Box<G>) {
        let shared = Arc::clone(&self.shared);
        let mut guest = guest;
        let mut errand = errand;
        let mut streak = 0;
        loop {
            let turn = match errand {
                Errand::Hold => {
                    if !shared.take_to_hold() {
                        return self.release(guest);
                    }
                    let since = Instant::now();
                    let turn = self.guarded(|desk| guest.wait(desk));
                    shared.places.give_back();
                    streak = if since.elapsed() < CLOSED_LOOP_GAP {
                        streak + 1
                    } else {
                        0
                    };
                    turn
                }
                Errand::Serve => self.guarded(|desk| guest.serve(desk)),
                Errand::ServeLong => {
                    let turn = self.guarded(|desk| guest.serve(desk));
                    shared.places.give_back_from_serving();
                    turn
                }
            };
            errand = match turn {
                Turn::Over => return shared.guest_over(guest),
                // The sweeper finds it when it next looks; without one it is this worker's turn.
                Turn::Leaving => {
                    lock(&shared.state).cold.push_back(Seat::new(guest));
                    return;
                }
                // A client that pipelines without end: others need this worker as much.
                Turn::Ready if errand != Errand::Hold && self.is_pressed() => {
                    return self.release(guest)
                }
                Turn::Ready => Errand::Serve,
                Turn::ReadyLong if shared.take_to_serve() => Errand::ServeLong,
                Turn::Idle if errand != Errand::Hold && self.stays_calm(&mut streak) => {
                    Errand::Hold
                }
                _ => return self.release(guest),
            };
        }
    }

    fn is_pressed(&self) -> bool {
        self.shared.pressed.load(Ordering::Acquire)
    }

    /// After a request: whether to go on holding its guest.
    fn stays_calm(&self, streak: &mut u32) -> bool {
        let shared = &self.shared;
        if shared.busy.load(Ordering::Relaxed) || self.is_pressed() {
            return false;
        }
        if *streak < CLOSED_LOOP_STREAK && !shared.note_served(1) {
            return true;
        }
        *streak = 0;
        !shared.begin_busy()
    }

    fn release(&self, guest: Box<G>) {
        let mut state = lock(&self.shared.state);
        if state.sweep.is_none() {
            // This worker is about to ask for a task and will find the ring.
            state.hot.push_back(Seat::new(guest));
        } else {
            self.shared.to_ring(&mut state, guest);
        }
    }

    /// A panic in a guest ends that guest, never the worker.
    fn guarded(&mut self, act: impl FnOnce(&mut G::Desk) -> Turn) -> Turn {
        guarded::<G>(&mut self.desk, act)
    }
}

pub(crate) fn guarded<G: Guest>(
    desk: &mut G::Desk,
    act: impl FnOnce(&mut G::Desk) -> Turn,
) -> Turn {
    caught(|| act(desk)).unwrap_or_else(|_| {
        *desk = G::Desk::default();
        Turn::Over
    })
}
