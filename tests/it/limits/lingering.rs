//! A connection that ends with an answer is read for a moment longer, so that further bytes of the
//! client do not cause a reset that destroys the answer (RFC 9112 §9.6).

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::{eventually, serve_routes, Barrier, Client, GUARD};
use millpond::Settings;
use millpond::{BackgroundServer, CloseReason, ConnectionState, Limits, Response, Route, Router};

/// More than the buffers of a client that does not read, less than the kernel takes at once.
const LARGE: usize = 400_000;

fn server() -> BackgroundServer {
    let large = || Response::from_data("text/plain", vec![b'x'; LARGE]);
    serve_routes(vec![
        Route::any("/").onconnect(move |_| large()),
        Route::get("/close")
            .onconnect(move |_| large().with_additional_header("Connection", "close")),
    ])
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// Each request asks to close, or gets a close in its response.
const LAST: [&str; 4] = [
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi",
    "GET /close HTTP/1.1\r\nHost: a\r\n\r\n",
];

#[test]
fn what_comes_behind_the_last_request_does_not_destroy_its_answer() {
    let server = server();
    let behind = ["\r\n", GET, &"x".repeat(100_000)];
    let pairs = LAST.iter().flat_map(|last| behind.map(|text| (last, text)));
    for (at, (request, behind)) in (1..).zip(pairs) {
        let mut client = Client::connect(server.addr());
        client.send(request);
        eventually("the answer is the kernel's", || {
            let stats = server.stats();
            stats.requests == at && stats.open == stats.connections(ConnectionState::Closing)
        });
        // Without a wait the server would have closed it by now.
        let _ = client.try_send(behind);
        assert_eq!(client.response().body.len(), LARGE, "{request}");
        client.closed();
        drop(client);
        eventually("it is closed", || server.stats().open == 0);
    }
    assert_eq!(server.stats().closed(CloseReason::Asked), 12);
    assert_eq!(server.stop().cut, 0);
}

/// A short answer is read on behind only if something came while it was made.
#[test]
fn what_came_while_a_short_answer_was_made_does_not_reset_it() {
    for request in &LAST[..3] {
        for behind in ["", "\r\n", GET] {
            let barrier = Barrier::default();
            let entrance = barrier.clone();
            let server = serve_routes(vec![Route::any("/").onconnect(move |_| {
                entrance.wait();
                Response::text("short")
            })]);
            let mut client = TcpStream::connect(server.addr()).unwrap();
            client.set_read_timeout(Some(GUARD)).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            barrier.wait_for_arrivals(1);
            client.write_all(behind.as_bytes()).unwrap();
            barrier.open();
            let mut answer = String::new();
            let read = client.read_to_string(&mut answer);
            assert!(read.is_ok(), "{read:?} behind {request}{behind}");
            assert!(answer.ends_with("\r\n\r\nshort"), "{answer}");
            let _ = server.stop();
        }
    }
}

/// A client that has its last answer delays no other client.
#[test]
fn one_that_lingers_makes_room_for_a_new_one() {
    // A worker waits for the end of the first; or no worker may, and the connection is in the scan list.
    for pool_size in [8, 1] {
        let router = Router::default();
        router.fallback(|_| Response::from_data("text/plain", vec![b'x'; LARGE]));
        let limits = Limits {
            max_connections: 2,
            ..Limits::default()
        };
        let settings = Settings::default().pool_size(pool_size).limits(limits);
        let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
        let server = server.expect("a free port");
        let mut idle = Client::connect(server.addr());
        assert_eq!(idle.get("/").body.len(), LARGE);
        let mut clients = Vec::new();
        for at in 1..=5 {
            let mut client = Client::connect(server.addr());
            client.send(LAST[0]);
            assert_eq!(client.response().body.len(), LARGE, "{at} of {pool_size}");
            // It does not close its side.
            clients.push(client);
            // Alone: the one before it, which made room, is gone.
            eventually("it lingers", || {
                let stats = server.stats();
                let gone = stats.closed(CloseReason::Asked) == at - 1;
                gone && stats.connections(ConnectionState::Closing) == 1
            });
        }
        assert_eq!(idle.get("/").body.len(), LARGE);
        assert_eq!(server.stats().turned_away, 0);
    }
}
