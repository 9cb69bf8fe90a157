//! What all connections of one server share: its handler, its limits, who is connected, the
//! numbers.

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::drain::{Link, Registry};
use super::proxies::Proxies;
use super::settings::Settings;
use super::stats::Counters;
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
    _place: Place,
}

impl Upgraded {
    pub fn new(link: Arc<Link>, early: Vec<u8>, place: Place) -> Upgraded {
        Upgraded {
            link,
            early,
            early_at: 0,
            _place: place,
        }
    }
}

impl Read for Upgraded {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let early = &self.early[self.early_at..];
        if early.is_empty() {
            return (&self.link.stream).read(buf);
        }
        let count = early.len().min(buf.len());
        buf[..count].copy_from_slice(&early[..count]);
        self.early_at += count;
        Ok(count)
    }
}

impl Write for Upgraded {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&self.link.stream).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
