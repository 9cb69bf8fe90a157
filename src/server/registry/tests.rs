//! Tests of the registry over real sockets. Threads of the tests do the connections' part.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::drain::{Selection, ANNOUNCED_GRACE_TIME, FRESH_GRACE_TIME};
use super::{ConnectionHandle, ConnectionState, Drained, InFlight, Registry};
use crate::util::lock::lock;

/// Longest wait of a test: 10 s, more than any step here takes.
const PATIENCE: Duration = Duration::from_secs(10);
const FOREVER: usize = usize::MAX;

/// A registry, and a listener for its clients.
struct Fixture {
    registry: Arc<Registry>,
    listener: TcpListener,
}

impl Fixture {
    fn new() -> Fixture {
        Fixture {
            registry: Arc::new(Registry::new()),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
        }
    }

    fn pair(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        let (stream, _) = self.listener.accept().unwrap();
        for end in [&client, &stream] {
            end.set_read_timeout(Some(PATIENCE)).unwrap();
        }
        (client, stream)
    }

    fn enter(&self, state: ConnectionState) -> (TcpStream, Arc<ConnectionHandle>) {
        let (client, handle) = self.try_enter(FOREVER, state);
        (client, handle.expect("there is room"))
    }

    fn try_enter(
        &self,
        most: usize,
        state: ConnectionState,
    ) -> (TcpStream, Option<Arc<ConnectionHandle>>) {
        self.try_enter_by(0, most, state)
    }

    fn try_enter_by(
        &self,
        listener_id: u32,
        most: usize,
        state: ConnectionState,
    ) -> (TcpStream, Option<Arc<ConnectionHandle>>) {
        let (client, stream) = self.pair();
        let peer = stream.peer_addr().unwrap();
        let handle = self.registry.enter(stream, peer, listener_id, most).ok();
        if let Some(handle) = &handle {
            handle.set_state(state);
        }
        (client, handle)
    }

    /// Returns the number of connections in flight, and of all others.
    fn count(&self) -> (u64, u64) {
        let counts = ConnectionState::ALL.into_iter().zip(self.registry.count());
        let (busy, rest): (Vec<_>, Vec<_>) = counts.partition(|(state, _)| state.is_in_flight());
        let sum = |these: Vec<(ConnectionState, u64)>| these.iter().map(|(_, count)| count).sum();
        (sum(busy), sum(rest))
    }

    /// Drains in another thread, which sends the result.
    fn drain(&self, deadline: Option<Instant>) -> mpsc::Receiver<Drained> {
        let (done, drained) = mpsc::channel();
        let registry = Arc::clone(&self.registry);
        thread::spawn(move || done.send(registry.drain(|_| true, deadline, || {})));
        drained
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never {}", what);
        thread::park_timeout(Duration::from_micros(100));
    }
}

fn reads_the_end(mut stream: &TcpStream) -> bool {
    matches!(stream.read(&mut [0; 16]), Ok(0))
}

fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = (&mut &*stream).read(&mut [0; 16]);
    stream.set_nonblocking(false).unwrap();
    matches!(read, Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}

#[test]
fn a_connection_beyond_the_limit_replaces_the_idlest() {
    let fixture = Fixture::new();
    let (_a, first) = fixture.try_enter(3, ConnectionState::Idle);
    let (_b, second) = fixture.try_enter(3, ConnectionState::Idle);
    let (_c, third) = fixture.try_enter(3, ConnectionState::Handler);
    let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
    let now = Instant::now();
    fixture
        .registry
        .became_idle(&first, now + Duration::from_secs(2));
    fixture
        .registry
        .became_idle(&second, now + Duration::from_secs(1));
    let (_d, fourth) = fixture.try_enter(3, ConnectionState::Handler);
    assert!(fourth.is_some());
    assert!(second.is_ending() && reads_the_end(&second.stream));
    assert!(!first.is_ending() && !third.is_ending());
    // The next connection replaces the next idle one. Then no idle connection is left.
    let (_e, fifth) = fixture.try_enter(3, ConnectionState::Handler);
    assert!(fifth.is_some() && first.is_ending());
    assert!(fixture.try_enter(3, ConnectionState::Handler).1.is_none());
    assert!(!third.is_ending() && is_open(&third.stream));
    for handle in [first, second, third] {
        fixture.registry.leave(&handle);
    }
    assert!(
        fixture.try_enter(3, ConnectionState::Fresh).1.is_some(),
        "two are left"
    );
}

#[test]
fn a_lingering_connection_is_open_and_not_waited_for() {
    let fixture = Fixture::new();
    let (_client, handle) = fixture.enter(ConnectionState::Handler);
    assert_eq!(fixture.count(), (1, 0));
    fixture.registry.settle(&handle);
    assert_eq!(fixture.count(), (0, 1));
    let drained = fixture.registry.drain(|_| true, None, || {});
    assert_eq!((drained.answered, drained.cut), (0, 0));
    assert!(!handle.is_ending(), "it has its last response");
    fixture.registry.leave(&handle);
    assert_eq!(fixture.count(), (0, 0));
}

#[test]
fn a_drain_ends_idle_connections_and_waits_for_those_in_flight() {
    let fixture = Fixture::new();
    let (_a, quiet) = fixture.enter(ConnectionState::Idle);
    let (_b, partial) = fixture.enter(ConnectionState::Head);
    let (_c, busy) = fixture.enter(ConnectionState::Handler);
    let drained = fixture.drain(None);
    for handle in [&quiet, &partial] {
        assert!(reads_the_end(&handle.stream));
        assert!(handle.is_ending());
        fixture.registry.leave(handle);
    }
    until("ending", || busy.is_ending());
    assert!(is_open(&busy.stream), "its body may still arrive");
    assert!(drained.try_recv().is_err(), "the drain did not wait");
    fixture.registry.answered(&busy);
    fixture.registry.leave(&busy);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[test]
fn bytes_received_before_a_drain_can_still_be_read() {
    let fixture = Fixture::new();
    let (mut client, handle) = fixture.enter(ConnectionState::Idle);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    until("received", || {
        handle.stream.set_nonblocking(true).unwrap();
        let received = handle.stream.peek(&mut [0; 64]).map_or(false, |n| n == 18);
        handle.stream.set_nonblocking(false).unwrap();
        received
    });
    fixture.registry.begin_drain(|| {});
    let mut received = Vec::new();
    (&handle.stream).read_to_end(&mut received).unwrap();
    assert_eq!(received, b"GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn a_connection_accepted_during_a_drain_is_not_drained() {
    let fixture = Fixture::new();
    let (_a, old) = fixture.enter(ConnectionState::Handler);
    let drained = fixture.drain(None);
    until("ending", || old.is_ending());
    let (_b, new) = fixture.enter(ConnectionState::Handler);
    fixture.registry.leave(&old);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!(drained.cut, 0);
    assert!(!new.is_ending() && is_open(&new.stream));
}

#[test]
fn a_fresh_connection_has_a_grace_time_for_its_first_request() {
    let fixture = Fixture::new();
    let (_a, silent) = fixture.enter(ConnectionState::Fresh);
    let (_b, speaks) = fixture.enter(ConnectionState::Fresh);
    let began = Instant::now();
    let drained = fixture.drain(None);
    until("ending", || speaks.is_ending());
    speaks.set_state(ConnectionState::Handler);
    assert!(reads_the_end(&silent.stream));
    assert!(began.elapsed() >= FRESH_GRACE_TIME, "{:?}", began.elapsed());
    fixture.registry.leave(&silent);
    assert!(drained.try_recv().is_err(), "the drain did not wait");
    fixture.registry.answered(&speaks);
    fixture.registry.settle(&speaks);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[test]
fn remaining_connections_are_cut_and_counted_at_the_deadline() {
    let fixture = Fixture::new();
    let (client, in_flight) = fixture.enter(ConnectionState::Handler);
    let (_b, partial) = fixture.enter(ConnectionState::Head);
    let time = Duration::from_millis(50);
    let began = Instant::now();
    let drained = fixture.registry.drain(|_| true, Some(began + time), || {});
    let took = began.elapsed();
    assert_eq!((drained.answered, drained.cut), (0, 1));
    assert!(
        took >= time && took < time + Duration::from_secs(1),
        "{:?}",
        took
    );
    assert!(reads_the_end(&client), "cut");
    for handle in [in_flight, partial] {
        fixture.registry.leave(&handle);
    }
    assert_eq!(fixture.count(), (0, 0));
}

#[test]
fn a_deadline_that_has_passed_cuts_at_once() {
    let fixture = Fixture::new();
    let (_a, _in_flight) = fixture.enter(ConnectionState::Handler);
    let (_b, _fresh) = fixture.enter(ConnectionState::Fresh);
    let drained = fixture
        .registry
        .drain(|_| true, Some(Instant::now()), || {});
    assert_eq!((drained.answered, drained.cut), (0, 1));
    assert!(drained.took < Duration::from_secs(1));
}

#[test]
fn a_connection_in_flight_ends_when_it_becomes_idle() {
    // Its response was sent with keep-alive before the drain began.
    let fixture = Fixture::new();
    let (_client, handle) = fixture.enter(ConnectionState::Handler);
    fixture.registry.begin_drain(|| {});
    assert!(is_open(&handle.stream));
    fixture.registry.became_idle(&handle, Instant::now());
    assert!(reads_the_end(&handle.stream));
}

#[test]
fn a_connection_that_becomes_idle_while_a_drain_begins_ends_either_way() {
    for round in 0..500 {
        let fixture = Fixture::new();
        let (_client, handle) = fixture.enter(ConnectionState::Handler);
        let start = std::sync::Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                fixture.registry.begin_drain(|| {});
            });
            start.wait();
            fixture.registry.became_idle(&handle, Instant::now());
        });
        assert!(!is_open(&handle.stream), "forgotten in round {}", round);
    }
}

#[test]
fn a_drain_polls_all_after_it_marked_them() {
    let fixture = Fixture::new();
    let (_a, quiet) = fixture.enter(ConnectionState::Idle);
    let registry = &fixture.registry;
    let drained = registry.drain(
        |_| true,
        None,
        || {
            // A scanner that polls the connection now does the same.
            if quiet.is_ending() && reads_the_end(&quiet.stream) {
                registry.settle(&quiet);
            }
        },
    );
    assert_eq!(drained.cut, 0);
}

#[test]
fn a_drain_of_some_listeners_leaves_the_others() {
    let fixture = Fixture::new();
    let enter = |listener, state| fixture.try_enter_by(listener, FOREVER, state);
    // Other listeners below, between and above. The order of age is not that of the listeners.
    let stays = [0, 2, u32::MAX].map(|listener| enter(listener, ConnectionState::Handler));
    let (_a, quiet) = enter(1, ConnectionState::Idle);
    let (_b, busy) = enter(3, ConnectionState::Handler);
    let registry = Arc::clone(&fixture.registry);
    let (done, drained) = mpsc::channel();
    thread::spawn(move || {
        let listeners =
            |handle: &ConnectionHandle| handle.listener_id() == 1 || handle.listener_id() == 3;
        done.send(registry.drain(listeners, None, || {}))
    });
    let (quiet, busy) = (quiet.unwrap(), busy.unwrap());
    until("ending", || quiet.is_ending() && busy.is_ending());
    assert!(reads_the_end(&quiet.stream));
    fixture.registry.leave(&quiet);
    // A later connection of such a listener is not drained either.
    let (_c, late) = enter(3, ConnectionState::Handler);
    assert!(drained.try_recv().is_err(), "one is in flight");
    fixture.registry.answered(&busy);
    fixture.registry.leave(&busy);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
    for handle in stays.iter().map(|(_, handle)| handle).chain([&late]) {
        assert!(!handle.as_ref().unwrap().is_ending());
    }
    // A drain at its deadline cuts and counts them.
    let drained = fixture
        .registry
        .drain(|_| true, Some(Instant::now()), || {});
    assert_eq!(drained.cut, 4);
}

#[test]
fn an_announced_drain_gives_more_time_for_a_part_of_a_request() {
    let fixture = Fixture::new();
    fixture.registry.wind_down(1);
    let [announced, other] =
        [0, 1].map(|listener| fixture.try_enter_by(listener, FOREVER, ConnectionState::Head));
    let (announced, other) = (announced.1.unwrap(), other.1.unwrap());
    let polls = Mutex::new(Vec::new());
    let poll = || {
        let open = |handle: &ConnectionHandle| is_open(&handle.stream);
        lock(&polls).push((open(&announced), open(&other)));
    };
    let deadline = Instant::now() + ANNOUNCED_GRACE_TIME * 2;
    let _ = fixture.registry.drain(|_| true, Some(deadline), poll);
    assert_eq!(*lock(&polls), [(true, false), (false, false)]);
}

#[test]
fn an_announced_drain_has_a_longer_grace_time() {
    let fixture = Fixture::new();
    fixture.registry.wind_down(1);
    let grace = |listener_id: u32| {
        let listeners = move |handle: &ConnectionHandle| handle.listener_id() == listener_id;
        let inner = lock(&fixture.registry.connections);
        fixture
            .registry
            .grace_time(&inner, &Selection::find(&inner, listeners))
    };
    let _both =
        [0, 1].map(|listener| fixture.try_enter_by(listener, FOREVER, ConnectionState::Fresh));
    assert_eq!([0, 1].map(grace), [ANNOUNCED_GRACE_TIME, FRESH_GRACE_TIME]);
}

#[test]
fn a_connection_cut_by_one_drain_is_not_counted_by_the_next() {
    let fixture = Fixture::new();
    let (_a, busy) = fixture.enter(ConnectionState::Handler);
    let drained = fixture
        .registry
        .drain(|_| true, Some(Instant::now()), || {});
    assert_eq!((drained.cut, drained.lost), (1, 0));
    // Its handler still runs.
    assert_eq!(fixture.count(), (0, 1));
    let drained = fixture.drain(None).recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.cut, drained.lost), (0, 0));
    fixture.registry.leave(&busy);
    assert_eq!(fixture.count(), (0, 0));
}

#[test]
fn requests_in_flight_are_listed_by_age_across_listeners() {
    let fixture = Fixture::new();
    let handles =
        [7, 3, 5].map(|listener| fixture.try_enter_by(listener, FOREVER, ConnectionState::Handler));
    let peers: Vec<_> = (handles.iter())
        .map(|(client, _)| client.local_addr().unwrap())
        .collect();
    let peers_of = |list: Vec<InFlight>| list.iter().map(|one| one.peer).collect::<Vec<_>>();
    assert_eq!(peers_of(fixture.registry.in_flight()), peers);
    for (_, handle) in &handles {
        fixture.registry.begin_upgrade(handle.as_ref().unwrap());
    }
    assert_eq!(peers_of(fixture.registry.in_flight()), peers);
    let handles =
        [6, 2, 4].map(|listener| fixture.try_enter_by(listener, FOREVER, ConnectionState::Handler));
    let peers: Vec<_> = (handles.iter())
        .map(|(client, _)| client.local_addr().unwrap())
        .collect();
    let drained = fixture
        .registry
        .drain(|_| true, Some(Instant::now()), || {});
    assert_eq!(peers_of(drained.unanswered), peers);
}

/// A connection settles and becomes an upgraded one in one step: no drain finds it in between.
#[test]
fn a_connection_upgraded_while_a_drain_begins_is_not_ended() {
    for _ in 0..20 {
        let fixture = Fixture::new();
        let handles = [(); 50].map(|()| fixture.enter(ConnectionState::Response));
        thread::scope(|scope| {
            scope.spawn(|| {
                let handles = handles.iter().rev();
                handles.for_each(|(_, handle)| fixture.registry.begin_upgrade(handle));
            });
            while fixture.count().0 > 0 {
                fixture.registry.begin_drain(|| {});
            }
        });
        for (_client, handle) in &handles {
            assert!(is_open(&handle.stream));
        }
    }
}

#[test]
fn count_and_list_agree_while_states_change() {
    let fixture = Fixture::new();
    let handles = [(); 8].map(|()| fixture.enter(ConnectionState::Handler));
    let all = Selection::find(&lock(&fixture.registry.connections), |_| true);
    thread::scope(|scope| {
        let flips = scope.spawn(|| {
            for state in [ConnectionState::Idle, ConnectionState::Handler]
                .into_iter()
                .cycle()
                .take(20_000)
            {
                handles
                    .iter()
                    .for_each(|(_, handle)| handle.set_state(state));
            }
        });
        while !flips.is_finished() {
            let inner = lock(&fixture.registry.connections);
            let (count, told) = fixture.registry.selected_in_flight(&inner, &all);
            assert_eq!(count, told.len() as u64);
            assert!(told.iter().all(|one| one.state.is_in_flight()), "{told:?}");
        }
    });
}
