//! A connection handed over to another protocol: bytes that came early are read first, no worker is
//! blocked, and `max_upgraded` bounds the number of such connections.

use std::io::{Read, Write};
use std::thread;

use crate::support::{eventually, serve, serve_as, switch, Barrier, Client, Running, GUARD};
use millpond::{Limits, Request, Response};

const ASK: &str =
    "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly";

fn echo_server(pool_size: usize, max_upgraded: usize, barrier: Barrier) -> Running {
    let handler = move |request: &Request| match request.url().as_str() {
        "/echo" => switch(),
        "/late" => {
            barrier.wait();
            switch()
        }
        _ => Response::text("plain"),
    };
    let limits = Limits {
        max_upgraded,
        ..Limits::default()
    };
    serve_as(handler, |s| s.pool_size(pool_size).limits(limits))
}

fn upgraded(server: &Running) -> Client {
    let mut client = server.connect();
    let reply = client.send(ASK).head().expect("a head");
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("Upgrade"), Some("echo"));
    assert_eq!(reply.header("Connection"), Some("upgrade"));
    client
}

/// The bytes that come back until the client ends its side.
fn echoed(mut client: Client) -> Vec<u8> {
    client.send("and late").finish_sending();
    client.rest().expect("the end of the echo")
}

#[test]
fn what_came_early_is_read_first() {
    let server = echo_server(4, 8, Barrier::default());
    assert_eq!(echoed(upgraded(&server)), b"earlyand late");
}

#[test]
fn upgraded_connections_hold_no_worker() {
    let server = echo_server(2, 8, Barrier::default());
    let clients: Vec<Client> = (0..8).map(|_| upgraded(&server)).collect();
    assert_eq!(server.get("/").text(), "plain");
    for client in clients {
        assert_eq!(echoed(client), b"earlyand late");
    }
}

#[test]
fn one_more_than_max_upgraded_is_told_503_and_closed() {
    let server = echo_server(4, 1, Barrier::default());
    let first = upgraded(&server);
    let mut second = server.connect();
    let reply = second.send(ASK).response();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("Connection"), Some("close"));
    // Not "early" as the beginning of a request.
    second.closed();
    assert_eq!(echoed(first), b"earlyand late");
    has_room(&server);
}

#[test]
fn a_client_that_leaves_before_its_101_keeps_no_place() {
    let barrier = Barrier::default();
    let server = echo_server(4, 1, barrier.clone());
    let mut client = server.connect();
    let late = ASK.replace("/echo", "/late");
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{late}"));
    barrier.wait_for_arrivals(1);
    // Its unread answer makes this a reset, so that the 101 cannot be written.
    client
        .stream
        .set_read_timeout(Some(GUARD))
        .expect("an open socket");
    client.stream.peek(&mut [0]).expect("the first answer");
    drop(client);
    barrier.open();
    has_room(&server);
}

fn has_room(server: &Running) {
    eventually("room for another upgrade", || {
        let mut client = server.connect();
        // The client may get a 503 and the end while it still sends.
        let _ = client.stream.write_all(ASK.as_bytes());
        client.head().map_or(false, |reply| reply.status == 101)
    });
}

#[test]
fn a_server_that_stops_neither_ends_nor_awaits_it() {
    let server = echo_server(4, 1, Barrier::default());
    let client = upgraded(&server);
    drop(server);
    assert_eq!(echoed(client), b"earlyand late");
}

#[test]
fn a_server_that_is_leaving_begins_no_other_protocol() {
    let barrier = Barrier::default();
    let server = echo_server(4, 8, barrier.clone());
    let mut client = server.connect();
    client.send(ASK.replace("/echo", "/late"));
    barrier.wait_for_arrivals(1);
    let mut drain_observer = server.connect();
    drain_observer.get("/");
    let stopped = thread::spawn(move || drop(server));
    drain_observer.closed(); // So the drain has begun.
    barrier.open();
    let reply = client.response();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("Connection"), Some("close"));
    client.closed();
    stopped.join().expect("the server ends");
}

#[test]
fn what_came_early_behind_many_requests_is_read_first() {
    let server = echo_server(4, 8, Barrier::default());
    let mut client = server.connect();
    let plain = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30);
    client.send(format!("{plain}{ASK}"));
    for _ in 0..30 {
        assert_eq!(client.response().text(), "plain");
    }
    assert_eq!(client.head().expect("a head").status, 101);
    assert_eq!(echoed(client), b"earlyand late");
}

#[test]
fn a_request_that_cannot_switch_is_told_500_and_closed() {
    let server = echo_server(4, 1, Barrier::default());
    let body = "b".repeat(100_000);
    for (name, ask) in [
        ("1.0 knows no 101", ASK.replace("1.1", "1.0")),
        (
            "it asks for another protocol",
            ASK.replace("Upgrade: echo", "Upgrade: websocket, echoes"),
        ),
        ("it asks for none", ASK.replace("Upgrade: echo", "X: echo")),
        (
            "Connection does not name the field",
            ASK.replace("Connection: upgrade", "Connection: x"),
        ),
        (
            "the body has not ended",
            ASK.replace("GET", "POST")
                .replace("\r\n\r\nearly", "\r\nContent-Length: 100000\r\n\r\n")
                + &body,
        ),
    ] {
        let mut client = server.connect();
        assert_eq!(client.send(ask).response().status, 500, "{name}");
        client.closed();
    }
    has_room(&server);
}

#[test]
fn an_upgrade_beside_another_status_is_dropped() {
    let server = serve(|_| Response {
        status_code: 200,
        ..switch()
    });
    let mut client = server.connect();
    for _ in 0..2 {
        assert_eq!(client.get("/").status, 200);
    }
}

#[test]
fn continue_comes_before_the_switch() {
    let server = serve(|request| {
        let mut body = Vec::new();
        let mut data = request.data().expect("the first to ask");
        match data.read_to_end(&mut body) {
            Ok(5) => switch(),
            _ => Response::empty_400(),
        }
    });
    let mut client = server.connect();
    let ask = ASK.replace("GET", "POST").replace("\r\n\r\nearly", "");
    client.send(ask + "\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().expect("an interim response").status, 100);
    client.send("hello");
    assert_eq!(client.head().expect("a head").status, 101);
    assert_eq!(echoed(client), b"and late");
}
