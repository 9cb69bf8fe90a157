//! Waiting for a connection on Linux: in the kernel, with a deadline, and the wake-up from there.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::socket::{Accepted, Socket};
use crate::util::io::would_block;
use crate::util::net::canonical_peer;

/// 5 ms: the time by which the timeout of the socket may exceed the time left. Beyond that, the
/// timeout is set again. Most accepts then need no second system call, and a wait ends at most this
/// late.
const REARM_TOLERANCE: Duration = Duration::from_millis(5);
/// An hour: the longest timeout of one accept. All more distant deadlines have this timeout, which
/// is then set only once.
const MAX_ACCEPT_TIMEOUT: Duration = Duration::from_secs(3600);
/// 10 ms and 50 attempts: the time for a connection from this process that wakes an accept. An
/// attempt takes that long only if the queue is full, and then no accept blocks for long.
const WAKE_CONNECT_TIMEOUT: Duration = Duration::from_millis(10);
const MAX_WAKE_ATTEMPTS: u32 = 50;

/// A socket in blocking mode. The drop makes the socket nonblocking again, the mode between two
/// waits.
pub(crate) struct KernelWait<'s> {
    socket: &'s Socket,
    options: &'s TcpStream,
    /// The timeout that is set; `None` before the first accept.
    armed: Option<Duration>,
}

impl<'s> KernelWait<'s> {
    pub(crate) fn new(socket: &'s Socket, options: &'s TcpStream) -> KernelWait<'s> {
        KernelWait {
            socket,
            options,
            armed: None,
        }
    }

    /// Accepts a connection, and blocks in the kernel for at most `left`.
    pub(crate) fn accept(&mut self, left: Duration) -> io::Result<Accepted> {
        let left = left.min(MAX_ACCEPT_TIMEOUT);
        if self.armed.is_none() {
            self.options.set_nonblocking(false)?;
        }
        // The kernel counts the timeout anew with each accept.
        if self.armed.map_or(true, |set| set > left + REARM_TOLERANCE) {
            self.options.set_read_timeout(Some(left))?;
            self.armed = Some(left);
        }
        self.socket.accept()
    }
}

impl Drop for KernelWait<'_> {
    fn drop(&mut self) {
        // The opposite call succeeded before; if this one fails, the next wait reports the error.
        let _ = self.options.set_nonblocking(true);
    }
}

/// Wakes an accept that blocks at `addr` by a connection, without a change to the queue. Returns
/// the address from which the connection was made; `None` if no accept is blocked any more.
///
/// # Errors
///
/// Returns an error if no connection can be made, for example because descriptors have run out.
pub(crate) fn wake_by_connection(
    addr: SocketAddr,
    is_blocked: impl Fn() -> bool,
) -> io::Result<Option<SocketAddr>> {
    for _ in 0..MAX_WAKE_ATTEMPTS {
        match TcpStream::connect_timeout(&reachable(addr), WAKE_CONNECT_TIMEOUT) {
            Ok(stream) => return Ok(stream.local_addr().ok().map(canonical_peer)),
            Err(e) if would_block(&e) && is_blocked() => {}
            Err(e) if would_block(&e) => return Ok(None),
            Err(e) => return Err(e),
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

/// Returns an address of this host under which a connection reaches the socket.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    addr
}
