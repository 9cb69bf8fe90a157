//! A listener of a `BackgroundServer`, and the thread that accepts from that listener.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::server::accept::address::Address;
use crate::server::accept::Listener;
use crate::server::engine::Engine;
use crate::util::io::never;

/// An open listener with its thread, or a closed listener.
pub(crate) struct ListenerThread {
    pub(crate) listener: Arc<Listener>,
    /// `None` once the listener is closed.
    thread: Option<JoinHandle<()>>,
}

impl ListenerThread {
    /// Starts the thread, which accepts until the listener is closed.
    ///
    /// # Errors
    ///
    /// Returns an error if no thread can be started.
    pub(crate) fn start(listener: Listener, engine: &Arc<Engine>) -> io::Result<ListenerThread> {
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

    pub(crate) fn address(&self) -> &Address {
        self.listener.address()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.thread.is_some()
    }

    /// Accepts the connections that are queued, then closes the socket.
    pub(crate) fn close(&mut self) {
        self.listener.close();
        if let Some(thread) = self.thread.take() {
            // The thread cannot panic: the user's code runs in the pool.
            let _ = thread.join();
        }
    }
}

/// Closes all listeners at the same time, so that the waits for their threads overlap.
pub(crate) fn close_all(threads: &mut [ListenerThread]) {
    threads.iter().for_each(|thread| thread.listener.close());
    threads.iter_mut().for_each(ListenerThread::close);
}
