//! START HERE. One connection's life, from its first byte to its last.
//! It joins what the other files do: bytes come in ([`incoming`]), a handler runs ([`answer`]), a
//! response goes out ([`outgoing`]). Who calls it and when is the pool's affair.
//!
//! ```text
//!             ┌────────────────────── keep-alive ─────────────────────┐
//!             ▼                                                       │
//!  accept ─► Receiving ── whole request ─► Ready ── handler ─► Sending ─► over
//!             │  (nothing · a part of a head · of a body · skipping)  │
//!             └── refused: 4xx, 5xx ───────────────► Sending ───► Lingering ─► over
//! ```
//!
//! Its socket is nonblocking while it sits in the ring ([`look`](Guest::look)), and blocking while
//! a worker holds it ([`wait`](Guest::wait)); then a send timeout of a moment keeps a client that
//! does not read from holding the worker.
//!
//! [`incoming`]: super::incoming
//! [`answer`]: super::answer
//! [`outgoing`]: super::outgoing

pub(crate) mod buffers;
pub(crate) mod request;
pub(crate) mod response;
mod send;
pub(crate) mod service;

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use self::buffers::Desk;
use self::request::min_rate::Pace;
use self::request::{Intake, Owes, Rest, Step};
use self::response::writer::Outgoing;
use self::response::{Refusal, SLOW_BODY};
use self::service::{Place, Service};
use super::config::trusted_proxies::Proxies;
use super::pool::{Guest, Turn};
use super::registry::{Link, State};
use super::stats::CloseReason;
use crate::message::Upgrade;
use crate::util::catch_panic::caught;
use crate::util::io::{after, would_block};
use crate::wire::error::WireError;
use crate::wire::proxied::forwarded::Client;

/// An unread body up to this size is skipped so that the connection can be kept (as Go does).
pub(crate) const SKIP: usize = 256 * 1024;
/// What a connection or a desk may keep allocated for bytes that it has used up.
const KEPT: usize = 4 * 1024;

const SLOW_HEAD: Refusal = (408, "the head takes too long");
const HALF_A_HEAD: Refusal = (400, "the connection ended within the head");

/// What follows a response once it is sent.
pub(crate) enum After {
    /// The next request; before it, the rest of an unread body is skipped.
    KeepAlive(Option<Rest>),
    /// The end.
    Close {
        linger: Linger,
        reason: CloseReason,
    },
    Upgrade(Box<dyn Upgrade + Send>, Place),
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
    Sending(Box<Outgoing>, After),
    /// `settled` once there was nothing to read: a close would not reset what is being sent.
    Lingering {
        left: usize,
        settled: bool,
    },
    /// The client was given up within its response. What is left of that has the user's code in it,
    /// which a worker drops: it may take its time.
    GivenUp(Box<Outgoing>, After),
    Over,
}

pub(crate) struct Connection {
    pub(crate) link: Arc<Link>,
    pub(crate) service: Arc<Service>,
    phase: Phase,
    pub(crate) intake: Intake,
    /// For whom the request that is ready counts, where proxies are trusted to say.
    pub(crate) client: Option<Client>,
    /// Bytes received and not consumed: a part of a head, or what was pipelined behind a request.
    pub(crate) unread: Vec<u8>,
    unread_at: usize,
    blocking: bool,
    read_timeout: Option<Duration>,
    /// What the deadline and the pace below are set for.
    owes: Owes,
    /// When the idle time, the head's time or the lingering is up.
    deadline: Instant,
    /// The rate of a body that is gathered or skipped, or of a response.
    pace: Option<Pace>,
    pub(crate) served: u64,
    /// Responses composed and not sent yet.
    owed: u32,
    /// Handlers in a row that were quick.
    quick: u32,
    /// What it is counted as in the end; as nothing, if it was turned away.
    reason: Option<CloseReason>,
}

impl Guest for Connection {
    type Desk = Desk;

    fn look(&mut self, desk: &mut Desk, now: Instant) -> Turn {
        if self.blocking && self.set_blocking(false).is_err() {
            return self.over(CloseReason::Broken);
        }
        match self.phase {
            Phase::Over => Turn::Over,
            Phase::Ready => {
                self.service.registry.seen_waiting(&self.link, now);
                self.ready_turn()
            }
            Phase::GivenUp(..) => Turn::Ready,
            Phase::Sending(..) => self.send_on(desk, now),
            Phase::Lingering { left, settled } => self.linger(desk, left, settled, now),
            Phase::Receiving => {
                let read = (&self.link.stream).read(&mut desk.input);
                self.took(desk, read, Some(now))
            }
        }
    }

    fn wait(&mut self, desk: &mut Desk) -> Turn {
        let now = Instant::now();
        if self.deadline <= now {
            // What came in time is not lost, though nobody looked: the whole process may have been
            // stopped meanwhile.
            return self.look(desk, now);
        }
        let ready = self
            .set_blocking(true)
            .and_then(|()| self.wait_at_most(self.deadline - now));
        if ready.is_err() {
            return self.over(CloseReason::Broken);
        }
        let read = (&self.link.stream).read(&mut desk.input);
        self.took(desk, read, None)
    }

    fn serve(&mut self, desk: &mut Desk) -> Turn {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Ready => self.answer(desk),
            Phase::Sending(mut outgoing, after) => {
                let Desk { out, input, .. } = desk;
                let pumped = outgoing.pump(&self.link.stream, out, input);
                desk.tally(&self.service.counters)
                    .sent(outgoing.uncounted());
                match pumped {
                    Ok(sent) => self.sent(desk, sent, outgoing, after, Instant::now()),
                    Err(broken) => {
                        let reason = self.tell_broken(broken);
                        self.give_up(outgoing, after, reason)
                    }
                }
            }
            Phase::GivenUp(outgoing, after) => {
                let _ = caught(|| drop((outgoing, after)));
                self.phase = Phase::Over;
                Turn::Over
            }
            other => {
                self.phase = other;
                Turn::Moved
            }
        }
    }
}

/// Receiving.
impl Connection {
    pub fn new(link: Arc<Link>, service: Arc<Service>) -> Connection {
        let deadline = after(Instant::now(), service.limits.idle_timeout);
        let expects = |proxies: &Proxies| proxies.expects_preface(link.peer.ip());
        let has_preface = service.proxies.as_ref().map_or(false, expects);
        Connection {
            link,
            service,
            phase: Phase::Receiving,
            intake: Intake::new(has_preface),
            client: None,
            unread: Vec::new(),
            unread_at: 0,
            // The accepting side leaves it so.
            blocking: true,
            read_timeout: None,
            owes: Owes::Nothing,
            deadline,
            pace: None,
            served: 0,
            owed: 0,
            quick: 0,
            reason: Some(CloseReason::ClientClosed),
        }
    }

    /// Nobody serves it, and that is counted elsewhere.
    pub fn turned_away(&mut self) -> &TcpStream {
        self.reason = None;
        &self.link.stream
    }

    /// What one read brought. The clock is read only where it matters.
    fn took(&mut self, desk: &mut Desk, read: io::Result<usize>, now: Option<Instant>) -> Turn {
        match read {
            Ok(0) => self.client_ended(desk),
            Ok(count) => self.received(desk, count).take_in(desk, count, now),
            Err(e) if e.kind() == ErrorKind::Interrupted => self.waiting_turn(),
            Err(e) if would_block(&e) => self.nothing_came(desk, now.unwrap_or_else(Instant::now)),
            Err(_) => self.over(CloseReason::Broken),
        }
    }

    fn received(&mut self, desk: &mut Desk, count: usize) -> &mut Connection {
        desk.tally(&self.service.counters).received(count);
        self
    }

    fn take_in(&mut self, desk: &mut Desk, count: usize, now: Option<Instant>) -> Turn {
        if let Some(pace) = &mut self.pace {
            pace.moved(count);
        }
        if !self.unread.is_empty() {
            self.unread.drain(..self.unread_at);
            self.unread_at = 0;
            self.unread.extend_from_slice(&desk.input[..count]);
            return self.take_unread_in(desk, now);
        }
        let input = std::mem::take(&mut desk.input);
        let step = self.absorb(desk, &input[..count]).map(|(consumed, step)| {
            self.unread.extend_from_slice(&input[consumed..count]);
            step
        });
        desk.input = input;
        self.step(desk, step, now)
    }

    /// Goes on with what came behind an earlier request, or with a part of a head and more.
    fn take_unread_in(&mut self, desk: &mut Desk, now: Option<Instant>) -> Turn {
        let unread = std::mem::take(&mut self.unread);
        let step = self
            .absorb(desk, &unread[self.unread_at..])
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
        self.step(desk, step, now)
    }

    fn absorb(&mut self, desk: &mut Desk, bytes: &[u8]) -> Result<(usize, Step), WireError> {
        // A head that comes in one piece, as nearly all do, is parsed into the desk's buffers.
        let lent = self.intake.owes() == Owes::Nothing;
        if lent {
            std::mem::swap(&mut self.intake.head, &mut desk.head);
        }
        self.intake.absorb(bytes, &self.service.limits)
    }

    /// What the bytes brought about.
    fn step(
        &mut self,
        desk: &mut Desk,
        step: Result<Step, WireError>,
        now: Option<Instant>,
    ) -> Turn {
        match step {
            Ok(Step::Ready) => {
                self.phase = Phase::Ready;
                if let Some(proxies) = &self.service.proxies {
                    let near = self.intake.source.unwrap_or(self.link.peer);
                    self.client = Some(proxies.client(&self.intake.head, near));
                }
                let name = self.intake.head.request();
                let client = self.client.map(|client| client.address);
                let client = client.filter(|client| *client != self.link.peer);
                self.service.registry.came_in(&self.link, name, client);
                self.ready_turn()
            }
            Ok(Step::More) => {
                let now = now.unwrap_or_else(Instant::now);
                self.arm(now);
                // Also where each look finds a byte: a drip must not keep us from the clock.
                match self.overdue(desk, now) {
                    Some(turn) => turn,
                    None if self.owes == Owes::Nothing => Turn::Idle,
                    None => Turn::Moved,
                }
            }
            Ok(Step::TooMuch) => self.close(
                desk,
                Linger::Yes,
                CloseReason::Asked,
                now.unwrap_or_else(Instant::now),
            ),
            // Not a proxy, or not one of ours: what it would understand is anyone's guess.
            Err(_) if self.intake.owes() == Owes::Preface => self.over(CloseReason::Refused),
            // The request whose body this is has been answered: a second answer to it would be
            // taken for the answer to the next.
            Err(_) if self.intake.owes() == Owes::Skipped => self.close(
                desk,
                Linger::Yes,
                CloseReason::Refused,
                now.unwrap_or_else(Instant::now),
            ),
            Err(error) => self.refuse(desk, error.refusal(), CloseReason::Refused),
        }
    }

    /// Sets the clock for what the client owes now, if that has changed.
    fn arm(&mut self, now: Instant) {
        let owes = self.intake.owes();
        if owes == self.owes {
            return;
        }
        if self.owes == Owes::Nothing {
            self.service.registry.began(&self.link, now);
        }
        let preface_is_over = self.owes == Owes::Preface;
        self.owes = owes;
        self.pace = None;
        let limits = &self.service.limits;
        match owes {
            Owes::Nothing => {
                self.deadline = after(now, limits.idle_timeout);
                if !preface_is_over {
                    self.service.registry.fell_quiet(&self.link, now);
                }
                return;
            }
            // Its request is as good as on the way: to a drain it is fresh until that comes.
            Owes::Preface => {
                self.deadline = after(now, limits.head_timeout);
                return;
            }
            Owes::Head => self.deadline = after(now, limits.head_timeout),
            Owes::Body | Owes::Skipped => self.pace = Some(Pace::new(limits.min_body_rate, now)),
        }
        // The answer to a body that is only skipped has been sent: a drain need not wait for it.
        self.link.set_state(match owes {
            Owes::Skipped => State::Idle,
            Owes::Body => State::Body,
            _ => State::Head,
        });
    }

    fn nothing_came(&mut self, desk: &mut Desk, now: Instant) -> Turn {
        match self.overdue(desk, now) {
            Some(turn) => turn,
            None => self.waiting_turn(),
        }
    }

    /// The end of a client whose time for what it owes is up.
    fn overdue(&mut self, desk: &mut Desk, now: Instant) -> Option<Turn> {
        let too_slow = self.pace.as_mut().map_or(false, |pace| pace.too_slow(now));
        let turn = match self.owes {
            // While an answer is composed and not sent it is not the client who is idle.
            Owes::Nothing if self.owed == 0 && now >= self.deadline => self.over(CloseReason::Idle),
            Owes::Preface if now >= self.deadline => self.over(CloseReason::HeadTimeout),
            Owes::Head if now >= self.deadline => {
                self.refuse(desk, SLOW_HEAD, CloseReason::HeadTimeout)
            }
            Owes::Body if too_slow => self.refuse(desk, SLOW_BODY, CloseReason::SlowBody),
            Owes::Skipped if too_slow => self.over(CloseReason::SlowBody),
            _ => return None,
        };
        Some(turn)
    }

    fn waiting_turn(&self) -> Turn {
        match self.owes {
            Owes::Nothing => Turn::Idle,
            _ => Turn::Stuck,
        }
    }

    fn ready_turn(&self) -> Turn {
        match self.intake.ready() {
            Some(arrived) if arrived.is_partial() => Turn::ReadyLong,
            _ => Turn::Ready,
        }
    }

    /// The client's side is at its end, or a drain has called it so.
    fn client_ended(&mut self, desk: &mut Desk) -> Turn {
        let ending = self.link.is_ending();
        match self.owes {
            _ if ending => self.over(CloseReason::Drained),
            Owes::Nothing => self.over(CloseReason::ClientClosed),
            Owes::Preface => self.over(CloseReason::Broken),
            Owes::Head => self.refuse(desk, HALF_A_HEAD, CloseReason::Broken),
            Owes::Body => {
                self.intake.truncate();
                self.step(desk, Ok(Step::Ready), None)
            }
            Owes::Skipped => self.over(CloseReason::Broken),
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
    fn over(&mut self, reason: CloseReason) -> Turn {
        self.reason = Some(reason);
        self.phase = Phase::Over;
        Turn::Over
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
