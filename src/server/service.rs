//! What all connections of one server share: its handler, its limits, who is connected, the
//! numbers.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::drain::{ConnectionState, InFlight, Link, Registry};
use super::failure::Hook;
use super::monitor::Source;
use super::proxies::Proxies;
use super::settings::Settings;
use super::stats::{Counters, Stats};
use crate::limits::Limits;
use crate::message::{Request, Response};

/// A handler as the server keeps it.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

pub(crate) struct Service {
    pub handler: Arc<Handler>,
    pub limits: Limits,
    pub proxies: Option<Proxies>,
    pub registry: Registry,
    pub counters: Arc<Counters>,
    pub on_error: Hook,
    upgraded: AtomicUsize,
}

impl Service {
    pub fn new(handler: Arc<Handler>, settings: &Settings, counters: Arc<Counters>) -> Service {
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
    pub fn place_to_upgrade(self: &Arc<Self>) -> Option<Place> {
        let most = self.limits.max_upgraded;
        let one_more = |count| if count < most { Some(count + 1) } else { None };
        self.upgraded
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more)
            .ok()
            .map(|_| Place(Arc::clone(self)))
    }
}

impl Source for Service {
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
pub(crate) struct Place(Arc<Service>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.upgraded.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection after it was handed over: what came early is read first.
pub(crate) struct Upgraded {
    link: Arc<Link>,
    early: Vec<u8>,
    early_at: usize,
    /// Held for as long as the connection is open.
    place: Place,
}

impl Drop for Upgraded {
    fn drop(&mut self) {
        self.place.0.registry.given_back(&self.link);
    }
}

impl Upgraded {
    pub fn new(link: Arc<Link>, early: Vec<u8>, place: Place) -> Upgraded {
        Upgraded {
            link,
            early,
            early_at: 0,
            place,
        }
    }
}

impl Read for Upgraded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let early = &self.early[self.early_at..];
        if early.is_empty() {
            let count = (&self.link.stream).read(buf)?;
            self.place.0.counters.received(count);
            return Ok(count);
        }
        let count = early.len().min(buf.len());
        buf[..count].copy_from_slice(&early[..count]);
        self.early_at += count;
        Ok(count)
    }
}

impl Write for Upgraded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = (&self.link.stream).write(buf)?;
        self.place.0.counters.sent(count);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
