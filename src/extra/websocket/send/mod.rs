//! [`FrameSender`]: the sending half of a websocket, shared by all threads that send.
//!
//! Frames are sent whole and in order, each with one write call if the socket accepts the whole
//! frame, and each before a deadline. The lock `writing` keeps the bytes of two frames apart.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::error::SendError;
use super::frame::close_code::is_valid_close_code;
use super::frame::head::{write_head, Opcode, MAX_CONTROL_PAYLOAD_BYTES};
use crate::message::Duplex;
use crate::util::io::would_block;
use crate::util::lock::lock;

/// 10 s: the time that a send waits while the client reads nothing. A whole frame may take this
/// time, and a second more for each [`MIN_BYTES_PER_SECOND`] of the frame.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// 64 KiB: the rate that extends the deadline of a long frame. Without this, a long message on a
/// slow but working connection would always exceed the timeout.
const MIN_BYTES_PER_SECOND: usize = 64 * 1024;

/// 1 s: the write timeout for the close frame of a dropped websocket, because a drop must not block
/// for long.
const DROP_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// 1 ms: the shortest socket timeout that works on each system.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

pub(crate) struct FrameSender {
    socket: Box<dyn Duplex>,
    /// Guards the writing direction of the socket: without the lock, the bytes of two frames could
    /// mix. The value is the write timeout.
    writing: Mutex<Duration>,
    /// Set when nothing more can be sent. Stored while `writing` is locked, except by `close_now`
    /// and `finish`. Read without the lock, because a frame can block a writer for long.
    closed: AtomicBool,
    /// The time at which this side began to send its close frame. The lock is held only to read or
    /// store the value.
    closing: Mutex<Option<Instant>>,
}

impl FrameSender {
    pub(crate) fn new(socket: Box<dyn Duplex>) -> FrameSender {
        // An error means that the peer is gone; the first read or write reports the error too.
        let _ = socket.set_write_timeout(Some(WRITE_TIMEOUT));
        FrameSender {
            socket,
            writing: Mutex::new(WRITE_TIMEOUT),
            closed: AtomicBool::new(false),
            closing: Mutex::default(),
        }
    }

    pub(crate) fn set_write_timeout(&self, time: Duration) {
        let mut timeout = lock(&self.writing);
        *timeout = time.max(MIN_TIMEOUT);
        let _ = self.socket.set_write_timeout(Some(*timeout));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Returns the time at which this side began to send its close frame. The call does not wait
    /// for a frame that is being written, not even for the close frame.
    pub(crate) fn close_began(&self) -> Option<Instant> {
        if self.is_closed() {
            *lock(&self.closing)
        } else {
            None
        }
    }

    pub(crate) fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.send_locked(&lock(&self.writing), opcode, payload)
    }

    fn send_locked(
        &self,
        writing: &MutexGuard<'_, Duration>,
        opcode: Opcode,
        payload: &[u8],
    ) -> Result<(), SendError> {
        if self.is_closed() {
            return Err(SendError::Closed);
        }
        if opcode == Opcode::Close {
            *lock(&self.closing) = Some(Instant::now());
            self.closed.store(true, Ordering::Release);
        }
        let written = self.write(opcode, payload, **writing);
        if written.is_err() {
            // A part of the frame may have been sent. The client would read any later bytes as the
            // rest of that frame.
            self.closed.store(true, Ordering::Release);
            self.socket.cut();
        }
        Ok(written?)
    }

    /// Closes the connection after its receiver was dropped. Waits at most [`DROP_CLOSE_TIMEOUT`].
    pub(crate) fn close_now(&self, code: u16) {
        if self.is_closed() {
            return;
        }
        match self.try_lock_writing() {
            Some(mut writing) => {
                *writing = DROP_CLOSE_TIMEOUT.min(*writing);
                let _ = self.socket.set_write_timeout(Some(*writing));
                // An error means that the client is gone, so the connection is closed either way.
                let _ = self.send_locked(&writing, Opcode::Close, &code.to_be_bytes());
            }
            // Another thread is writing a frame, so a close frame cannot be sent in time.
            None => {
                self.closed.store(true, Ordering::Release);
                self.socket.cut();
            }
        }
    }

    /// Returns `None` while another thread writes.
    fn try_lock_writing(&self) -> Option<MutexGuard<'_, Duration>> {
        match self.writing.try_lock() {
            Ok(writing) => Some(writing),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Sends a close frame (RFC 6455 §5.5.1). A long reason is cut at a character boundary.
    pub(crate) fn close(&self, code: Option<u16>, reason: &str) -> Result<(), SendError> {
        let mut payload = Vec::new();
        if let Some(code) = code {
            if !is_valid_close_code(code) {
                let text = format!("invalid close code {code}");
                return Err(io::Error::new(ErrorKind::InvalidInput, text).into());
            }
            payload.extend_from_slice(&code.to_be_bytes());
            let mut fits = reason.len().min(MAX_CONTROL_PAYLOAD_BYTES - payload.len());
            while !reason.is_char_boundary(fits) {
                fits -= 1;
            }
            payload.extend_from_slice(&reason.as_bytes()[..fits]);
        }
        self.send(Opcode::Close, &payload)
    }

    fn write(&self, opcode: Opcode, payload: &[u8], timeout: Duration) -> io::Result<()> {
        let (head, size) = write_head(opcode, payload.len());
        let (mut head, mut payload) = (&head[..size], payload);
        let extra = Duration::from_secs((payload.len() / MIN_BYTES_PER_SECOND) as u64);
        let (began, total) = (Instant::now(), timeout.saturating_add(extra));
        let mut set = timeout;
        loop {
            match self
                .socket
                .write(&[IoSlice::new(head), IoSlice::new(payload)])
            {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    let of_head = count.min(head.len());
                    head = &head[of_head..];
                    payload = &payload[(count - of_head).min(payload.len())..];
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if would_block(&e) => return Err(ErrorKind::TimedOut.into()),
                Err(e) => return Err(e),
            }
            if head.is_empty() && payload.is_empty() {
                break;
            }
            // The call was interrupted, or wrote a part. The next call gets the remaining time.
            let left = total.checked_sub(began.elapsed());
            let left = left.ok_or(ErrorKind::TimedOut)?.clamp(MIN_TIMEOUT, timeout);
            if left != set {
                self.socket.set_write_timeout(Some(left))?;
                set = left;
            }
        }
        if set != timeout {
            self.socket.set_write_timeout(Some(timeout))?;
        }
        Ok(())
    }

    pub(crate) fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buf)
    }

    pub(crate) fn set_read_timeout(&self, time: Duration) {
        // An error means that the peer is gone; the read reports the error too.
        let _ = self.socket.set_read_timeout(Some(time.max(MIN_TIMEOUT)));
    }

    /// Reads without waiting. Returns `None` while another thread writes, because non-blocking mode
    /// affects both directions, and if the socket has no such mode.
    pub(crate) fn read_now(&self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        let _writing = self.try_lock_writing()?;
        self.socket.set_nonblocking(true).ok()?;
        let read = self.socket.read(buf);
        Some(self.socket.set_nonblocking(false).and(read))
    }

    /// Ends the writing direction, so that the client reads the end of the connection.
    pub(crate) fn finish(&self) {
        self.closed.store(true, Ordering::Release);
        self.socket.finish_writing();
    }
}

#[cfg(test)]
pub(crate) mod tests;
