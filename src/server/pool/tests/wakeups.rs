//! Tests of wake-ups: every fault found so far by which a task was forgotten, waited for the
//! handler of another task, or was polled without need. Each test has failed once.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fake::{span, Fixture, Gate, Input, Peer};
use crate::server::pool::state::{heartbeat, Job, SPAWN_RETRY_INTERVAL};
use crate::util::lock::lock;

/// Returns a pool of four workers: one waits for an idle task, two are in a handler behind the
/// gate, and one is idle.
fn one_idle_worker_of_four() -> (Fixture, Vec<Arc<Peer>>, Arc<Gate>) {
    let fixture = Fixture::new(4);
    let gate = Gate::new();
    let mut peers = fixture.admit_idle(2);
    // There is no permit for the third task. Another worker than the scanner runs it; the scanner
    // is idle then.
    peers.push(fixture.admit());
    fixture.until("cold", || fixture.scan_list() == (0, 1));
    for peer in &peers[1..] {
        peer.send(Input::Gated(Arc::clone(&gate)));
        fixture.until("in a handler", || peer.is_running());
    }
    fixture.until("one idle", || {
        let state = lock(&fixture.shared.state);
        (state.workers, state.idle, state.scan) == (4, 1, None)
    });
    assert_eq!(fixture.permits(), 1);
    (fixture, peers, gate)
}

#[test]
fn the_scan_list_is_polled_although_the_last_idle_worker_has_a_queued_task() {
    for &enqueue_first in &[true, false] {
        let (fixture, mut peers, gate) = one_idle_worker_of_four();
        let (to_scan, to_await) = (Peer::new(), Peer::new());
        to_scan.send(Input::Quick);
        fixture.shared.tasks.fetch_add(2, Ordering::SeqCst);
        let mut state = lock(&fixture.shared.state);
        if enqueue_first {
            fixture
                .shared
                .enqueue(&mut state, Job::AwaitRequest, to_await.task());
        }
        fixture.shared.add_to_scan_list(&mut state, to_scan.task());
        if !enqueue_first {
            fixture
                .shared
                .enqueue(&mut state, Job::AwaitRequest, to_await.task());
        }
        drop(state);
        fixture.until_served(&to_scan, 1);
        to_await.send(Input::Quick);
        fixture.until_served(&to_await, 1);
        gate.open();
        peers.extend([to_scan, to_await]);
        fixture.end(&peers);
    }
}

#[test]
fn a_load_that_begins_during_a_sleep_has_a_watchdog() {
    let fixture = Fixture::new(4);
    let gate = Gate::new();
    let mut peers = fixture.admit_idle(2);
    peers.push(fixture.admit());
    fixture.until("asleep beside an idle worker", || {
        let state = lock(&fixture.shared.state);
        state.scanner_sleeps && state.idle == 1 && !state.watchdog
    });
    fixture.enter_scanning_mode();
    peers.push(fixture.admit_with(&Arc::default(), Some(Input::Gated(Arc::clone(&gate)))));
    fixture.until("stalled", || peers[3].is_running());
    peers.push(fixture.admit_with(&Arc::default(), Some(Input::Quick)));
    fixture.until_served(&peers[4], 1);
    assert!(peers[3].is_running(), "still");
    gate.open();
    fixture.end(&peers);
}

#[test]
fn taking_a_queued_task_leaves_the_workers_exhausted() {
    let (fixture, peers, gate) = one_idle_worker_of_four();
    let queued = Peer::new();
    queued.send(Input::Gated(Arc::clone(&gate)));
    fixture.shared.tasks.fetch_add(1, Ordering::SeqCst);
    // Under one lock. The idle worker may be about to wake for an earlier task, find no work, and
    // reset the flag because it is free.
    let mut state = lock(&fixture.shared.state);
    fixture
        .shared
        .workers_exhausted
        .store(true, Ordering::SeqCst);
    fixture
        .shared
        .enqueue(&mut state, Job::AwaitRequest, queued.task());
    drop(state);
    fixture.until("in a handler", || queued.is_running());
    assert!(fixture.shared.workers_exhausted.load(Ordering::SeqCst));
    gate.open();
    fixture.until("free", || {
        !fixture.shared.workers_exhausted.load(Ordering::SeqCst)
    });
    fixture.end(&[peers, vec![queued]].concat());
}

#[test]
fn endless_pipelining_leaves_a_worker_for_others() {
    let fixture = Fixture::new(4);
    let gate = Gate::new();
    let gated = || Some(Input::Gated(Arc::clone(&gate)));
    let mut peers = fixture.admit_idle(2);
    for peer in &peers {
        peer.send(Input::QuickEndless);
    }
    // One worker is in a handler, the scanner in another, and two run the endless tasks.
    for _ in 0..2 {
        let peer = fixture.admit_with(&Arc::default(), gated());
        fixture.until("in a handler", || peer.is_running());
        peers.push(peer);
    }
    for _ in 0..5 {
        let peer = fixture.admit_with(&Arc::default(), Some(Input::Quick));
        fixture.until_served(&peer, 1);
        peers.push(peer);
    }
    gate.open();
    fixture.end(&peers);
}

/// Returns so many idle tasks without a permit that the scanner's sleeps are of the longest.
fn a_crowd(fixture: &Fixture) -> Vec<Arc<Peer>> {
    let peers: Vec<_> = (0..12_000).map(|_| fixture.admit()).collect();
    fixture.until("all cold or held", || {
        fixture.scan_list() == (0, peers.len() - fixture.permits()) && fixture.permits() > 0
    });
    peers
}

/// Waits until a sleep of 400 ms begins.
fn until_a_sleep_begins(fixture: &Fixture) {
    fixture.until("awake", || !lock(&fixture.shared.state).scanner_sleeps);
    fixture.until_asleep();
}

/// Time within which a sleep must end: less than the 400 ms of a sleep, and enough for a machine
/// with other work.
const AT_ONCE: Duration = Duration::from_millis(250);

#[test]
fn scan_all_ends_the_sleep() {
    let fixture = Fixture::new(4);
    let peers = a_crowd(&fixture);
    let rescan = || {
        until_a_sleep_begins(&fixture);
        let before: Vec<_> = peers.iter().map(|peer| peer.polls()).collect();
        let began = Instant::now();
        fixture.pool.scan_all();
        fixture.until("polled", || {
            let polled =
                |(peer, before): (&Arc<Peer>, &usize)| peer.is_awaited() || peer.polls() > *before;
            peers.iter().zip(&before).all(polled)
        });
        began.elapsed()
    };
    // On a loaded machine, so many polls may take long. The sleep would take long each time.
    assert!((0..5).any(|_| rescan() < AT_ONCE));
    fixture.end(&peers);
}

#[test]
fn an_entry_put_back_by_a_replaced_scanner_ends_the_sleep() {
    assert!((0..5).any(|_| time_until_an_entry_put_back_runs() < AT_ONCE));
}

fn time_until_an_entry_put_back_runs() -> Duration {
    let fixture = Fixture::new(4);
    let mut peers = a_crowd(&fixture);
    let (short, long) = (Gate::new(), Gate::new());
    // The only other worker is in a handler: the scanner runs the next task itself.
    for gate in [&short, &long] {
        let peer = fixture.admit_with(&Arc::default(), Some(Input::Gated(Arc::clone(gate))));
        fixture.until("in a handler", || peer.is_running());
        peers.push(peer);
    }
    short.open();
    fixture.until("replaced", || lock(&fixture.shared.state).stalled == 1);
    let replaced = &peers[peers.len() - 1];
    replaced.send(Input::Quick);
    fixture.until("quiet", || fixture.scan_list().0 == 0);
    until_a_sleep_begins(&fixture);
    let began = Instant::now();
    long.open();
    fixture.until_served(replaced, 2);
    let took = began.elapsed();
    fixture.end(&peers);
    took
}

#[test]
fn waiting_for_a_permit_is_no_busy_loop() {
    let fixture = Fixture::new(4);
    let gate = Gate::new();
    let long = || Some(Input::Long(Arc::clone(&gate)));
    let peers: Vec<_> = (0..9)
        .map(|_| fixture.admit_with(&Arc::default(), long()))
        .collect();
    let waiting = || peers.iter().filter(|peer| !peer.is_running());
    fixture.until("in three uploads", || waiting().count() == 6);
    fixture.until_asleep();
    let before: usize = peers.iter().map(|peer| peer.polls()).sum();
    span(Duration::from_millis(300));
    let after: usize = peers.iter().map(|peer| peer.polls()).sum();
    // At most 300 sleeps, each followed by two polls of all six. Without sleeps, there are far more
    // than 100,000 polls.
    assert!(after - before < 6_000, "{} polls", after - before);
    gate.open();
    for peer in &peers {
        fixture.until_served(peer, 1);
    }
    fixture.end(&peers);
}

#[test]
fn cold_tasks_are_polled_within_the_budget() {
    let fixture = Fixture::new(4);
    let peers: Vec<_> = (0..400)
        .map(|_| fixture.admit_with(&Arc::default(), Some(Input::Part)))
        .collect();
    fixture.until("all cold", || fixture.scan_list() == (0, 400));
    let before: usize = peers.iter().map(|peer| peer.polls()).sum();
    let began = Instant::now();
    span(Duration::from_millis(300));
    let after: usize = peers.iter().map(|peer| peer.polls()).sum();
    let took = began.elapsed().as_micros() as usize;
    // One poll for each 37.5 µs is 2 % of a core. The bound is half as much again, because the span
    // begins at any point of an interval.
    assert!(
        (after - before) * 25 < took,
        "{} polls in {} µs",
        after - before,
        took
    );
    assert!(after > before, "none at all");
    fixture.end(&peers);
}

#[test]
fn a_takeover_changes_the_heartbeat_at_once() {
    let fixture = Fixture::new(2);
    let mut state = lock(&fixture.shared.state);
    let before = fixture.shared.heartbeat.load(Ordering::SeqCst);
    // Without this, a scanner whose handler returns meanwhile would not notice the takeover.
    fixture.shared.begin_scan(&mut state);
    assert_ne!(fixture.shared.heartbeat.load(Ordering::SeqCst), before);
    state.scan = None;
    drop(state);
    fixture.end(&[]);
}

#[test]
fn a_scanner_that_returns_in_time_is_not_replaced() {
    let fixture = Fixture::new(2);
    let state = lock(&fixture.shared.state);
    let (running, done) = (heartbeat(1, 1), heartbeat(1, 2));
    fixture.shared.heartbeat.store(running, Ordering::SeqCst);
    // The watchdog reads the heartbeat; the handler returns; the watchdog tries to take over.
    fixture.shared.heartbeat.store(done, Ordering::SeqCst);
    assert!(!fixture.shared.take_over(&state, running));
    fixture.shared.heartbeat.store(running, Ordering::SeqCst);
    assert!(fixture.shared.take_over(&state, running));
    assert_ne!(fixture.shared.heartbeat.load(Ordering::SeqCst), running);
    drop(state);
    fixture.end(&[]);
}

#[test]
fn idle_tasks_leave_a_permit_for_an_upload() {
    for &size in &[2, 3, 4, 7, 8, 16] {
        let fixture = Fixture::new(size);
        let open = Gate::new();
        open.open();
        let mut peers: Vec<_> = (0..size * 2).map(|_| fixture.admit()).collect();
        fixture.until("held or cold", || {
            let held = peers.iter().filter(|peer| peer.is_awaited()).count();
            fixture.scan_list() == (0, peers.len() - held)
        });
        let upload = fixture.admit_with(&Arc::default(), Some(Input::Long(open)));
        fixture.until_served(&upload, 1);
        peers.push(upload);
        fixture.end(&peers);
    }
}

#[test]
fn tasks_run_with_few_threads() {
    for &threads in &[1, 2, 3] {
        let fixture = Fixture::new(8);
        fixture.threads_left.store(threads, Ordering::SeqCst);
        let open = Gate::new();
        open.open();
        let peers: Vec<_> = (0..8).map(|_| fixture.admit()).collect();
        for times in 1..=4 {
            for peer in &peers {
                match times {
                    3 => peer.send(Input::Long(Arc::clone(&open))),
                    _ => peer.send(Input::Quick),
                }
            }
            for peer in &peers {
                fixture.until_served(peer, times);
            }
        }
        // No task moves again and again between the scan list and workers without a permit.
        fixture.until("quiet", || fixture.scan_list().0 == 0);
        span(SPAWN_RETRY_INTERVAL);
        let before: usize = peers.iter().map(|peer| peer.polls()).sum();
        span(Duration::from_millis(200));
        let after: usize = peers.iter().map(|peer| peer.polls()).sum();
        assert!(after - before < 6_000, "{} polls", after - before);
        fixture.end(&peers);
    }
}

#[test]
fn without_a_thread_the_task_is_returned() {
    let fixture = Fixture::new(4);
    fixture.threads_left.store(0, Ordering::SeqCst);
    for &scanning in &[false, true] {
        fixture
            .shared
            .scanning_mode
            .store(scanning, Ordering::SeqCst);
        let peer = Peer::new();
        assert!(fixture.pool.admit(peer.task()).is_err());
        assert!(peer.is_dropped(), "it was given back, and dropped here");
    }
    fixture.shared.scanning_mode.store(false, Ordering::SeqCst);
    fixture.threads_left.store(4, Ordering::SeqCst);
    let peers = fixture.admit_idle(2);
    fixture.end(&peers);
}
