//! wrk beside our own clients: as many requests as possible, counted by another program.

use std::process::{Command, Stdio};

use crate::support::Process;

pub struct Wrk(Process);

impl Wrk {
    pub fn begin(url: &str) -> Wrk {
        let mut command = Command::new("wrk");
        command
            .args(["-t", "1", "-c", "8", "-d", "300s", url])
            .stdin(Stdio::null());
        Wrk(Process::start(&mut command))
    }

    /// Returns the count of responses, and the lines about the requests without one.
    pub fn end(self) -> (u64, Vec<String>) {
        self.0.signal("INT");
        let (_, output) = self.0.ends_as();
        let counted = output
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "));
        let whole = counted.and_then(|(count, _)| count.parse().ok());
        // wrk prints these lines only if something failed.
        let failed = output
            .lines()
            .filter(|line| line.contains("errors:") || line.contains("Non-2xx"))
            .map(|line| line.trim().to_owned());
        (whole.expect("wrk's count"), failed.collect())
    }
}
