//! Many requests at once on one connection: each is answered, in order, and no request delays an
//! earlier answer (RFC 9112 §9.3.2).

use crate::support::{serve, Barrier};
use millpond::{Request, Response};
use std::io::Read;

fn gets(paths: impl Iterator<Item = String>) -> String {
    paths
        .map(|path| format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
        .collect()
}

#[test]
fn two_hundred_at_once_are_answered_in_order() {
    let server = serve(|request: &Request| Response::text(request.url()));
    let mut client = server.connect();
    client.send(gets((0..200).map(|n| format!("/{n}"))));
    for n in 0..200 {
        assert_eq!(client.response().text(), format!("/{n}"));
    }
    client.open();
}

#[test]
fn bodies_and_kinds_mixed_are_answered_in_order() {
    let server = serve(|request: &Request| {
        let mut body = String::new();
        let mut data = request.data().expect("the first to ask");
        match data.read_to_string(&mut body) {
            Ok(_) => Response::text(format!("{} {}", request.url(), body)),
            Err(_) => Response::empty_400(),
        }
    });
    let mut client = server.connect();
    let mut all = String::new();
    for n in 0..50 {
        all += &match n % 3 {
            0 => format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n"),
            1 => format!("POST /{n} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"),
            _ => format!(
                "POST /{n} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
            ),
        };
    }
    client.send(all);
    for n in 0..50 {
        let body = if n % 3 == 0 { "" } else { "abc" };
        assert_eq!(client.response().text(), format!("/{n} {body}"));
    }
    client.open();
}

#[test]
fn a_fast_answer_is_not_held_back_by_a_slow_handler_behind_it() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = serve(move |request: &Request| {
        if request.url() == "/slow" {
            at_barrier.wait();
        }
        Response::text(request.url())
    });
    let mut client = server.connect();
    let path = |n: usize| if n == 100 { "/slow" } else { "/fast" };
    client.send(gets((0..200).map(|n| path(n).to_owned())));
    for n in 0..100 {
        assert_eq!(client.response().text(), "/fast", "{n}");
    }
    barrier.wait_for_arrivals(1);
    client.open();
    barrier.open();
    for n in 100..200 {
        assert_eq!(client.response().text(), path(n), "{n}");
    }
}

#[test]
fn a_panic_among_them_is_one_500() {
    let server = serve(|request: &Request| {
        assert_ne!(request.url(), "/100", "a handler that panics, on purpose");
        Response::text(request.url())
    });
    let mut client = server.connect();
    client.send(gets((0..200).map(|n| format!("/{n}"))));
    for n in 0..200 {
        let reply = client.response();
        assert_eq!(reply.status, if n == 100 { 500 } else { 200 }, "{n}");
    }
}

#[test]
fn the_last_one_closes_and_what_is_behind_it_is_not_looked_at() {
    let server = serve(|request: &Request| Response::text(request.url()));
    let mut client = server.connect();
    let mut all = gets((0..30).map(|n| format!("/{n}")));
    all += "GET /30 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    all += &gets((31..60).map(|n| format!("/{n}")));
    client.send(all);
    for n in 0..31 {
        assert_eq!(client.response().text(), format!("/{n}"));
    }
    client.closed();
}

#[test]
fn a_bad_one_among_them_is_the_last() {
    let server = serve(|request: &Request| Response::text(request.url()));
    let mut client = server.connect();
    let mut all = gets((0..30).map(|n| format!("/{n}")));
    all += "GET /30 HTTP/1.1\r\nHost : a\r\n\r\n";
    all += &gets((31..60).map(|n| format!("/{n}")));
    client.send(all);
    for n in 0..30 {
        assert_eq!(client.response().text(), format!("/{n}"));
    }
    assert_eq!(client.response().status, 400);
    client.closed();
}
