//! The sending half: frames go out whole, in order, one write call for each, before a deadline. All
//! who send over one connection share it.

use std::io::{self, ErrorKind, IoSlice};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use super::frame::{may_close, write_head, Opcode, MOST_CONTROL};
use super::SendError;
use crate::message::Duplex;
use crate::util::lock::lock;

/// How long a client may take nothing of a frame. The whole may take so long, and a second more for
/// each [`BYTES_A_SECOND`].
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const BYTES_A_SECOND: usize = 64 * 1024;
/// The same for the close frame of a websocket that is dropped.
const LAST_WORD: Duration = Duration::from_secs(1);
/// The shortest time that every system can wait for.
const MOMENT: Duration = Duration::from_millis(1);

pub(crate) struct Line {
    socket: Box<dyn Duplex>,
    /// Guards that the bytes of one frame are not among those of another. How long a client may
    /// take nothing of one.
    writing: Mutex<Duration>,
    /// Nothing more can be sent. Written under `writing`; asked for without it, as a frame may be
    /// on its way for long.
    closed: AtomicBool,
    /// When our close frame set out. Held for no longer than that takes to write down.
    closing: Mutex<Option<Instant>>,
}

impl Line {
    pub(crate) fn new(socket: Box<dyn Duplex>) -> Line {
        // It fails where the peer is gone already, which the first read or write finds too.
        let _ = socket.set_write_timeout(Some(WRITE_TIMEOUT));
        Line {
            socket,
            writing: Mutex::new(WRITE_TIMEOUT),
            closed: AtomicBool::new(false),
            closing: Mutex::default(),
        }
    }

    pub(crate) fn set_write_timeout(&self, time: Duration) {
        let mut timeout = lock(&self.writing);
        *timeout = time.max(MOMENT);
        let _ = self.socket.set_write_timeout(Some(*timeout));
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// When our close frame set out. It waits for no frame that is on its way, nor for that one.
    pub(crate) fn closing(&self) -> Option<Instant> {
        match self.is_closed() {
            true => *lock(&self.closing),
            false => None,
        }
    }

    pub(crate) fn send(&self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.send_in(&lock(&self.writing), opcode, payload)
    }

    fn send_in(
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
            // A part of it may be on the way: whatever came behind that would be taken for the
            // rest.
            self.closed.store(true, Ordering::Release);
            self.socket.cut();
        }
        Ok(written?)
    }

    /// Nobody receives any more: closes without waiting for anything, or for a moment at most.
    pub(crate) fn hang_up(&self, code: u16) {
        if self.is_closed() {
            return;
        }
        match self.try_writing() {
            Some(mut writing) => {
                *writing = LAST_WORD.min(*writing);
                let _ = self.socket.set_write_timeout(Some(*writing));
                // It fails where the client is gone, which is as good.
                let _ = self.send_in(&writing, Opcode::Close, &code.to_be_bytes());
            }
            // A frame is on its way: there is no place for another one.
            None => {
                self.closed.store(true, Ordering::Release);
                self.socket.cut();
            }
        }
    }

    /// `None` while somebody writes.
    fn try_writing(&self) -> Option<MutexGuard<'_, Duration>> {
        match self.writing.try_lock() {
            Ok(writing) => Some(writing),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// RFC 6455 §5.5.1. A reason that does not fit is cut to the characters that do.
    pub(crate) fn close(&self, code: Option<u16>, reason: &str) -> Result<(), SendError> {
        let mut payload = Vec::new();
        if let Some(code) = code {
            if !may_close(code) {
                let error = io::Error::new(ErrorKind::InvalidInput, "a code that may not be sent");
                return Err(error.into());
            }
            payload.extend_from_slice(&code.to_be_bytes());
            let mut fits = reason.len().min(MOST_CONTROL - payload.len());
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
        let more = Duration::from_secs((payload.len() / BYTES_A_SECOND) as u64);
        let (began, most) = (Instant::now(), timeout.saturating_add(more));
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
            // The call was interrupted, or took all the time that it had: it gets what is left.
            let left = most.checked_sub(began.elapsed());
            let left = left.ok_or(ErrorKind::TimedOut)?.clamp(MOMENT, timeout);
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
        // It fails where the peer is gone already, which reading finds too.
        let _ = self.socket.set_read_timeout(Some(time.max(MOMENT)));
    }

    /// Reads what is there. Not waiting is a mode of both directions, so nobody may write
    /// meanwhile; `None` where somebody does, or where there is no such mode.
    pub(crate) fn read_now(&self, buf: &mut [u8]) -> Option<io::Result<usize>> {
        let _writing = self.try_writing()?;
        self.socket.set_nonblocking(true).ok()?;
        let read = self.socket.read(buf);
        Some(self.socket.set_nonblocking(false).and(read))
    }

    /// Nothing more will be sent, and the client is told: it need not wait for more.
    pub(crate) fn finish(&self) {
        self.closed.store(true, Ordering::Release);
        self.socket.finish_writing();
    }
}

/// Unix says one, Windows the other.
pub(crate) fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

#[cfg(test)]
pub(crate) mod tests;
