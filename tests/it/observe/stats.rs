//! The numbers: exact to the byte after a script, readable from within a handler, and in a text
//! that Prometheus reads.

use std::time::Duration;

use crate::support::{eventually, eventually_within, serve_as, switch, Barrier, Client};
use millpond::{BackgroundServer, CloseReason, ConnectionState, Limits, Monitor};
use millpond::{
    Request, Response, ResponseBody, Route, Router, Server, Settings, Stats, WorkerState,
};

fn handler(request: &Request) -> Response {
    let path = request.url();
    match path.as_str() {
        "/echo" => {
            let mut body = Vec::new();
            let mut data = request.data().expect("its body");
            match std::io::Read::read_to_end(&mut data, &mut body) {
                Ok(_) => Response::from_data("text/plain", body),
                Err(_) => Response::empty_400(),
            }
        }
        "/big" => Response::from_data("text/plain", vec![b'x'; 1 << 23]),
        "/stream" => Response {
            data: ResponseBody::from_reader(std::io::Read::take(std::io::repeat(b's'), 100_000)),
            ..Response::text("")
        },
        "/fails" => Response {
            data: ResponseBody::from_reader_and_size(&b"four"[..], 5),
            ..Response::text("")
        },
        "/panics" => panic!("a handler that panics, on purpose"),
        "/upgrade" => switch(),
        path => Response::text(path).with_status_code(path[1..].parse().unwrap_or(404)),
    }
}

fn server(limits: Limits) -> BackgroundServer {
    let router = Router::default();
    router.fallback(handler);
    let settings = Settings::default().pool_size(8).limits(limits);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")
}

fn upgrade() -> String {
    get("/upgrade").replace(
        "\r\n\r\n",
        "\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
    )
}

/// A connection on which all that goes over it is counted.
struct Counted {
    client: Client,
    sent: usize,
}

impl Counted {
    fn new(server: &BackgroundServer) -> Counted {
        let client = Client::connect(server.addr());
        Counted { client, sent: 0 }
    }

    fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Counted {
        self.sent += bytes.as_ref().len();
        self.client.send(bytes);
        self
    }

    /// The bytes until the end.
    fn received(mut self) -> (usize, usize) {
        let rest = self.client.rest().expect("the end");
        (self.sent, rest.len())
    }
}

#[test]
fn every_request_is_in_its_class_and_every_byte_is_counted() {
    let server = server(Limits {
        buffered_body_bytes: 1024,
        ..Limits::default()
    });
    let mut bytes = Vec::new();

    let mut mixed = Counted::new(&server);
    for path in [
        "/200", "/204", "/299", "/301", "/304", "/404", "/500", "/599",
    ] {
        mixed.send(get(path));
    }
    mixed.send("HEAD /200 HTTP/1.1\r\nHost: a\r\n\r\n");
    mixed.send(get("/stream")).send(get("/panics"));
    mixed.send("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    bytes.push(mixed.received());

    let mut refused = Counted::new(&server);
    refused.send("GET / HTTP/1.1\r\n\r\n and more");
    refused.client.finish_sending();
    bytes.push(refused.received());

    // A body that its handler reads, with a 100 before it; then one in chunks, and one unread.
    let mut uploads = Counted::new(&server);
    uploads.send("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n");
    uploads.send("Content-Length: 5000\r\n\r\n");
    let interim = uploads.client.head().expect("a 100");
    assert_eq!((interim.status, interim.headers.len()), (100, 0));
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".len();
    uploads.send(vec![b'a'; 5000]);
    uploads.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    uploads
        .send("7d0\r\n")
        .send(vec![b'b'; 2000])
        .send("\r\n0\r\n\r\n");
    uploads.send("POST /200 HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n");
    uploads.send(vec![b'c'; 3000]);
    uploads.send("GET /200 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (sent, received) = uploads.received();
    bytes.push((sent, received + interim));

    let mut big = Counted::new(&server);
    big.send("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    bytes.push(big.received());

    let mut cut = Counted::new(&server);
    cut.send(get("/fails"));
    bytes.push(cut.received());

    let mut upgraded = Counted::new(&server);
    upgraded.send(upgrade() + "early").send("late");
    upgraded.client.finish_sending();
    bytes.push(upgraded.received());

    let (sent, received) = bytes.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    eventually("all are closed", || {
        let stats = server.stats();
        stats.open + stats.upgraded == 0
    });
    let stats = server.stats();
    // 101; HEAD, the stream, the echoes, the unread one, the last one, the big one, the cut one
    // beside 200, 204 and 299; 301 and 304; 404, the unknown one and the refused one; 500, 599 and
    // the panic.
    assert_eq!(stats.responses, [1, 10 + 1, 2, 3, 3], "{stats:?}");
    assert_eq!(stats.requests, 20);
    assert_eq!(stats.panics, 1);
    assert_eq!(stats.received_bytes, sent as u64);
    assert_eq!(stats.sent_bytes, received as u64);
    assert_eq!(stats.accepted, 6);
    assert_eq!(server.stop().cut, 0);
}

#[test]
fn every_end_is_counted_once() {
    let limits = Limits {
        head_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_secs(2),
        max_requests_per_connection: Some(2),
        ..Limits::default()
    };
    let server = server(limits);
    let start = |text: &str| {
        let mut client = Client::connect(server.addr());
        client.send(text);
        client
    };
    // These two take the windows of five seconds in which a rate is judged, at the same time.
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n";
    let mut slow_body = start(post);
    let slow_read = start(&get("/big"));
    let mut ends = vec![
        start(&get("/200")),
        start("GET /"),
        start("GET /"),
        start("GET / HTTP/1.0\r\n\r\n"),
        start("GET / HTTP/1.1\r\n\r\n"),
        start(&get("/fails")),
        start(&get("/200").repeat(2)),
        start(&upgrade()),
    ];
    for client in &mut ends[..2] {
        client.finish_sending();
    }
    ends[7].finish_sending();
    for client in &mut ends {
        client.rest().expect("the end");
    }
    slow_body.rest().expect("the end");
    let closed = |reason| server.stats().closed(reason);
    // The bytes that the kernel took at once are enough for the first window: the connection is cut
    // after the second.
    eventually_within(Duration::from_secs(15), "the slow reader is cut", || {
        closed(CloseReason::SlowRead) > 0
    });
    drop(slow_read);
    let mut idle = start(&get("/200"));
    assert_eq!(idle.response().status, 200);
    idle.closed();
    let mut drained = start(&get("/200"));
    assert_eq!(drained.response().status, 200);
    let monitor = server.monitor();
    eventually("it is idle", || {
        monitor.stats().connections(ConnectionState::Idle) == 1
    });
    assert_eq!(server.stop().cut, 0);
    drained.closed();
    eventually("all are closed", || monitor.stats().open == 0);
    let stats = monitor.stats();
    let counts = CloseReason::ALL.map(|reason| (reason, stats.closed(reason)));
    assert_eq!(counts, CloseReason::ALL.map(|reason| (reason, 1)));
    assert_eq!(stats.accepted, 12);
}

#[test]
fn who_is_turned_away_is_counted_apart() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let limits = Limits {
        max_connections: 1,
        ..Limits::default()
    };
    let router = Router::default();
    router.add(Route::get("/wait").onconnect(move |_| {
        at_barrier.wait();
        Response::text("passed")
    }));
    let settings = Settings::default().limits(limits);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    let mut busy = Client::connect(server.addr());
    busy.send(get("/wait"));
    barrier.wait_for_arrivals(1);
    let away = Client::connect(server.addr()).rest().expect("the end");
    assert!(away.starts_with(b"HTTP/1.1 503 "));
    eventually("it is counted", || server.stats().turned_away == 1);
    let stats = server.stats();
    assert_eq!((stats.requests, stats.accepted), (0, 2));
    assert_eq!(stats.sent_bytes, away.len() as u64);
    assert_eq!(stats.received_bytes, get("/wait").len() as u64);
    barrier.open();
    assert_eq!(busy.response().text(), "passed");
    server.stop();
}

#[test]
fn connections_and_workers_are_told_by_what_they_do() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let router = Router::default();
    router.fallback(move |request| match request.url().as_str() {
        "/wait" => {
            at_barrier.wait();
            Response::text("passed")
        }
        _ => handler(request),
    });
    let settings = Settings::default().pool_size(16).limits(Limits {
        buffered_body_bytes: 8,
        ..Limits::default()
    });
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    let start = |text: &str| {
        let mut client = Client::connect(server.addr());
        client.send(text);
        client
    };
    use ConnectionState as State;
    let post = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: ";
    let mut clients = vec![start("")];
    for _ in 0..2 {
        let mut idle = start(&get("/200"));
        assert_eq!(idle.response().status, 200);
        clients.push(idle);
    }
    clients.extend((0..3).map(|_| start("GET /")));
    clients.extend((0..2).map(|_| start(&format!("{post}7\r\n\r\nhalf"))));
    clients.push(start(&get("/wait")));
    clients.extend((0..2).map(|_| start(&format!("{post}100\r\n\r\n{:<50}", ""))));
    let reader = start(&get("/big"));
    let mut upgraded = start(&upgrade());
    assert_eq!(upgraded.head().expect("a head").status, 101);
    let want = [
        (State::Fresh, 1),
        (State::Idle, 2),
        (State::Closing, 0),
        (State::Head, 3),
        (State::Body, 2),
        (State::Waiting, 0),
        (State::Handler, 1),
        (State::Upload, 2),
        (State::Response, 1),
        (State::Upgraded, 1),
    ];
    eventually("all are where they are to be", || {
        let stats = server.stats();
        want.iter()
            .all(|&(state, count)| stats.connections(state) == count)
    });
    let monitor = server.monitor();
    let stats = monitor.stats();
    assert_eq!((stats.open, stats.upgraded, stats.in_flight), (12, 1, 4));
    assert_eq!(stats.workers_in(WorkerState::Upload), 2);
    assert!(stats.workers_in(WorkerState::Handler) >= 1, "{stats:?}");
    let sum: u64 = WorkerState::ALL.iter().map(|&s| stats.workers_in(s)).sum();
    assert_eq!(sum, stats.workers, "{stats:?}");
    eventually("quiet ones are held", || {
        monitor.stats().workers_in(WorkerState::KeepAlive) >= 1
    });
    drop((clients, reader, upgraded));
    barrier.open();
    server.stop();
    eventually("all are gone", || {
        let stats = monitor.stats();
        stats.open + stats.upgraded + stats.workers == 0
    });
}

/// The samples of a text, each with its value.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample));
    let line = line.unwrap_or_else(|| panic!("{sample} is not in\n{text}"));
    line.trim().parse().expect("a number")
}

fn holds(text: &str) {
    assert_eq!(value(text, "millpond_requests_total{class=\"2xx\"}"), 1.0);
    assert_eq!(value(text, "millpond_connections{state=\"handler\"}"), 1.0);
    assert_eq!(value(text, "millpond_requests_in_flight"), 1.0);
    assert!(value(text, "millpond_received_bytes_total") > 30.0);
    assert!(value(text, "millpond_uptime_seconds") < 60.0);
}

#[test]
fn a_handler_tells_the_numbers_of_its_own_server() {
    let router = Router::default();
    let server = router.serve_managed(([127, 0, 0, 1], 0)).expect("a port");
    let monitor = server.monitor();
    router.add(Route::get("/metrics").onconnect(move |_| {
        Response::from_data(Stats::PROMETHEUS, monitor.stats().to_prometheus())
    }));
    router.add(Route::get("/").onconnect(|_| Response::text("root")));
    let mut client = Client::connect(server.addr());
    assert_eq!(client.get("/").text(), "root");
    let reply = client.get("/metrics");
    let kind = reply.header("Content-Type");
    assert_eq!(kind, Some("text/plain; version=0.0.4; charset=utf-8"));
    holds(reply.text());
    server.stop();

    let monitor = Monitor::default();
    let numbers = monitor.clone();
    let handler = move |_: &Request| Response::text(numbers.stats().to_prometheus());
    let settings = Settings::default().monitor(&monitor);
    let server = serve_as(handler, |server| server.settings(settings));
    let mut client = server.connect();
    client.get("/");
    holds(client.get("/").text());
    assert_eq!(monitor.stats().requests, 2);
}

#[test]
fn a_monitor_outlives_its_server_and_follows_its_moves() {
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("root")));
    let mut server = router.serve_managed(([127, 0, 0, 1], 0)).expect("a port");
    let monitor = server.monitor();
    let before = monitor.stats().uptime;
    Client::connect(server.addr()).get("/");
    server.rebind(([127, 0, 0, 1], 0)).expect("a port");
    Client::connect(server.addr()).get("/");
    assert_eq!(monitor.stats().requests, 2);
    assert_eq!(server.stats().requests, 2);
    server.stop();
    let stats = monitor.stats();
    assert_eq!(stats.requests, 2);
    assert!(stats.uptime > before);
    assert!(monitor.in_flight().is_empty());

    // The monitor of a server that was never polled, and is gone, reports no server.
    let server = Server::new("127.0.0.1:0", |_| Response::text("")).expect("a port");
    let monitor = server.monitor();
    drop(server);
    assert_eq!(monitor.stats().accepted, 0);
}
