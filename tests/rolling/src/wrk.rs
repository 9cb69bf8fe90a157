//! wrk beside our own clients: as many requests as go through, counted by somebody else.

use std::process::{Child, Command, Stdio};

pub struct Wrk(Child);

impl Wrk {
    pub fn begin(url: &str) -> Wrk {
        let child = Command::new("wrk")
            .args(["-t", "1", "-c", "8", "-d", "300s", url])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("wrk starts");
        Wrk(child)
    }

    /// How many were answered, and what it says of those that were not.
    pub fn end(self) -> (u64, Vec<String>) {
        let signal = format!("kill -INT {}", self.0.id());
        let told = Command::new("sh").args(["-c", &signal]).status();
        assert!(told.expect("a shell").success(), "{signal}");
        let output = self.0.wait_with_output().expect("it is ours");
        let said = String::from_utf8_lossy(&output.stdout);
        let counted = said
            .lines()
            .find_map(|line| line.trim().split_once(" requests in "));
        let whole = counted.and_then(|(count, _)| count.parse().ok());
        // It says so of failures only.
        let failed = said
            .lines()
            .filter(|line| line.contains("errors:") || line.contains("Non-2xx"))
            .map(|line| line.trim().to_owned());
        (whole.expect("wrk's count"), failed.collect())
    }
}
