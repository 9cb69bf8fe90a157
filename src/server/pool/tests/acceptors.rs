//! Tests of acceptors that are lent to the scanner. The test does the scanner's part.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::fake::{FakeTask, Fixture, Input, Peer, PATIENCE};
use crate::server::pool::Acceptor;
use crate::util::lock::lock;

/// A source of one task, until it is broken.
#[derive(Default)]
struct Source {
    waiting: Mutex<Option<Box<FakeTask>>>,
    broken: AtomicBool,
}

fn acceptor(source: &Arc<Source>) -> Arc<Acceptor<FakeTask>> {
    let source = Arc::clone(source);
    Arc::new(move |add: &mut dyn FnMut(Box<FakeTask>)| {
        lock(&source.waiting).take().map(add);
        match source.broken.load(Ordering::SeqCst) {
            true => Err(ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    })
}

#[test]
fn each_acceptor_is_called_and_returned_by_itself() {
    let fixture = Fixture::new(4);
    let shared = &fixture.shared;
    shared.scanning_mode.store(true, Ordering::SeqCst);
    let sources = [(); 3].map(|()| Arc::new(Source::default()));
    let peers = [(); 3].map(|()| Peer::new());
    thread::scope(|scope| {
        let lend = |source| {
            let (acceptor, pool) = (acceptor(source), &fixture.pool);
            scope.spawn(move || pool.lend_acceptor(acceptor, PATIENCE))
        };
        let mut lent: Vec<_> = sources.iter().map(lend).collect();
        fixture.until("lent", || lock(&shared.lent_acceptors).len() == 3);
        for (source, peer) in sources.iter().zip(&peers) {
            peer.send(Input::Quick);
            *lock(&source.waiting) = Some(peer.task());
        }
        assert_eq!(shared.accept_lent(), 3);
        // One that is returned after its time leaves the others lent ...
        let again = fixture
            .pool
            .lend_acceptor(acceptor(&sources[0]), Duration::ZERO);
        assert!(again.is_ok());
        assert_eq!(lock(&shared.lent_acceptors).len(), 3);
        // ... and so does one that is broken.
        sources[1].broken.store(true, Ordering::SeqCst);
        assert_eq!(shared.accept_lent(), 0);
        let broken = lent.remove(1).join().unwrap();
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(lock(&shared.lent_acceptors).len(), 2);
        // An error in the last moment of scanning mode is returned.
        sources[2].broken.store(true, Ordering::SeqCst);
        assert_eq!(shared.accept_lent(), 0);
        shared.leave_scanning_mode();
        let [first, last] = [0, 1].map(|_| lent.remove(0).join().unwrap());
        assert!(first.is_ok() && last.is_err());
    });
    assert!(lock(&shared.lent_acceptors).is_empty());
    fixture.pool.scan_all();
    for peer in &peers {
        fixture.until_served(peer, 1);
    }
    fixture.end(&peers);
}
