//! The requests that delay a drain are reported while it lasts, and in its report at the end: peer,
//! method and path, start, and state; never a query.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{eventually, finishes, listen, Barrier, Client, GUARD, SLACK};
use millpond::{BackgroundServer, ConnectionState, Drained, InFlight, Limits, Monitor, ReadWrite};
use millpond::{Request, Response, ResponseBody, Router, Settings, Upgrade};

/// Its client never reads, and it ends when its barrier opens.
struct Held(Barrier);

impl Upgrade for Held {
    fn build(&mut self, _socket: Box<dyn ReadWrite + Send>) {
        self.0.wait();
    }
}

fn respond(request: &Request, barrier: &Barrier) -> Response {
    match request.url().as_str() {
        "/handler" => {
            barrier.wait();
            Response::text("passed")
        }
        "/reader" => Response::from_data("text/plain", vec![b'x'; 1 << 23]),
        "/upload" => {
            let mut data = request.data().expect("its body");
            match std::io::copy(&mut data, &mut std::io::sink()) {
                Ok(count) => Response::text(count.to_string()),
                Err(_) => Response::empty_400(),
            }
        }
        "/upgraded" => Response {
            status_code: 101,
            headers: vec![("Upgrade".into(), "held".into())],
            data: ResponseBody::empty(),
            upgrade: Some(Box::new(Held(barrier.clone()))),
        },
        _ => Response::text("plain"),
    }
}

fn server(barrier: &Barrier) -> BackgroundServer {
    let (router, barrier) = (Router::default(), barrier.clone());
    router.fallback(move |request| respond(request, &barrier));
    let settings = Settings::default().pool_size(8).limits(Limits {
        buffered_body_bytes: 8,
        ..Limits::default()
    });
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

/// Three that hold up a drain, and one that does not.
const HEADS: [(&str, &str, ConnectionState); 4] = [
    (
        "GET /handler?token=secret HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /handler",
        ConnectionState::Handler,
    ),
    (
        "GET /reader?token=secret HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /reader",
        ConnectionState::Response,
    ),
    (
        "POST /upload?token=secret HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\nmore than 8",
        "POST /upload",
        ConnectionState::Upload,
    ),
    (
        "GET /upgraded?token=secret HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\
         Upgrade: held\r\n\r\n",
        "GET /upgraded",
        ConnectionState::Upgraded,
    ),
];

/// The report of that client.
fn told(list: &[InFlight], client: &Client) -> Option<InFlight> {
    let own = client.stream.local_addr().expect("its address");
    list.iter().find(|one| one.peer == own).cloned()
}

/// All four, each with its report.
fn all_held(monitor: &Monitor) -> impl Fn(&[Client]) -> bool + '_ {
    move |clients| {
        let list = monitor.in_flight();
        let states = clients.iter().zip(HEADS).all(|(client, (_, name, state))| {
            told(&list, client).map_or(false, |one| one.state == state && one.request == name)
        });
        states && list.len() == HEADS.len()
    }
}

fn is_told(one: &InFlight, (_, name, state): (&str, &str, ConnectionState), least: Duration) {
    assert_eq!((one.request.as_str(), one.state), (name, state));
    let most = least + GUARD;
    assert!(one.age >= least && one.age <= most, "{one} after {least:?}");
    assert!(!one.to_string().contains("secret"), "{one}");
}

#[test]
fn each_is_told_while_a_stop_waits_and_at_its_end() {
    let barrier = Barrier::default();
    let server = server(&barrier);
    let monitor = server.monitor();
    let began = Instant::now();
    let clients: Vec<Client> = HEADS
        .iter()
        .map(|(head, _, _)| {
            let mut client = Client::connect(server.addr());
            client.send(head);
            client
        })
        .collect();
    eventually("all are held", || all_held(&monitor)(&clients));
    let held = began.elapsed();
    let mut idle = Client::connect(server.addr());
    idle.get("/");
    thread::sleep(Duration::from_millis(300));

    let stopping = Instant::now();
    let stop = thread::spawn(move || server.stop_within(Duration::from_millis(1500)));
    // The idle one sees the drain begin.
    idle.closed();
    let list = monitor.in_flight();
    for (client, want) in clients.iter().zip(HEADS) {
        let one = told(&list, client).expect("it is in flight");
        is_told(&one, want, began.elapsed() - held - GUARD.min(held));
    }
    let drained = stop.join().expect("a report");
    assert!(stopping.elapsed() < Duration::from_millis(1500) + SLACK);
    // The drain ends a stalled upload after a second. By then the upload may be in the report, or
    // be answered. No client reads that answer, which is small.
    assert!(drained.cut == 2 || drained.cut == 3, "{drained}");
    assert_eq!(drained.cut, drained.unanswered.len() as u64);
    for (client, want) in clients.iter().zip(HEADS).take(2) {
        let late = told(&drained.held_up_by, client).expect("it held it up");
        is_told(&late, want, Duration::from_millis(1300));
        let cut = told(&drained.unanswered, client).expect("it was cut");
        is_told(&cut, want, Duration::from_millis(1800));
        assert!(
            cut.age >= late.age + Duration::from_millis(300),
            "{drained}"
        );
    }
    // A drain does not wait for a connection of another protocol, and reports it all the same.
    assert_eq!(told(&drained.held_up_by, &clients[3]), None);
    let list = monitor.in_flight();
    assert!(
        told(&list, &clients[3]).is_some(),
        "the upgraded one is left alone"
    );
    let text = drained.to_string();
    assert!(text.contains("; held up by 127.0.0.1:"), "{text}");
    assert!(text.contains("GET /handler in handler, "), "{text}");
    barrier.open();
    eventually("nobody is left", || monitor.in_flight().is_empty());
}

#[test]
fn a_quick_drain_has_nobody_to_tell_of() {
    let barrier = Barrier::default();
    let server = server(&barrier);
    let mut client = Client::connect(server.addr());
    client.send(HEADS[0].0);
    barrier.wait_for_arrivals(1);
    barrier.open();
    let drained = server.stop();
    assert_eq!(client.response().text(), "passed");
    assert_eq!((drained.held_up_by, drained.unanswered), (vec![], vec![]));
}

#[test]
fn who_leaves_within_a_drain_is_lost_and_not_cut() {
    let barrier = Barrier::default();
    let server = server(&barrier);
    let monitor = server.monitor();
    let clients = [0, 1].map(|at| {
        let mut client = Client::connect(server.addr());
        client.send(HEADS[at].0);
        client
    });
    eventually("both are in flight", || {
        let list = monitor.in_flight();
        told(&list, &clients[1]).map_or(false, |one| one.state == ConnectionState::Response)
            && list.len() == 2
    });
    let mut idle = Client::connect(server.addr());
    idle.get("/");
    // It has its answer a moment before that is no longer in flight, and would be counted below.
    eventually("two are in flight", || monitor.in_flight().len() == 2);
    let stop = thread::spawn(move || server.stop());
    idle.closed();
    let [mut answered, mut leaves] = clients;
    // Unread bytes make this a reset.
    leaves.take(1000).expect("some of it");
    drop(leaves);
    eventually("one is left", || monitor.in_flight().len() == 1);
    barrier.open();
    let drained: Drained = finishes(GUARD, move || stop.join().expect("a report"));
    assert_eq!(answered.response().text(), "passed");
    assert_eq!((drained.answered, drained.cut, drained.lost), (1, 0, 1));
}

#[test]
fn a_join_can_be_watched_too() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = listen(move |request| respond(request, &at_barrier));
    let monitor = server.monitor();
    let mut client = Client::connect(server.server_addr());
    client.send(HEADS[0].0);
    server.poll();
    barrier.wait_for_arrivals(1);
    let join = thread::spawn(move || server.join());
    let list = monitor.in_flight();
    assert_eq!(list.len(), 1);
    is_told(&list[0], HEADS[0], Duration::ZERO);
    barrier.open();
    assert_eq!(client.response().text(), "passed");
    finishes(GUARD, move || join.join().expect("the end"));
}

#[test]
fn a_move_within_a_time_cuts_what_takes_longer() {
    let barrier = Barrier::default();
    let mut server = server(&barrier);
    let mut client = Client::connect(server.addr());
    client.send(HEADS[0].0);
    barrier.wait_for_arrivals(1);
    let (began, time) = (Instant::now(), Duration::from_millis(200));
    let moved = server.rebind_within(([127, 0, 0, 1], 0), time);
    let took = began.elapsed();
    let drained = moved.expect("a free port");
    assert!(took >= time && took < time + SLACK, "{took:?}");
    assert_eq!((drained.answered, drained.cut), (0, 1));
    is_told(&drained.unanswered[0], HEADS[0], time);
    client.closed();
    assert_eq!(Client::connect(server.addr()).get("/").text(), "plain");
    barrier.open();
    // A move to its own address waits for no request.
    let here = server.addr();
    assert_eq!(server.rebind_within(here, time).expect("here").cut, 0);
    assert_eq!(server.stop().cut, 0);
}

/// Behind a URL without a path the fields begin at once.
#[test]
fn what_names_no_path_is_told_as_slash() {
    let (barrier, router) = (Barrier::default(), Router::default());
    let held = barrier.clone();
    router.fallback(move |_| {
        held.wait();
        Response::text("passed")
    });
    let server = router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port");
    let mut client = Client::connect(server.addr());
    client.send("GET http://a HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let list = server.monitor().in_flight();
    assert_eq!(list[0].request, "GET /");
    barrier.open();
    assert_eq!(client.response().text(), "passed");
}
