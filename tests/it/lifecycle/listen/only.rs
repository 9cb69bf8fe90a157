//! `Listen::only_at`: a socket stands for several addresses, and some of them are served. The set
//! can change without a moment in which no socket listens.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::thread;

use super::v6::is_without_v6;
use super::{any_port, echo, get, is_refused, router, serve, Folder};
use crate::support::{
    eventually, finishes, timed, Barrier, Client, KeepAliveMode, Load, GUARD, SLACK,
};
use millpond::{Address, BackgroundServer, Listen, Server, Settings};

fn at(last: u8, port: u16) -> Address {
    (Ipv4Addr::new(127, 0, 0, last), port).into()
}

/// Every address of IPv4, of which one is served.
fn narrow(port: u16) -> Listen {
    Listen::from((Ipv4Addr::UNSPECIFIED, port)).only_at([Ipv4Addr::LOCALHOST])
}

fn serve_narrow(barrier: &Barrier) -> BackgroundServer {
    let server = router(barrier).serve_managed_on([narrow(0)], Settings::default());
    server.expect("a free port")
}

/// A client at an address that is not served gets a connection, and no answer.
fn is_not_admitted(address: &Address) -> bool {
    let mut client = Client::at(address);
    // It is closed whether or not anything comes; and may be gone before this does.
    let _ = client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.try_response("GET").is_err()
}

#[test]
fn who_comes_to_another_address_is_not_served() {
    let server = serve_narrow(&Barrier::default());
    let port = server.addr().port();
    assert_eq!(server.addr(), (Ipv4Addr::UNSPECIFIED, port).into());
    let mut client = Client::at(&at(1, port));
    assert_eq!(client.get("/x").status, 200);
    for _ in 0..3 {
        assert!(is_not_admitted(&at(2, port)));
    }
    // It does not wait for a request.
    Client::at(&at(2, port)).closed();
    assert_eq!(client.get("/x").status, 200);
    let stats = server.stats();
    assert_eq!((stats.accepted, stats.not_admitted), (1, 4));
    assert_eq!(stats.open, 1);
    let _ = server.stop();
}

#[test]
fn a_server_that_is_polled_does_the_same() {
    let server = Server::listen_on([narrow(0)], echo).unwrap();
    let (port, monitor) = (server.server_addr().port(), server.monitor());
    let (ended, end) = server.stoppable();
    assert!(get(&at(1, port), "/x").starts_with("/x from 127.0.0.1:"));
    assert!(is_not_admitted(&at(2, port)));
    assert_eq!(monitor.stats().not_admitted, 1);
    end.send(()).unwrap();
    finishes(GUARD, move || ended.join().unwrap());
}

#[test]
fn it_widens_and_nobody_notices() {
    let barrier = Barrier::default();
    let mut server = serve_narrow(&barrier);
    let port = server.addr().port();
    let (mut idle, mut busy) = (Client::at(&at(1, port)), Client::at(&at(1, port)));
    idle.get("/");
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let (moved, took) = timed(|| server.rebind(server.addr()));
    moved.unwrap();
    assert!(took < SLACK, "{took:?}");
    assert!(get(&at(2, port), "/x").starts_with("/x from 127.0.0.1:"));
    assert_eq!(idle.get("/x").header("Connection"), None);
    barrier.open();
    assert_eq!(busy.response().header("Connection"), None);
    assert_eq!(server.stats().not_admitted, 0);
    let _ = server.stop();
}

#[test]
fn it_narrows_and_ends_those_alone_who_came_to_another_address() {
    let barrier = Barrier::default();
    let mut server = serve(&[&(Ipv4Addr::UNSPECIFIED, 0).into(), &any_port()], &barrier);
    let places = server.addresses();
    let port = server.addr().port();
    let [mut stays, mut leaves] = [1, 2].map(|last| Client::at(&at(last, port)));
    let mut elsewhere = Client::at(&places[1]);
    for client in [&mut stays, &mut leaves, &mut elsewhere] {
        client.get("/");
    }
    let mut busy = [1, 2].map(|last| Client::at(&at(last, port)));
    for client in &mut busy {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(2);
    let second = places[1].clone();
    let narrowing = thread::spawn(move || {
        server.rebind_on([narrow(port), second.into()]).unwrap();
        server
    });
    leaves.closed();
    assert!(is_not_admitted(&at(2, port)));
    assert!(!narrowing.is_finished());
    barrier.open();
    let server = finishes(GUARD, move || narrowing.join().unwrap());
    let [stayed, left] = [0, 1].map(|at: usize| busy[at].response());
    assert_eq!([stayed.text(), left.text()], ["passed"; 2]);
    assert_eq!(stayed.header("Connection"), None);
    assert_eq!(left.header("Connection"), Some("close"));
    busy[1].closed();
    for client in [&mut stays, &mut elsewhere, &mut busy[0]] {
        assert_eq!(client.get("/x").header("Connection"), None);
    }
    assert_eq!(server.addresses(), places);
    let _ = server.stop();
}

#[test]
fn a_move_that_fails_leaves_whom_it_serves() {
    let mut server = serve_narrow(&Barrier::default());
    let port = server.addr().port();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Address::from(other.local_addr().unwrap());
    let wide = Address::from(server.addr());
    assert!(server.rebind_on([wide, taken]).is_err());
    assert!(is_not_admitted(&at(2, port)));
    assert!(get(&at(1, port), "/x").starts_with("/x from "));
    let _ = server.stop();
    // Neither if the socket had to be closed for it, and opened again.
    let nobody = Listen::from(any_port()).only_at([Ipv4Addr::new(127, 0, 0, 2)]);
    let mut server = router(&Barrier::default())
        .serve_managed_on([nobody], Settings::default())
        .unwrap();
    let addr = server.addr();
    let other = TcpListener::bind(("127.0.0.2", addr.port())).expect("nobody has it");
    let wide = (Ipv4Addr::UNSPECIFIED, addr.port());
    assert!(server.rebind(wide).is_err());
    assert!(is_not_admitted(&addr.into()));
    drop(other);
    server.rebind(wide).unwrap();
    assert!(get(&addr.into(), "/x").starts_with("/x from "));
    let _ = server.stop();
}

#[test]
fn a_socket_that_had_to_wait_for_its_port_serves_no_more_than_it_should() {
    let mut server = serve(&[&any_port()], &Barrier::default());
    let port = server.addr().port();
    assert!(is_refused(&at(2, port)));
    server.rebind_on([narrow(port)]).unwrap();
    assert!(is_not_admitted(&at(2, port)));
    assert!(get(&at(1, port), "/x").starts_with("/x from "));
    let _ = server.stop();
}

#[test]
fn clients_of_ipv4_come_to_their_address_of_a_socket_of_ipv6() {
    if is_without_v6() {
        return;
    }
    let both = Listen::from((Ipv6Addr::UNSPECIFIED, 0)).only_at([Ipv4Addr::LOCALHOST]);
    let server = router(&Barrier::default()).serve_managed_on([both], Settings::default());
    let server = server.unwrap();
    let port = server.addr().port();
    assert!(get(&at(1, port), "/x").starts_with("/x from 127.0.0.1:"));
    assert!(is_not_admitted(&at(2, port)));
    assert!(is_not_admitted(&(Ipv6Addr::LOCALHOST, port).into()));
    let _ = server.stop();
}

/// `::ffff:127.0.0.1` is how IPv6 writes 127.0.0.1.
#[test]
fn an_address_of_ipv4_may_be_written_as_one_of_ipv6() {
    let mapped =
        Listen::from((Ipv4Addr::UNSPECIFIED, 0)).only_at([Ipv4Addr::LOCALHOST.to_ipv6_mapped()]);
    let server = router(&Barrier::default()).serve_managed_on([mapped], Settings::default());
    let server = server.unwrap();
    let port = server.addr().port();
    assert!(get(&at(1, port), "/x").starts_with("/x from 127.0.0.1:"));
    assert!(is_not_admitted(&at(2, port)));
    let _ = server.stop();
}

#[test]
fn none_at_all_serves_nobody_and_a_unix_socket_has_no_such_address() {
    let folder = Folder::new();
    let unix = folder.unix("a.sock");
    let nobody = |place: &Address| Listen::from(place.clone()).only_at([] as [Ipv4Addr; 0]);
    let places = [nobody(&any_port()), nobody(&unix)];
    let server = router(&Barrier::default()).serve_managed_on(places, Settings::default());
    let server = server.unwrap();
    assert!(is_not_admitted(&server.addr().into()));
    assert!(get(&unix, "/x").starts_with("/x from "));
    let _ = server.stop();
}

/// When one socket is closed and another one bound, a client may be refused or reset.
#[test]
fn a_hundred_changes_under_load_fail_nobody() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        let mut server = serve_narrow(&Barrier::default());
        let port = server.addr().port();
        let load = Load::on(at(1, port), 4, mode);
        for _ in 0..50 {
            server.rebind(server.addr()).unwrap();
            assert!(get(&at(2, port), "/x").starts_with("/x from "));
            let mut stranger = Client::at(&at(2, port));
            stranger.get("/x");
            load.each_answered(1);
            server.rebind_on([narrow(port)]).unwrap();
            stranger.closed();
            assert!(is_not_admitted(&at(2, port)));
            load.each_answered(1);
        }
        let tally = load.end();
        let failed = [tally.refused, tally.dropped, tally.retried];
        assert_eq!(failed, [0; 3], "{tally:?}");
        assert_eq!(server.stats().not_admitted, 50);
        let open = || server.stats().open;
        eventually("all have left", || open() == 0);
        let _ = server.stop();
    }
}
