//! The soak: starts the server and clients of all kinds, prints the progress every ten seconds, and
//! prints the failures at the end.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc::{self, Receiver};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Conn, Expected};
use crate::fuzz::Rng;
use crate::kinds;
use crate::misbehaving::misbehaving;
use crate::options::Options;
use crate::process::Held;
use crate::server::{content, POOL};
use crate::shared_state::SharedState;
use crate::support::Process;

/// For every order to the server.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The growth of the resident memory that is allowed in the second half, by a line through all
/// samples: the allocator's own variation, or less than the smallest allocation for each connection
/// of that half.
const UNREST_KIB: f64 = 4.0 * 1024.0;
const SMALLEST: f64 = 32.0;
/// A move waits for requests in flight: for readers that take a second for a response, and for
/// uploads in line for the permits that silent clients hold. Each of these holds its permit for the
/// five seconds until its rate is below `min_body_rate`.
const LONGEST_MOVE: Duration = Duration::from_secs(20);

pub fn run(options: &Options) -> Result<(), String> {
    let mut server = start()?;
    read_line_after(&mut server, "here")?;
    let before = Held::by(server.pid());
    server.send("serve\n");
    let port = read_line_after(&mut server, "ready")?;
    let state = Arc::new(SharedState::at(port.parse().map_err(|_| "no port")?));
    let listener = Listener::to(&mut server, &state);
    let samples = load(&state, &server, options);
    server.send("calm\n");
    listener
        .calm
        .recv_timeout(MAX_WAIT)
        .map_err(|_| "it does not calm down")?;
    let mut verdict = Vec::new();
    if let Err(why) = check_workers(&state) {
        verdict.push(why);
    }
    server.send("stop\n");
    let report = listener.stopped.recv_timeout(MAX_WAIT);
    let report = report.map_err(|_| "it does not stop")?;
    let after = settled(server.pid(), before);
    server.send("exit\n");
    let status = server.wait();

    for (kind, number) in state.kinds() {
        println!("{number:>10} {kind}");
    }
    for (name, number) in &report.numbers {
        println!("{number:>10} of the server's: {name}");
    }
    println!("before {before:?}, after {after:?}");
    if !status.success() {
        verdict.push(format!("the server ended with {status}"));
    }
    if (before.descriptors, before.threads) != (after.descriptors, after.threads) {
        verdict.push("descriptors or threads are left over".to_owned());
    }
    judge(&state, options, &report, &samples, &mut verdict);
    match verdict.is_empty() {
        true => {
            println!("all is well");
            Ok(())
        }
        false => Err([verdict, state.messages()].concat().join("\n")),
    }
}

/// The results of the thread that reads the server's output.
struct Listener {
    calm: Receiver<()>,
    stopped: Receiver<Report>,
}

#[derive(Default)]
struct Report {
    numbers: BTreeMap<String, u64>,
    /// How long each move took, in microseconds.
    moves: Vec<u64>,
    failures: Vec<String>,
}

/// Starts the server's process.
fn start() -> Result<Process, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let mut command = Command::new(program);
    command
        .arg("serve")
        // The memory that glibc keeps after a free, of large blocks and in an arena for each
        // thread, would hide the memory that the server keeps.
        .env("MALLOC_MMAP_THRESHOLD_", "16384")
        .env("MALLOC_ARENA_MAX", "1")
        .stdin(Stdio::piped());
    Ok(Process::start(&mut command))
}

/// The rest of the next line, which must begin with this name.
fn read_line_after(server: &mut Process, name: &str) -> Result<String, String> {
    let line = server.line();
    let rest = line.strip_prefix(name).map(|rest| rest.trim().to_owned());
    rest.ok_or_else(|| format!("{line:?} in place of {name}"))
}

impl Listener {
    /// On a thread of its own, until the server has stopped.
    fn to(server: &mut Process, state: &Arc<SharedState>) -> Listener {
        let (tell_calm, calm) = mpsc::channel();
        let (tell_stopped, stopped) = mpsc::channel();
        let output = server.take_output();
        let state = Arc::clone(state);
        thread::spawn(move || {
            let mut report = Report::default();
            let lines = output.lines();
            for line in lines.map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                let number = |at: usize| words.get(at).and_then(|w| w.parse().ok()).unwrap_or(0);
                match words[0] {
                    "moving" => state.moving(number(2)),
                    "moved" => report.moves.push(number(2)),
                    "added" => state.added.store(number(1), SeqCst),
                    "removing" => state.removing.store(number(1), SeqCst),
                    "removed" => state.removed.store(number(1), SeqCst),
                    "number" | "closed" => {
                        report.numbers.insert(words[1].to_owned(), number(2));
                    }
                    "calm" => {
                        let _ = tell_calm.send(());
                    }
                    "stopped" => {
                        report.numbers.insert("cut".to_owned(), number(2));
                        break;
                    }
                    _ => report.failures.push(line),
                }
            }
            let _ = tell_stopped.send(report);
        });
        Listener { calm, stopped }
    }
}

type Client = Box<dyn FnOnce(&SharedState, &mut Rng) + Send>;

/// Lets the clients loose for the time there is; resident memory in KiB, once a second.
fn load(state: &Arc<SharedState>, server: &Process, options: &Options) -> Vec<f64> {
    let began = Instant::now();
    // Done a little before the end, so that a slow moment can be made up for.
    let per_second = options.requests * 20 / 19 / options.seconds.max(1);
    let mut clients = Vec::new();
    let mut seed = options.seed;
    let mut start = |client: Client| {
        seed += 1;
        let mut rng = Rng::new(seed << 32);
        let state = Arc::clone(state);
        clients.push(thread::spawn(move || client(&state, &mut rng)));
    };
    for first in [1, 1 << 40] {
        start(Box::new(move |state, _| {
            kinds::pipelined(state, first, per_second, began)
        }));
    }
    start(Box::new(kinds::kept));
    start(Box::new(kinds::mixed));
    start(Box::new(kinds::mixed));
    start(Box::new(kinds::slow_reader));
    start(Box::new(kinds::drip));
    start(Box::new(misbehaving));
    start(Box::new(misbehaving));

    let mut samples = Vec::new();
    let mut line = (0, Duration::ZERO);
    for second in 1..=options.seconds {
        let until = Duration::from_secs(second);
        thread::sleep(until.saturating_sub(began.elapsed()));
        let held = Held::by(server.pid());
        samples.push(held.resident_kib as f64);
        if second % 10 == 0 || second == options.seconds {
            let answered = state.answered.load(SeqCst);
            let elapsed = began.elapsed();
            let rate = (answered - line.0) as f64 / (elapsed - line.1).as_secs_f64();
            line = (answered, elapsed);
            println!(
                "{second:4} s: {answered} requests, {rate:.0}/s; {} KiB, {} descriptors, \
                 {} threads; {} moves; retried {}, lost {}, wrong {}",
                held.resident_kib,
                held.descriptors,
                held.threads,
                state.moves(),
                state.retried.load(SeqCst),
                state.lost.load(SeqCst),
                state.wrong.load(SeqCst),
            );
        }
    }
    state.over.store(true, SeqCst);
    for client in clients {
        if client.join().is_err() {
            state.record_error("a client panicked".to_owned());
        }
    }
    samples
}

/// Every worker can be had at once, and so can every place to wait at for an upload.
fn check_workers(state: &Arc<SharedState>) -> Result<(), String> {
    state.over.store(false, SeqCst);
    let wrong = state.wrong.load(SeqCst) + state.lost.load(SeqCst);
    let together = |client: fn(&SharedState)| {
        let all: Vec<_> = (0..POOL)
            .map(|_| {
                let state = Arc::clone(state);
                thread::spawn(move || client(&state))
            })
            .collect();
        all.into_iter().all(|client| client.join().is_ok())
    };
    let met = together(|state| {
        if let Some(mut conn) = Conn::open(state) {
            conn.send(b"GET /meet HTTP/1.1\r\nHost: a\r\n\r\n");
            conn.exchange(state, "meet", &Expected::text(), b"met");
        }
    });
    let uploaded = together(|state| {
        let body = content(9, 300_000);
        if let Some(mut conn) = Conn::open(state) {
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
            conn.send_part(head.as_bytes());
            for piece in body.chunks(30_000) {
                conn.send(piece);
                thread::sleep(Duration::from_millis(5));
            }
            conn.exchange(state, "upload, all at once", &Expected::text(), &body);
        }
    });
    let now = state.wrong.load(SeqCst) + state.lost.load(SeqCst);
    match met && uploaded && now == wrong {
        true => Ok(()),
        false => Err("a worker or a place is missing".to_owned()),
    }
}

/// Returns the numbers of the process once its descriptors and threads are back.
fn settled(pid: u32, before: Held) -> Held {
    let began = Instant::now();
    loop {
        let held = Held::by(pid);
        let is_back = (held.descriptors, held.threads) == (before.descriptors, before.threads);
        if is_back || began.elapsed() > MAX_WAIT {
            return held;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn judge(
    state: &SharedState,
    options: &Options,
    report: &Report,
    samples: &[f64],
    verdict: &mut Vec<String>,
) {
    let number = |name: &str| report.numbers.get(name).copied().unwrap_or(u64::MAX);
    let answered = state.answered.load(SeqCst);
    let moves = report.moves.len() as u64;
    let longest = Duration::from_micros(report.moves.iter().copied().max().unwrap_or(0));
    let growth = growth(&samples[samples.len() / 2..]);
    println!(
        "{answered} requests, {moves} moves, the longest {longest:?}, {growth:.0} KiB more in the \
         second half"
    );
    let mut must = |what: &str, holds: bool| {
        if !holds {
            verdict.push(format!("not so: {what}"));
        }
    };
    must(
        "as many requests as asked for",
        answered >= options.requests,
    );
    must("none lost", state.lost.load(SeqCst) == 0);
    must(
        "every answer as it should be",
        state.wrong.load(SeqCst) == 0,
    );
    must(
        "nobody is left",
        number("open") == 0 && number("in-flight") == 0,
    );
    must("nobody was cut", number("cut") == 0);
    must(
        "every connection has ended for one reason",
        number("closed") == number("accepted"),
    );
    must("nobody was turned away", number("turned-away") == 0);
    must("accepting never failed", number("accept-errors") == 0);
    must(
        "the server counted no fewer",
        number("requests") >= answered,
    );
    let panics = number("panics");
    must("a panic is one answer", panics >= state.panics.load(SeqCst));
    must("a move in two seconds", moves >= options.seconds / 2);
    must("no move that takes long", longest <= LONGEST_MOVE);
    // A short run is warming up all the time.
    let is_long = options.seconds >= 120;
    let one_each = number("accepted") as f64 / 2.0 * SMALLEST / 1024.0;
    let is_flat = growth <= one_each.max(UNREST_KIB);
    must("memory that stays", !is_long || is_flat);
    for failure in &report.failures {
        must(failure, false);
    }
}

/// By how much a line through these samples rises, from the first to the last.
fn growth(samples: &[f64]) -> f64 {
    let count = samples.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = samples.iter().sum::<f64>() / count;
    let (mut rise, mut run) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let x = at as f64 - middle;
        rise += x * (sample - mean);
        run += x * x;
    }
    match run > 0.0 {
        true => rise / run * (count - 1.0),
        false => 0.0,
    }
}
