//! What the tests share: servers that end with their test, a raw client, and latches to meet
//! handlers at.

use std::io;
use std::net::SocketAddr;
use std::sync::{mpsc, Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use millpond::{BackgroundServer, Request, Response, Route, Router, Server};

mod client;
mod echo;
mod folder;
mod load;
pub use self::client::{Client, Cut, Reply};
pub use self::echo::switch;
pub use self::folder::Folder;
pub use self::load::{Habit, Load};

/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(5);
/// Added to every bound that a promise names: the machines of a CI stall for 100 ms at times, and
/// for longer where others are busy on them.
pub const SLACK: Duration = Duration::from_millis(800);

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

/// A connection that sees a drain begin: it is closed then, when all older ones have been told.
/// There are so many requests in flight, and not a moment later the one that it has just made.
pub fn witness(server: &BackgroundServer, in_flight: u64) -> Client {
    let mut client = Client::connect(server.addr());
    client.get("/");
    eventually("the witness is idle", || {
        server.stats().in_flight == in_flight
    });
    client
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

/// A handler that reads the body: how long it is, or with 400 why there is no more of it.
pub fn measure(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    match io::copy(&mut data, &mut io::sink()) {
        Ok(length) => Response::text(length.to_string()),
        Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
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
