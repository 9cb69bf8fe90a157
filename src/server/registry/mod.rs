//! Who is connected and who is in flight; waiting for them to leave, and cutting them off.
//! It knows sockets and states, and nothing of HTTP.
//!
//! ```text
//!   Fresh ──► Head, Body ──► in flight ──► Idle ──┐     any ──► settled ──► Upgraded, or gone
//!                ▲                                │     (answered for the last time)
//!                └────────────────────────────────┘
//! ```
//!
//! A drain marks every link there is as *ending*, wakes those that owe no answer, and waits until
//! all of them have settled. What was received before is still answered: `shutdown(Read)` lets a
//! reader have what the kernel holds before it reports the end.

mod label;
mod report;

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use self::label::RequestLabel;
pub(crate) use self::report::ConnectionState as State;
pub(crate) use self::report::Whose;
pub use self::report::{ConnectionState, Drained, InFlight};
use crate::util::lock::lock;

/// How long a drain waits for the first byte of a connection that was only just accepted: its
/// request is as good as on the way. Part of the 20 ms that `stoppable` promises.
const FRESH_GRACE: Duration = Duration::from_millis(10);

/// The same where the drain was announced by [`Registry::wind_down`], and so is in no hurry: a
/// request of which a part is here gets it too. The peer may be a proxy on a busy machine: it has
/// connected, or sent the first piece of a body, and must not send it all again elsewhere.
const ANNOUNCED_GRACE: Duration = Duration::from_millis(250);

/// How long a new connection is not taken for idle when others are waiting for its descriptor: its
/// request is as good as on the way, and its client would not expect to have to try again.
const FRESH_CLAIM: Duration = Duration::from_millis(100);

/// A drain that takes longer tells what holds it up.
const LONG: Duration = Duration::from_secs(1);
/// The most that a report lists.
const LISTED: usize = 32;
/// Whoever counts all links takes the lock for so many of them at a time.
const PAGE: usize = 64;
/// The door that a connection came in by, and its number in the order of all.
type Id = (u32, u64);

/// One connection, shared by its guest and the registry.
#[derive(Debug)]
pub(crate) struct ConnectionHandle {
    id: Id,
    pub stream: TcpStream,
    /// The other end of it: maybe a proxy.
    pub peer: SocketAddr,
    state: AtomicU8,
    ending: AtomicBool,
    /// When it fell idle, or the request that it is at began to come, or was taken up: a
    /// [`stamp`](Registry::stamp). [`UNKNOWN`] where that is not worth a clock.
    since: AtomicU64,
    /// What its request is called, and for whom it counts if that is not the peer. Written by the
    /// worker that has it.
    note: RequestLabel,
}

const UNKNOWN: u64 = u64::MAX;

impl ConnectionHandle {
    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn state(&self) -> State {
        // What was stored is a state: a number that is none stands for none in particular.
        let number = usize::from(self.state.load(Ordering::SeqCst));
        State::ALL.get(number).copied().unwrap_or(State::Fresh)
    }

    fn is_in_flight(&self) -> bool {
        self.state().is_in_flight()
    }

    /// Which it came in by.
    pub(crate) fn door(&self) -> u32 {
        self.id.0
    }

    /// The older the lower, whichever door it came in by.
    fn number(&self) -> u64 {
        self.id.1
    }

    /// What came from there is no request that could be named.
    pub(crate) fn unname(&self, client: Option<SocketAddr>) {
        self.note.write("", client);
    }

    /// What the request that is being answered, or was last, is called, and for whom it counts. It
    /// is told up to the first `?`, as what is behind that may be a secret.
    pub(crate) fn asked(&self) -> (String, SocketAddr) {
        let (mut name, client) = self.note.read();
        name.truncate(name.find('?').unwrap_or(name.len()));
        (name, client.unwrap_or(self.peer))
    }

    /// Whether this connection is to end after the response it owes.
    pub(crate) fn is_ending(&self) -> bool {
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
    links: BTreeMap<Id, Arc<ConnectionHandle>>,
    /// All that are open, settled ones that linger included.
    open: usize,
    /// Settled ones that are read on for a moment, until they are told to make room.
    lingering: BTreeMap<Id, Arc<ConnectionHandle>>,
    /// Ending links that were left with a request in flight.
    lost: u64,
    /// Those handed over to another protocol, for as long as it has them: they are told of, and
    /// nothing else is done with them here.
    upgraded: BTreeMap<Id, Arc<ConnectionHandle>>,
}

impl Registry {
    pub(super) fn new() -> Registry {
        Registry {
            born: Instant::now(),
            inner: Mutex::default(),
            settled: Condvar::new(),
            answered: AtomicU64::new(0),
            winding_down: AtomicU32::new(0),
        }
    }

    /// Enters a connection. Where `most` are open already, one that has its last answer is told to
    /// end in its favour, or the one idle longest; where there is none, the stream is given back.
    pub(super) fn enter(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        door: u32,
        most: usize,
    ) -> Result<Arc<ConnectionHandle>, TcpStream> {
        let mut inner = lock(&self.inner);
        if inner.open >= most && !self.end_idlest(&mut inner, Duration::ZERO) {
            return Err(stream);
        }
        let id = (door, inner.next_id);
        inner.next_id += 1;
        let link = Arc::new(ConnectionHandle {
            id,
            stream,
            peer,
            state: AtomicU8::new(State::Fresh as u8),
            ending: AtomicBool::new(false),
            since: AtomicU64::new(self.stamp(Instant::now())),
            note: RequestLabel::default(),
        });
        inner.links.insert(id, Arc::clone(&link));
        inner.open += 1;
        Ok(link)
    }

    /// Asks a link that has its last answer to end, or the one idle longest. False where none is.
    pub(super) fn give_up_idlest(&self) -> bool {
        self.end_idlest(&mut lock(&self.inner), FRESH_CLAIM)
    }

    /// Ends one that lingers, or the one idle longest. New connections count as idle after `claim`.
    fn end_idlest(&self, inner: &mut Inner, claim: Duration) -> bool {
        let oldest = inner.lingering.keys().min_by_key(|id| id.1).copied();
        if let Some(link) = oldest.and_then(|id| inner.lingering.remove(&id)) {
            link.stop_reading();
            return true;
        }
        let now = Instant::now();
        let since = self.stamp(now.checked_sub(claim).unwrap_or(now));
        let idle = inner.links.values().filter(|link| {
            let state = link.state();
            let fresh = state == State::Fresh;
            let idle = matches!(state, State::Idle | State::Closing)
                || fresh && link.since.load(Ordering::Relaxed) <= since;
            idle && !link.is_ending()
        });
        let since = |link: &ConnectionHandle| link.since.load(Ordering::Relaxed);
        match idle.min_by_key(|link| (link.state() != State::Closing, since(link))) {
            Some(link) => {
                link.end();
                link.stop_reading();
                true
            }
            None => false,
        }
    }

    pub(super) fn fell_quiet(&self, link: &ConnectionHandle, now: Instant) {
        self.began(link, now);
        link.state.store(State::Idle as u8, Ordering::SeqCst);
        // A drain that found it in flight let it be: ending it is up to the link itself. One of the
        // two sees what the other has written, which takes the one order of SeqCst.
        if link.ending.load(Ordering::SeqCst) {
            link.stop_reading();
        }
    }

    /// The request that it is at began then.
    pub(super) fn began(&self, link: &ConnectionHandle, now: Instant) {
        link.since.store(self.stamp(now), Ordering::Relaxed);
    }

    /// A whole request is here; `name` is what it is called, `client` for whom it counts if that is
    /// not the peer. Most likely a worker is about to take it up, and knows the time; else
    /// [`seen_waiting`](Registry::seen_waiting) tells.
    #[inline]
    pub(super) fn came_in(&self, link: &ConnectionHandle, name: &str, client: Option<SocketAddr>) {
        link.note.write(name, client);
        link.since.store(UNKNOWN, Ordering::Relaxed);
        link.set_state(State::Waiting);
    }

    pub(super) fn seen_waiting(&self, link: &ConnectionHandle, now: Instant) {
        if link.since.load(Ordering::Relaxed) == UNKNOWN {
            self.began(link, now);
        }
    }

    /// A response was written whole.
    pub(super) fn answered(&self, link: &ConnectionHandle) {
        if link.is_ending() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The link owes nothing any more: no drain waits for it.
    pub(super) fn settle(&self, link: &ConnectionHandle) {
        self.remove(&mut lock(&self.inner), link);
    }

    /// The link has its last answer, and [settles](Registry::settle).
    pub(super) fn linger(&self, link: &Arc<ConnectionHandle>) {
        let mut inner = lock(&self.inner);
        inner.lingering.insert(link.id, Arc::clone(link));
        self.remove(&mut inner, link);
    }

    /// The link is closed.
    pub(super) fn leave(&self, link: &ConnectionHandle) {
        let mut inner = lock(&self.inner);
        inner.open -= 1;
        inner.lingering.remove(&link.id);
        self.remove(&mut inner, link);
    }

    fn remove(&self, inner: &mut Inner, link: &ConnectionHandle) {
        if inner.links.remove(&link.id).is_none() {
            return;
        }
        // Under the lock, so that a drain which finds it gone has it in its number.
        if link.is_ending() && link.is_in_flight() {
            inner.lost += 1;
        }
        self.settled.notify_all();
    }

    /// The link settles, and is another protocol's until [`given_back`](Registry::given_back).
    pub(super) fn hand_over(&self, link: &Arc<ConnectionHandle>) {
        let mut inner = lock(&self.inner);
        // In one step: a drain that found it owing nothing, and not settled, would end it.
        link.set_state(State::Upgraded);
        inner.upgraded.insert(link.id, Arc::clone(link));
        self.remove(&mut inner, link);
    }

    pub(super) fn given_back(&self, link: &ConnectionHandle) {
        let link = lock(&self.inner).upgraded.remove(&link.id);
        // Maybe the last one, which closes the socket: not under the lock.
        drop(link);
    }

    /// How many connections are in which state, in the order of [`State::ALL`].
    pub(super) fn count(&self) -> [u64; State::ALL.len()] {
        let mut count = [0; State::ALL.len()];
        let mut last = None;
        let settled = loop {
            let inner = lock(&self.inner);
            let mut page = after(&inner.links, last).take(PAGE).peekable();
            if page.peek().is_none() {
                count[State::Upgraded as usize] = inner.upgraded.len() as u64;
                break inner.open - inner.links.len();
            }
            for (id, link) in page {
                last = Some(*id);
                count[link.state() as usize] += 1;
            }
        };
        count[State::Closing as usize] += settled as u64;
        count
    }

    /// Those in flight, then those that were upgraded, each by age.
    pub(super) fn in_flight(&self) -> Vec<InFlight> {
        let mut found = Vec::new();
        let mut last = None;
        loop {
            let inner = lock(&self.inner);
            let page = after(&inner.links, last).take(PAGE);
            let page: Vec<Arc<ConnectionHandle>> = page.map(|(_, link)| Arc::clone(link)).collect();
            drop(inner);
            match page.last() {
                Some(link) => last = Some(link.id),
                None => break,
            }
            let asked = page.iter().map(|link| (link, link.state()));
            let in_flight = asked.filter(|(_, state)| state.is_in_flight());
            found.extend(in_flight.map(|(link, state)| (link.number(), self.told(link, state))));
        }
        // They were found door by door.
        found.sort_by_key(|(number, _)| *number);
        let mut found: Vec<InFlight> = found.into_iter().map(|(_, told)| told).collect();
        let mut upgraded: Vec<_> = lock(&self.inner).upgraded.values().cloned().collect();
        upgraded.sort_by_key(|link| link.number());
        let upgraded = upgraded.iter();
        found.extend(upgraded.map(|link| self.told(link, State::Upgraded)));
        found
    }

    fn told(&self, link: &ConnectionHandle, state: State) -> InFlight {
        let age = match link.since.load(Ordering::Relaxed) {
            UNKNOWN => Duration::ZERO,
            since => self.born.elapsed().saturating_sub(stamped(since)),
        };
        let (request, client) = link.asked();
        InFlight {
            client,
            peer: link.peer,
            request,
            state,
            age,
        }
    }

    /// A drain is to come: those that come in by doors below this number end with their next
    /// answer. Nothing else is done to them.
    pub(super) fn wind_down(&self, doors: u32) {
        self.winding_down.store(doors, Ordering::Relaxed);
    }

    pub(super) fn winds_down(&self, link: &ConnectionHandle) -> bool {
        link.door() < self.winding_down.load(Ordering::Relaxed)
    }

    /// Marks all there are as ending and lets go of those that owe no answer. Does not wait.
    /// `rouse` has the guests that nobody waits on looked at.
    pub(super) fn begin(&self, rouse: impl Fn()) {
        let inner = lock(&self.inner);
        end(&inner, &Those::find(&inner, |_| true), |_, _| false);
        drop(inner);
        rouse();
    }

    /// Ends such links and waits until they have settled, or until `deadline`; then those left are
    /// cut. Those that are entered meanwhile are no concern of it.
    pub(super) fn drain(
        &self,
        who: impl Fn(&ConnectionHandle) -> bool,
        deadline: Option<Instant>,
        rouse: impl Fn(),
    ) -> Drained {
        let began = Instant::now();
        let answered_before = self.answered.load(Ordering::Relaxed);
        let mut drained = Drained::default();
        let by = |time| Some(deadline.map_or(began + time, |d: Instant| d.min(began + time)));
        let mut inner = lock(&self.inner);
        let lost_before = inner.lost;
        let mut those = Those::find(&inner, who);
        let grace = self.grace(&inner, &those);
        end(&inner, &those, |link, state| match state {
            State::Fresh => true,
            State::Head | State::Body => self.winds_down(link),
            _ => false,
        });
        drop(inner);
        rouse();
        inner = self.wait_for(&mut those, by(grace));
        if those.are_in(&inner) {
            end(&inner, &those, |_, _| false);
            drop(inner);
            rouse();
            inner = self.wait_for(&mut those, by(LONG));
            if began.elapsed() >= LONG {
                drained.held_up_by = self.those_in_flight(&inner, &those).1;
            }
            drop(inner);
            inner = self.wait_for(&mut those, deadline);
        }
        (drained.cut, drained.unanswered) = self.those_in_flight(&inner, &those);
        drained.answered = self.answered.load(Ordering::Relaxed) - answered_before;
        drained.lost = inner.lost - lost_before;
        // No other drain waits for them, or counts them once more.
        let left: Vec<Arc<ConnectionHandle>> = those.links(&inner).map(Arc::clone).collect();
        for link in &left {
            inner.links.remove(&link.id);
            let _ = link.stream.shutdown(Shutdown::Both);
        }
        drop(inner);
        self.settled.notify_all();
        drained.took = began.elapsed();
        drained
    }

    fn grace(&self, inner: &Inner, those: &Those) -> Duration {
        match those.links(inner).any(|link| self.winds_down(link)) {
            true => ANNOUNCED_GRACE,
            false => FRESH_GRACE,
        }
    }

    /// How many of those are in flight, and the oldest of them.
    fn those_in_flight(&self, inner: &Inner, those: &Those) -> (u64, Vec<InFlight>) {
        // They go on meanwhile: each is asked once.
        let asked = those.links(inner).map(|link| (link, link.state()));
        let mut found: Vec<_> = asked.filter(|(_, state)| state.is_in_flight()).collect();
        found.sort_by_key(|(link, _)| link.number());
        let count = found.len() as u64;
        let oldest = found.into_iter().take(LISTED);
        let told = oldest.map(|(link, state)| self.told(link, state));
        (count, told.collect())
    }

    fn wait_for(&self, those: &mut Those, deadline: Option<Instant>) -> MutexGuard<'_, Inner> {
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

    /// A time in a number that is made without a multiplication or division, for each request.
    fn stamp(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.born);
        since.as_secs() << NANOS_BITS | u64::from(since.subsec_nanos())
    }
}

/// Nanoseconds are below 2^30.
const NANOS_BITS: u32 = 30;

/// The time after the registry's birth that a stamp says.
fn stamped(stamp: u64) -> Duration {
    let nanos = stamp & ((1 << NANOS_BITS) - 1);
    Duration::from_secs(stamp >> NANOS_BITS) + Duration::from_nanos(nanos)
}

fn after(
    links: &BTreeMap<Id, Arc<ConnectionHandle>>,
    last: Option<Id>,
) -> impl Iterator<Item = (&Id, &Arc<ConnectionHandle>)> {
    links.range((
        last.map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    ))
}

/// The links that a drain is about.
struct Those(Vec<Id>);

impl Those {
    fn find(inner: &Inner, who: impl Fn(&ConnectionHandle) -> bool) -> Those {
        let links = inner.links.values().filter(|link| who(link));
        Those(links.map(|link| link.id).collect())
    }

    fn links<'a>(&'a self, inner: &'a Inner) -> impl Iterator<Item = &'a Arc<ConnectionHandle>> {
        self.0.iter().filter_map(|id| inner.links.get(id))
    }

    /// Whether there are any left. It is asked whenever one has settled, and none comes back: each
    /// of those that have is looked at once.
    fn are_in(&mut self, inner: &Inner) -> bool {
        while let Some(id) = self.0.last() {
            if inner.links.contains_key(id) {
                return true;
            }
            self.0.pop();
        }
        false
    }
}

/// Ends those, and lets go of all that have no request in flight and are not spared.
fn end(inner: &Inner, those: &Those, is_spared: impl Fn(&ConnectionHandle, State) -> bool) {
    for link in those.links(inner) {
        link.end();
        let state = link.state();
        if !state.is_in_flight() && !is_spared(link, state) {
            link.stop_reading();
        }
    }
}

#[cfg(test)]
mod tests;
