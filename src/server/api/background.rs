//! [`BackgroundServer`], as in toolkit-zero: a server that runs in the background while routes are
//! added and the address changes. In `server`, only this file uses `routing`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::rebind::ListenerSet;
use crate::routing::{Route, Router};
use crate::server::accept::address::{first_tcp, Address};
use crate::server::accept::listen::Listen;
use crate::server::config::Settings;
use crate::server::engine::Engine;
use crate::server::registry::Drained;
use crate::server::stats::monitor::Monitor;
use crate::server::stats::Stats;

/// A handle to a server that runs in the background. The handle adds routes, moves the server to
/// another address, and stops the server.
///
/// ```no_run
/// use millpond::{Response, Route, Router};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let router = Router::default();
///     router.add(Route::get("/hello").onconnect(|_| Response::text("hello")));
///     let server = router.serve_managed(([127, 0, 0, 1], 8080))?;
///     println!("http://{}/hello; press Enter to stop", server.addr());
///     std::io::stdin().read_line(&mut String::new())?;
///     println!("{}", server.stop()); // requests in flight are answered first
///     Ok(())
/// }
/// ```
///
/// # Example: add, move, stop
///
/// ```
/// use millpond::{json, reply, Router, ServerMechanism};
///
/// let mut server = Router::default();
/// server.mechanism(
///     ServerMechanism::get("/ping")
///         .onconnect(|_| reply!(json => json!({ "ok": true })))
/// );
/// let mut bg = server.serve_managed(([127, 0, 0, 1], 0))?; // port 0: any free port
/// let before = bg.addr();
/// bg.mechanism( // live: no restart, no gap, no interrupted request
///     ServerMechanism::get("/status")
///         .onconnect(|_| reply!(json => json!({ "msg": "enabled" })))
/// );
/// bg.rebind(([127, 0, 0, 1], 0))?; // all routes move along
/// assert_ne!(bg.addr(), before);
/// bg.stop(); // requests in flight are answered first
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Dropping the handle
///
/// If the handle is dropped, the server runs until the process ends.
pub struct BackgroundServer {
    router: Router,
    listeners: ListenerSet,
    /// The address of the last move that succeeded.
    addr: SocketAddr,
}

impl Router {
    /// Serves these routes in the background. The server already listens when this method returns.
    ///
    /// The router remains a handle to the same routes: a route that is added later is served too.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen on the address, or if no thread can be started.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let router = Router::default();
    /// let server = router.serve_managed(([127, 0, 0, 1], 0))?;
    /// router.add(Route::get("/late").onconnect(|_| Response::text("added later")));
    /// println!("http://{}/late", server.addr());
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_managed(&self, addr: impl Into<SocketAddr>) -> io::Result<BackgroundServer> {
        self.serve_managed_with(addr, Settings::default())
    }

    /// Serves like [`serve_managed`](Router::serve_managed), with other [`Settings`].
    ///
    /// # Errors
    ///
    /// As for `serve_managed`.
    pub fn serve_managed_with(
        &self,
        addr: impl Into<SocketAddr>,
        settings: Settings,
    ) -> io::Result<BackgroundServer> {
        self.serve_managed_on([addr.into()], settings)
    }

    /// Serves like [`serve_managed_with`](Router::serve_managed_with), on one or more addresses or
    /// sockets: TCP addresses, Unix sockets, and sockets that already listen; see [`Listen`].
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen on one of them, if there is none, or if no
    /// thread can be started. The server then listens on none.
    ///
    /// ```
    /// use millpond::{Address, Router, Settings};
    ///
    /// let two = ["127.0.0.1:0".parse::<Address>()?, "127.0.0.1:0".parse()?];
    /// let server = Router::default().serve_managed_on(two, Settings::default())?;
    /// assert_eq!(server.addresses().len(), 2);
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_managed_on<L: Into<Listen>>(
        &self,
        addresses: impl IntoIterator<Item = L>,
        settings: Settings,
    ) -> io::Result<BackgroundServer> {
        let router = self.clone();
        let handler = Arc::new(move |request: &_| router.handle(request));
        let engine = Engine::new(handler, settings, &Monitor::default());
        let mut server = BackgroundServer {
            router: self.clone(),
            listeners: ListenerSet::new(engine),
            addr: ([0, 0, 0, 0], 0).into(),
        };
        server.rebind_on(addresses)?;
        Ok(server)
    }
}

impl BackgroundServer {
    /// Returns the first TCP address on which the server listens, with the real port in place of
    /// port 0. Returns `0.0.0.0:0` if the server listens on Unix sockets alone. After a
    /// [`rebind`](Self::rebind) that failed, the address is still the old one.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns every address on which the server listens, in the order in which they were given.
    pub fn addresses(&self) -> Vec<Address> {
        self.listeners.addresses().cloned().collect()
    }

    /// Adds a route, or replaces the one with the same method and pattern, as
    /// [`Router::mechanism`] does. The next request sees the route, on open connections too. The
    /// [`router`](Self::router) can also remove, replace and list routes.
    pub fn mechanism(&mut self, route: Route) -> &mut BackgroundServer {
        self.router.mechanism(route);
        self
    }

    /// Returns a handle to the routes, for other threads and for handlers.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let routes = server.router();
    /// routes.add(Route::get("/beta").onconnect(|_| Response::text("try it")));
    /// assert!(routes.remove("GET", "/beta"));
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the numbers since the server was created; see [`Stats`].
    pub fn stats(&self) -> Stats {
        self.listeners.engine.monitor.stats()
    }

    /// Returns a handle to the numbers, for handlers and other threads. Use this for a page of
    /// metrics (see [`Stats::to_prometheus`]), or to report the requests for which
    /// [`stop`](Self::stop) waits (see [`Monitor`]).
    pub fn monitor(&self) -> Monitor {
        self.listeners.engine.monitor.clone()
    }

    /// Moves to another address, and to that one alone. Routes and numbers stay.
    ///
    /// The new address is served first. Then the connections in the old queue are accepted, the old
    /// listener is closed, and its idle connections end. The call returns when the requests in
    /// flight from the old address are answered. A move to the present address only removes the
    /// effect of [`only_at`](Listen::only_at).
    ///
    /// A handler must not wait for this call, as the handler's own request is in flight. The
    /// example `live` passes the new address to another thread.
    ///
    /// If the port stays and the interface changes (`127.0.0.1:80` to `0.0.0.0:80`), two listeners
    /// cannot exist side by side. The old one is closed a moment before the new one listens, and is
    /// opened again if that fails; open connections are not affected. A client that connects in
    /// that moment is refused or reset. [`Listen::only_at`] avoids the moment.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen on the new address. The server then continues
    /// at the old one. If the port stays and another process binds the port in that moment, the
    /// server listens nowhere. The error then names the lost address.
    ///
    /// ```
    /// use millpond::Router;
    ///
    /// let mut server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let before = server.addr();
    /// assert!(server.rebind(taken.local_addr()?).is_err());
    /// assert_eq!(server.addr(), before); // the server goes on there
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rebind(&mut self, addr: impl Into<SocketAddr>) -> io::Result<()> {
        self.rebind_by([addr.into()], None).map(drop)
    }

    /// Moves like [`rebind`](BackgroundServer::rebind), and waits for at most `time`. Then the
    /// responses from the old address that are not written in full are cut, and counted.
    ///
    /// # Errors
    ///
    /// As for `rebind`.
    ///
    /// ```
    /// use millpond::Router;
    /// use std::time::Duration;
    ///
    /// let mut server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let drained = server.rebind_within(([127, 0, 0, 1], 0), Duration::from_secs(2))?;
    /// assert_eq!(drained.cut, 0);
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rebind_within(
        &mut self,
        addr: impl Into<SocketAddr>,
        time: Duration,
    ) -> io::Result<Drained> {
        self.rebind_by([addr.into()], Instant::now().checked_add(time))
    }

    /// Moves like [`rebind`](BackgroundServer::rebind), to one or more addresses or sockets; see
    /// [`Listen`].
    ///
    /// Addresses on which the server listens already stay open, with their queue and those of their
    /// connections that [`only_at`](Listen::only_at) admits. The server listens on all other
    /// addresses before it leaves an old one.
    ///
    /// # Errors
    ///
    /// Returns an error if the server cannot listen on one of them, or if there is none. The server
    /// then continues at the old addresses, except in the case that `rebind` describes.
    ///
    /// ```
    /// use millpond::{Address, Listen, Router};
    ///
    /// let mut server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let first = server.addresses()[0].clone();
    /// server.rebind_on([first.clone(), ([127, 0, 0, 1], 0).into()])?; // adds one
    /// assert_eq!(server.addresses()[0], first);
    /// assert_eq!(server.addresses().len(), 2);
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rebind_on<L: Into<Listen>>(
        &mut self,
        addresses: impl IntoIterator<Item = L>,
    ) -> io::Result<()> {
        self.rebind_by(addresses, None).map(drop)
    }

    fn rebind_by<L: Into<Listen>>(
        &mut self,
        addresses: impl IntoIterator<Item = L>,
        deadline: Option<Instant>,
    ) -> io::Result<Drained> {
        let drained = self.listeners.move_to(addresses, deadline)?;
        self.addr = first_tcp(self.listeners.addresses());
        Ok(drained)
    }

    /// Announces the end while the server goes on serving: from now on each connection ends with
    /// its next response, which has `Connection: close`. New connections are accepted, and idle
    /// ones stay open. Connections at an address to which the server [moves](Self::rebind) later
    /// are not affected.
    ///
    /// Call this some time before [`stop`](Self::stop) if a proxy keeps connections to this server.
    /// A stop has to close idle connections, and a request may arrive on one at that moment. The
    /// proxy cannot know whether the request was processed, and must not send it again unless its
    /// method is idempotent (RFC 9110 §9.2.2).
    ///
    /// After this call, a connection in use ends with a response that announces the end. The proxy
    /// closes an unused connection, if the program waits longer than the proxy keeps idle
    /// connections. Then the stop finds no connection to close. If only a part of a request has
    /// arrived at the stop, or only a connection, the rest has 250 ms to arrive.
    ///
    /// ```
    /// use millpond::Router;
    /// use std::thread::sleep;
    /// use std::time::Duration;
    ///
    /// # const GRACE: Duration = Duration::ZERO;
    /// let server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// server.wind_down();
    /// sleep(GRACE); // longer than the proxy keeps idle connections
    /// let drained = server.stop_within(Duration::from_secs(20));
    /// # assert_eq!(drained.cut, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wind_down(&self) {
        self.listeners.engine.wind_down();
    }

    /// Stops the server: accepts the connections in the queue, closes the listener, and returns
    /// when every request in flight is answered. The server does not wait for the rest of a partial
    /// request.
    ///
    /// As with [`rebind`](BackgroundServer::rebind), a handler must not wait for this call. A
    /// handler that never returns blocks the call; [`stop_within`](BackgroundServer::stop_within)
    /// does not wait longer than its time.
    ///
    /// ```
    /// use millpond::Router;
    ///
    /// let server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// println!("{}", server.stop()); // 0 answered, 0 cut, 0 lost in 20.1µs
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop(self) -> Drained {
        self.stop_by(None)
    }

    /// Stops like [`stop`](BackgroundServer::stop), within `time`. Then the responses that are not
    /// written in full are cut, and counted.
    ///
    /// ```
    /// use millpond::Router;
    /// use std::time::Duration;
    ///
    /// let server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let drained = server.stop_within(Duration::from_secs(2));
    /// println!("{} answered, {} cut, in {:?}", drained.answered, drained.cut, drained.took);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop_within(self, time: Duration) -> Drained {
        self.stop_by(Instant::now().checked_add(time))
    }

    fn stop_by(mut self, deadline: Option<Instant>) -> Drained {
        self.listeners.close();
        self.listeners.engine.drain(deadline)
    }
}
