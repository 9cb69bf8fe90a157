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
use crate::util::catch_panic::caught;
use crate::util::lock::lock;

/// Above this rate of requests sweeping costs less than waking a thread for each
/// (measured: a look that finds nothing takes 0.7 µs, a wake-up 10 µs of CPU and 40 µs of time).
const BUSY_WINDOW: u64 = 256;
const BUSY_SPAN: Duration = Duration::from_micros(BUSY_WINDOW * 1_000_000 / 30_000);
/// A system that has no thread to give is left alone for so long.
pub(crate) const NO_THREAD_FOR: Duration = Duration::from_millis(100);
/// How long serving in place is given up for when handlers turn out to be slow.
const SHORTEST_CALM: Duration = Duration::from_millis(100);
const LONGEST_CALM: Duration = Duration::from_secs(3);

pub(crate) struct Shared<G: Task> {
    pub(crate) state: Mutex<State<G>>,
    /// Idle workers wait here. Guarded by `state`.
    pub(crate) work: Condvar,
    /// The sweeper naps here between looks at cold tasks. Guarded by `state`.
    pub(crate) nap: Condvar,
    pub(crate) places: BlockingQuota,
    pub(crate) size: usize,
    /// The sweeper is at it: tasks go to the ring. Written under `state`, read anywhere.
    pub(crate) busy: AtomicBool,
    /// Work was queued and nobody was free: whoever holds a task between requests lets go of it.
    pub(crate) pressed: AtomicBool,
    /// There is a [`State::refusal`].
    pub(crate) refused: AtomicBool,
    /// Counts the sweeper's serves: odd while one is under way. The sentry compares two readings.
    pub(crate) pulse: AtomicU64,
    /// Requests served by holders since `window_start`.
    pub(crate) calm_served: AtomicU64,
    pub(crate) window_start: Mutex<Instant>,
    pub(crate) tasks: AtomicUsize,
    /// While busy, the sweeper looks after the doors too: a thread that waits at one would have to
    /// be woken for every task.
    pub(crate) doors: Mutex<Vec<Lent<G>>>,
    /// Something is wrong at a door, or the sweeper is busy no more. Guarded by `doors`.
    pub(crate) door_back: Condvar,
    /// Threads the system grants, as far as a test is concerned.
    #[cfg(test)]
    pub(crate) most_threads: AtomicUsize,
}

/// A door, and what the sweeper found wrong there: then it leaves it alone.
pub(crate) type Lent<G> = (Arc<Acceptor<G>>, io::Result<()>);

pub(crate) struct State<G> {
    /// Guests for whom a worker was called.
    pub(crate) called: VecDeque<Call<G>>,
    /// Guests nobody waits on, looked at without pause.
    pub(crate) hot: VecDeque<Entry<G>>,
    /// Guests nobody waits on, looked at within the budget.
    pub(crate) cold: VecDeque<Entry<G>>,
    pub(crate) workers: usize,
    pub(crate) idle: usize,
    /// The running sweep's number, while there is one. A sweeper that finds another is relieved.
    pub(crate) sweep: Option<u64>,
    pub(crate) sweeps: u64,
    /// The sweeper naps, so that no sentry is needed. Whoever has work for it makes this false.
    pub(crate) napping: bool,
    /// Somebody came to the ring while the sweeper was looking at others.
    pub(crate) news: bool,
    pub(crate) sentry: bool,
    /// Sweepers that were relieved and whose handler still runs.
    pub(crate) stalled: usize,
    /// Ready tasks are handed to other workers until then.
    pub(crate) hand_over_until: Option<Instant>,
    /// Handlers were too slow for serving in place: not again before then, and the time after that.
    pub(crate) not_busy_before: Option<Instant>,
    pub(crate) not_busy_for: Duration,
    /// The system had no thread to give: it is not asked again before then.
    pub(crate) no_thread_before: Option<Instant>,
    /// Why it had none, until that is asked for.
    pub(crate) refusal: Option<io::Error>,
    pub(crate) closing: bool,
}

/// A task in the ring and when something last came of it.
pub(crate) struct Entry<G> {
    pub(crate) task: Box<G>,
    pub(crate) active: Instant,
    /// It was between requests when last looked at.
    pub(crate) idle: bool,
}

impl<G> State<G> {
    pub(crate) fn ring_is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// The calls for which no worker is left go to the ring. An upload has its place, and waits.
    pub(crate) fn take_in_calls(&mut self) -> bool {
        let before = self.hot.len();
        while self.called.len() > self.idle {
            match self.called.pop_back() {
                Some(call) if call.job != Job::RunMayBlock => {
                    self.hot.push_back(Entry::new(call.task));
                }
                Some(upload) => {
                    self.called.push_back(upload);
                    break;
                }
                None => break,
            }
        }
        self.hot.len() > before
    }

    pub(crate) fn may_be_busy(&self, now: Instant) -> bool {
        self.not_busy_before.map_or(true, |before| now >= before)
    }

    /// Serving in place did not pay: try again later, and later still each time.
    pub(crate) fn give_up_busy(&mut self, now: Instant) {
        if self
            .not_busy_before
            .map_or(true, |before| now > before + self.not_busy_for * 2)
        {
            self.not_busy_for = SHORTEST_CALM;
        }
        self.not_busy_before = Some(now + self.not_busy_for);
        self.not_busy_for = (self.not_busy_for * 2).min(LONGEST_CALM);
    }
}

impl<G> Entry<G> {
    pub(crate) fn new(task: Box<G>) -> Entry<G> {
        Entry {
            task,
            active: Instant::now(),
            idle: false,
        }
    }
}

pub(crate) struct Call<G> {
    pub(crate) job: Job,
    pub(crate) task: Box<G>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    AwaitRequest,
    Run,
    /// As `Run`; one of the [`BlockingQuota`] is already taken for it.
    RunMayBlock,
}

impl<G: Task> Shared<G> {
    pub(crate) fn new(size: usize) -> Shared<G> {
        Shared {
            state: Mutex::new(State {
                called: VecDeque::new(),
                hot: VecDeque::new(),
                cold: VecDeque::new(),
                workers: 0,
                idle: 0,
                sweep: None,
                sweeps: 0,
                napping: false,
                news: false,
                sentry: false,
                stalled: 0,
                hand_over_until: None,
                not_busy_before: None,
                not_busy_for: SHORTEST_CALM,
                no_thread_before: None,
                refusal: None,
                closing: false,
            }),
            work: Condvar::new(),
            nap: Condvar::new(),
            places: BlockingQuota::new(size),
            size,
            busy: AtomicBool::new(false),
            pressed: AtomicBool::new(false),
            refused: AtomicBool::new(false),
            pulse: AtomicU64::new(0),
            calm_served: AtomicU64::new(0),
            window_start: Mutex::new(Instant::now()),
            tasks: AtomicUsize::new(0),
            doors: Mutex::default(),
            door_back: Condvar::new(),
            #[cfg(test)]
            most_threads: AtomicUsize::new(usize::MAX),
        }
    }

    /// Queues a task for the next worker that is free.
    pub(crate) fn call(self: &Arc<Self>, state: &mut State<G>, job: Job, task: Box<G>) {
        state.called.push_back(Call { job, task });
        self.wake_worker(state);
    }

    /// Whether there is no second worker to be had.
    pub(crate) fn is_alone(&self, state: &State<G>) -> bool {
        state.workers == 1 && !self.may_grow(state)
    }

    pub(crate) fn may_grow(&self, state: &State<G>) -> bool {
        let granted = |before| Instant::now() >= before;
        let asks = state.workers == 0 || state.no_thread_before.map_or(true, granted);
        asks && state.workers < self.size
    }

    /// Whether one more call would find a worker at once. Those that were notified and have not
    /// woken yet still count as idle: compare with what is queued for them, or a burst would wait
    /// for a few. The sentry does not leave its post for a task that may be quiet for long.
    pub(crate) fn worker_free(&self, state: &State<G>, job: Job) -> bool {
        let stays = state.sentry && job == Job::AwaitRequest;
        state.idle > state.called.len() + usize::from(stays) || self.may_grow(state)
    }

    /// Whether a quiet task would find a place.
    pub(crate) fn may_hold(&self, state: &State<G>) -> bool {
        self.places.may_hold() && (self.places.leaves_enough() || self.may_grow(state))
    }

    /// A place for a quiet task, started workers that are left behind included.
    pub(crate) fn take_to_hold(self: &Arc<Self>) -> bool {
        let mut took = self.places.take_to_hold();
        while !took && self.places.may_hold() && self.grow(&mut lock(&self.state)) {
            took = self.places.take_to_hold();
        }
        took
    }

    /// As `take_to_hold`, for a handler that may wait on its peer.
    pub(crate) fn take_to_serve(self: &Arc<Self>) -> bool {
        let mut took = self.places.take_to_serve();
        while !took && self.places.may_serve() && self.grow(&mut lock(&self.state)) {
            took = self.places.take_to_serve();
        }
        took
    }

    /// Hands a task that is ready to another worker. Gives it back if there is none.
    pub(crate) fn hand_over(
        self: &Arc<Self>,
        state: &mut State<G>,
        job: Job,
        entry: Entry<G>,
    ) -> Option<Entry<G>> {
        if !self.worker_free(state, job) {
            if job != Job::AwaitRequest {
                // The sweeper serves it, and nobody watches.
                self.pressed.store(true, Ordering::Release);
            }
            return Some(entry);
        }
        self.call(state, job, entry.task);
        None
    }

    pub(crate) fn to_ring(self: &Arc<Self>, state: &mut State<G>, task: Box<G>) {
        state.hot.push_back(Entry::new(task));
        self.call_sweeper(state);
    }

    pub(crate) fn call_sweeper(self: &Arc<Self>, state: &mut State<G>) {
        if state.sweep.is_none() {
            self.wake_worker(state);
        } else if state.napping {
            state.napping = false;
            self.nap.notify_one();
        } else {
            state.news = true;
            if state.idle == 0 {
                // Nobody watches the sweeper, who may be in a handler.
                self.pressed.store(true, Ordering::Release);
            }
        }
    }

    /// Gets one more worker to come and see what there is to do.
    pub(crate) fn wake_worker(self: &Arc<Self>, state: &mut State<G>) {
        let wanted = state.called.len() + usize::from(state.sweep.is_none());
        if state.idle >= wanted.max(1) {
            self.work.notify_one();
        } else if self.grow(state) {
            // It comes by itself.
        } else if state.idle > 0 {
            self.work.notify_one();
        } else {
            self.pressed.store(true, Ordering::Release);
        }
    }

    fn grow(self: &Arc<Self>, state: &mut State<G>) -> bool {
        if !self.may_grow(state) {
            return false;
        }
        let started = self.start_worker();
        let is_started = started.is_ok();
        if is_started {
            state.workers += 1;
            self.places.workers.store(state.workers, Ordering::Release);
        } else {
            state.refusal = started.err();
            self.refused.store(true, Ordering::Relaxed);
            state.no_thread_before = Some(Instant::now() + NO_THREAD_FOR);
            // What was meant for it, and for others before it that are not there either.
            if state.take_in_calls() && state.workers > 0 {
                self.call_sweeper(state);
            }
        }
        is_started
    }

    fn start_worker(self: &Arc<Self>) -> io::Result<()> {
        #[cfg(test)]
        {
            let one = |left: usize| left.checked_sub(1);
            let granted = self
                .most_threads
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
    pub(crate) fn note_served(&self, weight: u64) -> bool {
        let before = self.calm_served.fetch_add(weight, Ordering::Relaxed);
        if before / BUSY_WINDOW == (before + weight) / BUSY_WINDOW {
            return false;
        }
        let mut start = lock(&self.window_start);
        let now = Instant::now();
        let span = now.saturating_duration_since(*start);
        *start = now;
        span < BUSY_SPAN
    }

    /// Sends the load to the ring, unless that was found not to pay a moment ago.
    pub(crate) fn begin_busy(&self) -> bool {
        let may = lock(&self.state).may_be_busy(Instant::now());
        if may {
            self.busy.store(true, Ordering::Relaxed);
        }
        may
    }

    pub(crate) fn task_done(&self, task: Box<G>) {
        // A reader or an upgrade that the task still holds is the user's code, and may panic.
        let _ = caught(|| drop(task));
        if self.tasks.fetch_sub(1, Ordering::AcqRel) == 1 && lock(&self.state).closing {
            self.work.notify_all();
        }
    }
}

/// What [`Shared::pulse`] reads when a sweep has begun and ended so many serves, together.
pub(crate) fn pulse(sweep: u64, serves: u64) -> u64 {
    sweep << 32 | (serves & 0xffff_ffff)
}

impl<G: Task> Shared<G> {
    pub(crate) fn begin_sweep(self: &Arc<Self>, state: &mut State<G>) -> u64 {
        state.sweeps += 1;
        state.sweep = Some(state.sweeps);
        state.napping = false;
        // Under the same lock as the takeover: a sweeper that comes back right now has to see both.
        self.pulse.store(pulse(state.sweeps, 0), Ordering::Release);
        // A handler that stalls the sweeper is noticed by a sentry, if there is anyone to be it.
        if !state.sentry {
            self.wake_worker(state);
        }
        state.sweeps
    }

    /// Takes the pulse from a sweeper that stalls. False if it has come back this very moment: of
    /// the two only one gets to change the pulse, and so both know who sweeps.
    pub(crate) fn relieve(&self, state: &State<G>, stalled: u64) -> bool {
        let begun = pulse(state.sweeps + 1, 0);
        self.pulse
            .compare_exchange(stalled, begun, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    pub(crate) fn drop_task(&self, task: Box<G>) {
        self.task_done(task);
    }

    /// Lets in who waits at the doors that were lent. How many they were.
    pub(crate) fn answer_doors(&self, now: Instant) -> usize {
        let mut doors = lock(&self.doors);
        let mut fresh = Vec::new();
        for (open, found) in doors.iter_mut().filter(|(_, found)| found.is_ok()) {
            *found = open(&mut |task| fresh.push(task));
            if found.is_err() {
                self.door_back.notify_all();
            }
        }
        drop(doors);
        let count = fresh.len();
        if count > 0 {
            self.tasks.fetch_add(count, Ordering::AcqRel);
            let seats = fresh.drain(..).map(|task| Entry {
                task,
                active: now,
                idle: false,
            });
            lock(&self.state).hot.extend(seats);
        }
        count
    }

    /// The sweeper is busy no more: whoever lent a door waits there again.
    pub(crate) fn calm(&self) {
        if self.busy.swap(false, Ordering::Relaxed) {
            drop(lock(&self.doors));
            self.door_back.notify_all();
        }
    }
}
