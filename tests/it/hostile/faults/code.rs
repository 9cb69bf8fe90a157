//! The program's code panics, or never returns, wherever it is called: in a handler, in the reader
//! of a body, in a panic's payload, and in a `drop`. The worker and all other requests go on, and
//! as much of this request as possible.

use std::io::{self, Read};
use std::panic::resume_unwind;
use std::sync::Mutex;

use crate::support::{eventually, finishes, serve_as, Barrier, Client, GUARD, SLACK};
use millpond::{BackgroundServer, CloseReason, ReadWrite, Request, Response, ResponseBody};
use millpond::{Router, Settings, Upgrade};

/// Thrown again by its own drop, without end.
struct Endless;

impl Drop for Endless {
    fn drop(&mut self) {
        resume_unwind(Box::new(Endless))
    }
}

fn throw() -> ! {
    resume_unwind(Box::new(Endless))
}

fn serve(
    pool_size: usize,
    handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> BackgroundServer {
    let router = Router::default();
    router.fallback(handler);
    let settings = Settings::default().pool_size(pool_size);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

fn streamed(reader: impl Read + Send + 'static, size: Option<usize>) -> Response {
    Response {
        data: match size {
            Some(size) => ResponseBody::from_reader_and_size(reader, size),
            None => ResponseBody::from_reader(reader),
        },
        ..Response::text("")
    }
}

/// Handlers are not ours to mend: those that `unwrap` a lock that one of them has poisoned are a
/// 500 each, and that is all.
#[test]
fn a_poisoned_lock_of_the_users_is_a_500_for_who_takes_it() {
    let account = Mutex::new(0);
    let server = serve(2, move |request| match request.raw_url() {
        "/break" => {
            let _held = account.lock().unwrap();
            resume_unwind(Box::new("while it is held"))
        }
        "/account" => match account.lock() {
            Ok(sum) => Response::text(sum.to_string()),
            Err(_) => resume_unwind(Box::new("poisoned")),
        },
        _ => Response::text("fine"),
    });
    let mut client = Client::connect(server.addr());
    assert_eq!(client.get("/account").text(), "0");
    assert_eq!(client.get("/break").status, 500);
    for _ in 0..10 {
        assert_eq!(client.get("/account").status, 500);
        assert_eq!(client.get("/").text(), "fine");
    }
    // The lock of the routes is ours, and no handler ever runs under it.
    server.router().fallback(|_| Response::text("changed"));
    assert_eq!(client.get("/account").text(), "changed");
    let stats = server.stats();
    assert_eq!((stats.panics, stats.accepted, stats.open), (11, 1, 1));
    assert_eq!(server.stop().cut, 0);
}

struct Throws;

impl Upgrade for Throws {
    fn build(&mut self, _: Box<dyn ReadWrite + Send>) {
        throw()
    }
}

/// Another thread would be aborted for it, and with it the process.
#[test]
fn what_is_thrown_may_throw_when_it_is_dropped() {
    for pool_size in [1, 2, 4] {
        let server = serve(pool_size, |request| match request.raw_url() {
            "/handler" => throw(),
            "/reader" => streamed(Read::chain(&b"some"[..], Letters::that(Then::Throws)), None),
            "/upgrade" => Response {
                status_code: 101,
                headers: vec![("Upgrade".into(), "nothing".into())],
                upgrade: Some(Box::new(Throws)),
                ..Response::empty_204()
            },
            _ => Response::text("fine"),
        });
        let mut keeps = Client::connect(server.addr());
        for _ in 0..2 * pool_size {
            assert_eq!(keeps.get("/handler").status, 500);
            assert_eq!(keeps.get("/").text(), "fine");
            let mut cut = Client::connect(server.addr());
            cut.send("GET /reader HTTP/1.1\r\nHost: a\r\n\r\n");
            assert!(cut.try_response("GET").is_err());
            let mut upgraded = Client::connect(server.addr());
            let ask = "Connection: upgrade\r\nUpgrade: nothing\r\n";
            upgraded.send(format!("GET /upgrade HTTP/1.1\r\nHost: a\r\n{ask}\r\n"));
            assert_eq!(upgraded.head().expect("a head").status, 101);
            upgraded.closed();
        }
        eventually("only one is left", || server.stats().open == 1);
        let failed = server.stats().closed(CloseReason::BodyFailed);
        assert_eq!(failed, 2 * pool_size as u64);
        assert_eq!(server.stop().cut, 0);
    }
}

#[derive(Clone)]
enum Then {
    Ends,
    Throws,
    /// Its drop throws.
    Bursts,
    /// Its drop waits there.
    Waits(Barrier),
}

/// So many letters, and then.
struct Letters {
    left: usize,
    then: Then,
}

impl Letters {
    fn that(then: Then) -> Letters {
        Letters { left: 0, then }
    }
}

impl Read for Letters {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let (0, Then::Throws) = (self.left, &self.then) {
            throw()
        }
        let count = buf.len().min(self.left);
        buf[..count].fill(b'x');
        self.left -= count;
        Ok(count)
    }
}

impl Drop for Letters {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.then, Then::Ends) {
            Then::Bursts => throw(),
            Then::Waits(barrier) => barrier.wait(),
            Then::Ends | Then::Throws => {}
        }
    }
}

const LARGE: usize = 16 * 1024 * 1024;

/// The first segment says how long it is, the second whether that is announced.
fn letters(request: &Request, then: &Then) -> Option<Response> {
    let url = request.url();
    let mut parts = url.split('/').skip(1);
    let left = parts.next()?.parse().ok()?;
    let then = then.clone();
    let size = parts.next().map(|_| left);
    Some(streamed(Letters { left, then }, size))
}

#[test]
fn a_reader_whose_drop_panics_has_its_answer_sent_whole_and_the_connection_kept() {
    let server = serve_as(
        |request: &Request| match request.raw_url() {
            "/204" => letters(request, &Then::Bursts)
                .map_or_else(Response::empty_204, |r| r.with_status_code(204)),
            _ => letters(request, &Then::Bursts).unwrap_or_else(|| Response::text("fine")),
        },
        |server| server.pool_size(1),
    );
    let mut client = server.connect();
    for length in [0, 5, 70_000, LARGE] {
        for known in ["", "/known"] {
            let path = format!("/{length}{known}");
            assert_eq!(client.get(&path).body.len(), length, "{path}");
            // It is dropped unread.
            assert_eq!(client.ask("HEAD", &path).status, 200, "{path}");
        }
    }
    assert_eq!(client.get("/204").status, 204);
    // A client that leaves within it.
    for known in ["", "/known"] {
        let mut leaves = server.connect();
        leaves.send(format!("GET /{LARGE}{known} HTTP/1.1\r\nHost: a\r\n\r\n"));
        leaves.take(1000).expect("the first of it");
    }
    assert_eq!(client.get("/").text(), "fine");
}

/// It holds its worker for as long as it likes, as a handler may, and nothing else.
#[test]
fn a_reader_whose_drop_never_returns_holds_nothing_but_its_worker() {
    for pool_size in [4, 5, 8] {
        let barrier = Barrier::default();
        let then = Then::Waits(barrier.clone());
        let server = serve(pool_size, move |request| {
            letters(request, &then).unwrap_or_else(|| Response::text("fine"))
        });
        let mut half = Client::connect(server.addr());
        half.send("GET / HTTP/1.1\r\nHo");
        let mut idle = Client::connect(server.addr());
        assert_eq!(idle.get("/").text(), "fine");
        // The first client gets a whole answer. The other leaves while its response waits in the
        // scan list, where one worker serves all connections.
        let mut whole = Client::connect(server.addr());
        assert_eq!(whole.get("/70000/known").body.len(), 70_000);
        barrier.wait_for_arrivals(1);
        let mut leaves = Client::connect(server.addr());
        leaves.send(format!("GET /{LARGE} HTTP/1.1\r\nHost: a\r\n\r\n"));
        leaves.take(1000).expect("the first of it");
        drop(leaves);
        barrier.wait_for_arrivals(2);
        // Neither is in flight any more, and all others are served.
        eventually("nothing is in flight", || server.stats().in_flight == 0);
        for _ in 0..10 {
            let mut fresh = Client::connect(server.addr());
            assert_eq!(fresh.get("/").text(), "fine", "{pool_size} workers");
        }
        assert_eq!(half.send("st: a\r\n\r\n").response().text(), "fine");
        assert_eq!(idle.get("/").text(), "fine");
        // A worker that does not come back keeps a stop waiting, but no longer than it may take.
        let drained = finishes(GUARD, move || server.stop_within(SLACK / 4));
        assert_eq!(drained.cut, 0);
        barrier.open();
    }
}
