//! Waiting on Linux: in the kernel, with a deadline, and being called away from there.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::socket::{canonical, Accepted, Socket};
use super::{would_block, Listener};
use crate::util::lock::lock;

/// A wait is armed anew when it is off by more than this.
const SLACK: Duration = Duration::from_millis(5);
/// How long, and how often, to try to wake a waiting caller by a connection from this very
/// process. It takes time only where the queue is full, and then nobody sleeps there.
const WAKE_PATIENCE: Duration = Duration::from_millis(10);
const WAKE_TRIES: u32 = 50;

impl Listener {
    pub(crate) fn wait_in_kernel(
        &self,
        socket: &Socket,
        options: &TcpStream,
        deadline: Option<Instant>,
        each: &mut impl FnMut(io::Result<Accepted>) -> bool,
    ) {
        if let Err(e) = socket.set_nonblocking(false) {
            each(Err(e));
            return;
        }
        let mut goes_on = true;
        let mut armed = None;
        while goes_on && !self.is_closing() {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            // The kernel counts the timeout anew with each call.
            if armed.map_or(true, |set| set > left.map(|left| left + SLACK)) {
                if let Err(e) = options.set_read_timeout(left) {
                    each(Err(e));
                    break;
                }
                armed = Some(left);
            }
            match socket.accept() {
                Ok(accepted) => {
                    if let Some(accepted) = self.unless_late(accepted) {
                        goes_on = each(Ok(accepted));
                    }
                }
                Err(e) if would_block(&e) || e.kind() == ErrorKind::Interrupted => {}
                Err(_) if self.is_closing() => break,
                Err(e) => goes_on = each(Err(e)),
            }
        }
        // It worked a moment ago the other way; should it fail, the next wait says so.
        let _ = socket.set_nonblocking(true);
    }

    /// Calls the one in the seat away, and leaves the queue as it is.
    pub(crate) fn wake(&self) {
        let socket = match self.socket() {
            // Where it naps, it sees for itself that it is closing.
            Some(socket) if socket.options.is_some() => socket,
            _ => return,
        };
        match self.address.tcp() {
            Some(addr) => {
                // The last one who has it closes it. That is to be whoever is called away, right
                // after his last accept: those whom the kernel connects in between are reset.
                drop(socket);
                if *lock(&self.seat) {
                    self.wake_by_connection(reachable(addr));
                }
            }
            // That keeps the queue of a Unix socket, and lets nobody else in.
            None => shut(&socket, Shutdown::Read),
        }
    }

    /// A connection wakes an accept and leaves the queue as it is, which `shutdown` would not.
    /// It is the way out when no connection can be made, for want of a descriptor say.
    fn wake_by_connection(&self, addr: SocketAddr) {
        let mut waker = lock(&self.waker);
        for _ in 0..WAKE_TRIES {
            match TcpStream::connect_timeout(&addr, WAKE_PATIENCE) {
                Ok(stream) => {
                    *waker = stream.local_addr().ok().map(canonical);
                    return;
                }
                Err(e) if would_block(&e) && *lock(&self.seat) => {}
                Err(e) if would_block(&e) => return,
                Err(_) => break,
            }
        }
        if let Some(socket) = self.socket() {
            shut(&socket, Shutdown::Both);
        }
    }
}

fn shut(socket: &Socket, how: Shutdown) {
    if let Some(options) = &socket.options {
        let _ = options.shutdown(how);
    }
}

/// An address of this host under which a connection reaches the socket.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    addr
}
