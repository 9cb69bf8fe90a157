//! A client that sends any bytes, and reads frames with a reader of its own.

use std::io::ErrorKind;
use std::net::SocketAddr;

use crate::support::{Client, Incomplete};

pub const ASK: &str =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub const TEXT: u8 = 0x81;
pub const BINARY: u8 = 0x82;
pub const CLOSE: u8 = 0x88;
pub const PING: u8 = 0x89;
pub const PONG: u8 = 0x8a;

/// A client behind its handshake.
pub struct Peer {
    pub client: Client,
}

/// A frame of the server: its first byte, its payload.
pub type Frame = (u8, Vec<u8>);

impl Peer {
    pub fn connect(addr: SocketAddr) -> Peer {
        let mut client = Client::connect(addr);
        client.send(ASK);
        Peer::switched(client)
    }

    /// Reads the answer to a handshake.
    pub fn switched(mut client: Client) -> Peer {
        let reply = client.head().expect("a head");
        assert_eq!(reply.status, 101, "{reply:?}");
        let accept = reply.header("Sec-WebSocket-Accept");
        assert_eq!(accept, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        Peer { client }
    }

    pub fn send(&mut self, first: u8, payload: &[u8]) -> &mut Peer {
        self.client.send(frame(first, payload));
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Peer {
        self.send(TEXT, text.as_bytes())
    }

    /// The next frame; `None` at the end of the connection.
    pub fn frame(&mut self) -> Option<Frame> {
        let head = match self.client.take(2) {
            Ok(head) => head,
            Err(Incomplete::Ended(bytes)) if bytes.is_empty() => return None,
            Err(cut) => panic!("no frame: {cut:?}"),
        };
        assert_eq!(head[1] & 0x80, 0, "a server does not mask");
        let size = match head[1] {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let long = self.client.take(size).expect("a length");
        let length = match size {
            0 => usize::from(head[1]),
            _ => long.iter().fold(0, |sum, &b| sum << 8 | usize::from(b)),
        };
        Some((head[0], self.client.take(length).expect("a payload")))
    }

    /// Expects text.
    pub fn hears(&mut self, text: &str) -> &mut Peer {
        let frame = self
            .frame()
            .map(|(first, payload)| (first, lossy(&payload)));
        assert_eq!(frame, Some((TEXT, text.to_owned())));
        self
    }

    /// Expects a close frame with this code, and any reason.
    pub fn closed_with(&mut self, code: u16) -> &mut Peer {
        match self.frame() {
            Some((CLOSE, payload)) if payload.len() >= 2 => {
                let (told, reason) = payload.split_at(2);
                let told = u16::from_be_bytes([told[0], told[1]]);
                assert_eq!(told, code, "{}", lossy(reason));
            }
            other => panic!("no close frame: {other:?}"),
        }
        self
    }

    /// Sends a close frame.
    pub fn close(&mut self, code: u16) -> &mut Peer {
        self.send(CLOSE, &code.to_be_bytes())
    }

    /// Expects the end of the connection.
    pub fn over(&mut self) {
        assert_eq!(self.frame(), None);
    }

    /// Whether nothing was sent to it up to now.
    pub fn hears_nothing(&self) -> bool {
        self.client.stream.set_nonblocking(true).unwrap();
        let peek = self.client.stream.peek(&mut [0]);
        self.client.stream.set_nonblocking(false).unwrap();
        matches!(peek, Err(e) if e.kind() == ErrorKind::WouldBlock)
    }
}

pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const KEY: [u8; 4] = [0xa5, 0x01, 0xff, 0x3c];
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0xfe);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0xff);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(KEY);
    frame.extend(payload.iter().zip(KEY.iter().cycle()).map(|(b, k)| b ^ k));
    frame
}
