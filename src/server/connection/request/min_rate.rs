//! The minimum rate a peer must keep while something is under way. It counts; it never waits.

use std::time::{Duration, Instant};

/// How long a peer may take before its rate is judged, and over how long each judgement is.
const WINDOW: Duration = Duration::from_secs(5);

/// Bytes moved in the current window. A burst does not pay for a later stall: each window is judged
/// on its own.
#[derive(Debug)]
pub(crate) struct MinRate {
    least: u64,
    window_ends: Instant,
    moved: u64,
}

impl MinRate {
    /// At least `rate` bytes a second from now on.
    pub(crate) fn new(rate: u64, now: Instant) -> MinRate {
        MinRate {
            least: rate.saturating_mul(WINDOW.as_secs()),
            window_ends: now + WINDOW,
            moved: 0,
        }
    }

    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes as u64);
    }

    /// Whether the window that ended by `now`, if one did, brought too little.
    pub(crate) fn too_slow(&mut self, now: Instant) -> bool {
        if now < self.window_ends {
            return false;
        }
        let too_slow = self.moved < self.least;
        self.window_ends = now + WINDOW;
        self.moved = 0;
        too_slow
    }

    /// The peer was not asked for anything for this long.
    pub(crate) fn excuse(&mut self, time: Duration) {
        self.window_ends += time;
    }

    /// Until the next judgement.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        self.window_ends.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_judged_on_its_own() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(240, start);
        min_rate.moved(1_000_000);
        assert!(!min_rate.too_slow(start + WINDOW - Duration::from_millis(1)));
        assert!(!min_rate.too_slow(start + WINDOW));
        min_rate.moved(1_199);
        assert!(min_rate.too_slow(start + WINDOW * 2));
    }

    #[test]
    fn the_least_is_enough() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(240, start);
        min_rate.moved(1_200);
        assert!(!min_rate.too_slow(start + WINDOW));
    }
}
