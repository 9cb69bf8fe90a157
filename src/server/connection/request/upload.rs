//! A body that is read while its handler runs: what was gathered, then what the client still sends.
//! The one place where a worker waits for a body; it holds one of the pool's waiting places for it.

use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::min_rate::MinRate;
use super::{BodyRemainder, ReceivedRequest};
use crate::server::registry::{ConnectionHandle, ConnectionState};
use crate::server::stats::counters::Counters;
use crate::util::lock::lock;
use crate::wire::error::WireError;

/// How long one read waits before it looks whether the server is stopping.
const SLICE: Duration = Duration::from_secs(1);
/// Between two looks at a socket that a drain has shut for reading.
const SHUT_NAP: Duration = Duration::from_millis(2);
/// Coded bytes taken from the socket at once. A body of known length goes straight to its reader.
const CODED: usize = 16 * 1024;

/// RFC 9110 §15.2.1: it needs no field.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Why a body could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Wire(WireError),
    TooSlow,
    /// The client ended its side, or the connection broke.
    Truncated,
    /// A part of "100 Continue" was sent, and the client takes no more: what came behind that part
    /// would not be seen as an answer.
    HalfContinue,
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> io::Error {
        match fault {
            Fault::Wire(error) => io::Error::new(ErrorKind::InvalidData, error.reason()),
            Fault::TooSlow => io::Error::new(ErrorKind::TimedOut, "the body came too slowly"),
            Fault::Truncated | Fault::HalfContinue => io::Error::new(
                ErrorKind::UnexpectedEof,
                "the client ended before its body did",
            ),
        }
    }
}

/// The handler's end of the body.
pub(crate) struct Upload(Arc<Mutex<UploadState>>);

/// The body itself, shared with the connection, which takes it back when the handler is done.
pub(crate) struct UploadState {
    /// `None` once the handler is done: whoever still has a reader does not keep the socket open.
    link: Option<Arc<ConnectionHandle>>,
    counters: Arc<Counters>,
    gathered: Vec<u8>,
    gathered_at: usize,
    /// Bytes received behind those gathered, not decoded yet.
    raw: Vec<u8>,
    raw_at: usize,
    rest: BodyRemainder,
    owes_continue: bool,
    min_body_rate: u64,
    /// The client's rate, and when the handler's last read returned.
    min_rate: Option<(MinRate, Instant)>,
    fault: Option<Fault>,
}

/// What the handler left of it.
pub(crate) struct Leftover {
    pub raw: Vec<u8>,
    pub rest: BodyRemainder,
    pub fault: Option<Fault>,
    /// The client may still be waiting for its "100 Continue".
    pub owes_continue: bool,
}

impl UploadState {
    pub(crate) fn new(
        link: Arc<ConnectionHandle>,
        counters: Arc<Counters>,
        received: ReceivedRequest,
        raw: Vec<u8>,
        min_body_rate: u64,
    ) -> UploadState {
        // RFC 9110 §10.1.1: no 100 is needed once some of the body has come.
        let owes_continue = received.framing.expects_continue && received.body.is_empty();
        UploadState {
            link: Some(link),
            counters,
            gathered: received.body,
            gathered_at: 0,
            raw,
            raw_at: 0,
            rest: received.rest,
            owes_continue,
            min_body_rate,
            min_rate: None,
            fault: if received.truncated {
                Some(Fault::Truncated)
            } else {
                None
            },
        }
    }

    pub(crate) fn reader(self) -> (Arc<Mutex<UploadState>>, Upload) {
        let shared = Arc::new(Mutex::new(self));
        (Arc::clone(&shared), Upload(shared))
    }

    /// Takes the body back. A reader that someone still has fails from now on.
    pub(crate) fn close(&mut self) -> Leftover {
        self.link = None;
        self.gathered = Vec::new();
        self.gathered_at = 0;
        let mut raw = std::mem::take(&mut self.raw);
        raw.drain(..self.raw_at);
        Leftover {
            raw,
            rest: std::mem::replace(&mut self.rest, BodyRemainder::Length(0)),
            fault: self.fault,
            owes_continue: self.owes_continue,
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.link.is_none() {
            return Err(io::Error::new(
                ErrorKind::NotConnected,
                "the request has been answered",
            ));
        }
        let gathered = &self.gathered[self.gathered_at..];
        if !gathered.is_empty() {
            let count = gathered.len().min(buf.len());
            buf[..count].copy_from_slice(&gathered[..count]);
            self.gathered_at += count;
            return Ok(count);
        }
        if self.rest.is_done() || buf.is_empty() {
            return Ok(0);
        }
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        self.read_on(buf).map_err(|fault| {
            self.fault = Some(fault);
            fault.into()
        })
    }

    fn read_on(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        loop {
            if self.raw_at < self.raw.len() {
                let raw = &self.raw[self.raw_at..];
                let (consumed, produced) = self.rest.decode(raw, buf).map_err(Fault::Wire)?;
                self.raw_at += consumed;
                if produced > 0 || self.rest.is_done() {
                    return Ok(produced);
                }
            }
            if let Some(left) = self.rest.known() {
                let most = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let count = self.receive(&mut buf[..most])?;
                self.rest.took(count);
                return Ok(count);
            }
            // All of it was used. Should nothing more come, there is nothing left over.
            self.raw_at = 0;
            let mut raw = std::mem::take(&mut self.raw);
            raw.resize(CODED, 0);
            let count = self.receive(&mut raw)?;
            raw.truncate(count);
            self.raw = raw;
        }
    }

    /// Waits for bytes, and tells that it does.
    fn receive(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        self.set_state(ConnectionState::Upload);
        let received = self.receive_on_time(buf);
        self.set_state(ConnectionState::Handler);
        received
    }

    fn set_state(&self, state: ConnectionState) {
        if let Some(link) = &self.link {
            link.set_state(state);
        }
    }

    /// Waits for bytes, within the minimum rate.
    fn receive_on_time(&mut self, buf: &mut [u8]) -> Result<usize, Fault> {
        let link = self.link.as_ref().ok_or(Fault::Truncated)?;
        let mut stream = &link.stream;
        let rate = self.min_body_rate;
        let began = Instant::now();
        let (min_rate, left_at) = self
            .min_rate
            .get_or_insert_with(|| (MinRate::new(rate, began), began));
        if std::mem::take(&mut self.owes_continue) {
            say_continue(&mut stream, || {
                let now = Instant::now();
                min_rate.too_slow(now) || (link.is_ending() && now.duration_since(began) >= SLICE)
            })?;
            self.counters.sent(CONTINUE.len());
        }
        // The time that the handler took between two reads is not the client's fault.
        min_rate.excuse(began.saturating_duration_since(*left_at));
        let mut now = began;
        loop {
            let wait = min_rate
                .time_left(now)
                .clamp(Duration::from_millis(1), SLICE);
            let timed = stream.set_read_timeout(Some(wait));
            timed.map_err(|_| Fault::Truncated)?;
            match stream.read(buf) {
                // A drain that found this link at rest has shut it for reading, while the request
                // was in the kernel already. What comes after that can be read on Linux all the
                // same, only not waited for.
                Ok(0) if link.is_ending() && began.elapsed() < SLICE => {
                    std::thread::sleep(SHUT_NAP);
                }
                Ok(0) => return Err(Fault::Truncated),
                Ok(count) => {
                    *left_at = Instant::now();
                    self.counters.received(count);
                    min_rate.moved(count);
                    return if min_rate.too_slow(*left_at) {
                        Err(Fault::TooSlow)
                    } else {
                        Ok(count)
                    };
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    // Stopped and continued, say. What came meanwhile counts: it is read before
                    // the client is judged.
                    now = Instant::now();
                    continue;
                }
                Err(e) if crate::util::io::would_block(&e) => {}
                Err(_) => return Err(Fault::Truncated),
            }
            now = Instant::now();
            // A stop need not wait out the whole window of a client that sends nothing.
            let stalled = link.is_ending() && now.duration_since(began) >= SLICE;
            if stalled || min_rate.too_slow(now) {
                return Err(Fault::TooSlow);
            }
        }
    }
}

/// Says "100 Continue", whole. A client that has not read the responses before it leaves no room
/// for it: that is waited for until the client is given up.
fn say_continue(stream: &mut impl Write, mut given_up: impl FnMut() -> bool) -> Result<(), Fault> {
    let mut left = CONTINUE;
    while !left.is_empty() {
        let fault = match stream.write(left) {
            Ok(0) => Fault::Truncated,
            Ok(count) => {
                left = &left[count..];
                continue;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) if crate::util::io::would_block(&e) && !given_up() => continue,
            Err(e) if crate::util::io::would_block(&e) => Fault::TooSlow,
            Err(_) => Fault::Truncated,
        };
        return Err(match left.len() == CONTINUE.len() {
            true => fault,
            false => Fault::HalfContinue,
        });
    }
    Ok(())
}

impl Read for Upload {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buf)
    }
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
    fn continue_is_said_whole_or_nothing_follows_it() {
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
            let got = say_continue(&mut socket, || {
                looks += 1;
                looks > 5
            });
            assert_eq!(got, want, "{:?}", script);
            assert_eq!(socket.taken, &CONTINUE[..taken], "{:?}", script);
        }
    }
}
