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

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::answer::{self, Answered, Refusal, SLOW_BODY};
use super::drain::{Link, State};
use super::incoming::{Intake, Owes, Rest, Step};
use super::outgoing::{Broken, Outgoing, Sent, Source};
use super::pace::Pace;
use super::pool::{Guest, Turn};
use super::service::{Place, Service, Upgraded};
use super::stats::CloseReason;
use super::would_block;
use crate::message::head::Head;
use crate::message::{Request, Upgrade};
use crate::wire::date;
use crate::wire::error::WireError;

/// Asked of the socket at once: a head, or a whole buffered body with its head.
const READ: usize = 72 * 1024;
/// An unread body up to this size is skipped so that the connection can be kept (as Go does).
pub(super) const SKIP: usize = 256 * 1024;
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
/// What a connection or a desk may keep allocated for bytes that it has used up.
const KEPT: usize = 4 * 1024;
const KEPT_BY_DESK: usize = 256 * 1024;

const SLOW_HEAD: Refusal = (408, "the head takes too long");
const HALF_A_HEAD: Refusal = (400, "the connection ended within the head");

/// A worker's buffers, lent to the connection it attends to.
pub(crate) struct Desk {
    input: Vec<u8>,
    pub(super) out: Vec<u8>,
    pub(super) request: Request,
    head: Head,
    date: [u8; 29],
    date_until: Option<Instant>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            input: vec![0; READ],
            out: Vec::with_capacity(KEPT),
            request: Request::blank(),
            head: Head::default(),
            date: [b' '; 29],
            date_until: None,
        }
    }
}

impl Desk {
    /// The Date field's value, formatted once a second.
    pub(super) fn date(&mut self, now: Instant) -> &[u8; 29] {
        if self.date_until.map_or(true, |until| now >= until) {
            let clock = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            self.date = date::imf_fixdate(clock.as_secs());
            let rest = 1_000_000_000 - u64::from(clock.subsec_nanos());
            self.date_until = Some(now + Duration::from_nanos(rest));
        }
        &self.date
    }
}

/// What follows a response once it is sent.
pub(super) enum After {
    /// The next request; before it, the rest of an unread body is skipped.
    KeepAlive(Option<Rest>),
    /// The end; with `linger` where the client may still be sending.
    Close {
        linger: bool,
        reason: CloseReason,
    },
    Upgrade(Box<dyn Upgrade + Send>, Place),
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
    Over,
}

pub(crate) struct Connection {
    pub(super) link: Arc<Link>,
    pub(super) service: Arc<Service>,
    phase: Phase,
    pub(super) intake: Intake,
    /// Bytes received and not consumed: a part of a head, or what was pipelined behind a request.
    pub(super) unread: Vec<u8>,
    unread_at: usize,
    blocking: bool,
    read_timeout: Option<Duration>,
    /// What the deadline and the pace below are set for.
    owes: Owes,
    /// When the idle time, the head's time or the lingering is up.
    deadline: Instant,
    /// The rate of a body that is gathered or skipped, or of a response.
    pace: Option<Pace>,
    pub(super) served: u64,
    /// Responses composed and not sent yet.
    owed: u32,
    /// Handlers in a row that were quick.
    quick: u32,
    reason: CloseReason,
}

impl Guest for Connection {
    type Desk = Desk;

    fn look(&mut self, desk: &mut Desk, now: Instant) -> Turn {
        if self.blocking && self.set_blocking(false).is_err() {
            return self.over(CloseReason::Broken);
        }
        match self.phase {
            Phase::Over => Turn::Over,
            Phase::Ready => self.ready_turn(),
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
            return self.over(CloseReason::Idle);
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
                match outgoing.pump(&self.link.stream, out, input) {
                    Ok(sent) => self.sent(desk, sent, outgoing, after, Instant::now()),
                    Err(broken) => self.broken(broken),
                }
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
        let deadline = Instant::now() + service.limits.idle_timeout;
        Connection {
            link,
            service,
            phase: Phase::Receiving,
            intake: Intake::new(),
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
            reason: CloseReason::ClientClosed,
        }
    }

    pub fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// What one read brought. The clock is read only where it matters.
    fn took(&mut self, desk: &mut Desk, read: io::Result<usize>, now: Option<Instant>) -> Turn {
        match read {
            Ok(0) => self.client_ended(desk),
            Ok(count) => self.take_in(desk, count, now),
            Err(e) if e.kind() == ErrorKind::Interrupted => self.waiting_turn(),
            Err(e) if would_block(&e) => self.nothing_came(desk, now.unwrap_or_else(Instant::now)),
            Err(_) => self.over(CloseReason::Broken),
        }
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
                self.link.set_state(State::InFlight);
                self.ready_turn()
            }
            Ok(Step::More) => {
                self.arm(now.unwrap_or_else(Instant::now));
                match self.owes {
                    Owes::Nothing => Turn::Idle,
                    _ => Turn::Moved,
                }
            }
            Ok(Step::TooMuch) => {
                self.close(true, CloseReason::Asked, now.unwrap_or_else(Instant::now))
            }
            // The request whose body this is has been answered: a second answer to it would be
            // taken for the answer to the next.
            Err(_) if self.intake.owes() == Owes::Skipped => {
                self.close(true, CloseReason::Refused, now.unwrap_or_else(Instant::now))
            }
            Err(error) => self.refuse(desk, error.refusal(), CloseReason::Refused),
        }
    }

    /// Sets the clock for what the client owes now, if that has changed.
    fn arm(&mut self, now: Instant) {
        let owes = self.intake.owes();
        if owes == self.owes {
            return;
        }
        self.owes = owes;
        self.pace = None;
        let limits = &self.service.limits;
        match owes {
            Owes::Nothing => {
                self.deadline = now + limits.idle_timeout;
                self.service.registry.fell_quiet(&self.link, now);
                return;
            }
            Owes::Head => self.deadline = now + limits.head_timeout,
            Owes::Body | Owes::Skipped => self.pace = Some(Pace::new(limits.min_body_rate, now)),
        }
        // The answer to a body that is only skipped has been sent: a drain need not wait for it.
        let skips = owes == Owes::Skipped;
        self.link
            .set_state(if skips { State::Quiet } else { State::Partial });
    }

    fn nothing_came(&mut self, desk: &mut Desk, now: Instant) -> Turn {
        let too_slow = self.pace.as_mut().map_or(false, |pace| pace.too_slow(now));
        match self.owes {
            Owes::Nothing if now >= self.deadline => self.over(CloseReason::Idle),
            Owes::Head if now >= self.deadline => {
                self.refuse(desk, SLOW_HEAD, CloseReason::HeadTimeout)
            }
            Owes::Body if too_slow => self.refuse(desk, SLOW_BODY, CloseReason::SlowBody),
            Owes::Skipped if too_slow => self.over(CloseReason::SlowBody),
            _ => self.waiting_turn(),
        }
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
            Owes::Head => self.refuse(desk, HALF_A_HEAD, CloseReason::Broken),
            Owes::Body => {
                self.intake.truncate();
                self.step(desk, Ok(Step::Ready), None)
            }
            Owes::Skipped => self.over(CloseReason::Broken),
        }
    }

    pub(super) fn take_unread(&mut self) -> Vec<u8> {
        let mut unread = std::mem::take(&mut self.unread);
        unread.drain(..std::mem::take(&mut self.unread_at));
        unread
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }
}

/// Answering and sending.
impl Connection {
    fn answer(&mut self, desk: &mut Desk) -> Turn {
        desk.out.clear();
        self.pace = None;
        let mut began = Instant::now();
        loop {
            let arrived = match self.intake.take_ready() {
                Some(arrived) => arrived,
                None => return self.over(CloseReason::Broken),
            };
            self.owes = Owes::Nothing;
            let Answered { source, after, now } = answer::answer(self, desk, arrived);
            self.owed += 1;
            // The head's buffers go back to the desk; a new head is lent others.
            std::mem::swap(&mut self.intake.head, &mut desk.head);
            self.quick = if now - began < QUICK {
                self.quick + 1
            } else {
                0
            };
            let gather = self.quick >= STREAK && self.has_unread() && desk.out.len() < BATCH;
            if gather && source.is_nothing() && matches!(after, After::KeepAlive(None)) {
                self.phase = Phase::Receiving;
                match self.take_unread_in(desk, Some(now)) {
                    Turn::Ready if asks_same(&desk.request, &self.intake.head) => {
                        began = now;
                        continue;
                    }
                    Turn::Over => return Turn::Over,
                    _ => {}
                }
                if !matches!(self.phase, Phase::Receiving | Phase::Ready) {
                    // It was refused, and that was sent with the rest.
                    return Turn::Moved;
                }
            }
            return self.send(desk, source, after, now);
        }
    }

    /// Refuses what the client sent: one answer, then the end.
    fn refuse(&mut self, desk: &mut Desk, refusal: Refusal, reason: CloseReason) -> Turn {
        let now = Instant::now();
        if self.owed == 0 {
            desk.out.clear();
        }
        answer::refuse(self, desk, refusal, now);
        self.owed += 1;
        self.link.set_state(State::InFlight);
        self.send(
            desk,
            Source::Nothing,
            After::Close {
                linger: true,
                reason,
            },
            now,
        )
    }

    fn send(&mut self, desk: &mut Desk, source: Source, after: After, now: Instant) -> Turn {
        let Desk { out, input, .. } = desk;
        let sent = Outgoing::send(&self.link.stream, out, source, input);
        out.shrink_to(KEPT_BY_DESK);
        match sent {
            // The usual case, and it allocates nothing.
            Ok((_, Sent::All)) => self.all_sent(desk, after, now),
            Ok((outgoing, sent)) => self.sent(desk, sent, Box::new(outgoing), after, now),
            Err(broken) => self.broken(broken),
        }
    }

    /// Goes on sending, without the reader: that is a worker's work.
    fn send_on(&mut self, desk: &mut Desk, now: Instant) -> Turn {
        let (mut outgoing, after) = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Sending(outgoing, after) => (outgoing, after),
            _ => return Turn::Over,
        };
        match outgoing.push(&self.link.stream) {
            Ok(Sent::All) if matches!(after, After::Upgrade(..)) => {
                self.phase = Phase::Sending(outgoing, after);
                Turn::Ready
            }
            Ok(Sent::NeedsReader) => {
                self.phase = Phase::Sending(outgoing, after);
                Turn::Ready
            }
            Ok(sent) => self.sent(desk, sent, outgoing, after, now),
            Err(broken) => self.broken(broken),
        }
    }

    /// Some of a response was sent, or all of it.
    fn sent(
        &mut self,
        desk: &mut Desk,
        sent: Sent,
        mut outgoing: Box<Outgoing>,
        after: After,
        now: Instant,
    ) -> Turn {
        let moved = std::mem::take(&mut outgoing.moved);
        if sent == Sent::All {
            return self.all_sent(desk, after, now);
        }
        let rate = self.service.limits.min_write_rate;
        let pace = self.pace.get_or_insert_with(|| Pace::new(rate, now));
        pace.moved(moved);
        if pace.too_slow(now) {
            return self.over(CloseReason::SlowRead);
        }
        self.phase = Phase::Sending(outgoing, after);
        match moved {
            0 => Turn::Stuck,
            _ => Turn::Moved,
        }
    }

    fn all_sent(&mut self, desk: &mut Desk, after: After, now: Instant) -> Turn {
        for _ in 0..std::mem::take(&mut self.owed) {
            self.service.registry.answered(&self.link);
        }
        self.pace = None;
        match after {
            After::Close { linger, reason } => self.close(linger, reason, now),
            After::Upgrade(upgrade, place) => self.hand_over(upgrade, place),
            After::KeepAlive(rest) => {
                if self.intake.ready().is_some() {
                    // The next request was found while the responses before it were gathered.
                    self.phase = Phase::Ready;
                    return self.ready_turn();
                }
                self.phase = Phase::Receiving;
                if let Some(rest) = rest {
                    self.intake.skip(rest, SKIP);
                }
                self.owes = Owes::Nothing;
                self.deadline = now + self.service.limits.idle_timeout;
                self.service.registry.fell_quiet(&self.link, now);
                if self.has_unread() || self.intake.owes() != Owes::Nothing {
                    return self.take_unread_in(desk, Some(now));
                }
                Turn::Idle
            }
        }
    }

    fn close(&mut self, linger: bool, reason: CloseReason, now: Instant) -> Turn {
        if !linger || self.link.stream.shutdown(Shutdown::Write).is_err() {
            return self.over(reason);
        }
        self.reason = reason;
        self.link.set_state(State::Quiet);
        self.unread = Vec::new();
        self.deadline = now + LINGER;
        self.phase = Phase::Lingering {
            left: LINGER_BYTES,
            settled: false,
        };
        Turn::Moved
    }

    fn linger(&mut self, desk: &mut Desk, left: usize, settled: bool, now: Instant) -> Turn {
        match (&self.link.stream).read(&mut desk.input) {
            Ok(count @ 1..) if count <= left && now < self.deadline => {
                self.phase = Phase::Lingering {
                    left: left - count,
                    settled,
                };
                Turn::Moved
            }
            Err(e) if would_block(&e) && now < self.deadline => {
                if !settled {
                    self.service.registry.settle(&self.link);
                    self.phase = Phase::Lingering {
                        left,
                        settled: true,
                    };
                }
                Turn::Stuck
            }
            _ => self.over(self.reason),
        }
    }

    /// The protocol that takes over may talk for as long as it likes, so it gets a thread of its
    /// own. There are at most `max_upgraded` of these.
    fn hand_over(&mut self, mut upgrade: Box<dyn Upgrade + Send>, place: Place) -> Turn {
        let socket = Upgraded::new(Arc::clone(&self.link), self.take_unread(), place);
        let stream = &self.link.stream;
        let plain = stream
            .set_nonblocking(false)
            .and_then(|()| stream.set_read_timeout(None))
            .and_then(|()| stream.set_write_timeout(None));
        self.service.registry.settle(&self.link);
        if plain.is_ok() {
            // Without a thread to be had both are dropped, and that closes the connection.
            let _ = thread::Builder::new()
                .name("millpond-upgrade".into())
                .spawn(move || upgrade.build(Box::new(socket)));
        }
        self.over(CloseReason::Upgraded)
    }

    fn broken(&mut self, broken: Broken) -> Turn {
        self.over(match broken {
            Broken::Write => CloseReason::Broken,
            Broken::Reader => CloseReason::BodyFailed,
        })
    }

    fn over(&mut self, reason: CloseReason) -> Turn {
        self.reason = reason;
        self.phase = Phase::Over;
        Turn::Over
    }
}

/// Most likely the same handler, doing the same work.
fn asks_same(last: &Request, next: &Head) -> bool {
    last.raw_url() == next.target() && last.method() == next.method()
}

/// The socket's modes.
impl Connection {
    fn set_blocking(&mut self, blocking: bool) -> io::Result<()> {
        if self.blocking != blocking {
            self.link.stream.set_nonblocking(!blocking)?;
            self.blocking = blocking;
        }
        Ok(())
    }

    /// A body is about to be read by its handler, which sets the timeouts it needs.
    pub(super) fn wait_in_reads(&mut self) {
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
        self.service.counters.closed(self.reason);
        self.service.registry.leave(&self.link);
    }
}
