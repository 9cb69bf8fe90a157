//! Runs wrk with one workload and reads its figures back. `wrk.lua` has the requests.

use crate::process;
use crate::report::Sample;
use crate::work::Traffic;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wrk.lua");

/// Loads the server for so many seconds (wrk knows whole ones only).
///
/// # Errors
///
/// wrk is missing, does not end, or prints no figures.
pub fn run(
    addr: SocketAddr,
    pid: u32,
    traffic: &Traffic,
    connections: usize,
    threads: usize,
    seconds: u64,
) -> Result<Sample, String> {
    let mut command = Command::new("wrk");
    command.arg("-t").arg(threads.min(connections).to_string());
    command.arg("-c").arg(connections.to_string());
    command.args(["-d", &format!("{seconds}s"), "-s", SCRIPT]);
    command.arg(format!("http://{addr}{}", traffic.path));
    command.env("VERSUS_DEPTH", traffic.depth.to_string());
    command.env("VERSUS_BODY", traffic.body.to_string());
    if let Some(path) = traffic.slow_path {
        command.env("VERSUS_SLOW_PATH", path);
    }
    if traffic.close {
        command.env("VERSUS_CLOSE", "1");
    }
    let cpu_before = process::cpu_time(pid);
    let begin = Instant::now();
    let output = bounded(&mut command, Duration::from_secs(seconds + 10))?;
    let wall = begin.elapsed().as_secs_f64();
    let cpu = process::cpu_time(pid).saturating_sub(cpu_before);
    let figures = parse(&output).ok_or_else(|| format!("wrk printed no figures: {output}"))?;
    let [requests, micros, p50, p99, ref errors @ ..] = figures;
    Ok(Sample {
        per_second: requests as f64 / (micros as f64 / 1e6),
        p50_micros: p50 as f64,
        p99_micros: p99 as f64,
        cpu_micros: (requests > 0).then(|| cpu.as_micros() as f64 / requests as f64),
        cpu_percent: 100.0 * cpu.as_secs_f64() / wall,
        resident_kib: process::resident_kib(pid),
        answered: 0,
        errors: errors.iter().sum(),
    })
}

/// The output of a command, which is ended when it takes longer. Its output is a few lines, so it
/// cannot block on a full pipe while we wait.
fn bounded(command: &mut Command, limit: Duration) -> Result<String, String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| format!("wrk cannot be run: {e}"))?;
    let deadline = Instant::now() + limit;
    while let Ok(None) = child.try_wait() {
        if Instant::now() > deadline {
            let _ = child.kill();
        }
        thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// requests, microseconds, p50, p99, then errors: connect, read, write, status, timeout.
fn parse(output: &str) -> Option<[u64; 9]> {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("versus "))?;
    let figures: Vec<u64> = line.split(' ').filter_map(|n| n.parse().ok()).collect();
    figures.try_into().ok()
}
