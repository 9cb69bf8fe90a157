//! The example `upload`: what it keeps, what it leaves nothing of, and where it stays.

use std::fs;
use std::path::PathBuf;

use millpond::Json;

use super::child::Example;
use crate::support::{Client, Folder, Reply};

const MOST: usize = 100_000;

/// The example with a folder of its own, which goes when the test ends.
struct Upload {
    example: Example,
    folder: PathBuf,
    _outer: Folder,
}

impl Upload {
    fn start() -> Upload {
        let outer = Folder::new();
        let folder = outer.path("files");
        let most = MOST.to_string();
        let example = Example::start("upload", &[folder.to_str().unwrap(), &most]);
        Upload {
            example,
            folder,
            _outer: outer,
        }
    }

    fn connect(&self) -> Client {
        Client::connect(self.example.addr)
    }

    fn put(&self, name: &str, body: &[u8]) -> Reply {
        let mut client = self.connect();
        client.send(head(name, body.len())).send(body).response()
    }

    /// The names of what is in the folder, also of what is not whole.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).expect("the folder");
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect()
    }
}

fn head(name: &str, length: usize) -> String {
    format!("PUT /{name} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n")
}

#[test]
fn upload_keeps_lists_and_returns_files() {
    let upload = Upload::start();
    let body: Vec<u8> = (0..MOST).map(|i| (i / 7) as u8).collect();
    let reply = upload.put("a%20file.bin", &body);
    assert_eq!(reply.status, 201);
    let said = Json::parse(&reply.body).unwrap();
    assert_eq!(said["size"].as_u64(), Some(MOST as u64));
    assert_eq!(upload.put("empty", b"").status, 201);
    assert_eq!(upload.put("empty", b"no more").status, 201);

    let mut client = upload.connect();
    assert_eq!(client.get("/").text(), r#"{"a file.bin":100000,"empty":7}"#);
    assert_eq!(client.get("/a%20file.bin").body, body);
    assert_eq!(client.get("/empty").body, b"no more");
    assert_eq!(client.get("/nothing").status, 404);
    let html = "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html,*/*;q=0.8\r\n\r\n";
    let page = client.send(html).response();
    assert!(page.text().contains("<title>millpond, upload</title>"));
}

#[test]
fn upload_leaves_nothing_of_what_is_too_long() {
    let upload = Upload::start();
    let mut client = upload.connect();
    client.send(head("declared", MOST + 1));
    assert_eq!(client.response().status, 413);

    let mut client = upload.connect();
    client.send("PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client
        .send(format!("{:x}\r\n", MOST))
        .send(vec![b'x'; MOST]);
    client.send("\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 413);
    assert_eq!(upload.names(), [""; 0]);
}

#[test]
fn upload_leaves_nothing_of_what_is_not_whole() {
    let upload = Upload::start();
    // Those that are gathered first, and those that are written while they come.
    for sent in [0, 1_000, 90_000] {
        let mut client = upload.connect();
        client.send(head("part", MOST)).send(vec![b'x'; sent]);
        assert_eq!(
            client.finish_sending().response().status,
            400,
            "{sent} sent"
        );
        assert_eq!(upload.names(), [""; 0], "{sent} sent");
    }
}

#[test]
fn upload_stays_in_its_folder() {
    let upload = Upload::start();
    let outside = upload.folder.with_file_name("outside");
    fs::write(&outside, "secret").unwrap();
    fs::create_dir(upload.folder.join("folder")).unwrap();
    for name in [
        "..%2Foutside",
        "%2e%2e%2foutside",
        "..%5Coutside",
        "../outside",
        "..",
        ".",
        ".hidden",
        "C:outside",
        "a%00b",
        "folder%2Foutside",
        "folder/outside",
    ] {
        let put = upload.put(name, b"broken in").status;
        assert!(matches!(put, 400 | 404), "PUT {name}: {put}");
        let got = upload.connect().get(&format!("/{name}"));
        assert_eq!(got.status, 404, "GET {name}");
    }
    assert_eq!(upload.connect().get("/folder").status, 404);
    assert_eq!(fs::read_to_string(outside).unwrap(), "secret");
    assert_eq!(upload.names(), ["folder"]);
}

/// In two containers two of them may have the same number of a process, and one folder.
#[test]
fn upload_leaves_alone_what_another_one_is_at() {
    let upload = Upload::start();
    let others = [0, 1].map(|at| format!(".{}-{at}", upload.example.pid()));
    for other in &others {
        fs::write(upload.folder.join(other), "half of it").expect("a file");
    }
    for name in ["a", "b"] {
        assert_eq!(upload.put(name, b"whole").status, 201);
    }
    for other in &others {
        let left = fs::read(upload.folder.join(other)).expect("it is there");
        assert_eq!(left, b"half of it");
    }
    assert_eq!(upload.names().len(), 4);
}
