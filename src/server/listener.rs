//! Accepting with a deadline, and being woken from it. It knows the listening socket, and nothing
//! of what becomes of a connection.
//!
//! The socket is nonblocking while nobody waits on it. On Linux a wait makes it blocking, with a
//! receive timeout, so that the kernel does the waiting and nothing wakes up meanwhile; elsewhere
//! a wait is a row of naps. Either way one caller at a time has the *seat* in front of the socket.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::would_block;
use crate::lock::lock;

pub(crate) struct Listener {
    /// `None` once it is closed for good.
    sockets: Mutex<Option<Arc<Sockets>>>,
    address: SocketAddr,
    /// Somebody waits on the socket, which is then in blocking mode.
    seat: Mutex<bool>,
    left_seat: Condvar,
    closing: AtomicBool,
    /// Connections accepted while closing: one of them may be the one that woke us.
    late: Mutex<Vec<Accepted>>,
    /// Where that one comes from. Held while it is made.
    waker: Mutex<Option<SocketAddr>>,
}

struct Sockets {
    socket: TcpListener,
    /// The same socket, for the options that std offers on streams only.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    options: TcpStream,
}

/// A write on a socket that blocks gives up after this, so that a client that does not read cannot
/// hold a worker; the rest is sent from the ring.
const WRITE_PATIENCE: Duration = Duration::from_millis(1);

/// The longest sleep of someone who is to notice that the listener is closed.
const LONGEST_NAP: Duration = Duration::from_millis(5);

/// What an accept brought.
pub(crate) type Accepted = (TcpStream, SocketAddr);

impl Listener {
    /// # Errors
    ///
    /// If the socket's address or mode cannot be had.
    pub fn new(socket: TcpListener) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let sockets = Sockets {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            options: linux::options(&socket)?,
            socket,
        };
        Ok(Listener {
            sockets: Mutex::new(Some(Arc::new(sockets))),
            address,
            seat: Mutex::new(false),
            left_seat: Condvar::new(),
            closing: AtomicBool::new(false),
            late: Mutex::default(),
            waker: Mutex::default(),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether [`close`](Listener::close) was called: waiting is over for good.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Accepts what is waiting, `most` at a time, without waiting, for whoever has the seat.
    ///
    /// # Errors
    ///
    /// If accepting fails for another reason than that nobody is there.
    pub fn take_waiting(
        &self,
        most: usize,
        mut each: impl FnMut(TcpStream, SocketAddr),
    ) -> io::Result<()> {
        let sockets = match self.sockets() {
            Some(sockets) => sockets,
            None => return Ok(()),
        };
        for _ in 0..most {
            if self.is_closing() {
                break;
            }
            match sockets.socket.accept() {
                Ok(accepted) => {
                    if let Some((stream, peer)) = self.unless_late(accepted) {
                        each(stream, peer);
                    }
                }
                Err(e) if would_block(&e) => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Leaves the socket alone for a while; less if it is to be closed.
    pub fn rest(&self, pause: Duration) {
        let until = Instant::now() + pause;
        while !self.is_closing() {
            match until.checked_duration_since(Instant::now()) {
                Some(left) => thread::sleep(left.min(LONGEST_NAP)),
                None => break,
            }
        }
    }

    /// Accepts what is waiting, after [`close`](Listener::close), and closes the socket with
    /// nothing in between: whoever the kernel connects in that moment is reset.
    pub fn finish(&self, mut each: impl FnMut(TcpStream, SocketAddr)) {
        if let Some(sockets) = lock(&self.sockets).take() {
            let mut late = lock(&self.late);
            loop {
                match sockets.socket.accept() {
                    Ok(accepted) => late.push(accepted),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
        }
        let waker = *lock(&self.waker);
        let late = std::mem::take(&mut *lock(&self.late));
        for (stream, peer) in late {
            if Some(peer) != waker {
                each(with_options(stream), peer);
            }
        }
    }

    fn sockets(&self) -> Option<Arc<Sockets>> {
        lock(&self.sockets).clone()
    }

    /// An accepted connection, or nothing if it is to be looked at later.
    fn unless_late(&self, (stream, peer): Accepted) -> Option<Accepted> {
        // The one that wakes us is made after the flag was set.
        if self.is_closing() {
            lock(&self.late).push((stream, peer));
            return None;
        }
        Some((with_options(stream), peer))
    }

    /// Takes the seat. False if it was not to be had in time.
    pub fn sit(&self, deadline: Option<Instant>) -> bool {
        let mut taken = lock(&self.seat);
        while *taken {
            if self.is_closing() {
                return false;
            }
            // Whoever has the seat leaves it by its own deadline, or when the listener is closed.
            let left = match deadline {
                None => Duration::from_secs(3600),
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            };
            if left == Duration::ZERO {
                return false;
            }
            taken = self
                .left_seat
                .wait_timeout(taken, left)
                .unwrap_or_else(|e| e.into_inner())
                .0;
        }
        *taken = true;
        true
    }

    pub fn stand_up(&self) {
        *lock(&self.seat) = false;
        self.left_seat.notify_one();
    }

    /// Ends the waiting of whoever has the seat. What the kernel has queued stays there, to be
    /// had with [`finish`](Listener::finish).
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.left_seat.notify_all();
        if *lock(&self.seat) {
            self.wake();
        }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown};
    use std::os::unix::io::OwnedFd;

    /// A wait is armed anew when it is off by more than this.
    const SLACK: Duration = Duration::from_millis(5);
    /// How long, and how often, to try to wake a waiting caller by a connection from this very
    /// process. It takes time only where the queue is full, and then nobody sleeps there.
    const WAKE_PATIENCE: Duration = Duration::from_millis(10);
    const WAKE_TRIES: u32 = 50;

    /// The listening socket as a stream: std sets timeouts and options on streams only. Accepted
    /// sockets inherit them from it.
    pub(super) fn options(socket: &TcpListener) -> io::Result<TcpStream> {
        let options = TcpStream::from(OwnedFd::from(socket.try_clone()?));
        options.set_nodelay(true)?;
        options.set_write_timeout(Some(WRITE_PATIENCE))?;
        Ok(options)
    }

    impl Listener {
        /// Waits for connections until `deadline`, until the listener is closed, or until `each`
        /// says false: it gets the connections, and the errors, and may take its time over those.
        pub fn wait(
            &self,
            deadline: Option<Instant>,
            mut each: impl FnMut(io::Result<Accepted>) -> bool,
        ) {
            let sockets = match self.sockets() {
                Some(sockets) => sockets,
                None => return,
            };
            if let Err(e) = sockets.socket.set_nonblocking(false) {
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
                    if let Err(e) = sockets.options.set_read_timeout(left) {
                        each(Err(e));
                        break;
                    }
                    armed = Some(left);
                }
                match sockets.socket.accept() {
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
            let _ = sockets.socket.set_nonblocking(true);
        }

        /// A connection wakes an accept and leaves the queue as it is, which `shutdown` would not.
        /// It is the way out when no connection can be made, for want of a descriptor say.
        pub(super) fn wake(&self) {
            let mut waker = lock(&self.waker);
            for _ in 0..WAKE_TRIES {
                match TcpStream::connect_timeout(&self.reachable(), WAKE_PATIENCE) {
                    Ok(stream) => {
                        *waker = stream.local_addr().ok();
                        return;
                    }
                    Err(e) if would_block(&e) && *lock(&self.seat) => {}
                    Err(e) if would_block(&e) => return,
                    Err(_) => break,
                }
            }
            let sockets = self.sockets();
            let _ = sockets.map(|sockets| sockets.options.shutdown(Shutdown::Both));
        }

        /// An address of this host under which a connection reaches the socket.
        fn reachable(&self) -> SocketAddr {
            let mut address = self.address;
            match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
                _ => {}
            }
            address
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Listener {
    /// As on Linux, by naps.
    pub fn wait(
        &self,
        deadline: Option<Instant>,
        mut each: impl FnMut(io::Result<Accepted>) -> bool,
    ) {
        const SHORTEST_NAP: Duration = Duration::from_micros(250);
        let mut nap = SHORTEST_NAP;
        let mut goes_on = true;
        let sockets = match self.sockets() {
            Some(sockets) => sockets,
            None => return,
        };
        while goes_on && !self.is_closing() {
            let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                break;
            }
            match sockets.socket.accept() {
                Ok(accepted) => {
                    nap = SHORTEST_NAP;
                    if let Some(accepted) = self.unless_late(accepted) {
                        goes_on = each(Ok(accepted));
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if would_block(&e) => {
                    thread::sleep(left.map_or(nap, |left| left.min(nap)));
                    nap = (nap * 2).min(LONGEST_NAP);
                }
                Err(e) => goes_on = each(Err(e)),
            }
        }
    }

    /// Its naps are short: it sees for itself that it is closing.
    fn wake(&self) {}
}

/// Elsewhere an accepted socket may inherit the listener's mode, and does not inherit its options.
/// One that is broken already shows it when it is read.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn with_options(stream: TcpStream) -> TcpStream {
    let _ = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_nodelay(true))
        .and_then(|()| stream.set_write_timeout(Some(WRITE_PATIENCE)));
    stream
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn with_options(stream: TcpStream) -> TcpStream {
    stream
}

#[cfg(test)]
mod tests;
