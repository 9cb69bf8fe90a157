//! Doors that are lent to the sweeper, several at a time. The test plays the sweeper.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::fake::{Ask, Fake, Peer, Scene, PATIENCE};
use crate::server::pool::Acceptor;
use crate::util::lock::lock;

/// A door that lets in who was put before it, until it is broken.
#[derive(Default)]
struct Porch {
    waiting: Mutex<Option<Box<Fake>>>,
    broken: AtomicBool,
}

fn door(porch: &Arc<Porch>) -> Arc<Acceptor<Fake>> {
    let porch = Arc::clone(porch);
    Arc::new(move |let_in: &mut dyn FnMut(Box<Fake>)| {
        lock(&porch.waiting).take().map(let_in);
        match porch.broken.load(Ordering::SeqCst) {
            true => Err(ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    })
}

#[test]
fn each_is_answered_and_given_back_by_itself() {
    let scene = Scene::new(4);
    let shared = &scene.shared;
    shared.busy.store(true, Ordering::SeqCst);
    let porches = [(); 3].map(|()| Arc::new(Porch::default()));
    let peers = [(); 3].map(|()| Peer::new());
    thread::scope(|scope| {
        let lend = |porch| {
            let (door, pool) = (door(porch), &scene.pool);
            scope.spawn(move || pool.lend_door(door, PATIENCE))
        };
        let mut lent: Vec<_> = porches.iter().map(lend).collect();
        scene.until("lent", || lock(&shared.doors).len() == 3);
        for (porch, peer) in porches.iter().zip(&peers) {
            peer.send(Ask::Quick);
            *lock(&porch.waiting) = Some(peer.task());
        }
        assert_eq!(shared.answer_doors(Instant::now()), 3);
        // One that comes back when its time is up takes none of the others with it ...
        let again = scene.pool.lend_door(door(&porches[0]), Duration::ZERO);
        assert!(again.is_ok());
        assert_eq!(lock(&shared.doors).len(), 3);
        // ... nor does one that is broken.
        porches[1].broken.store(true, Ordering::SeqCst);
        assert_eq!(shared.answer_doors(Instant::now()), 0);
        let broken = lent.remove(1).join().unwrap();
        assert_eq!(broken.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(lock(&shared.doors).len(), 2);
        // What went wrong in the last moment of being busy is not forgotten.
        porches[2].broken.store(true, Ordering::SeqCst);
        assert_eq!(shared.answer_doors(Instant::now()), 0);
        shared.calm();
        let [first, last] = [0, 1].map(|_| lent.remove(0).join().unwrap());
        assert!(first.is_ok() && last.is_err());
    });
    assert!(lock(&shared.doors).is_empty());
    scene.pool.rouse();
    for peer in &peers {
        scene.until_served(peer, 1);
    }
    scene.end(&peers);
}
