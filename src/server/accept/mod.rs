//! Listening sockets: from an address to an accepted stream. The folder does not depend on the use
//! of a connection.
//!
//! * this file: [`Listener`], which accepts with a deadline and can be woken
//! * `address`: [`Address`], an address to listen on, as a value
//! * `listen`: [`Listen`](listen::Listen), an address or a given socket, and the way to open either
//! * `local_filter`: the local addresses at which a socket's connections are served
//! * `socket`: a listening socket, TCP or Unix
//! * `socket_file`: the file of a Unix socket
//! * `wait_linux`: waiting in the kernel
//! * `wait_polling`: waiting by nonblocking accepts and sleeps
//!
//! The socket is nonblocking while no caller waits on it. On Linux, a wait makes the socket
//! blocking with a receive timeout, so that the kernel does the waiting and no thread wakes up in
//! between. On other systems, and if other processes have the socket too, a wait is a series of
//! sleeps. In both cases, one caller at a time holds the *accept lock*.

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
use std::mem;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::net::Shutdown;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use self::address::Address;
use self::local_filter::LocalFilter;
use self::socket::{Accepted, Socket};
#[cfg(any(target_os = "linux", target_os = "android"))]
use self::wait_linux::{wake_by_connection, KernelWait};
use self::wait_polling::{PollingWait, MAX_POLL_SLEEP};
use crate::util::io::would_block;
use crate::util::lock::lock;

/// The number of a listener. By this number, a drain finds the connections of the listener.
pub(crate) type ListenerId = u32;

/// 16 failed accepts end the attempt to empty the queue of a closing listener. Without a bound, a
/// lack of descriptors would delay the close until accepting works again.
const MAX_ACCEPT_ERRORS_ON_CLOSE: usize = 16;

/// The number of listeners that this process has created.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// A listening socket with a deadline for accepting, and a way to end the waiting at once.
pub(crate) struct Listener {
    /// `None` once the socket is closed for good.
    socket: Mutex<Option<Arc<Socket>>>,
    address: Address,
    is_shared: bool,
    /// Locked while a connection is entered into the registry. A caller that changes the filter and
    /// then reads the registry thus finds every connection that the old filter admitted.
    filter: Mutex<LocalFilter>,
    id: ListenerId,
    /// Whether a caller accepts. The socket may then be in blocking mode.
    accept_lock: Mutex<bool>,
    accept_unlocked: Condvar,
    closing: AtomicBool,
    /// Connections that were accepted during the close. One of them may be the connection that woke
    /// the waiting caller.
    late: Mutex<Vec<Accepted>>,
    /// The local address of the connection that wakes the waiting caller. Locked while the
    /// connection is made, so that [`finish`](Listener::finish) knows the address.
    waker: Mutex<Option<SocketAddr>>,
}

impl Listener {
    pub(crate) fn new(socket: Socket, filter: LocalFilter) -> Listener {
        Listener {
            address: socket.address.clone(),
            is_shared: socket.is_shared,
            filter: Mutex::new(filter),
            socket: Mutex::new(Some(Arc::new(socket))),
            id: LISTENERS.fetch_add(1, Ordering::Relaxed),
            accept_lock: Mutex::new(false),
            accept_unlocked: Condvar::new(),
            closing: AtomicBool::new(false),
            late: Mutex::default(),
            waker: Mutex::default(),
        }
    }

    /// Gives this listener the number and the filter of a closed one, as a replacement.
    pub(crate) fn replacing(mut self, closed: &Listener) -> Listener {
        self.id = closed.id;
        self.set_filter(closed.filter().clone());
        self
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Returns whether other processes have the socket too.
    pub(crate) fn is_shared(&self) -> bool {
        self.is_shared
    }

    pub(crate) fn filter(&self) -> MutexGuard<'_, LocalFilter> {
        lock(&self.filter)
    }

    pub(crate) fn set_filter(&self, filter: LocalFilter) {
        *lock(&self.filter) = filter;
    }

    pub(crate) fn id(&self) -> ListenerId {
        self.id
    }

    /// Returns the number of the next listener: all that exist have lower ones.
    pub(crate) fn next_id() -> ListenerId {
        LISTENERS.load(Ordering::Relaxed)
    }

    /// Returns whether [`close`](Listener::close) was called, after which no wait begins.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// Waits for the accept lock, until the deadline or the close. Returns whether the caller holds
    /// the lock.
    pub(crate) fn lock_accept(&self, deadline: Instant) -> bool {
        // The holder unlocks by its own deadline, or when the listener is closed.
        let left = deadline.saturating_duration_since(Instant::now());
        let waited =
            self.accept_unlocked
                .wait_timeout_while(lock(&self.accept_lock), left, |locked| {
                    *locked && !self.is_closing()
                });
        let (mut locked, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !mem::replace(&mut *locked, true)
    }

    pub(crate) fn unlock_accept(&self) {
        *lock(&self.accept_lock) = false;
        self.accept_unlocked.notify_one();
    }

    /// Accepts the connections that are queued, at most `max`, without waiting. The caller holds
    /// the accept lock.
    ///
    /// # Errors
    ///
    /// Returns an error if an accept fails although a connection is queued.
    pub(crate) fn accept_queued(
        &self,
        max: usize,
        mut each: impl FnMut(Accepted),
    ) -> io::Result<()> {
        let socket = match self.socket() {
            Some(socket) => socket,
            None => return Ok(()),
        };
        for _ in 0..max {
            if self.is_closing() {
                break;
            }
            match socket.accept() {
                Ok(accepted) => {
                    self.unless_late(accepted).map(&mut each);
                }
                Err(e) if would_block(&e) => break,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits for connections until `deadline`, until the listener is closed, or until `each`
    /// returns false. Connections and errors are passed to `each`, which may take long. The
    /// caller holds the accept lock.
    pub(crate) fn wait(&self, deadline: Instant, each: impl FnMut(io::Result<Accepted>) -> bool) {
        if let Some(socket) = self.socket() {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            if let Some(options) = &socket.options {
                let mut wait = KernelWait::new(&socket, options);
                return self.wait_by(|left| wait.accept(left), deadline, each);
            }
            let mut wait = PollingWait::new(&socket);
            self.wait_by(|left| wait.accept(left), deadline, each);
        }
    }

    fn wait_by(
        &self,
        mut accept: impl FnMut(Duration) -> io::Result<Accepted>,
        deadline: Instant,
        mut each: impl FnMut(io::Result<Accepted>) -> bool,
    ) {
        let mut goes_on = true;
        while goes_on && !self.is_closing() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                break;
            }
            match accept(left) {
                Ok(accepted) => {
                    if let Some(accepted) = self.unless_late(accepted) {
                        goes_on = each(Ok(accepted));
                    }
                }
                Err(e) if would_block(&e) || e.kind() == ErrorKind::Interrupted => {}
                // The error of a socket that the wake-up has shut down.
                Err(_) if self.is_closing() => {}
                Err(e) => goes_on = each(Err(e)),
            }
        }
    }

    /// Does not accept for the given time, or until the listener is closed.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.is_closing() {
            match until.checked_duration_since(Instant::now()) {
                Some(left) => thread::sleep(left.min(MAX_POLL_SLEEP)),
                None => break,
            }
        }
    }

    /// Ends the waiting of the caller that holds the accept lock. The queue of the kernel stays, to
    /// be emptied by [`finish`](Listener::finish).
    pub(crate) fn close(&self) {
        if self.closing.swap(true, Ordering::AcqRel) {
            return;
        }
        self.accept_unlocked.notify_all();
        #[cfg(any(target_os = "linux", target_os = "android"))]
        self.wake();
        // A caller that polls wakes up within `MAX_POLL_SLEEP`.
    }

    /// Wakes the caller that is blocked in the kernel, without a change to the queue.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn wake(&self) {
        let shut = |how| {
            if let Some(options) = self.socket().as_ref().and_then(|s| s.options.as_ref()) {
                let _ = options.shutdown(how);
            }
        };
        let addr = match self.address.tcp() {
            Some(addr) if !self.is_shared => addr,
            // This shutdown keeps the queue of a Unix socket, and rejects new connections.
            None => return shut(Shutdown::Read),
            Some(_) => return,
        };
        // The drop of the last `Arc` closes the socket. The woken caller must do this right after
        // its last accept, because connections that the kernel accepts in between are reset.
        // Therefore no `Arc` of the socket is held here.
        let is_blocked = || *lock(&self.accept_lock);
        if is_blocked() {
            let mut waker = lock(&self.waker);
            match wake_by_connection(addr, is_blocked) {
                Ok(from) => *waker = from,
                // Wakes the caller without a connection. This shutdown discards the queue.
                Err(_) => shut(Shutdown::Both),
            }
        }
    }

    /// Accepts the queued connections after [`close`](Listener::close), and closes the socket right
    /// after the last one. A connection that the kernel takes in between is reset.
    pub(crate) fn finish(&self, mut each: impl FnMut(io::Result<Accepted>)) {
        let mut failures = Vec::new();
        if let Some(socket) = lock(&self.socket).take() {
            let mut late = lock(&self.late);
            while failures.len() < MAX_ACCEPT_ERRORS_ON_CLOSE {
                match socket.accept() {
                    Ok(accepted) => late.push(accepted),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(e) if would_block(&e) => break,
                    // The wake-up has shut the socket down.
                    Err(e) if e.kind() == ErrorKind::InvalidInput => break,
                    // One connection failed; others may be queued behind it.
                    Err(e) => failures.push(e),
                }
            }
        }
        let waker = *lock(&self.waker);
        let late = mem::take(&mut *lock(&self.late));
        let late = late.into_iter().filter(|(_, peer)| Some(*peer) != waker);
        late.for_each(|accepted| each(Ok(accepted)));
        failures.into_iter().for_each(|e| each(Err(e)));
    }

    fn socket(&self) -> Option<Arc<Socket>> {
        lock(&self.socket).clone()
    }

    /// Returns an accepted connection, unless the listener is closing. Then the connection is kept
    /// for [`finish`](Listener::finish): the connection of the wake-up is made after the flag is
    /// set.
    fn unless_late(&self, accepted: Accepted) -> Option<Accepted> {
        if self.is_closing() {
            lock(&self.late).push(accepted);
            return None;
        }
        Some(accepted)
    }
}

#[cfg(test)]
mod tests;
