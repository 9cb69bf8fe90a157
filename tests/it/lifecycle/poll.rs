//! Promise 1: `poll_timeout(d)` returns within d + 20 ms under any load. Also the state of a server
//! before and between polls.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::{
    eventually, finishes, listen, timed, Client, KeepAliveMode, Load, GUARD, SLACK,
};
use millpond::{Request, Response, Server};

const PROMISED: Duration = Duration::from_millis(20);

type Handler = fn(&Request) -> Response;

fn echo(request: &Request) -> Response {
    Response::text(request.url())
}

#[test]
fn new_is_listening_when_it_returns() {
    let server = listen(echo);
    let mut client = Client::connect(server.server_addr());
    client.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
    server.poll();
    assert_eq!(client.response().text(), "/early");
}

#[test]
fn new_tells_the_real_address() {
    let addr = listen(echo).server_addr();
    assert!(addr.ip().is_loopback());
    assert_ne!(addr.port(), 0);
}

#[test]
fn new_fails_on_a_used_port() {
    let first = listen(echo);
    assert!(Server::new(first.server_addr(), echo).is_err());
    let foreign = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(Server::new(foreign.local_addr().unwrap(), echo).is_err());
}

#[test]
fn new_fails_without_an_address() {
    assert!(Server::new("no port here", echo).is_err());
}

#[test]
#[should_panic(expected = "invalid pool size 0: expected at least 1 worker")]
fn a_pool_of_none_panics() {
    let _ = listen(echo).pool_size(0);
}

#[test]
fn a_pool_of_one_answers() {
    let server = listen(echo).pool_size(1);
    let mut first = Client::connect(server.server_addr());
    let mut second = Client::connect(server.server_addr());
    server.poll();
    for path in ["/a", "/b"] {
        assert_eq!(first.get(path).text(), path);
        assert_eq!(second.get(path).text(), path);
    }
}

#[test]
fn poll_returns_at_once_when_nobody_waits() {
    let server = listen(echo);
    for _ in 0..3 {
        let ((), took) = timed(|| server.poll());
        assert!(took < SLACK, "{took:?}");
    }
}

#[test]
fn poll_takes_all_that_wait() {
    let server = listen(echo);
    let mut clients: Vec<Client> = (0..20)
        .map(|_| Client::connect(server.server_addr()))
        .collect();
    for client in &mut clients {
        client.send("GET /queued HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    server.poll();
    for client in &mut clients {
        assert_eq!(client.response().text(), "/queued");
        // Between polls those accepted are served on.
        assert_eq!(client.get("/again").text(), "/again");
    }
}

#[test]
fn poll_returns_at_once_under_load() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        under_load(mode, |server| {
            for _ in 0..200 {
                let polled = Arc::clone(server);
                let took = finishes(GUARD, move || timed(|| polled.poll()).1);
                assert!(took < PROMISED + SLACK, "{took:?}");
                thread::sleep(Duration::from_millis(1)); // Let some queue up.
            }
        });
    }
}

#[test]
fn poll_timeout_returns_on_time_under_load() {
    for mode in [KeepAliveMode::KeepAlive, KeepAliveMode::Close] {
        under_load(mode, |server| {
            for millis in [1, 10, 100, 250] {
                let asked = Duration::from_millis(millis);
                on_time(server, asked);
            }
        });
    }
}

#[test]
fn poll_timeout_waits_its_whole_time_when_nobody_comes() {
    let server = Arc::new(listen(echo as Handler));
    for millis in [5, 50, 200] {
        on_time(&server, Duration::from_millis(millis));
    }
    let took = finishes(GUARD, move || {
        timed(|| server.poll_timeout(Duration::ZERO)).1
    });
    assert!(took < SLACK, "{took:?}");
}

/// A kernel's timeout counts from each accept, the deadline from the call.
#[test]
fn poll_timeout_is_not_stretched_by_a_late_connection() {
    let server = Arc::new(listen(echo as Handler));
    let asked = Duration::from_millis(1500);
    let addr = server.server_addr();
    let client = thread::spawn(move || {
        thread::sleep(asked * 2 / 3);
        Client::connect(addr)
    });
    let polled = Arc::clone(&server);
    let took = finishes(GUARD, move || timed(|| polled.poll_timeout(asked)).1);
    assert!(took >= asked, "{took:?} of {asked:?}");
    // From the accept it would be until a second later.
    assert!(took < asked + SLACK, "{took:?}");
    assert_eq!(client.join().unwrap().get("/late").text(), "/late");
}

#[test]
fn poll_timeout_accepts_what_is_queued_however_short_it_is() {
    let server = listen(echo);
    for _ in 0..20 {
        let mut client = Client::connect(server.server_addr());
        client.send("GET /queued HTTP/1.1\r\nHost: a\r\n\r\n");
        server.poll_timeout(Duration::from_nanos(1));
        assert_eq!(client.response().text(), "/queued");
    }
}

#[test]
fn poll_timeout_returns_on_time_on_two_threads_at_once() {
    let server = Arc::new(listen(echo as Handler));
    let asked = Duration::from_millis(150);
    let other = Arc::clone(&server);
    let other = thread::spawn(move || on_time(&other, asked));
    on_time(&server, asked);
    other.join().unwrap();
}

/// Polls five times: never short of the time, never long beyond all measure, and as promised
/// whenever the machine lets it.
fn on_time(server: &Arc<Server<Handler>>, asked: Duration) {
    let mut shortest = Duration::MAX;
    for _ in 0..5 {
        let polled = Arc::clone(server);
        let took = finishes(GUARD, move || timed(|| polled.poll_timeout(asked)).1);
        assert!(took >= asked, "{took:?} of {asked:?}");
        assert!(took < asked + PROMISED + SLACK, "{took:?} of {asked:?}");
        shortest = shortest.min(took);
    }
    assert!(shortest <= asked + PROMISED, "{shortest:?} of {asked:?}");
}

/// Shows `act` a server that six clients keep busy.
fn under_load(mode: KeepAliveMode, act: impl FnOnce(&Arc<Server<Handler>>)) {
    let server = Arc::new(listen(echo as Handler));
    let polled = Arc::clone(&server);
    // Something must poll until the load has begun.
    let (begun, has_begun) = std::sync::mpsc::channel();
    let poller = thread::spawn(move || {
        while has_begun.try_recv().is_err() {
            polled.poll_timeout(Duration::from_millis(5));
        }
    });
    let load = Load::on(server.server_addr(), 6, mode);
    begun.send(()).unwrap();
    finishes(GUARD, move || poller.join().unwrap());
    act(&server);
    assert!(load.answered() > 6);
    // Clients that still wait in the queue are closed with the listener.
    eventually("nobody polls any more", || Arc::strong_count(&server) == 1);
    drop(server);
    load.end();
}
