//! The processor time and the memory of a process, from `/proc`. Linux only.

use std::fs;
use std::io;
use std::time::Duration;

/// `USER_HZ`: the unit of times in `/proc`, 100 on every Linux this is likely to meet (proc(5)).
const TICKS_PER_SECOND: u64 = 100;

/// User and system time of a process, its threads and its direct children (nginx's workers).
pub fn cpu_time(pid: u32) -> Duration {
    let ticks: u64 = family(pid).iter().map(|stat| stat.ticks).sum();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// Resident memory of a process and its direct children, in KiB. Pages they share count in each.
pub fn resident_kib(pid: u32) -> u64 {
    family(pid)
        .iter()
        .map(|stat| resident_of(stat.pid).unwrap_or(0))
        .sum()
}

fn resident_of(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

struct Stat {
    pid: u32,
    parent: u32,
    ticks: u64,
}

fn family(pid: u32) -> Vec<Stat> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid| stat(pid).ok())
        .filter(|stat| stat.pid == pid || stat.parent == pid)
        .collect()
}

/// Processes come and go while `/proc` is read: one that is gone is an error, not a surprise.
fn stat(pid: u32) -> io::Result<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    parse_stat(pid, &text).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// proc(5): `pid (comm) state ppid ...`, where comm may hold blanks and parentheses itself.
fn parse_stat(pid: u32, text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Stat {
        pid,
        parent: number(1)? as u32,
        ticks: number(11)? + number(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_times_past_a_name_with_parentheses() {
        let text = "7 (a) b (c)) S 3 7 7 0 -1 4194560 1 0 0 0 250 50 9 9 20 0 1 0 5 6 7";
        let stat = parse_stat(7, text).unwrap();
        assert_eq!((stat.pid, stat.parent, stat.ticks), (7, 3, 300));
    }

    #[test]
    fn sees_itself() {
        assert!(resident_kib(std::process::id()) > 0);
    }
}
