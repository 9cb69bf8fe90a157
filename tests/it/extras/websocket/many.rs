//! Many websockets at once.

use super::client::Peer;
use super::{echo, serve_few};
use crate::support::eventually;

/// As many as are allowed are open and answer; then their places are free again.
#[test]
fn many_are_open_at_once_and_leave_nothing_behind() {
    const MANY: usize = 200;
    let server = serve_few(MANY, echo);
    for round in 0..2 {
        let mut peers: Vec<Peer> = (0..MANY).map(|_| connect(&server)).collect();
        for (peer, n) in peers.iter_mut().zip(0..) {
            peer.text(&format!("{round} {n}"));
        }
        for (peer, n) in peers.iter_mut().zip(0..) {
            peer.hears(&format!("{round} {n}"));
        }
        for peer in &mut peers {
            peer.close(1000).closed_with(1000).over();
        }
    }
}

/// The place of the one before it may not be free at once.
fn connect(server: &crate::support::Running) -> Peer {
    let peer = std::cell::RefCell::new(None);
    eventually("a place", || {
        let mut client = server.connect();
        client.send(super::client::ASK);
        let status = client.stream.peek(&mut [0; 12]).map(|_| ());
        assert!(status.is_ok());
        let mut start = [0; 12];
        let _ = client.stream.peek(&mut start);
        let switches = start.starts_with(b"HTTP/1.1 101");
        if switches {
            *peer.borrow_mut() = Some(Peer::switched(client));
        }
        switches
    });
    peer.into_inner().expect("it was found")
}
