//! Answers that do not wait for the body: the rest of the body is discarded or the connection
//! closes, and the rest is never read as a request. "100 Continue" is sent when the handler reads,
//! or never (RFC 9110 §10.1.1, RFC 9112 §9.3).

use std::io::{ErrorKind, Read, Write};
use std::thread;

use crate::support::{serve, serve_as, serve_routes, timed, Barrier, Client, Reply, SLACK};
use millpond::{Limits, Request, Response, Route};

const MIB: usize = 1024 * 1024;

/// `/read` reads all, `/some` ten bytes, all others nothing. The answer is the path.
fn handler(request: &Request) -> Response {
    let url = request.url();
    let mut data = request.data().expect("the first to ask");
    let read = match url.as_str() {
        "/read" => std::io::copy(&mut data, &mut std::io::sink()),
        "/some" => data.read_exact(&mut [0; 10]).map(|()| 10),
        _ => Ok(0),
    };
    match read {
        Ok(count) => Response::text(format!("{url} {count}")),
        Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
    }
}

/// A body that consists of requests, for a server that reads the body as requests.
fn requests(length: usize) -> Vec<u8> {
    let one = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    one.iter().copied().cycle().take(length).collect()
}

fn post(path: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn post_chunked(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut all = head.into_bytes();
    for chunk in body.chunks(10_000) {
        all.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        all.extend_from_slice(chunk);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

#[test]
fn a_small_unread_body_is_skipped_and_the_connection_stays() {
    let server = serve(handler);
    let mut client = server.connect();
    for length in [1, 100, 65_536, 65_537, 100_000, 256 * 1024] {
        let body = requests(length);
        for path in ["/ignore", "/some", "/read"] {
            client.send(post(path, "", &body));
            let reply = client.response();
            assert!(reply.text().starts_with(path) || length < 10, "{reply:?}");
            client.send(post_chunked(path, &body[..length.min(200_000)]));
            let reply = client.response();
            assert!(reply.text().starts_with(path) || length < 10, "{reply:?}");
        }
    }
    assert_eq!(client.get("/next").text(), "/next 0");
}

#[test]
fn what_follows_a_skipped_body_is_the_next_request() {
    let server = serve(handler);
    let mut client = server.connect();
    let body = requests(150_000);
    let all = [
        post("/1", "", &body),
        post_chunked("/2", &body),
        post("/some", "", &body),
        post("/4", "", b""),
        post_chunked("/5", b""),
    ];
    client.send(all.concat());
    for want in ["/1 0", "/2 0", "/some 10", "/4 0", "/5 0"] {
        assert_eq!(client.response().text(), want);
    }
    client.open();
}

#[test]
fn a_large_unread_body_closes_the_connection_after_its_answer() {
    let server = serve(handler);
    for path in ["/ignore", "/some"] {
        // The sent part of the body: enough for the handler to run, more, all but the last byte.
        for sent in [65_536, 100_000, 900_000, MIB - 1] {
            let mut client = server.connect();
            let all = post(path, "", &requests(MIB));
            let head = all.len() - MIB;
            let _ = client.try_send(&all[..head + sent]);
            let reply = client.response();
            assert_eq!(reply.header("Connection"), Some("close"), "{path} {sent}");
            assert!(reply.text().starts_with(path), "{reply:?}");
            client.closed();
        }
    }
}

#[test]
fn an_unread_body_without_a_known_end_is_skipped_up_to_a_bound() {
    let server = serve(handler);
    let mut client = server.connect();
    let mut all = post_chunked("/ignore", &requests(2 * MIB));
    all.extend_from_slice(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    let _ = client.try_send(&all);
    assert_eq!(client.response().text(), "/ignore 0");
    client.closed();
}

#[test]
fn a_client_that_sends_all_before_it_reads_gets_its_answer() {
    let server = serve_as(handler, |server| {
        server.limits(Limits {
            max_body_bytes: MIB as u64,
            ..Limits::default()
        })
    });
    let body = requests(8 * MIB);
    let answer = |bytes: Vec<u8>| -> Reply {
        let mut client: Client = server.connect();
        client.send(bytes);
        let reply = client.response();
        client.closed();
        reply
    };
    // Refused for its length, refused when it passed the bound, and answered without reading.
    assert_eq!(answer(post("/read", "", &body)).status, 413);
    assert_eq!(answer(post_chunked("/read", &body)).status, 413);
    assert_eq!(answer(post("/ignore", "", &body[..MIB])).status, 200);
    let long_target = [b"GET /", &[b'a'; 8 * MIB][..], b" HTTP/1.1\r\n\r\n"].concat();
    assert_eq!(answer(long_target).status, 414);
    let long_head = [
        b"GET / HTTP/1.1\r\nHost: a\r\nA: ",
        &[b'a'; 8 * MIB][..],
        b"\r\n\r\n",
    ];
    assert_eq!(answer(long_head.concat()).status, 431);
    assert_eq!(server.get("/next").text(), "/next 0");
}

#[test]
fn a_broken_body_that_was_not_read_ends_the_connection_all_the_same() {
    let server = serve(handler);
    let mut client = server.connect();
    let mut all = post_chunked("/ignore", &requests(100_000));
    let end = all.len() - 5;
    all.truncate(end);
    all.extend_from_slice(b"x\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send(all);
    // The request has its answer when the bad chunk is seen. There is no second one.
    let reply = client.response();
    assert_eq!((reply.status, reply.text()), (200, "/ignore 0"));
    client.closed();
}

#[test]
fn a_broken_body_that_the_handler_reads_is_400() {
    let server = serve(handler);
    for bad in [&b"x\r\n"[..], b"-1\r\n", b"5\nhello", b"5\r\nhello!"] {
        let mut client = server.connect();
        // Large enough to be read while the handler runs.
        let mut all = post_chunked("/read", &requests(100_000));
        let end = all.len() - 5;
        all.truncate(end);
        all.extend_from_slice(bad);
        all.extend_from_slice(b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
        client.send(all);
        assert_eq!(client.response().status, 400);
        client.closed();
    }
}

const EXPECTS: &str = "Expect: 100-continue\r\n";

#[test]
fn continue_is_sent_when_the_handler_reads_and_not_before() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = serve(move |request| {
        at_barrier.wait();
        handler(request)
    });
    let mut client = server.connect();
    let all = post("/read", EXPECTS, b"hello");
    client.send(&all[..all.len() - 5]);
    // The handler runs without the body, and nothing has been sent.
    barrier.wait_for_arrivals(1);
    client.open();
    barrier.open();
    let interim = client.head().expect("the interim response");
    assert_eq!((interim.status, interim.headers.len()), (100, 0));
    client.send("hello");
    assert_eq!(client.response().text(), "/read 5");
    assert_eq!(client.get("/next").text(), "/next 0");
}

#[test]
fn continue_is_never_sent_when_the_handler_does_not_read() {
    let server = serve(handler);
    for body in [&b"hello"[..], &[0; 100_000]] {
        let mut client = server.connect();
        let all = post("/ignore", EXPECTS, body);
        client.send(&all[..all.len() - body.len()]);
        let reply = client.head().expect("the final response");
        assert_eq!(reply.status, 200);
        // The server cannot know whether the body will come: the connection has to end.
        assert_eq!(reply.header("Connection"), Some("close"));
    }
}

#[test]
fn continue_is_not_sent_once_some_of_the_body_has_come() {
    let server = serve(handler);
    let mut client = server.connect();
    client.send(post("/read", EXPECTS, b"hello"));
    assert_eq!(client.head().expect("the final response").status, 200);
}

#[test]
fn continue_is_not_sent_to_a_10_client_nor_without_a_body() {
    let server = serve(handler);
    for request in [
        "POST /read HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        "POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
        "GET /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(request);
        assert_eq!(client.head().expect("a response").status, 200, "{request}");
    }
    let mut client = server.connect();
    client.send("POST /read HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    client.send("hello");
    assert_eq!(client.head().expect("a response").status, 200);
}

#[test]
fn a_refusal_comes_in_place_of_continue() {
    let server = serve(handler);
    let mut client = server.connect();
    let head = "POST /read HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    client.send(format!("{head}Content-Length: 9000000000000000000\r\n\r\n"));
    assert_eq!(client.head().expect("a response").status, 413);
}

#[test]
fn a_refused_client_that_goes_on_sending_does_not_hold_up_a_stop() {
    let server = serve_routes(vec![Route::any("/{path...}").onconnect(handler)]);
    let mut client = Client::connect(server.addr());
    let mut flood = client.stream.try_clone().expect("another handle");
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000000000000\r\n\r\n");
    assert_eq!(client.response().status, 413);
    let sending = thread::spawn(move || {
        let mut sent = 0;
        while let Ok(count) = flood.write(&[b'b'; 64 * 1024]) {
            sent += count;
        }
        sent
    });
    let (drained, took) = timed(|| server.stop());
    assert_eq!(drained.cut, 0);
    assert!(took < SLACK, "{took:?}");
    assert!(sending.join().is_ok());
}

/// An unread body does not keep the connection open: sending more fails before long.
#[test]
fn an_ignored_body_does_not_keep_the_connection_open() {
    // It does not so much as ask for the body.
    let server = serve(|_| Response::empty_404());
    let mut client = server.connect();
    client.send("POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n");
    client.send(vec![b'x'; 100_000]);
    assert_eq!(client.response().header("Connection"), Some("close"));
    let error = loop {
        if let Err(error) = client.try_send([b'x'; 65_536]) {
            break error.kind();
        }
        thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(
        matches!(error, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
        "{error:?}"
    );
}
