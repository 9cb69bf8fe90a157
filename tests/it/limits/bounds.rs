//! Every limit from both sides: n is admitted, n + 1 is refused, and the default is the documented
//! one. [`slow`](crate::limits::slow) tests the times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use crate::support::{eventually, measure, serve_as, Barrier, Client, Reply, Running};
use millpond::{Limits, Request, Response, Router, Settings};

fn server(limits: Limits) -> Running {
    serve_as(measure, |server| server.limits(limits))
}

/// The one answer to these bytes; an answer that refuses is the last.
fn answer(server: &Running, bytes: impl AsRef<[u8]>) -> Reply {
    let mut client = server.connect();
    // Refused half-way, perhaps.
    let _ = client.try_send(bytes);
    let reply = client.response();
    if reply.status >= 400 {
        assert_eq!(reply.header("Connection"), Some("close"));
        client.closed();
    } else {
        client.open();
        assert_eq!(client.get("/").status, 200);
    }
    reply
}

#[test]
fn targets() {
    for (limits, most) in [
        (Limits::default(), 8 * 1024),
        (
            Limits {
                max_target_bytes: 20,
                ..Limits::default()
            },
            20,
        ),
    ] {
        let server = server(limits);
        let get = |length: usize| {
            let target = format!("/{}", "a".repeat(length - 1));
            answer(&server, format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).status
        };
        assert_eq!((get(most), get(most + 1)), (200, 414));
        // Known before its end is in sight.
        let endless = format!("GET /{}", "a".repeat(most));
        assert_eq!(answer(&server, endless).status, 414);
        // An absolute-form counts as it was sent.
        let absolute = |length: usize| {
            let target = format!("http://a/{}", "a".repeat(length - 9));
            answer(&server, format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).status
        };
        assert_eq!((absolute(most), absolute(most + 1)), (200, 414));
    }
}

#[test]
fn heads() {
    for (limits, most) in [
        (Limits::default(), 16 * 1024),
        (
            Limits {
                max_head_bytes: 200,
                ..Limits::default()
            },
            200,
        ),
    ] {
        let server = server(limits);
        let head = |length: usize| {
            let rest = "GET / HTTP/1.1\r\nHost: a\r\nA: \r\n\r\n".len();
            let value = "a".repeat(length - rest);
            format!("GET / HTTP/1.1\r\nHost: a\r\nA: {value}\r\n\r\n")
        };
        assert_eq!(head(most).len(), most);
        assert_eq!(answer(&server, head(most)).status, 200);
        assert_eq!(answer(&server, head(most + 1)).status, 431);
        let endless = &head(most + 100)[..most];
        assert_eq!(answer(&server, endless).status, 431);
        // A name counts like everything else.
        let name = format!("GET / HTTP/1.1\r\nHost: a\r\n{}", "a".repeat(most));
        assert_eq!(answer(&server, name).status, 431);
        let mut client = server.connect();
        client.send([head(most), head(most)].concat());
        assert_eq!(
            (client.response().status, client.response().status),
            (200, 200)
        );
    }
}

#[test]
fn fields() {
    for (limits, most) in [
        (Limits::default(), 100),
        (
            Limits {
                max_headers: 3,
                ..Limits::default()
            },
            3,
        ),
    ] {
        let server = server(limits);
        let head = |count: usize| {
            let others = "A: b\r\n".repeat(count - 1);
            format!("GET / HTTP/1.1\r\nHost: a\r\n{others}\r\n")
        };
        assert_eq!(answer(&server, head(most)).status, 200);
        assert_eq!(answer(&server, head(most + 1)).status, 431);
        let trailers = |count: usize| {
            format!(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 1\r\na\r\n0\r\n{}\r\n",
                "A: b\r\n".repeat(count)
            )
        };
        assert_eq!(answer(&server, trailers(most)).text(), "1");
        assert_eq!(answer(&server, trailers(most + 1)).status, 431);
    }
}

#[test]
fn trailer_sections_and_chunk_extensions() {
    let server = server(Limits {
        max_head_bytes: 1000,
        ..Limits::default()
    });
    let post = |extension: usize, trailer: usize| {
        let extension = "e".repeat(extension);
        let trailer = "t".repeat(trailer);
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             1;{extension}\r\na\r\n0\r\nA: {trailer}\r\n\r\n"
        )
    };
    // "A: ", CRLF and CRLF are the rest of the section, `;` that of the extensions.
    assert_eq!(answer(&server, post(1, 1000 - 7)).text(), "1");
    assert_eq!(answer(&server, post(1, 1001 - 7)).status, 431);
    assert_eq!(answer(&server, post(4096 - 1, 1)).text(), "1");
    assert_eq!(answer(&server, post(4097 - 1, 1)).status, 400);
    // Not for each chunk anew.
    let many = "1;eeeeeeeeee\r\na\r\n".repeat(500);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(
        answer(&server, format!("{head}{many}0\r\n\r\n")).status,
        400
    );
}

fn sized(length: usize) -> String {
    let body = "b".repeat(length);
    format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
}

fn chunked(sizes: &[usize]) -> String {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |&size: &usize| format!("{:x}\r\n{}\r\n", size, "b".repeat(size));
    let chunks: String = sizes.iter().map(chunk).collect();
    format!("{head}{chunks}0\r\n\r\n")
}

#[test]
fn bodies() {
    // Within the buffered size, and beyond it, where the handler gets an error half-way.
    for most in [10, 200_000] {
        let server = server(Limits {
            max_body_bytes: most as u64,
            ..Limits::default()
        });
        let said = most.to_string();
        assert_eq!(answer(&server, sized(most)).text(), said);
        assert_eq!(answer(&server, sized(most + 1)).status, 413);
        assert_eq!(answer(&server, chunked(&[most])).text(), said);
        assert_eq!(answer(&server, chunked(&[most - 3, 3])).text(), said);
        assert_eq!(answer(&server, chunked(&[most + 1])).status, 413);
        assert_eq!(answer(&server, chunked(&[most, 1])).status, 413);
        assert_eq!(answer(&server, chunked(&[most - 3, 4])).status, 413);
        // The size alone says enough.
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for size in [most + 1, usize::MAX] {
            assert_eq!(answer(&server, format!("{head}{size:x}\r\n")).status, 413);
        }
    }
    let default = server(Limits::default());
    let head =
        |length: usize| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    assert_eq!(answer(&default, head(16 * 1024 * 1024 + 1)).status, 413);
    let mut client = default.connect();
    client.send(head(16 * 1024 * 1024));
    client.finish_sending();
    assert_eq!(client.response().text(), "UnexpectedEof");
}

#[test]
fn buffered_bodies() {
    for (limits, most) in [
        (Limits::default(), 64 * 1024),
        (
            Limits {
                buffered_body_bytes: 10,
                ..Limits::default()
            },
            10,
        ),
        (
            Limits {
                buffered_body_bytes: 0,
                ..Limits::default()
            },
            0,
        ),
    ] {
        let barrier = Barrier::default();
        barrier.open();
        let came = barrier.clone();
        let server = serve_as(
            move |request: &Request| {
                came.wait();
                measure(request)
            },
            |server| server.limits(limits),
        );
        // All of it but one byte is here: the handler runs where that is as much as is gathered.
        let mut client = server.connect();
        let post = sized(most + 1);
        client.send(&post[..post.len() - 1]);
        barrier.wait_for_arrivals(1);
        client.send("b");
        assert_eq!(client.response().text(), (most + 1).to_string());
    }
}

#[test]
fn requests_per_connection() {
    for most in [1, 2, 5] {
        let server = server(Limits {
            max_requests_per_connection: Some(most),
            ..Limits::default()
        });
        let mut client = server.connect();
        for n in 1..=most {
            let reply = client.get("/");
            let last = if n == most { Some("close") } else { None };
            assert_eq!(reply.header("Connection"), last, "{n} of {most}");
        }
        client.closed();
        // Pipelined ones get no more either.
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(most as usize + 2));
        for _ in 0..most {
            assert_eq!(client.response().status, 200);
        }
        client.closed();
    }
}

#[test]
fn connections() {
    let router = Router::default();
    router.fallback(measure);
    let limits = Limits {
        max_connections: 3,
        ..Limits::default()
    };
    let settings = Settings::default().pool_size(4).limits(limits);
    let server = router
        .serve_managed_with(([127, 0, 0, 1], 0), settings)
        .expect("a free port");
    let connect = || Client::connect(server.addr());
    let mut clients: Vec<Client> = (0..3).map(|_| connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/").status, 200);
        // A client may have its answer before the server knows that it has sent it.
        eventually("it is idle", || server.stats().in_flight == 0);
    }
    // The first one is idle longest now. It makes room for a fourth.
    let mut fourth = connect();
    assert_eq!(fourth.get("/").status, 200);
    clients[0].closed();
    assert_eq!(clients[1].get("/").status, 200);
    assert_eq!(clients[2].get("/").status, 200);
    let _ = server.stop();
}

#[test]
fn connections_that_are_all_at_work() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let served = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&served);
    let server = serve_as(
        move |_| {
            at_barrier.wait();
            counted.fetch_add(1, Ordering::Relaxed);
            Response::text("done")
        },
        |server| {
            server.limits(Limits {
                max_connections: 3,
                ..Limits::default()
            })
        },
    );
    let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(3);
    let mut fourth = server.connect();
    let reply = fourth.response();
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("Connection"), Some("close"));
    fourth.closed();
    barrier.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "done");
    }
    assert_eq!(served.load(Ordering::Relaxed), 3);
    drop(clients);
    eventually("there is room again", || {
        let mut client = server.connect();
        let _ = client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.response().status == 200
    });
}

#[test]
fn bounds_that_bound_nothing() {
    let server = server(Limits {
        max_target_bytes: usize::MAX,
        max_head_bytes: usize::MAX,
        max_headers: usize::MAX,
        max_body_bytes: u64::MAX,
        buffered_body_bytes: usize::MAX,
        head_timeout: Duration::MAX,
        idle_timeout: Duration::MAX,
        min_body_rate: 0,
        min_write_rate: 0,
        max_connections: usize::MAX,
        max_upgraded: usize::MAX,
        max_requests_per_connection: Some(u64::MAX),
    });
    let mut client = server.connect();
    client.send("GET /a HT").send("TP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.response().status, 200);
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    );
    assert_eq!(client.response().status, 200);
    // One byte more than 64 bits can count.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("1\r\nh\r\nffffffffffffffff\r\n");
    assert_eq!(client.response().status, 413);
    client.closed();
}
