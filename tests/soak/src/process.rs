//! The numbers of a process in `/proc`.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    pub resident_kib: u64,
    pub descriptors: u64,
    pub threads: u64,
}

impl Held {
    pub fn by(pid: u32) -> Held {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|line| line.split_whitespace().next());
            word.and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"));
        Held {
            resident_kib: number("VmRSS:"),
            descriptors: descriptors.map_or(0, |entries| entries.count() as u64),
            threads: number("Threads:"),
        }
    }
}

/// Microseconds that two processes count from the same moment.
pub fn clock() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_micros() as u64)
}
