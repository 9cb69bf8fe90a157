//! Handlers wait for their test, and the test waits for its handlers.

use std::sync::{Arc, Condvar, Mutex};

use crate::GUARD;

/// A place where handlers wait until the test opens it, and where the test sees them arrive.
#[derive(Clone, Default)]
pub struct Barrier(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    arrivals: usize,
    is_open: bool,
}

impl Barrier {
    /// For a handler: arrives, and waits until the barrier is open.
    pub fn wait(&self) {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        state.arrivals += 1;
        changed.notify_all();
        let (state, wait) = changed
            .wait_timeout_while(state, GUARD * 2, |state| !state.is_open)
            .unwrap();
        drop(state);
        assert!(!wait.timed_out(), "the test did not open the barrier");
    }

    /// For the test: waits until `count` handlers have arrived since the beginning.
    pub fn wait_for_arrivals(&self, count: usize) {
        let (state, changed) = &*self.0;
        let (state, wait) = changed
            .wait_timeout_while(state.lock().unwrap(), GUARD, |state| state.arrivals < count)
            .unwrap();
        let arrivals = state.arrivals;
        drop(state);
        assert!(!wait.timed_out(), "{arrivals} of {count} handlers arrived");
    }

    /// Releases all handlers, those that arrive later included.
    pub fn open(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().is_open = true;
        changed.notify_all();
    }
}
