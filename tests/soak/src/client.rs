//! A client that compares every byte, and knows what the server owes it.
//!
//! A request is *lost* if it was sent whole before the server began to leave its address, and no
//! byte of an answer came. What was sent later than that met a connection that the server was about
//! to end, which it may (RFC 9112 §9.5): such a request is *retried*, on the new address. So is an
//! upload that stood still for a second while the server was leaving: that does not wait for it. A
//! connection that ends without a move, and an answer that is cut or another, are *wrong*.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::process::clock;
use crate::world::World;

const SILENCE: Duration = Duration::from_secs(10);

pub struct Conn {
    pub stream: TcpStream,
    unread: Vec<u8>,
    at: usize,
    /// Moves of the server before it was made.
    moves: u64,
    /// When the last byte of the last request had gone, if all of them went.
    sent: Option<u64>,
    served: u64,
}

/// How a response looks, apart from its date.
pub struct Want {
    /// Status line and fields up to Date.
    pub start: &'static str,
    pub length: Length,
    /// The request asked for the end, or its answer has to bring it.
    pub closes: bool,
    /// What stands in place of nothing where the connection is kept.
    pub kept: &'static str,
}

pub enum Length {
    /// `Content-Length`, and the body behind it.
    Known,
    /// The same without the body.
    HeadOnly,
    Chunked,
}

const TEXT: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n";

impl Want {
    pub fn text() -> Want {
        Want {
            start: TEXT,
            length: Length::Known,
            closes: false,
            kept: "",
        }
    }
}

pub enum Fault {
    /// It ended before a byte of the answer.
    Before,
    Cut(String),
    Silent,
    Other(String),
}

impl Conn {
    /// Connects wherever the server is; `None` once all is over.
    pub fn open(world: &World) -> Option<Conn> {
        while !world.is_over() {
            let (moves, address) = world.address();
            match TcpStream::connect_timeout(&address, SILENCE) {
                Ok(stream) => {
                    let timed = stream.set_read_timeout(Some(SILENCE)).is_ok()
                        && stream.set_write_timeout(Some(SILENCE)).is_ok()
                        && stream.set_nodelay(true).is_ok();
                    if !timed {
                        world.accuse("a socket without timeouts".to_owned());
                    }
                    return Some(Conn {
                        stream,
                        unread: Vec::new(),
                        at: 0,
                        moves,
                        sent: None,
                        served: 0,
                    });
                }
                // It has said that it moves, and has not moved yet; or it has left.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                // Accepted by the kernel for a listener that is closed at the same moment.
                Err(e) if e.kind() == ErrorKind::ConnectionReset => world.note("(reset: connect)"),
                Err(e) => world.accuse(format!("no connection to {address}: {e}")),
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    pub fn moves(&self) -> u64 {
        self.moves
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let whole = self.stream.write_all(bytes).is_ok();
        self.sent = whole.then(clock);
    }

    /// More of a request: whole only if all of it was.
    pub fn send_part(&mut self, bytes: &[u8]) {
        self.sent = None;
        // What it says to that is read anyway.
        let _ = self.stream.write_all(bytes);
    }

    fn more(&mut self, begun: bool) -> Result<(), Fault> {
        if self.at > 0 {
            self.unread.drain(..self.at);
            self.at = 0;
        }
        let held = self.unread.len();
        self.unread.resize(held + 64 * 1024, 0);
        let read = self.stream.read(&mut self.unread[held..]);
        self.unread.truncate(held + *read.as_ref().unwrap_or(&0));
        let ended = |how: String| match begun || held > 0 {
            true => Fault::Cut(how),
            false => Fault::Before,
        };
        match read {
            Ok(0) => Err(ended("the end".to_owned())),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Fault::Silent)
            }
            Err(e) => Err(ended(e.to_string())),
        }
    }

    /// So many bytes; the next call makes them stale.
    pub fn take(&mut self, count: usize, begun: bool) -> Result<&[u8], Fault> {
        while self.unread.len() - self.at < count {
            self.more(begun)?;
        }
        self.at += count;
        Ok(&self.unread[self.at - count..self.at])
    }

    /// Bytes up to this mark, and it.
    fn through(&mut self, mark: &[u8], begun: bool) -> Result<&[u8], Fault> {
        let mut from = 0;
        loop {
            let unread = &self.unread[self.at + from..];
            if let Some(found) = unread.windows(mark.len()).position(|w| w == mark) {
                return self.take(from + found + mark.len(), begun);
            }
            from = (from + unread.len()).saturating_sub(mark.len());
            self.more(begun)?;
        }
    }

    /// The next response has to be this one; whether the connection ends behind it.
    pub fn reply(&mut self, want: &Want, body: &[u8]) -> Result<bool, Fault> {
        let head = self.through(b"\r\n\r\n", false)?;
        let closes = is_head(head, want, body.len()).map_err(Fault::Other)?;
        match want.length {
            Length::HeadOnly => {}
            Length::Known => same(self.take(body.len(), true)?, body)?,
            Length::Chunked => {
                let mut left = body;
                loop {
                    let line = self.through(b"\r\n", true)?;
                    let size = std::str::from_utf8(&line[..line.len() - 2]);
                    let size = size.ok().and_then(|s| usize::from_str_radix(s, 16).ok());
                    let size = size.ok_or_else(|| Fault::Other("no chunk size".to_owned()))?;
                    if size > left.len() {
                        return Err(Fault::Other("chunks that are too long".to_owned()));
                    }
                    let chunk = self.take(size + 2, true)?;
                    same(&chunk[..size], &left[..size])?;
                    same(&chunk[size..], b"\r\n")?;
                    left = &left[size..];
                    if size == 0 {
                        same(left, b"")?;
                        break;
                    }
                }
            }
        }
        self.served += 1;
        Ok(closes)
    }

    /// The status of the response that comes next, which stays to be read.
    pub fn status(&mut self) -> Result<&[u8], Fault> {
        self.take(12, false)?;
        self.at -= 12;
        Ok(&self.unread[self.at + 9..self.at + 12])
    }

    /// The connection is handed over to another protocol.
    pub fn switched(&mut self) -> Result<(), Fault> {
        let head = self.through(b"\r\n\r\n", false)?;
        match head.starts_with(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n") {
            true => Ok(()),
            false => Err(Fault::Other(format!("not 101: {:?}", brief(head)))),
        }
    }

    /// One request that has been sent, and its response: whether to go on here.
    pub fn exchange(
        &mut self,
        world: &World,
        kind: &'static str,
        want: &Want,
        body: &[u8],
    ) -> bool {
        if self.stood_still(world) {
            return false;
        }
        match self.reply(want, body) {
            Ok(closes) => {
                world.count(kind, 1);
                if closes && !want.closes {
                    self.must_have_moved(world, kind);
                }
                !closes
            }
            Err(fault) => {
                self.blame(world, kind, 1, fault);
                false
            }
        }
    }

    /// Whether the answer is that the body came too slowly, of an upload that was under way when
    /// the server began to leave. Where many threads want two cores a client may stand still.
    fn stood_still(&mut self, world: &World) -> bool {
        // What is wrong with the answer is found where it is read.
        if !matches!(self.status(), Ok(b"408")) {
            return false;
        }
        match (world.left_at(self.moves), self.sent) {
            (None, _) => return false,
            (Some(left), Some(sent)) if sent < left => return false,
            _ => {}
        }
        let want = Want {
            start: "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n",
            closes: true,
            ..Want::text()
        };
        let body = b"408 Request Timeout: request body below minimum rate\n";
        match self.reply(&want, body) {
            Ok(_) => {
                world.note("(retried: stood still)");
                self.retry(world, 1);
            }
            Err(fault) => self.blame(world, "an upload that stood still", 1, fault),
        }
        true
    }

    /// The server ended a connection that nobody asked it to end.
    fn must_have_moved(&self, world: &World, kind: &str) {
        if world.left_at(self.moves).is_none() {
            world.accuse(format!("{kind}: an end without a move"));
        }
    }

    /// What it is that so many requests were not answered.
    pub fn blame(&self, world: &World, kind: &str, requests: u64, fault: Fault) {
        let served = self.served;
        match fault {
            Fault::Before => match (world.left_at(self.moves), self.sent) {
                (None, _) => world.lose(requests, format!("{kind}: the end without a move")),
                (Some(left), Some(sent)) if sent < left => {
                    let before = left - sent;
                    let what = format!("{kind}: sent {before} µs before a move, after {served}");
                    world.lose(requests, what);
                }
                _ => self.retry(world, requests),
            },
            Fault::Silent => world.accuse(format!("{kind}: silence, after {served}")),
            Fault::Cut(how) => world.accuse(format!("{kind}: cut by {how}, after {served}")),
            Fault::Other(what) => world.accuse(format!("{kind}: {what}, after {served}")),
        }
    }

    /// They were told to ask elsewhere, or came too late.
    pub fn retry(&self, world: &World, requests: u64) {
        use std::sync::atomic::Ordering::SeqCst;
        world.retried.fetch_add(requests, SeqCst);
        world.note(match self.served {
            0 => "(retried: new)",
            _ => "(retried: kept)",
        });
    }
}

fn same(got: &[u8], want: &[u8]) -> Result<(), Fault> {
    match got == want {
        true => Ok(()),
        false => Err(Fault::Other(format!(
            "{:?}, and not {:?}",
            brief(got),
            brief(want)
        ))),
    }
}

fn brief(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

/// Compares a head byte by byte, but for the digits and names of its date.
fn is_head(head: &[u8], want: &Want, length: usize) -> Result<bool, String> {
    let other = || format!("a head of {:?}", brief(head));
    let rest = head.strip_prefix(want.start.as_bytes()).ok_or_else(other)?;
    let rest = rest.strip_prefix(b"Date: ").ok_or_else(other)?;
    let (date, rest) = (rest.get(..29), rest.get(29..));
    if date.map_or(true, |date| !date.ends_with(b" GMT")) {
        return Err(other());
    }
    let rest = rest.and_then(|rest| rest.strip_prefix(b"\r\n"));
    let rest = rest.ok_or_else(other)?;
    let rest = match want.length {
        Length::Chunked => rest.strip_prefix(b"Transfer-Encoding: chunked\r\n"),
        _ => rest.strip_prefix(format!("Content-Length: {length}\r\n").as_bytes()),
    };
    let rest = rest.ok_or_else(other)?;
    match rest.strip_prefix(b"Connection: close\r\n") {
        Some(b"\r\n") => Ok(true),
        _ if want.closes => Err(other()),
        _ => match rest.strip_prefix(want.kept.as_bytes()) {
            Some(b"\r\n") => Ok(false),
            _ => Err(other()),
        },
    }
}
