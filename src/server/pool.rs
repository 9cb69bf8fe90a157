//! The workers: who runs a handler, who waits on a peer, and who looks after everybody else.
//! It cares for [`Guest`]s and knows nothing of HTTP, sockets or addresses.
//!
//! ```text
//!             admit                        a request came
//!    ─────────────────► held by a worker ◄───────────────┐
//!                        (blocking read) ──── serve ─────┘      calm: no wake-ups, no CPU
//!                             │  ▲
//!      no place, half a       │  │ quiet, and a place is free
//!      request, or busy       ▼  │
//!                            ring: hot ──── serve in place       busy: no thread switches
//!                             │  ▲
//!                       quiet ▼  │ something came
//!                            ring: cold, looked at within a CPU budget
//! ```
//!
//! One worker at a time is the *sweeper*: it looks at the ring's guests without waiting and serves
//! what it finds in place. Another, the *sentry*, wakes every millisecond while the sweeper is at
//! work and takes the ring over when a handler stalls it. How many workers may wait on a peer at
//! the same time is bounded ([`Places`]), so that no peer can pin the pool.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use super::sweep::Sweep;
use crate::lock::lock;

/// One connection, as the pool sees it.
pub(crate) trait Guest: Send + 'static {
    /// What a worker owns and lends to the guest it attends to: buffers to be used again.
    type Desk: Default;

    /// Does what can be done at once, without waiting for the peer and without running a handler.
    fn look(&mut self, desk: &mut Self::Desk, now: Instant) -> Turn;

    /// Waits for the peer of an idle guest, at most until its own deadline.
    fn wait(&mut self, desk: &mut Self::Desk) -> Turn;

    /// Runs the handler, or what is left of it, and sends what the peer takes at once.
    /// May wait on the peer only after [`Turn::ReadyLong`].
    fn serve(&mut self, desk: &mut Self::Desk) -> Turn;
}

/// What a guest needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing: it is between requests. Only such a guest may be held.
    Idle,
    /// Its peer: something is half done, and nothing has moved.
    Stuck,
    /// Its peer: something is half done, and some of it has moved.
    Moved,
    /// A worker, to serve it.
    Ready,
    /// A worker, to serve it, which may wait on the peer meanwhile.
    ReadyLong,
    /// To be dropped.
    Over,
}

/// Above this rate of requests sweeping costs less than waking a thread for each
/// (measured: a look that finds nothing takes 0.7 µs, a wake-up 10 µs of CPU and 40 µs of time).
const BUSY_WINDOW: u64 = 256;
const BUSY_SPAN: Duration = Duration::from_micros(BUSY_WINDOW * 1_000_000 / 30_000);
/// A peer that answers this fast, this often, is in a loop with us: waiting for it asleep would
/// cost more than half of its time.
const CLOSED_LOOP_GAP: Duration = Duration::from_micros(60);
const CLOSED_LOOP_STREAK: u32 = 16;
/// How often the sentry looks whether the sweeper stalls.
const SENTRY_TICK: Duration = Duration::from_millis(1);
/// With this many stalled at the same time it is the handlers that are slow, not a sweeper that
/// lost its core for a moment: ready guests are then handed to other workers for a while.
const STALLS: usize = 4;
const HAND_OVER_FOR: Duration = Duration::from_millis(100);
/// A system that has no thread to give is left alone for so long.
const NO_THREAD_FOR: Duration = Duration::from_millis(100);

/// How long serving in place is given up for when handlers turn out to be slow.
const SHORTEST_CALM: Duration = Duration::from_millis(100);
const LONGEST_CALM: Duration = Duration::from_secs(3);

/// Where guests come from: hands over those that are waiting, without waiting for more. False when
/// something is wrong there, and someone who may take his time should see to it.
pub(crate) type Door<G> = dyn Fn(&mut dyn FnMut(Box<G>)) -> bool + Send + Sync;

/// A pool of at most `size` workers, started on demand.
pub(crate) struct Pool<G: Guest> {
    shared: Arc<Shared<G>>,
}

pub(super) struct Shared<G: Guest> {
    pub(super) state: Mutex<State<G>>,
    /// Idle workers wait here. Guarded by `state`.
    work: Condvar,
    /// The sweeper naps here between looks at cold guests. Guarded by `state`.
    pub(super) nap: Condvar,
    pub(super) places: Places,
    size: usize,
    /// The sweeper is at it: guests go to the ring. Written under `state`, read anywhere.
    pub(super) busy: AtomicBool,
    /// Work was queued and nobody was free: whoever holds a guest between requests lets go of it.
    pressed: AtomicBool,
    /// Counts the sweeper's serves: odd while one is under way. The sentry compares two readings.
    pub(super) pulse: AtomicU64,
    /// Requests served by holders since `window_start`.
    calm_served: AtomicU64,
    window_start: Mutex<Instant>,
    pub(super) guests: AtomicUsize,
    /// While busy, the sweeper looks after the door too: a thread that waits there would have to
    /// be woken for every guest.
    door: Mutex<Option<Arc<Door<G>>>>,
    /// The door is nobody's any more. Guarded by `door`.
    door_back: Condvar,
    /// Threads the system grants, as far as a test is concerned.
    #[cfg(test)]
    most_threads: AtomicUsize,
}

pub(super) struct State<G> {
    /// Guests for whom a worker was called.
    called: VecDeque<Call<G>>,
    /// Guests nobody waits on, looked at without pause.
    pub(super) hot: VecDeque<Seat<G>>,
    /// Guests nobody waits on, looked at within the budget.
    pub(super) cold: VecDeque<Seat<G>>,
    workers: usize,
    idle: usize,
    /// The running sweep's number, while there is one. A sweeper that finds another is relieved.
    pub(super) sweep: Option<u64>,
    sweeps: u64,
    /// The sweeper naps, so that no sentry is needed. Whoever has work for it makes this false.
    pub(super) napping: bool,
    pub(super) sentry: bool,
    /// Sweepers that were relieved and whose handler still runs.
    pub(super) stalled: usize,
    /// Ready guests are handed to other workers until then.
    pub(super) hand_over_until: Option<Instant>,
    /// Handlers were too slow for serving in place: not again before then, and the time after that.
    not_busy_before: Option<Instant>,
    not_busy_for: Duration,
    /// The system had no thread to give: it is not asked again before then.
    no_thread_before: Option<Instant>,
    closing: bool,
}

/// A guest in the ring and when something last came of it.
pub(super) struct Seat<G> {
    pub(super) guest: Box<G>,
    pub(super) active: Instant,
    /// It was between requests when last looked at.
    pub(super) idle: bool,
}

impl<G> State<G> {
    pub(super) fn ring_is_empty(&self) -> bool {
        self.hot.is_empty() && self.cold.is_empty()
    }

    /// The calls for which no worker is left go to the ring. An upload has its place, and waits.
    fn take_in_calls(&mut self) -> bool {
        let before = self.hot.len();
        while self.called.len() > self.idle {
            match self.called.pop_back() {
                Some(call) if call.errand != Errand::ServeLong => {
                    self.hot.push_back(Seat::new(call.guest));
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

    pub(super) fn may_be_busy(&self, now: Instant) -> bool {
        self.not_busy_before.map_or(true, |before| now >= before)
    }

    /// Serving in place did not pay: try again later, and later still each time.
    pub(super) fn give_up_busy(&mut self, now: Instant) {
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

impl<G> Seat<G> {
    fn new(guest: Box<G>) -> Seat<G> {
        Seat {
            guest,
            active: Instant::now(),
            idle: false,
        }
    }
}

struct Call<G> {
    errand: Errand,
    guest: Box<G>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Errand {
    Hold,
    Serve,
    /// As `Serve`; one of the [`Places`] is already taken for it.
    ServeLong,
}

/// The workers that may wait on a peer at the same time: quiet guests may have all but a reserve
/// of a quarter. Uploads may have half of the reserve besides, and where that is nothing, the last
/// place is for them alone: quiet guests stay for long, and an upload would wait until one leaves.
pub(super) struct Places {
    taken: AtomicUsize,
    /// The workers there are. Written under the pool's lock.
    workers: AtomicUsize,
    holding: usize,
    serving: usize,
}

impl Places {
    fn new(size: usize) -> Places {
        let reserve = (size / 4).max(1);
        let most = size - reserve;
        // A pool of one has no reserve to keep. It holds nobody, but it must be able to take an
        // upload; that upload is then bounded by its minimum rate alone.
        let (holding, serving) = match reserve {
            1 => (most.saturating_sub(1), most.max(1)),
            _ => (most, most + reserve / 2),
        };
        Places {
            taken: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            holding,
            serving,
        }
    }

    /// However few workers there are as yet, whoever waits leaves some behind that do not.
    fn take(&self, most: usize) -> bool {
        let free = |taken| if taken < most { Some(taken + 1) } else { None };
        self.taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, free)
            .is_ok()
    }

    /// Leaves one that sweeps, and one for an upload.
    fn take_to_hold(&self) -> bool {
        self.take(self.holding.min(self.all_but_two()))
    }

    fn all_but_two(&self) -> usize {
        self.workers.load(Ordering::Acquire).saturating_sub(2)
    }

    fn leaves_enough(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.all_but_two()
    }

    /// Leaves one that sweeps. A worker that is alone for want of threads does as a pool of one.
    fn take_to_serve(&self) -> bool {
        let workers = self.workers.load(Ordering::Acquire);
        self.take(self.serving.min(workers.saturating_sub(1).max(1)))
    }

    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }

    fn may_serve(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.serving
    }

    fn may_hold(&self) -> bool {
        self.taken.load(Ordering::Acquire) < self.holding
    }
}

enum Task<G> {
    Attend(Call<G>),
    Sweep(u64),
    Leave,
}

impl<G: Guest> Pool<G> {
    /// # Panics
    ///
    /// If `size` is 0.
    pub(crate) fn new(size: usize) -> Pool<G> {
        assert!(size > 0, "a pool needs at least one worker");
        Pool {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    called: VecDeque::new(),
                    hot: VecDeque::new(),
                    cold: VecDeque::new(),
                    workers: 0,
                    idle: 0,
                    sweep: None,
                    sweeps: 0,
                    napping: false,
                    sentry: false,
                    stalled: 0,
                    hand_over_until: None,
                    not_busy_before: None,
                    not_busy_for: SHORTEST_CALM,
                    no_thread_before: None,
                    closing: false,
                }),
                work: Condvar::new(),
                nap: Condvar::new(),
                places: Places::new(size),
                size,
                busy: AtomicBool::new(false),
                pressed: AtomicBool::new(false),
                pulse: AtomicU64::new(0),
                calm_served: AtomicU64::new(0),
                window_start: Mutex::new(Instant::now()),
                guests: AtomicUsize::new(0),
                door: Mutex::new(None),
                door_back: Condvar::new(),
                #[cfg(test)]
                most_threads: AtomicUsize::new(usize::MAX),
            }),
        }
    }

    /// Takes care of a guest until it is over. Gives it back if no worker can be started at all.
    pub(crate) fn admit(&self, guest: Box<G>) -> Result<(), Box<G>> {
        let shared = &self.shared;
        shared.guests.fetch_add(1, Ordering::AcqRel);
        // A connection costs more than a request: it counts as two.
        if !shared.busy.load(Ordering::Relaxed) && shared.note_served(2) {
            shared.begin_busy();
        }
        let mut state = lock(&shared.state);
        if shared.busy.load(Ordering::Relaxed) {
            shared.to_ring(&mut state, guest);
        } else if shared.worker_free(&state, Errand::Hold) {
            shared.call(&mut state, Errand::Hold, guest);
        } else {
            shared.to_ring(&mut state, guest);
        }
        if state.workers > 0 {
            return Ok(());
        }
        // Not one thread to be had: whatever is queued is this guest, nobody else could be.
        shared.guests.fetch_sub(1, Ordering::AcqRel);
        let last = state.called.pop_back().map(|call| call.guest);
        match last.or_else(|| state.hot.pop_back().map(|seat| seat.guest)) {
            Some(guest) => Err(guest),
            None => Ok(()),
        }
    }

    /// Whether the sweeper is at work without pause.
    pub(crate) fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::Relaxed)
    }

    /// Has the sweeper look after the door, for `time` at most or until it is busy no more. False
    /// if it gave the door back because something is wrong there.
    pub(crate) fn lend_door(&self, door: Arc<Door<G>>, time: Duration) -> bool {
        let shared = &self.shared;
        let until = Instant::now() + time;
        let mut lent = lock(&shared.door);
        *lent = Some(door);
        while lent.is_some() && self.is_busy() {
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            lent = shared
                .door_back
                .wait_timeout(lent, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
        lent.take().is_some() || !self.is_busy()
    }

    /// Has every guest of the ring looked at now, whatever the budget.
    pub(crate) fn rouse(&self) {
        let mut state = lock(&self.shared.state);
        let cold = std::mem::take(&mut state.cold);
        state.hot.extend(cold);
        if !state.hot.is_empty() {
            self.shared.call_sweeper(&mut state);
        }
    }

    /// Workers started so far.
    pub(crate) fn workers(&self) -> usize {
        lock(&self.shared.state).workers
    }
}

/// Workers go on until their guests are over, then end. Nobody waits for them.
impl<G: Guest> Drop for Pool<G> {
    fn drop(&mut self) {
        lock(&self.shared.state).closing = true;
        self.shared.work.notify_all();
    }
}

impl<G: Guest> Shared<G> {
    /// Queues a guest for the next worker that is free.
    pub(super) fn call(self: &Arc<Self>, state: &mut State<G>, errand: Errand, guest: Box<G>) {
        state.called.push_back(Call { errand, guest });
        self.wake_worker(state);
    }

    /// Whether there is no second worker to be had.
    pub(super) fn is_alone(&self, state: &State<G>) -> bool {
        state.workers == 1 && !self.may_grow(state)
    }

    fn may_grow(&self, state: &State<G>) -> bool {
        let granted = |before| Instant::now() >= before;
        let asks = state.workers == 0 || state.no_thread_before.map_or(true, granted);
        asks && state.workers < self.size
    }

    /// Whether one more call would find a worker at once. Those that were notified and have not
    /// woken yet still count as idle: compare with what is queued for them, or a burst would wait
    /// for a few. The sentry does not leave its post for a guest that may be quiet for long.
    fn worker_free(&self, state: &State<G>, errand: Errand) -> bool {
        let stays = state.sentry && errand == Errand::Hold;
        state.idle > state.called.len() + usize::from(stays) || self.may_grow(state)
    }

    /// Whether a quiet guest would find a place.
    pub(super) fn may_hold(&self, state: &State<G>) -> bool {
        self.places.may_hold() && (self.places.leaves_enough() || self.may_grow(state))
    }

    /// A place for a quiet guest, started workers that are left behind included.
    fn take_to_hold(self: &Arc<Self>) -> bool {
        let mut took = self.places.take_to_hold();
        while !took && self.places.may_hold() && self.grow(&mut lock(&self.state)) {
            took = self.places.take_to_hold();
        }
        took
    }

    /// As `take_to_hold`, for a handler that may wait on its peer.
    pub(super) fn take_to_serve(self: &Arc<Self>) -> bool {
        let mut took = self.places.take_to_serve();
        while !took && self.places.may_serve() && self.grow(&mut lock(&self.state)) {
            took = self.places.take_to_serve();
        }
        took
    }

    /// Hands a guest that is ready to another worker. Gives it back if there is none.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        state: &mut State<G>,
        errand: Errand,
        seat: Seat<G>,
    ) -> Option<Seat<G>> {
        if !self.worker_free(state, errand) {
            // The sweeper serves it, and nobody watches.
            self.pressed.store(true, Ordering::Release);
            return Some(seat);
        }
        self.call(state, errand, seat.guest);
        None
    }

    pub(super) fn to_ring(self: &Arc<Self>, state: &mut State<G>, guest: Box<G>) {
        state.hot.push_back(Seat::new(guest));
        self.call_sweeper(state);
    }

    pub(super) fn call_sweeper(self: &Arc<Self>, state: &mut State<G>) {
        if state.sweep.is_none() {
            self.wake_worker(state);
        } else if state.napping {
            state.napping = false;
            self.nap.notify_one();
        } else if state.idle == 0 {
            // Nobody watches the sweeper, who may be in a handler.
            self.pressed.store(true, Ordering::Release);
        }
    }

    /// Gets one more worker to come and see what there is to do.
    pub(super) fn wake_worker(self: &Arc<Self>, state: &mut State<G>) {
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
        let started = self.start_worker().is_ok();
        if started {
            state.workers += 1;
            self.places.workers.store(state.workers, Ordering::Release);
        } else {
            state.no_thread_before = Some(Instant::now() + NO_THREAD_FOR);
            // What was meant for it, and for others before it that are not there either.
            if state.take_in_calls() && state.workers > 0 {
                self.call_sweeper(state);
            }
        }
        started
    }

    fn start_worker(self: &Arc<Self>) -> std::io::Result<()> {
        #[cfg(test)]
        {
            let one = |left: usize| left.checked_sub(1);
            let granted = self
                .most_threads
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one);
            granted.map_err(|_| std::io::Error::from(std::io::ErrorKind::OutOfMemory))?;
        }
        let shared = Arc::clone(self);
        let worker = move || {
            let mut worker = Worker {
                shared,
                desk: G::Desk::default(),
            };
            worker.run();
        };
        thread::Builder::new()
            .name("millpond".into())
            .spawn(worker)
            .map(drop)
    }

    /// Counts requests served while calm. True when there are so many that sweeping is cheaper.
    fn note_served(&self, weight: u64) -> bool {
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
    fn begin_busy(&self) -> bool {
        let may = lock(&self.state).may_be_busy(Instant::now());
        if may {
            self.busy.store(true, Ordering::Relaxed);
        }
        may
    }

    fn guest_over(&self, guest: Box<G>) {
        // A reader or an upgrade that the guest still holds is the user's code, and may panic.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(guest)));
        if self.guests.fetch_sub(1, Ordering::AcqRel) == 1 && lock(&self.state).closing {
            self.work.notify_all();
        }
    }
}

struct Worker<G: Guest> {
    shared: Arc<Shared<G>>,
    desk: G::Desk,
}

impl<G: Guest> Worker<G> {
    fn run(&mut self) {
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
            shared.pressed.store(false, Ordering::Release);
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
                    shared.places.give_back();
                    turn
                }
            };
            errand = match turn {
                Turn::Over => return shared.guest_over(guest),
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

pub(super) fn guarded<G: Guest>(
    desk: &mut G::Desk,
    act: impl FnOnce(&mut G::Desk) -> Turn,
) -> Turn {
    catch_unwind(AssertUnwindSafe(|| act(desk))).unwrap_or_else(|_| {
        *desk = G::Desk::default();
        Turn::Over
    })
}

/// What [`Shared::pulse`] reads when a sweep has begun and ended so many serves, together.
pub(super) fn pulse(sweep: u64, serves: u64) -> u64 {
    sweep << 32 | (serves & 0xffff_ffff)
}

impl<G: Guest> Shared<G> {
    pub(super) fn begin_sweep(self: &Arc<Self>, state: &mut State<G>) -> u64 {
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
    fn relieve(&self, state: &State<G>, stalled: u64) -> bool {
        let begun = pulse(state.sweeps + 1, 0);
        self.pulse
            .compare_exchange(stalled, begun, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    pub(super) fn drop_guest(&self, guest: Box<G>) {
        self.guest_over(guest);
    }

    /// Lets in who waits at the door, if it was lent. How many they were.
    pub(super) fn answer_door(&self, now: Instant) -> usize {
        let mut door = lock(&self.door);
        let mut fresh = Vec::new();
        let fine = door
            .as_ref()
            .map_or(true, |open| open(&mut |guest| fresh.push(guest)));
        if !fine {
            *door = None;
            self.door_back.notify_all();
        }
        drop(door);
        let count = fresh.len();
        if count > 0 {
            self.guests.fetch_add(count, Ordering::AcqRel);
            let seats = fresh.drain(..).map(|guest| Seat {
                guest,
                active: now,
                idle: false,
            });
            lock(&self.state).hot.extend(seats);
        }
        count
    }

    /// The sweeper is busy no more: whoever lent the door waits there again.
    pub(super) fn calm(&self) {
        if self.busy.swap(false, Ordering::Relaxed) {
            drop(lock(&self.door));
            self.door_back.notify_all();
        }
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod stress;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wakeups;
