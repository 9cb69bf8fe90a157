//! A raw HTTP client that never waits for ever, and the responses that it reads. The client checks
//! nothing of HTTP beyond the framing that it parses.
//!
//! It needs nothing but `std` and the [`GUARD`] of its package.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use crate::GUARD;

/// A raw connection. Every read and write fails after [`GUARD`], unless
/// [`set_timeout`](Client::set_timeout) says otherwise.
pub struct Client {
    pub stream: TcpStream,
    /// Zeros where nothing was received.
    buffer: Vec<u8>,
    /// The received and unread bytes of the buffer are those from `start` to `end`.
    start: usize,
    end: usize,
}

/// A response as received.
#[derive(PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// In order, names as received, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Without framing.
    pub body: Vec<u8>,
}

/// The reason why there was no whole response.
#[derive(PartialEq, Eq)]
pub enum Incomplete {
    /// The connection ended before the first byte.
    Unstarted,
    /// The connection ended behind these bytes of a response.
    Ended(Vec<u8>),
    /// Nothing more came in time, behind these bytes.
    Silent(Vec<u8>),
    /// The response breaks the syntax in this line.
    Malformed(String),
}

/// The room for one read at the beginning: most responses fit, and a thousand clients are small.
const FIRST_READ_BYTES: usize = 4 * 1024;

impl Client {
    pub fn connect(addr: SocketAddr) -> Client {
        Client::try_connect(addr).unwrap_or_else(|e| panic!("no connection to {addr}: {e}"))
    }

    pub fn try_connect(addr: SocketAddr) -> io::Result<Client> {
        Client::connect_within(addr, GUARD)
    }

    /// [`try_connect`](Client::try_connect) with a bound of its own for the connection alone.
    pub fn connect_within(addr: SocketAddr, timeout: Duration) -> io::Result<Client> {
        Client::from(TcpStream::connect_timeout(&addr, timeout)?)
    }

    /// A client on an open TCP connection.
    pub fn from(stream: TcpStream) -> io::Result<Client> {
        stream.set_nodelay(true)?;
        Client::on(stream)
    }

    /// A client on an open connection of any kind.
    pub fn on(stream: TcpStream) -> io::Result<Client> {
        let mut client = Client {
            stream,
            buffer: Vec::new(),
            start: 0,
            end: 0,
        };
        client.set_timeout(GUARD)?;
        Ok(client)
    }

    /// The longest time that one read or one write may take from now on.
    pub fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(timeout))?;
        self.stream.set_write_timeout(Some(timeout))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        self.try_send(bytes).expect("the server takes the request");
        self
    }

    /// For a server that may have closed the connection already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Ends this side: the server reads to its end.
    pub fn finish_sending(&mut self) -> &mut Client {
        self.stream.shutdown(Shutdown::Write).expect("half-close");
        self
    }

    /// Sends a GET that keeps the connection, and returns its response.
    pub fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .response()
    }

    /// Sends a PUT with this body, and returns its response.
    pub fn put(&mut self, path: &str, body: &[u8]) -> Reply {
        let length = body.len();
        self.send(format!(
            "PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        self.send(body).response()
    }

    /// Sends a request without a body, and returns its response.
    pub fn ask(&mut self, method: &str, path: &str) -> Reply {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.try_response(method).unwrap_or_else(cut)
    }

    /// Returns the next response to any method but HEAD; it must be whole.
    pub fn response(&mut self) -> Reply {
        self.try_response("GET").unwrap_or_else(cut)
    }

    /// Returns the next response to HEAD, which has no body.
    pub fn response_to_head(&mut self) -> Reply {
        self.try_response("HEAD").unwrap_or_else(cut)
    }

    /// Returns the next final response. Interim responses (1xx except 101) are skipped;
    /// [`head`](Client::head) returns those.
    pub fn try_response(&mut self, method: &str) -> Result<Reply, Incomplete> {
        let mut reply = self.head()?;
        while reply.status < 200 && reply.status != 101 {
            reply = self.head()?;
        }
        if method != "HEAD" {
            reply.body = self.body(&reply)?;
        }
        Ok(reply)
    }

    /// Returns the body behind a head that did not answer HEAD.
    pub fn body(&mut self, head: &Reply) -> Result<Vec<u8>, Incomplete> {
        if matches!(head.status, 101 | 204 | 304) {
            return Ok(Vec::new());
        }
        match (
            head.header("Transfer-Encoding"),
            head.header("Content-Length"),
        ) {
            (Some("chunked"), None) => self.chunks(),
            (Some(_), _) => Err(Incomplete::Malformed(format!("{head:?}"))),
            (None, Some(length)) => match length.parse() {
                Ok(length) => self.take(length),
                Err(_) => Err(Incomplete::Malformed(format!("{head:?}"))),
            },
            (None, None) => self.rest(),
        }
    }

    /// Returns the head of the next response, interim ones included; its body stays unread.
    pub fn head(&mut self) -> Result<Reply, Incomplete> {
        let line = self.line().map_err(|cut| match cut {
            Incomplete::Ended(bytes) if bytes.is_empty() => Incomplete::Unstarted,
            other => other,
        })?;
        let code = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..4));
        let status = match code.map(|code| code.trim_end().parse()) {
            Some(Ok(status)) => status,
            _ => return Err(Incomplete::Malformed(line)),
        };
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                None if line.is_empty() => break,
                None => return Err(Incomplete::Malformed(line)),
            }
        }
        Ok(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// Asserts that nothing more comes but the end of the connection, of its stream or by a reset.
    pub fn closed(&mut self) {
        let rest = self.rest();
        assert_eq!(rest, Ok(Vec::new()), "expected the end of the connection");
    }

    /// Asserts that nothing more comes but the end of the stream: no reset, no byte.
    pub fn closed_without_reset(&mut self) {
        assert_eq!(self.unread(), b"", "expected the end of the connection");
        let read = self.stream.read(&mut [0]);
        assert_eq!(read.expect("the end of the stream"), 0);
    }

    /// Asserts that the connection is open and silent now.
    pub fn open(&mut self) {
        self.stream.set_nonblocking(true).expect("nonblocking");
        let read = self.stream.read(&mut [0; 1]);
        self.stream.set_nonblocking(false).expect("blocking");
        match read {
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            other => panic!("expected an open connection: {other:?}"),
        }
    }

    /// Returns all bytes up to the end of the connection; a reset is an end too.
    pub fn rest(&mut self) -> Result<Vec<u8>, Incomplete> {
        loop {
            match self.receive() {
                Ok(()) => {}
                Err(Incomplete::Ended(bytes)) => return Ok(bytes),
                Err(cut) => return Err(cut),
            }
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Incomplete> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = match usize::from_str_radix(size, 16) {
                Ok(size) => size,
                Err(_) => return Err(Incomplete::Malformed(line)),
            };
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend_from_slice(self.take_slice(size)?);
            let end = self.line()?;
            if !end.is_empty() {
                return Err(Incomplete::Malformed(end));
            }
        }
    }

    /// Returns the next `length` bytes, of any kind.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Incomplete> {
        self.take_slice(length).map(<[u8]>::to_vec)
    }

    /// [`take`](Client::take) without a copy.
    pub fn take_slice(&mut self, length: usize) -> Result<&[u8], Incomplete> {
        while self.end - self.start < length {
            self.receive()?;
        }
        self.start += length;
        Ok(&self.buffer[self.start - length..self.start])
    }

    /// Returns the next bytes up to this mark, and the mark.
    pub fn take_through(&mut self, mark: &[u8]) -> Result<&[u8], Incomplete> {
        let mut seen = 0;
        loop {
            let unseen = &self.unread()[seen..];
            if let Some(found) = unseen.windows(mark.len()).position(|w| w == mark) {
                return self.take_slice(seen + found + mark.len());
            }
            seen = (seen + unseen.len()).saturating_sub(mark.len() - 1);
            self.receive()?;
        }
    }

    /// Returns the next `length` bytes, which stay unread.
    pub fn look(&mut self, length: usize) -> Result<&[u8], Incomplete> {
        self.take_slice(length)?;
        self.start -= length;
        Ok(&self.unread()[..length])
    }

    fn line(&mut self) -> Result<String, Incomplete> {
        let line = self.take_through(b"\r\n")?;
        match std::str::from_utf8(&line[..line.len() - 2]) {
            Ok(line) => Ok(line.to_owned()),
            Err(_) => Err(Incomplete::Malformed(Brief(line).to_string())),
        }
    }

    fn unread(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Reads once.
    fn receive(&mut self) -> Result<(), Incomplete> {
        if self.end == self.buffer.len() || self.start == self.end {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let length = FIRST_READ_BYTES.max(self.buffer.len() * 2);
            self.buffer.resize(length, 0);
        }
        match self.stream.read(&mut self.buffer[self.end..]) {
            Ok(0) => Err(Incomplete::Ended(self.take_unread())),
            Ok(count) => {
                self.end += count;
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Incomplete::Silent(self.take_unread()))
            }
            Err(_) => Err(Incomplete::Ended(self.take_unread())),
        }
    }

    fn take_unread(&mut self) -> Vec<u8> {
        let unread = self.unread().to_vec();
        self.start = self.end;
        unread
    }
}

fn cut(cut: Incomplete) -> Reply {
    panic!("no whole response: {cut:?}")
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }

    /// Returns whether the server keeps the connection behind this response.
    pub fn keeps(&self) -> bool {
        self.header("Connection") != Some("close")
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {:?} {}",
            self.status,
            self.headers,
            Brief(&self.body)
        )
    }
}

impl fmt::Debug for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Incomplete::Unstarted => write!(f, "the end before the first byte"),
            Incomplete::Ended(bytes) => write!(f, "the end behind {}", Brief(bytes)),
            Incomplete::Silent(bytes) => write!(f, "silence behind {}", Brief(bytes)),
            Incomplete::Malformed(line) => write!(f, "malformed: {line:?}"),
        }
    }
}

/// Bytes for a message: their count and their beginning.
struct Brief<'a>(&'a [u8]);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.0[..self.0.len().min(80)];
        let text = String::from_utf8_lossy(start);
        write!(f, "{} bytes {text:?}", self.0.len())
    }
}
