//! Tests of every transition in the pool's graph, with scripted tasks.

mod acceptors;
mod fake;
mod stress;
mod wakeups;

use std::sync::atomic::Ordering;
use std::sync::Arc;

use self::fake::{Fixture, Gate, Input, Peer, WaitCounts};
use super::worker::CLOSED_LOOP_REQUESTS;
use crate::util::lock::lock;

#[test]
fn an_idle_task_is_awaited_run_and_awaited_again() {
    let fixture = Fixture::new(4);
    let peers = fixture.admit_idle(1);
    for times in 1..=3 {
        peers[0].send(Input::Quick);
        fixture.until("idle again", || {
            peers[0].served() == times && peers[0].is_awaited()
        });
    }
    assert_eq!(peers[0].polls(), 0, "the scan list was used");
    assert_eq!(lock(&fixture.shared.state).scans, 0);
    fixture.end(&peers);
}

#[test]
fn enters_and_leaves_scanning_mode() {
    let fixture = Fixture::new(4);
    let peer = Peer::new();
    // A peer whose next request is always there is in a closed loop.
    let count = CLOSED_LOOP_REQUESTS as usize * 200;
    for _ in 0..count {
        peer.send(Input::Quick);
    }
    fixture.pool.admit(peer.task()).ok().unwrap();
    fixture.until_served(&peer, count);
    assert!(peer.polls() > 0, "the scan list was never used");
    fixture.until("idle again", || peer.is_awaited());
    fixture.until("without a scan", || {
        lock(&fixture.shared.state).scan.is_none()
    });
    assert!(!fixture.shared.scanning_mode.load(Ordering::SeqCst));
    fixture.end(&[peer]);
}

#[test]
fn half_a_request_waits_in_the_scan_list() {
    let fixture = Fixture::new(4);
    let peers = fixture.admit_idle(1);
    peers[0].send(Input::Part);
    fixture.until("cold", || fixture.scan_list() == (0, 1));
    assert_eq!(fixture.permits(), 0, "nobody waits on it");
    peers[0].send(Input::Part);
    peers[0].send(Input::Quick);
    fixture.until("idle again", || {
        peers[0].served() == 1 && peers[0].is_awaited()
    });
    fixture.end(&peers);
}

#[test]
fn without_a_permit_a_task_is_cold_and_still_runs() {
    let fixture = Fixture::new(4);
    let mut peers = fixture.admit_idle(2);
    peers.push(fixture.admit());
    fixture.until("cold", || fixture.scan_list() == (0, 1));
    assert_eq!(fixture.permits(), 2);
    for times in 1..=3 {
        peers[2].send(Input::Quick);
        fixture.until("cold again", || {
            peers[2].served() == times && fixture.scan_list() == (0, 1)
        });
    }
    peers[0].send(Input::End);
    fixture.until("held in its stead", || peers[2].is_awaited());
    fixture.end(&peers);
}

#[test]
fn permits_for_idle_tasks_and_uploads_are_bounded() {
    for &(size, held, uploads) in &[
        (2, 0, 1),
        (3, 1, 2),
        (4, 2, 3),
        (7, 5, 6),
        (8, 6, 7),
        (12, 9, 10),
        (16, 12, 14),
    ] {
        let fixture = Fixture::new(size);
        let counts: Arc<WaitCounts> = Arc::default();
        let admit = |input| fixture.admit_with(&counts, input);
        let mut peers: Vec<_> = (0..size * 2).map(|_| admit(None)).collect();
        fixture.until("held as many as may be", || fixture.permits() == held);
        fixture.until("the others cold", || {
            fixture.scan_list() == (0, size * 2 - held)
        });
        let gate = Gate::new();
        for _ in 0..size * 2 {
            peers.push(admit(Some(Input::Long(Arc::clone(&gate)))));
        }
        fixture.until("waiting as many as may be", || {
            counts.waiting.load(Ordering::SeqCst) == uploads
        });
        gate.open();
        for peer in &peers[size * 2..] {
            fixture.until_served(peer, 1);
        }
        for peer in &peers {
            peer.send(Input::Quick);
            fixture.until("served", || peer.served() > 0);
        }
        let most = counts.most_waiting.load(Ordering::SeqCst);
        assert_eq!(most, uploads, "waited at once of {}", size);
        assert!(fixture.pool.worker_counts().workers <= size);
        fixture.end(&peers);
    }
}

#[test]
fn no_worker_waits_for_a_closing_task_and_its_end_is_noticed() {
    for (size, others) in [(1, 0), (1, 2), (4, 0), (4, 8)] {
        let fixture = Fixture::new(size);
        let quiet: Vec<_> = (0..others).map(|_| fixture.admit()).collect();
        let peers: Vec<_> = (0..5).map(|_| fixture.admit()).collect();
        for peer in &peers {
            peer.send(Input::Last);
            fixture.until_served(peer, 1);
            assert!(!peer.is_awaited());
            peer.send(Input::End);
        }
        fixture.until("dropped", || peers.iter().all(|peer| peer.is_dropped()));
        fixture.end(&quiet);
    }
}

#[test]
fn a_pool_of_one_runs_all_uploads() {
    let fixture = Fixture::new(1);
    let open = Gate::new();
    open.open();
    let peers: Vec<_> = (0..5).map(|_| fixture.admit()).collect();
    for times in 1..=3 {
        for peer in &peers {
            peer.send(match times {
                2 => Input::Long(Arc::clone(&open)),
                _ => Input::Quick,
            });
        }
        for peer in &peers {
            fixture.until_served(peer, times);
        }
    }
    assert_eq!(fixture.pool.worker_counts().workers, 1);
    fixture.end(&peers);
}

#[test]
fn a_stalled_scanner_is_replaced_and_comes_back() {
    let fixture = Fixture::new(4);
    fixture.enter_scanning_mode();
    let gate = Gate::new();
    let mut peers =
        vec![fixture.admit_with(&Arc::default(), Some(Input::Gated(Arc::clone(&gate))))];
    fixture.until("stalled", || peers[0].is_running());
    for _ in 0..5 {
        peers.push(fixture.admit_with(&Arc::default(), Some(Input::Quick)));
    }
    for peer in &peers[1..] {
        fixture.until_served(peer, 1);
    }
    assert!(peers[0].is_running(), "still");
    gate.open();
    peers[0].send(Input::Quick);
    fixture.until_served(&peers[0], 2);
    fixture.until("back", || lock(&fixture.shared.state).stalled == 0);
    fixture.end(&peers);
}

#[test]
fn slow_handlers_use_all_workers_but_the_scanner() {
    let fixture = Fixture::new(8);
    fixture.enter_scanning_mode();
    let gate = Gate::new();
    let gated = || Some(Input::Gated(Arc::clone(&gate)));
    let mut peers: Vec<_> = (0..7)
        .map(|_| fixture.admit_with(&Arc::default(), gated()))
        .collect();
    // All workers but one can be in a handler at once. The last one must still scan.
    fixture.until("in seven handlers", || peers.iter().all(|p| p.is_running()));
    peers.push(fixture.admit_with(&Arc::default(), Some(Input::Quick)));
    fixture.until_served(&peers[7], 1);
    gate.open();
    fixture.until("back", || lock(&fixture.shared.state).stalled == 0);
    fixture.end(&peers);
}

#[test]
fn uploads_without_a_permit_delay_no_other_task() {
    let fixture = Fixture::new(4);
    let gate = Gate::new();
    let long = || Some(Input::Long(Arc::clone(&gate)));
    let mut peers: Vec<_> = (0..9)
        .map(|_| fixture.admit_with(&Arc::default(), long()))
        .collect();
    let served_now = |peers: &[Arc<Peer>]| peers.iter().filter(|p| p.is_running()).count();
    fixture.until("in three uploads", || served_now(&peers) == 3);
    for _ in 0..20 {
        let fresh = fixture.admit_with(&Arc::default(), Some(Input::Quick));
        fixture.until_served(&fresh, 1);
        assert_eq!(served_now(&peers[..9]), 3);
        peers.push(fresh);
    }
    gate.open();
    for peer in &peers {
        fixture.until_served(peer, 1);
    }
    fixture.end(&peers);
}

#[test]
fn a_panic_ends_its_task_alone() {
    // The panic occurs with a worker, in the scan list in blocking mode, and in scanning mode.
    for &(permits_left, scanning) in &[(true, false), (false, false), (true, true)] {
        let fixture = Fixture::new(4);
        let mut peers = fixture.admit_idle(if permits_left { 0 } else { 2 });
        for _ in 0..4 {
            for input in [
                Input::Panics,
                Input::PanicsOnArrival,
                Input::PanicsWhenDropped,
            ] {
                if scanning {
                    fixture.enter_scanning_mode();
                }
                let peer = fixture.admit();
                peer.send(Input::Quick);
                fixture.until_served(&peer, 1);
                peer.send(input);
                fixture.until("dropped", || peer.is_dropped());
                peers.push(peer);
            }
        }
        let peer = fixture.admit_with(&Arc::default(), Some(Input::Quick));
        fixture.until_served(&peer, 1);
        peers.push(peer);
        fixture.end(&peers);
    }
}

#[test]
fn a_panic_in_an_upload_releases_its_permit() {
    let fixture = Fixture::new(4);
    for _ in 0..8 {
        let peer = fixture.admit_with(&Arc::default(), Some(Input::LongPanics));
        fixture.until("dropped", || peer.is_dropped());
    }
    fixture.until("free", || fixture.permits() == 0);
    let peers = fixture.admit_idle(2);
    fixture.end(&peers);
}

#[test]
fn workers_end_with_the_last_task_of_a_closed_pool() {
    let fixture = Fixture::new(4);
    let mut peers = fixture.admit_idle(2);
    peers.push(fixture.admit());
    fixture.until("cold", || fixture.scan_list() == (0, 1));
    let Fixture { pool, shared, .. } = fixture;
    drop(pool);
    for peer in &peers {
        peer.send(Input::Quick);
        fake::until(&shared, "served", || peer.served() == 1);
        peer.send(Input::End);
    }
    fake::until(&shared, "without workers", || {
        lock(&shared.state).workers == 0
    });
    assert!(peers.iter().all(|peer| peer.is_dropped()));
}
