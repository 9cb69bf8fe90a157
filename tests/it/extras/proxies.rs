//! Behind a proxy: the client's address and scheme, by the header fields or the PROXY protocol of a
//! trusted peer, and of no other peer.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

#[cfg(unix)]
use crate::support::Folder;
use crate::support::{eventually, finishes, serve_as, serve_routes, timed};
use crate::support::{Barrier, Client, Running, GUARD, SLACK};
use millpond::{BackgroundServer, CloseReason, Limits, Proxies, Request, Response, Route};
use millpond::{Router, Settings};

const HEAD_TIMEOUT: Duration = Duration::from_millis(300);
/// Version 2, from 192.0.2.7:56324, with a TLV.
const BINARY: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10\xc0\0\x02\x07\x0a\0\0\x01\xdc\x04\x01\xbb\
    \x04\0\x01x";
const LINE: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The server's reports while it serves: the proxy, and the client that the proxy names.
#[test]
fn whom_a_request_counts_for_is_told_to_the_operator_too() {
    const FIELDS: &str = "X-Forwarded-For: 192.0.2.9, 192.0.2.8\r\n";
    for (proxies, preface, fields, client) in [
        (here().x_forwarded(), &b""[..], FIELDS, Some("192.0.2.8:0")),
        (here().x_forwarded(), b"", "", None),
        (here().proxy_protocol(), LINE, "", Some("192.0.2.7:56324")),
        (here(), b"", FIELDS, None),
    ] {
        let (barrier, errors) = (Barrier::default(), Arc::new(Mutex::new(Vec::new())));
        let (held, told) = (barrier.clone(), Arc::clone(&errors));
        let router = Router::default();
        router.fallback(move |request| {
            if request.url() == "/held" {
                held.wait();
                panic!("on purpose")
            }
            describe(request)
        });
        let settings = settings(proxies).on_error(move |error| {
            told.lock().unwrap().push((error.client, error.peer));
        });
        let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
        let server = server.expect("a free port");
        let mut proxy = Client::connect(server.addr());
        let peer = proxy.stream.local_addr().expect("its address");
        let client = client.map_or(peer, |text| text.parse().expect("an address"));
        proxy.send(preface);
        // A later request does not show the client of an earlier one.
        ask(&mut proxy, "X-Forwarded-For: 192.0.2.1\r\n");
        proxy.send(format!("GET /held HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        barrier.wait_for_arrivals(1);
        let list = server.monitor().in_flight();
        assert_eq!((list[0].client, list[0].peer), (client, peer), "{list:?}");
        barrier.open();
        assert_eq!(proxy.response().status, 500);
        server.stop();
        assert_eq!(*errors.lock().unwrap(), [(Some(client), Some(peer))]);
    }
}

/// The client's address, whether it used TLS, and the peer's address.
fn describe(request: &Request) -> Response {
    let (client, peer) = (request.remote_addr(), request.peer_addr());
    let who = match client == peer {
        true => "the peer".to_owned(),
        false => client.to_string(),
    };
    assert!(peer.ip().is_loopback() && peer.port() > 0);
    Response::text(format!("{who}, secure: {}", request.is_secure()))
}

fn trusting(peers: &[&str]) -> Proxies {
    Proxies::new(peers).expect("addresses and prefixes")
}

fn here() -> Proxies {
    trusting(&["127.0.0.1", "10.0.0.0/8"])
}

fn settings(proxies: Proxies) -> Settings {
    Settings::default().proxies(proxies)
}

fn serve(proxies: Proxies) -> Running {
    serve_as(describe, |server| server.settings(settings(proxies)))
}

fn serve_managed(proxies: Proxies) -> BackgroundServer {
    let router = Router::default();
    router.fallback(describe);
    router
        .serve_managed_with(([127, 0, 0, 1], 0), settings(proxies))
        .expect("a free port")
}

fn ask(client: &mut Client, fields: &str) -> String {
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.response().text().to_owned()
}

const FORWARDED: &str = "Forwarded: for=192.0.2.9, for=192.0.2.7;proto=https\r\n";
const X_FORWARDED: &str = "X-Forwarded-For: 192.0.2.9, 192.0.2.8\r\nX-Forwarded-Proto: https\r\n";

#[test]
fn nobody_is_believed_unless_told() {
    let both = format!("{FORWARDED}{X_FORWARDED}X-Real-IP: 192.0.2.6\r\n");
    for server in [
        serve_as(describe, |server| server),
        serve(here()),
        serve(trusting(&["10.0.0.0/8", "::1"]).forwarded()),
        serve(trusting(&["10.0.0.0/8", "::1"]).x_forwarded()),
        serve(trusting(&[]).x_forwarded().proxy_protocol()),
    ] {
        let mut client = server.connect();
        assert_eq!(ask(&mut client, &both), "the peer, secure: false");
    }
}

#[test]
fn each_request_of_a_connection_counts_for_its_own_client() {
    for managed in [false, true] {
        let proxies = here().x_forwarded();
        let (server, background);
        let addr = if managed {
            background = serve_managed(proxies);
            background.addr()
        } else {
            server = serve(proxies);
            server.addr
        };
        let mut client = Client::connect(addr);
        for (fields, want) in [
            (X_FORWARDED, "192.0.2.8:0, secure: true"),
            ("", "the peer, secure: false"),
            (
                "X-Forwarded-For: [2001:db8::7]:80\r\n",
                "[2001:db8::7]:80, secure: false",
            ),
            (
                "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-For: 10.0.0.2\r\n",
                "192.0.2.9:0, secure: false",
            ),
            (
                "X-Forwarded-For: 192.0.2.9, what\r\n",
                "the peer, secure: false",
            ),
            ("X-Forwarded-Proto: https\r\n", "the peer, secure: true"),
            (FORWARDED, "the peer, secure: false"),
        ] {
            assert_eq!(ask(&mut client, fields), want, "{fields}");
        }
    }
}

#[test]
fn forwarded_is_the_other_dialect() {
    let server = serve(here().x_forwarded().forwarded());
    let mut client = server.connect();
    for (fields, want) in [
        (FORWARDED, "192.0.2.7:0, secure: true"),
        (X_FORWARDED, "the peer, secure: false"),
        (
            "Forwarded: for=\"\r\nForwarded: for=\"192.0.2.7:80\"\r\n",
            "192.0.2.7:80, secure: false",
        ),
        (
            "Forwarded: for=\", for=192.0.2.7\r\n",
            "192.0.2.7:0, secure: false",
        ),
        (
            "Forwarded: for=192.0.2.7, for=_hidden;proto=https\r\n",
            "the peer, secure: true",
        ),
    ] {
        assert_eq!(ask(&mut client, fields), want, "{fields}");
    }
}

#[test]
fn a_preface_says_whose_connection_it_is() {
    for server in [serve_managed(here().proxy_protocol()), {
        let mut server = serve_managed(here().proxy_protocol());
        server.rebind(([127, 0, 0, 1], 0)).expect("a free port");
        server
    }] {
        for (preface, want) in [
            (LINE, "192.0.2.7:56324"),
            (BINARY, "192.0.2.7:56324"),
            (
                b"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n",
                "[2001:db8::7]:56324",
            ),
            (b"PROXY UNKNOWN\r\n", "the peer"),
            (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "the peer"),
        ] {
            let mut client = Client::connect(server.addr());
            // Pipelined with it, and the next one.
            client.send([preface, GET, GET].concat());
            for _ in 0..2 {
                assert_eq!(client.response().text(), format!("{want}, secure: false"));
            }
            // Of the client's fields none is believed.
            let fields = format!("{FORWARDED}{X_FORWARDED}");
            assert_eq!(ask(&mut client, &fields), format!("{want}, secure: false"));
        }
    }
}

#[test]
fn a_preface_may_come_in_any_pieces() {
    let server = serve(here().proxy_protocol());
    for preface in [LINE, BINARY] {
        let all = [preface, GET].concat();
        let mut one_by_one = server.connect();
        for byte in &all {
            one_by_one.send([*byte]);
        }
        assert_eq!(
            one_by_one.response().text(),
            "192.0.2.7:56324, secure: false"
        );
        let mut clients: Vec<Client> = (1..all.len())
            .map(|at| {
                let mut client = server.connect();
                client.send(&all[..at]);
                client
            })
            .collect();
        for (client, at) in clients.iter_mut().zip(1..) {
            client.send(&all[at..]);
            assert_eq!(
                client.response().text(),
                "192.0.2.7:56324, secure: false",
                "{at}"
            );
        }
    }
}

#[test]
fn what_is_no_preface_is_not_answered() {
    let server = serve_managed(here().proxy_protocol());
    let long = format!("PROXY UNKNOWN {}", "x".repeat(100));
    let refused: &[&[u8]] = &[
        GET,
        b"\x16\x03\x01\x02\0\x01\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\nPROXY UNKNOWN\r\n",
        b"PROXY TCP4 192.0.2.7\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
        long.as_bytes(),
    ];
    for bytes in refused {
        let mut client = Client::connect(server.addr());
        client.send(bytes);
        client.closed();
    }
    eventually("they are closed", || {
        server.stats().closed(CloseReason::Refused) == refused.len() as u64
    });
    assert_eq!(server.stats().requests, 0);
}

#[test]
fn half_a_preface_is_not_waited_for() {
    let limits = Limits {
        head_timeout: HEAD_TIMEOUT,
        ..Limits::default()
    };
    let settings = settings(here().proxy_protocol()).limits(limits);
    let router = Router::default();
    router.fallback(describe);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    for half in [&LINE[..1], &LINE[..20], &BINARY[..5], &BINARY[..20]] {
        let mut client = Client::connect(server.addr());
        client.send(half);
        let ((), took) = timed(|| client.closed());
        assert!(
            took >= HEAD_TIMEOUT && took < HEAD_TIMEOUT + SLACK,
            "{took:?}"
        );
    }
    eventually("they are closed", || {
        server.stats().closed(CloseReason::HeadTimeout) == 4
    });
    let mut client = Client::connect(server.addr());
    client.send(&LINE[..20]).finish_sending().closed();
    eventually("it is closed", || {
        server.stats().closed(CloseReason::Broken) == 1
    });
    // A connection that checks whether the port listens.
    Client::connect(server.addr()).finish_sending().closed();
    eventually("it is closed", || {
        server.stats().closed(CloseReason::ClientClosed) == 1
    });
    // The head behind it has a time of its own, and an answer when that is up.
    let mut client = Client::connect(server.addr());
    client.send(LINE).send("GET / HT");
    assert_eq!(client.response().status, 408);
    assert_eq!(server.stats().requests, 1);
}

#[test]
fn from_anybody_else_a_preface_is_a_malformed_request() {
    for server in [
        serve_as(describe, |server| server),
        serve(here().x_forwarded()),
        serve(trusting(&["10.0.0.0/8"]).proxy_protocol()),
    ] {
        for preface in [LINE, BINARY] {
            let mut client = server.connect();
            client.send([preface, GET].concat());
            assert_eq!(client.response().status, 400);
            client.closed();
        }
    }
}

#[test]
fn half_prefaces_hold_no_worker() {
    let proxies = here().proxy_protocol();
    let settings = Settings::default().pool_size(1).proxies(proxies);
    let server = serve_as(describe, |server| server.settings(settings));
    let mut halves = Vec::new();
    for at in 1..LINE.len() {
        let mut client = server.connect();
        client.send(&LINE[..at]);
        halves.push((client, at));
    }
    let mut client = server.connect();
    client.send([LINE, GET].concat());
    let (reply, took) = timed(|| client.response());
    assert_eq!(reply.text(), "192.0.2.7:56324, secure: false");
    assert!(took < SLACK, "{took:?}");
    for (client, at) in &mut halves {
        client.send([&LINE[*at..], GET].concat());
        assert_eq!(client.response().text(), "192.0.2.7:56324, secure: false");
    }
}

#[test]
fn fields_count_if_the_preface_names_a_trusted_peer() {
    let server = serve(here().proxy_protocol().x_forwarded());
    for (preface, want) in [
        (
            &b"PROXY TCP4 10.0.0.3 10.0.0.1 56324 443\r\n"[..],
            "192.0.2.8:0, secure: true",
        ),
        (LINE, "192.0.2.7:56324, secure: false"),
        // The proxy's own connection, which is trusted.
        (b"PROXY UNKNOWN\r\n", "192.0.2.8:0, secure: true"),
    ] {
        let mut client = server.connect();
        client.send(preface);
        for _ in 0..2 {
            assert_eq!(ask(&mut client, X_FORWARDED), want);
        }
    }
}

#[test]
fn a_stop_does_not_wait_for_a_preface_and_answers_what_came_behind_one() {
    let barrier = Barrier::default();
    let router = Router::default();
    let held = barrier.clone();
    router.add(Route::get("/").onconnect(move |request| {
        held.wait();
        describe(request)
    }));
    let server = router
        .serve_managed_with(([127, 0, 0, 1], 0), settings(here().proxy_protocol()))
        .expect("a free port");
    let mut asking = Client::connect(server.addr());
    asking.send([LINE, GET].concat());
    barrier.wait_for_arrivals(1);
    let mut half = Client::connect(server.addr());
    half.send(&LINE[..10]);
    let mut whole = Client::connect(server.addr());
    whole.send(LINE);
    eventually("all are there", || server.stats().open == 3);
    let stop = thread::spawn(|| server.stop());
    half.closed();
    whole.closed();
    barrier.open();
    assert_eq!(asking.response().text(), "192.0.2.7:56324, secure: false");
    let drained = finishes(GUARD, || stop.join().expect("the stop"));
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[cfg(unix)]
#[test]
fn a_proxy_may_be_at_a_unix_socket() {
    let who = |request: &Request| {
        let (client, unix) = (request.remote_addr(), request.is_unix());
        Response::text(format!("{client}, {unix}"))
    };
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    for (proxies, preface, want) in [
        (trusting(&["unix"]).x_forwarded(), "", "192.0.2.8:0, false"),
        (trusting(&["unix"]).forwarded(), "", "0.0.0.0:0, true"),
        (
            trusting(&["0.0.0.0/0", "::/0"]).x_forwarded(),
            "",
            "0.0.0.0:0, true",
        ),
        (
            trusting(&["unix"]).proxy_protocol(),
            "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\n",
            "192.0.2.7:56324, false",
        ),
        (
            trusting(&["unix"]).proxy_protocol(),
            "PROXY TCP4 0.0.0.0 10.0.0.1 56324 443\r\n",
            "0.0.0.0:0, true",
        ),
    ] {
        let router = Router::default();
        router.fallback(who);
        let server = router.serve_managed_on([at.clone()], settings(proxies));
        let server = server.expect("a free path");
        let mut client = Client::at(&at);
        client.send(preface);
        assert_eq!(ask(&mut client, X_FORWARDED), want);
        server.stop();
    }
}

#[test]
fn nobody_can_be_told_to_be_at_a_unix_socket() {
    let server = serve_as(
        |request: &Request| Response::text(request.is_unix().to_string()),
        |server| server.settings(settings(here().x_forwarded())),
    );
    let mut client = server.connect();
    for told in [
        "0.0.0.0",
        "0.0.0.0:0",
        "::",
        "[::]:0",
        "::ffff:0.0.0.0",
        "unix",
        "unix:",
    ] {
        let fields = format!("X-Forwarded-For: {told}\r\n");
        assert_eq!(ask(&mut client, &fields), "false", "{told}");
    }
}

#[test]
fn the_peer_is_the_client_of_a_server_without_proxies() {
    let server = serve_routes(vec![Route::get("/").onconnect(describe)]);
    let mut client = Client::connect(server.addr());
    assert_eq!(ask(&mut client, ""), "the peer, secure: false");
}
