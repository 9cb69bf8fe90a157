//! A connection handed over to another protocol: what came early is read first, the limit holds,
//! and every place is given back (RFC 9110 §7.8).

use std::thread;

use crate::support::{eventually, serve, serve_as, Client, Gate, Running};
use millpond::{Limits, ReadWrite, Request, Response, Upgrade};

/// Sends back what it is sent, in a thread of its own.
struct Echo;

impl Upgrade for Echo {
    fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
        thread::spawn(move || {
            let mut bytes = [0; 100];
            while let Ok(count @ 1..) = socket.read(&mut bytes) {
                if socket.write_all(&bytes[..count]).is_err() {
                    return;
                }
            }
        });
    }
}

fn upgrade() -> Response {
    Response {
        status_code: 101,
        headers: vec![
            ("Upgrade".into(), "echo".into()),
            ("Connection".into(), "Upgrade".into()),
        ],
        upgrade: Some(Box::new(Echo)),
        ..Response::empty_204()
    }
}

fn handler(request: &Request) -> Response {
    match request.url().as_str() {
        "/echo" => upgrade(),
        _ => Response::text("hello"),
    }
}

const ASK: &str = "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

fn echoes(client: &mut Client, text: &str) {
    let back = client.take(text.len()).expect("the echo");
    assert_eq!(back, text.as_bytes());
}

/// With room for so many.
fn server(max_upgraded: usize) -> Running {
    serve_as(handler, |server| {
        server.limits(Limits {
            max_upgraded,
            ..Limits::default()
        })
    })
}

fn switched(server: &Running) -> Option<Client> {
    let mut client = server.connect();
    client.send(ASK);
    match client.head().expect("a response").status {
        101 => Some(client),
        503 => None,
        other => panic!("neither 101 nor 503 but {other}"),
    }
}

#[test]
fn the_connection_is_handed_over() {
    let server = serve(handler);
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    client.send(ASK);
    let reply = client.head().expect("a response");
    assert_eq!(reply.status, 101);
    assert_eq!(reply.header("Upgrade"), Some("echo"));
    assert_eq!(reply.header("Connection"), Some("upgrade"));
    assert_eq!(reply.header("Content-Length"), None);
    assert_eq!(reply.header("Transfer-Encoding"), None);
    for text in ["one", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        client.send(text);
        echoes(&mut client, text);
    }
    client.finish_sending();
    client.closed();
}

#[test]
fn what_came_early_is_read_first() {
    let server = serve(handler);
    let early = "e".repeat(10_000);
    // Behind the request in one piece, and behind many that are gathered.
    for before in [0, 20] {
        let mut client = server.connect();
        let gets = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(before);
        client.send(format!("{gets}{ASK}{early}"));
        for _ in 0..before {
            assert_eq!(client.response().text(), "hello");
        }
        assert_eq!(client.head().expect("a response").status, 101);
        client.send("late");
        echoes(&mut client, &(early.clone() + "late"));
    }
}

#[test]
fn so_many_and_not_one_more() {
    let server = server(2);
    let first = switched(&server).expect("room for one");
    let second = switched(&server).expect("room for two");
    let mut third = server.connect();
    third.send(ASK);
    assert_eq!(third.response().status, 503);
    drop(first);
    eventually("a place is free again", || switched(&server).is_some());
    drop(second);
}

#[test]
fn a_place_is_given_back_when_the_client_does_not_live_to_see_the_101() {
    let gate = Gate::default();
    let at_gate = gate.clone();
    let server = serve_as(
        move |request: &Request| match request.url().as_str() {
            "/late" => {
                at_gate.pass();
                upgrade()
            }
            _ => handler(request),
        },
        |server| {
            server.limits(Limits {
                max_upgraded: 1,
                ..Limits::default()
            })
        },
    );
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    gate.wait_for(1);
    // An answer that nobody has read: closing resets the connection.
    drop(client);
    gate.open();
    eventually("the place is free", || switched(&server).is_some());
}

#[test]
fn a_101_that_nobody_takes_over_is_a_500() {
    let server = serve(|_| Response {
        upgrade: None,
        ..upgrade()
    });
    assert_eq!(server.get("/").status, 500);
}

#[test]
fn a_10_client_is_not_told_to_switch() {
    let server = serve(handler);
    let mut client = server.connect();
    client.send("GET /echo HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_eq!(client.response().status, 500);
    client.closed();
}

#[test]
fn an_upgrade_before_the_body_has_come_is_a_500() {
    let server = serve(handler);
    let mut client = server.connect();
    let body = [b'x'; 100_000];
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client.send(&body[..]);
    assert_eq!(client.response().status, 500);
}

#[test]
fn an_upgrade_of_another_status_is_an_ordinary_answer() {
    let server = serve(|_| Response {
        upgrade: Some(Box::new(Echo)),
        ..Response::text("hello")
    });
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    assert_eq!(client.get("/").text(), "hello");
}
