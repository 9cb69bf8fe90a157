//! The seam to other protocols: who takes a connection over once HTTP is done with it.
//! It knows neither the protocol nor what sort of connection it is.

use std::io::{self, Cursor, IoSlice, Read, Write};
use std::time::Duration;

/// Takes a connection over after a 101 [`Response`](crate::Response) whose `upgrade` field holds
/// it.
///
/// It runs on a thread of its own and may take its time; no worker of the pool waits for it. There
/// are at most [`max_upgraded`](crate::Limits::max_upgraded) at once: one more request for an
/// upgrade is answered with 503. A server that stops or moves neither ends nor awaits them.
///
/// The response's Upgrade field says which protocol it is. A request of HTTP/1.0, one that does not
/// ask for that protocol, and one whose body has not been read are answered with 500 instead
/// (RFC 9110 §7.8).
///
/// # Example: everything comes back
///
/// ```
/// use millpond::{ReadWrite, Request, Response, ResponseBody, Upgrade};
///
/// struct Echo;
///
/// impl Upgrade for Echo {
///     fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
///         let mut buf = [0; 1024];
///         while let Ok(n @ 1..) = socket.read(&mut buf) {
///             if socket.write_all(&buf[..n]).is_err() {
///                 break;
///             }
///         }
///     }
/// }
///
/// fn switch(_: &Request) -> Response {
///     Response {
///         status_code: 101,
///         headers: vec![("Upgrade".into(), "echo".into())],
///         data: ResponseBody::empty(),
///         upgrade: Some(Box::new(Echo)),
///     }
/// }
/// # let _ = switch(&Request::fake_http("GET", "/", vec![], vec![]));
/// ```
pub trait Upgrade {
    /// Called once, with the connection, which has no timeouts any more. What the client sent right
    /// behind its request is read first; dropping the socket closes the connection.
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>);

    /// What the server calls. Only this crate can do more with a [`Switched`] than `build` can.
    #[doc(hidden)]
    fn take_over(&mut self, socket: Switched) {
        self.build(Box::new(socket));
    }
}

/// A connection in both directions: everything that is [`Read`] and [`Write`].
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// A connection that is another protocol's: what came early, then the socket.
#[doc(hidden)]
pub struct Switched {
    pub(crate) early: Cursor<Vec<u8>>,
    pub(crate) socket: Box<dyn Duplex>,
}

/// What a socket can do beyond reading and writing. Several threads may use it, one to read and one
/// to write.
#[cfg_attr(not(feature = "websocket"), allow(dead_code))]
pub(crate) trait Duplex: Send + Sync {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    /// For both directions.
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
    fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()>;
    fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()>;
    /// Tells the peer that no more will come.
    fn finish_writing(&self);
    /// Ends both directions, and what waits in either.
    fn cut(&self);
}

impl Read for Switched {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.early.read(buf)? {
            0 => self.socket.read(buf),
            count => Ok(count),
        }
    }
}

impl Write for Switched {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.socket.write(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.socket.write(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
