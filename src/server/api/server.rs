//! [`Server`], the form that rouille has: a handler, and a loop that the program runs.

use std::error::Error;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::{mpsc, Arc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::message::{Request, Response};
use crate::server::accept::address::{first_tcp, nowhere, Address};
use crate::server::accept::listen::Listen;
use crate::server::accept::Listener;
use crate::server::config::{Settings, POOL_SIZE};
use crate::server::engine::Engine;
use crate::server::stats::monitor::Monitor;
use crate::server::stats::Stats;

/// A listening socket or several, a handler and a pool of threads.
///
/// Connections are accepted while [`run`](Server::run), [`poll`](Server::poll) or
/// [`poll_timeout`](Server::poll_timeout) runs; those accepted are served whether it runs or not.
///
/// # Example: serve for ever
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
/// The next instance listens already; this one takes what is queued for it, answers it, and ends.
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
/// # Dropping it
///
/// Dropping a `Server` closes its listener and its idle connections at once, lets requests in
/// flight finish in the background, and does not block.
pub struct Server<F> {
    /// One at least.
    listeners: Vec<Arc<Listener>>,
    engine: DrainOnDrop,
    handler: PhantomData<F>,
}

struct DrainOnDrop(Arc<Engine>);

impl Drop for DrainOnDrop {
    fn drop(&mut self) {
        self.0.begin_drain();
    }
}

impl<F> Server<F>
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    /// Listens on `addr`; connections are queued from now on and answered once it is polled.
    ///
    /// Port 0 takes a free port; [`server_addr`](Server::server_addr) says which. Of several
    /// addresses, as `localhost` may have, it is the first that can be had; for more than one, and
    /// for a Unix socket, see [`listen_on`](Server::listen_on).
    ///
    /// # Errors
    ///
    /// If no address can be had from `addr`, or none of them can be listened on: the port is in
    /// use, say.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let first = Server::new("127.0.0.1:0", |_| Response::text("first")).unwrap();
    /// assert!(Server::new(first.server_addr(), |_| Response::text("second")).is_err());
    /// ```
    pub fn new<A>(addr: A, handler: F) -> Result<Server<F>, Box<dyn Error + Send + Sync>>
    where
        A: ToSocketAddrs,
    {
        Ok(Server::from_listener(TcpListener::bind(addr)?, handler)?)
    }

    /// Serves a socket that listens already. If another process has it too, or it is a Unix socket,
    /// take [`listen_on`](Server::listen_on) and [`Listen`].
    ///
    /// # Errors
    ///
    /// If the socket's mode cannot be changed.
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

    /// Listens in several places, or in one of another sort: addresses to be bound, Unix sockets,
    /// sockets that listen already; see [`Listen`]. It is all of them or an error.
    ///
    /// While it is polled, a thread for each but the first waits there.
    ///
    /// # Errors
    ///
    /// If one of the addresses cannot be listened on, or there is none.
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
    pub fn listen_on<L>(places: impl IntoIterator<Item = L>, handler: F) -> io::Result<Server<F>>
    where
        L: Into<Listen>,
    {
        let settings = Settings::default();
        let engine = Engine::new(Arc::new(handler), settings, &Monitor::default());
        let open = |place: L| {
            place
                .into()
                .open()
                .map(|socket| Arc::new(Listener::new(socket)))
        };
        let listeners = places
            .into_iter()
            .map(open)
            .collect::<io::Result<Vec<_>>>()?;
        if listeners.is_empty() {
            return Err(nowhere());
        }
        Ok(Server {
            listeners,
            engine: DrainOnDrop(engine),
            handler: PhantomData,
        })
    }

    /// Sets it up; see [`Settings`]. To be called before the server is polled: connections that it
    /// has accepted end, as if it were dropped.
    pub fn settings(mut self, settings: Settings) -> Server<F> {
        self.engine = DrainOnDrop(self.engine.0.rebuilt(settings));
        self
    }

    /// [`Settings::pool_size`] alone. To be called before the server is polled.
    ///
    /// # Panics
    ///
    /// If `pool_size` is 0.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap().pool_size(8);
    /// ```
    pub fn pool_size(self, pool_size: usize) -> Server<F> {
        let settings = self.engine.0.settings().pool_size(pool_size);
        self.settings(settings)
    }

    /// [`Settings::limits`] alone. To be called before the server is polled.
    ///
    /// ```
    /// use millpond::{Limits, Response, Server};
    ///
    /// let limits = Limits { max_body_bytes: 1 << 20, ..Limits::default() };
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// let server = server.limits(limits);
    /// ```
    pub fn limits(self, limits: Limits) -> Server<F> {
        let settings = self.engine.0.settings().limits(limits);
        self.settings(settings)
    }

    /// The address it listens on, its real port included; the first one that has a port. If there
    /// are Unix sockets alone it is `0.0.0.0:0`. See [`addresses`](Server::addresses).
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

    /// Every address it listens on, in the order they were given, real ports included.
    pub fn addresses(&self) -> Vec<Address> {
        let addresses = self.listeners.iter().map(|listener| listener.address());
        addresses.cloned().collect()
    }

    /// What was counted since it was made; see [`Stats`].
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// assert_eq!(server.stats().accepted, 0);
    /// ```
    pub fn stats(&self) -> Stats {
        self.engine.0.monitor().stats()
    }

    /// A handle on its numbers, for other threads: to see what [`join`](Server::join) waits for,
    /// say. A handler that is to tell them is there before its server; see [`Settings::monitor`],
    /// and [`Monitor`] for both.
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
        self.engine.0.monitor().clone()
    }

    /// Serves for ever. What goes wrong with a connection, or with accepting one, does not end it.
    /// To serve until something happens there are [`poll_timeout`](Server::poll_timeout) and
    /// [`stoppable`](Server::stoppable).
    pub fn run(self) {
        loop {
            self.engine.0.poll_all_until(&self.listeners, None);
        }
    }

    /// Accepts the connections that are waiting and returns at once. Their requests are answered by
    /// the pool.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll(); // from time to time, in a loop that does other things too
    /// ```
    pub fn poll(&self) {
        for listener in &self.listeners {
            self.engine.0.poll(listener);
        }
    }

    /// Accepts connections for `duration`, however many come, then returns; those that are waiting
    /// when it is called are accepted however short that is. Their requests are answered by the
    /// pool, also after that.
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::time::Duration;
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll_timeout(Duration::from_millis(10));
    /// ```
    pub fn poll_timeout(&self, duration: Duration) {
        // A time too far off to be told is for ever.
        let deadline = Instant::now().checked_add(duration);
        // On a machine that is busy the time may be over before anybody has looked.
        self.poll();
        if duration > Duration::ZERO {
            self.engine.0.poll_all_until(&self.listeners, deadline);
        }
    }

    /// Begins the end while it goes on serving; see [`BackgroundServer::wind_down`].
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::time::Duration;
    ///
    /// # const GRACE: Duration = Duration::ZERO;
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.wind_down();
    /// server.poll_timeout(GRACE); // clients and proxies go elsewhere
    /// server.join();
    /// ```
    pub fn wind_down(&self) {
        self.engine.0.wind_down();
    }

    /// Waits until every request that is in flight now is answered.
    ///
    /// The connections there are now end with that: idle ones at once, the others after their
    /// answer, which says `Connection: close`; so nothing is lost if the process ends next. New
    /// connections may be accepted meanwhile by another thread; they are neither ended nor waited
    /// for.
    ///
    /// ```
    /// use millpond::{Response, Server};
    ///
    /// let server = Server::new("127.0.0.1:0", |_| Response::text("hello")).unwrap();
    /// server.poll(); // what is queued
    /// server.join(); // what is in flight
    /// ```
    pub fn join(&self) {
        let _ = self.engine.0.drain(None);
    }

    /// Serves in a thread of its own until it is told to stop.
    ///
    /// It stops on a message or when the sender is dropped: what is queued is accepted, the
    /// listener is closed, requests in flight are answered whole, and then the thread ends.
    ///
    /// # Panics
    ///
    /// If no thread can be started.
    ///
    /// # Example: stop it in 3 seconds
    ///
    /// ```
    /// use millpond::{Response, Server};
    /// use std::thread;
    /// use std::time::Duration;
    ///
    /// let server = Server::new("localhost:0", |request| Response::text("hello world")).unwrap();
    /// # const SECONDS: u64 = 0;
    /// # macro_rules! from_secs { (3) => { Duration::from_secs(SECONDS) } }
    /// let (handle, sender) = server.stoppable();
    /// thread::spawn(move || {
    ///     thread::sleep(from_secs!(3));
    ///     sender.send(()).unwrap();
    /// });
    /// handle.join().unwrap();
    /// ```
    pub fn stoppable(self) -> (JoinHandle<()>, mpsc::Sender<()>) {
        let (sender, receiver) = mpsc::channel();
        let Server {
            listeners, engine, ..
        } = self;
        let waking = listeners.clone();
        let waiter = thread::spawn(move || {
            // A message, or a sender that is gone: both say stop.
            let _ = receiver.recv();
            waking.iter().for_each(|listener| listener.close());
        });
        let handle = thread::spawn(move || {
            engine.0.poll_all_until(&listeners, None);
            // The waiter called us out of the wait: it is at its end.
            let _ = waiter.join();
            for listener in &listeners {
                engine.0.finish(listener);
            }
            let _ = engine.0.drain(None);
        });
        (handle, sender)
    }
}

/// Serves on `addr` for ever: [`Server::new`] and [`Server::run`] in one.
///
/// # Panics
///
/// If `addr` cannot be listened on.
///
/// ```no_run
/// millpond::start_server("127.0.0.1:8080", |request| millpond::Response::text("hello world"));
/// ```
pub fn start_server<A, F>(addr: A, handler: F) -> !
where
    A: ToSocketAddrs,
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    start_server_with_pool(addr, Some(POOL_SIZE), handler)
}

/// [`start_server`] with a pool of that size; 8 threads for each core where it is `None`.
///
/// # Panics
///
/// If `addr` cannot be listened on, or the size is 0.
///
/// ```no_run
/// let handler = |request: &millpond::Request| millpond::Response::text("hello world");
/// millpond::start_server_with_pool("127.0.0.1:8080", Some(16), handler);
/// ```
pub fn start_server_with_pool<A, F>(addr: A, pool_size: Option<usize>, handler: F) -> !
where
    A: ToSocketAddrs,
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let per_core = || thread::available_parallelism().map_or(1, usize::from) * 8;
    let server = Server::new(addr, handler).expect("the address cannot be listened on");
    server.pool_size(pool_size.unwrap_or_else(per_core)).run();
    unreachable!("a server that runs does not return")
}
