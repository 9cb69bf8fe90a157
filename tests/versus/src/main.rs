//! millpond beside other HTTP servers on one machine: the same routes, the same load, one server
//! at a time, in an order that turns round every round. This file owns the plan of a run; the
//! other files own the servers, the load and the report.
//!
//! It needs Linux and wrk; nginx takes part where it is installed.
//!
//! ```text
//! cargo run --release --manifest-path tests/versus/Cargo.toml -- --work keepalive64 --rounds 5
//! ```

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

mod load;
mod machine;
mod options;
mod peers;
mod process;
mod report;
// Other packages use the other parts.
#[allow(dead_code)]
mod support;
mod svg;
mod work;
mod wrk;

use options::Options;
use peers::Peer;
use report::{Sample, Series};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use work::{Kind, Work};

/// The longest wait for a byte where the driver names no other.
pub const GUARD: Duration = Duration::from_secs(10);

const CAVEATS: &str = "\
* The load generator shares the cores with the servers: where it is the limit, the server's
  processor time per request is the fairer figure.
* Ratios are medians of the ratios within each round, since machines drift between rounds.
* `answered` counts the connections that were answered within four seconds of asking, all at
  once, before a run: a server that starves some of them looks fast to wrk. `errors` are those
  during the runs, all rounds together.
* Where requests are pipelined or some are slow by intent, p50 and p99 are those of one more
  connection that asks for a quick answer every few milliseconds.
* Every server runs with its documented defaults and TCP_NODELAY where it can be set. nginx serves
  a constant and takes no part where a body is echoed or a handler waits. Handlers that wait do so
  in the server's own way: a sleeping thread, or a timer.";

fn main() -> ExitCode {
    if let Err(e) = machine::raise_file_limit() {
        eprintln!("versus: few files may be open, large crowds will fail: {e}");
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let Some(text) = options::inquiry(&args) {
        println!("{text}");
        return ExitCode::SUCCESS;
    }
    match options::parse(args).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("versus: {text}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let about = machine::about();
    let peers = gather(options);
    if peers.is_empty() {
        return Err("there is no server to measure".to_owned());
    }
    let base = peers
        .iter()
        .position(|peer| peer.name == options.base)
        .unwrap_or(0);
    for (name, value) in &about {
        println!("* {name}: {value}");
    }
    for peer in &peers {
        println!("* {} {}", peer.name, peer.version);
    }
    println!(
        "* rounds: {}, {} s for each measurement; threads of wrk: {}\n{CAVEATS}\n",
        options.rounds, options.seconds, options.threads
    );

    let all = measure(options, &peers);
    let names: Vec<String> = peers.iter().map(|peer| peer.name.clone()).collect();
    for series in &all {
        println!("{}", report::table(series, &names, base));
    }
    let versions: Vec<_> = peers.into_iter().map(|p| (p.name, p.version)).collect();
    if let Some(path) = &options.json {
        let text = report::json(&about, &versions, &all);
        std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    if let Some(path) = &options.svg {
        let text = svg::draw(&about, &versions, &all, base);
        std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}

/// Builds or finds the servers asked for. One that is missing is named and left out.
fn gather(options: &Options) -> Vec<Peer> {
    let mut peers = Vec::new();
    for name in &options.only {
        let Some(entry) = peers::ENTRIES.iter().find(|entry| entry.name == name) else {
            continue;
        };
        eprintln!("versus: preparing {name}");
        match peers::prepare(entry, options.build) {
            Ok(peer) => peers.push(peer),
            Err(why) => println!("* {name} is left out: {why}"),
        }
    }
    peers.extend(
        options
            .with
            .iter()
            .map(|(name, path)| Peer::other(name, path)),
    );
    peers
}

/// Every workload on every server, round after round. Failures are printed at once and leave a gap
/// in their series.
fn measure(options: &Options, peers: &[Peer]) -> Vec<Series> {
    let end = Instant::now() + Duration::from_secs(60 * options.minutes);
    let empty = |&work| Series {
        work,
        samples: vec![Vec::new(); peers.len()],
    };
    let mut all: Vec<Series> = options.works.iter().map(empty).collect();
    for round in 0..options.rounds {
        for series in &mut all {
            let mut order: Vec<usize> = (0..peers.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                let peer = &peers[at];
                if peer.only_says_hello() && !series.work.only_wants_hello() {
                    continue;
                }
                if Instant::now() > end {
                    eprintln!("versus: the {} minutes are over", options.minutes);
                    return all;
                }
                eprintln!(
                    "versus: round {}, {}, {}",
                    round + 1,
                    series.work.name,
                    peer.name
                );
                let sample = sample(options, peer, series.work);
                if let Err(why) = &sample {
                    println!("* {} failed {}: {why}", peer.name, series.work.name);
                }
                series.samples[at].push(sample.ok());
            }
        }
    }
    all
}

/// Starts the server, has it answer once on all connections, loads it, and ends it.
fn sample(options: &Options, peer: &Peer, work: &Work) -> Result<Sample, String> {
    let mut server = peer
        .start(options.port)
        .map_err(|e| format!("it does not start: {e}"))?;
    let (addr, pid, connections) = (server.addr, server.pid(), work.connections);
    let duration = Duration::from_secs(options.seconds);
    let sample = match &work.kind {
        Kind::Calm { per_second } => load::calm(addr, pid, connections, *per_second, duration),
        Kind::Idle => load::idle(addr, pid, connections, duration),
        Kind::Saturated(traffic) => {
            let answered = load::count_answered(addr, traffic, connections);
            let load = || {
                wrk::run(
                    addr,
                    pid,
                    traffic,
                    connections,
                    options.threads,
                    options.seconds,
                )
            };
            let loaded = match traffic.is_uniform() {
                true => load()?,
                false => load::probe_during(addr, load)?,
            };
            Sample { answered, ..loaded }
        }
    };
    match server.has_ended() {
        true => Err("it ended during the run".to_owned()),
        false => Ok(sample),
    }
}
