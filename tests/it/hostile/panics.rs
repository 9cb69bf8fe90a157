//! Promise 10: a panicking handler is a 500; the worker, the pool, the lock and the drain go on.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::thread;

use crate::support::{drain_observer, finishes, get, listen, serve, serve_as, serve_routes};
use crate::support::{Barrier, Client, GUARD};
use millpond::{Request, Response, ResponseBody, Route, Router};

/// Panics as a handler would, without a line on the tests' output.
fn fail() -> ! {
    resume_unwind(Box::new("a handler's mistake"))
}

fn fragile(request: &Request) -> Response {
    match request.raw_url() {
        "/panic" => fail(),
        _ => Response::text(request.url()),
    }
}

#[test]
fn is_a_500_that_tells_nothing() {
    let server = serve(|_: &Request| panic!("the secret of the house"));
    let reply = server.get("/");
    assert_eq!(reply.status, 500);
    assert!(!reply.text().contains("secret"));
}

#[test]
fn the_connection_goes_on() {
    let server = serve(fragile);
    let mut client = server.connect();
    for _ in 0..5 {
        assert_eq!(client.get("/panic").status, 500);
        assert_eq!(client.get("/fine").text(), "/fine");
    }
}

/// More panics than workers: if each ended a worker, none would be left.
#[test]
fn no_worker_is_lost() {
    for pool_size in [1, 2, 4] {
        let server = serve_as(fragile, |server| server.pool_size(pool_size));
        for _ in 0..3 * pool_size {
            assert_eq!(server.get("/panic").status, 500);
        }
        let mut clients: Vec<Client> = (0..8).map(|_| server.connect()).collect();
        for client in &mut clients {
            client.send("GET /panic HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.response().status, 500);
            assert_eq!(client.get("/fine").text(), "/fine");
        }
    }
}

/// As many handlers at once as there are workers, after as many panics.
#[test]
fn the_pool_keeps_its_size() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = serve_as(
        move |request: &Request| {
            if request.raw_url() == "/wait" {
                at_barrier.wait();
            }
            fragile(request)
        },
        |server| server.pool_size(4),
    );
    for _ in 0..12 {
        assert_eq!(server.get("/panic").status, 500);
    }
    let mut clients: Vec<Client> = (0..4).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(4);
    barrier.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "/wait");
    }
}

#[test]
fn is_counted() {
    let server = serve_routes(vec![Route::get("/").onconnect(|_| fail())]);
    let mut client = Client::connect(server.addr());
    for _ in 0..7 {
        assert_eq!(client.get("/").status, 500);
        assert_eq!(client.get("/nowhere").status, 404);
    }
    let stats = server.stats();
    assert_eq!((stats.panics, stats.requests), (7, 14));
    assert_eq!((stats.responses[3], stats.responses[4]), (7, 7));
    let _ = server.stop();
}

#[test]
fn the_routes_can_be_changed_afterwards() {
    let router = Router::default();
    let within = router.clone();
    router.add(Route::get("/").onconnect(move |_| {
        within.add(Route::get("/half").onconnect(|_| Response::text("half")));
        fail()
    }));
    router.fallback(|_| fail());
    let server = router.serve_managed(([127, 0, 0, 1], 0)).unwrap();
    assert_eq!(get(server.addr(), "/").status, 500);
    assert_eq!(get(server.addr(), "/nowhere").status, 500);
    assert_eq!(get(server.addr(), "/half").text(), "half");
    assert!(router.remove("GET", "/half"));
    router.add(Route::get("/").onconnect(|_| Response::text("mended")));
    assert_eq!(get(server.addr(), "/").text(), "mended");
    let _ = server.stop();
}

/// The values of a replaced handler may panic when they are dropped, in the thread that replaced
/// it.
#[test]
fn the_routes_survive_a_panic_while_one_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            fail()
        }
    }
    let bomb = Bomb;
    let server = serve_routes(vec![Route::get("/").onconnect(move |_| {
        let _ = &bomb;
        Response::text("old")
    })]);
    assert_eq!(get(server.addr(), "/").text(), "old");
    let router = server.router();
    let replacing = thread::spawn(move || {
        router.add(Route::get("/").onconnect(|_| Response::text("new")));
    });
    assert!(replacing.join().is_err());
    assert_eq!(get(server.addr(), "/").text(), "new");
    let _ = server.stop();
}

#[test]
fn a_drain_goes_on() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = serve_routes(vec![Route::get("/wait").onconnect(move |_| {
        at_barrier.wait();
        fail()
    })]);
    let mut clients: Vec<Client> = (0..4).map(|_| Client::connect(server.addr())).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    barrier.wait_for_arrivals(4);
    let mut drain_observer = drain_observer(&server, 4);
    let stopped = thread::spawn(move || server.stop());
    drain_observer.closed();
    barrier.open();
    let drained = finishes(GUARD, move || stopped.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (4, 0));
    for client in &mut clients {
        assert_eq!(client.response().status, 500);
        client.closed();
    }
}

#[test]
fn a_panic_in_a_body_is_cut_short_and_no_more() {
    struct Breaks(usize);
    impl Read for Breaks {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            if self.0 > 3 {
                fail()
            }
            buf[..10].copy_from_slice(b"0123456789");
            Ok(10)
        }
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let server = listen(move |request: &Request| {
        counts.fetch_add(1, Ordering::Relaxed);
        match request.raw_url() {
            "/breaks" => Response {
                data: ResponseBody::from_reader(Breaks(0)),
                ..Response::text("")
            },
            _ => fragile(request),
        }
    })
    .pool_size(2);
    let addr = server.server_addr();
    let (handle, sender) = server.stoppable();
    for _ in 0..6 {
        let mut client = Client::connect(addr);
        client.send("GET /breaks HTTP/1.1\r\nHost: a\r\n\r\n");
        // The client can see that the body is not whole.
        assert!(client.try_response("GET").is_err());
    }
    assert_eq!(get(addr, "/fine").text(), "/fine");
    assert_eq!(asked.load(Ordering::Relaxed), 7);
    drop(sender);
    finishes(GUARD, move || handle.join().unwrap());
}
