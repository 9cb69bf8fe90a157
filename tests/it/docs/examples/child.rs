//! An example as a process of its own: its lines, and an end in any case.

use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
#[cfg(unix)]
use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::io::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use crate::support::{finishes, GUARD};

pub struct Example {
    /// Where it said it serves.
    pub addr: SocketAddr,
    /// `None` while somebody else reads it.
    stdout: Option<BufReader<ChildStdout>>,
    child: Child,
}

impl Example {
    /// Starts it on a free port, and returns when it has said which.
    pub fn start(name: &str, args: &[&str]) -> Example {
        let mut all = vec!["127.0.0.1:0"];
        all.extend(args);
        Example::start_as(name, &all)
    }

    /// Starts it with these arguments, of which one is its address.
    pub fn start_as(name: &str, args: &[&str]) -> Example {
        let mut command = Command::new(program(name));
        command.args(args).stdin(Stdio::null());
        Example::spawn(command)
    }

    /// Starts it on a free port, with somebody at its keyboard.
    pub fn start_typed(name: &str) -> Example {
        let mut command = Command::new(program(name));
        command.arg("127.0.0.1:0").stdin(Stdio::piped());
        Example::spawn(command)
    }

    pub fn types(&mut self, text: &str) {
        let keyboard = self.child.stdin.as_mut().expect("a keyboard");
        keyboard
            .write_all(text.as_bytes())
            .expect("it reads or it does not");
    }

    /// Starts it with a listening socket as its standard input.
    #[cfg(unix)]
    pub fn start_with(name: &str, args: &[&str], socket: &TcpListener) -> Example {
        let socket = socket.try_clone().expect("a descriptor");
        let mut command = Command::new(program(name));
        command.args(args).stdin(OwnedFd::from(socket));
        Example::spawn(command)
    }

    /// The process's number, which is its own until it has been waited for.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn spawn(mut command: Command) -> Example {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut example = Example {
            addr: ([127, 0, 0, 1], 0).into(),
            stdout: child.stdout.take().map(BufReader::new),
            child,
        };
        example.addr = address(&example.line());
        example
    }

    /// The next line it prints.
    pub fn line(&mut self) -> String {
        let mut stdout = self.stdout.take().expect("nobody else reads it");
        let (stdout, line) = finishes(GUARD, move || {
            let mut line = String::new();
            stdout.read_line(&mut line).expect("a line of text");
            (stdout, line)
        });
        self.stdout = Some(stdout);
        assert!(
            line.ends_with('\n'),
            "it ended instead of printing: {line:?}"
        );
        line
    }

    /// What it prints until it ends, which it must do by itself, and well.
    pub fn ends(self) -> String {
        let (status, text) = self.ends_as();
        assert!(status.success(), "{status}, after {text:?}");
        text
    }

    /// How it ends, which it must do by itself, and what it prints until then.
    pub fn ends_as(mut self) -> (ExitStatus, String) {
        let mut stdout = self.stdout.take().expect("nobody else reads it");
        let text = finishes(GUARD, move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).expect("text");
            text
        });
        let status = self.child.wait().expect("it has closed its output");
        (status, text)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It has ended already, or is one that serves for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line that begins with a URL.
pub fn address(line: &str) -> SocketAddr {
    line.trim_end()
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .and_then(|addr| addr.parse().ok())
        .unwrap_or_else(|| panic!("not a URL: {line:?}"))
}

/// `cargo test` builds the examples beside the folder that this test is in.
pub fn program(name: &str) -> PathBuf {
    let test = env::current_exe().expect("this program");
    let profile = test.ancestors().nth(2).expect("target/<profile>/deps/it");
    let program = profile.join("examples").join(name);
    let program = program.with_extension(env::consts::EXE_EXTENSION);
    assert!(
        program.is_file(),
        "{} is not there: run `cargo test`, or `cargo build --examples` first",
        program.display()
    );
    program
}
