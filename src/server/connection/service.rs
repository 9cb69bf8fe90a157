//! What all connections of one server share: its handler, its limits, who is connected, the
//! numbers.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crate::limits::Limits;
use crate::message::{Duplex, Request, Response};
use crate::server::config::trusted_proxies::Proxies;
use crate::server::config::Settings;
use crate::server::registry::{ConnectionHandle, ConnectionState, InFlight, Registry};
use crate::server::stats::counters::Counters;
use crate::server::stats::error_hook::ErrorHook;
use crate::server::stats::monitor::StatsSource;
use crate::server::stats::Stats;

/// A handler as the server keeps it.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

pub(crate) struct Service {
    pub handler: Arc<Handler>,
    pub limits: Limits,
    pub proxies: Option<Proxies>,
    pub registry: Registry,
    pub counters: Arc<Counters>,
    pub on_error: ErrorHook,
    upgraded: AtomicUsize,
}

impl Service {
    pub(crate) fn new(
        handler: Arc<Handler>,
        settings: &Settings,
        counters: Arc<Counters>,
    ) -> Service {
        Service {
            handler,
            limits: settings.limits.clone(),
            proxies: settings.proxies.clone(),
            registry: Registry::new(),
            counters,
            on_error: settings.on_error.clone(),
            upgraded: AtomicUsize::new(0),
        }
    }

    /// A place for one more connection handed over to another protocol, if the limit has room.
    pub(crate) fn place_to_upgrade(self: &Arc<Self>) -> Option<UpgradePermit> {
        let most = self.limits.max_upgraded;
        let one_more = |count| if count < most { Some(count + 1) } else { None };
        self.upgraded
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()
            .map(|_| UpgradePermit(Arc::clone(self)))
    }
}

impl StatsSource for Service {
    fn add_to(&self, stats: &mut Stats) {
        let counts = self.registry.count();
        for ((state, count), sum) in ConnectionState::ALL
            .into_iter()
            .zip(counts)
            .zip(&mut stats.connections)
        {
            *sum += count;
            match state {
                ConnectionState::Upgraded => stats.upgraded += count,
                _ => stats.open += count,
            }
            if state.is_in_flight() {
                stats.in_flight += count;
            }
        }
    }

    fn in_flight(&self) -> Vec<InFlight> {
        self.registry.in_flight()
    }
}

/// One of the `max_upgraded`, given back when it is dropped, whatever becomes of the upgrade.
pub(crate) struct UpgradePermit(Arc<Service>);

impl Drop for UpgradePermit {
    fn drop(&mut self) {
        self.0.upgraded.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The socket of a connection after it was handed over.
pub(crate) struct Upgraded {
    link: Arc<ConnectionHandle>,
    /// Held for as long as the connection is open.
    place: UpgradePermit,
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        self.place.0.registry.upgrade_ended(&self.link);
    }
}

impl Upgraded {
    pub(crate) fn new(link: Arc<ConnectionHandle>, place: UpgradePermit) -> Upgraded {
        Upgraded { link, place }
    }
}

impl Duplex for Upgraded {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let count = (&self.link.stream).read(buf)?;
        self.place.0.counters.received(count);
        Ok(count)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = (&self.link.stream).write_vectored(bufs)?;
        self.place.0.counters.sent(count);
        Ok(count)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.link.stream.set_nonblocking(nonblocking)
    }

    fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.link.stream.set_read_timeout(time)
    }

    fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.link.stream.set_write_timeout(time)
    }

    fn finish_writing(&self) {
        // It fails where the peer is gone already, which is as good.
        let _ = self.link.stream.shutdown(Shutdown::Write);
    }

    fn cut(&self) {
        let _ = self.link.stream.shutdown(Shutdown::Both);
    }
}
