//! How a server comes to a listening socket: one that it binds, or one that it is given.

use std::io;
#[cfg(unix)]
use std::net::TcpStream;
use std::net::{IpAddr, SocketAddr, TcpListener};
#[cfg(unix)]
use std::os::unix::io::{AsFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::net::UnixListener;

use super::address::Address;
use super::local_filter::Admission;
use super::socket::Socket;
#[cfg(unix)]
use super::socket_file::SocketFile;

/// A place to listen: an [`Address`] to be bound, or a socket that listens already. For
/// [`Server::listen_on`], [`Router::serve_managed_on`] and [`BackgroundServer::rebind_on`].
///
/// [`Server::listen_on`]: crate::Server::listen_on
/// [`Router::serve_managed_on`]: crate::Router::serve_managed_on
/// [`BackgroundServer::rebind_on`]: crate::BackgroundServer::rebind_on
///
/// # Unix sockets
///
/// The file is made when the server begins to listen, with the rights that the umask leaves or
/// those of [`mode`](Listen::mode); who is to connect needs the right to write. It is removed when
/// the server stops listening, before it drains, unless somebody else has put another in its place.
/// A process that is killed leaves it behind; the next one finds that nobody listens there, and
/// replaces it. If somebody does, or if it is no socket, that is an error.
///
/// ```
/// use millpond::{Address, Listen, Router, Settings};
/// use std::net::TcpListener;
///
/// let given = TcpListener::bind("127.0.0.1:0")?;
/// let second: Address = "127.0.0.1:0".parse()?;
/// let server = Router::default()
///     .serve_managed_on([Listen::from(given), second.into()], Settings::default())?;
/// assert_eq!(server.addresses().len(), 2);
/// # let _ = server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Listen {
    source: Source,
    shared: bool,
    admission: Admission,
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
            admission: Admission::All,
            #[cfg(unix)]
            mode: None,
            #[cfg(unix)]
            take_over: false,
        }
    }

    /// The listening socket that this process was given as its standard input: by systemd
    /// (`StandardInput=socket`), by inetd (`wait`), or by a parent that passes one listener from
    /// process to process. It is [`shared`](Listen::shared).
    ///
    /// # Errors
    ///
    /// If the standard input is not a socket, or is one that is connected.
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
            Err(e) if e.kind() == io::ErrorKind::NotConnected => {}
            Err(e) if e.raw_os_error().is_some() => return Err(e),
            _ => {
                let text = "the standard input is one connection, and does not listen";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
        }
        // What sort of socket it is does not show; but it has no address of the other sort.
        let unix = UnixListener::from(OwnedFd::from(socket));
        let listen = match unix.local_addr() {
            Ok(_) => Listen::from(unix),
            Err(_) => Listen::from(TcpListener::from(OwnedFd::from(unix))),
        };
        Ok(listen.shared())
    }

    /// Other processes have this socket too: one that passed it on, or one before or after this one
    /// that accepts from it at the same time.
    ///
    /// The ways that std has to wait for a connection, and to be called away from there, change the
    /// socket for all of them. So this server looks whether somebody is there, every 0.25 to 5 ms.
    /// When it stops it answers those who are queued, and the others' socket goes on listening.
    ///
    /// A `UnixListener` that is given is always taken for shared. On an address it changes nothing:
    /// the socket that the server binds there is its own, and there is no way to it for others.
    pub fn shared(mut self) -> Listen {
        self.shared = true;
        self
    }

    /// Serves those alone who connect to one of these addresses, of all for which the socket stands
    /// (`0.0.0.0`, `[::]`). Who connects to another one is not refused by the kernel, as he would
    /// be by a socket bound more narrowly, but his connection is closed at once and unanswered; it
    /// is counted as [`Stats::not_admitted`](crate::Stats::not_admitted). A Unix socket is left as
    /// it is.
    ///
    /// # Example: widen and narrow on one port
    ///
    /// Between `127.0.0.1:80` and `0.0.0.0:80` a socket cannot move without a moment in which
    /// nobody listens. What is admitted can change at any time, and loses nobody: the socket stays,
    /// with its queue and its connections. To move to where it is, without this, admits all again;
    /// to narrow it ends, after their answers, the connections that are not admitted any more.
    ///
    /// ```
    /// use millpond::{Address, Listen, Router, Settings};
    /// use std::net::Ipv4Addr;
    ///
    /// let all: Address = "0.0.0.0:0".parse()?;
    /// let narrow = Listen::from(all).only_at([Ipv4Addr::LOCALHOST]);
    /// let mut server = Router::default().serve_managed_on([narrow], Settings::default())?;
    /// server.rebind(server.addr())?; // for everybody
    /// server.rebind_on([Listen::from(server.addr()).only_at([Ipv4Addr::LOCALHOST])])?;
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn only_at<I: Into<IpAddr>>(mut self, addrs: impl IntoIterator<Item = I>) -> Listen {
        self.admission = Admission::only(addrs);
        self
    }

    /// The rights on the file of a Unix socket: `0o660`, say. They are set right after it is made;
    /// where that moment matters, put it into a folder that only those may enter. Whatever else is
    /// listened on is left as it is.
    #[cfg(unix)]
    pub fn mode(mut self, mode: u32) -> Listen {
        self.mode = Some(mode);
        self
    }

    /// Takes the path of a Unix socket from a process that still listens there: new connections
    /// come here, in one step; those that are queued there stay there. That process is not told.
    /// Elsewhere it changes nothing: a port cannot be taken over.
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
    /// old.poll(); // what is queued there
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

    /// What it is to listen on, if it does not listen yet.
    pub(crate) fn wanted(&self) -> Option<&Address> {
        match &self.source {
            Source::At(address) => Some(address),
            _ => None,
        }
    }

    /// Whom it serves there.
    pub(crate) fn admission(&self) -> Admission {
        match &self.source {
            Source::At(Address::Unix(_)) => Admission::All,
            #[cfg(unix)]
            Source::Unix(_) => Admission::All,
            _ => self.admission.clone(),
        }
    }

    /// The same place once more, if it is one to be bound.
    pub(crate) fn again(&self) -> Option<Listen> {
        let address = self.wanted()?.clone();
        Some(Listen {
            source: Source::At(address),
            admission: self.admission.clone(),
            ..*self
        })
    }

    /// Listens.
    pub(crate) fn open(self) -> io::Result<Socket> {
        let admission = self.admission();
        let mut socket = self.bind()?;
        socket.admission = admission;
        Ok(socket)
    }

    fn bind(self) -> io::Result<Socket> {
        match self.source {
            Source::At(Address::Tcp(addr)) => Socket::tcp(TcpListener::bind(addr)?, false),
            #[cfg(unix)]
            Source::At(Address::Unix(path)) => {
                let (socket, file) = SocketFile::bind(&path, self.mode, self.take_over)?;
                Socket::unix(socket, path, Some(file))
            }
            #[cfg(not(unix))]
            Source::At(Address::Unix(_)) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "only a Unix system has Unix sockets",
            )),
            Source::Tcp(socket) => Socket::tcp(socket, self.shared),
            #[cfg(unix)]
            Source::Unix(socket) => {
                let path = socket.local_addr()?.as_pathname().map(Into::into);
                Socket::unix(socket, path.unwrap_or_default(), None)
            }
        }
    }
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
