//! Bodies from files that change: shorter, longer, replaced, unreadable, or on a disk without room.
//! The connection stays if the client can know, and all other connections stay.

#![cfg(unix)]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{eventually, finishes, serve_routes, Client, Folder, GUARD};
use millpond::{BackgroundServer, CloseReason, Response, Route};

const LARGE: usize = 16 * 1024 * 1024;

/// A folder of the test's own, and a server of its files.
struct Served {
    folder: Folder,
    server: BackgroundServer,
}

impl Served {
    fn start() -> Served {
        let folder = Folder::new();
        let path = folder.path("");
        let file = move |name: Option<String>, writes: bool| {
            let path = path.join(name.unwrap_or_default());
            match OpenOptions::new().read(!writes).write(writes).open(path) {
                Ok(file) => Response::from_file("text/plain", file),
                Err(_) => Response::empty_404(),
            }
        };
        let unreadable = file.clone();
        let server = serve_routes(vec![
            Route::get("/fine").onconnect(|_| Response::text("fine")),
            Route::get("/file/{name}")
                .onconnect(move |r| file(r.param("name").map(Into::into), false)),
            Route::get("/none/{name}")
                .onconnect(move |r| unreadable(r.param("name").map(Into::into), true)),
        ]);
        Served { folder, server }
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path(name);
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// A client that has read the beginning of a large file, and reads no further for now.
    fn half_way(&self) -> (PathBuf, Client) {
        let path = self.put("large", &vec![b'x'; LARGE]);
        let mut client = Client::connect(self.server.addr());
        client.send("GET /file/large HTTP/1.1\r\nHost: a\r\n\r\n");
        client.stream.peek(&mut [0]).expect("the first of it");
        (path, client)
    }
}

#[test]
fn one_that_shrinks_while_it_is_sent_is_seen_to_be_cut() {
    let served = Served::start();
    let mut other = Client::connect(served.server.addr());
    let (path, mut client) = served.half_way();
    let file = OpenOptions::new()
        .write(true)
        .open(path)
        .expect("it is there");
    file.set_len(1000).expect("a shorter file");
    assert!(client.try_response("GET").is_err());
    eventually("it is counted", || {
        served.server.stats().closed(CloseReason::BodyFailed) == 1
    });
    assert_eq!(other.get("/fine").text(), "fine");
    assert_eq!(other.get("/file/large").body.len(), 1000);
}

#[test]
fn one_that_grows_while_it_is_sent_is_as_long_as_was_said() {
    let served = Served::start();
    let (path, mut client) = served.half_way();
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .expect("it is there");
    file.write_all(&[b'y'; 100_000]).expect("a longer file");
    let body = client.response().body;
    assert_eq!(body.len(), LARGE);
    assert!(!body.contains(&b'y'));
    // Missing bytes are not taken from the next response.
    assert_eq!(client.get("/fine").text(), "fine");
    assert_eq!(client.get("/file/large").body.len(), LARGE + 100_000);
}

#[test]
fn one_that_is_replaced_or_removed_while_it_is_sent_is_the_one_it_was() {
    let served = Served::start();
    for removed in [false, true] {
        let (path, mut client) = served.half_way();
        if removed {
            fs::remove_file(&path).expect("it is there");
        } else {
            fs::rename(served.put("new", b"new"), &path).expect("another one");
        }
        assert_eq!(client.response().body, vec![b'x'; LARGE]);
        let now = client.get("/file/large");
        match removed {
            true => assert_eq!(now.status, 404),
            false => assert_eq!(now.text(), "new"),
        }
    }
}

#[test]
fn one_that_cannot_be_read_is_a_500_and_the_connection_stays() {
    let served = Served::start();
    fs::create_dir(served.folder.path("folder")).expect("a folder");
    served.put("file", b"a file");
    let mut client = Client::connect(served.server.addr());
    for path in ["/file/folder", "/none/file"] {
        assert_eq!(client.get(path).status, 500, "{path}");
        assert_eq!(client.get("/fine").text(), "fine", "{path}");
    }
    let stats = served.server.stats();
    assert_eq!((stats.accepted, stats.open, stats.panics), (1, 1, 0));
}

#[test]
fn a_pipe_is_sent_as_it_comes_to_its_end() {
    let served = Served::start();
    let path = served.folder.path("pipe");
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let mut client = Client::connect(served.server.addr());
    client.send("GET /file/pipe HTTP/1.1\r\nHost: a\r\n\r\n");
    // The handler waits for a writer, and this side for a reader.
    let mut pipe = finishes(GUARD, || File::create(path).expect("a reader"));
    let mut other = Client::connect(served.server.addr());
    pipe.write_all(b"slowly ").expect("it is read");
    let head = client.head().expect("a head");
    assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(other.get("/fine").text(), "fine");
    pipe.write_all(b"but whole").expect("it is read");
    drop(pipe);
    assert_eq!(client.body(&head).expect("all of it"), b"slowly but whole");
    assert_eq!(client.get("/fine").text(), "fine");
}
