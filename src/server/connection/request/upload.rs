//! A body that is read while the handler runs: first the gathered part, then the bytes that the
//! client still sends. This is the only place where a worker waits for a body, with a permit of the
//! pool's quota.
//!
//! [`UploadState`] is shared by the handler's [`Upload`] and the exchange, under a lock that guards
//! all of the state. The lock is held during a read, so only the owner of the `Upload` waits.

use std::io::{self, Cursor, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::min_rate::MinRate;
use super::{BodyRemainder, ReceivedRequest};
use crate::server::connection::byte_queue::ByteQueue;
use crate::server::connection::service::Service;
use crate::server::registry::{ConnectionHandle, ConnectionState};
use crate::server::stats::counters::Counters;
use crate::util::io::would_block;
use crate::util::lock::lock;
use crate::wire::error::WireError;

/// The longest wait of one read, 1 s. After each wait, the upload ends if the server is stopping: a
/// silent client cannot delay a stop for longer.
const UPLOAD_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The time between two reads of a socket that a drain has shut for reading, 2 ms: such a read
/// returns at once.
const SHUT_READ_INTERVAL: Duration = Duration::from_millis(2);
/// Bytes of a chunked body read from the socket at once, 16 KiB. A body of known length is read
/// straight into the buffer of the handler.
const CHUNKED_READ_BYTES: usize = 16 * 1024;

/// The interim response (RFC 9110 §15.2.1), which needs no field.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
pub(crate) const SLOW_BODY_TEXT: &str = "request body below minimum rate";

/// The reason why a body could not be read to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Wire(WireError),
    TooSlow,
    /// The client closed its side, or the connection broke.
    Truncated,
    /// A part of "100 Continue" was sent, and the socket accepts no more. A response after that
    /// part would not be recognized as one.
    HalfContinue,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        let (kind, text) = match fault {
            Fault::Wire(error) => (ErrorKind::InvalidData, error.reason()),
            Fault::TooSlow => (ErrorKind::TimedOut, SLOW_BODY_TEXT),
            Fault::Truncated | Fault::HalfContinue => {
                (ErrorKind::UnexpectedEof, "incomplete request body")
            }
        };
        io::Error::new(kind, text)
    }
}

/// The reader of the body that the handler gets.
pub(crate) struct Upload(Arc<Mutex<UploadState>>);

impl Read for Upload {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buf)
    }
}

/// The body. The exchange takes the rest back when the handler has returned.
pub(crate) struct UploadState {
    /// `None` once the handler has returned: a reader that is kept then does not keep the socket
    /// open.
    handle: Option<Arc<ConnectionHandle>>,
    counters: Arc<Counters>,
    gathered: Cursor<Vec<u8>>,
    /// Bytes received after the gathered ones, and not decoded.
    unread: ByteQueue,
    rest: BodyRemainder,
    expects_continue: bool,
    min_rate: MinRate,
    /// When the last wait for the client ended.
    last_read: Instant,
    fault: Option<Fault>,
}

/// The part of a body that the handler did not read.
pub(crate) struct Leftover {
    /// Bytes received, of this body and of the requests after it.
    pub(crate) unread: ByteQueue,
    pub(crate) rest: BodyRemainder,
    pub(crate) fault: Option<Fault>,
    /// Whether the client may still be waiting for a "100 Continue".
    pub(crate) expects_continue: bool,
}

impl Leftover {
    /// Returns the leftover of a body that was received whole before the handler ran.
    pub(crate) fn none(unread: ByteQueue) -> Leftover {
        Leftover {
            unread,
            rest: BodyRemainder::NONE,
            fault: None,
            expects_continue: false,
        }
    }
}

impl UploadState {
    /// Returns the body of `received`, and the reader for the handler.
    pub(crate) fn share(
        service: &Service,
        handle: &Arc<ConnectionHandle>,
        received: ReceivedRequest,
        unread: ByteQueue,
    ) -> (Arc<Mutex<UploadState>>, Upload) {
        let now = Instant::now();
        let state = Arc::new(Mutex::new(UploadState {
            handle: Some(Arc::clone(handle)),
            counters: Arc::clone(&service.counters),
            // RFC 9110 §10.1.1: no 100 is needed once some of the body has come.
            expects_continue: received.framing.expects_continue && received.body.is_empty(),
            gathered: Cursor::new(received.body),
            unread,
            rest: received.rest,
            min_rate: MinRate::new(service.limits.min_body_rate, now),
            last_read: now,
            fault: match received.truncated {
                true => Some(Fault::Truncated),
                false => None,
            },
        }));
        (Arc::clone(&state), Upload(state))
    }

    /// Takes the body back. From now on, a reader that the program kept returns an error.
    pub(crate) fn close(&mut self) -> Leftover {
        self.handle = None;
        self.gathered = Cursor::default();
        Leftover {
            unread: std::mem::take(&mut self.unread),
            rest: std::mem::replace(&mut self.rest, BodyRemainder::NONE),
            fault: self.fault,
            expects_continue: self.expects_continue,
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.handle.is_none() {
            let text = "request body unavailable after handler return";
            return Err(io::Error::new(ErrorKind::NotConnected, text));
        }
        let gathered = self.gathered.read(buf)?;
        if gathered > 0 || self.rest.is_done() || buf.is_empty() {
            return Ok(gathered);
        }
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        self.read_rest(buf).map_err(|fault| {
            self.fault = Some(fault);
            fault.into()
        })
    }

    fn read_rest(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        loop {
            if !self.unread.is_empty() {
                let unread = self.unread.as_slice();
                let (consumed, produced) = self.rest.decode(unread, buf).map_err(Fault::Wire)?;
                self.unread.consume(consumed);
                if produced > 0 || self.rest.is_done() {
                    return Ok(produced);
                }
            }
            if let Some(left) = self.rest.known_length() {
                let most = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let count = self.receive(&mut buf[..most])?;
                self.rest.consume(count);
                return Ok(count);
            }
            // All bytes were decoded. If no more arrive, none are left over.
            let mut unread = std::mem::take(&mut self.unread).into_vec();
            unread.resize(CHUNKED_READ_BYTES, 0);
            let count = self.receive(&mut unread)?;
            unread.truncate(count);
            self.unread = unread.into();
        }
    }

    /// Waits for bytes, and reports the wait as the state of the connection.
    fn receive(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        self.set_state(ConnectionState::Upload);
        let received = self.receive_in_time(buf);
        self.set_state(ConnectionState::Handler);
        received
    }

    fn set_state(&self, state: ConnectionState) {
        if let Some(handle) = &self.handle {
            handle.set_state(state);
        }
    }

    /// Waits for bytes for as long as the client keeps the minimum rate.
    fn receive_in_time(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let handle = self.handle.as_ref().ok_or(Fault::Truncated)?;
        let mut stream = &handle.stream;
        let min_rate = &mut self.min_rate;
        let began = Instant::now();
        // The time that the handler takes between two reads does not count for the client.
        min_rate.pause(began.saturating_duration_since(self.last_read));
        // A stop does not wait for the window of a client that sends nothing.
        let is_stopped =
            |now: Instant| handle.is_ending() && now.duration_since(began) >= UPLOAD_POLL_INTERVAL;
        if std::mem::take(&mut self.expects_continue) {
            send_continue(&mut stream, || {
                let now = Instant::now();
                min_rate.is_below(now) || is_stopped(now)
            })?;
            self.counters.sent(CONTINUE.len());
        }
        let mut now = began;
        loop {
            let wait = min_rate
                .time_left(now)
                .clamp(Duration::from_millis(1), UPLOAD_POLL_INTERVAL);
            let timed = stream.set_read_timeout(Some(wait));
            timed.map_err(|_| Fault::Truncated)?;
            match stream.read(buf) {
                // A drain that found the connection idle has shut the socket for reading while the
                // request was in the kernel already. On Linux, later bytes can still be read, but
                // not waited for.
                Ok(0) if handle.is_ending() && began.elapsed() < UPLOAD_POLL_INTERVAL => {
                    std::thread::sleep(SHUT_READ_INTERVAL);
                }
                Ok(0) => return Err(Fault::Truncated),
                Ok(count) => {
                    self.last_read = Instant::now();
                    self.counters.received(count);
                    min_rate.record(count);
                    return match min_rate.is_below(self.last_read) {
                        true => Err(Fault::TooSlow),
                        false => Ok(count),
                    };
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    // The process may have been stopped and continued. Bytes that came meanwhile
                    // count: they are read before the rate is checked.
                    now = Instant::now();
                    continue;
                }
                Err(e) if would_block(&e) => {}
                Err(_) => return Err(Fault::Truncated),
            }
            now = Instant::now();
            if is_stopped(now) || min_rate.is_below(now) {
                return Err(Fault::TooSlow);
            }
        }
    }
}

/// Sends "100 Continue" whole. A client that has not read the responses before it leaves no room in
/// the socket: that is waited for until `is_over`.
fn send_continue(stream: &mut impl Write, mut is_over: impl FnMut() -> bool) -> Result<(), Fault> {
    let mut left = CONTINUE;
    while !left.is_empty() {
        let fault = match stream.write(left) {
            Ok(0) => Fault::Truncated,
            Ok(count) => {
                left = &left[count..];
                continue;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) if !would_block(&e) => Fault::Truncated,
            Err(_) if !is_over() => continue,
            Err(_) => Fault::TooSlow,
        };
        return Err(match left.len() == CONTINUE.len() {
            true => fault,
            false => Fault::HalfContinue,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as much of each write as the script says; 0 stands for a write that would block, and
    /// so does the script's end.
    struct Socket<'a> {
        script: &'a [usize],
        taken: Vec<u8>,
    }

    impl Write for Socket<'_> {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            let (most, rest) = self.script.split_first().unwrap_or((&0, &[]));
            self.script = rest;
            if *most == 0 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let count = buf.len().min(*most);
            self.taken.extend_from_slice(&buf[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn continue_is_sent_whole_or_nothing_follows_it() {
        for (script, want, taken) in [
            (&[25][..], Ok(()), 25),
            (&[24, 1], Ok(()), 25),
            (&[0, 0, 7, 0, 100], Ok(()), 25),
            (&[], Err(Fault::TooSlow), 0),
            (&[7], Err(Fault::HalfContinue), 7),
            (&[24], Err(Fault::HalfContinue), 24),
        ] {
            let mut looks = 0;
            let mut socket = Socket {
                script,
                taken: Vec::new(),
            };
            let got = send_continue(&mut socket, || {
                looks += 1;
                looks > 5
            });
            assert_eq!(got, want, "{:?}", script);
            assert_eq!(socket.taken, &CONTINUE[..taken], "{:?}", script);
        }
    }
}
