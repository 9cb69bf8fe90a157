//! Valid and invalid frames of a client, against a server that sends everything back. The sections
//! are those of RFC 6455.

use std::io::Write;

use super::client::{frame, Frame, Peer, ASK, BINARY, CLOSE, PING, PONG, TEXT};
use super::{echo, serve_sockets};
use crate::support::Client;

/// The bytes of the client, and the frames before the end. The client itself closes with 1000.
struct Row {
    name: &'static str,
    sends: Vec<Vec<u8>>,
    hears: Vec<Frame>,
    /// The code that the server closes with.
    code: u16,
}

fn row(name: &'static str, sends: Vec<Vec<u8>>, hears: Vec<Frame>, code: u16) -> Row {
    Row {
        name,
        sends,
        hears,
        code,
    }
}

fn text(text: &str) -> Frame {
    (TEXT, text.as_bytes().to_vec())
}

fn rows() -> Vec<Row> {
    let (kib, long) = (vec![0xfe; 1024], "*".repeat(65_536));
    let full = [b'p'; 125];
    vec![
        // §5.6
        row("empty text", vec![frame(TEXT, b"")], vec![text("")], 1000),
        row(
            "both kinds",
            vec![frame(TEXT, long.as_bytes()), frame(BINARY, &kib)],
            vec![text(&long), (BINARY, kib.clone())],
            1000,
        ),
        // §5.5.2, §5.5.3
        row(
            "pings are answered in turn, pongs are not",
            vec![
                frame(PING, b""),
                frame(PONG, b"unasked"),
                frame(PING, &full),
                frame(TEXT, b"then"),
                frame(PING, b"\0\xff"),
            ],
            vec![
                (PONG, vec![]),
                (PONG, full.to_vec()),
                text("then"),
                (PONG, vec![0, 0xff]),
            ],
            1000,
        ),
        row(
            "a ping too long",
            vec![frame(PING, &[0; 126])],
            vec![],
            1002,
        ),
        // §5.2
        row(
            "a reserved bit, behind a message",
            vec![frame(TEXT, b"good"), frame(0xc1, b"bad"), frame(PING, b"")],
            vec![text("good")],
            1002,
        ),
        row("all bits", vec![frame(0xf9, b"")], vec![], 1002),
        row(
            "a reserved opcode",
            vec![frame(0x83, b"data")],
            vec![],
            1002,
        ),
        row("a reserved control", vec![frame(0x8f, b"")], vec![], 1002),
        row("no mask", vec![b"\x81\x01a".to_vec()], vec![], 1002),
        // §5.4
        row(
            "fragments with a ping between",
            vec![frame(0x01, b"a"), frame(PING, b"x"), frame(0x80, b"b")],
            vec![(PONG, b"x".to_vec()), text("ab")],
            1000,
        ),
        row("half a ping", vec![frame(0x09, b"a")], vec![], 1002),
        row("the end of nothing", vec![frame(0x80, b"a")], vec![], 1002),
        row(
            "text within text",
            vec![frame(0x01, b"a"), frame(TEXT, b"b")],
            vec![],
            1002,
        ),
        // §8.1
        row(
            "letters",
            vec![frame(TEXT, "\u{3ba}\u{1f57}\u{10ffff}\0".as_bytes())],
            vec![text("\u{3ba}\u{1f57}\u{10ffff}\0")],
            1000,
        ),
        row(
            "no letters, in a message that does not end",
            vec![frame(0x01, b"\xce\xba\xed"), frame(0x00, b"\xa0")],
            vec![],
            1007,
        ),
        row(
            "half a letter",
            vec![frame(TEXT, b"\xe2\x82")],
            vec![],
            1007,
        ),
        // §5.5.1, §7.4
        row("1 byte", vec![frame(CLOSE, b"\x03")], vec![], 1002),
        row(
            "a code of nobody",
            vec![frame(CLOSE, &1005_u16.to_be_bytes())],
            vec![],
            1002,
        ),
        row(
            "a reason that is no text",
            vec![frame(CLOSE, b"\x03\xe8\xff")],
            vec![],
            1007,
        ),
        row(
            "its own code comes back, and nothing behind it",
            vec![frame(CLOSE, b"\x0f\xa0bye"), frame(TEXT, b"late")],
            vec![],
            4000,
        ),
        // §7.4.1
        row(
            "too big, told by its head",
            vec![b"\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0".to_vec()],
            vec![],
            1009,
        ),
    ]
}

/// As one write, and byte by byte.
#[test]
fn what_a_client_may_send_and_what_not() {
    let server = serve_sockets(echo);
    for Row {
        name,
        sends,
        hears,
        code,
    } in rows()
    {
        let mut bytes = sends.concat();
        bytes.extend(frame(CLOSE, &1000_u16.to_be_bytes()));
        let pieces = if bytes.len() < 1000 { 1 } else { bytes.len() };
        for size in [bytes.len(), pieces] {
            println!("{name}, {size} at once");
            let mut peer = Peer::connect(server.addr);
            for piece in bytes.chunks(size) {
                // It may have been refused already.
                let _ = peer.client.try_send(piece);
            }
            for want in &hears {
                assert_eq!(peer.frame().as_ref(), Some(want), "{name}");
            }
            peer.closed_with(code).over();
        }
    }
}

#[test]
fn a_close_frame_without_a_code_is_answered_without() {
    let server = serve_sockets(echo);
    let mut peer = Peer::connect(server.addr);
    assert_eq!(peer.send(CLOSE, b"").frame(), Some((CLOSE, vec![])));
    peer.over();
}

#[test]
fn frames_may_come_with_the_request() {
    let server = serve_sockets(echo);
    let mut client = Client::connect(server.addr);
    let long = "l".repeat(9000);
    let early = [frame(TEXT, b"early"), frame(TEXT, long.as_bytes())].concat();
    client.send([ASK.as_bytes(), &early].concat());
    Peer::switched(client).hears("early").hears(&long);
}

/// The mebibyte that is allowed, and a byte more in its last fragment.
#[test]
fn a_message_is_a_mebibyte_at_most() {
    const MOST: usize = 1024 * 1024;
    let server = serve_sockets(echo);
    let mut peer = Peer::connect(server.addr);
    let full = vec![7; MOST];
    let copy = full.clone();
    let mut writer = peer.client.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for piece in copy.chunks(100_000) {
            let first = if piece[..].as_ptr() == copy.as_ptr() {
                0x02
            } else {
                0x00
            };
            writer.write_all(&frame(first, piece)).unwrap();
        }
        writer.write_all(&frame(0x80, b"")).unwrap();
        writer.write_all(&frame(0x02, &copy)).unwrap();
        writer.write_all(&frame(0x80, b"x")).unwrap();
    });
    let (first, back) = peer.frame().expect("the message");
    assert!(first == BINARY && back == full);
    peer.closed_with(1009).over();
    sending.join().unwrap();
}

/// The client gets the close code before its further bytes turn the end into a reset.
#[test]
fn who_sends_too_much_is_told_so() {
    let server = serve_sockets(echo);
    for _ in 0..20 {
        let mut peer = Peer::connect(server.addr);
        let _ = peer.client.try_send(frame(BINARY, &vec![0; 3_000_000]));
        peer.closed_with(1009).over();
    }
}

#[test]
fn what_asks_for_no_websocket_is_told_what_to_ask_for() {
    let server = serve_sockets(echo);
    let mut client = Client::connect(server.addr);
    let reply = client.send(ASK.replace("13", "12")).response();
    assert_eq!(reply.status, 426);
    assert_eq!(reply.header("Sec-WebSocket-Version"), Some("13"));
    assert_eq!(reply.header("Upgrade"), Some("websocket"));
    assert_eq!(reply.header("Connection"), Some("upgrade"));
    let reply = client.send(ASK.replace("dGhl", "!")).response();
    assert_eq!(reply.status, 400);
    client.send(ASK);
    let mut peer = Peer::switched(client);
    peer.text("now").hears("now");
    let old = ASK.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(
        Client::connect(server.addr).send(old).response().status,
        400
    );
}
