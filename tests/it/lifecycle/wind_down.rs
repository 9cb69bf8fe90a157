//! Promise 13: after `wind_down` every answer ends its connection and says so, and nothing else
//! changes: idle connections stay, new ones are accepted, until the server stops.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{eventually, finishes, get, listen, serve_routes, timed};
use crate::support::{Barrier, Client, Reply, GUARD, SLACK};
use millpond::{Address, BackgroundServer, CloseReason, Response, Route};

fn serve(barrier: &Barrier) -> BackgroundServer {
    let barrier = barrier.clone();
    serve_routes(vec![
        Route::get("/").onconnect(|_| Response::text("here")),
        Route::get("/panic").onconnect(|_| panic!("on purpose")),
        Route::get("/wait").onconnect(move |_| {
            barrier.wait();
            Response::text("passed")
        }),
    ])
}

#[test]
fn every_answer_says_close_and_ends_its_connection() {
    let barrier = Barrier::default();
    let server = serve(&barrier);
    let mut used = Client::connect(server.addr());
    assert_eq!(used.get("/").header("Connection"), None);
    let mut busy = Client::connect(server.addr());
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);

    server.wind_down();
    barrier.open();
    // The request whose handler ran already, one on an open connection, a new one, and an error.
    let reply = busy.response();
    assert_eq!(
        (reply.text(), reply.header("Connection")),
        ("passed", Some("close"))
    );
    busy.closed();
    let mut fresh = Client::connect(server.addr());
    for (client, path, status) in [
        (&mut used, "/", 200),
        (&mut fresh, "/none", 404),
        (&mut Client::connect(server.addr()), "/panic", 500),
    ] {
        let reply = client.get(path);
        assert_eq!(
            (reply.status, reply.header("Connection")),
            (status, Some("close"))
        );
        client.closed();
    }
    drop((used, busy, fresh));
    eventually("they are told as ended by the server", || {
        server.stats().closed(CloseReason::Drained) == 4
    });
    let _ = server.stop();
}

#[test]
fn the_idle_stay_until_the_stop() {
    let server = serve(&Barrier::default());
    let mut idle = Client::connect(server.addr());
    idle.get("/");
    let mut fresh = Client::connect(server.addr());
    server.wind_down();
    assert_eq!(get(server.addr(), "/").text(), "here");
    idle.open();
    fresh.open();
    let drained = server.stop_within(Duration::from_secs(2));
    assert_eq!(drained.cut, 0);
    idle.closed();
    fresh.closed();
}

/// A client that has sent the next request already has its answer taken away by no reset.
#[test]
fn what_was_pipelined_does_not_take_the_answer_away() {
    let server = serve(&Barrier::default());
    let mut client = Client::connect(server.addr());
    server.wind_down();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3));
    assert_eq!(client.response().header("Connection"), Some("close"));
    client.closed();
    let _ = server.stop();
}

#[test]
fn a_move_begins_anew() {
    let mut server = serve(&Barrier::default());
    server.wind_down();
    server.rebind(([127, 0, 0, 1], 0)).expect("a free port");
    let mut client = Client::connect(server.addr());
    assert_eq!(client.get("/").header("Connection"), None);
    assert_eq!(client.get("/").text(), "here");
    let _ = server.stop();
}

/// A proxy that connected and sends late: it could not know.
#[test]
fn an_announced_stop_waits_a_while_for_who_has_only_just_connected() {
    let in_time = (0..5).any(|_| those_who_come_within_the_while_are_answered());
    assert!(in_time, "this machine stalls for longer than the while");
}

/// False where they did not: the machine stalled.
fn those_who_come_within_the_while_are_answered() -> bool {
    let server = serve(&Barrier::default());
    let mut idle = Client::connect(server.addr());
    idle.get("/");
    server.wind_down();
    let mut fresh = Client::connect(server.addr());
    let mut half = Client::connect(server.addr());
    half.send("GET /?a HTTP/1.1\r\nHo");
    eventually("all are accepted", || server.stats().accepted == 3);
    let began = Instant::now();
    let stopping = thread::spawn(move || timed(|| server.stop()));
    // The stop has begun, and more than ten milliseconds of it are over.
    idle.closed();
    thread::sleep(Duration::from_millis(30));
    let fresh_sent = fresh.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let half_sent = half.try_send("st: a\r\n\r\n");
    if began.elapsed() > Duration::from_millis(150) {
        return false;
    }
    assert!(fresh_sent.is_ok() && half_sent.is_ok());
    for client in [&mut fresh, &mut half] {
        assert_eq!(client.response().text(), "here");
        client.closed();
    }
    let (drained, took) = stopping.join().unwrap();
    assert_eq!((drained.answered, drained.cut), (2, 0));
    assert!(took < Duration::from_millis(250) + SLACK, "{took:?}");
    true
}

#[test]
fn an_announced_stop_does_not_wait_long_for_who_says_nothing() {
    let server = serve(&Barrier::default());
    server.wind_down();
    let mut fresh = Client::connect(server.addr());
    let mut half = Client::connect(server.addr());
    half.send("GET / HTTP/1.1\r\nHo");
    let (drained, took) = timed(|| server.stop());
    assert_eq!((drained.answered, drained.cut), (0, 0));
    assert!(took < Duration::from_millis(250) + SLACK, "{took:?}");
    fresh.closed();
    half.closed();
}

#[test]
fn a_place_that_was_added_is_not_concerned() {
    let mut server = serve(&Barrier::default());
    let old = server.addresses()[0].clone();
    server.wind_down();
    let added = Address::from(([127, 0, 0, 1], 0));
    server.rebind_on([added, old.clone()]).expect("a free port");
    assert_eq!(get_at(&old).header("Connection"), Some("close"));
    let added = server.addresses()[0].clone();
    assert_eq!(get_at(&added).header("Connection"), None);
    let _ = server.stop();
}

fn get_at(address: &Address) -> Reply {
    match address {
        Address::Tcp(addr) => Client::connect(*addr).get("/"),
        Address::Unix(path) => panic!("{path:?} is not what was asked for"),
    }
}

#[test]
fn a_polled_server_winds_down_too() {
    let server = listen(|_| Response::text("here"));
    let mut client = Client::connect(server.server_addr());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    server.wind_down();
    server.poll();
    assert_eq!(client.response().header("Connection"), Some("close"));
    client.closed();
    finishes(GUARD, move || server.join());
}
