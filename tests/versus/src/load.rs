//! The driver's own clients: the check before every run, the load at a fixed rate and the idle
//! connections. Each connection has a thread, so a starved one is seen instead of being averaged
//! away.

use crate::process;
use crate::report::Sample;
use crate::support::Client;
use crate::work::Traffic;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Clients need little stack, and there are a thousand of them.
const CLIENT_STACK: usize = 64 * 1024;
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: versus\r\n\r\n";
const HELLO_BYTES: u64 = 11;
/// Beyond this a client counts its request as lost.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// One request on a fresh connection.
///
/// # Errors
///
/// Anything but a 200 of eleven bytes.
pub fn says_hello(addr: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + MAX_WAIT;
    hello(&mut connect(addr, deadline)?, deadline)
}

fn connect(addr: SocketAddr, deadline: Instant) -> io::Result<Client> {
    Client::connect_within(addr, time_left(deadline)?)
}

fn hello(client: &mut Client, deadline: Instant) -> io::Result<()> {
    send(client, HELLO, deadline)?;
    expect(client, HELLO_BYTES, deadline)
}

fn send(client: &mut Client, bytes: &[u8], deadline: Instant) -> io::Result<()> {
    client.set_timeout(time_left(deadline)?)?;
    client.try_send(bytes)
}

/// Reads one answer. The deadline is exact to one read, which may begin just before it.
fn expect(client: &mut Client, bytes: u64, deadline: Instant) -> io::Result<()> {
    client.set_timeout(time_left(deadline)?)?;
    let reply = client.try_response("GET");
    let reply = reply.map_err(|cut| io::Error::other(format!("{cut:?}")))?;
    if reply.status != 200 || reply.body.len() as u64 != bytes {
        let text = format!("status {}, {} bytes", reply.status, reply.body.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(())
}

/// A socket timeout of zero would mean none, so the last instant counts as past.
fn time_left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left < Duration::from_millis(1) {
        return Err(io::ErrorKind::TimedOut.into());
    }
    Ok(left)
}

/// Opens so many connections, sends that traffic on all of them for four seconds or until each was
/// answered in full, and returns how many were. wrk counts answers without their connections. The
/// check warms the server up as well, and so lasts for a fifth of a second at least.
pub fn count_answered(addr: SocketAddr, traffic: &Traffic, connections: usize) -> usize {
    let batch = request_bytes(traffic).repeat(traffic.depth);
    let answer_bytes = match traffic.body {
        0 => HELLO_BYTES,
        body => body as u64,
    };
    let connected = Barrier::new(connections);
    let answered = AtomicUsize::new(0);
    let converse = || -> io::Result<()> {
        // When a backlog overflows, the kernel tries again after 1 and 3 s, unseen by the client in
        // either direction. The bounds are longer, because this alone starves no client.
        let client = connect(addr, Instant::now() + 5 * MAX_WAIT);
        connected.wait();
        let begin = Instant::now();
        let deadline = begin + 4 * MAX_WAIT;
        let mut client = client?;
        let mut first = true;
        while begin.elapsed() < MAX_WAIT / 5 || answered.load(Ordering::Relaxed) < connections {
            send(&mut client, &batch, deadline)?;
            for _ in 0..traffic.depth {
                expect(&mut client, answer_bytes, deadline)?;
            }
            if first {
                answered.fetch_add(1, Ordering::Relaxed);
                first = false;
            }
            if traffic.close {
                client = connect(addr, deadline)?;
            }
        }
        Ok(())
    };
    // A client that fails before its first answer is one that was not answered.
    each_in_a_thread(connections, |_| drop(converse()));
    // The next load should find no leftovers of these clients in the server's queues.
    let _ = (0..3).find(|_| says_hello(addr).is_ok());
    answered.into_inner()
}

fn request_bytes(traffic: &Traffic) -> Vec<u8> {
    let method = if traffic.body == 0 { "GET" } else { "POST" };
    let mut text = format!("{method} {} HTTP/1.1\r\nHost: versus\r\n", traffic.path);
    if traffic.close {
        text.push_str("Connection: close\r\n");
    }
    if traffic.body > 0 {
        text.push_str(&format!("Content-Length: {}\r\n", traffic.body));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len() + traffic.body, b'x');
    bytes
}

/// An open loop: every connection sends at random times, however long the answers take. A request
/// that was due while its connection still waited is timed from when it was due, so that a stall
/// counts for every delayed request. Other requests are timed from their sending, so that our own
/// wake-up does not count.
pub fn calm(
    addr: SocketAddr,
    pid: u32,
    connections: usize,
    per_second: u32,
    duration: Duration,
) -> Sample {
    let mean_gap = Duration::from_secs(connections as u64) / per_second;
    let cpu_before = process::cpu_time(pid);
    let begin = Instant::now();
    let end = begin + duration;
    let outcomes = each_in_a_thread(connections, |seed| {
        let mut latencies = Vec::new();
        let mut lost = 0;
        let mut random = Random::new(seed);
        let mut due = begin + mean_gap.mul_f64(random.exponential());
        let mut client = None;
        let mut free_since = begin;
        while due < end {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let start = if free_since > due {
                due
            } else {
                Instant::now()
            };
            match hello_again(&mut client, addr) {
                Ok(()) => latencies.push(start.elapsed()),
                Err(_) => lost += 1,
            }
            free_since = Instant::now();
            due += mean_gap.mul_f64(random.exponential());
        }
        (latencies, lost)
    });
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = process::cpu_time(pid).saturating_sub(cpu_before);
    let answered = outcomes
        .iter()
        .filter(|(latencies, _)| !latencies.is_empty())
        .count();
    let lost = outcomes.iter().map(|(_, lost)| lost).sum();
    let latencies: Vec<_> = outcomes
        .into_iter()
        .flat_map(|(latencies, _)| latencies)
        .collect();
    Sample {
        errors: lost,
        cpu_percent: 100.0 * cpu.as_secs_f64() / seconds,
        resident_kib: process::resident_kib(pid),
        answered,
        ..Sample::of_latencies(latencies, seconds, cpu)
    }
}

/// Says hello on the connection there is, or on a new one; a failed one is not used again.
fn hello_again(client: &mut Option<Client>, addr: SocketAddr) -> io::Result<()> {
    let deadline = Instant::now() + MAX_WAIT;
    let mut connected = match client.take() {
        Some(client) => client,
        None => connect(addr, deadline)?,
    };
    hello(&mut connected, deadline)?;
    *client = Some(connected);
    Ok(())
}

/// Runs `load` while one more connection asks for a quick answer every few milliseconds, and
/// replaces the latencies of the load by those of this connection. A lost request counts as the
/// time that it was awaited.
///
/// # Errors
///
/// Those of `load`.
pub fn probe_during(
    addr: SocketAddr,
    load: impl FnOnce() -> Result<Sample, String>,
) -> Result<Sample, String> {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut latencies = Vec::new();
            let mut client = None;
            while !over.load(Ordering::Relaxed) {
                let start = Instant::now();
                let lost = hello_again(&mut client, addr).is_err();
                latencies.push(if lost { MAX_WAIT } else { start.elapsed() });
                thread::sleep(Duration::from_millis(3));
            }
            latencies
        });
        let loaded = load();
        over.store(true, Ordering::Relaxed);
        let latencies = asking.join().expect("clients do not panic");
        let met = Sample::of_latencies(latencies, 1.0, Duration::ZERO);
        Ok(Sample {
            p50_micros: met.p50_micros,
            p99_micros: met.p99_micros,
            ..loaded?
        })
    })
}

/// Opens the connections one after another, each with one request, then leaves them silent while
/// the server's processor time is read; after that fresh clients come. There is no burst, since an
/// overflow of the listener's backlog is not measured here.
pub fn idle(addr: SocketAddr, pid: u32, connections: usize, duration: Duration) -> Sample {
    let mut held = Vec::new();
    let mut answered = 0;
    let deadline = Instant::now() + 5 * MAX_WAIT;
    for _ in 0..connections {
        let deadline = deadline.min(Instant::now() + MAX_WAIT / 2);
        let Ok(mut client) = connect(addr, deadline) else {
            continue;
        };
        answered += usize::from(hello(&mut client, deadline).is_ok());
        held.push(client);
    }
    thread::sleep(Duration::from_millis(300));
    let cpu_before = process::cpu_time(pid);
    let begin = Instant::now();
    thread::sleep(duration);
    let seconds = begin.elapsed().as_secs_f64();
    let cpu = process::cpu_time(pid).saturating_sub(cpu_before);
    let resident_kib = process::resident_kib(pid);

    let mut latencies = Vec::new();
    let mut errors = 0;
    let begin = Instant::now();
    // A server that starves fresh clients would make us wait a second for each.
    while latencies.len() < 200 && errors < 3 {
        let start = Instant::now();
        match says_hello(addr) {
            Ok(()) => latencies.push(start.elapsed()),
            Err(_) => errors += 1,
        }
    }
    Sample {
        errors,
        cpu_percent: 100.0 * cpu.as_secs_f64() / seconds,
        resident_kib,
        answered,
        cpu_micros: None,
        ..Sample::of_latencies(latencies, begin.elapsed().as_secs_f64(), cpu)
    }
}

/// Runs `work` so many times at once and gathers the results.
fn each_in_a_thread<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|at| {
                let builder = thread::Builder::new().stack_size(CLIENT_STACK);
                builder
                    .spawn_scoped(scope, move || work(at))
                    .expect("threads can be started")
            })
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().expect("clients do not panic"))
            .collect()
    })
}

/// xorshift64*: arrival times need no better source, and the same seeds give the same times.
struct Random(u64);

impl Random {
    fn new(seed: usize) -> Random {
        // Any odd constant keeps neighbouring seeds apart and the state from being zero.
        Random((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// Exponentially distributed with a mean of 1: the gaps between independent arrivals.
    fn exponential(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        let uniform = bits as f64 / (1u64 << 53) as f64;
        -(1.0 - uniform).ln()
    }
}
