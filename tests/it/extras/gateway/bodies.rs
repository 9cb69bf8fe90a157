//! Bodies in both directions: whole to the byte, or visibly cut. Each of the three parties may
//! leave at any time, and the others are released.

use super::*;
use crate::support::{eventually, serve_as};
use millpond::{Limits, ResponseBody};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

const MIB: usize = 1 << 20;

/// Bytes that no shift or swap leaves as they are.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// Says how it was framed, and how it ended: the body itself, or why there is none.
fn echo(request: &Request) -> Response {
    let length = request.header("Content-Length").map(str::to_owned);
    let coding = request.header("Transfer-Encoding").map(str::to_owned);
    let framing = format!("{length:?} {coding:?}");
    let mut body = Vec::new();
    let read = request.data().expect("a body").read_to_end(&mut body);
    let response = match read {
        Ok(_) => Response::from_data("a/b", body),
        Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
    };
    response.with_additional_header("X-Framing", framing)
}

#[test]
fn bodies_go_both_ways_to_the_byte() {
    let inner = serve(echo);
    let server = gateway(inner.addr);
    let mut client = server.connect();
    for size in [0, 1, 60_000, 64 * 1024, 64 * 1024 + 1, 3 * MIB] {
        let body = bytes(size);
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n");
        let reply = client.send(head).send(&body).response();
        assert!(
            reply.status == 200 && reply.body == body,
            "{size}: {reply:?}"
        );
        let framing = format!("Some(\"{size}\") None");
        assert_eq!(reply.header("X-Framing"), Some(framing.as_str()));

        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for chunk in body.chunks(50_000) {
            client
                .send(format!("{:x};a=b\r\n", chunk.len()))
                .send(chunk)
                .send("\r\n");
        }
        let reply = client.send("0\r\nT: u\r\n\r\n").response();
        assert!(
            reply.status == 200 && reply.body == body,
            "{size}: {reply:?}"
        );
        assert_eq!(reply.header("X-Framing"), Some("None Some(\"chunked\")"));
    }
    let reply = client.get("/");
    assert_eq!(reply.header("X-Framing"), Some("None None"));
}

#[test]
fn who_waits_for_100_is_told_and_the_other_server_is_not_asked() {
    let (sender, heads) = mpsc::channel();
    let addr = upstream(move |mut stream| {
        let head = head_of(&mut stream);
        let mut body = [0; 2];
        stream.read_exact(&mut body).expect("the body");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        let _ = stream.write_all(&body);
        let _ = sender.send(head);
    });
    let server = gateway(addr);
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_eq!(client.head().expect("an interim answer").status, 100);
    assert_eq!(client.send("hi").response().text(), "hi");
    assert!(!heads.recv().expect("a head").contains("Expect"));
}

#[test]
fn a_body_that_the_client_cuts_off_arrives_cut_off() {
    let (sender, endings) = mpsc::sync_channel(100);
    let inner = serve(move |request| {
        let response = echo(request);
        let _ = sender.send(response.status_code);
        response
    });
    let server = gateway(inner.addr);
    for (fields, part) in [
        ("Content-Length: 100", bytes(50)),
        ("Content-Length: 200000", bytes(150_000)),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n".to_vec()),
        ("Transfer-Encoding: chunked", b"5\r\nhel".to_vec()),
    ] {
        let mut client = server.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
        client.send(&part).finish_sending();
        assert_eq!(client.response().status, 400, "{fields}");
        // It is not asked at all, or does not get a whole one.
        while let Ok(status) = endings.try_recv() {
            assert_eq!(status, 400, "{fields}");
        }
    }
    drop(server);
    drop(inner);
    assert!(endings.into_iter().all(|status| status == 400));
}

#[test]
fn an_error_that_comes_before_the_body_was_read_is_passed_on() {
    for close in [true, false] {
        let addr = upstream(move |mut stream| {
            let _ = head_of(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 413 x\r\nContent-Length: 3\r\n\r\nbig");
            if !close {
                // Open, and nothing is read: it may not be waited for either.
                thread::spawn(move || {
                    thread::sleep(GUARD * 2);
                    drop(stream);
                });
            }
        });
        let server = gateway(addr);
        let mut client = server.connect();
        let size = 12 * MIB;
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        ));
        let mut sender = client.stream.try_clone().expect("a second handle");
        let sending = thread::spawn(move || {
            // The gateway may stop reading, and close.
            let _ = sender.write_all(&bytes(size));
        });
        let reply = client.response();
        assert_eq!(
            (reply.status, reply.text()),
            (413, "big"),
            "closes: {close}"
        );
        drop(client);
        sending.join().expect("it ends");
    }
}

#[test]
fn a_large_answer_is_streamed() {
    const SIZE: usize = 50 * MIB;
    struct Zeros(usize);
    impl Read for Zeros {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let count = buf.len().min(self.0);
            buf[..count].fill(0);
            self.0 -= count;
            Ok(count)
        }
    }
    let inner = serve(|request| {
        let data = match request.url().as_str() {
            "/length" => ResponseBody::from_reader_and_size(Zeros(SIZE), SIZE),
            _ => ResponseBody::from_reader(Zeros(SIZE)),
        };
        Response {
            data,
            ..Response::text("")
        }
    });
    let server = gateway(inner.addr);
    for path in ["/length", "/chunked"] {
        let mut client = server.connect();
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        ));
        let mut count = 0;
        let mut buf = vec![0; 256 * 1024];
        loop {
            match client.stream.read(&mut buf).expect("more of it") {
                0 => break,
                more => count += more,
            }
        }
        assert!(count > SIZE && count < SIZE + SIZE / 100, "{path}: {count}");
    }
}

#[test]
fn a_client_that_goes_away_lets_go_of_the_other_server() {
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let addr = upstream(move |mut stream| {
        let count = Arc::clone(&count);
        count.fetch_add(1, Ordering::SeqCst);
        thread::spawn(move || {
            let _ = head_of(&mut stream);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while stream.write_all(&[b'x'; 10_000]).is_ok() {}
            count.fetch_sub(1, Ordering::SeqCst);
        });
    });
    let server = gateway(addr);
    for _ in 0..8 {
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.head().expect("a head");
        client.take(100_000).expect("some of the body");
    }
    eventually("the other server is let go of", || {
        open.load(Ordering::SeqCst) == 0
    });
}

#[test]
fn no_more_wait_for_others_than_there_are_workers() {
    // The other server answers none of them until it has them all.
    let (sender, came) = mpsc::channel();
    let addr = upstream(move |stream| sender.send(stream).expect("the test listens"));
    let server = serve_as(to(addr), |server| {
        server.pool_size(16).limits(Limits::default())
    });
    let clients: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = server.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            client
        })
        .collect();
    let streams: Vec<TcpStream> = (0..8)
        .map(|_| came.recv_timeout(GUARD).expect("each is passed on"))
        .collect();
    for mut stream in streams {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        head_of(&mut stream);
    }
    for mut client in clients {
        assert_eq!(client.response().text(), "hi");
    }
}
