//! Promise 3: `join()` returns once every request in flight at the call is answered, even if new
//! ones keep coming.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::{finishes, listen, timed, Barrier, Client, KeepAliveMode, Load, GUARD, SLACK};
use millpond::{Request, Response, Server};

type Handler = Box<dyn Fn(&Request) -> Response + Send + Sync>;

/// A server that is polled by a thread, as its owner goes on using it.
struct Polled {
    server: Arc<Server<Handler>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Polled {
    fn new(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Polled {
        let server = Arc::new(listen(Box::new(handler) as Handler));
        let over = Arc::new(AtomicBool::new(false));
        let (polled, ends) = (Arc::clone(&server), Arc::clone(&over));
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                polled.poll_timeout(Duration::from_millis(5));
            }
        });
        Polled {
            server,
            over,
            thread: Some(thread),
        }
    }

    fn connect(&self) -> Client {
        Client::connect(self.server.server_addr())
    }

    /// Joins, and says how long that took.
    fn join(&self) -> Duration {
        let server = Arc::clone(&self.server);
        finishes(GUARD, move || timed(|| server.join()).1)
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// `/slow…` waits at the barrier of its path, everything else is answered at once.
fn with_barriers(barriers: &[(&'static str, Barrier)]) -> impl Fn(&Request) -> Response {
    let barriers = barriers.to_vec();
    move |request| {
        for (path, barrier) in &barriers {
            if request.raw_url() == *path {
                barrier.wait();
            }
        }
        Response::text(request.url())
    }
}

#[test]
fn returns_at_once_when_nothing_is_in_flight() {
    let server = Polled::new(with_barriers(&[]));
    assert!(server.join() < SLACK);
}

#[test]
fn returns_while_new_requests_keep_coming() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        let barrier = Barrier::default();
        let server = Polled::new(with_barriers(&[("/slow", barrier.clone())]));
        let load = Load::on(server.server.server_addr(), 4, mode);
        let mut clients: Vec<Client> = (0..3).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        barrier.wait_for_arrivals(3);
        let mut idle = server.connect();
        idle.get("/");
        let joined = {
            let server = Arc::clone(&server.server);
            thread::spawn(move || server.join())
        };
        // The join has begun: new requests are answered meanwhile, and it waits for those in
        // flight.
        idle.closed();
        load.each_answered(20);
        assert!(!joined.is_finished());
        barrier.open();
        finishes(SLACK, move || joined.join().unwrap());
        for client in &mut clients {
            let reply = client.response();
            assert_eq!(reply.text(), "/slow");
            assert_eq!(reply.header("Connection"), Some("close"));
            client.closed();
        }
        // Again, with nothing but the load: the join does not wait for its end.
        for _ in 0..5 {
            assert!(server.join() < SLACK);
        }
        load.each_answered(5);
        let tally = load.end();
        assert_eq!(tally.refused, 0);
        // The client's thread may have been stalled for longer than the grace of a new connection.
        assert!(tally.dropped <= 1, "{tally:?}");
    }
}

#[test]
fn does_not_wait_for_requests_that_came_later() {
    let (early, late) = (Barrier::default(), Barrier::default());
    let server = Polled::new(with_barriers(&[
        ("/early", early.clone()),
        ("/late", late.clone()),
    ]));
    let mut first = server.connect();
    first.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
    early.wait_for_arrivals(1);
    let mut idle = server.connect();
    idle.get("/");
    let joined = {
        let server = Arc::clone(&server.server);
        thread::spawn(move || server.join())
    };
    idle.closed(); // So `join` has begun.
    let mut second = server.connect();
    second.send("GET /late HTTP/1.1\r\nHost: a\r\n\r\n");
    late.wait_for_arrivals(1);
    assert!(!joined.is_finished());
    early.open();
    finishes(SLACK, move || joined.join().unwrap());
    assert_eq!(first.response().text(), "/early");
    late.open();
    assert_eq!(second.response().text(), "/late");
    // It is none of the connections that were joined: it goes on.
    assert_eq!(second.get("/more").text(), "/more");
}

#[test]
fn ends_idle_connections() {
    let server = Polled::new(with_barriers(&[]));
    let mut clients: Vec<Client> = (0..10).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.get("/");
        client.open();
    }
    assert!(server.join() < SLACK);
    clients.iter_mut().for_each(Client::closed);
}

#[test]
fn half_a_request_is_not_waited_for() {
    let server = Polled::new(with_barriers(&[]));
    let mut half = server.connect();
    half.get("/");
    half.send("GET / HTTP/1.1\r\nHo");
    let mut other = server.connect();
    other.get("/");
    assert!(server.join() < SLACK);
    half.closed();
}

#[test]
fn the_server_goes_on_afterwards() {
    let server = Polled::new(with_barriers(&[]));
    for _ in 0..3 {
        assert_eq!(server.connect().get("/before").text(), "/before");
        server.join();
        assert_eq!(server.connect().get("/after").text(), "/after");
    }
}

/// The rolling update of the first page: queued connections are accepted, requests in flight are
/// answered.
#[test]
fn a_rolling_update_loses_nothing() {
    let server = listen(|request: &Request| Response::text(request.url()));
    let addr = server.server_addr();
    let mut clients: Vec<Client> = (0..20).map(|_| Client::connect(addr)).collect();
    for client in &mut clients {
        client.send("GET /queued HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    server.poll_timeout(Duration::from_millis(100)); // queued connections
    server.join(); // requests in flight
    drop(server);
    for client in &mut clients {
        assert_eq!(client.response().text(), "/queued");
        client.closed();
    }
}
