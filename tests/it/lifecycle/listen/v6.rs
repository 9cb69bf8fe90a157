//! IPv6, and both versions at one port. On a host without `::1` the tests print that and check
//! nothing more; a CI must have one.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use super::{echo, get, is_refused, serve};
use crate::support::{finishes, timed, Barrier, Client, SLACK};
use millpond::{Address, Server};

fn v4(port: u16) -> Address {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn v6(port: u16) -> Address {
    (Ipv6Addr::LOCALHOST, port).into()
}

/// Whether this host has none. Then the server says it cannot listen there.
pub fn is_without_v6() -> bool {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
        return false;
    }
    assert!(std::env::var_os("CI").is_none(), "these tests are of IPv6");
    assert!(Server::listen_on([v6(0)], echo).is_err());
    true
}

/// The default of Linux.
#[test]
fn the_unspecified_address_of_ipv6_serves_both() {
    if is_without_v6() {
        return;
    }
    let all = Address::from((Ipv6Addr::UNSPECIFIED, 0));
    let server = serve(&[&all], &Barrier::default());
    let port = server.addr().port();
    assert!(get(&v6(port), "/").starts_with("/ from [::1]:"));
    // And a client of IPv4 has its own address, not one of IPv6 with that in it.
    assert!(get(&v4(port), "/").starts_with("/ from 127.0.0.1:"));
    let (drained, took) = timed(|| server.stop());
    assert_eq!(drained.cut, 0);
    assert!(took < SLACK, "{took:?}");
    assert!(is_refused(&v4(port)) && is_refused(&v6(port)));
}

#[test]
fn the_loopback_of_ipv6_is_not_that_of_ipv4() {
    if is_without_v6() {
        return;
    }
    let server = serve(&[&v6(0)], &Barrier::default());
    let addr = server.addr();
    assert_eq!(addr.ip(), Ipv6Addr::LOCALHOST);
    assert_eq!(server.addresses(), [Address::from(addr)]);
    assert!(get(&addr.into(), "/").starts_with("/ from [::1]:"));
    // Another server may have that port there; this one has not.
    let _ = Client::try_at(&v4(addr.port()));
    assert!(get(&addr.into(), "/").starts_with("/ from [::1]:"));
    assert_eq!(server.stats().accepted, 2);
    let _ = server.stop();
}

/// The server recognizes the connection that wakes its listener by the address, in any form.
#[test]
fn stopping_counts_no_connection_of_its_own() {
    if is_without_v6() {
        return;
    }
    let mapped: SocketAddr = "[::ffff:127.0.0.1]:0".parse().unwrap();
    for address in [
        v6(0),
        (Ipv6Addr::UNSPECIFIED, 0).into(),
        (Ipv4Addr::UNSPECIFIED, 0).into(),
        mapped.into(),
    ] {
        let mut server = serve(&[&address], &Barrier::default());
        let (moved, took) = timed(|| server.rebind(([127, 0, 0, 1], 0)));
        moved.unwrap();
        assert!(took < SLACK, "{address}: {took:?}");
        assert_eq!(server.stats().accepted, 0, "{address}");
        let _ = server.stop();
    }
}

#[test]
fn one_port_widens_to_both_and_narrows() {
    if is_without_v6() {
        return;
    }
    let mut server = serve(&[&v4(0)], &Barrier::default());
    let port = server.addr().port();
    for (address, other) in [
        ((Ipv6Addr::UNSPECIFIED, port).into(), true),
        (v6(port), false),
        ((Ipv4Addr::UNSPECIFIED, port).into(), true),
        (v4(port), true),
    ] {
        server.rebind_on([Address::clone(&address)]).unwrap();
        assert_eq!(server.addresses(), std::slice::from_ref(&address));
        assert_eq!(!is_refused(&v4(port)), other, "{address}");
    }
    let _ = server.stop();
}

#[test]
fn both_loopbacks_at_one_port() {
    if is_without_v6() {
        return;
    }
    let server = serve(&[&v4(0)], &Barrier::default());
    let port = server.addr().port();
    let mut server = server;
    server.rebind_on([v4(port), v6(port)]).unwrap();
    assert!(get(&v4(port), "/").contains("127.0.0.1"));
    assert!(get(&v6(port), "/").contains("::1"));
    let _ = server.stop();
}

#[test]
fn a_name_is_the_first_of_its_addresses() {
    let server = Server::new("localhost:0", echo).unwrap();
    let addresses = server.addresses();
    assert_eq!(addresses, [Address::from(server.server_addr())]);
    let (handle, stop) = server.stoppable();
    assert!(get(&addresses[0], "/").starts_with("/ from "));
    drop(stop);
    finishes(SLACK, move || handle.join().unwrap());
}
