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
pub(crate) use self::report::ClientAndPeer;
pub use self::report::{ConnectionState, Drained, InFlight};
use crate::util::lock::lock;

/// How long a drain waits for the first byte of a connection that was only just accepted: its
/// request is as good as on the way. Part of the 20 ms that `stoppable` promises.
const FRESH_GRACE_TIME: Duration = Duration::from_millis(10);

/// The same where the drain was announced by [`Registry::wind_down`], and so is in no hurry: a
/// request of which a part is here gets it too. The peer may be a proxy on a busy machine: it has
/// connected, or sent the first piece of a body, and must not send it all again elsewhere.
const ANNOUNCED_GRACE_TIME: Duration = Duration::from_millis(250);

/// How long a new connection is not taken for idle when others are waiting for its descriptor: its
/// request is as good as on the way, and its client would not expect to have to try again.
const MIN_FRESH_AGE: Duration = Duration::from_millis(100);

/// A drain that takes longer tells what holds it up.
const SLOW_DRAIN_REPORT_AFTER: Duration = Duration::from_secs(1);
/// The most that a report lists.
const MAX_LISTED_REQUESTS: usize = 32;
/// Whoever counts all links takes the lock for so many of them at a time.
const HANDLES_PER_LOCK: usize = 64;
/// The door that a connection came in by, and its number in the order of all.
type ConnectionId = (u32, u64);

/// One connection, shared by its guest and the registry.
#[derive(Debug)]
pub(crate) struct ConnectionHandle {
    id: ConnectionId,
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
    label: RequestLabel,
}

const UNKNOWN_TIME: u64 = u64::MAX;

impl ConnectionHandle {
    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn state(&self) -> ConnectionState {
        // What was stored is a state: a number that is none stands for none in particular.
        let number = usize::from(self.state.load(Ordering::SeqCst));
        ConnectionState::ALL
            .get(number)
            .copied()
            .unwrap_or(ConnectionState::Fresh)
    }

    fn is_in_flight(&self) -> bool {
        self.state().is_in_flight()
    }

    /// Which it came in by.
    pub(crate) fn listener_id(&self) -> u32 {
        self.id.0
    }

    /// The older the lower, whichever door it came in by.
    fn number(&self) -> u64 {
        self.id.1
    }

    /// What came from there is no request that could be named.
    pub(crate) fn clear_label(&self, client: Option<SocketAddr>) {
        self.label.write("", client);
    }

    /// What the request that is being answered, or was last, is called, and for whom it counts. It
    /// is told up to the first `?`, as what is behind that may be a secret.
    pub(crate) fn label(&self) -> (String, SocketAddr) {
        let (mut name, client) = self.label.read();
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
    handles: BTreeMap<ConnectionId, Arc<ConnectionHandle>>,
    /// All that are open, settled ones that linger included.
    open: usize,
    /// Settled ones that are read on for a moment, until they are told to make room.
    lingering: BTreeMap<ConnectionId, Arc<ConnectionHandle>>,
    /// Ending links that were left with a request in flight.
    lost: u64,
    /// Those handed over to another protocol, for as long as it has them: they are told of, and
    /// nothing else is done with them here.
    upgraded: BTreeMap<ConnectionId, Arc<ConnectionHandle>>,
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
        listener_id: u32,
        most: usize,
    ) -> Result<Arc<ConnectionHandle>, TcpStream> {
        let mut inner = lock(&self.inner);
        if inner.open >= most && !self.close_idlest_locked(&mut inner, Duration::ZERO) {
            return Err(stream);
        }
        let id = (listener_id, inner.next_id);
        inner.next_id += 1;
        let handle = Arc::new(ConnectionHandle {
            id,
            stream,
            peer,
            state: AtomicU8::new(ConnectionState::Fresh as u8),
            ending: AtomicBool::new(false),
            since: AtomicU64::new(self.stamp(Instant::now())),
            label: RequestLabel::default(),
        });
        inner.handles.insert(id, Arc::clone(&handle));
        inner.open += 1;
        Ok(handle)
    }

    /// Asks a link that has its last answer to end, or the one idle longest. False where none is.
    pub(super) fn close_idlest(&self) -> bool {
        self.close_idlest_locked(&mut lock(&self.inner), MIN_FRESH_AGE)
    }

    /// Ends one that lingers, or the one idle longest. New connections count as idle after `claim`.
    fn close_idlest_locked(&self, inner: &mut Inner, claim: Duration) -> bool {
        let oldest = inner.lingering.keys().min_by_key(|id| id.1).copied();
        if let Some(handle) = oldest.and_then(|id| inner.lingering.remove(&id)) {
            handle.stop_reading();
            return true;
        }
        let now = Instant::now();
        let since = self.stamp(now.checked_sub(claim).unwrap_or(now));
        let idle = inner.handles.values().filter(|handle| {
            let state = handle.state();
            let fresh = state == ConnectionState::Fresh;
            let idle = matches!(state, ConnectionState::Idle | ConnectionState::Closing)
                || fresh && handle.since.load(Ordering::Relaxed) <= since;
            idle && !handle.is_ending()
        });
        let since = |handle: &ConnectionHandle| handle.since.load(Ordering::Relaxed);
        match idle.min_by_key(|handle| (handle.state() != ConnectionState::Closing, since(handle)))
        {
            Some(handle) => {
                handle.end();
                handle.stop_reading();
                true
            }
            None => false,
        }
    }

    pub(super) fn became_idle(&self, handle: &ConnectionHandle, now: Instant) {
        self.request_began(handle, now);
        handle
            .state
            .store(ConnectionState::Idle as u8, Ordering::SeqCst);
        // A drain that found it in flight let it be: ending it is up to the link itself. One of the
        // two sees what the other has written, which takes the one order of SeqCst.
        if handle.ending.load(Ordering::SeqCst) {
            handle.stop_reading();
        }
    }

    /// The request that it is at began then.
    pub(super) fn request_began(&self, handle: &ConnectionHandle, now: Instant) {
        handle.since.store(self.stamp(now), Ordering::Relaxed);
    }

    /// A whole request is here; `name` is what it is called, `client` for whom it counts if that is
    /// not the peer. Most likely a worker is about to take it up, and knows the time; else
    /// [`record_waiting`](Registry::record_waiting) tells.
    #[inline]
    pub(super) fn request_received(
        &self,
        handle: &ConnectionHandle,
        name: &str,
        client: Option<SocketAddr>,
    ) {
        handle.label.write(name, client);
        handle.since.store(UNKNOWN_TIME, Ordering::Relaxed);
        handle.set_state(ConnectionState::Waiting);
    }

    pub(super) fn record_waiting(&self, handle: &ConnectionHandle, now: Instant) {
        if handle.since.load(Ordering::Relaxed) == UNKNOWN_TIME {
            self.request_began(handle, now);
        }
    }

    /// A response was written whole.
    pub(super) fn answered(&self, handle: &ConnectionHandle) {
        if handle.is_ending() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The link owes nothing any more: no drain waits for it.
    pub(super) fn settle(&self, handle: &ConnectionHandle) {
        self.remove(&mut lock(&self.inner), handle);
    }

    /// The link has its last answer, and [settles](Registry::settle).
    pub(super) fn linger(&self, handle: &Arc<ConnectionHandle>) {
        let mut inner = lock(&self.inner);
        inner.lingering.insert(handle.id, Arc::clone(handle));
        self.remove(&mut inner, handle);
    }

    /// The link is closed.
    pub(super) fn leave(&self, handle: &ConnectionHandle) {
        let mut inner = lock(&self.inner);
        inner.open -= 1;
        inner.lingering.remove(&handle.id);
        self.remove(&mut inner, handle);
    }

    fn remove(&self, inner: &mut Inner, handle: &ConnectionHandle) {
        if inner.handles.remove(&handle.id).is_none() {
            return;
        }
        // Under the lock, so that a drain which finds it gone has it in its number.
        if handle.is_ending() && handle.is_in_flight() {
            inner.lost += 1;
        }
        self.settled.notify_all();
    }

    /// The link settles, and is another protocol's until [`upgrade_ended`](Registry::upgrade_ended).
    pub(super) fn begin_upgrade(&self, handle: &Arc<ConnectionHandle>) {
        let mut inner = lock(&self.inner);
        // In one step: a drain that found it owing nothing, and not settled, would end it.
        handle.set_state(ConnectionState::Upgraded);
        inner.upgraded.insert(handle.id, Arc::clone(handle));
        self.remove(&mut inner, handle);
    }

    pub(super) fn upgrade_ended(&self, handle: &ConnectionHandle) {
        let handle = lock(&self.inner).upgraded.remove(&handle.id);
        // Maybe the last one, which closes the socket: not under the lock.
        drop(handle);
    }

    /// How many connections are in which state, in the order of [`State::ALL`].
    pub(super) fn count(&self) -> [u64; ConnectionState::ALL.len()] {
        let mut count = [0; ConnectionState::ALL.len()];
        let mut last = None;
        let settled = loop {
            let inner = lock(&self.inner);
            let mut page = after(&inner.handles, last)
                .take(HANDLES_PER_LOCK)
                .peekable();
            if page.peek().is_none() {
                count[ConnectionState::Upgraded as usize] = inner.upgraded.len() as u64;
                break inner.open - inner.handles.len();
            }
            for (id, handle) in page {
                last = Some(*id);
                count[handle.state() as usize] += 1;
            }
        };
        count[ConnectionState::Closing as usize] += settled as u64;
        count
    }

    /// Those in flight, then those that were upgraded, each by age.
    pub(super) fn in_flight(&self) -> Vec<InFlight> {
        let mut found = Vec::new();
        let mut last = None;
        loop {
            let inner = lock(&self.inner);
            let page = after(&inner.handles, last).take(HANDLES_PER_LOCK);
            let page: Vec<Arc<ConnectionHandle>> =
                page.map(|(_, handle)| Arc::clone(handle)).collect();
            drop(inner);
            match page.last() {
                Some(handle) => last = Some(handle.id),
                None => break,
            }
            let asked = page.iter().map(|handle| (handle, handle.state()));
            let in_flight = asked.filter(|(_, state)| state.is_in_flight());
            found.extend(
                in_flight.map(|(handle, state)| (handle.number(), self.describe(handle, state))),
            );
        }
        // They were found door by door.
        found.sort_by_key(|(number, _)| *number);
        let mut found: Vec<InFlight> = found.into_iter().map(|(_, told)| told).collect();
        let mut upgraded: Vec<_> = lock(&self.inner).upgraded.values().cloned().collect();
        upgraded.sort_by_key(|handle| handle.number());
        let upgraded = upgraded.iter();
        found.extend(upgraded.map(|handle| self.describe(handle, ConnectionState::Upgraded)));
        found
    }

    fn describe(&self, handle: &ConnectionHandle, state: ConnectionState) -> InFlight {
        let age = match handle.since.load(Ordering::Relaxed) {
            UNKNOWN_TIME => Duration::ZERO,
            since => self.born.elapsed().saturating_sub(stamped(since)),
        };
        let (request, client) = handle.label();
        InFlight {
            client,
            peer: handle.peer,
            request,
            state,
            age,
        }
    }

    /// A drain is to come: those that come in by doors below this number end with their next
    /// answer. Nothing else is done to them.
    pub(super) fn wind_down(&self, listeners: u32) {
        self.winding_down.store(listeners, Ordering::Relaxed);
    }

    pub(super) fn winds_down(&self, handle: &ConnectionHandle) -> bool {
        handle.listener_id() < self.winding_down.load(Ordering::Relaxed)
    }

    /// Marks all there are as ending and lets go of those that owe no answer. Does not wait.
    /// `rouse` has the guests that nobody waits on looked at.
    pub(super) fn begin_drain(&self, poll_all: impl Fn()) {
        let inner = lock(&self.inner);
        end(&inner, &Selection::find(&inner, |_| true), |_, _| false);
        drop(inner);
        poll_all();
    }

    /// Ends such links and waits until they have settled, or until `deadline`; then those left are
    /// cut. Those that are entered meanwhile are no concern of it.
    pub(super) fn drain(
        &self,
        selects: impl Fn(&ConnectionHandle) -> bool,
        deadline: Option<Instant>,
        poll_all: impl Fn(),
    ) -> Drained {
        let began = Instant::now();
        let answered_before = self.answered.load(Ordering::Relaxed);
        let mut drained = Drained::default();
        let by = |time| Some(deadline.map_or(began + time, |d: Instant| d.min(began + time)));
        let mut inner = lock(&self.inner);
        let lost_before = inner.lost;
        let mut selection = Selection::find(&inner, selects);
        let grace = self.grace(&inner, &selection);
        end(&inner, &selection, |handle, state| match state {
            ConnectionState::Fresh => true,
            ConnectionState::Head | ConnectionState::Body => self.winds_down(handle),
            _ => false,
        });
        drop(inner);
        poll_all();
        inner = self.wait_for(&mut selection, by(grace));
        if selection.are_in(&inner) {
            end(&inner, &selection, |_, _| false);
            drop(inner);
            poll_all();
            inner = self.wait_for(&mut selection, by(SLOW_DRAIN_REPORT_AFTER));
            if began.elapsed() >= SLOW_DRAIN_REPORT_AFTER {
                drained.held_up_by = self.selected_in_flight(&inner, &selection).1;
            }
            drop(inner);
            inner = self.wait_for(&mut selection, deadline);
        }
        (drained.cut, drained.unanswered) = self.selected_in_flight(&inner, &selection);
        drained.answered = self.answered.load(Ordering::Relaxed) - answered_before;
        drained.lost = inner.lost - lost_before;
        // No other drain waits for them, or counts them once more.
        let left: Vec<Arc<ConnectionHandle>> = selection.handles(&inner).map(Arc::clone).collect();
        for handle in &left {
            inner.handles.remove(&handle.id);
            let _ = handle.stream.shutdown(Shutdown::Both);
        }
        drop(inner);
        self.settled.notify_all();
        drained.took = began.elapsed();
        drained
    }

    fn grace(&self, inner: &Inner, selection: &Selection) -> Duration {
        match selection
            .handles(inner)
            .any(|handle| self.winds_down(handle))
        {
            true => ANNOUNCED_GRACE_TIME,
            false => FRESH_GRACE_TIME,
        }
    }

    /// How many of those are in flight, and the oldest of them.
    fn selected_in_flight(&self, inner: &Inner, selection: &Selection) -> (u64, Vec<InFlight>) {
        // They go on meanwhile: each is asked once.
        let asked = selection
            .handles(inner)
            .map(|handle| (handle, handle.state()));
        let mut found: Vec<_> = asked.filter(|(_, state)| state.is_in_flight()).collect();
        found.sort_by_key(|(handle, _)| handle.number());
        let count = found.len() as u64;
        let oldest = found.into_iter().take(MAX_LISTED_REQUESTS);
        let told = oldest.map(|(handle, state)| self.describe(handle, state));
        (count, told.collect())
    }

    fn wait_for(
        &self,
        selection: &mut Selection,
        deadline: Option<Instant>,
    ) -> MutexGuard<'_, Inner> {
        let mut inner = lock(&self.inner);
        while selection.are_in(&inner) {
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
    handles: &BTreeMap<ConnectionId, Arc<ConnectionHandle>>,
    last: Option<ConnectionId>,
) -> impl Iterator<Item = (&ConnectionId, &Arc<ConnectionHandle>)> {
    handles.range((
        last.map_or(Bound::Unbounded, Bound::Excluded),
        Bound::Unbounded,
    ))
}

/// The links that a drain is about.
struct Selection(Vec<ConnectionId>);

impl Selection {
    fn find(inner: &Inner, selects: impl Fn(&ConnectionHandle) -> bool) -> Selection {
        let handles = inner.handles.values().filter(|handle| selects(handle));
        Selection(handles.map(|handle| handle.id).collect())
    }

    fn handles<'a>(&'a self, inner: &'a Inner) -> impl Iterator<Item = &'a Arc<ConnectionHandle>> {
        self.0.iter().filter_map(|id| inner.handles.get(id))
    }

    /// Whether there are any left. It is asked whenever one has settled, and none comes back: each
    /// of those that have is looked at once.
    fn are_in(&mut self, inner: &Inner) -> bool {
        while let Some(id) = self.0.last() {
            if inner.handles.contains_key(id) {
                return true;
            }
            self.0.pop();
        }
        false
    }
}

/// Ends those, and lets go of all that have no request in flight and are not spared.
fn end(
    inner: &Inner,
    selection: &Selection,
    is_spared: impl Fn(&ConnectionHandle, ConnectionState) -> bool,
) {
    for handle in selection.handles(inner) {
        handle.end();
        let state = handle.state();
        if !state.is_in_flight() && !is_spared(handle, state) {
            handle.stop_reading();
        }
    }
}

#[cfg(test)]
mod tests;
