//! START HERE. One connection's life, from its first byte to its last.
//! It joins what the other files do: bytes come in ([`incoming`]), a handler runs ([`answer`]), a
//! response goes out ([`writer`]). Who calls it and when is the pool's affair.
//!
//! ```text
//!             ┌────────────────────── keep-alive ─────────────────────┐
//!             ▼                                                       │
//!  accept ─► Receiving ── whole request ─► Ready ── handler ─► Sending ─► over
//!             │  (nothing · a part of a head · of a body · skipping)  │
//!             └── refused: 4xx, 5xx ───────────────► Sending ───► Lingering ─► over
//! ```
//!
//! Its socket is nonblocking while it sits in the ring ([`poll`](Task::poll)), and blocking while
//! a worker holds it ([`wait`](Task::wait)); then a send timeout of a moment keeps a client that
//! does not read from holding the worker.
//!
//! [`incoming`]: super::incoming
//! [`answer`]: super::answer
//! [`writer`]: super::writer

pub(crate) mod buffers;
pub(crate) mod request;
pub(crate) mod response;
mod send;
pub(crate) mod service;

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::buffers::Buffers;
use self::request::min_rate::MinRate;
use self::request::{BodyRemainder, Expecting, Progress, RequestReader};
use self::response::writer::ResponseWriter;
use self::response::{Refusal, SLOW_BODY};
use self::service::{Service, UpgradePermit};
use super::config::trusted_proxies::Proxies;
use super::pool::{Next, Task};
use super::registry::{ConnectionHandle, ConnectionState};
use super::stats::CloseReason;
use crate::message::Upgrade;
use crate::util::catch_panic::catch_panic;
use crate::util::io::{deadline_after, would_block};
use crate::wire::error::WireError;
use crate::wire::proxied::Client;

/// An unread body up to this size is skipped so that the connection can be kept (as Go does).
pub(crate) const SKIP: usize = 256 * 1024;
/// What a connection or a buffers may keep allocated for bytes that it has used up.
const KEPT: usize = 4 * 1024;

const SLOW_HEAD: Refusal = (408, "the head takes too long");
const HALF_A_HEAD: Refusal = (400, "the connection ended within the head");

/// What follows a response once it is sent.
pub(crate) enum NextAction {
    /// The next request; before it, the rest of an unread body is skipped.
    KeepAlive(Option<BodyRemainder>),
    /// The end.
    Close {
        linger: Linger,
        reason: CloseReason,
    },
    Upgrade(Box<dyn Upgrade + Send>, UpgradePermit),
}

/// Whether the client is read on for a moment after its last answer: what it sends to a socket that
/// is closed makes a reset, and that may take the answer away (RFC 9112 §9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linger {
    /// What was sent is not to look whole.
    No,
    /// It asked for the end, and has a short answer: only if more has come from it all the same.
    IfMoreCame,
    Yes,
}

enum Phase {
    Receiving,
    Ready,
    Sending(Box<ResponseWriter>, NextAction),
    /// `settled` once there was nothing to read: a close would not reset what is being sent.
    Lingering {
        left: usize,
        settled: bool,
    },
    /// The client was given up within its response. What is left of that has the user's code in it,
    /// which a worker drops: it may take its time.
    GivenUp(Box<ResponseWriter>, NextAction),
    Over,
}

pub(crate) struct Connection {
    pub(crate) link: Arc<ConnectionHandle>,
    pub(crate) service: Arc<Service>,
    phase: Phase,
    pub(crate) reader: RequestReader,
    /// For whom the request that is ready counts, where proxies are trusted to say.
    pub(crate) client: Option<Client>,
    /// Bytes received and not consumed: a part of a head, or what was pipelined behind a request.
    pub(crate) unread: Vec<u8>,
    unread_at: usize,
    blocking: bool,
    read_timeout: Option<Duration>,
    /// What the deadline and the min_rate below are set for.
    owes: Expecting,
    /// When the idle time, the head's time or the lingering is up.
    deadline: Instant,
    /// The rate of a body that is gathered or skipped, or of a response.
    min_rate: Option<MinRate>,
    pub(crate) served: u64,
    /// Responses composed and not sent yet.
    owed: u32,
    /// Handlers in a row that were quick.
    quick: u32,
    /// What it is counted as in the end; as nothing, if it was turned away.
    reason: Option<CloseReason>,
}

impl Task for Connection {
    type Buffers = Buffers;

    fn poll(&mut self, buffers: &mut Buffers, now: Instant) -> Next {
        if self.blocking && self.set_blocking(false).is_err() {
            return self.over(CloseReason::Broken);
        }
        match self.phase {
            Phase::Over => Next::Done,
            Phase::Ready => {
                self.service.registry.record_waiting(&self.link, now);
                self.ready_turn()
            }
            Phase::GivenUp(..) => Next::Run,
            Phase::Sending(..) => self.send_on(buffers, now),
            Phase::Lingering { left, settled } => self.linger(buffers, left, settled, now),
            Phase::Receiving => {
                let read = (&self.link.stream).read(&mut buffers.input);
                self.took(buffers, read, Some(now))
            }
        }
    }

    fn wait(&mut self, buffers: &mut Buffers) -> Next {
        let now = Instant::now();
        if self.deadline <= now {
            // What came in time is not lost, though nobody looked: the whole process may have been
            // stopped meanwhile.
            return self.poll(buffers, now);
        }
        let ready = self
            .set_blocking(true)
            .and_then(|()| self.wait_at_most(self.deadline - now));
        if ready.is_err() {
            return self.over(CloseReason::Broken);
        }
        let read = (&self.link.stream).read(&mut buffers.input);
        self.took(buffers, read, None)
    }

    fn run(&mut self, buffers: &mut Buffers) -> Next {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Ready => self.answer(buffers),
            Phase::Sending(mut writer, after) => {
                let Buffers { out, input, .. } = buffers;
                let pumped = writer.fill_and_write(&self.link.stream, out, input);
                buffers
                    .worker_counters(&self.service.counters)
                    .sent(writer.uncounted());
                match pumped {
                    Ok(sent) => self.sent(buffers, sent, writer, after, Instant::now()),
                    Err(broken) => {
                        let reason = self.report_and_classify(broken);
                        self.give_up(writer, after, reason)
                    }
                }
            }
            Phase::GivenUp(writer, after) => {
                let _ = catch_panic(|| drop((writer, after)));
                self.phase = Phase::Over;
                Next::Done
            }
            other => {
                self.phase = other;
                Next::Progressed
            }
        }
    }
}

/// Receiving.
impl Connection {
    pub(super) fn new(link: Arc<ConnectionHandle>, service: Arc<Service>) -> Connection {
        let deadline = deadline_after(Instant::now(), service.limits.idle_timeout);
        let expects = |proxies: &Proxies| proxies.expects_preface(link.peer.ip());
        let has_preface = service.proxies.as_ref().map_or(false, expects);
        Connection {
            link,
            service,
            phase: Phase::Receiving,
            reader: RequestReader::new(has_preface),
            client: None,
            unread: Vec::new(),
            unread_at: 0,
            // The accepting side leaves it so.
            blocking: true,
            read_timeout: None,
            owes: Expecting::Nothing,
            deadline,
            min_rate: None,
            served: 0,
            owed: 0,
            quick: 0,
            reason: Some(CloseReason::ClientClosed),
        }
    }

    /// Nobody serves it, and that is counted elsewhere.
    pub(super) fn turned_away(&mut self) -> &TcpStream {
        self.reason = None;
        &self.link.stream
    }

    /// What one read brought. The clock is read only where it matters.
    fn took(
        &mut self,
        buffers: &mut Buffers,
        read: io::Result<usize>,
        now: Option<Instant>,
    ) -> Next {
        match read {
            Ok(0) => self.client_ended(buffers),
            Ok(count) => self.received(buffers, count).take_in(buffers, count, now),
            Err(e) if e.kind() == ErrorKind::Interrupted => self.waiting_turn(),
            Err(e) if would_block(&e) => {
                self.nothing_came(buffers, now.unwrap_or_else(Instant::now))
            }
            Err(_) => self.over(CloseReason::Broken),
        }
    }

    fn received(&mut self, buffers: &mut Buffers, count: usize) -> &mut Connection {
        buffers
            .worker_counters(&self.service.counters)
            .received(count);
        self
    }

    fn take_in(&mut self, buffers: &mut Buffers, count: usize, now: Option<Instant>) -> Next {
        if let Some(min_rate) = &mut self.min_rate {
            min_rate.moved(count);
        }
        if !self.unread.is_empty() {
            self.unread.drain(..self.unread_at);
            self.unread_at = 0;
            self.unread.extend_from_slice(&buffers.input[..count]);
            return self.take_unread_in(buffers, now);
        }
        let input = std::mem::take(&mut buffers.input);
        let step = self.feed(buffers, &input[..count]).map(|(consumed, step)| {
            self.unread.extend_from_slice(&input[consumed..count]);
            step
        });
        buffers.input = input;
        self.step(buffers, step, now)
    }

    /// Goes on with what came behind an earlier request, or with a part of a head and more.
    fn take_unread_in(&mut self, buffers: &mut Buffers, now: Option<Instant>) -> Next {
        let unread = std::mem::take(&mut self.unread);
        let step = self
            .feed(buffers, &unread[self.unread_at..])
            .map(|(consumed, step)| {
                self.unread_at += consumed;
                step
            });
        self.unread = unread;
        if self.unread_at == self.unread.len() {
            self.unread_at = 0;
            self.unread.clear();
            self.unread.shrink_to(KEPT);
        }
        self.step(buffers, step, now)
    }

    fn feed(
        &mut self,
        buffers: &mut Buffers,
        bytes: &[u8],
    ) -> Result<(usize, Progress), WireError> {
        // A head that comes in one piece, as nearly all do, is parsed into the buffers's buffers.
        let lent = self.reader.owes() == Expecting::Nothing;
        if lent {
            std::mem::swap(&mut self.reader.head, &mut buffers.head);
        }
        self.reader.feed(bytes, &self.service.limits)
    }

    /// What the bytes brought about.
    fn step(
        &mut self,
        buffers: &mut Buffers,
        step: Result<Progress, WireError>,
        now: Option<Instant>,
    ) -> Next {
        match step {
            Ok(Progress::Ready) => {
                self.phase = Phase::Ready;
                if let Some(proxies) = &self.service.proxies {
                    let near = self.reader.source.unwrap_or(self.link.peer);
                    self.client = Some(proxies.client(&self.reader.head, near));
                }
                let name = self.reader.head.request();
                let client = self.client.map(|client| client.address);
                let client = client.filter(|client| *client != self.link.peer);
                self.service
                    .registry
                    .request_received(&self.link, name, client);
                self.ready_turn()
            }
            Ok(Progress::More) => {
                let now = now.unwrap_or_else(Instant::now);
                self.arm(now);
                // Also where each look finds a byte: a drip must not keep us from the clock.
                match self.overdue(buffers, now) {
                    Some(turn) => turn,
                    None if self.owes == Expecting::Nothing => Next::Idle,
                    None => Next::Progressed,
                }
            }
            Ok(Progress::TooMuch) => self.close(
                buffers,
                Linger::Yes,
                CloseReason::Asked,
                now.unwrap_or_else(Instant::now),
            ),
            // Not a proxy, or not one of ours: what it would understand is anyone's guess.
            Err(_) if self.reader.owes() == Expecting::Preface => self.over(CloseReason::Refused),
            // The request whose body this is has been answered: a second answer to it would be
            // taken for the answer to the next.
            Err(_) if self.reader.owes() == Expecting::Skipped => self.close(
                buffers,
                Linger::Yes,
                CloseReason::Refused,
                now.unwrap_or_else(Instant::now),
            ),
            Err(error) => self.refuse(buffers, error.refusal(), CloseReason::Refused),
        }
    }

    /// Sets the clock for what the client owes now, if that has changed.
    fn arm(&mut self, now: Instant) {
        let owes = self.reader.owes();
        if owes == self.owes {
            return;
        }
        if self.owes == Expecting::Nothing {
            self.service.registry.request_began(&self.link, now);
        }
        let preface_is_over = self.owes == Expecting::Preface;
        self.owes = owes;
        self.min_rate = None;
        let limits = &self.service.limits;
        match owes {
            Expecting::Nothing => {
                self.deadline = deadline_after(now, limits.idle_timeout);
                if !preface_is_over {
                    self.service.registry.became_idle(&self.link, now);
                }
                return;
            }
            // Its request is as good as on the way: to a drain it is fresh until that comes.
            Expecting::Preface => {
                self.deadline = deadline_after(now, limits.head_timeout);
                return;
            }
            Expecting::Head => self.deadline = deadline_after(now, limits.head_timeout),
            Expecting::Body | Expecting::Skipped => {
                self.min_rate = Some(MinRate::new(limits.min_body_rate, now))
            }
        }
        // The answer to a body that is only skipped has been sent: a drain need not wait for it.
        self.link.set_state(match owes {
            Expecting::Skipped => ConnectionState::Idle,
            Expecting::Body => ConnectionState::Body,
            _ => ConnectionState::Head,
        });
    }

    fn nothing_came(&mut self, buffers: &mut Buffers, now: Instant) -> Next {
        match self.overdue(buffers, now) {
            Some(turn) => turn,
            None => self.waiting_turn(),
        }
    }

    /// The end of a client whose time for what it owes is up.
    fn overdue(&mut self, buffers: &mut Buffers, now: Instant) -> Option<Next> {
        let too_slow = self
            .min_rate
            .as_mut()
            .map_or(false, |min_rate| min_rate.too_slow(now));
        let turn = match self.owes {
            // While an answer is composed and not sent it is not the client who is idle.
            Expecting::Nothing if self.owed == 0 && now >= self.deadline => {
                self.over(CloseReason::Idle)
            }
            Expecting::Preface if now >= self.deadline => self.over(CloseReason::HeadTimeout),
            Expecting::Head if now >= self.deadline => {
                self.refuse(buffers, SLOW_HEAD, CloseReason::HeadTimeout)
            }
            Expecting::Body if too_slow => self.refuse(buffers, SLOW_BODY, CloseReason::SlowBody),
            Expecting::Skipped if too_slow => self.over(CloseReason::SlowBody),
            _ => return None,
        };
        Some(turn)
    }

    fn waiting_turn(&self) -> Next {
        match self.owes {
            Expecting::Nothing => Next::Idle,
            _ => Next::Blocked,
        }
    }

    fn ready_turn(&self) -> Next {
        match self.reader.ready() {
            Some(received) if received.is_partial() => Next::RunMayBlock,
            _ => Next::Run,
        }
    }

    /// The client's side is at its end, or a drain has called it so.
    fn client_ended(&mut self, buffers: &mut Buffers) -> Next {
        let ending = self.link.is_ending();
        match self.owes {
            _ if ending => self.over(CloseReason::Drained),
            Expecting::Nothing => self.over(CloseReason::ClientClosed),
            Expecting::Preface => self.over(CloseReason::Broken),
            Expecting::Head => self.refuse(buffers, HALF_A_HEAD, CloseReason::Broken),
            Expecting::Body => {
                self.reader.truncate();
                self.step(buffers, Ok(Progress::Ready), None)
            }
            Expecting::Skipped => self.over(CloseReason::Broken),
        }
    }

    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        let mut unread = std::mem::take(&mut self.unread);
        unread.drain(..std::mem::take(&mut self.unread_at));
        unread
    }

    /// Whether it is to end after this answer, though no drain has begun.
    pub(crate) fn winds_down(&self) -> bool {
        self.service.registry.winds_down(&self.link)
    }

    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }
}

/// The end, and the socket's modes.
impl Connection {
    fn over(&mut self, reason: CloseReason) -> Next {
        self.reason = Some(reason);
        self.phase = Phase::Over;
        Next::Done
    }

    fn set_blocking(&mut self, blocking: bool) -> io::Result<()> {
        if self.blocking != blocking {
            self.link.stream.set_nonblocking(!blocking)?;
            self.blocking = blocking;
        }
        Ok(())
    }

    /// A body is about to be read by its handler, which sets the timeouts it needs.
    pub(crate) fn wait_in_reads(&mut self) {
        // Should it fail the body's reader finds nothing to read, and says so.
        let _ = self.set_blocking(true);
        self.read_timeout = None;
    }

    /// Bounds the next blocking read. A timeout that is nearly right is left as it is: after each
    /// response the same time is asked for, and setting it costs a system call.
    fn wait_at_most(&mut self, left: Duration) -> io::Result<()> {
        let near = |set: Duration| set >= left && set - left <= left / 16;
        if !self.read_timeout.map_or(false, near) {
            let timeout = left.max(Duration::from_millis(1));
            self.link.stream.set_read_timeout(Some(timeout))?;
            self.read_timeout = Some(timeout);
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(reason) = self.reason {
            self.service.counters.closed(reason);
        }
        self.service.registry.leave(&self.link);
    }
}

#[cfg(test)]
mod tests;
