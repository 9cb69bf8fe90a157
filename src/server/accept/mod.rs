//! Accepting with a deadline, and being woken from it. It knows the listening socket, and nothing
//! of what becomes of a connection.
//!
//! The socket is nonblocking while nobody waits on it. On Linux a wait makes it blocking, with a
//! receive timeout, so that the kernel does the waiting and nothing wakes up meanwhile
//! ([`kernel`]). Elsewhere, and where the socket is not ours alone, a wait is a row of [`naps`].
//! Either way one caller at a time has the *seat* in front of the socket.

pub(crate) mod address;
pub(crate) mod listen;
pub(crate) mod local_filter;
pub(crate) mod socket;
#[cfg(unix)]
mod socket_file;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod wait_linux;
mod wait_polling;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use self::address::Address;
use self::local_filter::Admission;
use self::socket::{Accepted, Socket};
use crate::util::io::would_block;
use crate::util::lock::lock;

pub(crate) struct Listener {
    /// `None` once it is closed for good.
    socket: Mutex<Option<Arc<Socket>>>,
    address: Address,
    is_shared: bool,
    /// Held while a connection is entered: whoever changes it, and then looks at those who are in,
    /// finds all whom the old one let in.
    admission: Mutex<Admission>,
    door: u32,
    /// Somebody waits on the socket, which is then in blocking mode.
    seat: Mutex<bool>,
    left_seat: Condvar,
    closing: AtomicBool,
    /// Connections accepted while closing: one of them may be the one that woke us.
    late: Mutex<Vec<Accepted>>,
    /// Where that one comes from. Held while it is made.
    waker: Mutex<Option<SocketAddr>>,
}

/// The longest sleep of someone who is to notice that the listener is closed.
const LONGEST_NAP: Duration = Duration::from_millis(5);

/// A listener that is to be closed is not waited for until accepting works again.
const FAILURES_AT_THE_END: usize = 16;

/// How many there were in this process.
static DOORS: AtomicU32 = AtomicU32::new(0);

impl Listener {
    pub(super) fn new(socket: Socket) -> Listener {
        Listener::with_door(socket, DOORS.fetch_add(1, Ordering::Relaxed))
    }

    /// In place of one that is closed: whoever comes in came in by the same door.
    pub(super) fn again(socket: Socket, closed: &Listener) -> Listener {
        let listener = Listener::with_door(socket, closed.door);
        listener.admit(closed.admission().clone());
        listener
    }

    fn with_door(socket: Socket, door: u32) -> Listener {
        Listener {
            address: socket.address.clone(),
            is_shared: socket.is_shared,
            admission: Mutex::new(socket.admission.clone()),
            socket: Mutex::new(Some(Arc::new(socket))),
            door,
            seat: Mutex::new(false),
            left_seat: Condvar::new(),
            closing: AtomicBool::new(false),
            late: Mutex::default(),
            waker: Mutex::default(),
        }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether other processes have the socket too.
    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Who is to be served of those that come in here.
    pub(super) fn admission(&self) -> MutexGuard<'_, Admission> {
        lock(&self.admission)
    }

    pub(super) fn admit(&self, admission: Admission) {
        *lock(&self.admission) = admission;
    }

    /// Its number, by which a drain knows who came in here.
    pub(super) fn door(&self) -> u32 {
        self.door
    }

    /// The number that the next one will have, which no door has that is there.
    pub(super) fn doors() -> u32 {
        DOORS.load(Ordering::Relaxed)
    }

    /// Whether [`close`](Listener::close) was called: waiting is over for good.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Accepts what is waiting, `most` at a time, without waiting, for whoever has the seat.
    ///
    /// # Errors
    ///
    /// If accepting fails for another reason than that nobody is there.
    pub(super) fn take_waiting(
        &self,
        most: usize,
        mut each: impl FnMut(TcpStream, SocketAddr),
    ) -> io::Result<()> {
        let socket = match self.socket() {
            Some(socket) => socket,
            None => return Ok(()),
        };
        for _ in 0..most {
            if self.is_closing() {
                break;
            }
            match socket.accept() {
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
    pub(super) fn rest(&self, pause: Duration) {
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
    pub(super) fn finish(&self, mut each: impl FnMut(io::Result<Accepted>)) {
        let mut failures = Vec::new();
        if let Some(socket) = lock(&self.socket).take() {
            let mut late = lock(&self.late);
            while failures.len() < FAILURES_AT_THE_END {
                match socket.accept() {
                    Ok(accepted) => late.push(accepted),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) if would_block(&e) => break,
                    // Shut by us, to be woken.
                    Err(e) if e.kind() == ErrorKind::InvalidInput => break,
                    // That one is gone; there may be others behind it.
                    Err(e) => failures.push(e),
                }
            }
        }
        let waker = *lock(&self.waker);
        let late = std::mem::take(&mut *lock(&self.late));
        for (stream, peer) in late {
            if Some(peer) != waker {
                each(Ok((stream, peer)));
            }
        }
        failures.into_iter().for_each(|e| each(Err(e)));
    }

    fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }

    /// An accepted connection, or nothing if it is to be looked at later.
    fn unless_late(&self, (stream, peer): Accepted) -> Option<Accepted> {
        // The one that wakes us is made after the flag was set.
        if self.is_closing() {
            lock(&self.late).push((stream, peer));
            return None;
        }
        Some((stream, peer))
    }

    /// Takes the seat. False if it was not to be had in time.
    pub(super) fn sit(&self, deadline: Option<Instant>) -> bool {
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

    pub(super) fn stand_up(&self) {
        *lock(&self.seat) = false;
        self.left_seat.notify_one();
    }

    /// Ends the waiting of whoever has the seat. What the kernel has queued stays there, to be
    /// had with [`finish`](Listener::finish).
    pub(super) fn close(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.left_seat.notify_all();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        self.wake();
        // Elsewhere its naps are short: it sees for itself that it is closing.
    }

    /// Waits for connections until `deadline`, until the listener is closed, or until `each` says
    /// false: it gets the connections, and the errors, and may take its time over those. For
    /// whoever has the seat.
    pub(super) fn wait(
        &self,
        deadline: Option<Instant>,
        mut each: impl FnMut(io::Result<Accepted>) -> bool,
    ) {
        if let Some(socket) = self.socket() {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if let Some(options) = &socket.options {
                return self.wait_in_kernel(&socket, options, deadline, &mut each);
            }
            self.wait_by_naps(&socket, deadline, &mut each);
        }
    }
}

#[cfg(test)]
mod tests;
