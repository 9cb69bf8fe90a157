//! Clients that send requests as fast as they are answered, and count the outcome of each.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{eventually, Client, Incomplete};
use millpond::Address;

/// How a load's clients use their connections.
#[derive(Clone, Copy)]
pub enum KeepAliveMode {
    KeepAlive,
    Close,
    /// Every second client the one, the others the other.
    Mixed,
}

/// Threads that send requests for `/<client>/<number>` and expect the path as the beginning of the
/// body.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Tally>>,
}

struct Shared {
    target: Mutex<Address>,
    over: AtomicBool,
    /// Whole responses, of each client.
    whole: Vec<AtomicU64>,
}

/// The outcomes of the requests.
#[derive(Debug, Default)]
pub struct Tally {
    /// Answered whole.
    pub whole: u64,
    /// No connection was to be had.
    pub refused: u64,
    /// A connection that had served before was closed before the first byte of the next response,
    /// which every HTTP/1.1 client must expect.
    pub retried: u64,
    /// A new connection was closed before the first byte of its first response.
    pub dropped: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.whole += other.whole;
        self.refused += other.refused;
        self.retried += other.retried;
        self.dropped += other.dropped;
    }
}

impl Load {
    /// Begins, and returns when every client has been answered.
    pub fn on(addr: impl Into<Address>, clients: usize, mode: KeepAliveMode) -> Load {
        let shared = Arc::new(Shared {
            target: Mutex::new(addr.into()),
            over: AtomicBool::new(false),
            whole: (0..clients).map(|_| AtomicU64::new(0)).collect(),
        });
        let clients = (0..clients)
            .map(|number| {
                let shared = Arc::clone(&shared);
                let keep = match mode {
                    KeepAliveMode::KeepAlive => true,
                    KeepAliveMode::Close => false,
                    KeepAliveMode::Mixed => number % 2 == 0,
                };
                thread::spawn(move || ask_on(&shared, number, keep))
            })
            .collect();
        let load = Load { shared, clients };
        load.each_answered(1);
        load
    }

    /// Waits until every client has had so many more answers.
    pub fn each_answered(&self, more: u64) {
        for whole in &self.shared.whole {
            let least = whole.load(Ordering::Relaxed) + more;
            eventually("every client is answered", || {
                whole.load(Ordering::Relaxed) >= least
            });
        }
    }

    /// Whole responses so far.
    pub fn answered(&self) -> u64 {
        let whole = self.shared.whole.iter();
        whole.map(|whole| whole.load(Ordering::Relaxed)).sum()
    }

    /// New connections go to `addr` from now on.
    pub fn turn_to(&self, addr: impl Into<Address>) {
        *self.shared.target.lock().unwrap() = addr.into();
    }

    /// Ends the clients. Any response that was cut after its first byte fails the test here.
    pub fn end(mut self) -> Tally {
        self.shared.over.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for client in self.clients.drain(..) {
            sum += client.join().expect("a client of the load");
        }
        sum
    }
}

/// A test that failed leaves no threads behind that hammer for ever.
impl Drop for Load {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

fn ask_on(shared: &Shared, number: usize, keep: bool) -> Tally {
    let mut tally = Tally::default();
    let mut kept: Option<Client> = None;
    while !shared.over.load(Ordering::Relaxed) {
        let fresh = kept.is_none();
        let target = shared.target.lock().unwrap().clone();
        let mut client = match kept.take().map_or_else(|| Client::try_at(&target), Ok) {
            Ok(client) => client,
            Err(_) => {
                tally.refused += 1;
                thread::sleep(Duration::from_micros(200)); // Leave the core to the server.
                continue;
            }
        };
        match ask(&mut client, number, tally.whole, keep) {
            Ok(keeps) => {
                tally.whole += 1;
                shared.whole[number].fetch_add(1, Ordering::Relaxed);
                kept = if keeps { Some(client) } else { None };
            }
            Err(Incomplete::Unstarted) if fresh => tally.dropped += 1,
            Err(Incomplete::Unstarted) => tally.retried += 1,
            Err(cut) => panic!("a response was cut: {cut:?}"),
        }
    }
    tally
}

/// Asks once. True if the server keeps the connection.
fn ask(client: &mut Client, number: usize, count: u64, keep: bool) -> Result<bool, Incomplete> {
    let path = format!("/{number}/{count}");
    let connection = if keep { "keep-alive" } else { "close" };
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: {connection}\r\n\r\n");
    client
        .try_send(request)
        .map_err(|_| Incomplete::Unstarted)?;
    let reply = client.try_response("GET")?;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.starts_with(path.as_bytes()), "{reply:?}");
    let closes = !reply.keeps();
    assert!(keep || closes, "{reply:?}");
    Ok(!closes)
}
