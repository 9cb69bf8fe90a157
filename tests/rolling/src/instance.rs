//! One instance of the example `rolling`, as a process that is started, told to end, and awaited.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::io::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where an instance listens.
pub enum Place {
    /// At a port of its own, which is closed while none is there.
    Port(u16),
    /// At a socket that stays: whoever comes meanwhile is queued for the next.
    Given(TcpListener),
}

pub struct Instance {
    child: Child,
}

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
        let mut child = Command::new(program)
            .args([address, grace_ms.to_string(), "5000".into()])
            .stdin(stdin)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        // A byte at a time: what it says later is for `end`.
        BufReader::with_capacity(1, stdout)
            .read_line(&mut line)
            .expect("a line");
        assert!(line.starts_with("http://"), "it said {line:?}");
        Instance { child }
    }

    /// Tells it to end, and awaits that. It must have cut nothing, and say so.
    pub fn end(&mut self) {
        let signal = format!("kill -TERM {}", self.child.id());
        let told = Command::new("sh").args(["-c", &signal]).status();
        assert!(told.expect("a shell").success(), "{signal}");
        let mut said = String::new();
        let stdout = self.child.stdout.as_mut().expect("it is piped");
        stdout.read_to_string(&mut said).expect("text");
        let status = self.child.wait().expect("it is ours");
        assert!(
            status.success() && said.contains(" 0 cut"),
            "{status}: {said:?}"
        );
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Only where something failed it is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
