//! The connection to the other server, up to the head of its response.
//!
//! Each wait has a timeout. While the request is being sent, the connection also reads, so that an
//! early response is found. The module does not know the content of requests and responses.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::failure::{ended_early, read_once, timed_out, Failure};
use crate::extra::gateway::response_head::{HeadSyntax, ResponseHead, ResponseParser};

/// 16 interim responses: the most before the final one. Each has the limits of every head. One more
/// is a malformed response.
pub(crate) const MAX_INTERIM_RESPONSES: u32 = 16;
/// 16 KiB: the bytes of one read. A head rarely needs more; the rest belongs to the body.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// 1 s: the longest wait of one write. After this time, the connection checks for an early
/// response.
const WRITE_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The timeouts of the waits for the other server. A write and a read have the timeout that rouille
/// uses, and nginx by default: 60 s.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    pub(crate) connect: Duration,
    /// Until the other server reads more.
    pub(crate) write: Duration,
    /// For the complete head.
    pub(crate) head: Duration,
    /// Until the other server sends more.
    pub(crate) read: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(10),
            write: Duration::from_secs(60),
            head: Duration::from_secs(60),
            read: Duration::from_secs(60),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Upstream {
    stream: TcpStream,
    timeouts: Timeouts,
    parser: ResponseParser,
    /// Received bytes that belong to no completed head.
    received: Vec<u8>,
    interim_responses: u32,
    /// The final head. Once it is complete, this module reads no more.
    head: Option<ResponseHead>,
}

/// The result of sending bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendOutcome {
    Complete,
    /// The response has begun, and the rest of the request is not needed.
    ResponseReceived,
}

impl Upstream {
    pub(crate) fn connect(addr: impl ToSocketAddrs, timeouts: Timeouts) -> io::Result<Upstream> {
        let addresses: Vec<SocketAddr> = addr.to_socket_addrs()?.collect();
        let end = Instant::now() + timeouts.connect;
        let mut failure = io::Error::new(ErrorKind::InvalidInput, "no address for upstream name");
        for (at, address) in addresses.iter().enumerate() {
            let left = end.saturating_duration_since(Instant::now());
            // Each address gets a share of the time. Without this, an address that does not respond
            // could use up the time of the others.
            let share = left / u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
            if share.is_zero() {
                return Err(timed_out());
            }
            match TcpStream::connect_timeout(address, share) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_write_timeout(Some(WRITE_POLL_INTERVAL.min(timeouts.write)))?;
                    return Ok(Upstream {
                        stream,
                        timeouts,
                        parser: ResponseParser::new(HeadSyntax::Http),
                        received: Vec::new(),
                        interim_responses: 0,
                        head: None,
                    });
                }
                Err(e) => failure = e,
            }
        }
        Err(failure)
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    /// Sends all bytes, unless the other server responds instead of reading them.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> Result<SendOutcome, Failure> {
        let mut last_progress = Instant::now();
        while !bytes.is_empty() {
            let error = match self.stream.write(bytes) {
                Ok(0) => ErrorKind::WriteZero.into(),
                Ok(count) => {
                    bytes = &bytes[count..];
                    last_progress = Instant::now();
                    continue;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    // After an error response, the request need not be sent on. After any other
                    // response, the other server may still read.
                    let is_over = last_progress.elapsed() >= self.timeouts.write;
                    match self.poll_head()? {
                        Some(status) if status >= 400 || is_over => {
                            return Ok(SendOutcome::ResponseReceived)
                        }
                        None if is_over => return Err(Failure::Upstream(timed_out())),
                        _ => continue,
                    }
                }
                Err(e) => e,
            };
            // The other server reads no more, but it may have sent a response with the reason.
            return match self.receive_until_head() {
                Ok(()) => Ok(SendOutcome::ResponseReceived),
                Err(Failure::MalformedResponse) => Err(Failure::MalformedResponse),
                Err(_) => Err(Failure::Upstream(error)),
            };
        }
        Ok(SendOutcome::Complete)
    }

    /// Returns the status of the final response if its head has arrived. Does not wait.
    pub(crate) fn poll_head(&mut self) -> Result<Option<u16>, Failure> {
        if self.head.is_none() {
            let mut received = self.set_nonblocking(true);
            while received.is_ok() && self.head.is_none() {
                received = self.receive();
            }
            self.set_nonblocking(false)?;
            match received {
                // There is nothing to read, or the connection has ended. The later wait for the
                // head reports that end.
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

    /// Waits for the final head, and returns it.
    pub(crate) fn head(&mut self) -> Result<ResponseHead, Failure> {
        self.receive_until_head()?;
        self.head.take().ok_or(Failure::MalformedResponse)
    }

    fn receive_until_head(&mut self) -> Result<(), Failure> {
        let end = Instant::now() + self.timeouts.head;
        while self.head.is_none() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::Upstream(timed_out()));
            }
            let timed = self.stream.set_read_timeout(Some(left));
            timed.map_err(Failure::Upstream)?;
            self.receive()?;
        }
        Ok(())
    }

    /// Reads once. The end of the connection is an error, because the head is incomplete.
    fn receive(&mut self) -> Result<(), Failure> {
        let at = self.received.len();
        self.received.resize(at + READ_BUFFER_BYTES, 0);
        let count = read_once(&mut self.stream, &mut self.received[at..]);
        let count = count.and_then(|count| {
            if count == 0 {
                Err(ended_early())
            } else {
                Ok(count)
            }
        });
        self.received.truncate(at + *count.as_ref().unwrap_or(&0));
        count.map_err(Failure::Upstream)?;
        let fed = |upstream: &mut Upstream| upstream.parser.feed(&upstream.received);
        while let Some((length, head)) = fed(self).map_err(|_| Failure::MalformedResponse)? {
            self.received.drain(..length);
            match head.status {
                // RFC 9110 §7.8: the request has no Upgrade.
                101 => return Err(Failure::MalformedResponse),
                100..=199 if self.interim_responses == MAX_INTERIM_RESPONSES => {
                    return Err(Failure::MalformedResponse)
                }
                100..=199 => self.interim_responses += 1,
                _ => {
                    self.head = Some(head);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Returns the connection, and the received bytes after the head.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.received)
    }
}
