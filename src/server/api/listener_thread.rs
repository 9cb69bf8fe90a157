//! A listener of a `BackgroundServer`, and the thread that accepts from that listener.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::server::accept::address::Address;
use crate::server::accept::Listener;
use crate::server::engine::Engine;
use crate::util::io::never;

/// An open listener with its thread, or a closed listener.
pub(super) struct ListenerThread {
    pub(super) listener: Arc<Listener>,
    /// `None` once the listener is closed.
    thread: Option<JoinHandle<()>>,
}

impl ListenerThread {
    /// Starts the thread, which accepts until the listener is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if no thread can be started.
    pub(super) fn start(listener: Listener, engine: &Arc<Engine>) -> io::Result<ListenerThread> {
        let listener = Arc::new(listener);
        let (accepting, engine) = (Arc::clone(&listener), Arc::clone(engine));
        let thread = thread::Builder::new()
            .name("millpond-accept".into())
            .spawn(move || {
                engine.poll_until(&accepting, never());
                // The listener is closing. Connections that the kernel has accepted are answered.
                engine.finish(&accepting);
            })
            .map_err(|e| io::Error::new(e.kind(), format!("cannot start listener thread: {e}")))?;
        Ok(ListenerThread {
            listener,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> &Address {
        self.listener.address()
    }

    pub(super) fn is_open(&self) -> bool {
        self.thread.is_some()
    }

    /// Accepts the connections that are queued, then closes the socket.
    pub(super) fn close(&mut self) {
        self.listener.close();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic: the user's code runs in the pool.
            let _ = thread.join();
        }
    }
}

/// Closes all listeners at the same time, so that the waits for their threads overlap.
pub(super) fn close_all(threads: &mut [ListenerThread]) {
    threads.iter().for_each(|thread| thread.listener.close());
    threads.iter_mut().for_each(ListenerThread::close);
}
