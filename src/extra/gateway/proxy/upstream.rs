//! The connection to the other server until the head of its answer is there. Every wait has an end,
//! and an answer that comes early is found. What is sent, and what the answer means, is not known
//! here.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::{ended, read_on, too_slow, Failure, Times};
use crate::extra::gateway::response::{Dialect, ResponseHead, ResponseParser};

/// Interim answers before the final one. Each is bounded as every head is.
pub(crate) const MAX_INTERIM: u32 = 16;
/// What is asked of the socket at once; more of a body than of a head.
const PIECE: usize = 16 * 1024;
/// How long one write waits before it is looked whether there is an answer.
const SLICE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Upstream {
    stream: TcpStream,
    times: Times,
    parser: ResponseParser,
    /// What came and is no part of a head that is done with.
    received: Vec<u8>,
    interim: u32,
    /// The final head, once it is there: then nothing more is received here.
    head: Option<ResponseHead>,
}

/// What became of bytes to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    All,
    /// The answer is there, and no more of the request is taken.
    Answered,
}

impl Upstream {
    pub(super) fn connect(addr: impl ToSocketAddrs, times: Times) -> io::Result<Upstream> {
        let addresses: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        let end = Instant::now() + times.connect;
        let mut failure = io::Error::new(ErrorKind::InvalidInput, "the name has no address");
        for (at, address) in addresses.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            // What does not answer leaves some of the time to the others.
            let share = left / u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
            if share.is_zero() {
                return Err(too_slow());
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(SLICE.min(times.write)))?;
                    return Ok(Upstream {
                        stream,
                        times,
                        parser: ResponseParser::new(Dialect::Http),
                        received: Vec::new(),
                        interim: 0,
                        head: None,
                    });
                }
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Sends all of it, unless the answer comes in place of taking it.
    pub(super) fn send(&mut self, mut bytes: &[u8]) -> Result<Sent, Failure> {
        let mut moved = Instant::now();
        while !bytes.is_empty() {
            let error = match self.stream.write(bytes) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(count) => {
                    bytes = &bytes[count..];
                    moved = Instant::now();
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    // Who was refused need not be waited for; who was not may be read on.
                    let is_over = moved.elapsed() >= self.times.write;
                    match self.look()? {
                        Some(status) if status >= 400 || is_over => return Ok(Sent::Answered),
                        None if is_over => return Err(Failure::Upstream(too_slow())),
                        _ => continue,
                    }
                }
                Err(e) => e,
            };
            // It takes no more, but may have said why.
            return match self.receive_until_head() {
                Ok(()) => Ok(Sent::Answered),
                Err(Failure::Malformed) => Err(Failure::Malformed),
                Err(_) => Err(Failure::Upstream(error)),
            };
        }
        Ok(Sent::All)
    }

    /// The status of the final answer if its head has come by now. Does not wait.
    pub(super) fn look(&mut self) -> Result<Option<u16>, Failure> {
        if self.head.is_none() {
            let mut looked = self.set_nonblocking(true);
            while looked.is_ok() && self.head.is_none() {
                looked = self.receive();
            }
            self.set_nonblocking(false)?;
            match looked {
                // Nothing more now; or the end, which is told by whoever has to have the head.
                Ok(()) | Err(Failure::Upstream(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(self.head.as_ref().map(|head| head.status))
    }

    fn set_nonblocking(&self, nonblocking: bool) -> Result<(), Failure> {
        let set = self.stream.set_nonblocking(nonblocking);
        set.map_err(Failure::Upstream)
    }

    /// Waits for the final head.
    pub(super) fn head(&mut self) -> Result<ResponseHead, Failure> {
        self.receive_until_head()?;
        self.head.take().ok_or(Failure::Malformed)
    }

    fn receive_until_head(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + self.times.head;
        while self.head.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Upstream(too_slow()));
            }
            let timed = self.stream.set_read_timeout(Some(left));
            timed.map_err(Failure::Upstream)?;
            self.receive()?;
        }
        Ok(())
    }

    /// One read. An end is an error, as there is no head yet.
    fn receive(&mut self) -> Result<(), Failure> {
        let at = self.received.len();
        self.received.resize(at + PIECE, 0);
        let count = read_on(&mut self.stream, &mut self.received[at..]);
        let count = count.and_then(|count| if count == 0 { Err(ended()) } else { Ok(count) });
        self.received.truncate(at + *count.as_ref().unwrap_or(&0));
        count.map_err(Failure::Upstream)?;
        let fed = |upstream: &mut Upstream| upstream.parser.feed(&upstream.received);
        while let Some((length, head)) = fed(self).map_err(|_| Failure::Malformed)? {
            self.received.drain(..length);
            match head.status {
                // RFC 9110 §7.8: no other protocol was asked for.
                101 => return Err(Failure::Malformed),
                100..=199 if self.interim == MAX_INTERIM => return Err(Failure::Malformed),
                100..=199 => self.interim += 1,
                _ => {
                    self.head = Some(head);
                    break;
                }
            }
        }
        Ok(())
    }

    /// What comes behind the head: some of it may be here already.
    pub(super) fn into_body(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.received)
    }
}
