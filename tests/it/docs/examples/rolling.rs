//! The example `rolling`, ended by real signals while it is busy.

use std::net::TcpListener;

use super::child::Example;
use crate::support::{get, Client};

fn start(grace_ms: &str, drain_ms: &str) -> Example {
    Example::start("rolling", &[grace_ms, drain_ms])
}

/// A request in flight for as long as its client likes: the handler reads, and the body is to come.
fn in_flight(example: &Example) -> Client {
    let mut client = Client::connect(example.addr);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n");
    client.send("Expect: 100-continue\r\n\r\n");
    assert_eq!(client.head().expect("an interim response").status, 100);
    client
}

#[test]
fn rolling_answers_and_says_where_it_is() {
    let example = start("0", "0");
    assert_eq!(get(example.addr, "/ready").status, 200);
    assert_eq!(get(example.addr, "/sleep?ms=1").text(), "slept\n");
    assert_eq!(get(example.addr, "/sleep?ms=65536").status, 400);
    assert_eq!(get(example.addr, "/large").body.len(), 1 << 20);
}

#[test]
fn rolling_leaves_without_a_failed_request() {
    for signal in ["TERM", "INT"] {
        let mut example = start("1500", "5000");
        let mut idle = Client::connect(example.addr);
        assert_eq!(idle.get("/sleep?ms=0").header("Connection"), None);
        let mut used = Client::connect(example.addr);
        assert_eq!(used.get("/sleep?ms=0").header("Connection"), None);
        let mut busy = in_flight(&example);

        example.signal(signal);
        assert!(example.line().starts_with("leaving"));
        // Not ready, and yet whoever comes is served.
        let ready = get(example.addr, "/ready");
        assert_eq!((ready.status, ready.text()), (503, "leaving\n"));
        assert_eq!(used.get("/sleep?ms=0").header("Connection"), Some("close"));
        used.closed();
        idle.open();

        assert_eq!(example.line(), "draining");
        idle.closed();
        busy.send("body");
        let reply = busy.response();
        assert_eq!(reply.text(), "body");
        assert_eq!(reply.header("Connection"), Some("close"));
        let (status, rest) = example.ends_as();
        assert_eq!(status.code(), Some(0), "{signal}: {rest}");
        assert!(rest.starts_with("1 answered, 0 cut"), "{rest}");
    }
}

#[test]
fn rolling_tells_by_its_status_that_something_was_cut() {
    let mut example = start("0", "50");
    let mut busy = in_flight(&example);
    example.signal("TERM");
    assert!(example.line().starts_with("leaving"));
    busy.closed();
    let (status, rest) = example.ends_as();
    assert_eq!(status.code(), Some(1), "{rest}");
    assert!(rest.contains("0 answered, 1 cut"), "{rest}");
}

#[test]
fn rolling_ends_at_once_when_it_is_told_twice() {
    // Within the grace, and within the drain.
    for (grace, second, code) in [("60000", "TERM", 143), ("0", "INT", 130)] {
        let mut example = start(grace, "60000");
        let mut busy = in_flight(&example);
        example.signal("TERM");
        assert!(example.line().starts_with("leaving"));
        if grace == "0" {
            assert_eq!(example.line(), "draining");
        }
        example.signal(second);
        let (status, rest) = example.ends_as();
        assert_eq!((status.code(), rest.as_str()), (Some(code), ""));
        busy.closed();
    }
}

/// As systemd does it (`StandardInput=socket`): who comes between two instances is queued.
#[test]
fn rolling_serves_a_socket_that_stays() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = socket.local_addr().unwrap();
    for _ in 0..2 {
        let mut queued = Client::connect(addr);
        queued.send("GET /sleep?ms=0 HTTP/1.1\r\nHost: a\r\n\r\n");
        let mut example = Example::start_with("rolling", &["-", "0", "5000"], &socket);
        assert_eq!(example.addr, addr);
        assert_eq!(queued.response().text(), "slept\n");
        example.signal("TERM");
        assert!(example.line().starts_with("leaving"));
        queued.closed();
        let (status, rest) = example.ends_as();
        assert!(status.success(), "{rest}");
    }
}
