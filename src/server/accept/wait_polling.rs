//! Waiting for a connection where the kernel cannot wait with a deadline, or where the socket is
//! shared: nonblocking accepts with sleeps in between.

use std::io;
use std::thread;
use std::time::Duration;

use super::socket::{Accepted, Socket};
use crate::util::io::would_block;

/// 250 µs and 5 ms: the first and the longest sleep after an accept that found nothing. The sleep
/// doubles each time, so a quiet socket costs 200 wake-ups a second, and a close is noticed after
/// at most 5 ms.
const MIN_POLL_SLEEP: Duration = Duration::from_micros(250);
pub(crate) const MAX_POLL_SLEEP: Duration = Duration::from_millis(5);

/// A socket in nonblocking mode.
pub(crate) struct PollingWait<'s> {
    socket: &'s Socket,
    sleep: Duration,
}

impl<'s> PollingWait<'s> {
    pub(crate) fn new(socket: &'s Socket) -> PollingWait<'s> {
        PollingWait {
            socket,
            sleep: MIN_POLL_SLEEP,
        }
    }

    /// Accepts a connection. If none is queued, sleeps for at most `left` and returns `WouldBlock`.
    pub(crate) fn accept(&mut self, left: Duration) -> io::Result<Accepted> {
        let accepted = self.socket.accept();
        match &accepted {
            Err(e) if would_block(e) => {
                thread::sleep(left.min(self.sleep));
                self.sleep = (self.sleep * 2).min(MAX_POLL_SLEEP);
            }
            _ => self.sleep = MIN_POLL_SLEEP,
        }
        accepted
    }
}
