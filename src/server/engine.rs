//! Listening sockets joined to a pool: accepting connections, turning some away, draining the
//! rest. [`Server`](super::Server) and [`BackgroundServer`](super::BackgroundServer) are two ways
//! to drive it.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::accept::Listener;
use super::config::Settings;
use super::connection::service::{Handler, Service};
use super::connection::Connection;
use super::pool::{Acceptor, Mode, Pool};
use super::registry::{ConnectionHandle, Drained};
use super::stats::error_hook::ServerErrorKind;
use super::stats::monitor::{Monitor, StatsSource};
use super::stats::{Stats, WorkerState};

/// After a failure to accept: twice as long each time, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// The most that one poll takes in: the longest queue that Linux keeps unless told otherwise.
const QUEUE: usize = 4096;
/// The most that the sweeper lets in between two looks at the ring.
const AT_A_LOOK: usize = 64;
/// How long the sweeper has the door before this side looks whether it is to close it.
const LENT_FOR: Duration = Duration::from_millis(5);
/// How long to wait at one of several listeners that have only one thread.
const A_TURN: Duration = Duration::from_millis(5);
/// Out of descriptors, of the process or the system, or of memory: EMFILE, ENFILE, ENOMEM, ENOBUFS.
/// What else accepting can fail with is the affair of the one connection that was to be accepted.
const EXHAUSTED: [i32; 4] = if cfg!(windows) {
    [10_024, 4, 8, 10_055]
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    [24, 23, 12, 105]
} else {
    [24, 23, 12, 55]
};
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
    Retry-After: 1\r\nConnection: close\r\n\r\n";

/// Fewer workers than this are not worth a pool of their own.
const SHARD_AT_LEAST: usize = 16;

pub(crate) struct Engine {
    /// One pool, with one sweeper, for every two cores: they share nothing but the handler, so that
    /// no lock is what many cores wait for. Connections are dealt to them in turn.
    pools: Vec<Pool<Connection>>,
    dealt: AtomicUsize,
    settings: Settings,
    service: Arc<Service>,
    monitor: Monitor,
    /// Accepts that failed in a row.
    failures: AtomicU32,
}

impl Engine {
    /// `monitor` goes on telling the numbers that it has, unless the settings name another.
    pub(super) fn new(handler: Arc<Handler>, settings: Settings, monitor: &Monitor) -> Arc<Engine> {
        let monitor = settings.monitor.as_ref().unwrap_or(monitor).clone();
        let pool_size = settings.pool_size;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shards = shards(pool_size, cores);
        // The first ones get what does not divide evenly.
        let size = |shard| pool_size / shards + usize::from(shard < pool_size % shards);
        let counters = Arc::clone(monitor.counters());
        let engine = Arc::new(Engine {
            pools: (0..shards).map(|shard| Pool::new(size(shard))).collect(),
            dealt: AtomicUsize::new(0),
            service: Arc::new(Service::new(handler, &settings, counters)),
            settings,
            monitor,
            failures: AtomicU32::new(0),
        });
        // Connections may outlive the engine, which moves on: they are asked of their service.
        let connections: Weak<Service> = Arc::downgrade(&engine.service);
        let workers: Weak<Engine> = Arc::downgrade(&engine);
        engine.monitor.add_source(connections);
        engine.monitor.add_source(workers);
        engine
    }

    /// The same one set up otherwise, for a server that has not begun to serve.
    pub(super) fn rebuilt(&self, settings: Settings) -> Arc<Engine> {
        let handler = Arc::clone(&self.service.handler);
        Engine::new(handler, settings, &self.monitor)
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.clone()
    }

    pub(super) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Takes in the connections that are waiting.
    pub(super) fn poll(&self, listener: &Listener) {
        // Whoever has the seat in front of the listener accepts all there is.
        if !listener.sit(Some(Instant::now())) {
            return;
        }
        if let Err(e) = listener.take_waiting(QUEUE, self.entrance(listener)) {
            self.failed(e);
        }
        self.report_spawn_errors();
        listener.stand_up();
    }

    /// Takes in what is waiting at a listener that is [closing](Listener::close), and closes it.
    pub(super) fn finish(&self, listener: &Listener) {
        let admit = self.entrance(listener);
        listener.finish(|accepted| match accepted {
            Ok((stream, peer)) => admit(stream, peer),
            Err(e) => self.failed(e),
        });
        self.report_spawn_errors();
    }

    /// Takes in connections until `deadline`, or until the listener is closed.
    ///
    /// While the pool is busy its sweeper accepts, between one look at the ring and the next.
    pub(super) fn poll_until(
        self: &Arc<Self>,
        listener: &Arc<Listener>,
        deadline: Option<Instant>,
    ) {
        if !listener.sit(deadline) {
            return;
        }
        let over = || listener.is_closing() || deadline.map_or(false, |d| Instant::now() >= d);
        let failed = |e| {
            self.failed(e);
            listener.rest(self.pause(deadline));
        };
        while !over() {
            if self.pools[0].mode() == Mode::Scanning {
                let left =
                    deadline.map_or(LENT_FOR, |d| d.saturating_duration_since(Instant::now()));
                let lent = self.pools[0].lend_acceptor(self.acceptor(listener), left.min(LENT_FOR));
                lent.unwrap_or_else(failed);
            } else {
                let admit = self.entrance(listener);
                listener.wait(deadline, |accepted| {
                    match accepted {
                        Ok((stream, peer)) => admit(stream, peer),
                        Err(e) => failed(e),
                    }
                    self.report_spawn_errors();
                    self.pools[0].mode() == Mode::Blocking
                });
            }
            self.report_spawn_errors();
        }
        listener.stand_up();
    }

    /// [`poll_until`](Engine::poll_until) for several listeners at once: at the first one here, at
    /// each other in a thread that is there for that long.
    pub(super) fn poll_all_until(
        self: &Arc<Self>,
        listeners: &[Arc<Listener>],
        deadline: Option<Instant>,
    ) {
        let (first, others) = match listeners {
            [first, others @ ..] => (first, others),
            [] => return,
        };
        if others.is_empty() {
            return self.poll_until(first, deadline);
        }
        thread::scope(|scope| {
            let mut here = vec![Arc::clone(first)];
            for listener in others {
                let there = thread::Builder::new()
                    .name("millpond-accept".into())
                    .spawn_scoped(scope, move || self.poll_until(listener, deadline));
                if there.is_err() {
                    here.push(Arc::clone(listener));
                }
            }
            match here.len() {
                1 => self.poll_until(first, deadline),
                _ => self.poll_in_turn(&here, deadline),
            }
        });
    }

    /// [`poll_all_until`](Engine::poll_all_until) where no thread is to be had: by looking at each
    /// from time to time.
    fn poll_in_turn(self: &Arc<Self>, listeners: &[Arc<Listener>], deadline: Option<Instant>) {
        while !listeners.iter().any(|listener| listener.is_closing()) {
            for listener in listeners {
                let slice = Instant::now() + A_TURN;
                self.poll_until(listener, Some(deadline.map_or(slice, |d| d.min(slice))));
            }
            if deadline.map_or(false, |d| Instant::now() >= d) {
                break;
            }
        }
    }

    /// The listener as the pool's sweeper sees it.
    fn acceptor(self: &Arc<Self>, listener: &Arc<Listener>) -> Arc<Acceptor<Connection>> {
        let (engine, listener) = (Arc::clone(self), Arc::clone(listener));
        Arc::new(move |let_in: &mut dyn FnMut(Box<Connection>)| {
            listener.take_waiting(AT_A_LOOK, |stream, peer| {
                if let Some(connection) = engine.enter(stream, peer, &listener) {
                    match engine.deal() {
                        0 => let_in(connection),
                        shard => engine.admit_to(shard, connection),
                    }
                }
            })
        })
    }

    /// An accept failed: none of the reasons is the end.
    fn failed(&self, error: io::Error) {
        self.service.counters.accept_error();
        if error
            .raw_os_error()
            .map_or(false, |e| EXHAUSTED.contains(&e))
        {
            // The connection idle longest has some of it.
            self.service.registry.close_idlest();
        }
        let hook = &self.service.on_error;
        hook.report(ServerErrorKind::Accept, None, error);
    }

    /// Threads are started under the pool's lock, and that is no place to tell from.
    fn report_spawn_errors(&self) {
        for error in self.pools.iter().filter_map(Pool::take_spawn_error) {
            let hook = &self.service.on_error;
            hook.report(ServerErrorKind::Thread, None, error);
        }
    }

    /// How long to leave the listener alone after a failure.
    fn pause(&self, deadline: Option<Instant>) -> Duration {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
        let pause = (SHORTEST_PAUSE * (1 << failures)).min(LONGEST_PAUSE);
        let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
        left.map_or(pause, |left| left.min(pause))
    }

    /// Takes in what comes through this listener.
    fn entrance<'a>(&'a self, listener: &'a Listener) -> impl Fn(TcpStream, SocketAddr) + 'a {
        move |stream, peer| {
            if let Some(connection) = self.enter(stream, peer, listener) {
                self.admit_to(self.deal(), connection);
            }
        }
    }

    /// Whose turn it is.
    fn deal(&self) -> usize {
        match self.pools.len() {
            1 => 0,
            shards => self.dealt.fetch_add(1, Ordering::Relaxed) % shards,
        }
    }

    fn admit_to(&self, shard: usize, connection: Box<Connection>) {
        if let Err(mut connection) = self.pools[shard].admit(connection) {
            // Not one thread to be had.
            self.turn_away(connection.turned_away());
        }
    }

    /// Enters a connection among those that are open, or turns it away.
    fn enter(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        listener: &Listener,
    ) -> Option<Box<Connection>> {
        let service = &self.service;
        self.failures.store(0, Ordering::Relaxed);
        let admission = listener.admission();
        if !admission.admits(&stream) {
            service.counters.not_admitted();
            return None;
        }
        service.counters.accepted();
        let most = service.limits.max_connections;
        match service.registry.enter(stream, peer, listener.door(), most) {
            Ok(link) => Some(Box::new(Connection::new(link, Arc::clone(service)))),
            Err(stream) => {
                self.turn_away(&stream);
                None
            }
        }
    }

    fn turn_away(&self, mut stream: &TcpStream) {
        // It fits any socket's buffer; a client that is gone does not need it.
        let sent = stream
            .set_nonblocking(true)
            .and_then(|()| stream.write(TURNED_AWAY));
        self.service.counters.turned_away(sent.unwrap_or(0));
    }

    /// From now on every answer ends its connection, of those that come in by the doors there are.
    pub(super) fn wind_down(&self) {
        self.service.registry.wind_down(Listener::doors());
    }

    /// Marks every connection to end after what it owes, without waiting.
    pub(super) fn begin_drain(&self) {
        self.service.registry.begin_drain(|| self.rouse());
    }

    /// Ends every connection there is, answering what is in flight, at most until `deadline`.
    pub(super) fn drain(&self, deadline: Option<Instant>) -> Drained {
        self.drain_those(|_| true, deadline)
    }

    /// [`drain`](Engine::drain) for such connections alone.
    pub(super) fn drain_those(
        &self,
        who: impl Fn(&ConnectionHandle) -> bool,
        deadline: Option<Instant>,
    ) -> Drained {
        let registry = &self.service.registry;
        registry.drain(who, deadline, || self.rouse())
    }

    fn rouse(&self) {
        self.pools.iter().for_each(Pool::scan_all);
    }
}

impl StatsSource for Engine {
    fn add_to(&self, stats: &mut Stats) {
        for worker_counts in self.pools.iter().map(Pool::worker_counts) {
            stats.workers += worker_counts.workers as u64;
            for (state, count) in [
                (WorkerState::Handler, worker_counts.running),
                (WorkerState::KeepAlive, worker_counts.keep_alive),
                (WorkerState::Upload, worker_counts.uploading),
                (WorkerState::Sweeping, worker_counts.scanning),
                (WorkerState::Idle, worker_counts.idle),
            ] {
                stats.workers_in[state as usize] += count as u64;
            }
        }
    }
}

/// How many pools the workers are divided into.
fn shards(pool_size: usize, cores: usize) -> usize {
    (cores / 2).min(pool_size / SHARD_AT_LEAST).max(1)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{shards, Engine, Listener};
    use crate::message::Response;
    use crate::server::accept::socket::Socket;

    #[test]
    fn without_threads_each_listener_has_its_turn() {
        let handler = Arc::new(|_: &_| Response::text("hello"));
        let engine = Engine::new(handler, Default::default(), &Default::default());
        let listeners = [(); 3].map(|()| {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            Arc::new(Listener::new(Socket::tcp(socket, false).unwrap()))
        });
        let mut clients = Vec::new();
        for listener in &listeners {
            let mut client = TcpStream::connect(listener.address().tcp().unwrap()).unwrap();
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            clients.push(client);
        }
        let (began, time) = (Instant::now(), Duration::from_millis(200));
        engine.poll_in_turn(&listeners, Some(began + time));
        let took = began.elapsed();
        assert!(took >= time && took < time * 5, "{:?}", took);
        for client in &mut clients {
            client
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            assert_eq!(client.read(&mut [0; 9]).unwrap(), 9);
        }
        // It ends, too, when they are closed.
        listeners.iter().for_each(|listener| listener.close());
        engine.poll_in_turn(&listeners, None);
    }

    #[test]
    fn there_is_a_pool_for_every_two_cores_that_is_worth_it() {
        for (pool_size, cores, want) in [
            (256, 1, 1),
            (256, 2, 1),
            (256, 4, 2),
            (256, 64, 16),
            (16, 64, 1),
            (1, 64, 1),
        ] {
            assert_eq!(
                shards(pool_size, cores),
                want,
                "{} workers, {} cores",
                pool_size,
                cores
            );
        }
    }
}
