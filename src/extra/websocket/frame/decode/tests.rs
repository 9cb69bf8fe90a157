//! Tables by the sections of RFC 6455: a client's bytes, and the events that they contain. Each row
//! is fed whole, byte by byte, split at each byte, and truncated at each byte.

use super::*;
use crate::extra::websocket::frame::head::write_head;

const MAX_BYTES: usize = 200_000;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Returns a client's frame. The low bits of `first` are the opcode, the high bits FIN and RSV.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let (head, size) = write_head(Opcode::Binary, payload.len());
    let mut frame = head[..size].to_vec();
    frame[0] = first;
    frame[1] |= 0x80;
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// Returns all events up to a close frame or a fault.
fn feed(pieces: &[&[u8]], max: usize) -> (Vec<Event>, Option<Fault>) {
    let mut decoder = Decoder::new(max);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = piece.to_vec();
        let mut at = 0;
        while at < input.len() {
            match decoder.decode(&mut input[at..]) {
                Ok((count, event)) => {
                    assert!(count > 0, "the decoder makes progress");
                    at += count;
                    let closes = matches!(event, Some(Event::Close(..)));
                    events.extend(event);
                    if closes {
                        return (events, None);
                    }
                }
                Err(fault) => return (events, Some(fault)),
            }
        }
    }
    (events, None)
}

fn check(name: &str, bytes: &[u8], want: &[Event], fault: Option<Fault>) {
    let want = (want, fault);
    let same = |pieces: &[&[u8]], how: &str| {
        let (events, fault) = feed(pieces, MAX_BYTES);
        assert_eq!((events.as_slice(), fault), want, "{name}: {how}");
    };
    same(&[bytes], "whole");
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    same(&each, "byte by byte");
    let step = 1 + bytes.len() / 500;
    for at in (0..bytes.len()).step_by(step) {
        let (head, tail) = bytes.split_at(at);
        same(&[head, tail], &format!("split at {at}"));
        let (events, fault) = feed(&[head], MAX_BYTES);
        assert!(events.len() <= want.0.len(), "{name}: cut at {at}");
        assert_eq!(events, want.0[..events.len()], "{name}: cut at {at}");
        assert!(fault.is_none() || fault == want.1, "{name}: cut at {at}");
    }
}

fn text(text: &str) -> Event {
    Event::Message(Message::Text(text.to_owned()))
}

fn binary(bytes: &[u8]) -> Event {
    Event::Message(Message::Binary(bytes.to_vec()))
}

fn ping(data: &[u8]) -> Event {
    Event::Ping(data.to_vec())
}

/// §5.2, §5.6: one frame, with all three forms of the length.
#[test]
fn a_frame_is_a_message() {
    for length in [0, 1, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let name = format!("{length} bytes");
        check(&name, &frame(0x82, &payload), &[binary(&payload)], None);
        let stars = "*".repeat(length);
        let is_text = frame(0x81, stars.as_bytes());
        check(&name, &is_text, &[text(&stars)], None);
    }
    let two = [frame(0x81, b"one"), frame(0x82, b"two")].concat();
    check("two", &two, &[text("one"), binary(b"two")], None);
}

/// §5.4, §5.5: fragments, and control frames between them.
#[test]
fn fragments_are_joined_across_control_frames() {
    let full = [b'p'; 125];
    for (name, frames, want) in [
        (
            "two fragments",
            vec![frame(0x01, b"frag"), frame(0x80, b"ment")],
            vec![text("fragment")],
        ),
        (
            "empty ones",
            vec![frame(0x01, b""), frame(0x00, b""), frame(0x80, b"")],
            vec![text("")],
        ),
        (
            "an empty last one",
            vec![frame(0x02, b"ab"), frame(0x00, b"c"), frame(0x80, b"")],
            vec![binary(b"abc")],
        ),
        (
            "pings and pongs between",
            vec![
                frame(0x01, b"a"),
                frame(0x89, b"1"),
                frame(0x00, b"b"),
                frame(0x8a, b"2"),
                frame(0x89, &full),
                frame(0x80, b"c"),
                frame(0x89, b""),
            ],
            vec![ping(b"1"), Event::Pong, ping(&full), text("abc"), ping(b"")],
        ),
        (
            "a close between, and later frames are not read",
            vec![
                frame(0x01, b"a"),
                frame(0x88, b"\x03\xe8bye"),
                frame(0x80, b"b"),
            ],
            vec![Event::Close(Some(1000), "bye".to_owned())],
        ),
        (
            "a character in many pieces",
            vec![
                frame(0x01, b"\xf0"),
                frame(0x89, b"\xff"),
                frame(0x00, b"\x9f\xa6"),
                frame(0x00, b""),
                frame(0x80, b"\x86"),
            ],
            vec![ping(b"\xff"), text("\u{1f986}")],
        ),
        (
            "bytes need not be UTF-8",
            vec![frame(0x02, b"\xff"), frame(0x80, b"\xc3")],
            vec![binary(b"\xff\xc3")],
        ),
    ] {
        check(name, &frames.concat(), &want, None);
    }
}

/// §5.2, §5.4, §5.5: a violation is a fault with code 1002. Earlier messages count.
#[test]
fn a_protocol_violation_is_1002() {
    let before = frame(0x81, b"before");
    let unmasked = b"\x81\x05Hello".to_vec();
    for (reason, frames) in [
        ("reserved bit set", vec![frame(0xc1, b"")]),
        ("reserved bit set", vec![frame(0xa9, b"ping")]),
        (
            "reserved bit set",
            vec![frame(0x01, b"a"), frame(0x90, b"b")],
        ),
        ("reserved opcode", vec![frame(0x83, b"")]),
        ("reserved opcode", vec![frame(0x8b, b"data")]),
        ("reserved opcode", vec![frame(0x01, b"a"), frame(0x87, b"")]),
        ("fragmented control frame", vec![frame(0x09, b"")]),
        ("fragmented control frame", vec![frame(0x08, b"\x03\xe8")]),
        (
            "control frame payload above 125 bytes",
            vec![frame(0x89, &[0; 126])],
        ),
        (
            "control frame payload above 125 bytes",
            vec![frame(0x88, &[0; 126])],
        ),
        ("frame not masked", vec![unmasked]),
        ("continuation without message", vec![frame(0x80, b"a")]),
        ("continuation without message", vec![frame(0x00, b"")]),
        (
            "continuation without message",
            vec![frame(0x01, b""), frame(0x80, b""), frame(0x80, b"")],
        ),
        (
            "new message before end of last",
            vec![frame(0x01, b""), frame(0x01, b"")],
        ),
        (
            "new message before end of last",
            vec![frame(0x01, b""), frame(0x81, b"")],
        ),
        (
            "new message before end of last",
            vec![frame(0x02, b"a"), frame(0x82, b"b")],
        ),
        (
            "close frame with 1-byte payload",
            vec![frame(0x88, b"\x03")],
        ),
    ] {
        // A message that ended before the fault is still an event.
        let mut want = vec![text("before")];
        if frames.len() == 3 {
            want.push(text(""));
        }
        let bytes = [before.clone(), frames.concat()].concat();
        check(reason, &bytes, &want, Some(protocol_error(reason)));
    }
}

/// §8.1: at the first invalid byte, before the end of the frame and of the message.
#[test]
fn invalid_utf8_is_1007_at_the_first_invalid_byte() {
    for bad in [
        &b"\xce\xba\xe1\xbd\xb9\xf4\x90"[..],
        b"\xed\xa0",
        b"\xc0",
        b"\xf5",
        b"ok\xff",
    ] {
        let longer = [bad, b"and more"].concat();
        let mut bytes = frame(0x01, &longer);
        check("whole", &bytes, &[], Some(INVALID_UTF8));
        bytes.truncate(bytes.len() - b"and more".len());
        check("its beginning", &bytes, &[], Some(INVALID_UTF8));
        let each: Vec<u8> = bad.iter().flat_map(|&b| frame(0x00, &[b])).collect();
        let bytes = [frame(0x01, b""), each].concat();
        check("a frame for each byte", &bytes, &[], Some(INVALID_UTF8));
    }
    for cut in [&b"\xc3"[..], b"a\xe2\x82", b"\xf0\x9f\xa6"] {
        check("cut off", &frame(0x81, cut), &[], Some(INVALID_UTF8));
        let open = frame(0x01, cut);
        check("valid so far", &open, &[], None);
        let bytes = [open, frame(0x80, b"")].concat();
        check("cut off by an empty end", &bytes, &[], Some(INVALID_UTF8));
    }
}

/// §5.5.1, §7.4: a valid code and a reason in UTF-8, or neither.
#[test]
fn a_close_frame_has_a_code_and_a_reason_or_neither() {
    check(
        "empty",
        &frame(0x88, b""),
        &[Event::Close(None, String::new())],
        None,
    );
    for code in [
        1000_u16, 1001, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999,
    ] {
        let long = "r".repeat(123);
        for reason in ["", "b\u{e9}", &long] {
            let payload = [&code.to_be_bytes()[..], reason.as_bytes()].concat();
            let want = Event::Close(Some(code), reason.to_owned());
            check(reason, &frame(0x88, &payload), &[want], None);
        }
    }
    for code in [
        0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        let fault = protocol_error("invalid close code");
        let bytes = frame(0x88, &code.to_be_bytes());
        check(&code.to_string(), &bytes, &[], Some(fault));
    }
    let bytes = frame(0x88, b"\x03\xe8\xce\xba\xf4");
    check(
        "a reason that is not UTF-8",
        &bytes,
        &[],
        Some(INVALID_UTF8),
    );
}

/// Both sides of the limit, in one frame and in several. The head alone decides.
#[test]
fn a_message_has_a_maximum_size() {
    let feed_max_10 = |bytes: &[u8]| feed(&[bytes], 10);
    let ten = [b'x'; 10];
    assert_eq!(feed_max_10(&frame(0x82, &ten)), (vec![binary(&ten)], None));
    let eleven = frame(0x82, &[b'x'; 11]);
    assert_eq!(feed_max_10(&eleven[..6]), (vec![], Some(MESSAGE_TOO_LONG)));
    let parts = [frame(0x01, &[b'x'; 4]), frame(0x00, &[b'x'; 6])].concat();
    let whole = [parts.clone(), frame(0x80, b"")].concat();
    let said = Event::Message(Message::Text("x".repeat(10)));
    assert_eq!(feed_max_10(&whole), (vec![said], None));
    let more = [parts, frame(0x80, b"x")].concat();
    assert_eq!(feed_max_10(&more), (vec![], Some(MESSAGE_TOO_LONG)));
    // Incomplete characters count too.
    let bytes = [frame(0x01, b"12345678\xe2\x82"), frame(0x00, b"\xac")].concat();
    assert_eq!(feed_max_10(&bytes), (vec![], Some(MESSAGE_TOO_LONG)));
    let huge = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(
        feed(&[huge], usize::MAX >> 2),
        (vec![], Some(MESSAGE_TOO_LONG))
    );
    // Control frames have a limit of their own.
    assert_eq!(
        feed_max_10(&frame(0x89, &[1; 125])),
        (vec![ping(&[1; 125])], None)
    );
}

#[test]
fn an_announced_length_is_not_allocated() {
    for opcode in [0x81, 0x82] {
        let mut decoder = Decoder::new(usize::MAX);
        let mut head = vec![
            opcode, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ];
        assert_eq!(decoder.decode(&mut head), Ok((14, None)));
        let held = decoder.message.map_or(0, |message| message.capacity());
        assert!((1..=MAX_RESERVED_BYTES).contains(&held), "{held}");
    }
}

/// For each division into fragments. Without the limit, a capacity little below a power of two
/// would double.
#[test]
fn the_capacity_of_a_message_is_at_most_its_maximum_size() {
    for (opcode, first) in [(1, 1), (2, 1), (1, 32_767), (2, 40_001), (2, MAX_BYTES)] {
        let mut decoder = Decoder::new(MAX_BYTES);
        let (mut left, mut size, mut kind) = (MAX_BYTES, first, opcode);
        while left > 0 {
            let mut bytes = frame(kind, &vec![b'x'; size]);
            for piece in bytes.chunks_mut(5_000) {
                assert!(matches!(decoder.decode(piece), Ok((_, None))));
                let held = decoder.message.as_ref().map_or(0, PartialMessage::capacity);
                assert!(held <= MAX_BYTES, "{held}");
            }
            left -= size;
            (size, kind) = (left.min(7_001), 0);
        }
    }
}
