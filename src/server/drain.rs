//! Who is connected and who is in flight; waiting for them to leave, and cutting them off.
//! It knows sockets and states, and nothing of HTTP.
//!
//! ```text
//!   Fresh ──► Partial ──► InFlight ──► Quiet ──┐        any ──► settled
//!               ▲                              │     (answered for the last time, or gone)
//!               └──────────────────────────────┘
//! ```
//!
//! A drain marks every link there is as *ending*, wakes those that owe no answer, and waits until
//! all of them have settled. What was received before is still answered: `shutdown(Read)` lets a
//! reader have what the kernel holds before it reports the end.

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::lock::lock;

/// What a connection is doing, as far as a drain cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Accepted; nothing of a request was received yet.
    Fresh = 0,
    /// Between requests.
    Quiet = 1,
    /// A part of a request is here.
    Partial = 2,
    /// A whole request is here, or its handler runs, or its response is being sent.
    InFlight = 3,
}

/// How long a drain waits for the first byte of a connection that was only just accepted: its
/// request is as good as on the way. Part of the 20 ms that `stoppable` promises.
const FRESH_GRACE: Duration = Duration::from_millis(10);

/// The same for a drain that was announced by [`Registry::wind_down`], and so is in no hurry: a
/// request of which a part is here gets it too. The peer may be a proxy on a busy machine, which has
/// connected, or sent the first piece of a body, and must not send it all again elsewhere.
const ANNOUNCED_GRACE: Duration = Duration::from_millis(250);

/// How long a new connection is not taken for idle when others are waiting for its descriptor: its
/// request is as good as on the way, and its client would not expect to have to try again.
const FRESH_CLAIM: Duration = Duration::from_millis(100);

/// The door that a connection came in by, and its number in the order of all.
type Id = (u32, u64);

/// One connection, shared by its guest and the registry.
#[derive(Debug)]
pub(crate) struct Link {
    id: Id,
    pub stream: TcpStream,
    pub peer: SocketAddr,
    state: AtomicU8,
    ending: AtomicBool,
    /// Milliseconds after the registry's birth at which it fell quiet.
    quiet_since: AtomicU64,
}

impl Link {
    pub fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn state(&self) -> u8 {
        self.state.load(Ordering::SeqCst)
    }

    /// Whether this connection is to end after the response it owes.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Lets its reader have what was received, then the end.
    fn stop_reading(&self) {
        // It fails where the peer is gone already, which is as good.
        let _ = self.stream.shutdown(Shutdown::Read);
    }
}

/// What became of the requests that were in flight when a drain began.
///
/// ```
/// # use millpond::{Router, Response, Route};
/// let router = Router::default();
/// let server = router.serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let drained = server.stop();
/// assert_eq!((drained.answered, drained.cut), (0, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests answered whole since the drain began, those received in its first moments included.
    pub answered: u64,
    /// Requests whose response was not written whole when the time was up.
    pub cut: u64,
    /// How long it took.
    pub took: Duration,
}

/// Every open connection.
#[derive(Debug)]
pub(crate) struct Registry {
    born: Instant,
    inner: Mutex<Inner>,
    /// Something settled. Guarded by `inner`.
    settled: Condvar,
    /// Responses written whole on ending links.
    answered: AtomicU64,
    /// Connections by doors below this number end with their next answer.
    winding_down: AtomicU32,
}

#[derive(Debug, Default)]
struct Inner {
    next_id: u64,
    /// Those that have not settled: door by door, by age.
    links: BTreeMap<Id, Arc<Link>>,
    /// All that are open, settled ones that linger included.
    open: usize,
}

impl Registry {
    pub fn new() -> Registry {
        Registry {
            born: Instant::now(),
            inner: Mutex::default(),
            settled: Condvar::new(),
            answered: AtomicU64::new(0),
            winding_down: AtomicU32::new(0),
        }
    }

    /// Enters a connection. Where `most` are open already, the one idle longest is told to end in
    /// its favour; where none is idle, the stream is given back.
    pub fn enter(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        door: u32,
        most: usize,
    ) -> Result<Arc<Link>, TcpStream> {
        let mut inner = lock(&self.inner);
        if inner.open >= most && !self.end_idlest(&mut inner, Duration::ZERO) {
            return Err(stream);
        }
        let id = (door, inner.next_id);
        inner.next_id += 1;
        let link = Arc::new(Link {
            id,
            stream,
            peer,
            state: AtomicU8::new(State::Fresh as u8),
            ending: AtomicBool::new(false),
            quiet_since: AtomicU64::new(self.millis(Instant::now())),
        });
        inner.links.insert(id, Arc::clone(&link));
        inner.open += 1;
        Ok(link)
    }

    /// Asks the link that has been idle longest to end. False where none is idle.
    pub fn give_up_idlest(&self) -> bool {
        self.end_idlest(&mut lock(&self.inner), FRESH_CLAIM)
    }

    /// Ends the one idle longest. New connections count as idle after `claim`.
    fn end_idlest(&self, inner: &mut Inner, claim: Duration) -> bool {
        let since = self
            .millis(Instant::now())
            .saturating_sub(claim.as_millis() as u64);
        let idle = inner.links.values().filter(|link| {
            let state = link.state();
            let fresh = state == State::Fresh as u8;
            let idle = state == State::Quiet as u8
                || fresh && link.quiet_since.load(Ordering::Relaxed) <= since;
            idle && !link.is_ending()
        });
        match idle.min_by_key(|link| link.quiet_since.load(Ordering::Relaxed)) {
            Some(link) => {
                link.end();
                link.stop_reading();
                true
            }
            None => false,
        }
    }

    pub fn fell_quiet(&self, link: &Link, now: Instant) {
        link.quiet_since.store(self.millis(now), Ordering::Relaxed);
        link.state.store(State::Quiet as u8, Ordering::SeqCst);
        // A drain that found it in flight let it be: ending it is up to the link itself. One of the
        // two sees what the other has written, which takes the one order of SeqCst.
        if link.ending.load(Ordering::SeqCst) {
            link.stop_reading();
        }
    }

    /// A response was written whole.
    pub fn answered(&self, link: &Link) {
        if link.is_ending() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The link owes nothing any more: no drain waits for it.
    pub fn settle(&self, link: &Link) {
        if lock(&self.inner).links.remove(&link.id).is_some() {
            self.settled.notify_all();
        }
    }

    /// The link is closed.
    pub fn leave(&self, link: &Link) {
        let mut inner = lock(&self.inner);
        inner.open -= 1;
        if inner.links.remove(&link.id).is_some() {
            drop(inner);
            self.settled.notify_all();
        }
    }

    /// Connections in flight, and connections at rest.
    pub fn count(&self) -> (usize, usize) {
        let inner = lock(&self.inner);
        let in_flight = inner
            .links
            .values()
            .filter(|l| l.state() == State::InFlight as u8)
            .count();
        (in_flight, inner.open - in_flight)
    }

    /// A drain is to come: those that come in by doors below this number end with their next
    /// answer. Nothing else is done to them.
    pub fn wind_down(&self, doors: u32) {
        self.winding_down.store(doors, Ordering::Relaxed);
    }

    pub fn winds_down(&self, link: &Link) -> bool {
        link.id.0 < self.winding_down.load(Ordering::Relaxed)
    }

    /// Marks all there are as ending and lets go of those that owe no answer. Does not wait.
    /// `rouse` has the guests that nobody waits on looked at.
    pub fn begin(&self, rouse: impl Fn()) {
        let inner = lock(&self.inner);
        end(&inner, &Those::before(u64::MAX, &|_| true), &[]);
        drop(inner);
        rouse();
    }

    /// Ends those that came in by these doors and waits until they have settled, or until
    /// `deadline`; then those left are cut. Those that are entered meanwhile are no concern of it.
    pub fn drain(
        &self,
        doors: impl Fn(u32) -> bool,
        deadline: Option<Instant>,
        rouse: impl Fn(),
    ) -> Drained {
        let began = Instant::now();
        let (grace, spared): (_, &[State]) = match self.winding_down.load(Ordering::Relaxed) {
            0 => (FRESH_GRACE, &[State::Fresh]),
            _ => (ANNOUNCED_GRACE, &[State::Fresh, State::Partial]),
        };
        let answered_before = self.answered.load(Ordering::Relaxed);
        let mut inner = lock(&self.inner);
        let those = Those::before(inner.next_id, &doors);
        end(&inner, &those, spared);
        drop(inner);
        rouse();
        let grace = deadline.map_or(began + grace, |deadline| deadline.min(began + grace));
        inner = self.wait_for(&those, Some(grace));
        if those.are_in(&inner) {
            end(&inner, &those, &[]);
            drop(inner);
            rouse();
            inner = self.wait_for(&those, deadline);
        }
        let mut cut = 0;
        for link in those.links(&inner) {
            cut += u64::from(link.state() == State::InFlight as u8);
            let _ = link.stream.shutdown(Shutdown::Both);
        }
        drop(inner);
        let answered = self.answered.load(Ordering::Relaxed) - answered_before;
        Drained {
            answered,
            cut,
            took: began.elapsed(),
        }
    }

    fn wait_for(&self, those: &Those, deadline: Option<Instant>) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.inner);
        while those.are_in(&inner) {
            inner = match deadline {
                // Whoever settles last notifies, and everyone does within the limits' time.
                None => self.settled.wait(inner).unwrap_or_else(|e| e.into_inner()),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left == Duration::ZERO {
                        break;
                    }
                    let waited = self.settled.wait_timeout(inner, left);
                    waited.unwrap_or_else(|e| e.into_inner()).0
                }
            };
        }
        inner
    }

    fn millis(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.born).as_millis() as u64
    }
}

/// The links that a drain is about: entered before it, by one of its doors.
struct Those<'a> {
    limit: u64,
    doors: &'a dyn Fn(u32) -> bool,
}

impl<'a> Those<'a> {
    fn before(limit: u64, doors: &'a dyn Fn(u32) -> bool) -> Those<'a> {
        Those { limit, doors }
    }

    fn links<'i>(&'i self, inner: &'i Inner) -> impl Iterator<Item = &'i Arc<Link>> {
        let these = move |id: &Id| id.1 < self.limit && (self.doors)(id.0);
        let links = inner.links.iter().filter(move |(id, _)| these(id));
        links.map(|(_, link)| link)
    }

    /// Whether there are any left. It looks at the oldest of each door alone, as it is asked
    /// whenever one has settled.
    fn are_in(&self, inner: &Inner) -> bool {
        let mut next = inner.links.keys().next();
        while let Some(&(door, number)) = next {
            if number < self.limit && (self.doors)(door) {
                return true;
            }
            next = match door.checked_add(1) {
                Some(after) => inner.links.range((after, 0)..).next().map(|(id, _)| id),
                None => None,
            };
        }
        false
    }
}

/// Ends those, and lets go of all that have no request in flight and are in none of these states.
fn end(inner: &Inner, those: &Those, spared: &[State]) {
    for link in those.links(inner) {
        link.end();
        let state = link.state();
        let is_spared = spared.iter().any(|&spared| state == spared as u8);
        if state == State::InFlight as u8 || is_spared {
            continue;
        }
        link.stop_reading();
    }
}

#[cfg(test)]
mod tests;
