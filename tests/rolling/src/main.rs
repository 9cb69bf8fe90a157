//! Instances are replaced one after the other behind a proxy, and a server moves, again and again,
//! while clients of every kind send requests. Every request is counted, and a failed request fails
//! the run.
//!
//! `rolling haproxy|nginx ROUNDS GRACE_MS PROGRAM FOLDER FRONT FIRST SECOND` is for `run`, which
//! starts the proxy and has the ports from `rolling ports`; `rolling moves ROUNDS` needs no proxy.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

mod instance;
mod load;
mod moves;
mod proxy;
mod wrk;
// A package uses some of these parts, and other packages the others.
#[allow(dead_code, unused_imports)]
#[path = "../../support/mod.rs"]
mod support;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{self, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use instance::{Instance, Place};
use load::{Load, Tallies};
use proxy::Proxy;
use wrk::Wrk;

/// Nothing here takes longer, or it is a failure.
pub const GUARD: Duration = Duration::from_secs(10);

fn at(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Three in a row that are free, below those that Linux gives to clients (from 32768 on): one of
/// those might be a client's own just while its instance is away.
fn free_ports() -> [u16; 3] {
    // Others than those of another run at the same time.
    let own = (process::id() % 4_000) as u16 * 3;
    let offsets = (own..12_000).chain(0..own).step_by(3);
    let mut rows = offsets.map(|offset| [18_000, 18_001, 18_002].map(|port| port + offset));
    let is_free = |row: &[u16; 3]| row.iter().all(|&port| TcpListener::bind(at(port)).is_ok());
    rows.find(is_free).expect("three free ports")
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let failed = match args[..] {
        ["moves", rounds] => {
            let rounds = rounds.parse().expect("a number of rounds");
            println!("moved from port to port, {rounds} times:");
            let mut failed = print_tallies(&moves::between_ports(rounds));
            println!("widened to all addresses on one socket, and narrowed, {rounds} times:");
            failed += print_tallies(&moves::on_one_socket(rounds));
            println!("moved between one interface and all, a socket for each, {rounds} times:");
            // Printed, and not checked: the socket is closed before the next one can be bound, and
            // Linux resets the connections between the last accept and the close. That is about one
            // in a hundred moves here. When the machine has taken the CPU away at that moment, it
            // is every client of that moment.
            print_tallies(&moves::on_one_port(rounds));
            failed
        }
        ["ports"] => {
            let [front, first, second] = free_ports();
            println!("{front} {first} {second}");
            0
        }
        [name, rounds, grace, program, folder, front, first, second] => {
            let rounds = rounds.parse().expect("a number of rounds");
            let grace = grace.parse().expect("milliseconds");
            let start = |place: &Place| Instance::start(Path::new(program), place, grace);
            let ports = [front, first, second].map(|port| port.parse().expect("a port"));
            replace_instances(&Proxy::new(name, folder), ports, rounds, start)
        }
        _ => panic!("see `run`"),
    };
    ExitCode::from(u8::from(failed > 0))
}

/// Replaces both instances so often; the number of failures.
fn replace_instances(
    proxy: &Proxy,
    [front, instances @ ..]: [u16; 3],
    rounds: u32,
    start: impl Fn(&Place) -> Instance,
) -> usize {
    // HAProxy has sent no request there for a while when a port is closed. nginx would: nothing
    // informs it.
    let place = |port| match proxy {
        Proxy::Haproxy(_) => Place::Port(port),
        Proxy::Nginx(_) => Place::Given(TcpListener::bind(at(port)).expect("a free port")),
    };
    let mut instances = instances.map(|port| {
        let place = place(port);
        let instance = Some(start(&place));
        (place, instance)
    });
    proxy.wait_until_all_up(at(front));
    let began = Instant::now();
    let load = Load::begin(Arc::new(at(front)));
    let wrk = Wrk::begin(&format!("http://{}/sleep?ms=0", at(front)));
    for _ in 0..rounds {
        for (place, instance) in &mut instances {
            instance.take().expect("one that runs").end();
            *instance = Some(start(place));
            proxy.wait_until_all_up(at(front));
        }
    }
    let took = began.elapsed();
    let (whole, why) = wrk.end();
    let tallies = load.end();
    for (_, instance) in instances {
        instance.expect("one that runs").end();
    }
    println!(
        "{} instances were replace_instances in {took:.1?}:",
        rounds * 2
    );
    let failed = print_tallies(&tallies) + why.len();
    println!("{whole:>8} whole: wrk, keep-alive");
    why.iter().for_each(|why| println!("    {why}"));
    let retries = proxy.retries();
    println!("tried again by the proxy: {retries}");
    failed
}

/// Prints the outcome of the requests, and returns the number of failures.
fn print_tallies(tallies: &Tallies) -> usize {
    let mut sum = 0;
    for (kind, tally) in tallies {
        let (whole, failed) = (tally.whole, tally.failed.len());
        println!("{whole:>8} whole, {failed} failed: {}", kind.name());
        tally
            .failed
            .iter()
            .take(5)
            .for_each(|why| println!("    {why}"));
        assert!(whole > 0, "nobody asked: {}", kind.name());
        sum += failed;
    }
    sum
}
