//! The change to another protocol: the trait of the code that takes over a connection after HTTP.
//!
//! The module knows neither the protocol nor the kind of the connection.

use std::io::{self, Cursor, IoSlice, Read, Write};
use std::time::Duration;

/// A protocol that takes over a connection after a 101 [`Response`](crate::Response).
///
/// The `upgrade` field of the response holds the protocol. The server runs the protocol on a thread
/// of its own, for as long as the protocol needs; no worker of the pool waits for that thread. A
/// server has at most [`max_upgraded`](crate::Limits::max_upgraded) upgraded connections at once,
/// and answers the next request for an upgrade with 503. A server that stops or moves to another
/// address neither closes upgraded connections nor waits for them.
///
/// The `Upgrade` header of the response names the protocol. The request must be HTTP/1.1 and
/// request that protocol, and the handler must have read the body of the request (RFC 9110 §7.8).
/// Otherwise the server sends a 500.
///
/// # Example: echo
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
    /// Runs the protocol on the connection. The server calls this method once.
    ///
    /// The socket has no timeouts. The first reads return the bytes that the client sent directly
    /// after its request. Dropping the socket closes the connection.
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>);

    /// Passes the connection to [`build`](Upgrade::build), which the server reaches through this
    /// method. Only this crate can use the further methods of [`Switched`].
    #[doc(hidden)]
    fn take_over(&mut self, socket: Switched) {
        self.build(Box::new(socket));
    }
}

/// A connection in both directions: any type that is [`Read`] and [`Write`].
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

/// A connection after its upgrade: the bytes that were received early, then the socket.
#[doc(hidden)]
pub struct Switched {
    pub(crate) early: Cursor<Vec<u8>>,
    pub(crate) socket: Box<dyn Duplex>,
}

/// A socket that several threads can use at once, for example one to read and one to write.
#[cfg_attr(not(feature = "websocket"), allow(dead_code))]
pub(crate) trait Duplex: Send + Sync {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize>;
    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Sets the mode of both directions.
    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()>;
    fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()>;
    fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()>;
    /// Closes the sending direction: the peer reads an end of the stream.
    fn finish_writing(&self);
    /// Closes both directions, and wakes the threads that are blocked in either.
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
