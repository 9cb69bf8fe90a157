//! An example as a process of its own.

use std::env;
use std::net::SocketAddr;
#[cfg(unix)]
use std::net::TcpListener;
#[cfg(unix)]
use std::os::unix::io::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use crate::support::Process;

pub struct Example {
    /// The address that it printed first.
    pub addr: SocketAddr,
    process: Process,
}

impl Example {
    /// Starts it on a free port, and returns when it has printed the port.
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

    /// Starts it on a free port, with a pipe as its standard input.
    pub fn start_typed(name: &str) -> Example {
        let mut command = Command::new(program(name));
        command.arg("127.0.0.1:0").stdin(Stdio::piped());
        Example::spawn(command)
    }

    /// Writes text to its standard input.
    pub fn types(&mut self, text: &str) {
        self.process.send(text);
    }

    /// Starts it with a listening socket as its standard input.
    #[cfg(unix)]
    pub fn start_with(name: &str, args: &[&str], socket: &TcpListener) -> Example {
        let socket = socket.try_clone().expect("a descriptor");
        let mut command = Command::new(program(name));
        command.args(args).stdin(OwnedFd::from(socket));
        Example::spawn(command)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Sends a signal, by name: `TERM`.
    #[cfg(unix)]
    pub fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    fn spawn(mut command: Command) -> Example {
        let mut process = Process::start(&mut command);
        let addr = address(&process.line());
        Example { addr, process }
    }

    /// Returns the next line of its output, without its end.
    pub fn line(&mut self) -> String {
        self.process.line()
    }

    /// Returns the rest of its output. It must end by itself, and with success.
    pub fn ends(self) -> String {
        self.process.ends()
    }

    /// Returns its status and the rest of its output. It must end by itself.
    pub fn ends_as(self) -> (ExitStatus, String) {
        self.process.ends_as()
    }
}

/// Returns the address in a line that begins with a URL.
pub fn address(line: &str) -> SocketAddr {
    line.trim_end()
        .strip_prefix("http://")
        .and_then(|rest| rest.split('/').next())
        .and_then(|addr| addr.parse().ok())
        .unwrap_or_else(|| panic!("not a URL: {line:?}"))
}

/// Returns the path of an example: `cargo test` builds them beside the folder of this test.
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
