//! A listening socket, TCP or Unix, behind one interface.
//!
//! The socket accepts at once or waits, depending on the mode; [`Listener`](super::Listener)
//! chooses the mode and the time.
//!
//! An accepted connection is a `TcpStream` in both cases. std makes one from any descriptor, and
//! read, write, timeouts and shutdown are the same system calls for every stream socket. Only the
//! calls that return addresses differ, and they are made in this file alone.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::unix::io::OwnedFd;
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::PathBuf;
use std::time::Duration;

use super::address::Address;
#[cfg(unix)]
use super::socket_file::SocketFile;
use crate::util::net::canonical_peer;
#[cfg(unix)]
use crate::util::net::unix_peer;

/// 1 ms: the longest blocking write. Without this limit, a client that does not read would block a
/// worker; the rest of the response is sent from the scan list.
const BLOCKING_WRITE_TIMEOUT: Duration = Duration::from_millis(1);

/// An accepted connection and the address of the peer.
pub(crate) type Accepted = (TcpStream, SocketAddr);

pub(crate) struct Socket {
    kind: Kind,
    pub(crate) address: Address,
    /// Whether other processes have the socket too. Modes and options then change for all of them.
    pub(crate) is_shared: bool,
    /// The same socket, for the mode, and for the options that std offers on streams only. `None`
    /// on systems other than Linux, and if the socket is shared.
    pub(crate) options: Option<TcpStream>,
}

enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        /// The file of the socket, if this process made it. Dropped before the socket.
        _file: Option<SocketFile>,
        socket: UnixListener,
    },
}

impl Socket {
    /// # Errors
    ///
    /// Returns an error if the address of the socket cannot be read, or the mode cannot be changed.
    pub(crate) fn tcp(socket: TcpListener, is_shared: bool) -> io::Result<Socket> {
        let address = Address::Tcp(socket.local_addr()?);
        socket.set_nonblocking(true)?;
        Socket::new(Kind::Tcp(socket), address, is_shared)
    }

    /// # Errors
    ///
    /// Returns an error if the socket's mode cannot be changed.
    #[cfg(unix)]
    pub(crate) fn unix(
        socket: UnixListener,
        path: PathBuf,
        file: Option<SocketFile>,
    ) -> io::Result<Socket> {
        socket.set_nonblocking(true)?;
        // A socket without a file of this process was passed in, and other processes may have it.
        let is_shared = file.is_none();
        let kind = Kind::Unix {
            _file: file,
            socket,
        };
        Socket::new(kind, Address::Unix(path), is_shared)
    }

    fn new(kind: Kind, address: Address, is_shared: bool) -> io::Result<Socket> {
        Ok(Socket {
            options: if is_shared { None } else { kind.options()? },
            kind,
            address,
            is_shared,
        })
    }

    /// Returns a connection that is ready to be served: in blocking mode, with writes that are
    /// bounded and not delayed.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            Kind::Tcp(socket) => {
                let (stream, peer) = socket.accept()?;
                // On Linux, an accepted TCP socket has the options of the listening one.
                if self.options.is_none() {
                    // A stream that is broken already reports the error to the next read.
                    let _ = stream.set_nodelay(true);
                    bound_writes(&stream);
                }
                Ok((stream, canonical_peer(peer)))
            }
            #[cfg(unix)]
            Kind::Unix { socket, .. } => {
                let (stream, _) = socket.accept()?;
                let stream = TcpStream::from(OwnedFd::from(stream));
                bound_writes(&stream);
                Ok((stream, unix_peer()))
            }
        }
    }
}

impl Kind {
    /// Returns the same socket as a stream. For TCP, the stream gets the options that accepted
    /// connections need.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn options(&self) -> io::Result<Option<TcpStream>> {
        let options = match self {
            Kind::Tcp(socket) => {
                let options = TcpStream::from(OwnedFd::from(socket.try_clone()?));
                options.set_nodelay(true)?;
                options.set_write_timeout(Some(BLOCKING_WRITE_TIMEOUT))?;
                options
            }
            Kind::Unix { socket, .. } => TcpStream::from(OwnedFd::from(socket.try_clone()?)),
        };
        Ok(Some(options))
    }

    /// Returns `None`: on other systems, std cannot set the options of a listening socket.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn options(&self) -> io::Result<Option<TcpStream>> {
        Ok(None)
    }
}

fn bound_writes(stream: &TcpStream) {
    // On other systems, an accepted socket may have the mode of the listening one.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_write_timeout(Some(BLOCKING_WRITE_TIMEOUT));
}
