//! The registry over real sockets, with threads that play the connections' part.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    ConnectionHandle, Drained, InFlight, Registry, State, Those, ANNOUNCED_GRACE, FRESH_GRACE,
};
use crate::util::lock::lock;

/// Nothing here takes longer on a machine that works.
const PATIENCE: Duration = Duration::from_secs(10);
const FOREVER: usize = usize::MAX;

/// A registry, and the clients of the links entered into it.
struct Scene {
    registry: Arc<Registry>,
    listener: TcpListener,
}

impl Scene {
    fn new() -> Scene {
        Scene {
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

    fn enter(&self, state: State) -> (TcpStream, Arc<ConnectionHandle>) {
        let (client, link) = self.try_enter(FOREVER, state);
        (client, link.expect("there is room"))
    }

    fn try_enter(&self, most: usize, state: State) -> (TcpStream, Option<Arc<ConnectionHandle>>) {
        self.try_enter_by(0, most, state)
    }

    fn try_enter_by(
        &self,
        door: u32,
        most: usize,
        state: State,
    ) -> (TcpStream, Option<Arc<ConnectionHandle>>) {
        let (client, stream) = self.pair();
        let peer = stream.peer_addr().unwrap();
        let link = self.registry.enter(stream, peer, door, most).ok();
        if let Some(link) = &link {
            link.set_state(state);
        }
        (client, link)
    }

    /// Connections in flight, and connections at rest.
    fn count(&self) -> (u64, u64) {
        let counts = State::ALL.into_iter().zip(self.registry.count());
        let (busy, rest): (Vec<_>, Vec<_>) = counts.partition(|(state, _)| state.is_in_flight());
        let sum = |these: Vec<(State, u64)>| these.iter().map(|(_, count)| count).sum();
        (sum(busy), sum(rest))
    }

    /// Drains in a thread of its own; what comes of it can be waited for.
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
fn one_too_many_takes_the_place_of_the_one_idle_longest() {
    let scene = Scene::new();
    let (_a, first) = scene.try_enter(3, State::Idle);
    let (_b, second) = scene.try_enter(3, State::Idle);
    let (_c, third) = scene.try_enter(3, State::Handler);
    let (first, second, third) = (first.unwrap(), second.unwrap(), third.unwrap());
    let now = Instant::now();
    scene
        .registry
        .fell_quiet(&first, now + Duration::from_secs(2));
    scene
        .registry
        .fell_quiet(&second, now + Duration::from_secs(1));
    let (_d, fourth) = scene.try_enter(3, State::Handler);
    assert!(fourth.is_some());
    assert!(second.is_ending() && reads_the_end(&second.stream));
    assert!(!first.is_ending() && !third.is_ending());
    // The next one costs the next idle one; then there is nobody left who could make room.
    let (_e, fifth) = scene.try_enter(3, State::Handler);
    assert!(fifth.is_some() && first.is_ending());
    assert!(scene.try_enter(3, State::Handler).1.is_none());
    assert!(!third.is_ending() && is_open(&third.stream));
    for link in [first, second, third] {
        scene.registry.leave(&link);
    }
    assert!(scene.try_enter(3, State::Fresh).1.is_some(), "two are left");
}

#[test]
fn a_connection_that_lingers_counts_as_open_and_is_not_waited_for() {
    let scene = Scene::new();
    let (_client, link) = scene.enter(State::Handler);
    assert_eq!(scene.count(), (1, 0));
    scene.registry.settle(&link);
    assert_eq!(scene.count(), (0, 1));
    let drained = scene.registry.drain(|_| true, None, || {});
    assert_eq!((drained.answered, drained.cut), (0, 0));
    assert!(!link.is_ending(), "it is at its end anyway");
    scene.registry.leave(&link);
    assert_eq!(scene.count(), (0, 0));
}

#[test]
fn a_drain_ends_the_quiet_and_waits_for_those_in_flight() {
    let scene = Scene::new();
    let (_a, quiet) = scene.enter(State::Idle);
    let (_b, partial) = scene.enter(State::Head);
    let (_c, busy) = scene.enter(State::Handler);
    let drained = scene.drain(None);
    for link in [&quiet, &partial] {
        assert!(reads_the_end(&link.stream));
        assert!(link.is_ending());
        scene.registry.leave(link);
    }
    until("told", || busy.is_ending());
    assert!(is_open(&busy.stream), "its body may still be coming");
    assert!(drained.try_recv().is_err(), "it did not wait");
    scene.registry.answered(&busy);
    scene.registry.leave(&busy);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[test]
fn what_was_received_before_a_drain_can_still_be_read() {
    let scene = Scene::new();
    let (mut client, link) = scene.enter(State::Idle);
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    until("here", || {
        link.stream.set_nonblocking(true).unwrap();
        let here = link.stream.peek(&mut [0; 64]).map_or(false, |n| n == 18);
        link.stream.set_nonblocking(false).unwrap();
        here
    });
    scene.registry.begin(|| {});
    let mut received = Vec::new();
    (&link.stream).read_to_end(&mut received).unwrap();
    assert_eq!(received, b"GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn who_comes_during_a_drain_is_no_concern_of_it() {
    let scene = Scene::new();
    let (_a, old) = scene.enter(State::Handler);
    let drained = scene.drain(None);
    until("told", || old.is_ending());
    let (_b, new) = scene.enter(State::Handler);
    scene.registry.leave(&old);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!(drained.cut, 0);
    assert!(!new.is_ending() && is_open(&new.stream));
}

#[test]
fn a_fresh_connection_has_a_moment_for_its_first_request() {
    let scene = Scene::new();
    let (_a, silent) = scene.enter(State::Fresh);
    let (_b, speaks) = scene.enter(State::Fresh);
    let began = Instant::now();
    let drained = scene.drain(None);
    until("told", || speaks.is_ending());
    speaks.set_state(State::Handler);
    assert!(reads_the_end(&silent.stream));
    assert!(began.elapsed() >= FRESH_GRACE, "{:?}", began.elapsed());
    scene.registry.leave(&silent);
    assert!(drained.try_recv().is_err(), "it did not wait");
    scene.registry.answered(&speaks);
    scene.registry.settle(&speaks);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[test]
fn at_the_deadline_what_is_left_is_cut_and_counted() {
    let scene = Scene::new();
    let (client, in_flight) = scene.enter(State::Handler);
    let (_b, partial) = scene.enter(State::Head);
    let time = Duration::from_millis(50);
    let began = Instant::now();
    let drained = scene.registry.drain(|_| true, Some(began + time), || {});
    let took = began.elapsed();
    assert_eq!((drained.answered, drained.cut), (0, 1));
    assert!(
        took >= time && took < time + Duration::from_secs(1),
        "{:?}",
        took
    );
    assert!(reads_the_end(&client), "cut");
    for link in [in_flight, partial] {
        scene.registry.leave(&link);
    }
    assert_eq!(scene.count(), (0, 0));
}

#[test]
fn a_deadline_that_has_passed_cuts_at_once() {
    let scene = Scene::new();
    let (_a, _in_flight) = scene.enter(State::Handler);
    let (_b, _fresh) = scene.enter(State::Fresh);
    let drained = scene.registry.drain(|_| true, Some(Instant::now()), || {});
    assert_eq!((drained.answered, drained.cut), (0, 1));
    assert!(drained.took < Duration::from_secs(1));
}

#[test]
fn a_link_told_to_end_in_flight_ends_when_it_falls_quiet() {
    // Its response said keep-alive before the drain began.
    let scene = Scene::new();
    let (_client, link) = scene.enter(State::Handler);
    scene.registry.begin(|| {});
    assert!(is_open(&link.stream));
    scene.registry.fell_quiet(&link, Instant::now());
    assert!(reads_the_end(&link.stream));
}

#[test]
fn a_link_that_falls_quiet_while_a_drain_begins_ends_either_way() {
    for round in 0..500 {
        let scene = Scene::new();
        let (_client, link) = scene.enter(State::Handler);
        let start = std::sync::Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                scene.registry.begin(|| {});
            });
            start.wait();
            scene.registry.fell_quiet(&link, Instant::now());
        });
        assert!(!is_open(&link.stream), "forgotten in round {}", round);
    }
}

#[test]
fn a_drain_has_the_unwatched_guests_looked_at_after_it_told_them() {
    let scene = Scene::new();
    let (_a, quiet) = scene.enter(State::Idle);
    let registry = &scene.registry;
    let drained = registry.drain(
        |_| true,
        None,
        || {
            // What a sweeper does that looks at it now.
            if quiet.is_ending() && reads_the_end(&quiet.stream) {
                registry.settle(&quiet);
            }
        },
    );
    assert_eq!(drained.cut, 0);
}

#[test]
fn a_drain_of_some_doors_is_none_of_the_others() {
    let scene = Scene::new();
    let enter = |door, state| scene.try_enter_by(door, FOREVER, state);
    // Doors below, between and above, and connections by age in no order of theirs.
    let stays = [0, 2, u32::MAX].map(|door| enter(door, State::Handler));
    let (_a, quiet) = enter(1, State::Idle);
    let (_b, busy) = enter(3, State::Handler);
    let registry = Arc::clone(&scene.registry);
    let (done, drained) = mpsc::channel();
    thread::spawn(move || {
        let doors = |link: &ConnectionHandle| link.door() == 1 || link.door() == 3;
        done.send(registry.drain(doors, None, || {}))
    });
    let (quiet, busy) = (quiet.unwrap(), busy.unwrap());
    until("told", || quiet.is_ending() && busy.is_ending());
    assert!(reads_the_end(&quiet.stream));
    scene.registry.leave(&quiet);
    // One that comes in by such a door later is none of its business either.
    let (_c, late) = enter(3, State::Handler);
    assert!(drained.try_recv().is_err(), "one is in flight");
    scene.registry.answered(&busy);
    scene.registry.leave(&busy);
    let drained = drained.recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.answered, drained.cut), (1, 0));
    for link in stays.iter().map(|(_, link)| link).chain([&late]) {
        assert!(!link.as_ref().unwrap().is_ending());
    }
    // By then they would be cut, and are counted.
    let drained = scene.registry.drain(|_| true, Some(Instant::now()), || {});
    assert_eq!(drained.cut, 4);
}

#[test]
fn those_that_were_told_of_a_drain_have_longer_for_a_part_of_a_request() {
    let scene = Scene::new();
    scene.registry.wind_down(1);
    let [told, untold] = [0, 1].map(|door| scene.try_enter_by(door, FOREVER, State::Head));
    let (told, untold) = (told.1.unwrap(), untold.1.unwrap());
    let looks = Mutex::new(Vec::new());
    let look = || {
        let open = |link: &ConnectionHandle| is_open(&link.stream);
        lock(&looks).push((open(&told), open(&untold)));
    };
    let deadline = Instant::now() + ANNOUNCED_GRACE * 2;
    let _ = scene.registry.drain(|_| true, Some(deadline), look);
    assert_eq!(*lock(&looks), [(true, false), (false, false)]);
}

#[test]
fn a_drain_takes_its_time_where_somebody_was_told_of_it() {
    let scene = Scene::new();
    scene.registry.wind_down(1);
    let grace = |door: u32| {
        let doors = move |link: &ConnectionHandle| link.door() == door;
        let inner = lock(&scene.registry.inner);
        scene.registry.grace(&inner, &Those::find(&inner, doors))
    };
    let _both = [0, 1].map(|door| scene.try_enter_by(door, FOREVER, State::Fresh));
    assert_eq!([0, 1].map(grace), [ANNOUNCED_GRACE, FRESH_GRACE]);
}

#[test]
fn what_one_drain_has_cut_is_no_concern_of_the_next() {
    let scene = Scene::new();
    let (_a, busy) = scene.enter(State::Handler);
    let drained = scene.registry.drain(|_| true, Some(Instant::now()), || {});
    assert_eq!((drained.cut, drained.lost), (1, 0));
    // Its handler runs on.
    assert_eq!(scene.count(), (0, 1));
    let drained = scene.drain(None).recv_timeout(PATIENCE).unwrap();
    assert_eq!((drained.cut, drained.lost), (0, 0));
    scene.registry.leave(&busy);
    assert_eq!(scene.count(), (0, 0));
}

#[test]
fn those_in_flight_are_told_by_age_whichever_door_they_came_in_by() {
    let scene = Scene::new();
    let links = [7, 3, 5].map(|door| scene.try_enter_by(door, FOREVER, State::Handler));
    let peers: Vec<_> = (links.iter())
        .map(|(client, _)| client.local_addr().unwrap())
        .collect();
    let told = |list: Vec<InFlight>| list.iter().map(|one| one.peer).collect::<Vec<_>>();
    assert_eq!(told(scene.registry.in_flight()), peers);
    for (_, link) in &links {
        scene.registry.hand_over(link.as_ref().unwrap());
    }
    assert_eq!(told(scene.registry.in_flight()), peers);
    let links = [6, 2, 4].map(|door| scene.try_enter_by(door, FOREVER, State::Handler));
    let peers: Vec<_> = (links.iter())
        .map(|(client, _)| client.local_addr().unwrap())
        .collect();
    let drained = scene.registry.drain(|_| true, Some(Instant::now()), || {});
    assert_eq!(told(drained.unanswered), peers);
}

/// It settles and becomes another protocol's in one step: no drain finds it between the two.
#[test]
fn what_is_handed_over_while_a_drain_begins_is_not_ended() {
    for _ in 0..20 {
        let scene = Scene::new();
        let links = [(); 50].map(|()| scene.enter(State::Response));
        thread::scope(|scope| {
            scope.spawn(|| {
                let links = links.iter().rev();
                links.for_each(|(_, link)| scene.registry.hand_over(link));
            });
            while scene.count().0 > 0 {
                scene.registry.begin(|| {});
            }
        });
        for (_client, link) in &links {
            assert!(is_open(&link.stream));
        }
    }
}

#[test]
fn what_moves_while_it_is_asked_is_counted_as_it_is_told() {
    let scene = Scene::new();
    let links = [(); 8].map(|()| scene.enter(State::Handler));
    let all = Those::find(&lock(&scene.registry.inner), |_| true);
    thread::scope(|scope| {
        let flips = scope.spawn(|| {
            for state in [State::Idle, State::Handler]
                .into_iter()
                .cycle()
                .take(20_000)
            {
                links.iter().for_each(|(_, link)| link.set_state(state));
            }
        });
        while !flips.is_finished() {
            let inner = lock(&scene.registry.inner);
            let (count, told) = scene.registry.those_in_flight(&inner, &all);
            assert_eq!(count, told.len() as u64);
            assert!(told.iter().all(|one| one.state.is_in_flight()), "{told:?}");
        }
    });
}
