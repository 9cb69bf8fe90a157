//! `rebind_on`: from any set of addresses to any other.

use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use super::{any_port, get, is_refused, router, serve, Folder, LATE};
use crate::support::{finishes, timed, Barrier, Client, KeepAliveMode, Load, GUARD, SLACK};
use millpond::{Address, Listen, Settings};

fn at(last: u8, port: u16) -> Address {
    (Ipv4Addr::new(127, 0, 0, last), port).into()
}

#[test]
fn between_all_of_them() {
    let folder = Folder::new();
    let unix = |name| folder.unix(name);
    let mut server = serve(&[&any_port()], &Barrier::default());
    for places in [
        vec![unix("a")],
        vec![any_port(), unix("b")],
        vec![unix("b"), unix("a"), any_port()],
        vec![unix("a")],
        vec![unix("c")],
        vec![any_port()],
    ] {
        let before = server.addresses();
        let (moved, took) = timed(|| server.rebind_on(places.clone()));
        moved.unwrap();
        assert!(took < SLACK, "{took:?}");
        let after = server.addresses();
        assert_eq!(after.len(), places.len());
        for (address, wanted) in after.iter().zip(&places) {
            assert!(address == wanted || matches!(wanted, Address::Tcp(_)));
            assert!(get(address, "/x").starts_with("/x from "), "{address}");
        }
        for left in before.iter().filter(|left| !after.contains(left)) {
            assert!(is_refused(left), "{left}");
        }
    }
    // And `rebind` leaves all but the one.
    server.rebind_on([unix("a"), any_port()]).unwrap();
    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    assert_eq!(server.addresses(), [Address::from(server.addr())]);
    assert!(folder.is_empty());
    assert_eq!(server.stats().requests, 9);
    let _ = server.stop();
}

#[test]
fn what_stays_does_not_notice() {
    let folder = Folder::new();
    let (unix, barrier) = (folder.unix("a.sock"), Barrier::default());
    let mut server = serve(&[&any_port(), &unix, &any_port()], &barrier);
    let [tcp, _, left] = <[Address; 3]>::try_from(server.addresses()).unwrap();
    let mut idle = [&tcp, &unix].map(Client::at);
    let mut busy = [&tcp, &unix].map(Client::at);
    for client in &mut idle {
        client.get("/");
    }
    for client in &mut busy {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(2);
    let mut leaves = Client::at(&left);
    leaves.get("/");
    // With two requests in flight: they are none of its business.
    let (moved, took) = timed(|| server.rebind_on([unix.clone(), any_port(), tcp.clone()]));
    moved.unwrap();
    assert!(took < SLACK, "{took:?}");
    leaves.closed();
    assert!(is_refused(&left));
    let addresses = server.addresses();
    assert_eq!([&addresses[0], &addresses[2]], [&unix, &tcp]);
    assert_eq!(Address::from(server.addr()), addresses[1]);
    for client in &mut idle {
        assert!(client.get("/x").text().starts_with("/x from "));
    }
    barrier.open();
    for client in &mut busy {
        let reply = client.response();
        assert_eq!(reply.text(), "passed");
        assert_eq!(reply.header("Connection"), None);
        assert!(client.get("/x").text().starts_with("/x from "));
    }
    // The same addresses need no change, in another order or repeated.
    let twice = addresses.iter().chain(&addresses).rev().cloned();
    server.rebind_on(twice.collect::<Vec<_>>()).unwrap();
    assert_eq!(server.addresses().len(), 3);
    for client in idle.iter_mut().chain(&mut busy) {
        assert_eq!(client.get("/x").status, 200);
    }
    let _ = server.stop();
    idle.iter_mut().chain(&mut busy).for_each(Client::closed);
}

#[test]
fn an_error_leaves_everything_as_it_was() {
    let folder = Folder::new();
    let unix = folder.unix("a.sock");
    let mut server = serve(&[&unix, &any_port()], &Barrier::default());
    let before = server.addresses();
    let mut clients: Vec<Client> = before.iter().map(Client::at).collect();
    for client in &mut clients {
        client.get("/");
    }
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = Address::from(other.local_addr().unwrap());
    std::fs::write(folder.path("file"), "precious").unwrap();
    for impossible in [
        vec![any_port(), folder.unix("b.sock"), taken.clone()],
        vec![taken, before[1].clone()],
        vec![folder.unix("b.sock"), folder.unix("file")],
        vec![folder.unix("b.sock"), folder.unix("b.sock")],
        vec![],
    ] {
        assert!(server.rebind_on(impossible).is_err());
        assert_eq!(server.addresses(), before);
        assert!(!folder.path("b.sock").exists());
        for client in &mut clients {
            assert_eq!(client.get("/x").status, 200);
        }
        for address in &before {
            assert!(get(address, "/x").starts_with("/x from "));
        }
    }
    let _ = server.stop();
}

#[test]
fn the_same_port_is_taken_back_beside_others() {
    let folder = Folder::new();
    let unix = folder.unix("a.sock");
    let mut server = serve(&[&any_port(), &unix], &Barrier::default());
    let before = server.addresses();
    let port = server.addr().port();
    let other = TcpListener::bind(("127.0.0.2", port)).expect("nobody has it");
    let wide = Address::from((Ipv4Addr::UNSPECIFIED, port));
    let mut clients: Vec<Client> = before.iter().map(Client::at).collect();
    for client in &mut clients {
        client.get("/");
    }
    let places = [folder.unix("b.sock"), wide.clone()];
    assert!(server.rebind_on(places.clone()).is_err());
    assert_eq!(server.addresses(), before);
    assert!(!folder.path("b.sock").exists());
    for (client, address) in clients.iter_mut().zip(&before) {
        assert_eq!(client.get("/x").status, 200);
        assert!(get(address, "/x").starts_with("/x from "));
    }
    // The narrow one cannot stay beside the wide one, and that is no reason to close it.
    assert!(server.rebind_on([before[0].clone(), wide.clone()]).is_err());
    assert_eq!(server.addresses(), before);
    drop(other);
    server.rebind_on(places.clone()).unwrap();
    assert_eq!(server.addresses(), places);
    assert!(get(&at(7, port), "/x").starts_with("/x from "));
    clients.iter_mut().for_each(Client::closed);
    let _ = server.stop();
}

#[test]
fn the_new_place_serves_while_the_old_one_drains() {
    let folder = Folder::new();
    let barrier = Barrier::default();
    let (old, new) = (folder.unix("a.sock"), folder.unix("b.sock"));
    let mut server = serve(&[&old], &barrier);
    let mut busy = Client::at(&old);
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let mut idle = Client::at(&old);
    idle.get("/");
    let target = new.clone();
    let moving = thread::spawn(move || {
        server.rebind_on([target]).unwrap();
        server
    });
    idle.closed();
    assert!(is_refused(&old) && !folder.path("a.sock").exists());
    let mut client = Client::at(&new);
    assert_eq!(client.get("/x").status, 200);
    assert!(!moving.is_finished());
    barrier.open();
    let server = finishes(GUARD, move || moving.join().unwrap());
    assert_eq!(busy.response().text(), "passed");
    assert_eq!(client.get("/x").status, 200);
    let _ = server.stop();
}

/// A Unix socket also serves the clients that the kernel connects at the last moment, if they send
/// in time.
#[test]
fn moves_under_load_lose_nobody() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        let folder = Folder::new();
        let places = ["a", "b"].map(|name| folder.unix(name));
        let mut server = serve(&[&places[0]], &Barrier::default());
        let load = Load::on(places[0].clone(), 4, mode);
        for round in 1..=20 {
            let place = &places[round % 2];
            let (moved, took) = timed(|| server.rebind_on([place.clone()]));
            moved.unwrap();
            assert!(took < SLACK, "{took:?}");
            load.turn_to(place.clone());
            load.each_answered(3);
        }
        let tally = load.end();
        assert!(tally.dropped <= LATE, "{tally:?}");
        let _ = server.stop();
    }
}

#[test]
fn to_a_listener_that_is_given() {
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = given.local_addr().unwrap();
    let mut server = serve(&[&any_port()], &Barrier::default());
    server.rebind_on([Listen::from(given)]).unwrap();
    assert_eq!(server.addr(), addr);
    assert!(get(&addr.into(), "/x").starts_with("/x from "));
    server.rebind(addr).unwrap(); // It is there already.
    assert!(get(&addr.into(), "/x").starts_with("/x from "));
    let _ = server.stop();
    let none: [Listen; 0] = [];
    let nowhere = router(&Barrier::default()).serve_managed_on(none, Settings::default());
    assert!(nowhere.is_err());
}
