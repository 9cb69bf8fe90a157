//! Sending: a response leaves through its writer, and the action after it begins.

use std::net::Shutdown;
use std::time::Instant;

use super::buffers::Buffers;
use super::request::min_rate::MinRate;
use super::request::{Expecting, MAX_SKIPPED_BODY_BYTES};
use super::response::outcome::NextAction;
use super::response::writer::{BodySource, ResponseWriter, SendError, Sent};
use super::{upgrade, Connection, Phase, Sending};
use crate::server::pool::Next;
use crate::server::registry::ConnectionState;
use crate::server::stats::error_hook::ServerErrorKind;
use crate::server::stats::CloseReason;
use crate::util::io::deadline_after;

/// Bytes of capacity that the output buffer of a worker keeps after a response, 256 KiB.
const OUT_BUFFER_KEEP_BYTES: usize = 256 * 1024;

impl Connection {
    /// Sends the responses in `buffers.out`, then `source`, then begins the `next` action.
    pub(crate) fn send(
        &mut self,
        buffers: &mut Buffers,
        source: BodySource,
        next: NextAction,
        now: Instant,
    ) -> Next {
        // The minimum rate of a refused body is not that of its response.
        self.min_rate = None;
        self.handle.set_state(ConnectionState::Response);
        let Buffers { out, input, .. } = buffers;
        let mut writer = ResponseWriter::new(source);
        let sent = writer.fill_and_write(&self.handle.stream, out, input);
        out.shrink_to(OUT_BUFFER_KEEP_BYTES);
        if let Ok(Sent::All) = sent {
            // The usual case, which allocates nothing.
            buffers
                .counters(&self.service.counters)
                .sent(writer.written);
            return self.all_sent(buffers, next, now);
        }
        self.phase = Phase::Sending(Box::new(Sending { writer, next }));
        self.on_sent(buffers, sent, true, now)
    }

    /// Handles the result of one attempt to send. Only a worker may run user code.
    pub(crate) fn on_sent(
        &mut self,
        buffers: &mut Buffers,
        sent: Result<Sent, SendError>,
        on_worker: bool,
        now: Instant,
    ) -> Next {
        let mut sending = match std::mem::replace(&mut self.phase, Phase::Closed) {
            Phase::Sending(sending) => sending,
            other => {
                self.phase = other;
                return Next::Progressed;
            }
        };
        let written = std::mem::take(&mut sending.writer.written);
        buffers.counters(&self.service.counters).sent(written);
        let rate = self.service.limits.min_write_rate;
        let min_rate = self.min_rate.get_or_insert_with(|| MinRate::new(rate, now));
        min_rate.record(written);
        let next = match sent {
            Ok(Sent::All) if on_worker || !sending.has_user_code() => {
                return self.all_sent(buffers, sending.next, now);
            }
            Ok(Sent::All | Sent::NeedsReader) => Next::Run,
            Ok(Sent::Blocked) if min_rate.is_below(now) => {
                return self.abort(sending, CloseReason::SlowRead);
            }
            Ok(Sent::Blocked) if written == 0 => Next::Blocked,
            Ok(Sent::Blocked) => Next::Progressed,
            Err(error) => {
                let reason = self.report_and_classify(error);
                return self.abort(sending, reason);
            }
        };
        self.phase = Phase::Sending(sending);
        next
    }

    /// Begins the action after a response that was sent whole.
    fn all_sent(&mut self, buffers: &mut Buffers, next: NextAction, now: Instant) -> Next {
        for _ in 0..std::mem::take(&mut self.unsent_responses) {
            self.service.registry.answered(&self.handle);
        }
        self.min_rate = None;
        let rest = match next {
            NextAction::KeepAlive(rest) => rest,
            NextAction::Close { linger, reason } => {
                return self.close(buffers, linger, reason, now)
            }
            NextAction::Upgrade(upgrade, permit) => {
                let unread = std::mem::take(&mut self.unread);
                upgrade::hand_over(&self.service, &self.handle, upgrade, permit, unread);
                return self.finish(CloseReason::Upgraded);
            }
        };
        self.phase = Phase::Receiving;
        if self.reader.ready().is_some() {
            // The next request was found while the responses before it were gathered.
            self.handle.set_state(ConnectionState::Waiting);
            return self.next();
        }
        if let Some(rest) = rest {
            self.reader.skip(rest, MAX_SKIPPED_BODY_BYTES);
        }
        self.deadline = deadline_after(now, self.service.limits.idle_timeout);
        self.service.registry.became_idle(&self.handle, now);
        if self.unread.is_empty() && self.reader.expecting() == Expecting::Nothing {
            return Next::Idle;
        }
        self.receive(buffers, 0, Expecting::Nothing, Some(now))
    }

    /// Ends the connection within a response. If the response holds user code, the socket is closed
    /// and a drain stops waiting at once. A worker then drops the response, which may take long.
    fn abort(&mut self, sending: Box<Sending>, reason: CloseReason) -> Next {
        if !sending.has_user_code() {
            return self.finish(reason);
        }
        // Fails only if the connection is gone.
        let _ = self.handle.stream.shutdown(Shutdown::Both);
        self.service.registry.settle(&self.handle);
        self.reason = Some(reason);
        self.phase = Phase::Aborted(sending);
        Next::Run
    }

    /// Reports the failure of a response's body. Returns the reason for the end of the connection.
    fn report_and_classify(&self, error: SendError) -> CloseReason {
        match error {
            SendError::Write => CloseReason::Broken,
            SendError::Reader(error) => {
                let service = &self.service;
                service.report(&self.handle, ServerErrorKind::Body, error);
                CloseReason::BodyFailed
            }
        }
    }
}
