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
//! the same time is bounded ([`places`]), so that no peer can pin the pool.

mod quota;
mod scanner;
mod state;
mod worker;

use std::io;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::state::{pulse, Errand, Seat, Shared, State};
pub(crate) use self::worker::guarded;
use crate::util::lock::lock;

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
    /// Its peer, who most likely leaves in a moment. To see that is not worth waking anybody.
    Leaving,
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

/// Where guests come from: hands over those that are waiting, without waiting for more. An error
/// is for someone who may take his time to see to it.
pub(crate) type Door<G> = dyn Fn(&mut dyn FnMut(Box<G>)) -> io::Result<()> + Send + Sync;

/// The workers of a pool, by what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Roll {
    pub serving: usize,
    pub holding: usize,
    /// In a place that lets them wait on a peer while they serve.
    pub uploading: usize,
    pub sweeping: usize,
    /// Without work, or watching the sweeper.
    pub idle: usize,
    /// All that were started and are still there.
    pub workers: usize,
}

/// A pool of at most `size` workers, started on demand.
pub(crate) struct Pool<G: Guest> {
    shared: Arc<Shared<G>>,
}

impl<G: Guest> Pool<G> {
    /// # Panics
    ///
    /// If `size` is 0.
    pub(crate) fn new(size: usize) -> Pool<G> {
        assert!(size > 0, "a pool needs at least one worker");
        Pool {
            shared: Arc::new(Shared::new(size)),
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

    /// Has the sweeper look after a door, for `time` at most or until it is busy no more.
    ///
    /// # Errors
    ///
    /// What is wrong there, if the sweeper gave the door back for that.
    pub(crate) fn lend_door(&self, door: Arc<Door<G>>, time: Duration) -> io::Result<()> {
        let shared = &self.shared;
        let until = Instant::now() + time;
        let address = |door: &Arc<Door<G>>| Arc::as_ptr(door) as *const ();
        let this = address(&door);
        let mut lent = lock(&shared.doors);
        lent.push((door, Ok(())));
        loop {
            let at = match lent.iter().position(|(door, _)| address(door) == this) {
                Some(at) => at,
                // Nobody else takes it away.
                None => return Ok(()),
            };
            let left = until.saturating_duration_since(Instant::now());
            if left == Duration::ZERO || !self.is_busy() || lent[at].1.is_err() {
                return lent.swap_remove(at).1;
            }
            lent = shared
                .door_back
                .wait_timeout(lent, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
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

    /// Why the system had no thread for the pool, once for each time that it was asked in vain.
    pub(crate) fn refusal(&self) -> Option<io::Error> {
        if !self.shared.refused.load(Ordering::Relaxed) {
            return None;
        }
        self.shared.refused.store(false, Ordering::Relaxed);
        lock(&self.shared.state).refusal.take()
    }

    /// Who does what now.
    pub(crate) fn roll(&self) -> Roll {
        let (holding, uploading) = self.shared.places.count();
        let state = lock(&self.shared.state);
        let workers = state.workers;
        let sweeping = usize::from(state.sweep.is_some());
        let idle = state.idle;
        drop(state);
        Roll {
            serving: workers.saturating_sub(holding + uploading + sweeping + idle),
            holding,
            uploading,
            sweeping,
            idle,
            workers,
        }
    }
}

/// Workers go on until their guests are over, then end. Nobody waits for them.
impl<G: Guest> Drop for Pool<G> {
    fn drop(&mut self) {
        lock(&self.shared.state).closing = true;
        self.shared.work.notify_all();
    }
}

#[cfg(test)]
mod tests;
