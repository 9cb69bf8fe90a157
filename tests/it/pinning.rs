//! Promise 11: no client can pin the pool. Hundreds of clients that are slow in each of the three
//! ways there are, four workers, and everybody else is answered, within bounded memory.

use std::io::Read;
use std::time::Duration;

use crate::support::{eventually, get, timed, Client, GUARD, SLACK};
use millpond::{BackgroundServer, Limits, Response, Route, Router};

const WORKERS: usize = 4;
/// Of each kind.
const SLOW: usize = 100;
/// What half of the fresh clients may have to wait, on a machine that is busy with other tests; the
/// aim is 100 ms for nearly all.
const PROMPT: Duration = Duration::from_secs(1);

fn server() -> BackgroundServer {
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("prompt")));
    router.add(Route::get("/big").onconnect(|_| Response::from_data("a/b", vec![b'x'; 60_000])));
    router.add(Route::post("/upload").onconnect(|request| {
        let mut body = Vec::new();
        match request.data().map(|mut data| data.read_to_end(&mut body)) {
            Some(Ok(count)) => Response::text(count.to_string()),
            _ => Response::empty_400(),
        }
    }));
    router
        .serve_managed_with(([127, 0, 0, 1], 0), WORKERS, Limits::default())
        .expect("a free port")
}

/// Clients that each send this and then neither send nor read.
fn slow(server: &BackgroundServer, bytes: &[u8]) -> Vec<Client> {
    let client = |_| {
        let mut client = Client::connect(server.addr());
        client.send(bytes);
        client
    };
    (0..SLOW).map(client).collect()
}

fn half_a_head() -> Vec<u8> {
    b"GET / HTTP/1.1\r\nHost: a".to_vec()
}

/// More than is gathered beforehand: a worker may wait for the rest.
fn a_part_of_an_upload() -> Vec<u8> {
    let mut bytes = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n".to_vec();
    bytes.resize(bytes.len() + 70_000, b'x');
    bytes
}

/// Far more than the sockets' buffers take.
fn unread_answers() -> Vec<u8> {
    b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200)
}

/// Each within the client's guard, and half of them promptly.
fn fresh_clients_are_answered(server: &BackgroundServer) {
    let ask = |_| {
        let (reply, took) = timed(|| get(server.addr(), "/"));
        assert_eq!(reply.text(), "prompt");
        took
    };
    let mut times: Vec<Duration> = (0..20).map(ask).collect();
    times.sort_unstable();
    assert!(times[10] < PROMPT + SLACK, "{times:?}");
    let workers = server.stats().workers;
    assert!(workers <= WORKERS as u64, "{workers} workers");
}

fn over(server: BackgroundServer, clients: Vec<Client>) {
    drop(clients);
    let drained = server.stop_within(GUARD);
    assert!(drained.took < GUARD + SLACK, "{drained:?}");
}

#[test]
fn half_sent_heads_do_not_pin_the_pool() {
    let server = server();
    let clients = slow(&server, &half_a_head());
    fresh_clients_are_answered(&server);
    over(server, clients);
}

#[test]
fn slow_uploads_do_not_pin_the_pool() {
    let server = server();
    let clients = slow(&server, &a_part_of_an_upload());
    eventually("some of the uploads are being read", || {
        server.stats().in_flight > 0
    });
    fresh_clients_are_answered(&server);
    over(server, clients);
}

#[test]
fn unread_answers_do_not_pin_the_pool() {
    let server = server();
    let clients = slow(&server, &unread_answers());
    eventually("answers to each of them", || {
        server.stats().requests >= SLOW as u64
    });
    fresh_clients_are_answered(&server);
    over(server, clients);
}

#[test]
fn all_of_them_at_once_do_not_pin_the_pool() {
    let server = server();
    let mut clients = slow(&server, &half_a_head());
    clients.extend(slow(&server, &a_part_of_an_upload()));
    clients.extend(slow(&server, &unread_answers()));
    fresh_clients_are_answered(&server);
    over(server, clients);
}

#[cfg(target_os = "linux")]
const CHILD: &str = "MILLPOND_TEST_MEMORY";

/// In a process of its own, as the other tests of this one need memory too.
#[cfg(target_os = "linux")]
#[test]
fn their_memory_is_bounded() {
    if std::env::var_os(CHILD).is_none() {
        let this = std::env::current_exe().expect("this very test binary");
        let child = std::process::Command::new(this)
            .args(["--exact", "pinning::their_memory_is_bounded", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .expect("a child process");
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{said}");
        return;
    }
    let server = server();
    let mut clients = slow(&server, &half_a_head());
    clients.extend(slow(&server, &a_part_of_an_upload()));
    clients.extend(slow(&server, &unread_answers()));
    fresh_clients_are_answered(&server);
    // What the answers that nobody reads come to, were they all kept: 1.2 GB. What may be kept of
    // each connection: a gathered body, an answer, and one read of what is pipelined.
    let kept_kib = 3 * SLOW * (64 + 60 + 72);
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let peak_kib: usize = line
        .and_then(|line| line.split_whitespace().nth(1))
        .and_then(|number| number.parse().ok())
        .expect("the peak in KiB");
    assert!(peak_kib < kept_kib + 32 * 1024, "{peak_kib} KiB");
    over(server, clients);
}
