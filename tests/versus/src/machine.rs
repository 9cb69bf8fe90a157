//! The machine, its kernel, the compiler and the date, on which the figures depend.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Connections held, plus pipes, libraries and the like.
const OPEN_FILES: u64 = 4096;
/// Set for the second start, so that there is no third.
const RAISED: &str = "VERSUS_FILES_RAISED";

/// Names and values, for the head of a report.
pub fn about() -> Vec<(&'static str, String)> {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = file("/proc/cpuinfo")
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or_else(String::new, |(_, model)| format!(", {model}"));
    let load = file("/proc/loadavg")
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_owned();
    vec![
        ("date", output("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
        ("machine", format!("{cores} cores{model}")),
        (
            "kernel",
            format!("Linux {}", file("/proc/sys/kernel/osrelease").trim()),
        ),
        ("compiler", output("rustc", &["--version"])),
        (
            "wrk",
            output("wrk", &["--version"])
                .chars()
                .take_while(|&c| c != '[')
                .collect(),
        ),
        (
            "load before the run",
            format!("{load} (above 0: others shared the machine)"),
        ),
    ]
}

fn file(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The first line a command prints; wrk prints its version and returns 1.
fn output(program: &str, args: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(args).output() else {
        return "not installed".to_owned();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Starts this program anew with as many open files as it is allowed, if it has too few now; std
/// cannot set the limit, the shell can. Servers and wrk inherit it.
///
/// # Errors
///
/// The limit stays as it is.
pub fn raise_file_limit() -> io::Result<()> {
    let limits = file("/proc/self/limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    // "unlimited" is no number.
    match soft {
        Some(soft) if soft < OPEN_FILES => {}
        _ => return Ok(()),
    }
    if std::env::var_os(RAISED).is_some() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the hard limit is low",
        ));
    }
    let script = "ulimit -n $(ulimit -Hn); exec \"$0\" \"$@\"";
    Err(Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(RAISED, "1")
        .exec())
}
