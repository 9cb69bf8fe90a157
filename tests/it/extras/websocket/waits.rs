//! Every wait has an end: for a message, for a silent client, for a client that does not read.

use std::io::{ErrorKind, Write};
use std::sync::mpsc::{self, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use super::client::{frame, PING, PONG, TEXT};
use super::one;
use crate::support::{finishes, timed, GUARD, SLACK};
use millpond::websocket::{Message, SendError};

fn text(text: &str) -> Message {
    Message::Text(text.to_owned())
}

#[test]
fn recv_timeout_waits_so_long_and_no_longer() {
    let (_server, mut peer, mut socket) = one();
    let time = Duration::from_millis(60);
    for _ in 0..2 {
        let (nothing, took) = timed(|| socket.recv_timeout(time));
        assert_eq!(nothing, Err(RecvTimeoutError::Timeout));
        assert!(took >= time && took <= time + SLACK, "{took:?}");
    }
    peer.text("here").text("too");
    assert_eq!(socket.recv_timeout(GUARD), Ok(text("here")));
    assert_eq!(socket.recv_timeout(Duration::ZERO), Ok(text("too")));
    assert_eq!(
        socket.recv_timeout(Duration::ZERO),
        Err(RecvTimeoutError::Timeout)
    );
    // Half a message, or a control frame, does not extend the time.
    peer.client.send(&frame(TEXT, b"whole")[..8]);
    peer.send(0x89, b"");
    let (nothing, took) = timed(|| socket.recv_timeout(time));
    assert_eq!(nothing, Err(RecvTimeoutError::Timeout));
    assert!(took >= time && took <= time + SLACK, "{took:?}");
}

#[test]
fn a_message_is_found_by_any_way_of_waiting() {
    let (_server, mut peer, mut socket) = one();
    peer.client.send(&frame(TEXT, b"in two halves")[..9]);
    assert_eq!(
        socket.recv_timeout(Duration::from_millis(30)),
        Err(RecvTimeoutError::Timeout)
    );
    assert_eq!(socket.try_recv(), Err(TryRecvError::Empty));
    peer.client.send(&frame(TEXT, b"in two halves")[9..]);
    assert_eq!(socket.next(), Some(text("in two halves")));
    let large = "l".repeat(700_000);
    let bytes = frame(TEXT, large.as_bytes());
    let mut writer = peer.client.stream.try_clone().unwrap();
    let sending = thread::spawn(move || writer.write_all(&bytes).unwrap());
    let began = Instant::now();
    let found = loop {
        match socket.try_recv() {
            Err(TryRecvError::Empty) => {
                assert!(began.elapsed() < GUARD);
                thread::sleep(Duration::from_millis(1));
            }
            found => break found,
        }
    };
    assert!(found == Ok(text(&large)));
    sending.join().unwrap();
    peer.close(1000);
    assert_eq!(
        socket.recv_timeout(GUARD),
        Err(RecvTimeoutError::Disconnected)
    );
    assert_eq!(socket.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn try_recv_does_not_wait() {
    let (_server, mut peer, mut socket) = one();
    let ((), took) = timed(|| {
        for _ in 0..1000 {
            assert_eq!(socket.try_recv(), Err(TryRecvError::Empty));
        }
    });
    // A wait of the shortest kind would take a millisecond each time, or four.
    assert!(took < Duration::from_millis(900), "{took:?}");
    // The mode it reads in is not the one it is left in: sending waits for the client.
    let large = vec![0; 20_000_000];
    let sending = thread::spawn(move || socket.send_binary(&large).map(|()| socket));
    assert_eq!(
        peer.frame().map(|(_, payload)| payload.len()),
        Some(20_000_000)
    );
    let mut socket = sending.join().unwrap().expect("all of it was taken");
    peer.text("answer");
    assert_eq!(socket.next(), Some(text("answer")));
}

/// A client that never stops talking, and says nothing.
#[test]
fn a_flood_of_pings_does_not_hold_a_deadline_up() {
    let (_server, peer, mut socket) = one();
    let mut stream = peer.client.stream.try_clone().unwrap();
    let mut writer = peer.client.stream.try_clone().unwrap();
    let reading = thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    let flood = thread::spawn(move || {
        let pings = frame(PING, b"").repeat(1000);
        while writer.write_all(&pings).is_ok() {}
    });
    for _ in 0..3 {
        let time = Duration::from_millis(50);
        let (nothing, took) = timed(|| socket.recv_timeout(time));
        assert_eq!(nothing, Err(RecvTimeoutError::Timeout));
        assert!(took <= time + SLACK, "{took:?}");
    }
    drop(socket);
    flood.join().unwrap();
    let _ = reading.join().unwrap();
}

/// Silence is asked, and only silence twice over is the end.
#[test]
fn a_silent_client_is_pinged_and_then_left() {
    let (_server, mut peer, mut socket) = one();
    let idle = Duration::from_millis(150);
    socket.set_idle_timeout(Some(idle));
    let (sender, over) = mpsc::channel();
    let receiving = thread::spawn(move || {
        assert_eq!(socket.next(), None);
        sender.send(Instant::now()).unwrap();
        assert!(socket.is_closed());
        assert_eq!(socket.close_reason(), None);
    });
    for _ in 0..3 {
        assert_eq!(peer.frame(), Some((PING, vec![])));
        peer.send(PONG, b"");
    }
    let began = Instant::now();
    assert_eq!(peer.frame(), Some((PING, vec![])));
    let ended = over.recv_timeout(GUARD).expect("the end");
    let took = ended - began;
    assert!(took >= idle && took <= 2 * idle + SLACK, "{took:?}");
    peer.over();
    receiving.join().unwrap();
}

#[test]
fn who_talks_is_not_pinged() {
    let (_server, mut peer, mut socket) = one();
    socket.set_idle_timeout(Some(Duration::from_millis(1500)));
    for _ in 0..10 {
        peer.text("still here");
        assert_eq!(socket.recv_timeout(GUARD), Ok(text("still here")));
        let nothing = socket.recv_timeout(Duration::from_millis(200));
        assert_eq!(nothing, Err(RecvTimeoutError::Timeout));
    }
    assert!(peer.hears_nothing());
}

#[test]
fn who_polls_notices_silence_too() {
    let (_server, mut peer, mut socket) = one();
    socket.set_idle_timeout(Some(Duration::from_millis(40)));
    let polling = thread::spawn(move || {
        while socket.try_recv() == Err(TryRecvError::Empty) {
            thread::sleep(Duration::from_millis(1));
        }
        socket.try_recv()
    });
    assert_eq!(peer.frame(), Some((PING, vec![])));
    peer.over();
    let last = finishes(GUARD, move || polling.join().unwrap());
    assert_eq!(last, Err(TryRecvError::Disconnected));
}

#[test]
fn silence_may_be_allowed() {
    let (_server, mut peer, mut socket) = one();
    socket.set_idle_timeout(None);
    let time = Duration::from_millis(100);
    assert_eq!(socket.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    assert!(peer.hears_nothing());
    peer.text("at last");
    assert_eq!(socket.next(), Some(text("at last")));
}

/// The kernel takes some; then it is the client's turn, and it does not read.
#[test]
fn who_does_not_read_is_cut() {
    let (_server, mut peer, mut socket) = one();
    let time = Duration::from_millis(200);
    socket.set_write_timeout(time);
    let piece = vec![0; 60_000];
    let began = Instant::now();
    let (error, took) = finishes(GUARD * 4, move || loop {
        let (sent, took) = timed(|| socket.send_binary(&piece));
        match sent {
            Ok(()) => assert!(began.elapsed() < GUARD * 3),
            Err(error) => {
                assert!(socket.is_closed());
                assert!(matches!(socket.send_text("x"), Err(SendError::Closed)));
                assert_eq!(socket.next(), None);
                break (error, took);
            }
        }
    });
    match error {
        SendError::IoError(e) => assert_eq!(e.kind(), ErrorKind::TimedOut),
        SendError::Closed => panic!("it was closed before"),
    }
    assert!(took >= time && took <= time + SLACK, "{took:?}");
    // The messages that were sent are whole, except for the last frame.
    let _ = peer.client.rest();
}

/// One that reads slowly, but reads, gets the time that a large message takes.
#[test]
fn who_reads_slowly_gets_it_whole() {
    let (_server, mut peer, mut socket) = one();
    let time = Duration::from_millis(700);
    socket.set_write_timeout(time);
    let large: Vec<u8> = (0..30_000_000_u32).map(|i| (i >> 8) as u8).collect();
    let copy = large.clone();
    let sending = thread::spawn(move || timed(|| socket.send_binary(&copy).map(|()| socket)));
    let head = peer.client.take(10).expect("a head");
    assert_eq!(head[..2], [0x82, 127]);
    for piece in large.chunks(1_500_000) {
        thread::sleep(time / 10);
        assert!(peer.client.take(piece.len()).expect("some more") == piece);
    }
    let (sent, took) = sending.join().unwrap();
    sent.expect("all of it was taken");
    assert!(took > time, "{took:?}: it was not slow enough to tell");
}
