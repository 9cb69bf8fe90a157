//! Two questions about time that every wait on a socket has.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// A point in time; one too far off to be told is as good as never.
pub(crate) fn after(now: Instant, time: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);
    now.checked_add(time).unwrap_or_else(|| now + NEVER)
}

/// A timeout on a socket is `WouldBlock` on Unix and `TimedOut` on Windows.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
