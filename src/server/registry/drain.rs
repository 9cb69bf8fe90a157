//! Drains: connections are marked as ending, and the server waits until they have settled.
//!
//! All functions here lock the registry's `connections`. They release the lock while they wait and
//! while they call `poll_all`.

use std::net::Shutdown;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use super::{ConnectionHandle, ConnectionState, Connections, Drained, InFlight, Registry};
use crate::util::lock::lock;

/// Time that a drain waits for the first byte of a fresh connection: 10 ms. The first request most
/// likely arrives within that time, which is part of the 20 ms that `stoppable` promises.
pub(crate) const FRESH_GRACE_TIME: Duration = Duration::from_millis(10);

/// Time that a drain waits for a first byte or for the rest of a request, on connections of a
/// listener that [winds down](Registry::wind_down): 250 ms. Such a drain was announced and need not
/// be quick. The peer may be a proxy on a busy machine that has connected, or has sent the first
/// part of a body, and must not have to send all of it again to another server.
pub(crate) const ANNOUNCED_GRACE_TIME: Duration = Duration::from_millis(250);

/// Duration after which a drain records the requests in flight: 1 s. They are reported in
/// [`Drained::held_up_by`].
const SLOW_DRAIN_REPORT_AFTER: Duration = Duration::from_secs(1);

/// Number of requests that a report of a drain lists at most.
const MAX_LISTED_REQUESTS: usize = 32;

impl Registry {
    /// Announces a drain: connections accepted by a listener with an id below `listener_id` end
    /// with their next response. Nothing else changes for these connections.
    pub(crate) fn wind_down(&self, listener_id: u32) {
        self.winding_down_below
            .store(listener_id, Ordering::Relaxed);
    }

    /// Returns whether a drain was announced to the connection.
    pub(crate) fn winds_down(&self, handle: &ConnectionHandle) -> bool {
        handle.listener_id() < self.winding_down_below.load(Ordering::Relaxed)
    }

    /// Marks all connections as ending and ends the reading of those without a request in flight.
    /// Does not wait. `poll_all` must poll the connections on which no thread waits.
    pub(crate) fn begin_drain(&self, poll_all: impl Fn()) {
        let connections = lock(&self.connections);
        Selection::find(&connections, |_| true).end(&connections, |_, _| false);
        drop(connections);
        poll_all();
    }

    /// Ends the selected connections and waits until all of them have settled, or until `deadline`.
    /// Then the remaining connections are closed at once. Connections that are accepted meanwhile
    /// are not affected.
    pub(crate) fn drain(
        &self,
        selects: impl Fn(&ConnectionHandle) -> bool,
        deadline: Option<Instant>,
        poll_all: impl Fn(),
    ) -> Drained {
        let began = Instant::now();
        let within = |time| Some(deadline.map_or(began + time, |d: Instant| d.min(began + time)));
        let mut drained = Drained::default();
        let answered_before = self.answered.load(Ordering::Relaxed);
        let mut connections = lock(&self.connections);
        let lost_before = connections.lost;
        let mut selection = Selection::find(&connections, selects);
        let grace_time = self.grace_time(&connections, &selection);
        selection.end(&connections, |handle, state| match state {
            ConnectionState::Fresh => true,
            ConnectionState::Head | ConnectionState::Body => self.winds_down(handle),
            _ => false,
        });
        drop(connections);
        poll_all();
        connections = self.wait_for(&mut selection, within(grace_time));
        if selection.is_active(&connections) {
            selection.end(&connections, |_, _| false);
            drop(connections);
            poll_all();
            connections = self.wait_for(&mut selection, within(SLOW_DRAIN_REPORT_AFTER));
            if began.elapsed() >= SLOW_DRAIN_REPORT_AFTER {
                drained.held_up_by = self.selected_in_flight(&connections, &selection).1;
            }
            drop(connections);
            connections = self.wait_for(&mut selection, deadline);
        }
        (drained.cut, drained.unanswered) = self.selected_in_flight(&connections, &selection);
        drained.answered = self.answered.load(Ordering::Relaxed) - answered_before;
        drained.lost = connections.lost - lost_before;
        // Removed here: no other drain waits for these connections or counts them again.
        for number in &selection.0 {
            if let Some(handle) = connections.active.remove(number) {
                let _ = handle.stream.shutdown(Shutdown::Both);
            }
        }
        drop(connections);
        self.settled.notify_all();
        drained.took = began.elapsed();
        drained
    }

    pub(crate) fn grace_time(&self, connections: &Connections, selection: &Selection) -> Duration {
        let mut handles = selection.active(connections);
        match handles.any(|handle| self.winds_down(handle)) {
            true => ANNOUNCED_GRACE_TIME,
            false => FRESH_GRACE_TIME,
        }
    }

    /// Returns the number of selected connections in flight, and the oldest of these requests.
    pub(crate) fn selected_in_flight(
        &self,
        connections: &Connections,
        selection: &Selection,
    ) -> (u64, Vec<InFlight>) {
        // States change meanwhile: each is read once, so that count and list agree.
        let states = (selection.active(connections)).map(|handle| (handle, handle.state()));
        let in_flight: Vec<_> = states.filter(|(_, state)| state.is_in_flight()).collect();
        let oldest = in_flight.iter().take(MAX_LISTED_REQUESTS);
        let listed = oldest.map(|(handle, state)| self.describe(handle, *state));
        (in_flight.len() as u64, listed.collect())
    }

    /// Waits until the selected connections have settled, or until `deadline`.
    fn wait_for(
        &self,
        selection: &mut Selection,
        deadline: Option<Instant>,
    ) -> MutexGuard<'_, Connections> {
        let connections = lock(&self.connections);
        let is_active = |connections: &mut Connections| selection.is_active(connections);
        match deadline {
            // Each connection settles within the time of its limits, and notifies.
            None => (self.settled.wait_while(connections, is_active))
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
            Some(deadline) => {
                let time = deadline.saturating_duration_since(Instant::now());
                (self
                    .settled
                    .wait_timeout_while(connections, time, is_active))
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .0
            }
        }
    }
}

/// The connections that a drain ends, by number.
pub(crate) struct Selection(Vec<u64>);

impl Selection {
    pub(crate) fn find(
        connections: &Connections,
        selects: impl Fn(&ConnectionHandle) -> bool,
    ) -> Selection {
        let selected = connections.active.values().filter(|handle| selects(handle));
        Selection(selected.map(|handle| handle.number).collect())
    }

    /// Returns the selected connections that have not settled, oldest first.
    fn active<'a>(
        &'a self,
        connections: &'a Connections,
    ) -> impl Iterator<Item = &'a Arc<ConnectionHandle>> {
        let numbers = self.0.iter();
        numbers.filter_map(|number| connections.active.get(number))
    }

    /// Returns whether a selected connection has not settled. Called each time that a connection
    /// settles: the settled ones at the end are removed, so that each is looked up once.
    fn is_active(&mut self, connections: &Connections) -> bool {
        while let Some(number) = self.0.last() {
            if connections.active.contains_key(number) {
                return true;
            }
            self.0.pop();
        }
        false
    }

    /// Marks the selected connections as ending. Ends the reading of those without a request in
    /// flight, except where `is_spared` returns true.
    fn end(
        &self,
        connections: &Connections,
        is_spared: impl Fn(&ConnectionHandle, ConnectionState) -> bool,
    ) {
        for handle in self.active(connections) {
            handle.end();
            let state = handle.state();
            if !state.is_in_flight() && !is_spared(handle, state) {
                handle.stop_reading();
            }
        }
    }
}
