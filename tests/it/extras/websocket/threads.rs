//! Several threads on one websocket: one that receives, others that send.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::client::{lossy, PING, PONG, TEXT};
use super::one;
use crate::support::{finishes, timed, GUARD, SLACK};
use millpond::websocket::{Message, SendError};

#[test]
fn one_sends_while_another_waits() {
    let (_server, mut peer, mut socket) = one();
    let sender = socket.sender();
    let waiting = thread::spawn(move || (socket.next(), socket));
    sender.send_text("unasked").unwrap();
    peer.hears("unasked");
    sender.ping(b"there?").unwrap();
    assert_eq!(peer.frame(), Some((PING, b"there?".to_vec())));
    sender.send_binary(b"\0").unwrap();
    assert_eq!(peer.frame(), Some((0x82, vec![0])));
    peer.send(PONG, b"there?").text("heard");
    let (heard, _socket) = waiting.join().unwrap();
    assert_eq!(heard, Some(Message::Text("heard".to_owned())));
}

/// Each message is whole, and each thread's are in order; pongs are among them.
#[test]
fn messages_of_many_threads_do_not_mix() {
    const EACH: usize = 200;
    let (_server, mut peer, mut socket) = one();
    let sending: Vec<_> = (0..4)
        .map(|name| {
            let sender = socket.sender();
            thread::spawn(move || {
                for n in 0..EACH {
                    // Some messages are larger than the socket's buffer.
                    let tail = "x".repeat(n * n * 7 % 90_000);
                    sender.send_text(&format!("{name} {n} {tail}")).unwrap();
                }
            })
        })
        .collect();
    let receiving = thread::spawn(move || assert_eq!(socket.next(), None));
    let mut next = BTreeMap::new();
    let (mut asked, mut pongs, mut seen) = (0, 0, 0);
    while seen < 4 * EACH {
        if seen % 40 == asked {
            peer.send(PING, b"between");
            asked += 1;
        }
        match peer.frame().expect("a frame") {
            (TEXT, payload) => {
                let text = lossy(&payload);
                let mut parts = text.split(' ');
                let name = parts.next().unwrap().to_owned();
                let n: usize = parts.next().unwrap().parse().unwrap();
                let tail = parts.next().unwrap();
                assert_eq!(tail.len(), n * n * 7 % 90_000);
                let due: &mut usize = next.entry(name).or_default();
                assert_eq!(n, *due);
                *due += 1;
                seen += 1;
            }
            (PONG, payload) => {
                assert_eq!(payload, b"between");
                pongs += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    sending
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    while pongs < asked {
        assert_eq!(peer.frame(), Some((PONG, b"between".to_vec())));
        pongs += 1;
    }
    peer.close(1000).closed_with(1000).over();
    receiving.join().unwrap();
}

#[test]
fn one_closes_while_another_waits() {
    let (_server, mut peer, mut socket) = one();
    let sender = socket.sender();
    let waiting = thread::spawn(move || {
        let said: Vec<Message> = socket.by_ref().collect();
        (said, socket.close_reason().map(|(code, _)| code))
    });
    sender.close(4000, "").unwrap();
    assert!(sender.is_closed());
    assert!(matches!(sender.send_text("late"), Err(SendError::Closed)));
    peer.closed_with(4000).text("last").close(4000).over();
    let (said, code) = finishes(GUARD, move || waiting.join().unwrap());
    assert_eq!(said, [Message::Text("last".to_owned())]);
    assert_eq!(code, Some(4000));
}

/// It waits already, so it notices when it looks up: after the idle timeout.
#[test]
fn one_that_waits_already_leaves_a_client_that_does_not_answer() {
    let (_server, mut peer, mut socket) = one();
    let idle = Duration::from_millis(2500);
    socket.set_idle_timeout(Some(idle));
    let sender = socket.sender();
    let waiting = thread::spawn(move || timed(|| socket.next()));
    sender.close(1001, "").unwrap();
    peer.closed_with(1001);
    let (last, took) = finishes(GUARD * 2, move || waiting.join().unwrap());
    assert_eq!(last, None);
    assert!(took <= idle + Duration::from_secs(2) + SLACK, "{took:?}");
    peer.over();
}

#[test]
fn senders_do_not_keep_it_open() {
    let (_server, mut peer, socket) = one();
    let sender = socket.sender();
    let copy = sender.clone();
    drop(socket);
    peer.closed_with(1000).over();
    for sender in [sender, copy] {
        assert!(sender.is_closed());
        assert!(matches!(sender.send_text(""), Err(SendError::Closed)));
    }
}

/// A thread is stuck in sending to a client that does not read: the one that drops the websocket
/// does not wait for it, and it ends.
#[test]
fn dropping_it_ends_who_is_stuck_in_sending() {
    let (_server, mut peer, mut socket) = one();
    socket.set_write_timeout(GUARD * 10);
    let sender = socket.sender();
    let (told, began) = mpsc::channel();
    let stuck = thread::spawn(move || {
        let piece = vec![0; 1_000_000];
        loop {
            told.send(()).unwrap();
            if let Err(error) = sender.send_binary(&piece) {
                return error;
            }
        }
    });
    // When no more pieces begin it is stuck in one.
    while began.recv_timeout(Duration::from_millis(300)).is_ok() {}
    let ((), took) = timed(|| drop(socket));
    assert!(took <= SLACK, "{took:?}");
    finishes(GUARD, move || stuck.join().unwrap());
    let _ = peer.client.rest();
}
