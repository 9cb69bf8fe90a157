//! The end of a websocket: the side that closes, the code that the other side gets, and the
//! connection.

use std::io::{ErrorKind, Read, Write};
use std::sync::mpsc;
use std::thread;

use super::client::{frame, Peer, ASK, CLOSE, PING, TEXT};
use super::{delivering, echo, give, serve_few, serve_sockets};
use crate::support::{eventually, finishes, serve, serve_routes, timed, Client, GUARD, SLACK};
use millpond::websocket::{self, Message, SendError, Websocket};
use millpond::{Response, Route};
use std::time::Duration;

#[test]
fn the_clients_close_is_told_with_its_code() {
    let (server, sockets) = delivering();
    for (payload, want) in [
        (&b"\x0f\xa1done"[..], (4001, "done")),
        (b"\x03\xe8", (1000, "")),
        (b"", (1005, "")),
    ] {
        let mut peer = Peer::connect(server.addr);
        let mut socket = sockets.recv_timeout(GUARD).unwrap();
        assert_eq!(socket.close_reason(), None);
        peer.text("one").text("two").send(CLOSE, payload);
        let said: Vec<Message> = socket.by_ref().collect();
        assert_eq!(said, ["one", "two"].map(|t| Message::Text(t.to_owned())));
        assert_eq!(socket.close_reason(), Some(want));
        assert!(socket.is_closed());
        assert!(matches!(socket.send_text("x"), Err(SendError::Closed)));
        assert_eq!(socket.next(), None);
        // The socket is closed, though the value is still here.
        assert_eq!(
            peer.frame(),
            Some((CLOSE, payload[..payload.len().min(2)].to_vec()))
        );
        peer.over();
    }
}

/// Messages in front of the end are not lost, whatever the end is.
#[test]
fn an_end_without_a_close_frame_has_no_reason() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    peer.text("last").client.finish_sending();
    assert_eq!(socket.next(), Some(Message::Text("last".to_owned())));
    assert_eq!(socket.next(), None);
    assert_eq!(socket.close_reason(), None);
    assert!(socket.is_closed());
    peer.over();
}

#[test]
fn the_servers_close_is_answered_and_what_came_before_is_heard() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    socket.close(4002, "enough").unwrap();
    assert!(socket.is_closed());
    assert!(matches!(socket.send_text("x"), Err(SendError::Closed)));
    assert!(matches!(socket.close(1000, ""), Err(SendError::Closed)));
    assert_eq!(peer.frame(), Some((CLOSE, b"\x0f\xa2enough".to_vec())));
    // The websocket had not read that yet: pings get no answer any more, messages still arrive.
    peer.text("under way").send(PING, b"?").close(4002);
    assert_eq!(socket.next(), Some(Message::Text("under way".to_owned())));
    assert_eq!(socket.next(), None);
    assert_eq!(socket.close_reason(), Some((4002, "")));
    peer.over();
}

#[test]
fn a_client_that_does_not_answer_is_left_after_two_seconds() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    socket.close(1000, "").unwrap();
    let (last, time) = timed(|| socket.next());
    assert_eq!(last, None);
    assert!(time >= Duration::from_millis(1900), "{time:?}");
    assert!(time <= Duration::from_secs(2) + SLACK, "{time:?}");
    peer.closed_with(1000).over();
}

/// It goes on sending into the open: it is read for two seconds, and no longer.
#[test]
fn who_broke_a_rule_and_goes_on_is_left_after_two_seconds() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    peer.client.send(b"\xff");
    let mut writer = peer.client.stream.try_clone().unwrap();
    let flood = thread::spawn(move || {
        let junk = [0; 10_000];
        while writer.write_all(&junk).is_ok() {}
    });
    let (last, time) = timed(|| finishes(GUARD, move || socket.next()));
    assert_eq!(last, None);
    assert!(time <= Duration::from_secs(2) + SLACK, "{time:?}");
    flood.join().unwrap();
}

/// It need not close to see that nothing more will come.
#[test]
fn who_broke_a_rule_sees_the_end_at_once() {
    let server = serve_sockets(echo);
    let mut peer = Peer::connect(server.addr);
    peer.client.send(b"\xff");
    let ((), time) = timed(|| peer.closed_with(1002).over());
    assert!(time <= SLACK, "{time:?}");
}

/// It may not have seen the close frame yet, but not for ever.
#[test]
fn who_goes_on_talking_is_left_after_two_seconds() {
    let (server, sockets) = delivering();
    let peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    socket.close(1000, "").unwrap();
    let mut writer = peer.client.stream.try_clone().unwrap();
    let talking = thread::spawn(move || {
        let words = frame(TEXT, b"and another thing").repeat(100);
        while writer.write_all(&words).is_ok() {}
    });
    let (count, time) = timed(|| finishes(GUARD, move || socket.by_ref().count()));
    assert!(count > 0);
    assert!(time >= Duration::from_millis(1900), "{time:?}");
    assert!(time <= Duration::from_secs(2) + SLACK, "{time:?}");
    talking.join().unwrap();
}

#[test]
fn dropping_it_closes() {
    for (code, act) in [
        (1000, echo as fn(Websocket)),
        (1011, |mut socket| {
            socket.next();
            // Not `panic!`, which would write to the test's output.
            std::panic::resume_unwind(Box::new("a bug"));
        }),
    ] {
        let server = serve_sockets(move |mut socket| match code {
            1000 => drop(socket.next()),
            _ => act(socket),
        });
        let mut peer = Peer::connect(server.addr);
        peer.text("go").closed_with(code).over();
    }
}

/// Unread messages of the client do not hide the close frame.
#[test]
fn what_was_said_last_is_heard_though_not_all_was_listened_to() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    let (short, long) = (frame(TEXT, b"?"), frame(TEXT, &[b'x'; 30_000]));
    peer.client.send([short, long].concat());
    assert_eq!(socket.next(), Some(Message::Text("?".to_owned())));
    // Less than the kernel takes at once, more than it sends to a client that does not read.
    let answer = vec![7; 400_000];
    socket.send_binary(&answer).unwrap();
    drop(socket);
    let heard = peer.frame().map(|(_, payload)| payload == answer);
    assert_eq!(heard, Some(true));
    peer.closed_with(1000).over();
}

#[test]
fn who_does_not_wait_for_it_closes_it() {
    let server = serve(|request| match websocket::start(request, None::<&str>) {
        Ok((response, _)) => response,
        Err(_) => Response::empty_400(),
    });
    Peer::connect(server.addr).closed_with(1000).over();
}

#[test]
fn a_response_that_is_not_sent_ends_the_channel() {
    let (sender, ends) = mpsc::sync_channel(1);
    let server = serve(move |request| {
        let (_, receiver) = websocket::start(request, None::<&str>).expect("it asks for one");
        sender.send(receiver).unwrap();
        Response::text("not today")
    });
    let mut client = Client::connect(server.addr);
    assert_eq!(client.send(ASK).response().text(), "not today");
    assert!(ends.recv().unwrap().recv().is_err());
}

/// The place is free when the websocket is over, not when its owner is done with it.
#[test]
fn what_is_over_takes_no_place() {
    let (sender, sockets) = mpsc::sync_channel(16);
    let server = serve_few(1, move |mut socket: Websocket| {
        while socket.next().is_some() {}
        let sender_of_it = socket.sender();
        sender.send((socket, sender_of_it)).unwrap();
    });
    let mut kept = Vec::new();
    for _ in 0..3 {
        let mut peer = Peer::connect(server.addr);
        let other = Client::connect(server.addr).send(ASK).response();
        assert_eq!(other.status, 503);
        peer.close(1000).closed_with(1000).over();
        kept.push(sockets.recv_timeout(GUARD).unwrap());
    }
    for (socket, sender) in &mut kept {
        assert!(socket.is_closed() && sender.is_closed());
        assert!(matches!(sender.send_text(""), Err(SendError::Closed)));
        assert!(matches!(sender.close(1000, ""), Err(SendError::Closed)));
    }
}

/// As in the documentation of the module: the server stops, and then every socket is closed.
#[test]
fn a_server_that_goes_away_can_say_so() {
    let (sender, sockets) = mpsc::sync_channel(16);
    let act = move |socket: Websocket| {
        sender.send(socket.sender()).unwrap();
        echo(socket);
    };
    let server = serve_routes(vec![
        Route::get("/ws").onconnect(move |request| give(request, &act))
    ]);
    let mut peers: Vec<Peer> = (0..3).map(|_| Peer::connect(server.addr())).collect();
    let senders: Vec<_> = peers
        .iter()
        .map(|_| sockets.recv_timeout(GUARD).unwrap())
        .collect();
    let monitor = server.monitor();
    server.stop();
    peers[0].text("still there").hears("still there");
    for sender in &senders {
        sender.close(1001, "the server stops").unwrap();
    }
    for peer in &mut peers {
        peer.closed_with(1001).close(1001).over();
    }
    eventually("all are gone", || monitor.stats().upgraded == 0);
}

/// The client resets the connection.
#[test]
fn a_reset_is_an_end() {
    let (server, sockets) = delivering();
    let mut peer = Peer::connect(server.addr);
    let mut socket = sockets.recv_timeout(GUARD).unwrap();
    socket.send_text("unread").unwrap();
    peer.text("last");
    peer.client.stream.set_nonblocking(true).unwrap();
    eventually("the message is there", || {
        let peeked = peer.client.stream.peek(&mut [0]);
        !matches!(peeked, Err(e) if e.kind() == ErrorKind::WouldBlock)
    });
    assert_eq!(socket.next(), Some(Message::Text("last".to_owned())));
    // Unread data turns the client's end into a reset.
    let Peer { client } = peer;
    drop(client);
    assert_eq!(finishes(GUARD, move || socket.next()), None);
}

/// A program that never heard of websockets' seam: a plain `Upgrade` as before.
#[test]
fn a_websocket_works_on_anything_that_reads_and_writes() {
    let request = {
        let fields = ASK.lines().skip(1).filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        millpond::Request::fake_http("GET", "/ws", fields.collect(), vec![])
    };
    let (response, receiver) = websocket::start(&request, None::<&str>).unwrap();
    struct Tape(std::io::Cursor<Vec<u8>>, mpsc::Sender<u8>);
    impl Read for Tape {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.read(buf)?;
            assert!(count > 0, "who reads behind the end may wait for ever");
            Ok(count)
        }
    }
    impl Write for Tape {
        fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
            buf.iter().for_each(|&byte| self.1.send(byte).unwrap());
            Ok(buf.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (written, tape) = mpsc::channel();
    let said = [
        super::client::frame(0x81, b"hello"),
        super::client::frame(0x88, b""),
    ]
    .concat();
    let mut upgrade = response.upgrade.expect("somebody to take over");
    upgrade.build(Box::new(Tape(std::io::Cursor::default(), written.clone())));
    drop(receiver.recv().unwrap());
    upgrade.build(Box::new(Tape(std::io::Cursor::new(said), written)));
    let mut socket = receiver.recv().unwrap();
    assert_eq!(socket.next(), Some(Message::Text("hello".to_owned())));
    socket.send_text("you too").unwrap();
    assert_eq!(socket.next(), None);
    drop((socket, upgrade, receiver));
    let bytes: Vec<u8> = tape.iter().collect();
    assert_eq!(bytes, b"\x88\x02\x03\xe8\x81\x07you too\x88\x00");
}
