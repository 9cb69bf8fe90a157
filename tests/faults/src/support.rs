//! A server as a child process under some tool, and a client that never waits for ever.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use millpond::session::{generate_session_id, session};
use millpond::{CloseReason, Limits, Request, Response, Router};
use millpond::{ServerError, ServerErrorKind, Settings};

const CHILD: &str = "MILLPOND_FAULTS_CHILD";
/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(10);
/// Added to every bound: a CI stalls at times, and strace takes its time.
pub const SLACK: Duration = Duration::from_millis(1_500);
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
pub const BIG: usize = 4 * 1024 * 1024;

fn handler(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    match request.raw_url() {
        "/big" => Response::from_data("text/plain", vec![b'x'; BIG]),
        "/session" => session(request, "SID", 60, |session| Response::text(session.id())),
        "/id" => Response::text(generate_session_id()),
        _ => match io::copy(&mut data, &mut io::sink()) {
            Ok(count) => Response::text(count.to_string()),
            Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
        },
    }
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn the_child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let router = Router::default();
    router.fallback(handler);
    let limits = Limits {
        head_timeout: HEAD_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
        ..Limits::default()
    };
    let told: Arc<Mutex<Vec<ServerErrorKind>>> = Arc::default();
    let list = Arc::clone(&told);
    let hook = move |error: &ServerError| list.lock().unwrap().push(error.kind);
    let settings = Settings::default().limits(limits).on_error(hook);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    println!("\npid {}\naddr {}", process::id(), server.addr());
    let told = |kind| told.lock().unwrap().iter().filter(|&&k| k == kind).count() as u64;
    // Until the parent has seen enough, or is gone.
    for line in io::stdin().lock().lines() {
        let (name, stats) = (line.expect("a line"), server.stats());
        let number = match name.as_str() {
            "errors" => stats.accept_errors,
            "told of errors" => told(ServerErrorKind::Accept),
            "told of threads" => told(ServerErrorKind::Thread),
            "workers" => stats.workers,
            "turned away" => stats.turned_away,
            "closed" => CloseReason::ALL.iter().map(|&why| stats.closed(why)).sum(),
            other => panic!("{other}?"),
        };
        println!("\n{name} {number}");
    }
    let panics = server.stats().panics;
    println!("\ncut {} panics {panics}", server.stop().cut);
    println!("\ntold of errors {}", told(ServerErrorKind::Accept));
}

pub struct Server {
    child: Child,
    orders: Option<ChildStdin>,
    says: BufReader<ChildStdout>,
    pub pid: u32,
    pub addr: SocketAddr,
}

impl Server {
    /// Serves under a tool: its words come before the program's.
    pub fn under(tool: &[&str]) -> Server {
        let program = env::current_exe().expect("this binary");
        Server::of(program, tool)
    }

    /// As `under`, from another copy of this binary.
    pub fn of(program: PathBuf, tool: &[&str]) -> Server {
        let mut child = Command::new(tool[0])
            .args(&tool[1..])
            .arg(program)
            .args(["--exact", "support::the_child", "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", tool[0]));
        let mut server = Server {
            orders: child.stdin.take(),
            says: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            pid: 0,
            addr: ([0, 0, 0, 0], 0).into(),
        };
        server.pid = server.hear("pid ").parse().expect("a number");
        server.addr = server.hear("addr ").parse().expect("an address");
        server
    }

    /// The rest of the next line that begins so.
    fn hear(&mut self, start: &str) -> String {
        let lines = self.says.by_ref().lines().map(|line| line.expect("a line"));
        let mut found = lines.filter_map(|line| line.strip_prefix(start).map(str::to_owned));
        found
            .next()
            .unwrap_or_else(|| panic!("the child is gone, and did not say {start}"))
    }

    /// One of its numbers, as [`the_child`] knows them.
    pub fn number(&mut self, name: &str) -> u64 {
        let orders = self.orders.as_mut().expect("it runs");
        writeln!(orders, "{name}").expect("it listens");
        self.hear(&format!("{name} ")).parse().expect("a number")
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.connect().get(path)
    }

    /// It must still be there, cut nobody off, and end well. How many errors it told of in all.
    pub fn stop(mut self) -> u64 {
        drop(self.orders.take());
        assert_eq!(self.hear("cut "), "0 panics 0");
        let told = self.hear("told of errors ").parse().expect("a number");
        assert!(self.child.wait().expect("its end").success());
        told
    }
}

/// A test that failed leaves no process behind: the server ends with its standard input, and then
/// so does the tool.
impl Drop for Server {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.child.wait();
    }
}

pub struct Client(pub TcpStream);

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&addr, GUARD).expect("a connection");
        stream.set_read_timeout(Some(GUARD)).expect("a timeout");
        stream.set_write_timeout(Some(GUARD)).expect("a timeout");
        Client(stream)
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("it is taken");
    }

    pub fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.response()
    }

    pub fn put(&mut self, path: &str, body: &[u8]) -> Reply {
        let length = body.len();
        self.send(format!(
            "PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        self.send(body);
        self.response()
    }

    /// The next response, which must be whole and say how long it is.
    pub fn response(&mut self) -> Reply {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte).expect("a head");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text");
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut reply = Reply {
            status: status.expect("a status"),
            head,
            body: Vec::new(),
        };
        let length = reply.header("Content-Length").parse().expect("a length");
        reply.body.resize(length, 0);
        self.0.read_exact(&mut reply.body).expect("all of it");
        reply
    }

    /// Waits for the end of the connection, before which nothing may come.
    pub fn closed(&mut self) {
        assert_eq!(self.0.read(&mut [0]).expect("the end"), 0);
    }
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        let start = format!("{name}: ");
        let found = self.head.lines().find_map(|line| line.strip_prefix(&start));
        found.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// Waits for something that can only be looked at.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < GUARD, "never happened: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A folder of the test's own, which others may look into. It goes when the test ends.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn of(test: &str) -> Folder {
        let name = format!("millpond-faults-{}-{test}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
