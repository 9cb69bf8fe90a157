//! The example `upload`: the files that it stores, the names that it rejects, and unfinished files.

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
    let download = client.get("/a%20file.bin");
    assert_eq!(download.body, body);
    let disposition = download.header("Content-Disposition");
    assert_eq!(disposition, Some("attachment; filename=\"a file.bin\""));
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

/// The names of everyday files, in UTF-8. The path of each request is the name, percent-encoded.
#[test]
fn upload_accepts_everyday_names() {
    let upload = Upload::start();
    let long = "x".repeat(255);
    for name in [
        // macOS puts a narrow no-break space before AM and PM.
        "Screenshot 2026-11-30 at 9.41.00\u{202f}AM.png",
        // NFD: macOS may store an accent as a character of its own.
        "re\u{301}sume\u{301}.pdf",
        "r\u{e9}sum\u{e9}.pdf",
        "\u{1f600} party.jpg",
        "Smith, Ann & Co's [final] (2) @home! 100%.txt",
        "a+b=c; #1 ~ $5 ^ `x` {y}.txt",
        // Windows cannot store these characters.
        #[cfg(unix)]
        "What? \"So\" <this> | that*.txt",
        "archive.tar.gz",
        "\u{65e5}\u{672c}\u{8a9e}.txt",
        "console.log",
        "common.txt",
        long.as_str(),
    ] {
        let path: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(upload.put(&path, name.as_bytes()).status, 201, "{name}");
        let stored = fs::read(upload.folder.join(name)).expect("a file of this name");
        assert_eq!(stored, name.as_bytes());
        let mut client = upload.connect();
        assert_eq!(client.get(&format!("/{path}")).text(), name);
        let list = Json::parse(client.get("/").body).expect("JSON");
        assert_eq!(list[name].as_u64(), Some(name.len() as u64), "{name}");
    }
}

#[test]
fn upload_stays_in_its_folder() {
    let upload = Upload::start();
    let outside = upload.folder.with_file_name("outside");
    fs::write(&outside, "secret").unwrap();
    fs::create_dir(upload.folder.join("folder")).unwrap();
    let too_long = "x".repeat(256);
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
        "a%0Ab",
        "a%7Fb",
        "NUL",
        "nul.txt",
        "Aux.tar.gz",
        "COM1",
        "lpt9.txt",
        "COM%C2%B2",
        too_long.as_str(),
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

/// Two processes in two containers may have the same process id and the same folder.
#[test]
fn upload_leaves_the_unfinished_files_of_another_process() {
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
