//! The end of a connection: at once, or after the client had time to read the last response.

use std::io::{ErrorKind, Read};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::buffers::Buffers;
use super::byte_queue::ByteQueue;
use super::response::outcome::Linger;
use super::{Connection, Phase};
use crate::server::pool::Next;
use crate::server::registry::ConnectionState;
use crate::server::stats::CloseReason;
use crate::util::io::would_block;

/// The time for which a connection is read after the last response, 2 s. Without this, a reset may
/// destroy the response before the client reads that response (RFC 9112 §9.6).
const LINGER_TIMEOUT: Duration = Duration::from_secs(2);
/// The bytes read in that time, 256 MiB. Many clients send a whole body before they read, also a
/// body of several times `max_body_bytes`; in practice, the time is the bound.
const MAX_LINGER_BYTES: usize = 256 * 1024 * 1024;

impl Connection {
    /// Ends the connection.
    pub(crate) fn finish(&mut self, reason: CloseReason) -> Next {
        self.reason = Some(reason);
        self.phase = Phase::Closed;
        Next::Done
    }

    /// Ends the connection after the last response was sent.
    pub(crate) fn close(
        &mut self,
        buffers: &mut Buffers,
        linger: Linger,
        reason: CloseReason,
        now: Instant,
    ) -> Next {
        self.handle.set_state(ConnectionState::Closing);
        let lingers = self.set_blocking(false).is_ok()
            && (linger == Linger::Always || self.has_more(buffers));
        if !lingers || self.handle.stream.shutdown(Shutdown::Write).is_err() {
            return self.finish(reason);
        }
        self.reason = Some(reason);
        self.unread = ByteQueue::default();
        self.deadline = now + LINGER_TIMEOUT;
        // Settles at once if nothing has arrived. The scanner may poll the connection late, and a
        // drain does not wait for that.
        match self.linger(buffers, MAX_LINGER_BYTES, false, now) {
            Next::Blocked => Next::Closing,
            next => next,
        }
    }

    /// Returns whether more bytes have arrived.
    fn has_more(&mut self, buffers: &mut Buffers) -> bool {
        let count = (&self.handle.stream).read(&mut buffers.input).unwrap_or(0);
        buffers.counters(&self.service.counters).received(count);
        count > 0
    }

    /// Reads and discards bytes, until the end of the client's side or of the linger time.
    pub(crate) fn linger(
        &mut self,
        buffers: &mut Buffers,
        left: usize,
        settled: bool,
        now: Instant,
    ) -> Next {
        let read = (&self.handle.stream).read(&mut buffers.input);
        let counters = buffers.counters(&self.service.counters);
        counters.received(*read.as_ref().unwrap_or(&0));
        let (left, settled, next) = match read {
            Ok(count @ 1..) if count <= left && now < self.deadline => {
                (left - count, settled, Next::Progressed)
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => (left, settled, Next::Blocked),
            Err(e) if would_block(&e) && now < self.deadline => {
                if !settled {
                    self.service.registry.linger(&self.handle);
                }
                (left, true, Next::Blocked)
            }
            _ => {
                self.phase = Phase::Closed;
                return Next::Done;
            }
        };
        self.phase = Phase::Lingering { left, settled };
        next
    }
}
