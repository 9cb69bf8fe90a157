//! The open connections of a server: their states, reports of them, and drains.
//!
//! ```text
//!   Fresh ──► Head, Body ──► in flight ──► Idle ──┐     any ──► settled ──► upgraded or closed
//!                ▲                                │     (the last response is sent)
//!                └────────────────────────────────┘
//! ```
//!
//! A [`ConnectionHandle`] is shared by the connection, which writes the state, and the
//! [`Registry`], which lists all handles. Three words describe a connection:
//!
//! * *in flight*: a request was received, and its response is not sent completely.
//! * *ending*: the connection closes after the response to its current request.
//! * *settled*: the connection needs no further response, and no drain waits for it.
//!
//! A drain ([`Registry::drain`]) marks connections as ending, ends the reading of those without a
//! request in flight, and waits until all of them have settled. A request that was received before
//! is still answered: after `shutdown(Read)`, a reader gets the bytes in the kernel's buffer, and
//! then the end of the stream.
//!
//! | file | content |
//! |---|---|
//! | `mod` | the handles and the registry |
//! | `drain` | drains |
//! | `label` | the label of a request: method, target and client |
//! | `report` | the public types of reports: [`ConnectionState`], [`InFlight`], [`Drained`] |
//!
//! The registry depends on sockets and on `util`, not on HTTP.

mod drain;
mod label;
mod report;

use std::collections::BTreeMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use self::label::RequestLabel;
pub(crate) use self::report::ClientAndPeer;
pub use self::report::{ConnectionState, Drained, InFlight};
use crate::util::lock::lock;

/// Age below which a fresh connection is not closed in favour of a newer one: 100 ms. The first
/// request most likely arrives within that time, and the client does not expect to have to retry.
const MIN_FRESH_AGE: Duration = Duration::from_millis(100);

/// Number of handles that a report visits under one lock. A report of many thousand connections
/// therefore never delays a connection that opens or closes by more than a moment.
const HANDLES_PER_LOCK: usize = 64;

/// Value of [`ConnectionHandle::since`] while the time is unknown: reading the clock would cost
/// more than the time is worth.
const UNKNOWN_TIME: u64 = u64::MAX;

/// The part of a connection that the registry also uses.
#[derive(Debug)]
pub(crate) struct ConnectionHandle {
    /// Position in the order in which all connections were accepted.
    number: u64,
    listener_id: u32,
    pub(crate) stream: TcpStream,
    /// The other end of the connection, which may be a proxy.
    pub(crate) peer: SocketAddr,
    state: AtomicU8,
    ending: AtomicBool,
    /// When the current state of waiting, receiving or running began, in nanoseconds after
    /// [`Registry::created`]; or [`UNKNOWN_TIME`].
    since: AtomicU64,
    /// The label of the current request, with its client if that is not the peer. Written by the
    /// worker that runs the connection.
    label: RequestLabel,
}

impl ConnectionHandle {
    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn state(&self) -> ConnectionState {
        // Only numbers of states are stored, so that the default is never used.
        let number = usize::from(self.state.load(Ordering::SeqCst));
        let state = ConnectionState::ALL.get(number).copied();
        state.unwrap_or(ConnectionState::Fresh)
    }

    /// Returns the id of the listener that accepted the connection.
    pub(crate) fn listener_id(&self) -> u32 {
        self.listener_id
    }

    /// Sets the label to an empty text, with `client`: the received bytes contain no method and
    /// target.
    pub(crate) fn clear_label(&self, client: Option<SocketAddr>) {
        self.label.write("", client);
    }

    /// Returns the text of the label (method and target) and the client of the current request, or
    /// of the last one. The text ends before the first `?`, because a query may contain secrets.
    pub(crate) fn label(&self) -> (String, SocketAddr) {
        let (mut name, client) = self.label.read();
        name.truncate(name.find('?').unwrap_or(name.len()));
        (name, client.unwrap_or(self.peer))
    }

    /// Returns whether the connection must close after its next response.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Ends the stream of received bytes. A reader gets the bytes received so far, then the end.
    fn stop_reading(&self) {
        // An error means that the peer has closed the connection, with the same effect.
        let _ = self.stream.shutdown(Shutdown::Read);
    }
}

/// Every open connection of a server.
#[derive(Debug)]
pub(crate) struct Registry {
    created: Instant,
    connections: Mutex<Connections>,
    /// Notified when a connection settles. Used with the lock of `connections`.
    settled: Condvar,
    /// Number of responses sent completely on ending connections.
    answered: AtomicU64,
    /// The server winds down the connections of listeners with an id below this number.
    winding_down_below: AtomicU32,
}

/// The handles, by number, and so by age.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    next_number: u64,
    /// Number of open connections, upgraded ones excluded.
    open: usize,
    /// Connections that have not settled.
    active: BTreeMap<u64, Arc<ConnectionHandle>>,
    /// Settled connections that are still read for a moment, unless a newer connection needs their
    /// descriptor.
    lingering: BTreeMap<u64, Arc<ConnectionHandle>>,
    /// Connections that another protocol uses. They are reported, and never drained.
    upgraded: BTreeMap<u64, Arc<ConnectionHandle>>,
    /// Number of ending connections that settled with a request in flight.
    lost: u64,
}

impl Registry {
    pub(crate) fn new() -> Registry {
        Registry {
            created: Instant::now(),
            connections: Mutex::default(),
            settled: Condvar::new(),
            answered: AtomicU64::new(0),
            winding_down_below: AtomicU32::new(0),
        }
    }

    /// Adds a connection. If `max_open` connections are open, the registry closes one of them: a
    /// lingering connection, or the one that has been idle longest. If there is none, the stream is
    /// returned.
    pub(crate) fn enter(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        listener_id: u32,
        max_open: usize,
    ) -> Result<Arc<ConnectionHandle>, TcpStream> {
        let mut connections = lock(&self.connections);
        if connections.open >= max_open && !self.make_room(&mut connections, Duration::ZERO) {
            return Err(stream);
        }
        let number = connections.next_number;
        let handle = Arc::new(ConnectionHandle {
            number,
            listener_id,
            stream,
            peer,
            state: AtomicU8::new(ConnectionState::Fresh as u8),
            ending: AtomicBool::new(false),
            since: AtomicU64::new(self.nanos_since_created(Instant::now())),
            label: RequestLabel::default(),
        });
        connections.next_number += 1;
        connections.active.insert(number, Arc::clone(&handle));
        connections.open += 1;
        Ok(handle)
    }

    /// Closes a lingering connection, or the one that has been idle longest. Returns whether there
    /// was one.
    pub(crate) fn close_idlest(&self) -> bool {
        self.make_room(&mut lock(&self.connections), MIN_FRESH_AGE)
    }

    /// Closes a lingering connection, or the one that has been idle longest. Fresh connections
    /// count as idle from the age `min_fresh_age`.
    fn make_room(&self, connections: &mut Connections, min_fresh_age: Duration) -> bool {
        let oldest = connections.lingering.keys().next().copied();
        if let Some(handle) = oldest.and_then(|number| connections.lingering.remove(&number)) {
            handle.stop_reading();
            return true;
        }
        let now = Instant::now();
        let fresh_before = now.checked_sub(min_fresh_age).unwrap_or(now);
        let fresh_before = self.nanos_since_created(fresh_before);
        let idle = connections.active.values().filter_map(|handle| {
            let since = handle.since.load(Ordering::Relaxed);
            let rank = match handle.state() {
                ConnectionState::Closing => 0,
                ConnectionState::Idle => 1,
                ConnectionState::Fresh if since <= fresh_before => 1,
                _ => return None,
            };
            (!handle.is_ending()).then_some((rank, since, handle))
        });
        match idle.min_by_key(|(rank, since, _)| (*rank, *since)) {
            Some((_, _, handle)) => {
                handle.end();
                handle.stop_reading();
                true
            }
            None => false,
        }
    }

    /// Records that a connection waits for its next request.
    pub(crate) fn became_idle(&self, handle: &ConnectionHandle, now: Instant) {
        self.request_began(handle, now);
        let idle = ConnectionState::Idle as u8;
        handle.state.store(idle, Ordering::SeqCst);
        // A drain that found the request in flight did not end the reading: that is done here. All
        // four accesses to `state` and `ending` are SeqCst, so that at least one of the two threads
        // sees the store of the other. Without this, the drain would wait for the idle timeout; see
        // the test `a_connection_that_becomes_idle_while_a_drain_begins_ends_either_way`.
        if handle.ending.load(Ordering::SeqCst) {
            handle.stop_reading();
        }
    }

    /// Records when the first byte of the current request arrived, or its handler started.
    pub(crate) fn request_began(&self, handle: &ConnectionHandle, now: Instant) {
        let nanos = self.nanos_since_created(now);
        handle.since.store(nanos, Ordering::Relaxed);
    }

    /// Records that a request was received completely. `name` is the text of its label; `client` is
    /// given if the client is not the peer.
    ///
    /// Most likely a worker runs the request at once and reads the clock then. If not,
    /// [`record_waiting`](Registry::record_waiting) sets the time.
    #[inline]
    pub(crate) fn request_received(
        &self,
        handle: &ConnectionHandle,
        name: &str,
        client: Option<SocketAddr>,
    ) {
        handle.label.write(name, client);
        handle.since.store(UNKNOWN_TIME, Ordering::Relaxed);
        handle.set_state(ConnectionState::Waiting);
    }

    /// Records that a request waits for a worker, unless the time is known already.
    pub(crate) fn record_waiting(&self, handle: &ConnectionHandle, now: Instant) {
        if handle.since.load(Ordering::Relaxed) == UNKNOWN_TIME {
            self.request_began(handle, now);
        }
    }

    /// Records that a response was sent completely.
    pub(crate) fn answered(&self, handle: &ConnectionHandle) {
        if handle.is_ending() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Settles a connection: from now on, no drain waits for it.
    pub(crate) fn settle(&self, handle: &ConnectionHandle) {
        self.remove_active(&mut lock(&self.connections), handle);
    }

    /// Settles a connection that has its last response and is still read for a moment.
    pub(crate) fn linger(&self, handle: &Arc<ConnectionHandle>) {
        let mut connections = lock(&self.connections);
        let lingering = &mut connections.lingering;
        lingering.insert(handle.number, Arc::clone(handle));
        self.remove_active(&mut connections, handle);
    }

    /// Removes a connection that is closed or upgraded.
    pub(crate) fn leave(&self, handle: &ConnectionHandle) {
        let mut connections = lock(&self.connections);
        connections.open -= 1;
        connections.lingering.remove(&handle.number);
        self.remove_active(&mut connections, handle);
    }

    fn remove_active(&self, connections: &mut Connections, handle: &ConnectionHandle) {
        if connections.active.remove(&handle.number).is_none() {
            return;
        }
        // Counted under the lock. Without this, a drain could miss the connection in both the list
        // and the count.
        if handle.is_ending() && handle.state().is_in_flight() {
            connections.lost += 1;
        }
        self.settled.notify_all();
    }

    /// Settles a connection and hands it to another protocol, until
    /// [`upgrade_ended`](Registry::upgrade_ended).
    pub(crate) fn begin_upgrade(&self, handle: &Arc<ConnectionHandle>) {
        let mut connections = lock(&self.connections);
        // In one step under the lock. Without this, a drain could find the connection without a
        // request in flight and not settled, and would end it.
        handle.set_state(ConnectionState::Upgraded);
        let upgraded = &mut connections.upgraded;
        upgraded.insert(handle.number, Arc::clone(handle));
        self.remove_active(&mut connections, handle);
    }

    /// Removes a connection from the upgraded ones.
    pub(crate) fn upgrade_ended(&self, handle: &ConnectionHandle) {
        let removed = lock(&self.connections).upgraded.remove(&handle.number);
        // The drop of the last reference closes the socket. That happens outside of the lock.
        drop(removed);
    }

    /// Returns the number of connections in each state, in the order of [`ConnectionState::ALL`].
    pub(crate) fn count(&self) -> [u64; ConnectionState::ALL.len()] {
        let mut count = [0; ConnectionState::ALL.len()];
        self.for_each_active(|handle| count[handle.state() as usize] += 1);
        let connections = lock(&self.connections);
        let settled = connections.open - connections.active.len();
        count[ConnectionState::Closing as usize] += settled as u64;
        count[ConnectionState::Upgraded as usize] = connections.upgraded.len() as u64;
        count
    }

    /// Returns the requests in flight, then the upgraded connections, each oldest first.
    pub(crate) fn in_flight(&self) -> Vec<InFlight> {
        let mut found = Vec::new();
        self.for_each_active(|handle| {
            let state = handle.state();
            if state.is_in_flight() {
                found.push(self.describe(handle, state));
            }
        });
        let upgraded: Vec<_> = lock(&self.connections).upgraded.values().cloned().collect();
        let upgraded = upgraded.iter();
        found.extend(upgraded.map(|handle| self.describe(handle, ConnectionState::Upgraded)));
        found
    }

    /// Calls `visit` with every connection that has not settled, outside of the lock.
    fn for_each_active(&self, mut visit: impl FnMut(&ConnectionHandle)) {
        let mut next = Bound::Unbounded;
        loop {
            let connections = lock(&self.connections);
            let rest = connections.active.range((next, Bound::Unbounded));
            let rest = rest.take(HANDLES_PER_LOCK);
            let page: Vec<_> = rest.map(|(_, handle)| Arc::clone(handle)).collect();
            drop(connections);
            page.iter().for_each(|handle| visit(handle));
            match page.last() {
                Some(last) => next = Bound::Excluded(last.number),
                None => return,
            }
        }
    }

    fn describe(&self, handle: &ConnectionHandle, state: ConnectionState) -> InFlight {
        let age = match handle.since.load(Ordering::Relaxed) {
            UNKNOWN_TIME => Duration::ZERO,
            nanos => (self.created.elapsed()).saturating_sub(Duration::from_nanos(nanos)),
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

    fn nanos_since_created(&self, now: Instant) -> u64 {
        // 64 bits of nanoseconds last for 584 years.
        now.saturating_duration_since(self.created).as_nanos() as u64
    }
}

#[cfg(test)]
mod tests;
