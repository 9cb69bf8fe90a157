//! The listeners of a `BackgroundServer`, and the move to other addresses.
//!
//! A move listens on all new addresses before it leaves an old one. Two addresses on the same port
//! cannot always exist side by side. In this case the old listener is closed first, and opened
//! again if the new one fails.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Instant;

use super::listener_thread::{close_all, ListenerThread};
use crate::server::accept::address::{no_address, Address};
use crate::server::accept::listen::Listen;
use crate::server::accept::local_filter::LocalFilter;
use crate::server::engine::Engine;
use crate::server::registry::{ConnectionHandle, Drained};

/// The rank of an old listener among the new addresses, with its new filter. `None` if the listener
/// is not among them.
type Kept = Option<(usize, LocalFilter)>;

/// All listeners of a server, in the order of their addresses.
pub(crate) struct ListenerSet {
    pub(crate) engine: Arc<Engine>,
    /// Empty only after a failed move that could not open the old address again.
    threads: Vec<ListenerThread>,
}

impl ListenerSet {
    pub(crate) fn new(engine: Arc<Engine>) -> ListenerSet {
        ListenerSet {
            engine,
            threads: Vec::new(),
        }
    }

    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.threads.iter().map(ListenerThread::address)
    }

    pub(crate) fn close(&mut self) {
        close_all(&mut self.threads);
    }

    /// Listens on these addresses and on no others, then drains the connections from the others, at
    /// most until `deadline`.
    pub(crate) fn move_to<L: Into<Listen>>(
        &mut self,
        addresses: impl IntoIterator<Item = L>,
        deadline: Option<Instant>,
    ) -> io::Result<Drained> {
        let mut new = Vec::new();
        let mut kept: Vec<Kept> = vec![None; self.threads.len()];
        for (rank, listen) in addresses.into_iter().map(Into::into).enumerate() {
            let listen: Listen = listen;
            match self
                .addresses()
                .position(|here| listen.address() == Some(here))
            {
                Some(at) => kept[at] = Some((rank, listen.filter())),
                None => new.push((rank, listen)),
            }
        }
        if new.is_empty() && kept.iter().all(Option::is_none) {
            return Err(no_address());
        }
        let mut threads = match self.open(new, &kept) {
            Ok(threads) => threads,
            Err(e) => return Err(self.reopen(e)),
        };
        let mut leaving = Vec::new();
        for (thread, kept) in self.threads.drain(..).zip(kept) {
            match kept {
                Some((rank, filter)) => {
                    thread.listener.set_filter(filter);
                    threads.insert(rank, thread);
                }
                None => leaving.push(thread),
            }
        }
        self.threads = threads.into_values().collect();
        close_all(&mut leaving);
        // A copy, because the drain calls `is_leaving` under the lock of the registry. An accept
        // locks the filter first and then the registry, so a lock of the filter here could be a
        // deadlock.
        let staying = self.threads.iter().map(|thread| &thread.listener);
        let staying = staying.map(|listener| (listener.id(), listener.filter().clone()));
        let staying: BTreeMap<_, LocalFilter> = staying.collect();
        let is_leaving = |handle: &ConnectionHandle| {
            let filter = staying.get(&handle.listener_id());
            filter.map_or(true, |filter| !filter.admits(&handle.stream))
        };
        Ok(self.engine.drain_where(is_leaving, deadline))
    }

    /// Listens on all new addresses, or on none, and returns the listeners by rank. Closes the old
    /// listeners that block a new address.
    fn open(
        &mut self,
        new: Vec<(usize, Listen)>,
        kept: &[Kept],
    ) -> io::Result<BTreeMap<usize, ListenerThread>> {
        let mut listeners = Vec::new();
        let mut blocked = Vec::new();
        for (rank, listen) in new {
            let copy = listen.duplicate();
            match (listen.open(), copy) {
                (Err(e), Some(copy))
                    if e.kind() == ErrorKind::AddrInUse
                        && self.blocking(&copy, kept).next().is_some() =>
                {
                    blocked.push((rank, copy));
                }
                (opened, _) => listeners.push((rank, opened?)),
            }
        }
        for (_, listen) in &blocked {
            self.blocking(listen, kept).for_each(ListenerThread::close);
        }
        for (rank, listen) in blocked {
            listeners.push((rank, listen.open()?));
        }
        let mut threads = BTreeMap::new();
        for (rank, listener) in listeners {
            match ListenerThread::start(listener, &self.engine) {
                Ok(thread) => threads.insert(rank, thread),
                Err(e) => {
                    threads.values_mut().for_each(ListenerThread::close);
                    return Err(e);
                }
            };
        }
        Ok(threads)
    }

    /// Returns the leaving listeners at the port of a new one, which may be closed first. A shared
    /// listener may not: other processes would still use its port, and this process would lose it.
    fn blocking<'s>(
        &'s mut self,
        new: &Listen,
        kept: &'s [Kept],
    ) -> impl Iterator<Item = &'s mut ListenerThread> {
        let port = |address: &Address| address.tcp().map(|addr| addr.port());
        let new = new.address().and_then(port);
        let leaving = self.threads.iter_mut().zip(kept);
        let leaving = leaving.filter(|(_, kept)| kept.is_none());
        leaving.map(|(thread, _)| thread).filter(move |thread| {
            new.is_some() && port(thread.address()) == new && !thread.listener.is_shared()
        })
    }

    /// Opens the listeners again that a failed move has closed, and returns its error.
    fn reopen(&mut self, mut error: io::Error) -> io::Error {
        for thread in self.threads.iter_mut().filter(|thread| !thread.is_open()) {
            let reopened = Listen::from(thread.address().clone())
                .open()
                .map(|listener| listener.replacing(&thread.listener))
                .and_then(|listener| ListenerThread::start(listener, &self.engine));
            match reopened {
                Ok(reopened) => *thread = reopened,
                Err(e) => {
                    let text = format!("{error}; old address lost: {e}");
                    error = io::Error::new(error.kind(), text);
                }
            }
        }
        self.threads.retain(ListenerThread::is_open);
        error
    }
}
