//! One connection, from the first byte to the last: requests are received, a handler answers each
//! of them, the responses are sent.
//!
//! ```text
//!             ┌───────────────── keep-alive ─────────────────┐
//!             ▼                                              │
//!  accept ─► Receiving ── request ready ── run_exchange ─► Sending ──► Lingering ─► Closed
//!             │                                            ▲   │                     ▲
//!             └── refusal: a 4xx or 5xx ───────────────────┘   └─ broken: Aborted ───┘
//! ```
//!
//! [`Connection`] is the [`Task`] that the pool runs. Each call returns the [`Next`] step:
//!
//! * [`poll`](Task::poll) is called while no thread waits for the connection. The socket is
//!   nonblocking.
//! * [`wait`](Task::wait) is called on a worker that may block until the next request. The socket
//!   is blocking. The accepting side has set a send timeout, so a client that does not read cannot
//!   block the worker for long.
//! * [`run`](Task::run) is called on a worker, for all work that contains user code.
//!
//! The docs of [`server`](super) follow one GET and one large upload through these files.
//!
//! # Files
//!
//! * `receive`, `send`, `close`: the steps of [`Connection`]
//! * `request/`: [`RequestReader`], the upload, the minimum rate
//! * `response/`: [`run_exchange`], its outcome, the writer of a response
//! * `upgrade`: the hand-over to another protocol
//! * `service`: the parts that all connections of a server share
//! * `buffers`, `byte_queue`: the buffers of a worker, and a queue of bytes
//!
//! A connection belongs to one thread at a time and has no lock. Only the [`ConnectionHandle`] is
//! shared, with the registry.

mod buffers;
mod byte_queue;
mod close;
mod receive;
mod request;
mod response;
mod send;
pub(crate) mod service;
mod upgrade;

use std::io::{self, Read};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::buffers::Buffers;
use self::byte_queue::ByteQueue;
use self::request::min_rate::MinRate;
use self::request::{Progress, RequestReader};
use self::response::outcome::NextAction;
use self::response::writer::ResponseWriter;
use self::response::{run_exchange, Exchange};
use self::service::Service;
use super::pool::{Next, Task};
use super::registry::{ConnectionHandle, ConnectionState};
use super::stats::CloseReason;
use crate::message::request::head::Head;
use crate::message::Request;
use crate::util::catch_panic::catch_panic;
use crate::util::io::deadline_after;
use crate::wire::proxied::Client;

/// Handlers in a row that must be quick before pipelined responses are gathered into one write, 8.
/// Responses are gathered as long as the same request comes again. The time of the next handler is
/// then known well enough, and no response waits behind a slow handler.
const MIN_QUICK_HANDLERS: u32 = 8;
/// The longest time of a quick handler, 50 µs.
const MAX_QUICK_HANDLER_TIME: Duration = Duration::from_micros(50);
/// Bytes of responses that are gathered at most, 32 KiB. Then the responses are sent.
const MAX_GATHERED_BYTES: usize = 32 * 1024;

/// A response that is partly sent, and the action after it.
struct Sending {
    writer: ResponseWriter,
    next: NextAction,
}

impl Sending {
    /// Returns whether a drop runs user code.
    fn has_user_code(&self) -> bool {
        self.writer.has_reader() || matches!(self.next, NextAction::Upgrade(..))
    }
}

enum Phase {
    /// Receives a request, or has one ready ([`RequestReader::ready`]).
    Receiving,
    Sending(Box<Sending>),
    /// Reads on after the last response, `left` bytes at most. `settled` once no byte was there to
    /// read: a close would then not cause a reset.
    Lingering {
        left: usize,
        settled: bool,
    },
    /// The connection ended within a response. A worker must drop the rest, which holds user code
    /// and may take long.
    Aborted(Box<Sending>),
    Closed,
}

/// One connection, as a task of the pool.
pub(crate) struct Connection {
    handle: Arc<ConnectionHandle>,
    service: Arc<Service>,
    phase: Phase,
    reader: RequestReader,
    /// The client of the request that is ready, if a trusted proxy names one.
    client: Option<Client>,
    /// Bytes received and not consumed: a part of a head, or pipelined requests.
    unread: ByteQueue,
    blocking: bool,
    read_timeout: Option<Duration>,
    /// The end of the idle time, of the time for a head, or of the lingering.
    deadline: Instant,
    /// The rate of a body that is gathered or skipped, or of a response. Replaces the deadline.
    min_rate: Option<MinRate>,
    /// Handlers that have run.
    served: u64,
    /// Responses encoded and not sent.
    unsent_responses: u32,
    /// Handlers in a row that were quick.
    quick_handlers: u32,
    /// The reason that is counted when the connection ends. `None` if the connection was turned
    /// away, which is counted elsewhere.
    reason: Option<CloseReason>,
}

impl Task for Connection {
    type Buffers = Buffers;

    fn poll(&mut self, buffers: &mut Buffers, now: Instant) -> Next {
        if self.set_blocking(false).is_err() {
            return self.finish(CloseReason::Broken);
        }
        match &mut self.phase {
            Phase::Receiving if self.reader.ready().is_some() => {
                self.service.registry.record_waiting(&self.handle, now);
                self.next()
            }
            Phase::Receiving => {
                let read = (&self.handle.stream).read(&mut buffers.input);
                self.on_read(buffers, read, Some(now))
            }
            Phase::Sending(sending) => {
                let sent = sending.writer.write_pending(&self.handle.stream);
                self.on_sent(buffers, sent, false, now)
            }
            &mut Phase::Lingering { left, settled } => self.linger(buffers, left, settled, now),
            Phase::Aborted(_) => Next::Run,
            Phase::Closed => Next::Done,
        }
    }

    fn wait(&mut self, buffers: &mut Buffers) -> Next {
        let now = Instant::now();
        if self.deadline <= now {
            // Bytes that came in time are read although the deadline has passed: the whole process
            // may have been stopped meanwhile.
            return self.poll(buffers, now);
        }
        if self.block_for(self.deadline - now).is_err() {
            return self.finish(CloseReason::Broken);
        }
        let read = (&self.handle.stream).read(&mut buffers.input);
        self.on_read(buffers, read, None)
    }

    fn run(&mut self, buffers: &mut Buffers) -> Next {
        buffers.out.clear();
        match &mut self.phase {
            Phase::Receiving => self.exchange(buffers),
            Phase::Sending(sending) => {
                let Buffers { out, input, .. } = buffers;
                let sent = sending
                    .writer
                    .fill_and_write(&self.handle.stream, out, input);
                self.on_sent(buffers, sent, true, Instant::now())
            }
            Phase::Aborted(_) => {
                if let Phase::Aborted(rest) = std::mem::replace(&mut self.phase, Phase::Closed) {
                    let _ = catch_panic(|| drop(rest));
                }
                Next::Done
            }
            Phase::Lingering { .. } | Phase::Closed => Next::Progressed,
        }
    }
}

impl Connection {
    pub(crate) fn new(handle: Arc<ConnectionHandle>, service: Arc<Service>) -> Connection {
        let deadline = deadline_after(Instant::now(), service.limits.idle_timeout);
        let proxies = service.proxies.clone();
        let proxies = proxies.filter(|proxies| proxies.expects_preface(handle.peer.ip()));
        Connection {
            handle,
            service,
            phase: Phase::Receiving,
            reader: RequestReader::new(proxies),
            client: None,
            unread: ByteQueue::default(),
            // An accepted socket is blocking.
            blocking: true,
            read_timeout: None,
            deadline,
            min_rate: None,
            served: 0,
            unsent_responses: 0,
            quick_handlers: 0,
            reason: Some(CloseReason::ClientClosed),
        }
    }

    /// Returns the socket of a connection that is not served, for a last response.
    pub(crate) fn turned_away(&mut self) -> &TcpStream {
        self.reason = None;
        &self.handle.stream
    }

    /// Answers the request that is ready, then sends the response. Responses to pipelined requests
    /// are gathered and sent together.
    fn exchange(&mut self, buffers: &mut Buffers) -> Next {
        let mut began = Instant::now();
        loop {
            let received = match self.reader.take_ready() {
                Some(received) => received,
                None => return self.next(),
            };
            if !received.rest.is_done() {
                // The reads of the handler set the timeouts. If the change of the mode fails, the
                // first read returns an error.
                let _ = self.set_blocking(true);
                self.read_timeout = None;
            }
            self.service.registry.request_began(&self.handle, began);
            self.handle.set_state(ConnectionState::Handler);
            self.served += 1;
            let exchange = Exchange {
                service: &self.service,
                handle: &self.handle,
                head: std::mem::take(&mut self.reader.head),
                client: self.client.take(),
                received,
                unread: std::mem::take(&mut self.unread),
                number: self.served,
            };
            let outcome = match run_exchange(exchange, buffers) {
                Ok(outcome) => outcome,
                Err(reason) => return self.finish(reason),
            };
            self.unread = outcome.unread;
            self.unsent_responses += 1;
            let (source, next, now) = (outcome.source, outcome.next, outcome.finished);
            self.quick_handlers = match now - began < MAX_QUICK_HANDLER_TIME {
                true => self.quick_handlers + 1,
                false => 0,
            };
            let may_gather = self.quick_handlers >= MIN_QUICK_HANDLERS
                && !self.unread.is_empty()
                && buffers.out.len() < MAX_GATHERED_BYTES;
            if may_gather && source.is_nothing() && matches!(next, NextAction::KeepAlive(None)) {
                match self.feed(buffers, 0) {
                    Ok(Progress::Ready) => {
                        let gathers = self.next() == Next::Run
                            && is_same(&buffers.request, &self.reader.head);
                        // The label of the last request fits, unless a proxy names a client.
                        if !gathers || self.service.proxies.is_some() {
                            self.on_request();
                        }
                        if gathers {
                            began = now;
                            continue;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        return self.refuse(buffers, error.refusal(), CloseReason::Refused)
                    }
                }
            }
            return self.send(buffers, source, next, now);
        }
    }

    fn set_blocking(&mut self, blocking: bool) -> io::Result<()> {
        if self.blocking != blocking {
            self.handle.stream.set_nonblocking(!blocking)?;
            self.blocking = blocking;
        }
        Ok(())
    }

    /// Makes the socket blocking, and bounds the next read. A timeout that is nearly right is kept:
    /// most waits have the same length, and a change costs a system call.
    fn block_for(&mut self, left: Duration) -> io::Result<()> {
        self.set_blocking(true)?;
        let is_near = |set: Duration| set >= left && set - left <= left / 16;
        if !self.read_timeout.map_or(false, is_near) {
            let timeout = left.max(Duration::from_millis(1));
            self.handle.stream.set_read_timeout(Some(timeout))?;
            self.read_timeout = Some(timeout);
        }
        Ok(())
    }
}

/// Returns whether two requests have the same method and target: most likely, the same handler
/// then does the same work.
fn is_same(last: &Request, next: &Head) -> bool {
    last.raw_url() == next.target() && last.method() == next.method()
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(reason) = self.reason {
            self.service.counters.closed(reason);
        }
        self.service.registry.leave(&self.handle);
    }
}

#[cfg(test)]
mod tests;
