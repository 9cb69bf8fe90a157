//! A connection handed over to another protocol is a thread's own: the pool, a stop and HTTP have no
//! more to do with it. (What it takes to be handed over is in `upgrade`.)

use crate::support::{serve_as, Client, Running};
use millpond::{Limits, ReadWrite, Request, Response, ResponseBody, Upgrade};

const ASK: &str =
    "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly";

struct Echo;

impl Upgrade for Echo {
    fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
        let mut buf = [0; 64];
        while let Ok(count @ 1..) = socket.read(&mut buf) {
            if socket.write_all(&buf[..count]).is_err() {
                break;
            }
        }
    }
}

fn switch() -> Response {
    Response {
        status_code: 101,
        headers: vec![("Upgrade".into(), "echo".into())],
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(Echo)),
    }
}

fn echo_server(pool_size: usize, max_upgraded: usize) -> Running {
    let handler = |request: &Request| match request.url().as_str() {
        "/echo" => switch(),
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

/// What the client gets back until it ends its side.
fn echoed(mut client: Client) -> Vec<u8> {
    client.send("and late").finish_sending();
    client.rest().expect("the end of the echo")
}

#[test]
fn upgraded_connections_hold_no_worker() {
    let server = echo_server(2, 8);
    let clients: Vec<Client> = (0..8).map(|_| upgraded(&server)).collect();
    assert_eq!(server.get("/").text(), "plain");
    for client in clients {
        assert_eq!(echoed(client), b"earlyand late");
    }
}

#[test]
fn what_follows_a_refused_upgrade_is_not_read_as_http() {
    let server = echo_server(4, 0);
    let mut client = server.connect();
    client.send(ASK).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let reply = client.response();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("Connection"), Some("close"));
    client.closed();
}

#[test]
fn a_server_that_stops_neither_ends_nor_awaits_it() {
    let server = echo_server(4, 1);
    let client = upgraded(&server);
    drop(server);
    assert_eq!(echoed(client), b"earlyand late");
}
