//! Frames of a client, through a websocket over a recorded stream: messages and answers are
//! compared with those of a reader that follows RFC 6455 §5 and RFC 3629 §4 word for word.

use std::io::{self, Cursor, Read, Write};
use std::sync::{Arc, Mutex};

use super::{Rng, Target};
use millpond::websocket::{self, Message};
use millpond::Request;

/// The default limit of a message.
const MOST: u64 = 1 << 20;

pub struct Frames;

/// The bytes of a client, in pieces of random sizes, and all bytes that are sent to it.
struct Tape {
    input: Cursor<Vec<u8>>,
    sizes: Rng,
    written: Arc<Mutex<Vec<u8>>>,
}

impl Read for Tape {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = match self.sizes.below(3) {
            0 => 1,
            1 => 1 + self.sizes.below(20),
            _ => buf.len(),
        };
        let most = most.min(buf.len());
        self.input.read(&mut buf[..most])
    }
}

impl Write for Tape {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.written.lock().unwrap().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// In order: messages, payloads of pings, and the end.
#[derive(Debug, PartialEq)]
enum Received {
    Message(Message),
    Ping(Vec<u8>),
    /// With its code and reason; the answer repeats the code.
    Close(Option<(u16, String)>),
    Fault(u16),
}

impl Target for Frames {
    fn name(&self) -> &'static str {
        "websocket"
    }

    fn corpus(&self) -> Vec<Vec<u8>> {
        let mut rows = Vec::new();
        for key in [[0; 4], [0x37, 0xfa, 0x21, 0x3d]] {
            let frame = |first: u8, payload: &[u8]| masked(first, key, payload);
            let close = frame(0x88, b"\x03\xe8bye");
            rows.extend([
                [
                    frame(0x81, "h\u{e9}llo \u{1f986}".as_bytes()),
                    close.clone(),
                ]
                .concat(),
                [frame(0x82, &[0xff; 130]), close.clone()].concat(),
                [frame(0x02, &[7; 7000]), frame(0x80, b""), close.clone()].concat(),
                [
                    frame(0x01, b"a\xe2"),
                    frame(0x89, b"ping"),
                    frame(0x00, b"\x82"),
                    frame(0x8a, b"pong"),
                    frame(0x80, b"\xac"),
                    frame(0x88, b""),
                ]
                .concat(),
                [
                    frame(0x89, &[b'p'; 125]),
                    frame(0x81, b""),
                    frame(0x88, b"\x0f\xa0"),
                ]
                .concat(),
                frame(0x81, b"\xed\xa0\x80"),
                frame(0x88, b"\x03"),
                frame(0x88, b"\x03\xed"),
                frame(0xc1, b"rsv"),
                frame(0x83, b"opcode"),
                b"\x82\xff\0\0\0\0\0\x10\0\x01\0\0\0\0".to_vec(),
                b"\x82\xff\0\0\0\0\0\x10\0\0\0\0\0\0some".to_vec(),
                b"\x81\x05Hello".to_vec(),
                b"\x81\xfe\0\x05\0\0\0\0Hello".to_vec(),
            ]);
        }
        rows
    }

    fn tokens(&self) -> &'static [&'static str] {
        &[
            "\0\0\0\0",
            "\u{7f}",
            "\u{81}",
            "\u{fe}",
            "\u{10ffff}",
            "\u{7ff}",
            "\u{1}\0",
        ]
    }

    fn check(&mut self, input: &[u8], rng: &mut Rng) -> Result<(), String> {
        let want = reference(input);
        let (messages, reason, written) = run(input, Rng::new(rng.next()))?;
        let said = want.iter().filter_map(|said| match said {
            Received::Message(message) => Some(message),
            _ => None,
        });
        equal("messages", &messages, &said.cloned().collect())?;
        let told = want.iter().find_map(|said| match said {
            Received::Close(told) => Some(told.clone().unwrap_or((1005, String::new()))),
            _ => None,
        });
        equal("the client's close", &reason, &told)?;
        let answers: Vec<_> = want.iter().filter_map(answer).collect();
        equal("answers", &answered(&written)?, &answers)
    }
}

/// A frame of the server: the first byte and the payload; of a close frame the code alone.
fn answer(said: &Received) -> Option<(u8, Vec<u8>)> {
    match said {
        Received::Message(_) => None,
        Received::Ping(data) => Some((0x8a, data.clone())),
        Received::Close(None) => Some((0x88, Vec::new())),
        Received::Close(Some((code, _))) | Received::Fault(code) => {
            Some((0x88, code.to_be_bytes().to_vec()))
        }
    }
}

fn answered(mut written: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, String> {
    let mut frames = Vec::new();
    while let [first, length @ 0..=125, rest @ ..] = written {
        if rest.len() < usize::from(*length) {
            break;
        }
        let (payload, behind) = rest.split_at(usize::from(*length));
        let code = payload.len().min(2);
        let payload = if *first == 0x88 {
            &payload[..code]
        } else {
            payload
        };
        frames.push((*first, payload.to_vec()));
        written = behind;
    }
    match written {
        [] => Ok(frames),
        _ => Err(format!("no frame: {written:x?}")),
    }
}

type Outcome = (Vec<Message>, Option<(u16, String)>, Vec<u8>);

fn run(input: &[u8], sizes: Rng) -> Result<Outcome, String> {
    let fields = [
        ("Upgrade", "websocket"),
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let request = Request::fake_http("GET", "/", fields.to_vec(), vec![]);
    let (response, receiver) =
        websocket::start(&request, None::<&str>).map_err(|e| e.to_string())?;
    let written = Arc::default();
    response
        .upgrade
        .ok_or("nobody takes over")?
        .build(Box::new(Tape {
            input: Cursor::new(input.to_vec()),
            sizes,
            written: Arc::clone(&written),
        }));
    let mut socket = receiver.recv().map_err(|e| e.to_string())?;
    let messages = socket.by_ref().collect();
    let reason = socket
        .close_reason()
        .map(|(code, reason)| (code, reason.to_owned()));
    if !socket.is_closed() || socket.next().is_some() {
        return Err("it is not over".to_owned());
    }
    drop(socket);
    let written = std::mem::take(&mut *written.lock().unwrap());
    Ok((messages, reason, written))
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, want: &T) -> Result<(), String> {
    match is == want {
        true => Ok(()),
        false => Err(format!("{what}: {is:?}, not {want:?}")),
    }
}

fn masked(first: u8, key: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0xfe);
            frame.extend((length as u16).to_be_bytes());
        }
    }
    frame.extend(key);
    frame.extend((0..payload.len()).map(|i| payload[i] ^ key[i % 4]));
    frame
}

/// The second reader. It has all bytes at once, and takes frame after frame from them.
fn reference(input: &[u8]) -> Vec<Received> {
    let mut said = Vec::new();
    let mut at = 0;
    let mut open: Option<(bool, Vec<u8>)> = None;
    loop {
        let rest = &input[at..];
        let bit = |byte: usize, mask: u8| rest.get(byte).map(|b| b & mask != 0);
        let bits = |byte: usize, mask: u8| rest.get(byte).map_or(0, |b| b & mask);
        let is_control = bit(0, 0x08) == Some(true);
        let opcode = bits(0, 0x0f);
        let known = matches!(opcode, 0x0 | 0x1 | 0x2 | 0x8 | 0x9 | 0xa);
        let short = bits(1, 0x7f);
        let rules = [
            bits(0, 0x70) == 0,
            rest.is_empty() || known,
            !is_control || bit(0, 0x80) == Some(true),
            bit(1, 0x80) != Some(false),
            !is_control || short <= 125,
            short != 127 || bit(2, 0x80) != Some(true),
        ];
        if rules.contains(&false) {
            said.push(Received::Fault(1002));
            return said;
        }
        let extended = match short {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let head = 2 + extended + 4;
        if rest.len() < head {
            return said;
        }
        let mut length = 0;
        for byte in &rest[2..2 + extended] {
            length = length * 256 + u64::from(*byte);
        }
        let is_minimal = match extended {
            0 => true,
            2 => length > 125,
            _ => length > 65_535,
        };
        if extended == 0 {
            length = u64::from(short);
        }
        let continues = opcode == 0 && open.is_some();
        let begins = (opcode == 1 || opcode == 2) && open.is_none();
        if !is_minimal || !(is_control || continues || begins) {
            said.push(Received::Fault(1002));
            return said;
        }
        let had = open.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
        if !is_control && had + length > MOST {
            said.push(Received::Fault(1009));
            return said;
        }
        let key = &rest[head - 4..head];
        let payload: Vec<u8> = rest[head..]
            .iter()
            .take(length as usize)
            .zip(key.iter().cycle())
            .map(|(byte, key)| byte ^ key)
            .collect();
        let is_whole = payload.len() as u64 == length;
        let is_last = bit(0, 0x80) == Some(true);
        at += head + payload.len();
        if is_control {
            if !is_whole {
                return said;
            }
            match opcode {
                0x9 => said.push(Received::Ping(payload)),
                0x8 => {
                    said.push(close(&payload));
                    return said;
                }
                _ => {}
            }
            continue;
        }
        let (is_text, bytes) = open.get_or_insert((opcode == 1, Vec::new()));
        bytes.extend(payload);
        let read = if *is_text { utf8(bytes) } else { Some(true) };
        match read {
            Some(true) => {}
            Some(false) if !(is_whole && is_last) => {}
            _ => {
                said.push(Received::Fault(1007));
                return said;
            }
        }
        if !is_whole {
            return said;
        }
        if is_last {
            let message = match open.take() {
                Some((true, bytes)) => Message::Text(String::from_utf8_lossy(&bytes).into_owned()),
                Some((false, bytes)) => Message::Binary(bytes),
                None => return said,
            };
            said.push(Received::Message(message));
        }
    }
}

fn close(payload: &[u8]) -> Received {
    if payload.is_empty() {
        return Received::Close(None);
    }
    if payload.len() == 1 {
        return Received::Fault(1002);
    }
    let code = u16::from(payload[0]) * 256 + u16::from(payload[1]);
    let reserved = [1004, 1005, 1006];
    let is_named = (1000..=1014).contains(&code) && !reserved.contains(&code);
    if !is_named && !(3000..5000).contains(&code) {
        return Received::Fault(1002);
    }
    match utf8(&payload[2..]) {
        Some(true) => {
            let reason = String::from_utf8_lossy(&payload[2..]).into_owned();
            Received::Close(Some((code, reason)))
        }
        _ => Received::Fault(1007),
    }
}

/// The rows of RFC 3629 §4: the first byte, the second, and how many more. `Some(false)` is the
/// beginning of something.
fn utf8(mut bytes: &[u8]) -> Option<bool> {
    const ROWS: [(u8, u8, u8, u8, usize); 8] = [
        (0xc2, 0xdf, 0x80, 0xbf, 0),
        (0xe0, 0xe0, 0xa0, 0xbf, 1),
        (0xe1, 0xec, 0x80, 0xbf, 1),
        (0xed, 0xed, 0x80, 0x9f, 1),
        (0xee, 0xef, 0x80, 0xbf, 1),
        (0xf0, 0xf0, 0x90, 0xbf, 2),
        (0xf1, 0xf3, 0x80, 0xbf, 2),
        (0xf4, 0xf4, 0x80, 0x8f, 2),
    ];
    while let Some((&first, rest)) = bytes.split_first() {
        bytes = rest;
        if first < 0x80 {
            continue;
        }
        let row = ROWS.iter().find(|row| (row.0..=row.1).contains(&first))?;
        let mut range = row.2..=row.3;
        for _ in 0..=row.4 {
            let (next, rest) = match bytes.split_first() {
                Some(split) => split,
                None => return Some(false),
            };
            if !range.contains(next) {
                return None;
            }
            range = 0x80..=0xbf;
            bytes = rest;
        }
    }
    Some(true)
}
