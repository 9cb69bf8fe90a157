//! Listeners joined to pools of workers: [`Engine`] accepts connections, rejects those beyond the
//! limit, and drains the rest. [`Server`](super::Server) and
//! [`BackgroundServer`](super::BackgroundServer) drive it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::accept::socket::Accepted;
use super::accept::Listener;
use super::config::Settings;
use super::connection::service::{Handler, Service};
use super::connection::Connection;
use super::pool::{Acceptor, Mode, Pool};
use super::registry::{ConnectionHandle, Drained};
use super::stats::error_hook::ServerErrorKind;
use super::stats::monitor::{Monitor, StatsSource};
use super::stats::{Stats, WorkerState};

/// 1 to 100 ms: the pause after a failed accept, doubled with each failure in a row. Without the
/// pause, a lack of descriptors would make accepting a busy loop.
const MIN_RETRY_DELAY: Duration = Duration::from_millis(1);
const MAX_RETRY_DELAY: Duration = Duration::from_millis(100);
/// 4,096 connections: the most that one poll accepts, which bounds its time. Linux keeps no longer
/// queue by default (`net.core.somaxconn`).
const MAX_ACCEPTS_PER_POLL: usize = 4096;
/// 64 connections: the most that the scanner accepts between two rounds, so that new connections do
/// not delay the open ones.
const MAX_ACCEPTS_PER_SCAN: usize = 64;
/// 5 ms: the time for which the scanner has a listener before the thread of the listener checks
/// whether the listener is closing or its deadline has passed.
const ACCEPTOR_LEND_TIME: Duration = Duration::from_millis(5);
/// 5 ms: the wait at one of several listeners that share a thread, and so the delay of the others.
const LISTENER_TURN_TIME: Duration = Duration::from_millis(5);
/// The errors for a lack of descriptors (of the process, of the system) or of memory: EMFILE,
/// ENFILE, ENOMEM, ENOBUFS. Other errors of an accept concern one connection.
const EXHAUSTED_ERRNOS: [i32; 4] = if cfg!(windows) {
    [10_024, 4, 8, 10_055]
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    [24, 23, 12, 105]
} else {
    [24, 23, 12, 55]
};
/// The response to a connection beyond [`max_connections`](crate::Limits::max_connections).
const UNAVAILABLE_RESPONSE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
    Retry-After: 1\r\nConnection: close\r\n\r\n";

/// 16 workers: the smallest pool, unless there is only one. In a smaller pool, the scanner would be
/// too large a part of the workers.
const MIN_WORKERS_PER_POOL: usize = 16;

/// The pools of a server and the parts that all its connections share.
pub(crate) struct Engine {
    /// One pool, with one scanner, for every two cores. The pools share nothing but the handler, so
    /// no lock is contended by many cores. Connections are dealt to them in turn.
    pools: Vec<Pool<Connection>>,
    next_pool: AtomicUsize,
    pub(crate) settings: Settings,
    service: Arc<Service>,
    pub(crate) monitor: Monitor,
    /// The number of failed accepts in a row.
    failures: AtomicU32,
}

impl Engine {
    /// Creates an engine that reports to `monitor`, unless the settings name another.
    pub(crate) fn new(handler: Arc<Handler>, settings: Settings, monitor: &Monitor) -> Arc<Engine> {
        let monitor = settings.monitor.as_ref().unwrap_or(monitor).clone();
        let pool_size = settings.pool_size;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let pools = pool_count(pool_size, cores);
        // The first pools get the workers that remain after the division.
        let size = |pool| pool_size / pools + usize::from(pool < pool_size % pools);
        let counters = Arc::clone(monitor.counters());
        let engine = Arc::new(Engine {
            pools: (0..pools).map(|pool| Pool::new(size(pool))).collect(),
            next_pool: AtomicUsize::new(0),
            service: Arc::new(Service::new(handler, &settings, counters)),
            settings,
            monitor,
            failures: AtomicU32::new(0),
        });
        // Connections may outlive the engine, so their numbers come from the service.
        let connections: Weak<Service> = Arc::downgrade(&engine.service);
        let workers: Weak<Engine> = Arc::downgrade(&engine);
        engine.monitor.add_source(connections);
        engine.monitor.add_source(workers);
        engine
    }

    /// Creates an engine with the same handler and other settings, in place of one that has not
    /// begun to serve.
    pub(crate) fn rebuilt(&self, settings: Settings) -> Arc<Engine> {
        let handler = Arc::clone(&self.service.handler);
        Engine::new(handler, settings, &self.monitor)
    }

    /// Accepts the connections that are queued, without waiting.
    pub(crate) fn poll(&self, listener: &Listener) {
        // The holder of the accept lock accepts all connections that are queued.
        if !listener.lock_accept(Instant::now()) {
            return;
        }
        let admit = |accepted| self.admit(accepted, listener);
        if let Err(e) = listener.accept_queued(MAX_ACCEPTS_PER_POLL, admit) {
            self.accept_failed(e);
        }
        self.report_spawn_errors();
        listener.unlock_accept();
    }

    /// Accepts the connections that are queued at a [closing](Listener::close) listener, and closes
    /// its socket.
    pub(crate) fn finish(&self, listener: &Listener) {
        listener.finish(|accepted| match accepted {
            Ok(accepted) => self.admit(accepted, listener),
            Err(e) => self.accept_failed(e),
        });
        self.report_spawn_errors();
    }

    /// Accepts connections until `deadline`, or until the listener is closed.
    ///
    /// In scanning mode, the scanner accepts the connections between two rounds.
    pub(crate) fn poll_until(self: &Arc<Self>, listener: &Arc<Listener>, deadline: Instant) {
        if !listener.lock_accept(deadline) {
            return;
        }
        let left = || deadline.saturating_duration_since(Instant::now());
        let is_scanning = || self.pools[0].mode() == Mode::Scanning;
        let failed = |e| {
            self.accept_failed(e);
            let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
            let delay = (MIN_RETRY_DELAY * (1 << failures)).min(MAX_RETRY_DELAY);
            listener.pause(delay.min(left()));
        };
        while !listener.is_closing() && left() > Duration::ZERO {
            if is_scanning() {
                let time = left().min(ACCEPTOR_LEND_TIME);
                let lent = self.pools[0].lend_acceptor(self.acceptor(listener), time);
                lent.unwrap_or_else(failed);
            } else {
                listener.wait(deadline, |accepted| {
                    match accepted {
                        Ok(accepted) => self.admit(accepted, listener),
                        Err(e) => failed(e),
                    }
                    self.report_spawn_errors();
                    !is_scanning()
                });
            }
            self.report_spawn_errors();
        }
        listener.unlock_accept();
    }

    /// Accepts connections from several listeners until `deadline`, or until one is closed. The
    /// first listener uses this thread. Each other listener gets a thread for that time.
    pub(crate) fn poll_all_until(self: &Arc<Self>, listeners: &[Arc<Listener>], deadline: Instant) {
        thread::scope(|scope| {
            let mut here = Vec::new();
            for (index, listener) in listeners.iter().enumerate() {
                let accept = move || self.poll_until(listener, deadline);
                let thread = thread::Builder::new().name("millpond-accept".into());
                if index == 0 || thread.spawn_scoped(scope, accept).is_err() {
                    here.push(listener);
                }
            }
            self.poll_in_turn(&here, deadline);
        });
    }

    /// Accepts connections from all listeners on this thread: from a single one without a break,
    /// from several in turn if no more threads can be started.
    fn poll_in_turn(self: &Arc<Self>, listeners: &[&Arc<Listener>], deadline: Instant) {
        let is_over =
            |listener: &Arc<Listener>| listener.is_closing() || Instant::now() >= deadline;
        while !listeners.iter().copied().any(is_over) {
            for listener in listeners {
                let turn = Instant::now() + LISTENER_TURN_TIME;
                let turn = if listeners.len() > 1 {
                    deadline.min(turn)
                } else {
                    deadline
                };
                self.poll_until(listener, turn);
            }
        }
    }

    /// Returns the listener in the form that the pool's scanner calls.
    fn acceptor(self: &Arc<Self>, listener: &Arc<Listener>) -> Arc<Acceptor<Connection>> {
        let (engine, listener) = (Arc::clone(self), Arc::clone(listener));
        Arc::new(move |admit: &mut dyn FnMut(Box<Connection>)| {
            listener.accept_queued(MAX_ACCEPTS_PER_SCAN, |accepted| {
                if let Some(connection) = engine.enter(accepted, &listener) {
                    match engine.next_pool() {
                        0 => admit(connection),
                        pool => engine.admit_to(pool, connection),
                    }
                }
            })
        })
    }

    /// Reports a failed accept, after which accepting always goes on.
    fn accept_failed(&self, error: io::Error) {
        self.service.counters.accept_error();
        let errno = error.raw_os_error();
        if errno.map_or(false, |errno| EXHAUSTED_ERRNOS.contains(&errno)) {
            // Closing the connection that has been idle longest frees a descriptor and memory.
            self.service.registry.close_idlest();
        }
        let hook = &self.service.on_error;
        hook.report(ServerErrorKind::Accept, None, error);
    }

    /// Reports the threads that could not be started. The pool starts them under its lock, under
    /// which the user's hook must not run.
    fn report_spawn_errors(&self) {
        for error in self.pools.iter().filter_map(Pool::take_spawn_error) {
            let hook = &self.service.on_error;
            hook.report(ServerErrorKind::Thread, None, error);
        }
    }

    fn next_pool(&self) -> usize {
        match self.pools.len() {
            1 => 0,
            pools => self.next_pool.fetch_add(1, Ordering::Relaxed) % pools,
        }
    }

    /// Passes an accepted connection to a pool, or rejects it.
    fn admit(&self, accepted: Accepted, listener: &Listener) {
        if let Some(connection) = self.enter(accepted, listener) {
            self.admit_to(self.next_pool(), connection);
        }
    }

    fn admit_to(&self, pool: usize, connection: Box<Connection>) {
        if let Err(mut connection) = self.pools[pool].admit(connection) {
            // The pool has no thread and could start none.
            self.turn_away(connection.turned_away());
        }
    }

    /// Enters a connection into the registry, or rejects it.
    fn enter(&self, (stream, peer): Accepted, listener: &Listener) -> Option<Box<Connection>> {
        let service = &self.service;
        self.failures.store(0, Ordering::Relaxed);
        let filter = listener.filter();
        if !filter.admits(&stream) {
            service.counters.not_admitted();
            return None;
        }
        service.counters.accepted();
        let max = service.limits.max_connections;
        match service.registry.enter(stream, peer, listener.id(), max) {
            Ok(handle) => Some(Box::new(Connection::new(handle, Arc::clone(service)))),
            Err(stream) => {
                self.turn_away(&stream);
                None
            }
        }
    }

    fn turn_away(&self, mut stream: &TcpStream) {
        // The response fits the buffer of any socket. If the client is gone, the error is ignored.
        let sent = stream
            .set_nonblocking(true)
            .and_then(|()| stream.write(UNAVAILABLE_RESPONSE));
        self.service.counters.turned_away(sent.unwrap_or(0));
    }

    /// Makes each connection from the present listeners end with its next response.
    pub(crate) fn wind_down(&self) {
        self.service.registry.wind_down(Listener::next_id());
    }

    /// Makes each connection end after the response to its request in flight. Does not wait.
    pub(crate) fn begin_drain(&self) {
        self.service.registry.begin_drain(|| self.scan_all());
    }

    /// Ends all connections, after the responses to the requests in flight. Waits for these
    /// responses until `deadline` at most.
    pub(crate) fn drain(&self, deadline: Option<Instant>) -> Drained {
        self.drain_where(|_| true, deadline)
    }

    /// [Drains](Engine::drain) the connections for which `is_leaving` returns true.
    pub(crate) fn drain_where(
        &self,
        is_leaving: impl Fn(&ConnectionHandle) -> bool,
        deadline: Option<Instant>,
    ) -> Drained {
        let registry = &self.service.registry;
        registry.drain(is_leaving, deadline, || self.scan_all())
    }

    fn scan_all(&self) {
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
                (WorkerState::Scanning, worker_counts.scanning),
                (WorkerState::Idle, worker_counts.idle),
            ] {
                stats.workers_in[state as usize] += count as u64;
            }
        }
    }
}

/// Returns the number of pools into which the workers are divided.
fn pool_count(pool_size: usize, cores: usize) -> usize {
    (cores / 2).min(pool_size / MIN_WORKERS_PER_POOL).max(1)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use super::{pool_count, Engine};
    use crate::message::Response;
    use crate::server::Listen;
    use crate::util::io::never;

    #[test]
    fn without_threads_listeners_are_polled_in_turn() {
        let handler = Arc::new(|_: &_| Response::text("hello"));
        let engine = Engine::new(handler, Default::default(), &Default::default());
        let listeners = [(); 3].map(|()| {
            let socket = TcpListener::bind("127.0.0.1:0").unwrap();
            Arc::new(Listen::from(socket).open().unwrap())
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
        let [a, b, c] = &listeners;
        engine.poll_in_turn(&[a, b, c], began + time);
        let took = began.elapsed();
        assert!(took >= time && took < time * 5, "{:?}", took);
        for client in &mut clients {
            client
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            assert_eq!(client.read(&mut [0; 9]).unwrap(), 9);
        }
        // The call also returns when the listeners are closed.
        listeners.iter().for_each(|listener| listener.close());
        engine.poll_in_turn(&[a, b, c], never());
    }

    #[test]
    fn every_two_cores_have_a_pool_of_16_workers_at_least() {
        for (pool_size, cores, want) in [
            (256, 1, 1),
            (256, 2, 1),
            (256, 4, 2),
            (256, 64, 16),
            (16, 64, 1),
            (1, 64, 1),
        ] {
            assert_eq!(
                pool_count(pool_size, cores),
                want,
                "{} workers, {} cores",
                pool_size,
                cores
            );
        }
    }
}
