//! Deadlines, and the errors of timeouts, for each wait on a socket.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// 100 years: the distance of a deadline that does not pass, and of one that an `Instant` cannot
/// hold.
const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Returns the point in time that lies `time` after `now`, at most [`NEVER`] after `now`.
pub(crate) fn deadline_after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + NEVER)
}

/// Returns a deadline that does not pass.
pub(crate) fn never() -> Instant {
    deadline_after(Instant::now(), NEVER)
}

/// Returns whether a socket's timeout passed: that is `WouldBlock` on Unix, `TimedOut` on Windows.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
