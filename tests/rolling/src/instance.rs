//! One instance of the example `rolling`, as a process that is started, asked to end, and awaited.

use std::net::TcpListener;
use std::os::unix::io::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::Process;

/// Where an instance listens.
pub enum Place {
    /// At a port of its own, which is closed while none is there.
    Port(u16),
    /// At a socket that stays: a client that connects meanwhile waits for the next instance.
    Given(TcpListener),
}

pub struct Instance(Process);

impl Instance {
    /// Starts it, and returns when it serves.
    pub fn start(program: &Path, place: &Place, grace_ms: u64) -> Instance {
        let (address, stdin) = match place {
            Place::Port(port) => (format!("127.0.0.1:{port}"), Stdio::null()),
            Place::Given(socket) => {
                let socket = socket.try_clone().expect("a descriptor");
                ("-".to_owned(), Stdio::from(OwnedFd::from(socket)))
            }
        };
        let mut command = Command::new(program);
        command
            .args([address, grace_ms.to_string(), "5000".into()])
            .stdin(stdin);
        let mut process = Process::start(&mut command);
        let line = process.line();
        assert!(line.starts_with("http://"), "it printed {line:?}");
        Instance(process)
    }

    /// Asks it to end, and awaits the end. It must have cut nothing, and print that.
    pub fn end(self) {
        self.0.signal("TERM");
        let output = self.0.ends();
        assert!(output.contains(" 0 cut"), "{output:?}");
    }
}
