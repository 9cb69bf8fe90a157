//! A managed server: it runs in the background, its routes grow, its address moves, and it stops.
//! The one place where the server meets the routing.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::drain::Drained;
use super::engine::Engine;
use super::listener::Listener;
use super::monitor::Monitor;
use super::settings::Settings;
use super::stats::Stats;
use crate::routing::{Route, Router};

/// A server that runs in the background, and the handle to change it while it does.
///
/// # Example: grow, move, stop
///
/// ```
/// use millpond::{json, reply, Router, ServerMechanism};
///
/// # fn main() -> std::io::Result<()> {
/// # let free = || std::net::TcpListener::bind("127.0.0.1:0")?.local_addr().map(|a| a.port());
/// # let (first, second): (u16, u16) = (free()?, free()?);
/// # macro_rules! port { (8080) => { first }; (9090) => { second } }
/// let mut server = Router::default();
/// server.mechanism(
///     ServerMechanism::get("/ping")
///         .onconnect(|_| reply!(json => json!({ "ok": true })))
/// );
/// let mut bg = server.serve_managed(([127, 0, 0, 1], port!(8080)))?;
/// assert_eq!(bg.addr().port(), port!(8080));
/// bg.mechanism( // live: no restart, no gap, no interrupted request
///     ServerMechanism::get("/status")
///         .onconnect(|_| reply!(json => json!({ "msg": "enabled" })))
/// );
/// bg.rebind(([127, 0, 0, 1], port!(9090)))?; // routes, live ones too, come along
/// assert_eq!(bg.addr().port(), port!(9090));
/// bg.stop(); // in-flight requests complete first
/// # Ok(())
/// # }
/// ```
///
/// # Dropping it
///
/// Dropping the handle leaves the server running until the process ends.
pub struct BackgroundServer {
    router: Router,
    settings: Settings,
    engine: Arc<Engine>,
    /// `None` only where a failed move could not get the old address back.
    door: Option<Door>,
    addr: SocketAddr,
}

/// A listener and the thread that accepts from it.
struct Door {
    listener: Arc<Listener>,
    thread: JoinHandle<()>,
}

impl Door {
    fn open(socket: TcpListener, engine: &Arc<Engine>) -> io::Result<Door> {
        let listener = Arc::new(Listener::new(socket)?);
        let (accepting, engine) = (Arc::clone(&listener), Arc::clone(engine));
        let thread = thread::Builder::new()
            .name("millpond-accept".into())
            .spawn(move || {
                engine.poll_until(&accepting, None);
                // Told to close: what the kernel has accepted for us is ours to answer.
                engine.finish(&accepting);
            })?;
        Ok(Door { listener, thread })
    }

    /// Takes in what is queued, then closes the socket.
    fn close(self) {
        self.listener.close();
        // It cannot panic: what it runs of the user's is run by the pool.
        let _ = self.thread.join();
    }
}

impl Router {
    /// Serves these routes in the background. It is listening when this returns.
    ///
    /// The router stays a handle on the same routes: what is added to it later is served too.
    ///
    /// # Errors
    ///
    /// If the address cannot be listened on, or no thread can be started.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let router = Router::default();
    /// let server = router.serve_managed(([127, 0, 0, 1], 0))?;
    /// router.add(Route::get("/late").onconnect(|_| Response::text("served all the same")));
    /// println!("http://{}/late", server.addr());
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_managed(&self, addr: impl Into<SocketAddr>) -> io::Result<BackgroundServer> {
        self.serve_managed_with(addr, Settings::default())
    }

    /// [`serve_managed`](Router::serve_managed) by a server that is set up otherwise; see
    /// [`Settings`].
    ///
    /// # Errors
    ///
    /// As `serve_managed`.
    pub fn serve_managed_with(
        &self,
        addr: impl Into<SocketAddr>,
        settings: Settings,
    ) -> io::Result<BackgroundServer> {
        let socket = TcpListener::bind(addr.into())?;
        let addr = socket.local_addr()?;
        let engine = new_engine(self, &settings, &Monitor::default());
        let door = Some(Door::open(socket, &engine)?);
        let router = self.clone();
        Ok(BackgroundServer {
            router,
            settings,
            engine,
            door,
            addr,
        })
    }
}

fn new_engine(router: &Router, settings: &Settings, monitor: &Monitor) -> Arc<Engine> {
    let router = router.clone();
    let handler = Arc::new(move |request: &_| router.handle(request));
    Engine::new(handler, settings.clone(), monitor)
}

impl BackgroundServer {
    /// The address it listens on, its real port included. After a [`rebind`](Self::rebind) that
    /// failed it is still the old one.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Adds a route, or replaces the one of that method and pattern; the next request sees it, on
    /// open connections too. It is that of [`Router::mechanism`]; to remove, replace or list routes
    /// ask the [`router`](Self::router).
    pub fn mechanism(&mut self, route: Route) -> &mut BackgroundServer {
        self.router.mechanism(route);
        self
    }

    /// A handle on the routes, for other threads and for handlers.
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

    /// What was counted since it began to serve; see [`Stats`].
    pub fn stats(&self) -> Stats {
        self.engine.monitor().stats()
    }

    /// A handle on its numbers, for handlers and other threads: for a page of the numbers, as
    /// [`Stats::to_prometheus`] shows, or to see what [`stop`](Self::stop) waits for, as
    /// [`Monitor`] does.
    pub fn monitor(&self) -> Monitor {
        self.engine.monitor().clone()
    }

    /// Moves to another address; routes and numbers come along.
    ///
    /// The new address is listened on and served first. Then what is queued at the old one is
    /// accepted, its listener is closed, its idle connections end, and its requests in flight are
    /// answered; when they are, this returns. To move to the address it has is to do nothing.
    ///
    /// A handler must not wait for this: its own request is in flight. It leaves word with a thread
    /// that answers none, as the example `live` does.
    ///
    /// Where the port stays and only the interface changes (`127.0.0.1:80` to `0.0.0.0:80`), two
    /// listeners may not exist side by side: the old one is closed a moment before the new one
    /// listens, and is opened again if that fails; then the connections there are do not notice.
    ///
    /// # Errors
    ///
    /// If the new address cannot be listened on; the server then goes on at the old one. Only if it
    /// was the same port, and somebody else took it in that moment, it listens nowhere, and the
    /// error says so.
    ///
    /// ```
    /// use millpond::Router;
    ///
    /// let mut server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let before = server.addr();
    /// assert!(server.rebind(taken.local_addr()?).is_err());
    /// assert_eq!(server.addr(), before); // and goes on there
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rebind(&mut self, addr: impl Into<SocketAddr>) -> io::Result<()> {
        self.rebind_by(addr.into(), None).map(drop)
    }

    /// [`rebind`](Self::rebind) that does not wait for longer than `time`: responses at the old
    /// address that are not written whole by then are cut, and counted.
    ///
    /// # Errors
    ///
    /// As `rebind`.
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
        self.rebind_by(addr.into(), Instant::now().checked_add(time))
    }

    fn rebind_by(&mut self, addr: SocketAddr, deadline: Option<Instant>) -> io::Result<Drained> {
        if addr == self.addr && self.door.is_some() {
            return Ok(Drained::default());
        }
        let socket = match TcpListener::bind(addr) {
            Err(e) if e.kind() == ErrorKind::AddrInUse && addr.port() == self.addr.port() => {
                self.bind_in_place(addr)?
            }
            bound => bound?,
        };
        let addr = socket.local_addr()?;
        let engine = new_engine(&self.router, &self.settings, self.engine.monitor());
        let door = Door::open(socket, &engine)?;
        let old_engine = std::mem::replace(&mut self.engine, engine);
        let old_door = self.door.replace(door);
        self.addr = addr;
        if let Some(door) = old_door {
            door.close();
        }
        Ok(old_engine.drain(deadline))
    }

    /// Closes the old listener to make room for one on the same port, and opens it again on
    /// failure.
    fn bind_in_place(&mut self, addr: SocketAddr) -> io::Result<TcpListener> {
        if let Some(door) = self.door.take() {
            door.close();
        }
        let failure = match TcpListener::bind(addr) {
            Ok(socket) => return Ok(socket),
            Err(failure) => failure,
        };
        let back = TcpListener::bind(self.addr).and_then(|old| Door::open(old, &self.engine));
        match back {
            Ok(door) => {
                self.door = Some(door);
                Err(failure)
            }
            Err(e) => {
                let text = format!("{}; and the old address is lost: {}", failure, e);
                Err(io::Error::new(failure.kind(), text))
            }
        }
    }

    /// Stops: what is queued is accepted, the listener is closed, and when every request in flight
    /// is answered this returns. A client that has sent only a part of a request is not waited for.
    /// A handler must not wait for it, as with [`rebind`](BackgroundServer::rebind).
    pub fn stop(self) -> Drained {
        self.stop_by(None)
    }

    /// [`stop`](BackgroundServer::stop) that returns within `time`: responses that are not written
    /// whole by then are cut, and counted.
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

    fn stop_by(self, deadline: Option<Instant>) -> Drained {
        if let Some(door) = self.door {
            door.close();
        }
        self.engine.drain(deadline)
    }
}
