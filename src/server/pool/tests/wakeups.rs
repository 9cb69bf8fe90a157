//! Who wakes whom: every way found so far in which a task could have been forgotten, made to wait
//! for somebody else's handler, or looked at for nothing. Each of these failed once.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fake::{span, Ask, Gate, Peer, Scene};
use crate::server::pool::state::{pulse, Job, NO_THREAD_FOR};
use crate::util::lock::lock;

/// A pool of four: one worker holds, two are in a handler behind the gate, one is idle.
fn one_idle_worker_of_four() -> (Scene, Vec<Arc<Peer>>, Arc<Gate>) {
    let scene = Scene::new(4);
    let gate = Gate::new();
    let mut peers = scene.hold(2);
    // The third finds no place; it is served by another than the sweeper, who is idle then.
    peers.push(scene.admit());
    scene.until("cold", || scene.ring() == (0, 1));
    for peer in &peers[1..] {
        peer.send(Ask::Gated(Arc::clone(&gate)));
        scene.until("in its handler", || peer.is_being_served());
    }
    scene.until("one idle", || {
        let state = lock(&scene.shared.state);
        (state.workers, state.idle, state.sweep) == (4, 1, None)
    });
    assert_eq!(scene.taken(), 1);
    (scene, peers, gate)
}

#[test]
fn the_ring_is_swept_though_the_last_idle_worker_is_called_too() {
    for &call_first in &[true, false] {
        let (scene, mut peers, gate) = one_idle_worker_of_four();
        let (to_ring, to_hold) = (Peer::new(), Peer::new());
        to_ring.send(Ask::Quick);
        scene.shared.tasks.fetch_add(2, Ordering::SeqCst);
        let mut state = lock(&scene.shared.state);
        if call_first {
            scene
                .shared
                .call(&mut state, Job::AwaitRequest, to_hold.task());
        }
        scene.shared.to_ring(&mut state, to_ring.task());
        if !call_first {
            scene
                .shared
                .call(&mut state, Job::AwaitRequest, to_hold.task());
        }
        drop(state);
        scene.until_served(&to_ring, 1);
        to_hold.send(Ask::Quick);
        scene.until_served(&to_hold, 1);
        gate.open();
        peers.extend([to_ring, to_hold]);
        scene.end(&peers);
    }
}

#[test]
fn a_load_that_begins_during_a_nap_has_a_sentry() {
    let scene = Scene::new(4);
    let gate = Gate::new();
    let mut peers = scene.hold(2);
    peers.push(scene.admit());
    scene.until("napping beside an idle worker", || {
        let state = lock(&scene.shared.state);
        state.napping && state.idle == 1 && !state.sentry
    });
    scene.make_busy();
    peers.push(scene.admit_with(&Arc::default(), Some(Ask::Gated(Arc::clone(&gate)))));
    scene.until("stalled", || peers[3].is_being_served());
    peers.push(scene.admit_with(&Arc::default(), Some(Ask::Quick)));
    scene.until_served(&peers[4], 1);
    assert!(peers[3].is_being_served(), "still");
    gate.open();
    scene.end(&peers);
}

#[test]
fn answering_a_call_does_not_take_the_pressure_from_the_others() {
    let (scene, peers, gate) = one_idle_worker_of_four();
    let called = Peer::new();
    called.send(Ask::Gated(Arc::clone(&gate)));
    scene.shared.tasks.fetch_add(1, Ordering::SeqCst);
    // Under one lock: the idle worker may be about to wake from an earlier call, find nothing, and
    // relieve the others because it is free.
    let mut state = lock(&scene.shared.state);
    scene.shared.pressed.store(true, Ordering::SeqCst);
    scene
        .shared
        .call(&mut state, Job::AwaitRequest, called.task());
    drop(state);
    scene.until("in its handler", || called.is_being_served());
    assert!(scene.shared.pressed.load(Ordering::SeqCst));
    gate.open();
    scene.until("free", || !scene.shared.pressed.load(Ordering::SeqCst));
    scene.end(&[peers, vec![called]].concat());
}

#[test]
fn clients_that_pipeline_without_end_leave_a_worker_to_watch() {
    let scene = Scene::new(4);
    let gate = Gate::new();
    let gated = || Some(Ask::Gated(Arc::clone(&gate)));
    let mut peers = scene.hold(2);
    for peer in &peers {
        peer.send(Ask::QuickForEver);
    }
    // One worker is in a handler, the sweeper in another, and two serve the endless ones.
    for _ in 0..2 {
        let peer = scene.admit_with(&Arc::default(), gated());
        scene.until("in its handler", || peer.is_being_served());
        peers.push(peer);
    }
    for _ in 0..5 {
        let peer = scene.admit_with(&Arc::default(), Some(Ask::Quick));
        scene.until_served(&peer, 1);
        peers.push(peer);
    }
    gate.open();
    scene.end(&peers);
}

/// So many quiet tasks nobody has a place for that the sweeper's naps are of the longest.
fn a_crowd(scene: &Scene) -> Vec<Arc<Peer>> {
    let peers: Vec<_> = (0..12_000).map(|_| scene.admit()).collect();
    scene.until("all cold or held", || {
        scene.ring() == (0, peers.len() - scene.taken()) && scene.taken() > 0
    });
    peers
}

/// The sweeper has only just fallen asleep, for 400 ms.
fn until_a_nap_begins(scene: &Scene) {
    scene.until("awake", || !lock(&scene.shared.state).napping);
    scene.until_napping();
}

/// Well within the nap of 400 ms, and generous for a machine that has other work.
const AT_ONCE: Duration = Duration::from_millis(250);

#[test]
fn rousing_does_not_wait_for_the_nap_to_end() {
    let scene = Scene::new(4);
    let peers = a_crowd(&scene);
    let rouse = || {
        until_a_nap_begins(&scene);
        let before: Vec<_> = peers.iter().map(|peer| peer.looks()).collect();
        let began = Instant::now();
        scene.pool.rouse();
        scene.until("looked at", || {
            let looked_at =
                |(peer, before): (&Arc<Peer>, &usize)| peer.is_held() || peer.looks() > *before;
            peers.iter().zip(&before).all(looked_at)
        });
        began.elapsed()
    };
    // So many looks may take their time where others are at work; the nap would do so every time.
    assert!((0..5).any(|_| rouse() < AT_ONCE));
    scene.end(&peers);
}

#[test]
fn what_a_relieved_sweeper_puts_back_ends_the_nap() {
    assert!((0..5).any(|_| until_what_is_put_back_is_served() < AT_ONCE));
}

fn until_what_is_put_back_is_served() -> Duration {
    let scene = Scene::new(4);
    let mut peers = a_crowd(&scene);
    let (short, long) = (Gate::new(), Gate::new());
    // The only worker besides the sweeper is in a handler: it serves the next one itself.
    for gate in [&short, &long] {
        let peer = scene.admit_with(&Arc::default(), Some(Ask::Gated(Arc::clone(gate))));
        scene.until("in its handler", || peer.is_being_served());
        peers.push(peer);
    }
    short.open();
    scene.until("relieved", || lock(&scene.shared.state).stalled == 1);
    let relieved = &peers[peers.len() - 1];
    relieved.send(Ask::Quick);
    scene.until("quiet", || scene.ring().0 == 0);
    until_a_nap_begins(&scene);
    let began = Instant::now();
    long.open();
    scene.until_served(relieved, 2);
    let took = began.elapsed();
    scene.end(&peers);
    took
}

#[test]
fn waiting_for_a_place_is_not_looking_without_pause() {
    let scene = Scene::new(4);
    let gate = Gate::new();
    let long = || Some(Ask::Long(Arc::clone(&gate)));
    let peers: Vec<_> = (0..9)
        .map(|_| scene.admit_with(&Arc::default(), long()))
        .collect();
    let waiting = || peers.iter().filter(|peer| !peer.is_being_served());
    scene.until("in three uploads", || waiting().count() == 6);
    scene.until_napping();
    let before: usize = peers.iter().map(|peer| peer.looks()).sum();
    span(Duration::from_millis(300));
    let after: usize = peers.iter().map(|peer| peer.looks()).sum();
    // At most 300 naps, each with a look at all six or two. Without naps it is far above 100,000.
    assert!(after - before < 6_000, "{} looks", after - before);
    gate.open();
    for peer in &peers {
        scene.until_served(peer, 1);
    }
    scene.end(&peers);
}

#[test]
fn quiet_guests_are_looked_at_within_the_budget() {
    let scene = Scene::new(4);
    let peers: Vec<_> = (0..400)
        .map(|_| scene.admit_with(&Arc::default(), Some(Ask::Part)))
        .collect();
    scene.until("all cold", || scene.ring() == (0, 400));
    let before: usize = peers.iter().map(|peer| peer.looks()).sum();
    let began = Instant::now();
    span(Duration::from_millis(300));
    let after: usize = peers.iter().map(|peer| peer.looks()).sum();
    let took = began.elapsed().as_micros() as usize;
    // A look for each 37.5 µs: 2 % of a core. Half as much again for where the span begins.
    assert!(
        (after - before) * 25 < took,
        "{} looks in {} µs",
        after - before,
        took
    );
    assert!(after > before, "none at all");
    scene.end(&peers);
}

#[test]
fn a_takeover_shows_in_the_pulse_at_once() {
    let scene = Scene::new(2);
    let mut state = lock(&scene.shared.state);
    let before = scene.shared.pulse.load(Ordering::SeqCst);
    // Were it later, a sweeper that comes back meanwhile would not know that it was relieved.
    scene.shared.begin_sweep(&mut state);
    assert_ne!(scene.shared.pulse.load(Ordering::SeqCst), before);
    state.sweep = None;
    drop(state);
    scene.end(&[]);
}

#[test]
fn a_sweeper_that_comes_back_in_time_is_not_relieved() {
    let scene = Scene::new(2);
    let state = lock(&scene.shared.state);
    let (serving, done) = (pulse(1, 1), pulse(1, 2));
    scene.shared.pulse.store(serving, Ordering::SeqCst);
    // The sentry has read the pulse; then the sweeper is done; then the sentry acts.
    scene.shared.pulse.store(done, Ordering::SeqCst);
    assert!(!scene.shared.relieve(&state, serving));
    scene.shared.pulse.store(serving, Ordering::SeqCst);
    assert!(scene.shared.relieve(&state, serving));
    assert_ne!(scene.shared.pulse.load(Ordering::SeqCst), serving);
    drop(state);
    scene.end(&[]);
}

#[test]
fn quiet_guests_do_not_keep_an_upload_from_its_place() {
    for &size in &[2, 3, 4, 7, 8, 16] {
        let scene = Scene::new(size);
        let open = Gate::new();
        open.open();
        let mut peers: Vec<_> = (0..size * 2).map(|_| scene.admit()).collect();
        scene.until("held or cold", || {
            let held = peers.iter().filter(|peer| peer.is_held()).count();
            scene.ring() == (0, peers.len() - held)
        });
        let upload = scene.admit_with(&Arc::default(), Some(Ask::Long(open)));
        scene.until_served(&upload, 1);
        peers.push(upload);
        scene.end(&peers);
    }
}

#[test]
fn guests_are_served_by_as_few_threads_as_there_are() {
    for &threads in &[1, 2, 3] {
        let scene = Scene::new(8);
        scene.shared.most_threads.store(threads, Ordering::SeqCst);
        let open = Gate::new();
        open.open();
        let peers: Vec<_> = (0..8).map(|_| scene.admit()).collect();
        for times in 1..=4 {
            for peer in &peers {
                match times {
                    3 => peer.send(Ask::Long(Arc::clone(&open))),
                    _ => peer.send(Ask::Quick),
                }
            }
            for peer in &peers {
                scene.until_served(peer, times);
            }
        }
        // Nobody is handed to and fro between a ring and workers that may not hold him.
        scene.until("quiet", || scene.ring().0 == 0);
        span(NO_THREAD_FOR);
        let before: usize = peers.iter().map(|peer| peer.looks()).sum();
        span(Duration::from_millis(200));
        let after: usize = peers.iter().map(|peer| peer.looks()).sum();
        assert!(after - before < 6_000, "{} looks", after - before);
        scene.end(&peers);
    }
}

#[test]
fn without_a_single_thread_the_guest_is_given_back() {
    let scene = Scene::new(4);
    scene.shared.most_threads.store(0, Ordering::SeqCst);
    for &busy in &[false, true] {
        scene.shared.busy.store(busy, Ordering::SeqCst);
        let peer = Peer::new();
        assert!(scene.pool.admit(peer.task()).is_err());
        assert!(peer.is_over(), "it was given back, and dropped here");
    }
    scene.shared.busy.store(false, Ordering::SeqCst);
    scene.shared.most_threads.store(4, Ordering::SeqCst);
    let peers = scene.hold(2);
    scene.end(&peers);
}
