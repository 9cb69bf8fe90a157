//! The server of one cell: its routes bring a client into any phase, and it reports the end of the
//! client.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{eventually_equals, Barrier, Client, SLACK};
use millpond::{BackgroundServer, CloseReason, Limits, ReadWrite, Request, Response, ResponseBody};
use millpond::{Router, Settings, Stats, Upgrade};

pub const HEAD_TIMEOUT: u64 = 400;
pub const IDLE_TIMEOUT: u64 = 900;
const POOL: usize = 4;
/// More than any pair of sockets holds.
pub const LARGE: usize = 16 * 1024 * 1024;
/// Longer than the longest cell.
const MAX_WAIT: Duration = Duration::from_secs(20);

/// How to know that a client is in its phase.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The client has sent its bytes.
    Sent,
    /// Its handler runs.
    Handler,
    /// The first byte of its answer has come.
    Began,
    /// Its answer has come and was read.
    Answered,
}

pub struct PhaseServer {
    server: BackgroundServer,
    /// Where `/wait` waits.
    barrier: Barrier,
    /// Where every other handler that reads a body is seen to come.
    came: Barrier,
    seen: Seen,
}

/// The observations of handlers and readers, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
}

impl PhaseServer {
    pub fn open() -> PhaseServer {
        let (barrier, came, seen) = (Barrier::default(), Barrier::default(), Seen::default());
        came.open();
        let meeting = Arc::new(std::sync::Barrier::new(POOL));
        let router = Router::default();
        let (at_barrier, comes, sees) = (barrier.clone(), came.clone(), seen.clone());
        router.fallback(move |request: &Request| match request.raw_url() {
            "/read" => {
                comes.wait();
                read(request, &sees)
            }
            "/wait" => {
                comes.wait();
                at_barrier.wait();
                sees.note("passed");
                Response::text("passed")
            }
            "/meet" => {
                meeting.wait();
                Response::text("met")
            }
            "/big" => Response::from_data("text/plain", vec![b'x'; LARGE]),
            "/stream" => Response {
                data: ResponseBody::from_reader(Zeros(LARGE, sees.clone())),
                ..Response::text("")
            },
            "/upgrade" => Response {
                status_code: 101,
                headers: vec![("Upgrade".into(), "echo".into())],
                upgrade: Some(Box::new(Echo(sees.clone()))),
                ..Response::empty_204()
            },
            _ => Response::text("fine"),
        });
        let limits = Limits {
            head_timeout: Duration::from_millis(HEAD_TIMEOUT),
            idle_timeout: Duration::from_millis(IDLE_TIMEOUT),
            buffered_body_bytes: 1024,
            ..Limits::default()
        };
        let settings = Settings::default().pool_size(POOL).limits(limits);
        let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
        PhaseServer {
            server: server.expect("a free port"),
            barrier,
            came,
            seen,
        }
    }

    pub fn connect(&self) -> Client {
        let client = Client::connect(self.server.addr());
        let patient = client.stream.set_read_timeout(Some(MAX_WAIT));
        patient.expect("a timeout");
        client
    }

    /// Waits until the client is in its phase. One that is to be reset keeps something unread.
    pub fn reached(&self, client: &mut Client, how: Reached, resets: bool) {
        match how {
            Reached::Sent => {}
            Reached::Handler => self.came.wait_for_arrivals(1),
            Reached::Answered if !resets => drop(client.response()),
            Reached::Began | Reached::Answered => {
                client.stream.peek(&mut [0]).expect("an answer");
            }
        }
    }

    /// Releases the handler, whose wait is over.
    pub fn release(&self) {
        self.barrier.open();
    }

    /// Waits until the server has closed its one client, which reads a byte now and then if `sips`.
    pub fn wait_until_gone(&self, sips: bool, client: &mut Client) {
        self.wait_until_empty_after(|| {
            if sips {
                let _ = client.stream.read(&mut [0]);
            }
            // The pace of a client, not a wait for anything.
            thread::sleep(Duration::from_millis(20));
        });
    }

    /// Waits until the one client has come and gone.
    pub fn wait_until_empty(&self) {
        self.wait_until_empty_after(|| thread::sleep(Duration::from_millis(1)));
    }

    fn wait_until_empty_after(&self, mut pause: impl FnMut()) {
        let began = Instant::now();
        let waits = |stats: Stats| stats.accepted == 0 || stats.open > 0;
        while waits(self.server.stats()) {
            assert!(began.elapsed() < MAX_WAIT, "it is never over");
            pause();
        }
    }

    /// The one client ended for this reason and the handler saw this; and the server is as it was.
    pub fn closes(self, reason: CloseReason, seen: &str) {
        self.wait_until_empty();
        let stats = self.server.stats();
        let all: u64 = CloseReason::ALL.iter().map(|&r| stats.closed(r)).sum();
        assert_eq!((all, stats.closed(reason)), (1, 1), "{reason:?}: {stats:?}");
        assert_eq!(
            (stats.accepted, stats.in_flight, stats.panics),
            (1, 0, 0),
            "{stats:?}"
        );
        // All handlers at once take all the workers there are: none of them is stuck.
        let mut clients: Vec<Client> = (0..POOL).map(|_| self.connect()).collect();
        for client in &mut clients {
            client.send("GET /meet HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.response().text(), "met");
        }
        // An upgrade's thread is its own and may be a moment behind.
        eventually_equals(SLACK, &seen.to_owned(), || {
            self.seen.0.lock().unwrap().concat()
        });
        let drained = self.server.stop();
        assert_eq!(drained.cut, 0);
        assert!(drained.took < SLACK, "{drained:?}");
    }
}

fn read(request: &Request, seen: &Seen) -> Response {
    let mut data = request.data().expect("the first to ask");
    match io::copy(&mut data, &mut io::sink()) {
        Ok(count) => {
            seen.note(count.to_string());
            Response::text(count.to_string())
        }
        Err(e) => {
            seen.note(format!("{:?}", e.kind()));
            Response::text("").with_status_code(400)
        }
    }
}

/// So many zeros. Dropped it says so.
struct Zeros(usize, Seen);

impl Read for Zeros {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = buf.len().min(self.0);
        buf[..count].fill(0);
        self.0 -= count;
        Ok(count)
    }
}

impl Drop for Zeros {
    fn drop(&mut self) {
        self.1.note("dropped");
    }
}

struct Echo(Seen);

impl Upgrade for Echo {
    fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
        let mut buf = [0; 64];
        let end = loop {
            match socket.read(&mut buf) {
                Ok(0) => break "end".to_owned(),
                Ok(count) => socket.write_all(&buf[..count]).expect("a client"),
                Err(e) => break format!("{:?}", e.kind()),
            }
        };
        self.0.note(end);
    }
}
