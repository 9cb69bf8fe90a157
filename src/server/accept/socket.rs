//! A socket that listens, TCP or Unix, and what it takes to treat both alike. It accepts at once or
//! waits as its mode says; when to do which, and for how long, is the listener's affair.
//!
//! An accepted connection is a `TcpStream` in either case. std makes one from any descriptor, and
//! reading, writing, timeouts and shutdown are the same system calls for every stream socket; only
//! the addresses are not, and those are asked for here alone.

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
use super::local_filter::Admission;
#[cfg(unix)]
use super::socket_file::SocketFile;
#[cfg(unix)]
use crate::message::unix_peer;
use crate::util::net;

/// A write on a socket that blocks gives up after this, so that a client that does not read cannot
/// hold a worker; the rest is sent from the ring.
const WRITE_PATIENCE: Duration = Duration::from_millis(1);

/// What an accept brought.
pub(crate) type Accepted = (TcpStream, SocketAddr);

pub(crate) struct Socket {
    kind: Kind,
    pub address: Address,
    /// Other processes have it too: its modes and options are theirs.
    pub is_shared: bool,
    pub admission: Admission,
    /// The same socket, for the options that std offers on streams only. `None` if it is shared.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub options: Option<TcpStream>,
}

enum Kind {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        /// If that is ours. It goes before the socket does.
        _file: Option<SocketFile>,
        socket: UnixListener,
    },
}

impl Socket {
    /// # Errors
    ///
    /// If the socket's address or mode cannot be had.
    pub(crate) fn tcp(socket: TcpListener, is_shared: bool) -> io::Result<Socket> {
        let address = Address::Tcp(socket.local_addr()?);
        socket.set_nonblocking(true)?;
        let kind = Kind::Tcp(socket);
        Socket::new(kind, address, is_shared)
    }

    /// # Errors
    ///
    /// If the socket's mode cannot be had.
    #[cfg(unix)]
    pub(crate) fn unix(
        socket: UnixListener,
        path: PathBuf,
        file: Option<SocketFile>,
    ) -> io::Result<Socket> {
        socket.set_nonblocking(true)?;
        // Without a file of ours it was given to us, and so perhaps to others.
        let is_shared = file.is_none();
        let kind = Kind::Unix {
            _file: file,
            socket,
        };
        Socket::new(kind, Address::Unix(path), is_shared)
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn new(kind: Kind, address: Address, is_shared: bool) -> io::Result<Socket> {
        let copy = match &kind {
            Kind::Tcp(socket) => OwnedFd::from(socket.try_clone()?),
            Kind::Unix { socket, .. } => OwnedFd::from(socket.try_clone()?),
        };
        let options = Some(TcpStream::from(copy)).filter(|_| !is_shared);
        if let (Kind::Tcp(_), Some(options)) = (&kind, &options) {
            options.set_nodelay(true)?;
            options.set_write_timeout(Some(WRITE_PATIENCE))?;
        }
        Ok(Socket {
            kind,
            address,
            is_shared,
            admission: Admission::All,
            options,
        })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn new(kind: Kind, address: Address, is_shared: bool) -> io::Result<Socket> {
        Ok(Socket {
            kind,
            address,
            is_shared,
            admission: Admission::All,
        })
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match &self.kind {
            Kind::Tcp(socket) => socket.set_nonblocking(nonblocking),
            Kind::Unix { socket, .. } => socket.set_nonblocking(nonblocking),
        }
    }

    /// A connection, ready to be served: in blocking mode, its writes bounded and not delayed.
    pub(crate) fn accept(&self) -> io::Result<Accepted> {
        match &self.kind {
            Kind::Tcp(socket) => {
                let (stream, peer) = socket.accept()?;
                if !self.passes_options_on() {
                    // A stream that is broken already shows it when it is read.
                    let _ = stream.set_nodelay(true);
                    bound_writes(&stream);
                }
                Ok((stream, canonical(peer)))
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

    /// On Linux the sockets that TCP accepts have the options of the one that listens.
    fn passes_options_on(&self) -> bool {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        return self.options.is_some();
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        return false;
    }
}

fn bound_writes(stream: &TcpStream) {
    // Elsewhere it may have the mode of the socket that listens.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream.set_nonblocking(false);
    let _ = stream.set_write_timeout(Some(WRITE_PATIENCE));
}

/// A client of IPv4 that came in through a socket of IPv6 has one address all the same.
pub(crate) fn canonical(mut addr: SocketAddr) -> SocketAddr {
    addr.set_ip(net::canonical(addr.ip()));
    addr
}
