//! What the tests share: servers that end with their test, a raw client that never waits for ever,
//! and latches to meet handlers at. It asserts nothing about HTTP beyond what it has to parse.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{mpsc, Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use millpond::{BackgroundServer, Request, Response, Route, Router, Server};

/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(5);
/// Added to every bound that a promise names: the machines of a CI stall for 100 ms at times.
pub const SLACK: Duration = Duration::from_millis(400);

/// A server in a thread of its own, on a free port. Dropping it stops it.
pub struct Running {
    pub addr: SocketAddr,
    stop: Option<(JoinHandle<()>, mpsc::Sender<()>)>,
}

/// Serves with the default pool and limits until the end of the test.
pub fn serve<F>(handler: F) -> Running
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    serve_as(handler, |server| server)
}

/// [`serve`] with another pool or other limits: `serve_as(handler, |server| server.pool_size(4))`.
pub fn serve_as<F>(handler: F, shape: impl FnOnce(Server<F>) -> Server<F>) -> Running
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let server = shape(listen(handler));
    Running {
        addr: server.server_addr(),
        stop: Some(server.stoppable()),
    }
}

/// A server on a free port that nobody polls yet.
pub fn listen<F>(handler: F) -> Server<F>
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    Server::new("127.0.0.1:0", handler).expect("a free port")
}

/// A managed server with these routes, on a free port.
pub fn serve_routes(routes: Vec<Route>) -> BackgroundServer {
    let router = Router::default();
    router.replace(routes);
    router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port")
}

impl Running {
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub fn get(&self, path: &str) -> Reply {
        get(self.addr, path)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((handle, sender)) = self.stop.take() {
            drop(sender);
            // A test that failed already must not hang on what it left half done.
            if !thread::panicking() {
                finishes(GUARD * 2, move || {
                    handle.join().expect("the server's thread")
                });
            }
        }
    }
}

/// One request on a connection of its own.
pub fn get(addr: SocketAddr, path: &str) -> Reply {
    let mut client = Client::connect(addr);
    client.send(format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
    let reply = client.response();
    client.closed();
    reply
}

/// A raw connection. Every read and write gives up after [`GUARD`].
pub struct Client {
    pub stream: TcpStream,
    unread: Vec<u8>,
}

/// A response as it came.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// In order, names as they were sent, values trimmed.
    pub headers: Vec<(String, String)>,
    /// Without its framing.
    pub body: Vec<u8>,
}

/// Why there was no whole response.
#[derive(Debug, PartialEq, Eq)]
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
        let stream = TcpStream::connect_timeout(&addr, GUARD)?;
        stream.set_read_timeout(Some(GUARD))?;
        stream.set_write_timeout(Some(GUARD))?;
        stream.set_nodelay(true)?;
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
        let bodiless = method == "HEAD" || matches!(reply.status, 101 | 204 | 304);
        reply.body = match (
            reply.header("Transfer-Encoding"),
            reply.header("Content-Length"),
        ) {
            _ if bodiless => Vec::new(),
            (Some(coding), length) => {
                assert_eq!((coding, length), ("chunked", None), "{reply:?}");
                self.chunks()?
            }
            (None, Some(length)) => {
                let length = length.parse().expect("a Content-Length");
                self.take(length)?
            }
            (None, None) => self.rest()?,
        };
        Ok(reply)
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

    fn take(&mut self, length: usize) -> Result<Vec<u8>, Cut> {
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

/// Where handlers wait until the test lets them go, and where the test waits for them to come.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    came: usize,
    open: bool,
}

impl Gate {
    /// For the handler: comes in, and waits until the gate is open.
    pub fn pass(&self) {
        let (passage, changed) = &*self.0;
        let mut passage = passage.lock().unwrap();
        passage.came += 1;
        changed.notify_all();
        let (passage, wait) = changed
            .wait_timeout_while(passage, GUARD * 2, |passage| !passage.open)
            .unwrap();
        drop(passage);
        assert!(!wait.timed_out(), "the test did not open the gate");
    }

    /// For the test: waits until so many came in since the beginning.
    pub fn wait_for(&self, count: usize) {
        let (passage, changed) = &*self.0;
        let (passage, wait) = changed
            .wait_timeout_while(passage.lock().unwrap(), GUARD, |p| p.came < count)
            .unwrap();
        let came = passage.came;
        drop(passage);
        assert!(!wait.timed_out(), "{came} of {count} handlers came");
    }

    /// Lets go of all there are and of all that come.
    pub fn open(&self) {
        let (passage, changed) = &*self.0;
        passage.lock().unwrap().open = true;
        changed.notify_all();
    }
}

/// Runs `act` on a thread of its own; the test fails if it is not done within `time`.
pub fn finishes<T: Send + 'static>(time: Duration, act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    let thread = thread::spawn(move || {
        let _ = done.send(act());
    });
    match finished.recv_timeout(time) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done within {time:?}"),
        // It panicked: so does the test, with its words.
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a thread that ended well has sent its value"),
        },
    }
}

/// What `act` returns and how long it took.
pub fn timed<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let value = act();
    (value, began.elapsed())
}

/// Waits for something that can only be looked at: a counter, say.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < GUARD, "never happened: {what}");
        thread::yield_now();
    }
}
