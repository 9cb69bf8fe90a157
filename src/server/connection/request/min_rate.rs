//! The minimum rate that a client must keep while it sends a body or reads a response. The rate is
//! computed from numbers and times that the caller passes in; nothing waits here.

use std::time::{Duration, Instant};

/// The time over which each rate is measured, 5 s. The rate is checked for the first time after one
/// window, and once after each window.
const RATE_WINDOW: Duration = Duration::from_secs(5);

/// The bytes of the current window, and the minimum for a window. Each window is checked alone, so
/// that a burst does not pay for a later stall.
#[derive(Debug)]
pub(crate) struct MinRate {
    min_bytes: u64,
    window_ends: Instant,
    bytes: u64,
}

impl MinRate {
    /// Requires at least `rate` bytes a second from `now` on.
    pub(crate) fn new(rate: u64, now: Instant) -> MinRate {
        MinRate {
            min_bytes: rate.saturating_mul(RATE_WINDOW.as_secs()),
            window_ends: now + RATE_WINDOW,
            bytes: 0,
        }
    }

    pub(crate) fn record(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Returns whether a window has ended by `now` with fewer bytes than the minimum. The next
    /// window then begins.
    pub(crate) fn is_below(&mut self, now: Instant) -> bool {
        if now < self.window_ends {
            return false;
        }
        let is_below = self.bytes < self.min_bytes;
        self.window_ends = now + RATE_WINDOW;
        self.bytes = 0;
        is_below
    }

    /// Extends the window by a time in which the server asked the client for nothing.
    pub(crate) fn pause(&mut self, time: Duration) {
        self.window_ends += time;
    }

    /// Returns the time until the window ends.
    pub(crate) fn time_left(&self, now: Instant) -> Duration {
        self.window_ends.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_checked_on_its_own() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(240, start);
        min_rate.record(1_000_000);
        assert!(!min_rate.is_below(start + RATE_WINDOW - Duration::from_millis(1)));
        assert!(!min_rate.is_below(start + RATE_WINDOW));
        min_rate.record(1_199);
        assert!(min_rate.is_below(start + RATE_WINDOW * 2));
    }

    #[test]
    fn the_minimum_is_enough() {
        let start = Instant::now();
        let mut min_rate = MinRate::new(240, start);
        min_rate.record(1_200);
        assert!(!min_rate.is_below(start + RATE_WINDOW));
    }
}
