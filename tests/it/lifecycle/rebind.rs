//! Promise 4: `rebind` serves at the new address before the old one drains, loses nothing that was
//! queued or in flight, and changes nothing if it fails. Promise 5: `addr()` is real.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::{eventually, finishes, get, serve_routes, timed};
use crate::support::{Barrier, Client, KeepAliveMode, Load, GUARD, SLACK};
use millpond::{BackgroundServer, Listen, Request, Response, Route, Router, Settings};

fn echo(request: &Request) -> Response {
    Response::text(request.url())
}

fn serve(barrier: &Barrier) -> BackgroundServer {
    let barrier = barrier.clone();
    serve_routes(vec![
        Route::get("/").onconnect(echo),
        Route::get("/{a}/{b}").onconnect(echo),
        Route::get("/wait").onconnect(move |_| {
            barrier.wait();
            Response::text("passed")
        }),
    ])
}

/// A free port, which no other process is likely to take in the next moment.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn at(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port))
}

/// Rebinds on a thread of its own, and gives the server back.
fn rebinding(mut server: BackgroundServer, addr: SocketAddr) -> JoinHandle<BackgroundServer> {
    thread::spawn(move || {
        server.rebind(addr).expect("a free port");
        server
    })
}

fn refused(addr: SocketAddr) -> bool {
    Client::try_connect(addr).is_err()
}

#[test]
fn the_address_is_the_real_one() {
    let mut server = serve(&Barrier::default());
    let first = server.addr();
    assert_ne!(first.port(), 0);
    assert_eq!(get(first, "/").text(), "/");
    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    let second = server.addr();
    assert_ne!(second.port(), 0);
    assert_ne!(second.port(), first.port());
    assert_eq!(get(second, "/").text(), "/");
    let third = free();
    server.rebind(third).unwrap();
    assert_eq!(server.addr(), third);
    let _ = server.stop();
}

#[test]
fn moves_at_once_when_nothing_is_in_flight() {
    let mut server = serve(&Barrier::default());
    let old = server.addr();
    let mut idle: Vec<Client> = (0..5).map(|_| Client::connect(old)).collect();
    for client in &mut idle {
        client.get("/");
    }
    let (moved, took) = timed(|| server.rebind(([127, 0, 0, 1], 0)));
    moved.unwrap();
    assert!(took < SLACK, "{took:?}");
    assert!(refused(old));
    idle.iter_mut().for_each(Client::closed);
    assert_eq!(get(server.addr(), "/").text(), "/");
    TcpListener::bind(old).expect("the old port is free again");
    let _ = server.stop();
}

#[test]
fn the_new_address_serves_while_the_old_one_drains() {
    let barrier = Barrier::default();
    let server = serve(&barrier);
    let (old, new) = (server.addr(), free());
    let mut slow: Vec<Client> = (0..3).map(|_| Client::connect(old)).collect();
    for client in &mut slow {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(3);
    let mut idle = Client::connect(old);
    idle.get("/");
    let moving = rebinding(server, new);
    idle.closed();
    // The old one has closed and waits for its handlers; the new one answers.
    assert!(refused(old));
    let mut client = Client::connect(new);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "/");
        assert_eq!(get(new, "/").text(), "/");
    }
    assert!(!moving.is_finished());
    barrier.open();
    let server = finishes(SLACK, move || moving.join().unwrap());
    for slow in &mut slow {
        let reply = slow.response();
        assert_eq!(reply.text(), "passed");
        assert_eq!(reply.header("Connection"), Some("close"));
        slow.closed();
    }
    // Connections of the new address are not ended by the move.
    assert_eq!(client.get("/").text(), "/");
    let _ = server.stop();
}

#[test]
fn an_error_leaves_everything_as_it_was() {
    let mut server = serve(&Barrier::default());
    let addr = server.addr();
    let mut client = Client::connect(addr);
    client.get("/");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let impossible = SocketAddr::from(([192, 0, 2, 1], 1)); // RFC 5737: nobody has it.
    for target in [taken.local_addr().unwrap(), impossible] {
        let (moved, took) = timed(|| server.rebind(target));
        assert!(moved.is_err());
        assert!(took < SLACK, "{took:?}");
        assert_eq!(server.addr(), addr);
        assert_eq!(client.get("/").text(), "/");
        assert_eq!(get(addr, "/").text(), "/");
    }
    let _ = server.stop();
}

#[test]
fn the_same_address_is_nothing_to_do() {
    let barrier = Barrier::default();
    let mut server = serve(&barrier);
    let addr = server.addr();
    let mut slow = Client::connect(addr);
    slow.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let mut client = Client::connect(addr);
    client.get("/");
    let (moved, took) = timed(|| server.rebind(addr));
    moved.unwrap();
    assert!(took < SLACK, "{took:?}");
    assert_eq!(server.addr(), addr);
    assert_eq!(client.get("/").text(), "/");
    barrier.open();
    let reply = slow.response();
    assert_eq!((reply.text(), reply.header("Connection")), ("passed", None));
    let _ = server.stop();
}

#[test]
fn the_same_port_on_another_interface() {
    let mut server = serve(&Barrier::default());
    let narrow = server.addr();
    let port = narrow.port();
    let wide = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    server.rebind(wide).unwrap();
    assert_eq!(server.addr(), wide);
    assert_eq!(get(at(1, port), "/").text(), "/");
    assert_eq!(get(at(9, port), "/").text(), "/");
    server.rebind(narrow).unwrap();
    assert_eq!(server.addr(), narrow);
    assert_eq!(get(narrow, "/").text(), "/");
    assert!(refused(at(9, port)));
    server.rebind(at(9, port)).unwrap();
    assert!(refused(narrow));
    assert_eq!(get(at(9, port), "/").text(), "/");
    let _ = server.stop();
}

#[test]
fn the_same_port_waits_for_what_is_in_flight() {
    let barrier = Barrier::default();
    let server = serve(&barrier);
    let port = server.addr().port();
    let mut slow = Client::connect(server.addr());
    slow.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let mut idle = Client::connect(server.addr());
    idle.get("/");
    let moving = rebinding(server, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    idle.closed();
    eventually("the other interface is served", || !refused(at(9, port)));
    assert_eq!(get(at(9, port), "/").text(), "/");
    assert!(!moving.is_finished());
    barrier.open();
    let server = finishes(GUARD, move || moving.join().unwrap());
    assert_eq!(slow.response().text(), "passed");
    let _ = server.stop();
}

/// Somebody has the port on another interface, so that it is not to be had on all of them.
#[test]
fn the_same_port_is_taken_back_when_the_other_interface_is_not_to_be_had() {
    let barrier = Barrier::default();
    let mut server = serve(&barrier);
    let addr = server.addr();
    let _other = TcpListener::bind(at(2, addr.port())).expect("nobody has it");
    let mut slow = Client::connect(addr);
    slow.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let mut client = Client::connect(addr);
    client.get("/");
    let wide = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()));
    let (moved, took) = timed(|| server.rebind(wide));
    assert!(moved.is_err());
    assert!(took < SLACK, "{took:?}");
    assert_eq!(server.addr(), addr);
    // The server listens again, and the connected clients did not notice.
    assert_eq!(get(addr, "/").text(), "/");
    assert_eq!(client.get("/").text(), "/");
    barrier.open();
    let reply = slow.response();
    assert_eq!((reply.text(), reply.header("Connection")), ("passed", None));
    // And it can still move.
    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    assert_eq!(get(server.addr(), "/").text(), "/");
    let _ = server.stop();
}

#[test]
fn a_place_that_was_taken_back_is_the_one_that_it_was() {
    let mut server = serve(&Barrier::default());
    let addr = server.addr();
    let _other = TcpListener::bind(at(2, addr.port())).expect("nobody has it");
    let mut before = Client::connect(addr);
    before.get("/");
    server.wind_down();
    let wide = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()));
    assert!(server.rebind(wide).is_err());
    // A client that connects there got a close in its response, and is not abandoned.
    let mut after = Client::connect(addr);
    eventually("it is accepted", || server.stats().accepted == 2);
    server.rebind_on([addr, at(1, 0)]).expect("a free port");
    for client in [&mut before, &mut after] {
        assert_eq!(client.get("/").header("Connection"), Some("close"));
        client.closed();
    }
    let _ = server.stop();
}

/// To close it would not make room, and could not be undone.
#[test]
fn a_socket_that_others_have_too_is_not_closed_for_its_port() {
    let socket = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let _others = socket.try_clone().expect("a descriptor");
    let place = Listen::from(socket).shared();
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("here")));
    let mut server = router
        .serve_managed_on([place], Settings::default())
        .expect("it listens");
    let addr = server.addr();
    assert!(server.rebind((Ipv4Addr::UNSPECIFIED, addr.port())).is_err());
    assert_eq!(server.addresses().len(), 1);
    assert_eq!(get(addr, "/").text(), "here");
    let _ = server.stop();
}

#[test]
fn the_backlog_is_answered() {
    for _ in 0..10 {
        let mut server = serve(&Barrier::default());
        let old = server.addr();
        // Faster than they can be accepted: each needs a thread started.
        let mut clients: Vec<Client> = (0..60).map(|_| Client::connect(old)).collect();
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        server.rebind(([127, 0, 0, 1], 0)).unwrap();
        for client in &mut clients {
            assert_eq!(client.response().text(), "/");
        }
        assert_eq!(server.stats().accepted, 60);
        let _ = server.stop();
    }
}

#[test]
fn routes_come_along() {
    let mut server = serve(&Barrier::default());
    server.mechanism(Route::get("/live").onconnect(|_| Response::text("live")));
    let router = server.router();
    for _ in 0..2 {
        server.rebind(([127, 0, 0, 1], 0)).unwrap();
        assert_eq!(get(server.addr(), "/").text(), "/");
        assert_eq!(get(server.addr(), "/live").text(), "live");
    }
    // The old handle is still one on the routes, and so is a new one.
    router.add(Route::get("/later").onconnect(|_| Response::text("later")));
    assert_eq!(get(server.addr(), "/later").text(), "later");
    server.router().remove("GET", "/live");
    assert_eq!(get(server.addr(), "/live").status, 404);
    let _ = server.stop();
}

#[test]
fn the_numbers_come_along() {
    let mut server = serve(&Barrier::default());
    for count in 1..=3 {
        get(server.addr(), "/");
        server.rebind(([127, 0, 0, 1], 0)).unwrap();
        let stats = server.stats();
        assert_eq!((stats.requests, stats.accepted), (count, count));
    }
    let _ = server.stop();
}

#[test]
fn twenty_moves_under_load_lose_no_request() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        let mut server = serve(&Barrier::default());
        let load = Load::on(server.addr(), 4, mode);
        for _ in 0..20 {
            let (moved, took) = timed(|| server.rebind(([127, 0, 0, 1], 0)));
            moved.unwrap();
            assert!(took < SLACK, "{took:?}");
            load.turn_to(server.addr());
            load.each_answered(3);
        }
        let tally = load.end();
        assert!(tally.whole >= 20 * 4 * 3);
        // A client that the kernel connects between the last accept and the close of the old
        // listener is reset: about one in all rounds, instead of forty or more without care (see
        // `Listener::finish`).
        assert!(tally.dropped <= 5, "{tally:?}");
        let _ = server.stop();
    }
}

#[test]
fn a_move_is_refused_nothing_by_a_stop_right_after_it() {
    let mut server = serve(&Barrier::default());
    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    let mut client = Client::connect(server.addr());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let (drained, took) = timed(|| server.stop_within(Duration::from_secs(2)));
    assert!(took < SLACK, "{took:?}");
    assert_eq!(drained.cut, 0);
    assert_eq!(client.response().text(), "/");
}
