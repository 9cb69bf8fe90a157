//! A raw client that never waits for ever, and the responses it reads. It asserts nothing about
//! HTTP beyond what it has to parse.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::GUARD;
use millpond::Address;

/// A raw connection. Every read and write gives up after [`GUARD`].
pub struct Client {
    pub stream: TcpStream,
    unread: Vec<u8>,
}

/// A response as it came.
#[derive(PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// In order, names as they were sent, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Without its framing.
    pub body: Vec<u8>,
}

/// Why there was no whole response.
#[derive(PartialEq, Eq)]
pub enum Cut {
    /// The connection ended before the first byte.
    Before,
    /// It ended behind these bytes of a response.
    Within(Vec<u8>),
    /// Nothing more came for [`GUARD`], behind these bytes.
    Silent(Vec<u8>),
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Client {
        Client::try_connect(addr).unwrap_or_else(|e| panic!("no connection to {addr}: {e}"))
    }

    pub fn try_connect(addr: SocketAddr) -> io::Result<Client> {
        Client::from(TcpStream::connect_timeout(&addr, GUARD)?)
    }

    pub fn at(address: &Address) -> Client {
        Client::try_at(address).unwrap_or_else(|e| panic!("no connection to {address}: {e}"))
    }

    pub fn try_at(address: &Address) -> io::Result<Client> {
        match address {
            Address::Tcp(addr) => Client::try_connect(*addr),
            // The calls on it are those on a TCP socket.
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                Client::on(TcpStream::from(std::os::unix::io::OwnedFd::from(stream)))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// A client on a connection that is there.
    pub fn from(stream: TcpStream) -> io::Result<Client> {
        stream.set_nodelay(true)?;
        Client::on(stream)
    }

    fn on(stream: TcpStream) -> io::Result<Client> {
        stream.set_read_timeout(Some(GUARD))?;
        stream.set_write_timeout(Some(GUARD))?;
        Ok(Client {
            stream,
            unread: Vec::new(),
        })
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

    /// A GET that keeps the connection, and its response.
    pub fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"))
            .response()
    }

    /// A request without a body, and its response.
    pub fn ask(&mut self, method: &str, path: &str) -> Reply {
        self.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.try_response(method).unwrap_or_else(cut)
    }

    /// The next response to anything but HEAD; it must be whole.
    pub fn response(&mut self) -> Reply {
        self.try_response("GET").unwrap_or_else(cut)
    }

    /// The next response to HEAD, which has no body.
    pub fn response_to_head(&mut self) -> Reply {
        self.try_response("HEAD").unwrap_or_else(cut)
    }

    /// The next final response. Interim ones (1xx but 101) are skipped; see
    /// [`head`](Client::head) to look at those.
    pub fn try_response(&mut self, method: &str) -> Result<Reply, Cut> {
        let mut reply = self.head()?;
        while reply.status < 200 && reply.status != 101 {
            reply = self.head()?;
        }
        if method != "HEAD" {
            reply.body = self.body(&reply)?;
        }
        Ok(reply)
    }

    /// The body behind a head that did not answer HEAD.
    pub fn body(&mut self, head: &Reply) -> Result<Vec<u8>, Cut> {
        if matches!(head.status, 101 | 204 | 304) {
            return Ok(Vec::new());
        }
        match (
            head.header("Transfer-Encoding"),
            head.header("Content-Length"),
        ) {
            (Some(coding), length) => {
                assert_eq!((coding, length), ("chunked", None), "{head:?}");
                self.chunks()
            }
            (None, Some(length)) => self.take(length.parse().expect("a Content-Length")),
            (None, None) => self.rest(),
        }
    }

    /// The next response's head, interim ones included; its body stays unread.
    pub fn head(&mut self) -> Result<Reply, Cut> {
        let line = self.line().map_err(|cut| match cut {
            Cut::Within(bytes) if bytes.is_empty() => Cut::Before,
            other => other,
        })?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..4))
            .and_then(|code| code.trim_end().parse().ok())
            .unwrap_or_else(|| panic!("not a status line: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a field");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Reply {
            status,
            headers,
            body: Vec::new(),
        })
    }

    /// Asserts that nothing more comes but the end: of the stream, or of the connection.
    pub fn closed(&mut self) {
        let rest = self.rest();
        assert_eq!(rest, Ok(Vec::new()), "expected the end of the connection");
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

    /// Everything up to the end of the connection; a reset is an end too.
    pub fn rest(&mut self) -> Result<Vec<u8>, Cut> {
        loop {
            match self.more() {
                Ok(()) => {}
                Err(Cut::Within(bytes)) => return Ok(bytes),
                Err(cut) => return Err(cut),
            }
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Cut> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).expect("a chunk size");
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.append(&mut self.take(size)?);
            assert_eq!(self.line()?, "", "the end of a chunk");
        }
    }

    /// The next so many bytes, whatever they are.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>, Cut> {
        while self.unread.len() < length {
            self.more()?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn line(&mut self) -> Result<String, Cut> {
        let mut seen = 0;
        loop {
            if let Some(end) = self.unread[seen..].windows(2).position(|w| w == b"\r\n") {
                let line = self.take(seen + end)?;
                self.take(2)?;
                return Ok(String::from_utf8(line).expect("a line of text"));
            }
            seen = self.unread.len().saturating_sub(1);
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<(), Cut> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(Cut::Within(std::mem::take(&mut self.unread))),
            Ok(count) => {
                self.unread.extend_from_slice(&bytes[..count]);
                Ok(())
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => Ok(()),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Err(Cut::Silent(std::mem::take(&mut self.unread)))
            }
            Err(_) => Err(Cut::Within(std::mem::take(&mut self.unread))),
        }
    }
}

fn cut(cut: Cut) -> Reply {
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

impl fmt::Debug for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Before => write!(f, "the end before the first byte"),
            Cut::Within(bytes) => write!(f, "the end behind {}", Brief(bytes)),
            Cut::Silent(bytes) => write!(f, "silence behind {}", Brief(bytes)),
        }
    }
}

/// Bytes for the eye: how many, and how they begin.
struct Brief<'a>(&'a [u8]);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.0[..self.0.len().min(80)];
        let text = String::from_utf8_lossy(start);
        write!(f, "{} bytes {text:?}", self.0.len())
    }
}
