//! Half a "100 (Continue)": unread answers of a client may leave room for a part of one only. Bytes
//! behind that part would not be seen as an answer, so the connection is closed.

use std::thread;
use std::time::Duration;

use crate::support::{eventually, finishes, measure, serve_routes, Barrier, Client, GUARD};
use millpond::{BackgroundServer, Response, Route};

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// More than any pair of sockets holds.
const LARGE: u64 = 16 << 20;
/// Of its 25 bytes.
const ROOM_LEFT: u64 = 10;
/// The kernel does not promise to take as much a second time.
const TRIES: u32 = 5;

fn server(barrier: &Barrier) -> BackgroundServer {
    let barrier = barrier.clone();
    serve_routes(vec![
        Route::get("/{size}").onconnect(|request| {
            let size = request.param("size").and_then(|size| size.parse().ok());
            Response::from_data("text/plain", vec![b'x'; size.expect("a size")])
        }),
        Route::post("/").onconnect(move |request| {
            barrier.wait();
            measure(request)
        }),
    ])
}

fn ask_for(size: u64, server: &BackgroundServer) -> Client {
    let mut client = Client::connect(server.addr());
    client.send(format!("GET /{size} HTTP/1.1\r\nHost: a\r\n\r\n"));
    client
}

/// The number of bytes of a body that the kernel takes when the client does not read.
fn room() -> u64 {
    let server = server(&Barrier::default());
    let (size, sent) = (1_000_000, || server.stats().sent_bytes);
    let mut client = ask_for(size, &server);
    client.response();
    eventually("it is counted", || server.stats().in_flight == 0);
    let head = sent() - size;
    let (before, _client) = (sent(), ask_for(LARGE, &server));
    let mut taken = 0;
    loop {
        thread::sleep(Duration::from_millis(100));
        let now = sent() - before;
        if now == taken && now > 0 {
            // This head is a byte longer.
            return taken - head - 1;
        }
        taken = now;
    }
}

/// The bytes that a client gets if its connection is full but for a few bytes, it expects a 100,
/// and it reads only when the server has stopped.
fn told_at_last() -> Vec<u8> {
    let barrier = Barrier::default();
    barrier.open();
    let size = room() - ROOM_LEFT;
    let server = server(&barrier);
    let mut client = ask_for(size, &server);
    eventually("the answer is the kernel's", || {
        let stats = server.stats();
        stats.sent_bytes > size && stats.in_flight == 0
    });
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let drained = finishes(GUARD, || server.stop());
    assert_eq!(client.response().body.len() as u64, size);
    let told = client.rest().expect("the end");
    // A request that was in flight, and got no answer.
    let lost = u64::from(told.len() < CONTINUE.len() && !told.is_empty());
    assert_eq!(
        (drained.cut, drained.lost),
        (0, lost),
        "{drained}, {told:?}"
    );
    told
}

#[test]
fn nothing_follows_a_part_of_it() {
    for _ in 0..TRIES {
        let told = told_at_last();
        if !told.is_empty() && told.len() < CONTINUE.len() {
            assert!(CONTINUE.starts_with(&told), "{told:?}");
            return;
        }
    }
    panic!("the kernel never took a part of it");
}
