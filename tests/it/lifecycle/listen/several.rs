//! Several listeners on one server: one pool, one set of limits, one end.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{any_port, echo, get, is_refused, router, serve, Folder};
use crate::support::{
    eventually, finishes, timed, Barrier, Client, KeepAliveMode, Load, GUARD, SLACK,
};
use millpond::{Address, Limits, Listen, Server, Settings};

/// Two of TCP, and where there are such, a Unix socket.
fn places(folder: &Folder) -> Vec<Address> {
    let mut places = vec![any_port(), any_port()];
    if cfg!(unix) {
        places.push(folder.unix("a.sock"));
    }
    places
}

fn polled(folder: &Folder) -> Server<impl Fn(&millpond::Request) -> millpond::Response> {
    Server::listen_on(places(folder), echo).expect("free places")
}

fn ask(client: &mut Client) {
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
}

#[test]
fn every_address_is_told_and_answers() {
    let folder = Folder::new();
    let wanted = places(&folder);
    let refs: Vec<&Address> = wanted.iter().collect();
    let server = serve(&refs, &Barrier::default());
    let addresses = server.addresses();
    assert_eq!(addresses.len(), wanted.len());
    assert_eq!(addresses[0], Address::from(server.addr()));
    assert_eq!(addresses[2..], wanted[2..]);
    for address in &addresses {
        assert!(get(address, "/x").starts_with("/x from "), "{address}");
    }
    assert_eq!(server.stats().accepted, addresses.len() as u64);
    let (drained, took) = timed(|| server.stop());
    assert!(took < SLACK && drained.cut == 0, "{took:?} {drained:?}");
    assert!(addresses.iter().all(is_refused));
    assert!(folder.is_empty());
}

#[test]
fn it_is_all_of_them_or_none() {
    let folder = Folder::new();
    let held = serve(&[&any_port()], &Barrier::default());
    let busy = held.addresses().remove(0);
    let mut all = places(&folder);
    all.push(busy);
    assert!(Server::listen_on(all.clone(), echo).is_err());
    assert!(router(&Barrier::default())
        .serve_managed_on(all.clone(), Settings::default())
        .is_err());
    assert!(folder.is_empty(), "the file is gone again");
    // Without the one that is in use they are all to be had.
    all.pop();
    drop(Server::listen_on(all, echo).unwrap());
    let none: [Address; 0] = [];
    assert!(Server::listen_on(none, echo).is_err());
    let _ = held.stop();
}

#[test]
fn poll_takes_in_what_waits_at_any_of_them() {
    let folder = Folder::new();
    let server = polled(&folder);
    let mut clients: Vec<Client> = server.addresses().iter().map(Client::at).collect();
    clients.iter_mut().for_each(ask);
    assert_eq!(server.stats().accepted, 0, "nobody polls");
    let ((), took) = timed(|| server.poll());
    assert!(took < SLACK, "{took:?}");
    for client in &mut clients {
        assert!(client.response().text().starts_with("/x from "));
    }
    drop(server);
    clients.iter_mut().for_each(Client::closed);
    assert!(folder.is_empty());
}

#[test]
fn poll_timeout_keeps_its_time_and_serves_all_of_them() {
    let folder = Folder::new();
    let server = polled(&folder);
    let addresses = server.addresses();
    for time in [1, 50, 300].map(Duration::from_millis) {
        let ((), took) = timed(|| server.poll_timeout(time));
        assert!(took >= time, "{took:?}");
        assert!(took < time + SLACK, "{took:?} for {time:?}");
    }
    let (over, is_over) = mpsc::channel::<()>();
    let polling = thread::spawn(move || {
        let ((), took) = timed(|| server.poll_timeout(Duration::from_millis(400)));
        // The clients may take longer, where others are busy.
        while is_over.try_recv() == Err(mpsc::TryRecvError::Empty) {
            server.poll_timeout(Duration::from_millis(10));
        }
        (server, took)
    });
    for _ in 0..3 {
        for address in &addresses {
            get(address, "/x");
        }
    }
    drop(over);
    let (server, took) = polling.join().unwrap();
    assert!(took < Duration::from_millis(400) + SLACK, "{took:?}");
    assert_eq!(server.stats().requests, 3 * addresses.len() as u64);
    // A client between two polls is not accepted, and no client is left waiting at a socket.
    let mut clients: Vec<Client> = addresses.iter().map(Client::at).collect();
    clients.iter_mut().for_each(ask);
    assert_eq!(server.stats().accepted, 3 * addresses.len() as u64);
    server.poll_timeout(Duration::from_nanos(1));
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}

/// Promise 1, with a load at each of the listeners.
#[test]
fn poll_timeout_keeps_its_time_under_load() {
    let folder = Folder::new();
    let server = polled(&folder);
    let addresses = server.addresses();
    let loading = thread::spawn(move || {
        let loads = addresses.iter().map(|address| {
            let mode = KeepAliveMode::Mixed;
            Load::on(address.clone(), 2, mode)
        });
        loads.collect::<Vec<_>>()
    });
    for _ in 0..20 {
        let time = Duration::from_millis(50);
        let ((), took) = timed(|| server.poll_timeout(time));
        assert!(took >= time && took < time + SLACK, "{took:?}");
    }
    while !loading.is_finished() {
        server.poll_timeout(Duration::from_millis(10));
    }
    let loads = loading.join().unwrap();
    let (handle, stop) = server.stoppable();
    for load in loads {
        load.each_answered(10);
        let tally = load.end();
        assert_eq!(tally.refused + tally.dropped, 0, "{tally:?}");
    }
    drop(stop);
    finishes(GUARD, move || handle.join().unwrap());
}

#[test]
fn stoppable_takes_in_what_is_queued_at_all_of_them() {
    for _ in 0..10 {
        let folder = Folder::new();
        let server = polled(&folder);
        let addresses = server.addresses();
        let mut clients: Vec<Client> = addresses.iter().map(Client::at).collect();
        clients.iter_mut().for_each(ask);
        let (handle, stop) = server.stoppable();
        drop(stop);
        finishes(SLACK, move || handle.join().unwrap());
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
            client.closed();
        }
        assert!(addresses.iter().all(is_refused));
        assert!(folder.is_empty());
    }
}

#[test]
fn the_limits_are_those_of_the_server() {
    let folder = Folder::new();
    let limits = Limits {
        max_connections: 3,
        ..Limits::default()
    };
    let barrier = Barrier::default();
    let settings = Settings::default().limits(limits);
    let server = router(&barrier).serve_managed_on(places(&folder), settings);
    let server = server.unwrap();
    let addresses = server.addresses();
    let mut busy = Vec::new();
    for number in 0..3 {
        let mut client = Client::at(&addresses[number % addresses.len()]);
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
        barrier.wait_for_arrivals(number + 1);
        busy.push(client);
    }
    for address in &addresses {
        let mut client = Client::at(address);
        assert_eq!(client.response().status, 503, "{address}");
        client.closed();
    }
    barrier.open();
    for client in &mut busy {
        assert_eq!(client.response().text(), "passed");
    }
    let _ = server.stop();
}

/// The sweeper looks after every door while it is busy.
#[test]
fn new_clients_come_in_everywhere_while_it_is_busy() {
    let folder = Folder::new();
    let all = places(&folder);
    let refs: Vec<&Address> = all.iter().collect();
    let server = serve(&refs, &Barrier::default());
    let addresses = server.addresses();
    let loads: Vec<Load> = addresses
        .iter()
        .map(|address| Load::on(address.clone(), 3, KeepAliveMode::KeepAlive))
        .collect();
    for _ in 0..100 {
        for address in &addresses {
            assert!(get(address, "/new").starts_with("/new from "));
        }
    }
    for load in loads {
        load.each_answered(100);
        let tally = load.end();
        assert_eq!(tally.refused + tally.dropped + tally.retried, 0);
    }
    let (drained, took) = timed(|| server.stop());
    assert!(took < SLACK && drained.cut == 0, "{took:?} {drained:?}");
}

#[test]
fn a_given_listener_beside_others() {
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = Address::from(given.local_addr().unwrap());
    let places = [Listen::from(given), any_port().into()];
    let server = Server::listen_on(places, echo).unwrap().pool_size(4);
    assert_eq!(server.addresses()[0], addr);
    let addresses = server.addresses();
    let (handle, stop) = server.stoppable();
    for address in &addresses {
        get(address, "/");
    }
    stop.send(()).unwrap();
    finishes(GUARD, move || handle.join().unwrap());
    eventually("both are closed", || addresses.iter().all(is_refused));
}

/// The server does not share the sockets that it binds, with any setting: a shared port would not
/// be released.
#[test]
fn an_address_cannot_be_shared() {
    let place = Listen::from(any_port()).shared();
    let server = router(&Barrier::default()).serve_managed_on([place], Settings::default());
    let mut server = server.expect("a free port");
    let port = server.addr().port();
    for addr in [([0, 0, 0, 0], port), ([127, 0, 0, 1], port)] {
        let place = Listen::from(addr).shared();
        server.rebind_on([place]).expect("the same port");
        let here = ([127, 0, 0, 1], port).into();
        assert!(get(&here, "/a").starts_with("/a from"));
    }
}
