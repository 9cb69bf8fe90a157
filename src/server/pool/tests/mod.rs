//! Every transition of the pool's graph, with tasks that have no socket.

mod doors;
mod fake;
mod stress;
mod wakeups;

use std::sync::atomic::Ordering;
use std::sync::Arc;

use self::fake::{Ask, Crowd, Gate, Peer, Scene};
use super::worker::CLOSED_LOOP_STREAK;
use crate::util::lock::lock;

#[test]
fn a_quiet_guest_is_held_served_and_held_again() {
    let scene = Scene::new(4);
    let peers = scene.hold(1);
    for times in 1..=3 {
        peers[0].send(Ask::Quick);
        scene.until("held again", || {
            peers[0].served() == times && peers[0].is_held()
        });
    }
    assert_eq!(peers[0].looks(), 0, "it was never in the ring");
    assert_eq!(lock(&scene.shared.state).sweeps, 0);
    scene.end(&peers);
}

#[test]
fn calm_becomes_busy_and_calm_again() {
    let scene = Scene::new(4);
    let peer = Peer::new();
    // A peer that always has the next request ready is in a closed loop.
    let count = CLOSED_LOOP_STREAK as usize * 200;
    for _ in 0..count {
        peer.send(Ask::Quick);
    }
    scene.pool.admit(peer.task()).ok().unwrap();
    scene.until_served(&peer, count);
    assert!(peer.looks() > 0, "the ring was never used");
    scene.until("held again", || peer.is_held());
    scene.until("calm", || lock(&scene.shared.state).sweep.is_none());
    assert!(!scene.shared.busy.load(Ordering::SeqCst));
    scene.end(&[peer]);
}

#[test]
fn half_a_request_waits_in_the_ring_and_is_held_when_whole() {
    let scene = Scene::new(4);
    let peers = scene.hold(1);
    peers[0].send(Ask::Part);
    scene.until("cold", || scene.ring() == (0, 1));
    assert_eq!(scene.taken(), 0, "nobody waits on it");
    peers[0].send(Ask::Part);
    peers[0].send(Ask::Quick);
    scene.until("held again", || {
        peers[0].served() == 1 && peers[0].is_held()
    });
    scene.end(&peers);
}

#[test]
fn without_a_place_a_guest_is_cold_and_served_all_the_same() {
    let scene = Scene::new(4);
    let mut peers = scene.hold(2);
    peers.push(scene.admit());
    scene.until("cold", || scene.ring() == (0, 1));
    assert_eq!(scene.taken(), 2);
    for times in 1..=3 {
        peers[2].send(Ask::Quick);
        scene.until("cold again", || {
            peers[2].served() == times && scene.ring() == (0, 1)
        });
    }
    peers[0].send(Ask::End);
    scene.until("held in its stead", || peers[2].is_held());
    scene.end(&peers);
}

#[test]
fn quiet_guests_and_uploads_take_so_many_workers_and_no_more() {
    for &(size, held, uploads) in &[
        (2, 0, 1),
        (3, 1, 2),
        (4, 2, 3),
        (7, 5, 6),
        (8, 6, 7),
        (12, 9, 10),
        (16, 12, 14),
    ] {
        let scene = Scene::new(size);
        let crowd: Arc<Crowd> = Arc::default();
        let admit = |ask| scene.admit_with(&crowd, ask);
        let mut peers: Vec<_> = (0..size * 2).map(|_| admit(None)).collect();
        scene.until("held as many as may be", || scene.taken() == held);
        scene.until("the others cold", || scene.ring() == (0, size * 2 - held));
        let gate = Gate::new();
        for _ in 0..size * 2 {
            peers.push(admit(Some(Ask::Long(Arc::clone(&gate)))));
        }
        scene.until("waiting as many as may be", || {
            crowd.waiting.load(Ordering::SeqCst) == uploads
        });
        gate.open();
        for peer in &peers[size * 2..] {
            scene.until_served(peer, 1);
        }
        for peer in &peers {
            peer.send(Ask::Quick);
            scene.until("served", || peer.served() > 0);
        }
        let most = crowd.most_waiting.load(Ordering::SeqCst);
        assert_eq!(most, uploads, "waited at once of {}", size);
        assert!(scene.pool.worker_counts().workers <= size);
        scene.end(&peers);
    }
}

#[test]
fn nobody_waits_for_one_who_is_to_leave_and_its_end_is_seen() {
    for (size, others) in [(1, 0), (1, 2), (4, 0), (4, 8)] {
        let scene = Scene::new(size);
        let quiet: Vec<_> = (0..others).map(|_| scene.admit()).collect();
        let peers: Vec<_> = (0..5).map(|_| scene.admit()).collect();
        for peer in &peers {
            peer.send(Ask::Last);
            scene.until_served(peer, 1);
            assert!(!peer.is_held());
            peer.send(Ask::End);
        }
        scene.until("over", || peers.iter().all(|peer| peer.is_over()));
        scene.end(&quiet);
    }
}

#[test]
fn a_pool_of_one_serves_all_uploads_too() {
    let scene = Scene::new(1);
    let open = Gate::new();
    open.open();
    let peers: Vec<_> = (0..5).map(|_| scene.admit()).collect();
    for times in 1..=3 {
        for peer in &peers {
            peer.send(match times {
                2 => Ask::Long(Arc::clone(&open)),
                _ => Ask::Quick,
            });
        }
        for peer in &peers {
            scene.until_served(peer, times);
        }
    }
    assert_eq!(scene.pool.worker_counts().workers, 1);
    scene.end(&peers);
}

#[test]
fn a_stalled_sweeper_is_relieved_and_comes_back() {
    let scene = Scene::new(4);
    scene.make_busy();
    let gate = Gate::new();
    let mut peers = vec![scene.admit_with(&Arc::default(), Some(Ask::Gated(Arc::clone(&gate))))];
    scene.until("stalled", || peers[0].is_being_served());
    for _ in 0..5 {
        peers.push(scene.admit_with(&Arc::default(), Some(Ask::Quick)));
    }
    for peer in &peers[1..] {
        scene.until_served(peer, 1);
    }
    assert!(peers[0].is_being_served(), "still");
    gate.open();
    peers[0].send(Ask::Quick);
    scene.until_served(&peers[0], 2);
    scene.until("back", || lock(&scene.shared.state).stalled == 0);
    scene.end(&peers);
}

#[test]
fn slow_handlers_have_all_workers_but_one_and_the_ring_is_still_swept() {
    let scene = Scene::new(8);
    scene.make_busy();
    let gate = Gate::new();
    let gated = || Some(Ask::Gated(Arc::clone(&gate)));
    let mut peers: Vec<_> = (0..7)
        .map(|_| scene.admit_with(&Arc::default(), gated()))
        .collect();
    // All but one of the workers can be in a handler at once: it needs that the last looks on.
    scene.until("in seven handlers", || {
        peers.iter().all(|p| p.is_being_served())
    });
    peers.push(scene.admit_with(&Arc::default(), Some(Ask::Quick)));
    scene.until_served(&peers[7], 1);
    gate.open();
    scene.until("back", || lock(&scene.shared.state).stalled == 0);
    scene.end(&peers);
}

#[test]
fn uploads_without_a_place_wait_and_hold_up_nobody() {
    let scene = Scene::new(4);
    let gate = Gate::new();
    let long = || Some(Ask::Long(Arc::clone(&gate)));
    let mut peers: Vec<_> = (0..9)
        .map(|_| scene.admit_with(&Arc::default(), long()))
        .collect();
    let served_now = |peers: &[Arc<Peer>]| peers.iter().filter(|p| p.is_being_served()).count();
    scene.until("in three uploads", || served_now(&peers) == 3);
    for _ in 0..20 {
        let fresh = scene.admit_with(&Arc::default(), Some(Ask::Quick));
        scene.until_served(&fresh, 1);
        assert_eq!(served_now(&peers[..9]), 3);
        peers.push(fresh);
    }
    gate.open();
    for peer in &peers {
        scene.until_served(peer, 1);
    }
    scene.end(&peers);
}

#[test]
fn a_panic_ends_its_guest_and_nothing_else() {
    // Where the task is when it strikes: held, in the ring while calm, in the ring while busy.
    for &(places_left, busy) in &[(true, false), (false, false), (true, true)] {
        let scene = Scene::new(4);
        let mut peers = scene.hold(if places_left { 0 } else { 2 });
        for _ in 0..4 {
            for ask in [Ask::Panics, Ask::PanicsOnArrival, Ask::PanicsWhenDropped] {
                if busy {
                    scene.make_busy();
                }
                let peer = scene.admit();
                peer.send(Ask::Quick);
                scene.until_served(&peer, 1);
                peer.send(ask);
                scene.until("over", || peer.is_over());
                peers.push(peer);
            }
        }
        let peer = scene.admit_with(&Arc::default(), Some(Ask::Quick));
        scene.until_served(&peer, 1);
        peers.push(peer);
        scene.end(&peers);
    }
}

#[test]
fn a_panic_in_an_upload_gives_its_place_back() {
    let scene = Scene::new(4);
    for _ in 0..8 {
        let peer = scene.admit_with(&Arc::default(), Some(Ask::LongPanics));
        scene.until("over", || peer.is_over());
    }
    scene.until("free", || scene.taken() == 0);
    let peers = scene.hold(2);
    scene.end(&peers);
}

#[test]
fn workers_end_when_the_pool_is_closed_and_the_last_guest_is_over() {
    let scene = Scene::new(4);
    let mut peers = scene.hold(2);
    peers.push(scene.admit());
    scene.until("cold", || scene.ring() == (0, 1));
    let Scene { pool, shared } = scene;
    drop(pool);
    for peer in &peers {
        peer.send(Ask::Quick);
        fake::until(&shared, "served", || peer.served() == 1);
        peer.send(Ask::End);
    }
    fake::until(&shared, "without workers", || {
        lock(&shared.state).workers == 0
    });
    assert!(peers.iter().all(|peer| peer.is_over()));
}
