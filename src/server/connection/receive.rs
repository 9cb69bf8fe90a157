//! Receiving: bytes from the socket become a request, a refusal or the end of the connection. The
//! bytes that the client must send next decide how long it may take.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::buffers::Buffers;
use super::request::min_rate::MinRate;
use super::request::{Expecting, Progress};
use super::response;
use super::response::outcome::{Linger, NextAction, Refusal};
use super::response::outcome::{HEAD_TIMEOUT_REFUSAL, INCOMPLETE_HEAD_REFUSAL, SLOW_BODY_REFUSAL};
use super::response::writer::BodySource;
use super::Connection;
use crate::server::pool::Next;
use crate::server::registry::ConnectionState;
use crate::server::stats::CloseReason;
use crate::util::io::{deadline_after, would_block};
use crate::wire::error::WireError;

/// Bytes of capacity that an idle connection keeps for received bytes, 4 KiB.
const BUFFER_KEEP_BYTES: usize = 4 * 1024;

impl Connection {
    /// Handles the result of a read into `buffers.input`. `now` is `None` after a read that may
    /// have waited; the clock is then read only if the time is needed.
    pub(crate) fn on_read(
        &mut self,
        buffers: &mut Buffers,
        read: io::Result<usize>,
        now: Option<Instant>,
    ) -> Next {
        match read {
            Ok(0) => self.on_end(buffers),
            Ok(count) => {
                buffers.counters(&self.service.counters).received(count);
                if let Some(min_rate) = &mut self.min_rate {
                    min_rate.record(count);
                }
                let expecting = self.reader.expecting();
                self.receive(buffers, count, expecting, now)
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => self.next(),
            Err(e) if would_block(&e) => {
                let late = self.check_deadline(buffers, now.unwrap_or_else(Instant::now));
                late.unwrap_or_else(|| self.next())
            }
            Err(_) => self.finish(CloseReason::Broken),
        }
    }

    /// Passes the unread bytes on to the reader, with `count` bytes of `buffers.input` behind them.
    /// The deadline is set for the bytes that were expected `before`.
    pub(crate) fn receive(
        &mut self,
        buffers: &mut Buffers,
        count: usize,
        before: Expecting,
        now: Option<Instant>,
    ) -> Next {
        let now = || now.unwrap_or_else(Instant::now);
        match (self.feed(buffers, count), self.reader.expecting()) {
            (Ok(Progress::Ready), _) => self.on_request(),
            (Ok(Progress::Incomplete), _) => {
                let now = now();
                self.set_deadline(before, now);
                // Without this check, a client that sends one byte before each read would never be
                // late (`a_byte_at_each_poll_does_not_extend_a_deadline`).
                match (self.check_deadline(buffers, now), self.next()) {
                    (Some(end), _) => end,
                    (None, Next::Blocked) => Next::Progressed,
                    (None, next) => next,
                }
            }
            (Ok(Progress::TooLongToSkip), _) => {
                self.close(buffers, Linger::Always, CloseReason::Asked, now())
            }
            // The request of this body has been answered: the client would take a second response
            // for the response to the next request.
            (Err(_), Expecting::SkippedBody) => {
                self.close(buffers, Linger::Always, CloseReason::Refused, now())
            }
            // The peer is not a trusted proxy, and may not speak HTTP.
            (Err(_), Expecting::Preface) => self.finish(CloseReason::Refused),
            (Err(error), _) => self.refuse(buffers, error.refusal(), CloseReason::Refused),
        }
    }

    /// Passes the bytes of [`receive`](Connection::receive) on to the reader, and does no more.
    pub(crate) fn feed(
        &mut self,
        buffers: &mut Buffers,
        count: usize,
    ) -> Result<Progress, WireError> {
        if self.reader.expecting() == Expecting::Nothing {
            // Nearly all heads come in one piece, and the connection then needs no head of its own.
            std::mem::swap(&mut self.reader.head, &mut buffers.head);
        }
        let (input, limits) = (&buffers.input[..count], &self.service.limits);
        if self.unread.is_empty() {
            let (consumed, progress) = self.reader.feed(input, limits)?;
            self.unread.push(&input[consumed..]);
            return Ok(progress);
        }
        self.unread.push(input);
        let (consumed, progress) = self.reader.feed(self.unread.as_slice(), limits)?;
        self.unread.consume(consumed);
        if self.unread.is_empty() {
            self.unread.shrink(BUFFER_KEEP_BYTES);
        }
        Ok(progress)
    }

    /// Registers the request that is ready, and the client that a proxy names.
    pub(crate) fn on_request(&mut self) -> Next {
        if let Some(proxies) = &self.service.proxies {
            let near = self.reader.source.unwrap_or(self.handle.peer);
            self.client = Some(proxies.client(&self.reader.head, near));
        }
        let client = self.client.map(|client| client.address);
        let client = client.filter(|client| *client != self.handle.peer);
        let label = self.reader.head.request();
        let registry = &self.service.registry;
        registry.request_received(&self.handle, label, client);
        self.next()
    }

    /// Returns the next call that a receiving connection needs.
    pub(crate) fn next(&self) -> Next {
        match (self.reader.ready(), self.reader.expecting()) {
            (Some(received), _) if received.is_partial() => Next::RunMayBlock,
            (Some(_), _) => Next::Run,
            (None, Expecting::Nothing) => Next::Idle,
            (None, _) => Next::Blocked,
        }
    }

    /// Sets the deadline or the minimum rate for the bytes that the client must send now. They are
    /// kept while the same bytes are expected as `before`.
    fn set_deadline(&mut self, before: Expecting, now: Instant) {
        let expecting = self.reader.expecting();
        if expecting == before {
            return;
        }
        let (limits, registry) = (&self.service.limits, &self.service.registry);
        if before == Expecting::Nothing {
            registry.request_began(&self.handle, now);
        }
        self.min_rate = None;
        self.deadline = deadline_after(now, limits.head_timeout);
        match expecting {
            Expecting::Nothing => {
                self.deadline = deadline_after(now, limits.idle_timeout);
                // The request follows the preface at once: until then the connection is fresh, and
                // a drain waits for it.
                if before != Expecting::Preface {
                    registry.became_idle(&self.handle, now);
                }
            }
            Expecting::Preface => {}
            Expecting::Head => self.handle.set_state(ConnectionState::Head),
            Expecting::Body => {
                self.min_rate = Some(MinRate::new(limits.min_body_rate, now));
                self.handle.set_state(ConnectionState::Body);
            }
            Expecting::SkippedBody => {
                self.min_rate = Some(MinRate::new(limits.min_body_rate, now));
                // The response was sent: a drain need not wait.
                self.handle.set_state(ConnectionState::Idle);
            }
        }
    }

    /// Ends the connection if the client is late. Returns `None` if the client is in time.
    fn check_deadline(&mut self, buffers: &mut Buffers, now: Instant) -> Option<Next> {
        let is_late = match &mut self.min_rate {
            Some(min_rate) => min_rate.is_below(now),
            None => now >= self.deadline,
        };
        if !is_late {
            return None;
        }
        Some(match self.reader.expecting() {
            Expecting::Nothing => self.finish(CloseReason::Idle),
            Expecting::Preface => self.finish(CloseReason::HeadTimeout),
            Expecting::Head => self.refuse(buffers, HEAD_TIMEOUT_REFUSAL, CloseReason::HeadTimeout),
            Expecting::Body => self.refuse(buffers, SLOW_BODY_REFUSAL, CloseReason::SlowBody),
            Expecting::SkippedBody => self.finish(CloseReason::SlowBody),
        })
    }

    /// Handles the end of the client's side, or a drain, which shuts the socket for reading.
    fn on_end(&mut self, buffers: &mut Buffers) -> Next {
        if self.handle.is_ending() {
            return self.finish(CloseReason::Drained);
        }
        match self.reader.expecting() {
            Expecting::Nothing => self.finish(CloseReason::ClientClosed),
            Expecting::Head => self.refuse(buffers, INCOMPLETE_HEAD_REFUSAL, CloseReason::Broken),
            Expecting::Body => {
                self.reader.truncate();
                self.on_request()
            }
            Expecting::Preface | Expecting::SkippedBody => self.finish(CloseReason::Broken),
        }
    }

    /// Sends a refusal, then ends the connection.
    pub(crate) fn refuse(
        &mut self,
        buffers: &mut Buffers,
        refusal: Refusal,
        reason: CloseReason,
    ) -> Next {
        let now = Instant::now();
        // Gathered responses are sent before the refusal.
        if self.unsent_responses == 0 {
            buffers.out.clear();
        }
        self.handle.clear_label(self.reader.source);
        let is_head = self.reader.head.method() == "HEAD";
        response::encode_refusal(&self.service, &self.handle, buffers, is_head, refusal, now);
        self.unsent_responses += 1;
        let next = NextAction::Close {
            linger: Linger::Always,
            reason,
        };
        self.send(buffers, BodySource::Nothing, next, now)
    }
}
