//! A listening socket joined to a pool: accepting connections, turning some away, draining the rest.
//! [`Server`](super::Server) and [`BackgroundServer`](super::BackgroundServer) are two ways to drive it.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::drain::Drained;
use super::listener::{Accepted, Listener};
use super::pool::Pool;
use super::service::{Handler, Service};
use super::stats::{Counters, Stats};
use crate::limits::Limits;

/// Workers of a pool unless another number is asked for: enough to hold 192 quiet connections at no
/// CPU, at about 14 KiB each once used.
pub(crate) const POOL_SIZE: usize = 256;
/// After a failure to accept: twice as long each time, up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
const TURNED_AWAY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
    Retry-After: 1\r\nConnection: close\r\n\r\n";

pub(crate) struct Engine {
    pool: Pool<Connection>,
    service: Arc<Service>,
    /// Accepts that failed in a row.
    failures: AtomicU32,
}

impl Engine {
    pub fn new(
        handler: Arc<Handler>,
        pool_size: usize,
        limits: Limits,
        counters: Arc<Counters>,
    ) -> Engine {
        Engine {
            pool: Pool::new(pool_size),
            service: Arc::new(Service::new(handler, limits, counters)),
            failures: AtomicU32::new(0),
        }
    }

    /// The same with another pool or other limits, for a server that has not begun to serve.
    pub fn rebuilt(&self, pool_size: usize, limits: Limits) -> Engine {
        let handler = Arc::clone(&self.service.handler);
        Engine::new(
            handler,
            pool_size,
            limits,
            Arc::clone(&self.service.counters),
        )
    }

    pub fn limits(&self) -> &Limits {
        &self.service.limits
    }

    pub fn pool_size(&self) -> usize {
        self.pool.size()
    }

    /// Takes in the connections that are waiting.
    pub fn poll(&self, listener: &Listener) {
        listener.accept_waiting(|accepted| {
            self.take(accepted);
        });
    }

    /// Takes in connections until `deadline`, or until the listener is closed.
    pub fn poll_until(&self, listener: &Listener, deadline: Option<Instant>) {
        listener.accept_until(deadline, |accepted| {
            if let Some(pause) = self.take(accepted) {
                let left = deadline.map(|d| d.saturating_duration_since(Instant::now()));
                thread::sleep(left.map_or(pause, |left| left.min(pause)));
            }
        });
    }

    /// What one accept brought; after a failure, how long to leave the listener alone.
    fn take(&self, accepted: io::Result<Accepted>) -> Option<Duration> {
        match accepted {
            Ok((stream, peer)) => {
                self.failures.store(0, Ordering::Relaxed);
                self.admit(stream, peer);
                None
            }
            // Out of descriptors or memory, or the peer is gone already: none of it is the end.
            Err(_) => {
                self.service.counters.accept_error();
                self.service.registry.give_up_idlest();
                let failures = self.failures.fetch_add(1, Ordering::Relaxed).min(16);
                Some((SHORTEST_PAUSE * (1 << failures)).min(LONGEST_PAUSE))
            }
        }
    }

    fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let service = &self.service;
        service.counters.accepted();
        let link = match service
            .registry
            .enter(stream, peer, service.limits.max_connections)
        {
            Ok(link) => link,
            Err(stream) => return self.turn_away(&stream),
        };
        let connection = Box::new(Connection::new(Arc::clone(&link), Arc::clone(service)));
        if self.pool.admit(connection).is_err() {
            // Not one thread to be had.
            self.turn_away(&link.stream);
        }
    }

    fn turn_away(&self, mut stream: &TcpStream) {
        self.service.counters.turned_away();
        // It fits any socket's buffer; a client that is gone does not need it.
        let _ = stream
            .set_nonblocking(true)
            .and_then(|()| stream.write(TURNED_AWAY));
    }

    /// Marks every connection to end after what it owes, without waiting.
    pub fn begin_drain(&self) {
        self.service.registry.begin(|| self.pool.rouse());
    }

    /// Ends every connection there is, answering what is in flight, at most until `deadline`.
    pub fn drain(&self, deadline: Option<Instant>) -> Drained {
        self.service.registry.drain(deadline, || self.pool.rouse())
    }

    /// Adds what is open here now to `stats`.
    pub fn count_into(&self, stats: &mut Stats) {
        let (in_flight, at_rest) = self.service.registry.count();
        stats.in_flight += in_flight as u64;
        stats.open += (in_flight + at_rest) as u64;
        stats.workers += self.pool.workers() as u64;
    }
}
