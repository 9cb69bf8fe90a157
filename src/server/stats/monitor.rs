//! A handle on a server's numbers for whoever does not have the server: a handler, or a thread that
//! watches a drain. It owns what outlives an address: the counters, and where to ask for the rest.

use std::fmt;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::{Counters, Stats};
use crate::server::registry::InFlight;
use crate::util::lock::lock;

/// A handle on a server's numbers, for handlers and other threads.
///
/// It is had from [`BackgroundServer::monitor`](crate::BackgroundServer::monitor) or
/// [`Server::monitor`](crate::Server::monitor), or made beforehand and given to the server by
/// [`Settings::monitor`](crate::Settings::monitor). Its clones tell the same. It stays good while
/// the server moves, stops, and when it is gone; it keeps nothing of it alive. Asking holds no lock
/// for longer than a moment, and no lock is held while a handler or a hook runs: it may be asked at
/// any time, from within these too.
///
/// # Example: a handler that tells the numbers of its own server
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
/// # Example: what holds up a stop
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
///         Err(_) => monitor.in_flight().iter().for_each(|one| println!("waiting for {one}")),
///     }
/// };
/// println!("{drained}");
/// ```
#[derive(Clone)]
pub struct Monitor(Arc<Numbers>);

struct Numbers {
    since: Instant,
    counters: Arc<Counters>,
    /// What serves, or did a moment ago: a server that moves is at two addresses for a while.
    sources: Mutex<Vec<Weak<dyn Source>>>,
}

/// Where a part of the numbers is asked for: of what is there now.
pub(crate) trait Source: Send + Sync {
    fn add_to(&self, stats: &mut Stats);

    /// Those in flight, where this is what knows them.
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
    /// The numbers as they are now; see [`Stats`].
    pub fn stats(&self) -> Stats {
        let mut stats = self.0.counters.read();
        stats.uptime = self.0.since.elapsed();
        for source in self.sources() {
            source.add_to(&mut stats);
        }
        stats
    }

    /// The requests that are in flight now: what a drain waits for, if one is under way. Behind
    /// them the connections that were handed over to another protocol, which no drain waits for.
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

    /// Asks there too from now on, for as long as it is there.
    pub(crate) fn ask(&self, source: Weak<dyn Source>) {
        let mut sources = lock(&self.0.sources);
        sources.retain(|source| source.strong_count() > 0);
        sources.push(source);
    }

    /// Not under the lock: the last owner of a source may turn out to be the one who asks it.
    fn sources(&self) -> Vec<Arc<dyn Source>> {
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
