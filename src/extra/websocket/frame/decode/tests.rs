//! Tables after the sections of RFC 6455: what a client sends, and what that says. Each row is fed
//! whole, byte by byte, split everywhere, and cut off everywhere.

use super::*;
use crate::extra::websocket::frame::write_head;

const MOST: usize = 200_000;
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame of a client; the low bits of `first` are the opcode, the high ones FIN and RSV.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let (head, size) = write_head(Opcode::Binary, payload.len());
    let mut frame = head[..size].to_vec();
    frame[0] = first;
    frame[1] |= 0x80;
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}

/// All that is said, up to a close frame or a fault.
fn feed(pieces: &[&[u8]], most: usize) -> (Vec<Event>, Option<Fault>) {
    let mut decoder = Decoder::new(most);
    let mut events = Vec::new();
    for piece in pieces {
        let mut input = piece.to_vec();
        let mut at = 0;
        while at < input.len() {
            match decoder.decode(&mut input[at..]) {
                Ok((count, event)) => {
                    assert!(count > 0, "it reads on");
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

fn says(name: &str, bytes: &[u8], want: &[Event], fault: Option<Fault>) {
    let want = (want, fault);
    let same = |pieces: &[&[u8]], how: &str| {
        let (events, fault) = feed(pieces, MOST);
        assert_eq!((events.as_slice(), fault), want, "{name}: {how}");
    };
    same(&[bytes], "whole");
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    same(&each, "byte by byte");
    let step = 1 + bytes.len() / 500;
    for at in (0..bytes.len()).step_by(step) {
        let (head, tail) = bytes.split_at(at);
        same(&[head, tail], &format!("split at {at}"));
        let (events, fault) = feed(&[head], MOST);
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

/// §5.2, §5.6: one frame, all three notations of its length.
#[test]
fn a_frame_is_a_message() {
    for length in [0, 1, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536] {
        let payload: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let name = format!("{length} bytes");
        says(&name, &frame(0x82, &payload), &[binary(&payload)], None);
        let stars = "*".repeat(length);
        let is_text = frame(0x81, stars.as_bytes());
        says(&name, &is_text, &[text(&stars)], None);
    }
    let two = [frame(0x81, b"one"), frame(0x82, b"two")].concat();
    says("two", &two, &[text("one"), binary(b"two")], None);
}

/// §5.4, §5.5: fragments, and control frames between them.
#[test]
fn fragments_are_a_message_whatever_stands_between() {
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
            "a close between, and what follows is not read",
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
            "bytes need be no text",
            vec![frame(0x02, b"\xff"), frame(0x80, b"\xc3")],
            vec![binary(b"\xff\xc3")],
        ),
    ] {
        says(name, &frames.concat(), &want, None);
    }
}

/// §5.2, §5.4, §5.5: what is against the protocol is 1002; what was said before counts.
#[test]
fn what_breaks_a_rule_is_1002() {
    let before = frame(0x81, b"before");
    let unmasked = b"\x81\x05Hello".to_vec();
    for (why, frames) in [
        ("a reserved bit is set", vec![frame(0xc1, b"")]),
        ("a reserved bit is set", vec![frame(0xa9, b"ping")]),
        (
            "a reserved bit is set",
            vec![frame(0x01, b"a"), frame(0x90, b"b")],
        ),
        ("a reserved opcode", vec![frame(0x83, b"")]),
        ("a reserved opcode", vec![frame(0x8b, b"data")]),
        (
            "a reserved opcode",
            vec![frame(0x01, b"a"), frame(0x87, b"")],
        ),
        ("a fragmented control frame", vec![frame(0x09, b"")]),
        ("a fragmented control frame", vec![frame(0x08, b"\x03\xe8")]),
        (
            "a control frame that is too long",
            vec![frame(0x89, &[0; 126])],
        ),
        (
            "a control frame that is too long",
            vec![frame(0x88, &[0; 126])],
        ),
        ("a frame that is not masked", vec![unmasked]),
        ("a continuation of nothing", vec![frame(0x80, b"a")]),
        ("a continuation of nothing", vec![frame(0x00, b"")]),
        (
            "a continuation of nothing",
            vec![frame(0x01, b""), frame(0x80, b""), frame(0x80, b"")],
        ),
        (
            "a message within a message",
            vec![frame(0x01, b""), frame(0x01, b"")],
        ),
        (
            "a message within a message",
            vec![frame(0x01, b""), frame(0x81, b"")],
        ),
        (
            "a message within a message",
            vec![frame(0x02, b"a"), frame(0x82, b"b")],
        ),
        ("half a code", vec![frame(0x88, b"\x03")]),
    ] {
        // A message that ended before the fault is still said.
        let mut want = vec![text("before")];
        if frames.len() == 3 {
            want.push(text(""));
        }
        let bytes = [before.clone(), frames.concat()].concat();
        says(why, &bytes, &want, Some(protocol(why)));
    }
}

/// §8.1, at the byte that shows it: the message need not end, nor the frame.
#[test]
fn text_that_is_no_utf8_is_1007_at_once() {
    for bad in [
        &b"\xce\xba\xe1\xbd\xb9\xf4\x90"[..],
        b"\xed\xa0",
        b"\xc0",
        b"\xf5",
        b"ok\xff",
    ] {
        let longer = [bad, b"and more"].concat();
        let mut bytes = frame(0x01, &longer);
        says("whole", &bytes, &[], Some(NOT_UTF8));
        bytes.truncate(bytes.len() - b"and more".len());
        says("its beginning", &bytes, &[], Some(NOT_UTF8));
        let each: Vec<u8> = bad.iter().flat_map(|&b| frame(0x00, &[b])).collect();
        let bytes = [frame(0x01, b""), each].concat();
        says("a frame for each byte", &bytes, &[], Some(NOT_UTF8));
    }
    for cut in [&b"\xc3"[..], b"a\xe2\x82", b"\xf0\x9f\xa6"] {
        says("cut off", &frame(0x81, cut), &[], Some(NOT_UTF8));
        let open = frame(0x01, cut);
        says("so far so good", &open, &[], None);
        let bytes = [open, frame(0x80, b"")].concat();
        says("cut off by an empty end", &bytes, &[], Some(NOT_UTF8));
    }
}

/// §5.5.1, §7.4: a code that may be sent and a reason of text, or nothing.
#[test]
fn a_close_frame_has_a_code_and_a_reason_or_neither() {
    says(
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
            says(reason, &frame(0x88, &payload), &[want], None);
        }
    }
    for code in [
        0_u16, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535,
    ] {
        let fault = protocol("a code that does not close");
        let bytes = frame(0x88, &code.to_be_bytes());
        says(&code.to_string(), &bytes, &[], Some(fault));
    }
    let bytes = frame(0x88, b"\x03\xe8\xce\xba\xf4");
    says("a reason that is no text", &bytes, &[], Some(NOT_UTF8));
}

/// Both sides of the limit, in one frame and in several; known from the head alone.
#[test]
fn a_message_has_a_size() {
    let most = |bytes: &[u8]| feed(&[bytes], 10);
    let ten = [b'x'; 10];
    assert_eq!(most(&frame(0x82, &ten)), (vec![binary(&ten)], None));
    let eleven = frame(0x82, &[b'x'; 11]);
    assert_eq!(most(&eleven[..6]), (vec![], Some(TOO_BIG)));
    let parts = [frame(0x01, &[b'x'; 4]), frame(0x00, &[b'x'; 6])].concat();
    let whole = [parts.clone(), frame(0x80, b"")].concat();
    let said = Event::Message(Message::Text("x".repeat(10)));
    assert_eq!(most(&whole), (vec![said], None));
    let more = [parts, frame(0x80, b"x")].concat();
    assert_eq!(most(&more), (vec![], Some(TOO_BIG)));
    // Unfinished characters count too.
    let bytes = [frame(0x01, b"12345678\xe2\x82"), frame(0x00, b"\xac")].concat();
    assert_eq!(most(&bytes), (vec![], Some(TOO_BIG)));
    let huge = b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0";
    assert_eq!(feed(&[huge], usize::MAX >> 2), (vec![], Some(TOO_BIG)));
    // Control frames have a limit of their own.
    assert_eq!(most(&frame(0x89, &[1; 125])), (vec![ping(&[1; 125])], None));
}

#[test]
fn what_is_announced_is_not_allocated() {
    for opcode in [0x81, 0x82] {
        let mut decoder = Decoder::new(usize::MAX);
        let mut head = vec![
            opcode, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        ];
        assert_eq!(decoder.decode(&mut head), Ok((14, None)));
        let held = decoder.message.map_or(0, |message| message.capacity());
        assert!((1..=AHEAD).contains(&held), "{held}");
    }
}

/// However its fragments are cut: a little below a power of two would double to twice as much.
#[test]
fn no_message_has_more_room_than_it_may_have_bytes() {
    for (opcode, first) in [(1, 1), (2, 1), (1, 32_767), (2, 40_001), (2, MOST)] {
        let mut decoder = Decoder::new(MOST);
        let (mut left, mut size, mut kind) = (MOST, first, opcode);
        while left > 0 {
            let mut bytes = frame(kind, &vec![b'x'; size]);
            for piece in bytes.chunks_mut(5_000) {
                assert!(matches!(decoder.decode(piece), Ok((_, None))));
                let held = decoder.message.as_ref().map_or(0, Body::capacity);
                assert!(held <= MOST, "{held}");
            }
            left -= size;
            (size, kind) = (left.min(7_001), 0);
        }
    }
}
