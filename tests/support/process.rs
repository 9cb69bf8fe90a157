//! A child process that ends with its test, and that a test can talk to by lines.
//!
//! It needs nothing but `std`, [`finishes`] and the [`GUARD`] of its package.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

use super::wait::finishes;
use crate::GUARD;

/// A process with its output in a pipe. A process that still runs when this is dropped is killed.
pub struct Process {
    child: Child,
    /// `None` for an input of another kind, and once it was closed.
    input: Option<ChildStdin>,
    /// `None` while another thread reads it.
    output: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts this command. The caller sets the standard input and the standard error.
    pub fn start(command: &mut Command) -> Process {
        let process = Process::try_start(command.stdout(Stdio::piped()));
        let program = command.get_program();
        process.unwrap_or_else(|e| panic!("{program:?} does not start: {e}"))
    }

    /// [`start`](Process::start) with the standard output that the caller sets.
    pub fn try_start(command: &mut Command) -> io::Result<Process> {
        let mut child = command.spawn()?;
        Ok(Process {
            input: child.stdin.take(),
            output: child.stdout.take().map(BufReader::new),
            child,
        })
    }

    /// Returns a command that runs one test of this very binary, with this variable set: the way to
    /// have a server in a process of its own. The test does nothing when the variable is not set.
    pub fn own_test(name: &str, variable: &str) -> Command {
        let mut command = Command::new(env::current_exe().expect("this binary"));
        command
            .args(["--exact", name, "--nocapture"])
            .env(variable, "1")
            .stdin(Stdio::piped());
        command
    }

    /// [`own_test`](Process::own_test) under a tool, whose arguments precede the program.
    pub fn own_test_under(
        tool: &[&str],
        program: impl AsRef<OsStr>,
        name: &str,
        variable: &str,
    ) -> Command {
        let mut command = Command::new(tool[0]);
        command
            .args(&tool[1..])
            .arg(program)
            .args(["--exact", name, "--nocapture"])
            .env(variable, "1")
            .stdin(Stdio::piped());
        command
    }

    /// The number of the process, which no other process has until this one has been waited for.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next line of output, without its end.
    pub fn line(&mut self) -> String {
        let mut output = self.output.take().expect("no other reader");
        let (output, line) = finishes(GUARD, move || {
            let mut line = String::new();
            output.read_line(&mut line).expect("a line of text");
            (output, line)
        });
        self.output = Some(output);
        match line.strip_suffix('\n') {
            Some(line) => line.to_owned(),
            None => panic!("the process ended instead of a line: {line:?}"),
        }
    }

    /// Returns the rest of the next line with this beginning. Lines before it are skipped: those of
    /// a test harness, say.
    pub fn line_after(&mut self, start: &str) -> String {
        loop {
            if let Some(rest) = self.line().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    /// [`line_after`](Process::line_after) as a number.
    pub fn number_after(&mut self, start: &str) -> u64 {
        self.line_after(start).parse().expect("a number")
    }

    /// [`line_after`](Process::line_after) as an address.
    pub fn addr_after(&mut self, start: &str) -> SocketAddr {
        self.line_after(start).parse().expect("an address")
    }

    /// Writes text to the standard input.
    pub fn send(&mut self, text: &str) {
        let input = self.input.as_mut().expect("an open input");
        input
            .write_all(text.as_bytes())
            .expect("the process reads its input");
    }

    /// Ends the standard input, which for many a process is the order to end.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Hands the output to a reader of another kind.
    pub fn take_output(&mut self) -> BufReader<ChildStdout> {
        self.output.take().expect("no other reader")
    }

    /// Sends a signal, by name: `TERM`. The shell's own `kill` does it, because not every machine has
    /// a program of that name.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.pid());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success(), "{kill}");
    }

    /// Returns whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Closes the input and reads the rest of the output: the process must end by itself, and with
    /// success.
    pub fn ends(self) -> String {
        let (status, text) = self.ends_as();
        assert!(status.success(), "{status}, after {text:?}");
        text
    }

    /// [`ends`](Process::ends), with any status.
    pub fn ends_as(mut self) -> (ExitStatus, String) {
        self.close_input();
        let mut output = self.output.take().expect("no other reader");
        let text = finishes(GUARD, move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("text");
            text
        });
        let status = self.child.wait().expect("the end of the process");
        (status, text)
    }

    /// Waits for the end of a process whose output is read elsewhere.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("the end of the process")
    }

    /// The number of its threads. Linux only.
    pub fn threads(&self) -> usize {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()));
        tasks.expect("its tasks").count()
    }

    /// One of the numbers of `/proc/<pid>/status`: `VmRSS:` is in KiB. Linux only.
    pub fn status_number(&self, name: &str) -> usize {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(path).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number.and_then(|n| n.parse().ok()).expect("a number")
    }
}

/// A test that failed leaves no process behind.
impl Drop for Process {
    fn drop(&mut self) {
        // Under a tool, the end of the input is what ends the program itself.
        self.close_input();
        // Errors mean that the process has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
