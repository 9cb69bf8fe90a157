//! [`Listen`]: an address to bind, or a given socket that already listens.

use std::fmt;
use std::io::{self, ErrorKind};
#[cfg(unix)]
use std::net::TcpStream;
use std::net::{IpAddr, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::io::{AsFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;

use super::address::{no_address, Address};
use super::local_filter::LocalFilter;
use super::socket::Socket;
#[cfg(unix)]
use super::socket_file::SocketFile;
use super::Listener;

/// An [`Address`] to listen on, or a socket that listens already. For [`Server::listen_on`],
/// [`Router::serve_managed_on`] and [`BackgroundServer::rebind_on`].
///
/// [`Server::listen_on`]: crate::Server::listen_on
/// [`Router::serve_managed_on`]: crate::Router::serve_managed_on
/// [`BackgroundServer::rebind_on`]: crate::BackgroundServer::rebind_on
///
/// ```no_run
/// use millpond::{Address, Listen, Response, Server};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let admin = Listen::from(([127, 0, 0, 1], 8081));
///     let socket = Listen::from("unix:/run/app.sock".parse::<Address>()?).mode(0o660);
///     let server = Server::listen_on([admin, socket], |_| Response::text("hello"))?;
///     server.run();
///     Ok(())
/// }
/// ```
///
/// A server listens on all of its addresses, or returns an error and listens on none. All addresses
/// share one pool of workers, one set of limits and one shutdown.
///
/// | | as one string | note |
/// |---|---|---|
/// | TCP | `127.0.0.1:80` | `TCP_NODELAY` is set on every connection |
/// | TCP, IPv6 | `[::1]:80` | `remote_addr` is the IPv6 address of the client |
/// | IPv4 and IPv6 | `[::]:80` | see [`Address`]; an IPv4 client keeps the form `192.0.2.7` |
/// | a Unix socket | `unix:/run/app.sock` | `remote_addr` is `0.0.0.0:0`, and `is_unix` is true |
/// | a listening socket | | from a `TcpListener`, a `UnixListener`, or [`stdin`](Listen::stdin) |
///
/// # Unix sockets
///
/// The server creates the file when it begins to listen, with the permissions that the umask leaves
/// or those of [`mode`](Listen::mode). A client that connects needs the permission to write, which
/// matters for a proxy that runs as another user. The server removes the file when it stops
/// listening, before the drain, unless another process has replaced the file.
///
/// A killed process leaves the file behind. The next process finds that no process listens there
/// and replaces the file. If a process does listen there, or if the file is not a socket, listening
/// fails with `AddrInUse`. [`take_over`](Listen::take_over) takes the path from a process that
/// still listens there.
///
/// A server that stops or moves resets no connection of a Unix socket whose request arrives within
/// 10 ms of the connect. Closing a TCP port may reset connections that arrive at that moment.
///
/// # Example: a given socket beside an address
///
/// ```
/// use millpond::{Address, Listen, Router, Settings};
/// use std::net::TcpListener;
///
/// let given = TcpListener::bind("127.0.0.1:0")?;
/// let second: Address = "127.0.0.1:0".parse()?; // for example from a configuration
/// let server = Router::default()
///     .serve_managed_on([Listen::from(given), second.into()], Settings::default())?;
/// assert_eq!(server.addresses().len(), 2);
/// # let _ = server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "no socket listens until a server has this"]
#[derive(Debug)]
pub struct Listen {
    source: Source,
    shared: bool,
    filter: LocalFilter,
    #[cfg(unix)]
    mode: Option<u32>,
    #[cfg(unix)]
    take_over: bool,
}

#[derive(Debug)]
enum Source {
    At(Address),
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

impl Listen {
    fn new(source: Source) -> Listen {
        Listen {
            source,
            shared: false,
            filter: LocalFilter::All,
            #[cfg(unix)]
            mode: None,
            #[cfg(unix)]
            take_over: false,
        }
    }

    /// Returns the listening socket that is the standard input of this process: from systemd
    /// (`StandardInput=socket`), from inetd (`wait`), or from a parent process that passes one
    /// listener on (`Stdio::from(OwnedFd::from(listener))`). The socket is
    /// [`shared`](Listen::shared). The example `activated` has the unit files.
    ///
    /// # Errors
    ///
    /// Returns an error if the standard input is not a socket, or is a connected socket.
    ///
    /// ```no_run
    /// use millpond::{Listen, Response, Server};
    ///
    /// Server::listen_on([Listen::stdin()?], |_| Response::text("hello"))?.run();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn stdin() -> io::Result<Listen> {
        let socket = TcpStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        match socket.peer_addr() {
            Err(e) if e.kind() == ErrorKind::NotConnected => {}
            Err(e) if e.raw_os_error().is_some() => return Err(e),
            _ => {
                let text = "connected socket as standard input: expected a listening socket";
                return Err(io::Error::new(ErrorKind::InvalidInput, text));
            }
        }
        // std cannot ask for the family of a socket. A TCP socket has no address of a Unix socket.
        let unix = UnixListener::from(OwnedFd::from(socket));
        let listen = match unix.local_addr() {
            Ok(_) => Listen::from(unix),
            Err(_) => Listen::from(TcpListener::from(OwnedFd::from(unix))),
        };
        Ok(listen.shared())
    }

    /// Marks a given socket as one that other processes have too: the process that passed it on, or
    /// another instance of this program that accepts at the same time.
    ///
    /// With std, waiting for a connection with a deadline changes the socket for all processes. The
    /// server therefore polls a shared socket, every 0.25 to 5 ms. When the server stops, the
    /// connections in the queue are answered, and the socket goes on listening in the other
    /// processes. Instances of a program can thus replace each other without a gap.
    ///
    /// A given `UnixListener` always counts as shared. For an address this has no effect, as no
    /// other process has a socket that the server binds.
    pub fn shared(mut self) -> Listen {
        self.shared = true;
        self
    }

    /// Serves only connections to these local addresses, for a socket that listens at several
    /// (`0.0.0.0`, `[::]`).
    ///
    /// A connection to another address is closed at once, without a response, and counted in
    /// [`Stats::not_admitted`](crate::Stats::not_admitted). (If the socket were bound to one
    /// address, the kernel would refuse that connection.) For a Unix socket this has no effect.
    ///
    /// # Example: widen and narrow on one port
    ///
    /// A socket cannot move between `127.0.0.1:80` and `0.0.0.0:80` without a moment in which no
    /// socket listens. A socket that listens at all addresses can change the addresses that it
    /// serves at any time, and keeps the queue and the connections. A [`rebind`] to the same
    /// address serves all addresses again. Narrowing ends the connections that are no longer
    /// admitted, after their responses.
    ///
    /// [`rebind`]: crate::BackgroundServer::rebind
    ///
    /// ```
    /// use millpond::{Address, Listen, Router, Settings};
    /// use std::net::Ipv4Addr;
    ///
    /// let all: Address = "0.0.0.0:0".parse()?;
    /// let narrow = Listen::from(all).only_at([Ipv4Addr::LOCALHOST]);
    /// let mut server = Router::default().serve_managed_on([narrow], Settings::default())?;
    /// server.rebind(server.addr())?; // widens
    /// server.rebind_on([Listen::from(server.addr()).only_at([Ipv4Addr::LOCALHOST])])?; // narrows
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn only_at<I: Into<IpAddr>>(mut self, addrs: impl IntoIterator<Item = I>) -> Listen {
        self.filter = LocalFilter::only(addrs);
        self
    }

    /// Sets the permissions of a Unix socket's file, for example `0o660`, right after the file is
    /// created. For a moment, the file has the permissions that the umask leaves. If that matters,
    /// put the file into a folder that only the intended users may enter. For other sockets this
    /// has no effect.
    #[cfg(unix)]
    pub fn mode(mut self, mode: u32) -> Listen {
        self.mode = Some(mode);
        self
    }

    /// Takes the path of a Unix socket from a process that still listens there, in one step.
    ///
    /// New connections then reach this server. Connections in the old queue stay there, and the old
    /// process gets no signal. For other sockets this has no effect, as a port cannot be taken
    /// over.
    ///
    /// ```
    /// use millpond::{Address, Listen, Response, Server};
    ///
    /// # let folder = std::env::temp_dir().join(format!("millpond-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("app.sock");
    /// let address = Address::Unix(path);
    /// let old = Server::listen_on([address.clone()], |_| Response::text("old"))?;
    /// assert!(Server::listen_on([address.clone()], |_| Response::text("new")).is_err());
    /// let new = Server::listen_on([Listen::from(address).take_over()], |_| Response::text("new"))?;
    /// old.poll(); // connections in the old queue
    /// old.join();
    /// # drop((old, new));
    /// # std::fs::remove_dir(&folder)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[cfg(unix)]
    pub fn take_over(mut self) -> Listen {
        self.take_over = true;
        self
    }

    /// Returns the address to be bound, unless the socket is given.
    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.source {
            Source::At(address) => Some(address),
            _ => None,
        }
    }

    pub(crate) fn filter(&self) -> LocalFilter {
        match &self.source {
            Source::At(Address::Unix(_)) => LocalFilter::All,
            #[cfg(unix)]
            Source::Unix(_) => LocalFilter::All,
            _ => self.filter.clone(),
        }
    }

    /// Returns a copy, unless the socket is given.
    pub(crate) fn duplicate(&self) -> Option<Listen> {
        let address = self.address()?.clone();
        Some(Listen {
            source: Source::At(address),
            filter: self.filter.clone(),
            ..*self
        })
    }

    /// Binds the address if there is one, and returns the listener.
    ///
    /// # Errors
    ///
    /// Returns an error if the address cannot be bound, with an error that names the address. Also
    /// returns an error if the permissions of the file or the mode of the socket cannot be changed.
    pub(crate) fn open(self) -> io::Result<Listener> {
        let filter = self.filter();
        let socket = match self.source {
            Source::At(Address::Tcp(addr)) => Socket::tcp(bind_tcp(&[addr])?, false),
            #[cfg(unix)]
            Source::At(Address::Unix(path)) => {
                let (socket, file) = SocketFile::bind(&path, self.mode, self.take_over)
                    .map_err(|e| cannot_listen(Address::Unix(path.clone()), e))?;
                Socket::unix(socket, path, Some(file))
            }
            #[cfg(not(unix))]
            Source::At(address) => {
                let unsupported = "Unix sockets unsupported on this system";
                let error = io::Error::new(ErrorKind::Unsupported, unsupported);
                Err(cannot_listen(address, error))
            }
            Source::Tcp(socket) => Socket::tcp(socket, self.shared),
            #[cfg(unix)]
            Source::Unix(socket) => {
                let path = socket.local_addr()?.as_pathname().map(Into::into);
                Socket::unix(socket, path.unwrap_or_default(), None)
            }
        };
        Ok(Listener::new(socket?, filter))
    }
}

/// Binds the first of several addresses that is free.
pub(crate) fn bind_tcp(addrs: &[SocketAddr]) -> io::Result<TcpListener> {
    if addrs.is_empty() {
        return Err(no_address());
    }
    TcpListener::bind(addrs).map_err(|e| {
        let addrs: Vec<String> = addrs.iter().map(SocketAddr::to_string).collect();
        cannot_listen(addrs.join(", "), e)
    })
}

/// Adds the address to an error, whose kind stays.
fn cannot_listen(address: impl fmt::Display, error: io::Error) -> io::Error {
    let kind = error.kind();
    let reason = match kind {
        ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable | ErrorKind::PermissionDenied
            if error.raw_os_error().is_some() =>
        {
            kind.to_string()
        }
        _ => error.to_string(),
    };
    io::Error::new(kind, format!("cannot listen on {address}: {reason}"))
}

impl From<Address> for Listen {
    fn from(address: Address) -> Listen {
        Listen::new(Source::At(address))
    }
}

impl From<SocketAddr> for Listen {
    fn from(addr: SocketAddr) -> Listen {
        Address::from(addr).into()
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for Listen {
    fn from(addr: (I, u16)) -> Listen {
        Address::from(addr).into()
    }
}

impl From<TcpListener> for Listen {
    fn from(socket: TcpListener) -> Listen {
        Listen::new(Source::Tcp(socket))
    }
}

#[cfg(unix)]
impl From<UnixListener> for Listen {
    fn from(socket: UnixListener) -> Listen {
        Listen::new(Source::Unix(socket))
    }
}
