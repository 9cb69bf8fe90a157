//! The handle by which handlers and other threads read a server's numbers.
//!
//! [`Monitor`] holds the counters, which outlive an address, and weak references to the sources of
//! the current numbers. The lock guards the list of sources.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::counters::Counters;
use super::Stats;
use crate::server::registry::InFlight;
use crate::util::lock::lock;

/// A handle by which handlers and other threads read a server's numbers.
///
/// Returned by [`BackgroundServer::monitor`](crate::BackgroundServer::monitor) and
/// [`Server::monitor`](crate::Server::monitor), or created before the server and passed to
/// [`Settings::monitor`](crate::Settings::monitor). Clones read the same numbers. A monitor stays
/// valid while the server moves and after the server has stopped, and does not keep any part of the
/// server alive.
///
/// The methods hold a lock only for a moment, and the server holds no lock while a handler or a
/// hook runs. A monitor may therefore be used at any time, also inside of these.
///
/// # Example: a handler that returns the numbers of its own server
///
/// ```
/// use millpond::{Monitor, Response, Server, Settings, Stats};
///
/// let monitor = Monitor::default();
/// let numbers = monitor.clone();
/// let server = Server::new("127.0.0.1:0", move |_| {
///     Response::from_data(Stats::PROMETHEUS, numbers.stats().to_prometheus())
/// })
/// .unwrap()
/// .settings(Settings::default().monitor(&monitor));
/// assert_eq!(monitor.stats().accepted, 0);
/// ```
///
/// # Example: requests that hold up a stop
///
/// ```
/// # use millpond::{Response, Route, Router};
/// use std::{sync::mpsc, thread, time::Duration};
///
/// # let server = Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let monitor = server.monitor();
/// let (done, stopped) = mpsc::channel();
/// thread::spawn(move || done.send(server.stop()));
/// let drained = loop {
///     match stopped.recv_timeout(Duration::from_secs(1)) {
///         Ok(drained) => break drained,
///         Err(_) => {
///             for request in monitor.in_flight() {
///                 println!("waiting for {request}");
///             }
///         }
///     }
/// };
/// println!("{drained}");
/// ```
#[derive(Clone)]
pub struct Monitor(Arc<Numbers>);

struct Numbers {
    since: Instant,
    counters: Arc<Counters>,
    /// The parts of the servers that serve now. A server that moves has two addresses for a while.
    sources: Mutex<Vec<Weak<dyn StatsSource>>>,
}

/// A source of current numbers.
pub(crate) trait StatsSource: Send + Sync {
    /// Adds the current numbers of this source.
    fn add_to(&self, stats: &mut Stats);

    /// Returns the requests in flight, if this source knows them.
    fn in_flight(&self) -> Vec<InFlight> {
        Vec::new()
    }
}

impl Default for Monitor {
    fn default() -> Monitor {
        Monitor(Arc::new(Numbers {
            since: Instant::now(),
            counters: Arc::default(),
            sources: Mutex::default(),
        }))
    }
}

impl Monitor {
    /// Returns the current numbers; see [`Stats`].
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.counters.read();
        stats.uptime = self.0.since.elapsed();
        for source in self.sources() {
            source.add_to(&mut stats);
        }
        stats
    }

    /// Returns the requests in flight, for which a drain waits. The connections that another
    /// protocol uses follow; no drain waits for these.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let sources = self.sources();
        sources
            .iter()
            .flat_map(|source| source.in_flight())
            .collect()
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    /// Adds a source, for as long as the source exists.
    pub(crate) fn add_source(&self, source: Weak<dyn StatsSource>) {
        let mut sources = lock(&self.0.sources);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(source);
    }

    /// Returns the sources. They are read outside of the lock: if a source ends meanwhile, its last
    /// reference is dropped here, and that drop may lock.
    fn sources(&self) -> Vec<Arc<dyn StatsSource>> {
        lock(&self.0.sources)
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}
