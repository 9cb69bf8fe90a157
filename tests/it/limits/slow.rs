//! Slow clients: each phase has its deadline or its minimum rate, and slow bytes do not extend it.
//! Clients that end or reset in any phase leave nothing behind.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{
    eventually, measure, serve, serve_as, timed, Barrier, Client, Running, GUARD, SLACK,
};
use millpond::{CloseReason, Limits, Request, Response, Route, Router};

/// The time before a rate is checked, and the window of each later check.
const WINDOW: Duration = Duration::from_secs(5);

fn handler(request: &Request) -> Response {
    if request.url() == "/big" {
        return Response::from_data("text/plain", vec![b'x'; 32 * 1024 * 1024]);
    }
    measure(request)
}

fn server(limits: Limits) -> Running {
    serve_as(handler, |server| server.limits(limits))
}

fn quick_heads() -> Limits {
    Limits {
        head_timeout: Duration::from_millis(300),
        idle_timeout: Duration::from_millis(900),
        ..Limits::default()
    }
}

/// Sends a byte of `bytes` every 20 ms until it is refused, or the guard's time is up.
fn drip(stream: &TcpStream, bytes: impl Iterator<Item = u8> + Send + 'static) {
    let mut stream = stream.try_clone().expect("another handle");
    let began = Instant::now();
    thread::spawn(move || {
        for byte in bytes {
            if began.elapsed() > GUARD * 2 || stream.write_all(&[byte]).is_err() {
                return;
            }
            // The pace of a client, not a wait for anything.
            thread::sleep(Duration::from_millis(20));
        }
    });
}

/// The time from now to the end lies in `bounds`.
fn within<T>(from: Duration, act: impl FnOnce() -> T) -> T {
    let (value, took) = timed(act);
    // A socket's timeout may be a little early by the clock of another thread.
    let early = Duration::from_millis(20);
    assert!(took + early >= from, "after {took:?}, before {from:?}");
    assert!(
        took <= from + SLACK * 2,
        "after {took:?}, long after {from:?}"
    );
    value
}

#[test]
fn a_head_that_drips_is_refused_at_its_deadline() {
    let server = server(quick_heads());
    let mut client = server.connect();
    let endless = b"GET / HTTP/1.1\r\nHost: a\r\nA: ".iter().copied();
    drip(&client.stream, endless.chain(std::iter::repeat(b'a')));
    let reply = within(quick_heads().head_timeout, || client.response());
    assert_eq!(reply.status, 408);
    assert_eq!(reply.header("Connection"), Some("close"));
    client.closed();
}

#[test]
fn a_head_that_stops_is_refused_at_its_deadline() {
    let server = server(quick_heads());
    for part in [
        "G",
        "GET /",
        "GET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n",
    ] {
        let mut client = server.connect();
        client.send(part);
        let reply = within(quick_heads().head_timeout, || client.response());
        assert_eq!(reply.status, 408, "{part}");
        client.closed();
    }
}

#[test]
fn the_next_head_has_a_deadline_of_its_own() {
    let server = server(quick_heads());
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "0");
    }
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT");
    assert_eq!(client.response().text(), "0");
    let reply = within(quick_heads().head_timeout, || client.response());
    assert_eq!(reply.status, 408);
    client.closed();
}

#[test]
fn an_idle_connection_is_closed_in_silence() {
    let server = server(quick_heads());
    let mut fresh = server.connect();
    within(quick_heads().idle_timeout, || fresh.closed());
    let mut used = server.connect();
    assert_eq!(used.get("/").text(), "0");
    within(quick_heads().idle_timeout, || used.closed());
}

#[test]
fn empty_lines_do_not_stretch_the_idle_time() {
    // Up long before there are so many lines that they are refused.
    let idle_timeout = Duration::from_millis(300);
    let server = server(Limits {
        idle_timeout,
        ..quick_heads()
    });
    let mut client = server.connect();
    drip(&client.stream, b"\r\n".iter().copied().cycle());
    within(idle_timeout, || client.closed());
}

#[test]
fn the_idle_time_begins_anew_with_each_answer() {
    let server = server(quick_heads());
    let mut client = server.connect();
    let began = Instant::now();
    while began.elapsed() < quick_heads().idle_timeout * 2 {
        assert_eq!(client.get("/").text(), "0");
        // Most of the idle time, but not all of it.
        thread::sleep(quick_heads().idle_timeout / 3);
    }
}

/// Rates are judged once in five seconds: all at the same time, so that it takes no longer.
#[test]
fn each_rate_has_its_least() {
    let uploads = thread::spawn(bodies_below_it_are_refused);
    let lasting = thread::spawn(a_body_above_it_may_take_its_time);
    a_client_that_does_not_read_is_cut();
    for thread in [uploads, lasting] {
        if let Err(panic) = thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn bodies_below_it_are_refused() {
    let server = server(Limits::default());
    let head =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    let coded = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let starts = [
        // Gathered, known and unknown; read by the handler, known and unknown.
        head(1000),
        format!("{coded}ffff\r\n"),
        head(900_000) + &"b".repeat(65_536),
        format!("{coded}fffff\r\n{}", "b".repeat(65_536)),
    ];
    let mut clients: Vec<Client> = starts.iter().map(|_| patient(&server)).collect();
    for (client, start) in clients.iter_mut().zip(&starts) {
        client.send(start);
        drip(&client.stream, std::iter::repeat(b'b'));
    }
    let mut silent = patient(&server);
    silent.send(head(1000));
    clients.push(silent);
    let began = Instant::now();
    for mut client in clients {
        assert_eq!(client.response().status, 408);
        client.closed();
    }
    let took = began.elapsed();
    assert!(
        took + SLACK > WINDOW && took < WINDOW + SLACK * 3,
        "{took:?}"
    );
}

fn a_client_that_does_not_read_is_cut() {
    let router = Router::default();
    router.add(Route::get("/big").onconnect(handler));
    let server = router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port");
    let mut client = Client::connect(server.addr());
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    let began = Instant::now();
    // The bytes that fill the sockets went at once and count for the first window.
    while server.stats().closed(CloseReason::SlowRead) == 0 {
        let waited = began.elapsed();
        assert!(waited < WINDOW * 2 + SLACK * 3, "not cut after {waited:?}");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(began.elapsed() + SLACK > WINDOW);
    assert!(client.try_response("GET").is_err());
    eventually("it is gone", || server.stats().open == 0);
    let _ = server.stop();
}

fn a_body_above_it_may_take_its_time() {
    let server = server(Limits {
        min_body_rate: 20,
        ..Limits::default()
    });
    let mut client = patient(&server);
    // Not more than 50 bytes a second, for longer than one window.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n");
    drip(&client.stream, std::iter::repeat(b'b').take(300));
    let (reply, took) = timed(|| client.response());
    assert_eq!(reply.text(), "300");
    assert!(took > WINDOW);
}

fn patient(server: &Running) -> Client {
    let client = server.connect();
    let patience = Some(WINDOW * 2 + GUARD);
    client.stream.set_read_timeout(patience).expect("a timeout");
    client
}

#[test]
fn a_handler_sees_where_a_body_broke_off() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let server = serve(move |request: &Request| {
        let mut body = Vec::new();
        let read = request.data().expect("first").read_to_end(&mut body);
        told.lock()
            .unwrap()
            .push((body.len(), read.map_err(|e| e.kind())));
        Response::text("")
    });
    let end = Err(std::io::ErrorKind::UnexpectedEof);
    let mut count = 0;
    for framing in [
        "Content-Length: 200000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n30d40\r\n",
    ] {
        // Gathered before the handler runs, and read by it.
        for (sent, reset) in [(0, false), (3, false), (100_000, false), (100_000, true)] {
            let mut client = server.connect();
            client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{framing}"));
            client.send("b".repeat(sent));
            if reset {
                drop(client);
            } else {
                client.finish_sending();
                assert_eq!(client.response().status, 200);
                client.closed();
            }
            eventually("the handler saw it", || seen.lock().unwrap().len() > count);
            assert_eq!(seen.lock().unwrap()[count], (sent, end), "{framing}");
            count += 1;
        }
    }
}

#[test]
fn a_reset_in_any_phase_leaves_nothing_behind() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let router = Router::default();
    router.add(Route::any("/{path...}").onconnect(move |request| {
        if request.url() == "/wait" {
            at_barrier.wait();
        }
        handler(request)
    }));
    let server = router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port");
    let unread = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let parts = [
        "",
        "GE",
        "GET / HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    ];
    for part in parts {
        // Closing with an answer unread resets the connection.
        let mut client = Client::connect(server.addr());
        client.send(unread);
        client.stream.peek(&mut [0; 1]).expect("the answer is here");
        client.send(part);
        drop(client);
    }
    barrier.open();
    eventually("all are gone", || server.stats().open == 0);
    assert_eq!(Client::connect(server.addr()).get("/").text(), "0");
    assert_eq!(server.stats().panics, 0);
    assert_eq!(server.stop().cut, 0);
}
