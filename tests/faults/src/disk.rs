//! The disk is full. Files on the disk are served as before, the client gets a 507 on its
//! connection, and no part of the refused upload remains.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Client, Folder, Process};

/// The example `upload` on a disk of 400 KiB that only it can see.
struct Upload {
    process: Process,
    addr: SocketAddr,
    folder: Folder,
}

impl Upload {
    fn start() -> Upload {
        let folder = Folder::new();
        let mount = "mount -t tmpfs -o size=400k tmpfs \"$1\" && exec \"$0\" 127.0.0.1:0 \"$1\"";
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", mount, env!("CARGO_BIN_EXE_upload")])
            .arg(folder.root());
        let mut process = Process::start(&mut command);
        let url = process.line_after("http://");
        let addr = url.trim_end_matches('/').parse();
        Upload {
            addr: addr.unwrap_or_else(|_| panic!("the example prints {url:?}")),
            process,
            folder,
        }
    }

    /// The folder as the child sees it.
    fn disk(&self) -> PathBuf {
        let inside = self
            .folder
            .root()
            .strip_prefix("/")
            .expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", self.process.pid())).join(inside)
    }

    /// The names on the disk, those of unfinished uploads included.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.disk()).expect("the folder");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
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
    // A body too large to be discarded: the client gets the 507 all the same, and the connection
    // closes.
    let mut large = Client::connect(upload.addr);
    assert_eq!(large.put("/third", &vec![b'3'; 3_000_000]).status, 507);
    large.closed_without_reset();
    assert_eq!(upload.names(), ["first"]);
    fs::remove_file(upload.disk().join("first")).expect("it is there");
    assert_eq!(client.put("/second", &vec![b'2'; 300_000]).status, 201);
    assert_eq!(client.get("/second").body.len(), 300_000);
}
