//! [`Server`], as in rouille: a handler, and a loop that the program runs.

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{mpsc, Arc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::message::{Request, Response};
use crate::server::accept::address::{first_tcp, no_address, Address};
use crate::server::accept::listen::{bind_tcp, Listen};
use crate::server::accept::Listener;
use crate::server::config::{Settings, DEFAULT_POOL_SIZE};
use crate::server::engine::Engine;
use crate::server::stats::monitor::Monitor;
use crate::server::stats::Stats;
use crate::util::io::{deadline_after, never};

/// One or more listening sockets, a handler and a pool of threads.
///
/// ```no_run
/// use millpond::{router, Response, Server};
///
/// fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let server = Server::new("127.0.0.1:8080", |request| {
///         router!(request,
///             (GET) (/) => Response::html("<h1>hello</h1>"),
///             (GET) (/hello/{name: String}) => Response::text(format!("hello {}", name)),
///             _ => Response::empty_404()
///         )
///     })?;
///     println!("http://{}/hello/world", server.server_addr());
///     server.run();
///     Ok(())
/// }
/// ```
///
/// Connections are accepted while [`run`](Server::run), [`poll`](Server::poll) or
/// [`poll_timeout`](Server::poll_timeout) runs. Accepted connections are served by the pool, also
/// while none of these runs. For a server that runs in the background, see
/// [`Router::serve_managed`](crate::Router::serve_managed).
///
/// # Example: serve until the process ends
///
/// ```no_run
/// use millpond::Server;
/// use millpond::Response;
///
/// let server = Server::new("localhost:0", |request| {
///     Response::text("hello world")
/// }).unwrap();
/// println!("Listening on {:?}", server.server_addr());
/// server.run();
/// ```
///
/// # Example: a rolling update
///
/// The next instance of the program already listens. This instance accepts the connections in its
/// queue, answers their requests, and ends.
///
/// ```
/// use millpond::{Response, Server};
/// use std::time::Duration;
///
/// # fn is_stopping() -> bool { true }
/// let server = Server::new("localhost:0", |request| Response::text("hello world")).unwrap();
/// while !is_stopping() {
///     server.poll_timeout(Duration::from_millis(100));
/// }
/// server.poll_timeout(Duration::from_millis(100)); // queued connections
/// server.join(); // requests in flight
/// ```
///
/// # Dropping a server
///
/// Dropping a `Server` closes its listener and its idle connections at once and does not block.
/// Requests in flight are answered in the background.
#[must_use = "a server accepts connections only while it runs or is polled"]
pub struct Server<F> {
    /// At least one.
    listeners: Vec<Arc<Listener>>,
    engine: Arc<Engine>,
    handler: PhantomData<F>,
}

impl<F> Drop for Server<F> {
    fn drop(&mut self) {
        self.engine.begin_drain();
    }
}

impl<F> Server<F>
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    /// Listens on `addr`. Connections are queued from this call on, and answered once the server
    /// runs or is polled.
    ///
    /// Port 0 stands for a free port, which [`server_addr`](Server::server_addr) returns. If `addr`
    /// stands for several addresses, as `localhost` may, the server listens on the first one that
    /// is free. [`listen_on`](Server::listen_on) accepts several addresses and Unix sockets.
    ///
    /// # Errors
    ///
    /// Returns an error if `addr` stands for no address, or if none of its addresses can be bound,
    /// for example because the port is in use.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let first = Server::new("127.0.0.1:0", |_| Response::text("first")).unwrap();
    /// let addr = first.server_addr();
    /// let error = match Server::new(addr, |_| Response::text("second")) {
    ///     Err(error) => error.to_string(),
    ///     Ok(_) => unreachable!("the port is in use"),
    /// };
    /// assert_eq!(error, format!("cannot listen on {addr}: address in use"));
    /// ```
    pub fn new<A>(addr: A, handler: F) -> Result<Server<F>, Box<dyn Error + Send + Sync>>
    where
        A: ToSocketAddrs,
    {
        let addrs = addr.to_socket_addrs().map_err(|e| {
            io::Error::new(e.kind(), format!("cannot resolve listening address: {e}"))
        })?;
        let listener = bind_tcp(&addrs.collect::<Vec<_>>())?;
        Ok(Server::from_listener(listener, handler)?)
    }

    /// Serves a TCP socket that listens already. For a Unix socket, and for a socket that other
    /// processes have too, use [`listen_on`](Server::listen_on) with [`Listen`].
    ///
    /// # Errors
    ///
    /// Returns an error if the address of the socket cannot be read, or if the socket cannot be
    /// made nonblocking.
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    /// let addr = listener.local_addr().unwrap();
    /// let server = Server::from_listener(listener, |_| Response::text("hello")).unwrap();
    /// assert_eq!(server.server_addr(), addr);
    /// ```
    pub fn from_listener(listener: TcpListener, handler: F) -> io::Result<Server<F>> {
        Server::listen_on([listener], handler)
    }

    /// Listens on one or more addresses or sockets: TCP addresses, Unix sockets, and sockets that
    /// already listen; see [`Listen`].
    ///
    /// While the server runs or is polled, each listener but the first has a thread of its own.
    ///
    /// # Errors
    ///
    /// Returns an error if one of them cannot listen, or if there is none. The server then listens
    /// on none.
    ///
    /// ```
    /// use millpond::{Address, Response, Server};
    ///
    /// let two = ["127.0.0.1:0".parse::<Address>()?, "127.0.0.1:0".parse()?];
    /// let server = Server::listen_on(two, |_| Response::text("hello"))?;
    /// for address in server.addresses() {
    ///     println!("{address}/");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn listen_on<L>(addresses: impl IntoIterator<Item = L>, handler: F) -> io::Result<Server<F>>
    where
        L: Into<Listen>,
    {
        let settings = Settings::default();
        let engine = Engine::new(Arc::new(handler), settings, &Monitor::default());
        let listeners = addresses.into_iter().map(|address| {
            let listen: Listen = address.into();
            listen.open().map(Arc::new)
        });
        let listeners = listeners.collect::<io::Result<Vec<_>>>()?;
        if listeners.is_empty() {
            return Err(no_address());
        }
        Ok(Server {
            listeners,
            engine,
            handler: PhantomData,
        })
    }

    /// Configures the server; see [`Settings`]. Call this before the server runs or is polled.
    /// Connections that are already open end, as if the server were dropped.
    ///
    /// ```
    /// use millpond::{Response, Server, Settings};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// let settings = Settings::default().on_error(|error| eprintln!("{error}"));
    /// let server = server.settings(settings);
    /// ```
    pub fn settings(mut self, settings: Settings) -> Server<F> {
        self.engine.begin_drain();
        self.engine = self.engine.rebuilt(settings);
        self
    }

    /// Sets [`Settings::pool_size`] alone. Call this before the server runs or is polled.
    ///
    /// # Panics
    ///
    /// Panics if `pool_size` is 0.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap().pool_size(8);
    /// ```
    pub fn pool_size(self, pool_size: usize) -> Server<F> {
        let settings = self.engine.settings.clone().pool_size(pool_size);
        self.settings(settings)
    }

    /// Sets [`Settings::limits`] alone. Call this before the server runs or is polled.
    ///
    /// ```
    /// use millpond::{Limits, Response, Server};
    ///
    /// let limits = Limits { max_body_bytes: 1 << 20, ..Limits::default() };
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// let server = server.limits(limits);
    /// ```
    pub fn limits(self, limits: Limits) -> Server<F> {
        let settings = self.engine.settings.clone().limits(limits);
        self.settings(settings)
    }

    /// Returns the first TCP address on which the server listens, with the real port in place of
    /// port 0. Returns `0.0.0.0:0` if the server listens on Unix sockets alone; see
    /// [`addresses`](Server::addresses).
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// assert_ne!(server.server_addr().port(), 0);
    /// ```
    pub fn server_addr(&self) -> SocketAddr {
        let addrs = self.listeners.iter().map(|listener| listener.address());
        first_tcp(addrs)
    }

    /// Returns every address on which the server listens, in the order in which they were given.
    pub fn addresses(&self) -> Vec<Address> {
        let addresses = self.listeners.iter().map(|listener| listener.address());
        addresses.cloned().collect()
    }

    /// Returns the numbers since the server was created; see [`Stats`].
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// assert_eq!(server.stats().accepted, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.engine.monitor.stats()
    }

    /// Returns a handle to the numbers for other threads, for example to report the requests for
    /// which [`join`](Server::join) waits. A handler that returns the numbers exists before its
    /// server: create its monitor first, and pass the monitor to [`Settings::monitor`].
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// let monitor = server.monitor();
    /// server.join();
    /// assert!(monitor.in_flight().is_empty());
    /// ```
    pub fn monitor(&self) -> Monitor {
        self.engine.monitor.clone()
    }

    /// Serves until the process ends. Failures of a connection or of an accept do not end the
    /// server. To serve until an event, use [`poll_timeout`](Server::poll_timeout) or
    /// [`stoppable`](Server::stoppable).
    pub fn run(self) {
        loop {
            self.engine.poll_all_until(&self.listeners, never());
        }
    }

    /// Accepts the connections that are queued, and returns at once. The pool answers their
    /// requests.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll(); // from time to time, in a loop that does other things too
    /// ```
    pub fn poll(&self) {
        for listener in &self.listeners {
            self.engine.poll(listener);
        }
    }

    /// Accepts connections for `duration`, then returns, under any load. Connections that are
    /// queued at the call are accepted even if `duration` is zero. The pool answers the requests,
    /// also after the return.
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::time::Duration;
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll_timeout(Duration::from_millis(10));
    /// ```
    pub fn poll_timeout(&self, duration: Duration) {
        let deadline = deadline_after(Instant::now(), duration);
        // On a busy machine the deadline may pass before the first accept.
        self.poll();
        if duration > Duration::ZERO {
            self.engine.poll_all_until(&self.listeners, deadline);
        }
    }

    /// Announces the end while the server goes on serving; see
    /// [`BackgroundServer::wind_down`](crate::BackgroundServer::wind_down).
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::time::Duration;
    ///
    /// # const GRACE: Duration = Duration::ZERO;
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.wind_down();
    /// server.poll_timeout(GRACE); // clients and proxies move to other servers
    /// server.join();
    /// ```
    pub fn wind_down(&self) {
        self.engine.wind_down();
    }

    /// Waits until every request that is in flight at the call is answered.
    ///
    /// This ends the connections that are open at the call: idle ones at once, and the others after
    /// their response, which has `Connection: close`. No response is lost if the process then ends.
    /// Connections that another thread accepts meanwhile stay open and are not waited for.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll(); // queued connections
    /// server.join(); // requests in flight
    /// ```
    pub fn join(&self) {
        let _ = self.engine.drain(None);
    }

    /// Serves in a thread of its own until a message is sent, or until the sender is dropped.
    ///
    /// Then the connections in the queue are accepted, the listener is closed, the requests in
    /// flight are answered in full, and the thread ends.
    ///
    /// # Panics
    ///
    /// Panics if no thread can be started.
    ///
    /// # Example: stop after 100 ms
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::thread;
    /// use std::time::Duration;
    ///
    /// let server = Server::new("localhost:0", |request| Response::text("hello world")).unwrap();
    /// let (handle, sender) = server.stoppable();
    /// thread::spawn(move || {
    ///     thread::sleep(Duration::from_millis(100));
    ///     sender.send(()).unwrap();
    /// });
    /// handle.join().unwrap();
    /// ```
    pub fn stoppable(self) -> (JoinHandle<()>, mpsc::Sender<()>) {
        let (sender, receiver) = mpsc::channel();
        let closing = self.listeners.clone();
        let waiter = thread::spawn(move || {
            // A message and a dropped sender both mean stop.
            let _ = receiver.recv();
            closing.iter().for_each(|listener| listener.close());
        });
        let handle = thread::spawn(move || {
            self.engine.poll_all_until(&self.listeners, never());
            // The waiter has closed the listeners, so it is about to end.
            let _ = waiter.join();
            for listener in &self.listeners {
                self.engine.finish(listener);
            }
            self.join();
        });
        (handle, sender)
    }
}

/// Serves on `addr` until the process ends: [`Server::new`] and [`Server::run`] in one.
///
/// # Panics
///
/// Panics if the server cannot listen on `addr`.
///
/// ```no_run
/// millpond::start_server("127.0.0.1:8080", |request| millpond::Response::text("hello world"));
/// ```
#[track_caller]
pub fn start_server<A, F>(addr: A, handler: F) -> !
where
    A: ToSocketAddrs,
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    start_server_with_pool(addr, Some(DEFAULT_POOL_SIZE), handler)
}

/// Serves like [`start_server`], with a pool of the given size. If the size is `None`, the pool has
/// 8 threads for each core.
///
/// # Panics
///
/// Panics if the server cannot listen on `addr`, or if the size is 0.
///
/// ```no_run
/// let handler = |request: &millpond::Request| millpond::Response::text("hello world");
/// millpond::start_server_with_pool("127.0.0.1:8080", Some(16), handler);
/// ```
#[track_caller]
pub fn start_server_with_pool<A, F>(addr: A, pool_size: Option<usize>, handler: F) -> !
where
    A: ToSocketAddrs,
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let per_core = || thread::available_parallelism().map_or(1, usize::from) * 8;
    match Server::new(addr, handler) {
        Ok(server) => server.pool_size(pool_size.unwrap_or_else(per_core)).run(),
        Err(error) => panic!("{error}"),
    }
    unreachable!("`run` does not return")
}
