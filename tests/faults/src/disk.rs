//! The disk is full. Kept: what is on it, which is served as before; the connection, whose client
//! is told 507; and nothing of what found no room.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::support::{Client, Folder};

/// The example `upload` on a disk of 400 KiB that only it can see.
struct Upload {
    child: Child,
    /// Held open: it has more to say, and would not survive a closed pipe.
    _says: BufReader<ChildStdout>,
    addr: SocketAddr,
    folder: Folder,
}

impl Upload {
    fn start() -> Upload {
        let folder = Folder::of("disk");
        let mount = "mount -t tmpfs -o size=400k tmpfs \"$1\" && exec \"$0\" 127.0.0.1:0 \"$1\"";
        let mut child = Command::new("unshare")
            .args(["--mount", "sh", "-c", mount, env!("CARGO_BIN_EXE_upload")])
            .arg(&folder.0)
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare");
        let mut line = String::new();
        let mut says = BufReader::new(child.stdout.take().expect("a pipe"));
        says.read_line(&mut line).expect("a line");
        let addr = line.trim_start_matches("http://").trim_end_matches("/\n");
        let addr = addr.parse().unwrap_or_else(|_| panic!("it says {line:?}"));
        Upload {
            child,
            _says: says,
            addr,
            folder,
        }
    }

    /// The folder as the child sees it.
    fn disk(&self) -> PathBuf {
        let inside = self.folder.0.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.child.id())).join(inside)
    }

    /// What is on the disk, also what is not whole.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.disk()).expect("the folder");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_upload_that_finds_no_room_is_507_and_leaves_nothing() {
    let upload = Upload::start();
    let first = vec![b'1'; 200_000];
    let mut client = Client::connect(upload.addr);
    assert_eq!(client.put("/first", &first).status, 201);
    for _ in 0..3 {
        let refused = client.put("/second", &vec![b'2'; 300_000]);
        assert_eq!(refused.status, 507, "{refused:?}");
        assert_eq!(upload.names(), ["first"]);
        assert_eq!(client.get("/first").body, first);
    }
    // More than would be read past: told all the same, at the cost of the connection.
    let mut large = Client::connect(upload.addr);
    assert_eq!(large.put("/third", &vec![b'3'; 3_000_000]).status, 507);
    large.closed();
    assert_eq!(upload.names(), ["first"]);
    fs::remove_file(upload.disk().join("first")).expect("it is there");
    assert_eq!(client.put("/second", &vec![b'2'; 300_000]).status, 201);
    assert_eq!(client.get("/second").body.len(), 300_000);
}
