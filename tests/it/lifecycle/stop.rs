//! Promise 8: a half-sent request cannot delay `stop()`; `stop_within(d)` returns by d and reports
//! how many requests were answered and how many were cut.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use crate::support::{drain_observer, eventually, finishes, get, measure, serve_routes, timed};
use crate::support::{Barrier, Client, Incomplete, KeepAliveMode, Load, GUARD, SLACK};
use millpond::{BackgroundServer, Drained, Request, Response, Route, Router, Settings};

/// How long a handler that waits for a silent client's body may hold a stop up.
const MAX_HELD_UP: Duration = Duration::from_millis(2000);
const LARGE: usize = 8 << 20;

fn routes(barrier: &Barrier) -> Vec<Route> {
    let barrier = barrier.clone();
    vec![
        Route::any("/wait").onconnect(move |_| {
            barrier.wait();
            Response::text("passed")
        }),
        Route::post("/upload").onconnect(measure),
        Route::get("/large").onconnect(|_| Response::from_data("a/b", vec![b'x'; LARGE])),
        Route::get("/{a}/{b}").onconnect(echo),
        Route::get("/").onconnect(echo),
    ]
}

fn echo(request: &Request) -> Response {
    Response::text(request.url())
}

fn serve(barrier: &Barrier) -> BackgroundServer {
    serve_routes(routes(barrier))
}

fn stop(server: BackgroundServer) -> (Drained, Duration) {
    finishes(GUARD, move || timed(|| server.stop()))
}

#[test]
fn nothing_to_wait_for() {
    let server = serve(&Barrier::default());
    let addr = server.addr();
    let (drained, took) = stop(server);
    assert!(took < SLACK, "{took:?}");
    assert_eq!((drained.answered, drained.cut), (0, 0));
    assert!(drained.took <= took);
    TcpListener::bind(addr).expect("the port is free again");
}

/// Each row has the bytes of a client at the moment of the stop. The stop does not wait for the
/// rest.
#[test]
fn half_a_request_does_not_hold_it_up() {
    const PARTIAL_REQUESTS: [(&str, &str); 8] = [
        ("nothing", ""),
        ("a byte", "G"),
        ("a half head", "GET / HTTP/1.1\r\nHost: a\r\nAcc"),
        ("all but the last byte", "GET / HTTP/1.1\r\nHost: a\r\n\r"),
        (
            "no body",
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n",
        ),
        (
            "a half small body",
            "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345",
        ),
        (
            "a half chunk",
            "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n12345",
        ),
        (
            "half a request behind a whole one",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n",
        ),
    ];
    for (name, half) in PARTIAL_REQUESTS {
        let server = serve(&Barrier::default());
        let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.addr())).collect();
        for client in &mut clients {
            client.send(half);
            if name.ends_with("whole one") {
                client.response();
            }
        }
        eventually("all are connected", || server.stats().open == 3);
        let (drained, took) = stop(server);
        assert!(took < SLACK, "{name}: {took:?}");
        assert_eq!((drained.answered, drained.cut), (0, 0), "{name}");
        clients.iter_mut().for_each(Client::closed);
    }
}

/// The handler runs already, and gets an error within a second or two instead of the rest.
#[test]
fn half_a_large_body_does_not_hold_it_up() {
    let server = serve(&Barrier::default());
    let mut client = Client::connect(server.addr());
    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    eventually("its handler runs", || server.stats().in_flight == 1);
    let (drained, took) = stop(server);
    assert!(took < MAX_HELD_UP + SLACK, "{took:?}");
    assert_eq!((drained.answered, drained.cut), (1, 0));
    assert_eq!(client.response().status, 408);
    client.closed();
}

#[test]
fn a_large_body_that_keeps_coming_is_waited_for() {
    let server = serve(&Barrier::default());
    let mut client = Client::connect(server.addr());
    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    eventually("its handler runs", || server.stats().in_flight == 1);
    let mut drain_observer = drain_observer(&server, 1);
    let stopped = thread::spawn(move || server.stop());
    drain_observer.closed(); // So the drain has begun.
    client.send(vec![b'x'; 800_000]);
    assert_eq!(client.response().text(), "900000");
    let drained = finishes(GUARD, move || stopped.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

/// Half of it waits in the kernel, unseen, when the drain shuts its connection for reading.
#[test]
fn a_large_body_that_was_on_its_way_is_whole() {
    let barrier = Barrier::default();
    let router = Router::default();
    router.replace(routes(&barrier));
    let one = router.serve_managed_with(([127, 0, 0, 1], 0), Settings::default().pool_size(1));
    let server = one.expect("a free port");
    let addr = server.addr();
    let mut first = Client::connect(addr);
    first.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1); // So the only worker is busy.
    let mut client = Client::connect(addr);
    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    let stopped = thread::spawn(move || server.stop());
    eventually("it is closed", || Client::try_connect(addr).is_err());
    // The drain comes right after that; were it late, this would test less, not fail.
    thread::sleep(Duration::from_millis(100));
    barrier.open();
    assert_eq!(first.response().text(), "passed");
    client.send(vec![b'x'; 100_000]);
    assert_eq!(client.response().text(), "200000");
    let drained = finishes(GUARD, move || stopped.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (2, 0));
}

#[test]
fn in_flight_requests_are_answered_and_counted() {
    let barrier = Barrier::default();
    let server = serve(&barrier);
    let addr = server.addr();
    let mut clients: Vec<Client> = (0..7).map(|_| Client::connect(addr)).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(7);
    let mut drain_observer = drain_observer(&server, 7);
    let stopped = thread::spawn(move || server.stop());
    drain_observer.closed();
    assert!(!stopped.is_finished());
    barrier.open();
    let drained = finishes(GUARD, move || stopped.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (7, 0));
    for client in &mut clients {
        let reply = client.response();
        assert_eq!(reply.text(), "passed");
        assert_eq!(reply.header("Connection"), Some("close"));
        client.closed();
    }
}

#[test]
fn stop_within_returns_in_time_and_counts_what_it_cut() {
    for millis in [0, 100, 300] {
        let within = Duration::from_millis(millis);
        let (barrier, server, mut stuck) = stuck_in_handlers(3);
        let mut unread = Client::connect(server.addr());
        unread.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
        unread.head().unwrap();
        let (drained, took) = finishes(GUARD, move || timed(|| server.stop_within(within)));
        assert!(took < within + SLACK, "{took:?}");
        assert!(took >= within, "{took:?}");
        assert_eq!((drained.answered, drained.cut), (0, 4));
        // The clients can see that: there is no response, or it ends too soon.
        for client in &mut stuck {
            assert_eq!(client.try_response("GET"), Err(Incomplete::Unstarted));
        }
        let body = unread.rest().unwrap();
        assert!(body.len() < LARGE, "{}", body.len());
        barrier.open();
    }
}

#[test]
fn stop_within_returns_as_soon_as_all_is_answered() {
    let (barrier, server, mut clients) = stuck_in_handlers(3);
    barrier.open();
    let (drained, took) = finishes(GUARD, move || timed(|| server.stop_within(GUARD)));
    assert!(took < SLACK, "{took:?}");
    assert_eq!(drained.cut, 0);
    for client in &mut clients {
        assert_eq!(client.response().text(), "passed");
    }
}

#[test]
fn stop_within_counts_both_kinds() {
    let (barrier, slow) = (Barrier::default(), Barrier::default());
    let mut all = routes(&barrier);
    let at_barrier = slow.clone();
    all.push(Route::get("/slow").onconnect(move |request| {
        at_barrier.wait();
        echo(request)
    }));
    let server = serve_routes(all);
    let addr = server.addr();
    let ask = |path: &str, count: usize| -> Vec<Client> {
        let clients = (0..count).map(|_| {
            let mut client = Client::connect(addr);
            client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            client
        });
        clients.collect()
    };
    let mut quick = ask("/wait", 5);
    let mut stuck = ask("/slow", 2);
    barrier.wait_for_arrivals(5);
    slow.wait_for_arrivals(2);
    let mut drain_observer = drain_observer(&server, 7);
    let stopped = thread::spawn(move || server.stop_within(Duration::from_millis(500)));
    drain_observer.closed(); // So the drain has begun.
    barrier.open();
    let drained = finishes(GUARD, move || stopped.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (5, 2));
    for client in &mut quick {
        assert_eq!(client.response().text(), "passed");
    }
    for client in &mut stuck {
        assert_eq!(client.try_response("GET"), Err(Incomplete::Unstarted));
    }
    slow.open();
}

#[test]
fn stop_within_returns_in_time_under_load() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        let server = serve(&Barrier::default());
        let load = Load::on(server.addr(), 6, mode);
        let within = Duration::from_millis(100);
        let (drained, took) = finishes(GUARD, move || timed(|| server.stop_within(within)));
        assert!(took < within + SLACK, "{took:?}");
        assert_eq!(drained.cut, 0);
        load.end();
    }
}

/// Eight clients, half of them with a new connection for each request: whatever began to be
/// answered is answered whole, which the load asserts of each.
#[test]
fn no_response_is_cut_while_stopping_under_load() {
    for round in 0..10 {
        let server = serve(&Barrier::default());
        let addr = server.addr();
        let load = Load::on(addr, 8, KeepAliveMode::Mixed);
        load.each_answered(5 + round);
        let (drained, took) = stop(server);
        assert!(took < SLACK, "{took:?}");
        assert_eq!(drained.cut, 0);
        assert!(Client::try_connect(addr).is_err());
        load.end();
    }
}

#[test]
fn the_port_is_free_again_at_once() {
    let server = serve(&Barrier::default());
    let addr = server.addr();
    let mut idle = Client::connect(addr);
    idle.get("/");
    let (..) = stop(server);
    let again = serve_routes(vec![]).router();
    let again = again.serve_managed(addr).expect("the port is free again");
    assert_eq!(get(addr, "/").status, 404);
    let _ = again.stop();
}

fn stuck_in_handlers(count: usize) -> (Barrier, BackgroundServer, Vec<Client>) {
    let barrier = Barrier::default();
    let server = serve(&barrier);
    let mut clients: Vec<Client> = (0..count).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(count);
    (barrier, server, clients)
}
