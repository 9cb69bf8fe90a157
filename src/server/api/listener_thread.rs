//! One of the places at which a managed server listens. It knows nothing of routes, nor of moves.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::server::accept::address::Address;
use crate::server::accept::Listener;
use crate::server::engine::Engine;

/// A listener and the thread that accepts from it.
pub(crate) struct Door {
    pub listener: Arc<Listener>,
    /// `None` once it is closed.
    thread: Option<JoinHandle<()>>,
}

impl Door {
    pub(super) fn open(listener: Listener, engine: &Arc<Engine>) -> io::Result<Door> {
        let listener = Arc::new(listener);
        let (accepting, engine) = (Arc::clone(&listener), Arc::clone(engine));
        let thread = thread::Builder::new()
            .name("millpond-accept".into())
            .spawn(move || {
                engine.poll_until(&accepting, None);
                // Told to close: what the kernel has accepted for us is ours to answer.
                engine.finish(&accepting);
            })?;
        Ok(Door {
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

    /// Takes in what is queued, then closes the socket.
    pub(super) fn close(&mut self) {
        self.listener.close();
        if let Some(thread) = self.thread.take() {
            // It cannot panic: what it runs of the user's is run by the pool.
            let _ = thread.join();
        }
    }
}

/// Closes them at the same time.
pub(crate) fn close_all(doors: &mut [Door]) {
    doors.iter().for_each(|door| door.listener.close());
    doors.iter_mut().for_each(Door::close);
}
