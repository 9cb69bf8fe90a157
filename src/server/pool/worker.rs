//! One worker's day: it answers calls, holds a task, sweeps, or stands sentry over who sweeps.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::scanner::Scan;
use super::state::{Call, Entry, Job, Shared, State};
use super::{Next, Task};
use crate::util::catch_panic::caught;
use crate::util::lock::lock;

/// A peer that answers this fast, this often, is in a loop with us: waiting for it asleep would
/// cost more than half of its time.
const CLOSED_LOOP_GAP: Duration = Duration::from_micros(60);
pub(crate) const CLOSED_LOOP_STREAK: u32 = 16;
/// How often the sentry looks whether the sweeper stalls.
const SENTRY_TICK: Duration = Duration::from_millis(1);
/// With this many stalled at the same time it is the handlers that are slow, not a sweeper that
/// lost its core for a moment: ready tasks are then handed to other workers for a while.
const STALLS: usize = 4;
const HAND_OVER_FOR: Duration = Duration::from_millis(100);

enum Assignment<G> {
    Attend(Call<G>),
    Scan(u64),
    Leave,
}

pub(crate) struct Worker<G: Task> {
    shared: Arc<Shared<G>>,
    buffers: G::Buffers,
}

impl<G: Task> Worker<G> {
    pub(crate) fn new(shared: Arc<Shared<G>>) -> Worker<G> {
        Worker {
            shared,
            buffers: G::Buffers::default(),
        }
    }

    pub(crate) fn run(&mut self) {
        loop {
            match self.next_task() {
                Assignment::Attend(call) => self.attend(call.job, call.task),
                Assignment::Scan(number) => {
                    let shared = Arc::clone(&self.shared);
                    Scan::new(&shared, number).run(&mut self.buffers);
                }
                Assignment::Leave => return,
            }
        }
    }

    fn next_task(&self) -> Assignment<G> {
        let shared = &self.shared;
        let mut state = lock(&shared.state);
        loop {
            // The ring first: whoever answers a call may be gone for long, and there may be nobody
            // else.
            let unswept = state.sweep.is_none() && !state.ring_is_empty();
            if unswept && (state.called.is_empty() || !shared.is_alone(&state)) {
                let number = shared.begin_sweep(&mut state);
                state.take_in_calls();
                return Assignment::Scan(number);
            }
            if let Some(call) = state.called.pop_front() {
                if state.sweep.is_some() && !state.napping && !state.sentry && state.idle > 0 {
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
                    return Assignment::Scan(shared.begin_sweep(&mut state));
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

    /// Holds a task, or serves it and then holds it, until it is over or better off in the ring.
    fn attend(&mut self, job: Job, task: Box<G>) {
        let shared = Arc::clone(&self.shared);
        let mut task = task;
        let mut job = job;
        let mut streak = 0;
        loop {
            let turn = match job {
                Job::AwaitRequest => {
                    if !shared.take_to_hold() {
                        return self.release(task);
                    }
                    let since = Instant::now();
                    let turn = self.guarded(|buffers| task.wait(buffers));
                    shared.places.give_back();
                    streak = if since.elapsed() < CLOSED_LOOP_GAP {
                        streak + 1
                    } else {
                        0
                    };
                    turn
                }
                Job::Run => self.guarded(|buffers| task.run(buffers)),
                Job::RunMayBlock => {
                    let turn = self.guarded(|buffers| task.run(buffers));
                    shared.places.give_back_from_serving();
                    turn
                }
            };
            job = match turn {
                Next::Done => return shared.task_done(task),
                // The sweeper finds it when it next looks; without one it is this worker's turn.
                Next::Closing => {
                    lock(&shared.state).cold.push_back(Entry::new(task));
                    return;
                }
                // A client that pipelines without end: others need this worker as much.
                Next::Run if job != Job::AwaitRequest && self.is_pressed() => {
                    return self.release(task)
                }
                Next::Run => Job::Run,
                Next::RunMayBlock if shared.take_to_serve() => Job::RunMayBlock,
                Next::Idle if job != Job::AwaitRequest && self.stays_calm(&mut streak) => {
                    Job::AwaitRequest
                }
                _ => return self.release(task),
            };
        }
    }

    fn is_pressed(&self) -> bool {
        self.shared.pressed.load(Ordering::Acquire)
    }

    /// After a request: whether to go on holding its task.
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

    fn release(&self, task: Box<G>) {
        let mut state = lock(&self.shared.state);
        if state.sweep.is_none() {
            // This worker is about to ask for a task and will find the ring.
            state.hot.push_back(Entry::new(task));
        } else {
            self.shared.to_ring(&mut state, task);
        }
    }

    /// A panic in a task ends that task, never the worker.
    fn guarded(&mut self, act: impl FnOnce(&mut G::Buffers) -> Next) -> Next {
        guarded::<G>(&mut self.buffers, act)
    }
}

pub(crate) fn guarded<G: Task>(
    buffers: &mut G::Buffers,
    act: impl FnOnce(&mut G::Buffers) -> Next,
) -> Next {
    caught(|| act(buffers)).unwrap_or_else(|_| {
        *buffers = G::Buffers::default();
        Next::Done
    })
}
