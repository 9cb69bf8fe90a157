//! Clients that send requests until they are stopped, check every byte, and count the failures. A
//! failure is anything but the whole right answer; nothing is tried again.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::{Client, Reply};

/// Between two requests of one client, so that a shortage of CPU causes no failure.
const PAUSE: Duration = Duration::from_micros(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    GetKeepAlive,
    GetClose,
    Get50Ms,
    PostKeepAlive,
    PostClose,
    Post200KiB,
    Get1MiB,
}

impl Kind {
    /// With how many clients there are of each.
    pub const ALL: [(Kind, usize); 7] = [
        (Kind::GetKeepAlive, 2),
        (Kind::GetClose, 2),
        (Kind::Get50Ms, 4),
        (Kind::PostKeepAlive, 2),
        (Kind::PostClose, 2),
        (Kind::Post200KiB, 1),
        (Kind::Get1MiB, 1),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::GetKeepAlive => "GET, keep-alive",
            Kind::GetClose => "GET, close",
            Kind::Get50Ms => "GET, a handler of 50 ms",
            Kind::PostKeepAlive => "POST 2 KB, keep-alive",
            Kind::PostClose => "POST 2 KB, close",
            Kind::Post200KiB => "POST 200 KiB",
            Kind::Get1MiB => "GET of 1 MiB",
        }
    }

    fn closes(self) -> bool {
        matches!(self, Kind::GetClose | Kind::PostClose)
    }

    /// The request of that number, and its right answer.
    fn exchange(self, number: u64) -> (&'static str, &'static str, Vec<u8>, Vec<u8>) {
        // No two requests of a client are alike, so that no answer is taken for another's.
        let body = |length: usize| {
            let mut body = format!("{number}:").into_bytes();
            body.resize_with(length, || b'a' + (number % 26) as u8);
            body
        };
        let post = |length| ("POST", "/echo", body(length), body(length));
        match self {
            Kind::GetKeepAlive | Kind::GetClose => {
                ("GET", "/sleep?ms=0", Vec::new(), b"slept\n".to_vec())
            }
            Kind::Get50Ms => ("GET", "/sleep?ms=50", Vec::new(), b"slept\n".to_vec()),
            Kind::PostKeepAlive | Kind::PostClose => post(2_000),
            Kind::Post200KiB => post(200 * 1024),
            Kind::Get1MiB => ("GET", "/large", Vec::new(), b"millpond".repeat(1 << 17)),
        }
    }
}

#[derive(Debug, Default)]
pub struct Tally {
    pub whole: u64,
    /// The failures, in words.
    pub failed: Vec<String>,
}

pub type Tallies = BTreeMap<Kind, Tally>;

/// Where clients connect to.
pub trait Places: Send + Sync + 'static {
    fn connect(&self) -> io::Result<Client>;
}

impl Places for SocketAddr {
    fn connect(&self) -> io::Result<Client> {
        Client::try_connect(*self)
    }
}

pub struct Load {
    over: Arc<AtomicBool>,
    clients: Vec<(Kind, JoinHandle<Tally>)>,
}

impl Load {
    pub fn begin(places: Arc<dyn Places>) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let mut clients = Vec::new();
        for (kind, count) in Kind::ALL {
            for _ in 0..count {
                let (over, places) = (Arc::clone(&over), Arc::clone(&places));
                clients.push((kind, thread::spawn(move || run(kind, &*places, &over))));
            }
        }
        Load { over, clients }
    }

    pub fn end(self) -> Tallies {
        self.over.store(true, Ordering::Relaxed);
        let mut tallies = Tallies::new();
        for (kind, client) in self.clients {
            let tally = client.join().expect("a client does not panic");
            let sum = tallies.entry(kind).or_default();
            sum.whole += tally.whole;
            sum.failed.extend(tally.failed);
        }
        tallies
    }
}

fn run(kind: Kind, places: &dyn Places, over: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    let mut kept = None;
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let (method, target, body, want) = kind.exchange(number);
        let client = kept.take().map_or_else(|| places.connect(), Ok);
        let asked = client.and_then(|mut client| {
            let reply = ask(&mut client, method, target, kind.closes(), &body)?;
            Ok((client, reply))
        });
        match asked {
            Ok((client, reply)) if reply.status == 200 && reply.body == want => {
                tally.whole += 1;
                kept = Some(client).filter(|_| reply.keeps());
            }
            Ok((_, Reply { status, body, .. })) => {
                let failure = format!("status {status}, {} bytes", body.len());
                tally.failed.push(failure);
            }
            Err(e) => tally.failed.push(e.to_string()),
        }
        thread::sleep(PAUSE);
    }
    tally
}

/// Sends one request and returns its whole response. Nothing is tried again.
pub fn ask(
    client: &mut Client,
    method: &str,
    target: &str,
    close: bool,
    body: &[u8],
) -> io::Result<Reply> {
    let close = if close { "Connection: close\r\n" } else { "" };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\n{close}Content-Length: {}\r\n\r\n",
        body.len()
    );
    client.try_send([head.as_bytes(), body].concat())?;
    let reply = client.try_response(method);
    reply.map_err(|cut| io::Error::other(format!("{cut:?}")))
}
