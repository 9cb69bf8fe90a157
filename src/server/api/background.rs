//! A managed server: it runs in the background, its routes grow, its address moves, and it stops.
//! The one place where the server meets the routing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::listener_thread::{close_all, Door};
use crate::routing::{Route, Router};
use crate::server::accept::address::Address;
use crate::server::accept::address::{first_tcp, nowhere};
use crate::server::accept::listen::Listen;
use crate::server::accept::local_filter::Admission;
use crate::server::accept::Listener;
use crate::server::config::Settings;
use crate::server::engine::Engine;
use crate::server::registry::{ConnectionHandle, Drained};
use crate::server::stats::monitor::Monitor;
use crate::server::stats::Stats;

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
    engine: Arc<Engine>,
    /// None at all only where a failed move could not get the old address back.
    doors: Vec<Door>,
    addr: SocketAddr,
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
        self.serve_managed_on([addr.into()], settings)
    }

    /// [`serve_managed_with`](Router::serve_managed_with) in several places, or in one of another
    /// sort: addresses to be bound, Unix sockets, sockets that listen already; see [`Listen`]. It
    /// is all of them or an error.
    ///
    /// # Errors
    ///
    /// As `serve_managed`, for any of them, or if there is none.
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
        places: impl IntoIterator<Item = L>,
        settings: Settings,
    ) -> io::Result<BackgroundServer> {
        let router = self.clone();
        let handler = Arc::new(move |request: &_| router.handle(request));
        let mut server = BackgroundServer {
            router: self.clone(),
            engine: Engine::new(handler, settings, &Monitor::default()),
            doors: Vec::new(),
            addr: ([0, 0, 0, 0], 0).into(),
        };
        server.rebind_on(places)?;
        Ok(server)
    }
}

impl BackgroundServer {
    /// The address it listens on, its real port included; the first one that has a port. If there
    /// are Unix sockets alone it is `0.0.0.0:0`. After a [`rebind`](Self::rebind) that failed it is
    /// still the old one.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Every address it listens on, in the order they were given, real ports included.
    pub fn addresses(&self) -> Vec<Address> {
        let addresses = self.doors.iter().map(Door::address);
        addresses.cloned().collect()
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

    /// Moves to another address, and to that one alone; routes and numbers come along.
    ///
    /// The new address is listened on and served first. Then what is queued at the old one is
    /// accepted, its listener is closed, its idle connections end, and its requests in flight are
    /// answered; when they are, this returns. To move to the address it has is to do nothing, but
    /// for ending an [`only_at`](Listen::only_at).
    ///
    /// A handler must not wait for this: its own request is in flight. It leaves word with a thread
    /// that answers none, as the example `live` does.
    ///
    /// Where the port stays and only the interface changes (`127.0.0.1:80` to `0.0.0.0:80`), two
    /// listeners may not exist side by side: the old one is closed a moment before the new one
    /// listens, and is opened again if that fails; then the connections there are do not notice.
    /// Who connects in that moment is refused, or reset; [`Listen::only_at`] is how nobody is.
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
        self.rebind_by([addr.into()], None).map(drop)
    }

    /// [`rebind`](BackgroundServer::rebind) that does not wait for longer than `time`: responses at
    /// the old address that are not written whole by then are cut, and counted.
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
        self.rebind_by([addr.into()], Instant::now().checked_add(time))
    }

    /// [`rebind`](BackgroundServer::rebind) to several places, or to one of another sort; see
    /// [`Listen`].
    ///
    /// Those where it listens already stay as they are: they are not bound again, and their
    /// connections do not notice, as long as [`only_at`](Listen::only_at) admits them. All others
    /// are listened on before any is left; or none is, and there is an error.
    ///
    /// # Errors
    ///
    /// As `rebind`, for any of them, or if there is none.
    ///
    /// ```
    /// use millpond::{Address, Listen, Router};
    ///
    /// let mut server = Router::default().serve_managed(([127, 0, 0, 1], 0))?;
    /// let first = server.addresses()[0].clone();
    /// server.rebind_on([first.clone(), ([127, 0, 0, 1], 0).into()])?; // one more
    /// assert_eq!(server.addresses()[0], first);
    /// assert_eq!(server.addresses().len(), 2);
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn rebind_on<L: Into<Listen>>(
        &mut self,
        places: impl IntoIterator<Item = L>,
    ) -> io::Result<()> {
        self.rebind_by(places, None).map(drop)
    }

    fn rebind_by<L: Into<Listen>>(
        &mut self,
        places: impl IntoIterator<Item = L>,
        deadline: Option<Instant>,
    ) -> io::Result<Drained> {
        let mut wanted = Vec::new();
        // Which of the new places an old door is, if it is one, and whom it serves from now on.
        let mut kept = vec![None; self.doors.len()];
        for (rank, place) in places.into_iter().enumerate() {
            let place: Listen = place.into();
            let is_here = |door: &Door| place.wanted() == Some(door.address());
            match self.doors.iter().position(is_here) {
                Some(at) => kept[at] = Some((rank, place.admission())),
                None => wanted.push((rank, place)),
            }
        }
        if wanted.is_empty() && kept.iter().all(Option::is_none) {
            return Err(nowhere());
        }
        let mut closed = Vec::new();
        let mut doors = match self.open(wanted, &kept, &mut closed) {
            Ok(doors) => doors,
            Err(e) => return Err(self.take_back(closed, e)),
        };
        let mut leaving = Vec::new();
        for (door, kept) in self.doors.drain(..).zip(kept) {
            match kept {
                Some((rank, admission)) => {
                    door.listener.admit(admission);
                    doors.push((rank, door));
                }
                None => leaving.push(door),
            }
        }
        doors.sort_by_key(|(rank, _)| *rank);
        self.doors = doors.into_iter().map(|(_, door)| door).collect();
        self.addr = first_tcp(self.doors.iter().map(Door::address));
        close_all(&mut leaving);
        let listeners = self.doors.iter().map(|door| &door.listener);
        let staying: BTreeMap<u32, Admission> = listeners
            .map(|listener| (listener.door(), listener.admission().clone()))
            .collect();
        let leaves = |link: &ConnectionHandle| match staying.get(&link.listener_id()) {
            Some(admission) => !admission.admits(&link.stream),
            None => true,
        };
        Ok(self.engine.drain_those(leaves, deadline))
    }

    /// Opens doors, or none. Where an old door that is not to be kept has the port of a new one,
    /// it is `closed` to make room.
    fn open(
        &mut self,
        wanted: Vec<(usize, Listen)>,
        kept: &[Option<(usize, Admission)>],
        closed: &mut Vec<usize>,
    ) -> io::Result<Vec<(usize, Door)>> {
        let mut sockets = Vec::new();
        let mut blocked = Vec::new();
        let mut blocking = BTreeSet::new();
        for (rank, place) in wanted {
            let addr = place.wanted().and_then(Address::tcp);
            let in_the_way = addr.map_or(Vec::new(), |addr| self.leaving_at(addr.port(), kept));
            let again = place.again();
            match (place.open(), again) {
                (Err(e), Some(again)) if is_taken(&e) && !in_the_way.is_empty() => {
                    blocked.push((rank, again));
                    blocking.extend(in_the_way);
                }
                (opened, _) => sockets.push((rank, opened?)),
            }
        }
        for at in blocking {
            self.doors[at].close();
            closed.push(at);
        }
        for (rank, place) in blocked {
            sockets.push((rank, place.open()?));
        }
        let mut doors = Vec::new();
        for (rank, socket) in sockets {
            match Door::open(Listener::new(socket), &self.engine) {
                Ok(door) => doors.push((rank, door)),
                Err(e) => {
                    doors.iter_mut().for_each(|(_, door)| door.close());
                    return Err(e);
                }
            }
        }
        Ok(doors)
    }

    /// The doors at a port that are not to be kept, and may be closed to make room there.
    fn leaving_at(&self, port: u16, kept: &[Option<(usize, Admission)>]) -> Vec<usize> {
        let is_at_port = |door: &Door| {
            let addr = door.address().tcp();
            // Where others have the socket too, its port would stay taken, and be lost to us.
            addr.map_or(false, |addr| addr.port() == port) && !door.listener.is_shared()
        };
        let doors = self.doors.iter().zip(kept).enumerate();
        let leaving = doors.filter(|(_, (door, kept))| kept.is_none() && is_at_port(door));
        leaving.map(|(at, _)| at).collect()
    }

    /// Opens again what was closed for a move that failed.
    fn take_back(&mut self, closed: Vec<usize>, failure: io::Error) -> io::Error {
        let mut failure = failure;
        for at in closed {
            let address = self.doors[at].address().clone();
            let socket = Listen::from(address.clone()).open();
            let listener = socket.map(|socket| Listener::again(socket, &self.doors[at].listener));
            match listener.and_then(|listener| Door::open(listener, &self.engine)) {
                Ok(door) => self.doors[at] = door,
                Err(e) => {
                    let text = format!("{}; and {} is lost: {}", failure, address, e);
                    failure = io::Error::new(failure.kind(), text);
                }
            }
        }
        self.doors.retain(Door::is_open);
        failure
    }

    /// Begins the end while it goes on serving: from now on each connection ends with its next
    /// answer, which says `Connection: close`. New connections are accepted, idle ones stay open.
    /// What comes in at an address that it [moves to](Self::rebind) later is not concerned.
    ///
    /// To be called a while before [`stop`](Self::stop) where a proxy keeps connections to this
    /// server. A stop has to close those that are idle, and a request may be on its way on one just
    /// then: the proxy cannot know whether it was taken up, and must not send it again unless its
    /// method is idempotent (RFC 9110 §9.2.2). After this call a connection that is in use ends by
    /// an answer that says so, and one that is not is closed by the proxy, if the while is longer
    /// than the proxy keeps idle connections. Then none is left to be closed by the stop. A request
    /// that is on its way just then, a part of it or only its connection, has 250 ms to come.
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
        self.engine.wind_down();
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

    fn stop_by(mut self, deadline: Option<Instant>) -> Drained {
        close_all(&mut self.doors);
        self.engine.drain(deadline)
    }
}

fn is_taken(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrInUse
}
