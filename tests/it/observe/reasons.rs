//! The reason of the end: each way to end a connection has its `CloseReason`, counted once.

use std::time::Duration;

use crate::support::{eventually, Client};
use millpond::{BackgroundServer, CloseReason, Limits, ReadWrite};
use millpond::{Request, Response, ResponseBody, Router, Settings, Upgrade};

struct Nobody;

impl Upgrade for Nobody {
    fn build(&mut self, _: Box<dyn ReadWrite + Send>) {}
}

fn handler(request: &Request) -> Response {
    match request.url().as_str() {
        "/fails" => Response {
            data: ResponseBody::from_reader_and_size(&b"four"[..], 5),
            ..Response::text("")
        },
        "/panics" => Response {
            data: ResponseBody::from_reader(std::io::Read::chain(&b"some"[..], Panics)),
            ..Response::text("")
        },
        "/upgrade" => Response {
            status_code: 101,
            headers: vec![("Upgrade".into(), "nothing".into())],
            upgrade: Some(Box::new(Nobody)),
            ..Response::empty_204()
        },
        "/close" => Response::text("").with_additional_header("Connection", "close"),
        "/big" => Response::from_data("text/plain", vec![b'x'; 8 * 1024 * 1024]),
        _ => Response::text("hello"),
    }
}

struct Panics;

impl std::io::Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("a reader that panics, on purpose")
    }
}

fn server() -> BackgroundServer {
    let router = Router::default();
    router.fallback(handler);
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(200),
        max_requests_per_connection: Some(3),
        ..Limits::default()
    };
    let settings = Settings::default().pool_size(4).limits(limits);
    router
        .serve_managed_with(([127, 0, 0, 1], 0), settings)
        .expect("a free port")
}

type End = fn(&mut Client);

/// The client's part before it waits for the end.
#[rustfmt::skip]
const ENDS: &[(&str, CloseReason, End)] = &[
    ("nothing sent", CloseReason::ClientClosed, |client| {
        client.finish_sending();
    }),
    ("a request, then the end", CloseReason::ClientClosed, |client| {
        client.get("/");
        client.finish_sending();
    }),
    ("half of a head, then the end", CloseReason::Broken, |client| {
        client.send("GET /").finish_sending();
    }),
    ("Connection: close", CloseReason::Asked, |client| {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }),
    ("1.0", CloseReason::Asked, |client| {
        client.send("GET / HTTP/1.0\r\n\r\n");
    }),
    ("the handler's word for it", CloseReason::Asked, |client| {
        client.send("GET /close HTTP/1.1\r\nHost: a\r\n\r\n");
    }),
    ("nothing for a while", CloseReason::Idle, |_| {}),
    ("a request, then nothing", CloseReason::Idle, |client| {
        client.get("/");
    }),
    ("a head that is not finished", CloseReason::HeadTimeout, |client| {
        client.send("GET /");
    }),
    ("a bad head", CloseReason::Refused, |client| {
        client.send("GET / HTTP/1.1\r\n\r\n");
    }),
    ("a length beyond the limit", CloseReason::Refused, |client| {
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n");
    }),
    ("a body that is too short", CloseReason::BodyFailed, |client| {
        client.send("GET /fails HTTP/1.1\r\nHost: a\r\n\r\n");
    }),
    ("a body whose reader panics", CloseReason::BodyFailed, |client| {
        client.send("GET /panics HTTP/1.1\r\nHost: a\r\n\r\n");
    }),
    ("the last request that one may ask", CloseReason::Limit, |client| {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(4));
    }),
    ("an upgrade", CloseReason::Upgraded, |client| {
        client.send(
            "GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: nothing\r\n\r\n",
        );
    }),
];

#[test]
fn each_end_has_its_reason() {
    for &(name, reason, act) in ENDS {
        let server = server();
        let mut client = Client::connect(server.addr());
        act(&mut client);
        client.rest().expect("the end");
        drop(client);
        eventually(name, || server.stats().open == 0);
        let stats = server.stats();
        let all: u64 = CloseReason::ALL.iter().map(|&r| stats.closed(r)).sum();
        assert_eq!((all, stats.closed(reason)), (1, 1), "{name}: {stats:?}");
        assert_eq!(server.stop().cut, 0, "{name}");
    }
}

#[test]
fn a_client_that_leaves_within_its_answer_is_a_broken_connection() {
    let server = server();
    let mut client = Client::connect(server.addr());
    client.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    client.take(1000).expect("the first of it");
    drop(client);
    eventually("it is broken", || {
        server.stats().closed(CloseReason::Broken) == 1
    });
    assert_eq!(server.stop().cut, 0);
}

#[test]
fn a_stop_drains_those_that_are_idle() {
    let router = Router::default();
    router.fallback(handler);
    let server = router.serve_managed(([127, 0, 0, 1], 0)).expect("a port");
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.get("/");
    }
    eventually("they are idle", || server.stats().in_flight == 0);
    let stats = server.stats();
    assert_eq!(stats.open, 3);
    assert_eq!(server.stop().cut, 0);
    for client in &mut clients {
        client.closed();
    }
}
