//! A client that compares every byte, and knows the obligations of the server.
//!
//! A request is *lost* if it was sent whole before the server began to leave its address, and no
//! byte of an answer came. A later request met a connection that the server was about to end, which
//! is allowed (RFC 9112 §9.5): it is *retried*, on the new address. So is an upload that stalled
//! for a second while the server was leaving, because a move does not wait for it. A connection
//! that ends without a move, and an answer that is cut or different, are *wrong*.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;

use crate::process::clock;
use crate::shared_state::SharedState;
use crate::support::{Client, Incomplete};

pub struct Conn {
    pub client: Client,
    /// Moves of the server before it was made.
    moves: u64,
    /// When the last byte of the last request had gone, if all of them went.
    sent: Option<u64>,
    served: u64,
}

/// How a response looks, apart from its date.
pub struct Expected {
    /// Status line and fields up to Date.
    pub start: &'static str,
    pub length: Length,
    /// The request asked for the end, or its answer has to bring it.
    pub closes: bool,
    /// The field of a connection that is kept.
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

impl Expected {
    pub fn text() -> Expected {
        Expected {
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

impl Fault {
    /// `begun` is whether a byte of the answer had come before.
    fn of(cut: Incomplete, begun: bool) -> Fault {
        match cut {
            Incomplete::Ended(bytes) if bytes.is_empty() && !begun => Fault::Before,
            Incomplete::Unstarted => Fault::Before,
            Incomplete::Silent(_) => Fault::Silent,
            other => Fault::Cut(format!("{other:?}")),
        }
    }
}

impl Conn {
    /// Connects wherever the server is; `None` once all is over.
    pub fn open(state: &SharedState) -> Option<Conn> {
        while !state.is_over() {
            let (moves, address) = state.address();
            match Client::try_connect(address) {
                Ok(client) => {
                    return Some(Conn {
                        client,
                        moves,
                        sent: None,
                        served: 0,
                    });
                }
                // It has said that it moves, and has not moved yet; or it has left.
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                // Accepted by the kernel for a listener that is closed at the same moment.
                Err(e) if e.kind() == ErrorKind::ConnectionReset => state.note("(reset: connect)"),
                Err(e) => state.record_error(format!("no connection to {address}: {e}")),
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    pub fn moves(&self) -> u64 {
        self.moves
    }

    pub fn send(&mut self, bytes: &[u8]) {
        let whole = self.client.try_send(bytes).is_ok();
        self.sent = whole.then(clock);
    }

    /// More of a request: whole only if all of it was.
    pub fn send_part(&mut self, bytes: &[u8]) {
        self.sent = None;
        // The answer is read anyway.
        let _ = self.client.try_send(bytes);
    }

    /// So many bytes.
    pub fn take(&mut self, count: usize, begun: bool) -> Result<&[u8], Fault> {
        let taken = self.client.take_slice(count);
        taken.map_err(|cut| Fault::of(cut, begun))
    }

    /// Bytes up to this mark, and it.
    fn through(&mut self, mark: &[u8], begun: bool) -> Result<&[u8], Fault> {
        let taken = self.client.take_through(mark);
        taken.map_err(|cut| Fault::of(cut, begun))
    }

    /// The next response has to be this one; whether the connection ends behind it.
    pub fn reply(&mut self, expected: &Expected, body: &[u8]) -> Result<bool, Fault> {
        let head = self.through(b"\r\n\r\n", false)?;
        let closes = is_head(head, expected, body.len()).map_err(Fault::Other)?;
        match expected.length {
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
        let start = self.client.look(12).map_err(|cut| Fault::of(cut, false))?;
        Ok(&start[9..])
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
        state: &SharedState,
        kind: &'static str,
        expected: &Expected,
        body: &[u8],
    ) -> bool {
        if self.upload_stalled(state) {
            return false;
        }
        match self.reply(expected, body) {
            Ok(closes) => {
                state.count(kind, 1);
                if closes && !expected.closes {
                    self.must_have_moved(state, kind);
                }
                !closes
            }
            Err(fault) => {
                self.record_fault(state, kind, 1, fault);
                false
            }
        }
    }

    /// Whether the answer is that the body came too slowly, of an upload that was under way when
    /// the server began to leave. Where many threads expected two cores a client may stand still.
    fn upload_stalled(&mut self, state: &SharedState) -> bool {
        // An error in the answer is found by its reader.
        if !matches!(self.status(), Ok(b"408")) {
            return false;
        }
        match (state.left_at(self.moves), self.sent) {
            (None, _) => return false,
            (Some(left), Some(sent)) if sent < left => return false,
            _ => {}
        }
        let expected = Expected {
            start: "HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n",
            closes: true,
            ..Expected::text()
        };
        let body = b"408 Request Timeout: request body below minimum rate\n";
        match self.reply(&expected, body) {
            Ok(_) => {
                state.note("(retried: stood still)");
                self.retry(state, 1);
            }
            Err(fault) => self.record_fault(state, "an upload that stood still", 1, fault),
        }
        true
    }

    /// The server ended a connection without a request to do so.
    fn must_have_moved(&self, state: &SharedState, kind: &str) {
        if state.left_at(self.moves).is_none() {
            state.record_error(format!("{kind}: an end without a move"));
        }
    }

    /// Records the fault that left so many requests without an answer.
    pub fn record_fault(&self, state: &SharedState, kind: &str, requests: u64, fault: Fault) {
        let served = self.served;
        match fault {
            Fault::Before => match (state.left_at(self.moves), self.sent) {
                (None, _) => state.lose(requests, format!("{kind}: the end without a move")),
                (Some(left), Some(sent)) if sent < left => {
                    let before = left - sent;
                    let what = format!("{kind}: sent {before} µs before a move, after {served}");
                    state.lose(requests, what);
                }
                _ => self.retry(state, requests),
            },
            Fault::Silent => state.record_error(format!("{kind}: silence, after {served}")),
            Fault::Cut(how) => state.record_error(format!("{kind}: cut by {how}, after {served}")),
            Fault::Other(what) => state.record_error(format!("{kind}: {what}, after {served}")),
        }
    }

    /// The server asked them to go elsewhere, or came too late.
    pub fn retry(&self, state: &SharedState, requests: u64) {
        use std::sync::atomic::Ordering::SeqCst;
        state.retried.fetch_add(requests, SeqCst);
        state.note(match self.served {
            0 => "(retried: new)",
            _ => "(retried: kept)",
        });
    }
}

fn same(got: &[u8], expected: &[u8]) -> Result<(), Fault> {
    match got == expected {
        true => Ok(()),
        false => Err(Fault::Other(format!(
            "{:?}, and not {:?}",
            brief(got),
            brief(expected)
        ))),
    }
}

fn brief(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

/// Compares a head byte by byte, but for the digits and names of its date.
fn is_head(head: &[u8], expected: &Expected, length: usize) -> Result<bool, String> {
    let other = || format!("a head of {:?}", brief(head));
    let rest = head
        .strip_prefix(expected.start.as_bytes())
        .ok_or_else(other)?;
    let rest = rest.strip_prefix(b"Date: ").ok_or_else(other)?;
    let (date, rest) = (rest.get(..29), rest.get(29..));
    if date.map_or(true, |date| !date.ends_with(b" GMT")) {
        return Err(other());
    }
    let rest = rest.and_then(|rest| rest.strip_prefix(b"\r\n"));
    let rest = rest.ok_or_else(other)?;
    let rest = match expected.length {
        Length::Chunked => rest.strip_prefix(b"Transfer-Encoding: chunked\r\n"),
        _ => rest.strip_prefix(format!("Content-Length: {length}\r\n").as_bytes()),
    };
    let rest = rest.ok_or_else(other)?;
    match rest.strip_prefix(b"Connection: close\r\n") {
        Some(b"\r\n") => Ok(true),
        _ if expected.closes => Err(other()),
        _ => match rest.strip_prefix(expected.kept.as_bytes()) {
            Some(b"\r\n") => Ok(false),
            _ => Err(other()),
        },
    }
}
