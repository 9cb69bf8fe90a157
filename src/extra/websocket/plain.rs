//! [`Plain`]: a websocket over any reader and writer, for example in a test without a server.
//!
//! No timeout applies to such a connection. While one thread waits for a message, other threads
//! cannot send.

use std::io::{self, Cursor, IoSlice};
use std::sync::Mutex;
use std::time::Duration;

use crate::message::{Duplex, ReadWrite, Switched};
use crate::util::lock::lock;

/// The lock guards the connection: a read and a write cannot happen at the same time.
pub(crate) struct Plain(Mutex<Box<dyn ReadWrite + Send>>);

impl Plain {
    pub(crate) fn switched(socket: Box<dyn ReadWrite + Send>) -> Switched {
        Switched {
            early: Cursor::default(),
            socket: Box::new(Plain(Mutex::new(socket))),
        }
    }
}

impl Duplex for Plain {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buf)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        lock(&self.0).write_vectored(bufs)
    }

    fn set_nonblocking(&self, _: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn set_read_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn set_write_timeout(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn finish_writing(&self) {
        let _ = lock(&self.0).flush();
    }

    fn cut(&self) {}
}
