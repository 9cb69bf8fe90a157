//! The second half of a connection's round: the handler's answer is sent, and what follows it
//! begins: the next request, the end, or another protocol.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::buffers::Buffers;
use super::request::min_rate::MinRate;
use super::request::Expecting;
use super::response;
use super::response::writer::{BodySource, ResponseWriter, SendError, Sent};
use super::response::{Answered, Refusal};
use super::service::{UpgradePermit, Upgraded};
use super::{Connection, Linger, NextAction, Phase, SKIP};
use crate::message::request::head::Head;
use crate::message::{Request, Switched, Upgrade};
use crate::server::pool::Next;
use crate::server::registry::ConnectionState;
use crate::server::stats::error_hook::{ErrorContext, ServerErrorKind};
use crate::server::stats::CloseReason;
use crate::util::catch_panic::catch_panic;
use crate::util::io::would_block;
use crate::wire::encode;

/// How long, and for how many bytes, a closed connection is still read, so that the client
/// gets to read its answer before a reset takes it away (RFC 9112 §9.6). Many clients send all of
/// a body before they read, also one that is several times `max_body_bytes`; what bounds this is
/// the time.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024 * 1024;
/// Pipelined responses are gathered into one write once this many handlers in a row were quick, and
/// as long as the same is asked again: what the next handler takes is then known, near enough, and
/// no finished response waits behind a slow one.
const STREAK: u32 = 8;
const QUICK: Duration = Duration::from_micros(50);
const BATCH: usize = 32 * 1024;
const KEPT_BY_DESK: usize = 256 * 1024;
/// Characters of a field's name that are told; more of it would not help.
const LONGEST_TOLD: usize = 64;

/// Answering and sending.
impl Connection {
    pub(crate) fn answer(&mut self, buffers: &mut Buffers) -> Next {
        buffers.out.clear();
        self.min_rate = None;
        let mut began = Instant::now();
        loop {
            let received = match self.reader.take_ready() {
                Some(received) => received,
                None => return self.over(CloseReason::Broken),
            };
            self.service.registry.request_began(&self.link, began);
            self.link.set_state(ConnectionState::Handler);
            self.owes = Expecting::Nothing;
            let Answered { source, after, now } = response::answer(self, buffers, received);
            self.owed += 1;
            // The head's buffers go back to the buffers; a new head is lent others.
            std::mem::swap(&mut self.reader.head, &mut buffers.head);
            self.quick = if now - began < QUICK {
                self.quick + 1
            } else {
                0
            };
            let gather = self.quick >= STREAK && self.has_unread() && buffers.out.len() < BATCH;
            if gather && source.is_nothing() && matches!(after, NextAction::KeepAlive(None)) {
                self.phase = Phase::Receiving;
                match self.take_unread_in(buffers, Some(now)) {
                    Next::Run if asks_same(&buffers.request, &self.reader.head) => {
                        began = now;
                        continue;
                    }
                    Next::Done => return Next::Done,
                    _ => {}
                }
                if !matches!(self.phase, Phase::Receiving | Phase::Ready) {
                    // It was refused, and that was sent with the rest.
                    return Next::Progressed;
                }
            }
            return self.send(buffers, source, after, now);
        }
    }

    /// Refuses what the client sent: one answer, then the end.
    pub(crate) fn refuse(
        &mut self,
        buffers: &mut Buffers,
        refusal: Refusal,
        reason: CloseReason,
    ) -> Next {
        let now = Instant::now();
        if self.owed == 0 {
            buffers.out.clear();
        }
        self.link.clear_label(self.reader.source);
        response::refuse(self, buffers, refusal, now);
        self.owed += 1;
        self.send(
            buffers,
            BodySource::Nothing,
            NextAction::Close {
                linger: Linger::Yes,
                reason,
            },
            now,
        )
    }

    fn send(
        &mut self,
        buffers: &mut Buffers,
        source: BodySource,
        after: NextAction,
        now: Instant,
    ) -> Next {
        // A part of the next request may have come meanwhile, and with it a clock of its own.
        self.min_rate = None;
        self.link.set_state(ConnectionState::Response);
        let Buffers { out, input, .. } = buffers;
        let mut writer = ResponseWriter::new(source);
        let sent = writer.begin(&self.link.stream, out, input);
        out.shrink_to(KEPT_BY_DESK);
        buffers
            .worker_counters(&self.service.counters)
            .sent(writer.uncounted());
        match sent {
            // The usual case, and it allocates nothing.
            Ok(Sent::All) => self.all_sent(buffers, after, now),
            Ok(sent) => self.sent(buffers, sent, Box::new(writer), after, now),
            Err(broken) => {
                let reason = self.report_and_classify(broken);
                self.give_up(Box::new(writer), after, reason)
            }
        }
    }

    /// Goes on sending, without the reader: that is a worker's work.
    pub(crate) fn send_on(&mut self, buffers: &mut Buffers, now: Instant) -> Next {
        let (mut writer, after) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Sending(writer, after) => (writer, after),
            _ => return Next::Done,
        };
        let pushed = writer.write_pending(&self.link.stream);
        buffers
            .worker_counters(&self.service.counters)
            .sent(writer.uncounted());
        match pushed {
            Ok(Sent::NeedsReader) => {
                self.phase = Phase::Sending(writer, after);
                Next::Run
            }
            Ok(Sent::All) if has_foreign(&writer, &after) => {
                self.phase = Phase::Sending(writer, after);
                Next::Run
            }
            Ok(sent) => self.sent(buffers, sent, writer, after, now),
            Err(broken) => {
                let reason = self.report_and_classify(broken);
                self.give_up(writer, after, reason)
            }
        }
    }

    /// Ends within a response. Whoever looks at many tasks does not wait for the user's code: the
    /// client and a drain are let go of first, then a worker drops it.
    pub(crate) fn give_up(
        &mut self,
        writer: Box<ResponseWriter>,
        after: NextAction,
        reason: CloseReason,
    ) -> Next {
        if !has_foreign(&writer, &after) {
            return self.over(reason);
        }
        // It fails where the client is gone already, which is as good.
        let _ = self.link.stream.shutdown(Shutdown::Both);
        self.service.registry.settle(&self.link);
        self.reason = Some(reason);
        self.phase = Phase::GivenUp(writer, after);
        Next::Run
    }

    /// Some of a response was sent, or all of it.
    pub(crate) fn sent(
        &mut self,
        buffers: &mut Buffers,
        sent: Sent,
        mut writer: Box<ResponseWriter>,
        after: NextAction,
        now: Instant,
    ) -> Next {
        let moved = std::mem::take(&mut writer.moved);
        if sent == Sent::All {
            return self.all_sent(buffers, after, now);
        }
        let rate = self.service.limits.min_write_rate;
        let min_rate = self.min_rate.get_or_insert_with(|| MinRate::new(rate, now));
        min_rate.moved(moved);
        if min_rate.too_slow(now) {
            return self.give_up(writer, after, CloseReason::SlowRead);
        }
        self.phase = Phase::Sending(writer, after);
        match moved {
            0 => Next::Blocked,
            _ => Next::Progressed,
        }
    }

    fn all_sent(&mut self, buffers: &mut Buffers, after: NextAction, now: Instant) -> Next {
        for _ in 0..std::mem::take(&mut self.owed) {
            self.service.registry.answered(&self.link);
        }
        self.min_rate = None;
        match after {
            NextAction::Close { linger, reason } => self.close(buffers, linger, reason, now),
            NextAction::Upgrade(upgrade, place) => self.hand_over(upgrade, place),
            NextAction::KeepAlive(rest) => {
                if self.reader.ready().is_some() {
                    // The next request was found while the responses before it were gathered.
                    self.phase = Phase::Ready;
                    self.link.set_state(ConnectionState::Waiting);
                    return self.ready_turn();
                }
                self.phase = Phase::Receiving;
                if let Some(rest) = rest {
                    self.reader.skip(rest, SKIP);
                }
                self.owes = Expecting::Nothing;
                self.deadline =
                    crate::util::io::deadline_after(now, self.service.limits.idle_timeout);
                self.service.registry.became_idle(&self.link, now);
                if self.has_unread() || self.reader.owes() != Expecting::Nothing {
                    return self.take_unread_in(buffers, Some(now));
                }
                Next::Idle
            }
        }
    }

    pub(crate) fn close(
        &mut self,
        buffers: &mut Buffers,
        linger: Linger,
        reason: CloseReason,
        now: Instant,
    ) -> Next {
        self.link.set_state(ConnectionState::Closing);
        let lingers = match linger {
            Linger::No => false,
            Linger::IfMoreCame => self.set_blocking(false).is_ok() && self.more_came(buffers),
            Linger::Yes => self.set_blocking(false).is_ok(),
        };
        if !lingers || self.link.stream.shutdown(Shutdown::Write).is_err() {
            return self.over(reason);
        }
        self.reason = Some(reason);
        self.unread = Vec::new();
        self.deadline = now + LINGER;
        // It settles here if nothing has come: whoever finds it in the ring later may take his
        // time, and no drain waits for that.
        match self.linger(buffers, LINGER_BYTES, false, now) {
            Next::Blocked => Next::Closing,
            turn => turn,
        }
    }

    fn more_came(&mut self, buffers: &mut Buffers) -> bool {
        let count = (&self.link.stream).read(&mut buffers.input).unwrap_or(0);
        self.received(buffers, count);
        count > 0
    }

    pub(crate) fn linger(
        &mut self,
        buffers: &mut Buffers,
        left: usize,
        settled: bool,
        now: Instant,
    ) -> Next {
        let read = (&self.link.stream).read(&mut buffers.input);
        if let Ok(count) = read {
            self.received(buffers, count);
        }
        self.phase = Phase::Lingering { left, settled };
        match read {
            Ok(count @ 1..) if count <= left && now < self.deadline => {
                self.phase = Phase::Lingering {
                    left: left - count,
                    settled,
                };
                Next::Progressed
            }
            Err(e) if would_block(&e) && now < self.deadline => {
                if !settled {
                    self.service.registry.linger(&self.link);
                    self.phase = Phase::Lingering {
                        left,
                        settled: true,
                    };
                }
                Next::Blocked
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Next::Blocked,
            _ => {
                self.phase = Phase::Over;
                Next::Done
            }
        }
    }

    /// The protocol that takes over may talk for as long as it likes, so it gets a thread of its
    /// own. There are at most `max_upgraded` of these.
    fn hand_over(&mut self, mut upgrade: Box<dyn Upgrade + Send>, place: UpgradePermit) -> Next {
        let socket = Switched {
            early: io::Cursor::new(self.take_unread()),
            socket: Box::new(Upgraded::new(Arc::clone(&self.link), place)),
        };
        let stream = &self.link.stream;
        let plain = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(None))
            .and_then(|()| stream.set_write_timeout(None));
        self.service.registry.begin_upgrade(&self.link);
        if plain.is_ok() {
            // Not the link itself, which would keep the socket open.
            let (service, subject) = (Arc::clone(&self.service), ErrorContext::of(&self.link));
            let build = move || {
                if let Err(panicked) = catch_panic(move || upgrade.take_over(socket)) {
                    let hook = &service.on_error;
                    hook.report_detached(ServerErrorKind::Upgrade, Some(subject), panicked.into());
                }
            };
            // Without a thread to be had both are dropped, and that closes the connection.
            let thread = thread::Builder::new().name("millpond-upgrade".into());
            if let Err(e) = thread.spawn(build) {
                let hook = &self.service.on_error;
                hook.report(ServerErrorKind::Upgrade, Some(&self.link), || e);
            }
        }
        self.over(CloseReason::Upgraded)
    }

    /// Why it ends, told to whoever is to know.
    pub(crate) fn report_and_classify(&self, broken: SendError) -> CloseReason {
        match broken {
            SendError::Write => CloseReason::Broken,
            SendError::Reader(error) => {
                self.report(ServerErrorKind::Body, error);
                CloseReason::BodyFailed
            }
        }
    }

    /// Tells which fields of a response cannot be sent; not their values, which may be secrets.
    #[cold]
    pub(crate) fn report_bad_headers(&self, fields: &[(Cow<'static, str>, Cow<'static, str>)]) {
        for (name, _) in fields.iter().filter(|(n, v)| !encode::is_field(n, v)) {
            let name: String = name.chars().take(LONGEST_TOLD).collect();
            let error = io::Error::new(ErrorKind::InvalidData, format!("the field {name:?}"));
            self.report(ServerErrorKind::Header, error);
        }
    }

    /// Tells what went wrong here and no response can.
    pub(crate) fn report(&self, kind: ServerErrorKind, error: io::Error) {
        self.service
            .on_error
            .report(kind, Some(&self.link), || error);
    }
}

/// Whether dropping these runs the user's code.
fn has_foreign(writer: &ResponseWriter, after: &NextAction) -> bool {
    writer.has_reader() || matches!(after, NextAction::Upgrade(..))
}

/// Most likely the same handler, doing the same work.
fn asks_same(last: &Request, next: &Head) -> bool {
    last.raw_url() == next.target() && last.method() == next.method()
}
