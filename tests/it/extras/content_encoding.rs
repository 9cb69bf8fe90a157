//! Compressed responses over sockets, as `gzip -d` reads them: whole ones, others, and files.

use std::io::{self, Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::extras::assets::folder::{ask, Folder};
use crate::support::{serve, Barrier, Client, Incomplete, Reply, Running};
use millpond::{content_encoding, match_assets, Request, Response, ResponseBody};

/// Returns the decompressed text, or the error of `gzip`.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut stdin = gzip.stdin.take().expect("its input");
    let bytes = bytes.to_vec();
    let feeding = thread::spawn(move || stdin.write_all(&bytes));
    let output = gzip.wait_with_output().expect("its output");
    // It may have ended before it had read all.
    let _ = feeding.join().expect("no panic");
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|n| format!("{{\"line\": {n}, \"text\": \"hello\"}}\n"))
        .collect()
}

/// Yields lines, one at a read, and then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::new(io::ErrorKind::Other, "out of lines"));
        }
        self.0 -= 1;
        b"a line\n".as_slice().read(buf)
    }
}

/// `/KIND/LINES`: in memory, read with its length known, read without, failing after so many.
fn handler(request: &Request) -> Response {
    let url = request.url();
    let mut parts = url.split('/').skip(1);
    let kind = parts.next().unwrap_or_default().to_owned();
    let count = parts
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(0);
    let text = lines(count);
    let length = text.len();
    let reader = io::Cursor::new(text.clone());
    let data = match kind.as_str() {
        "bytes" => ResponseBody::from_string(text),
        "sized" => ResponseBody::from_reader_and_size(reader, length),
        "streamed" => ResponseBody::from_reader(reader),
        "fails" => ResponseBody::from_reader(Failing(count)),
        "short" => ResponseBody::from_reader_and_size(reader, length + 1),
        _ => return Response::empty_404(),
    };
    let response = Response {
        data,
        ..Response::text("")
    };
    content_encoding::apply(request, response.with_etag_keep("1"))
}

const GZIP: (&str, &str) = ("Accept-Encoding", "gzip");

#[test]
fn what_arrives_is_what_gzip_reads() {
    let server = serve(handler);
    let mut client = server.connect();
    for count in [100, 5_000, 20_000] {
        for kind in ["bytes", "sized", "streamed"] {
            let path = format!("/{kind}/{count}");
            let reply = ask(&mut client, "GET", &path, &[GZIP]);
            assert_eq!(reply.header("Content-Encoding"), Some("gzip"), "{path}");
            assert_eq!(reply.header("Vary"), Some("Accept-Encoding"), "{path}");
            assert_eq!(reply.header("ETag"), Some("W/\"1\""), "{path}");
            let known = reply.header("Content-Length").is_some();
            assert_eq!(known, kind == "bytes", "{path}");
            let text = lines(count);
            assert!(
                4 * reply.body.len() < text.len(),
                "{path}: {}",
                reply.body.len()
            );
            assert!(
                gunzip(&reply.body) == Ok(text.clone().into_bytes()),
                "{path}"
            );

            let plain = client.get(&path);
            assert!(plain.text() == text, "{path}");
            let fields = ["Content-Encoding", "Vary", "ETag"].map(|name| plain.header(name));
            assert_eq!(
                fields,
                [None, Some("Accept-Encoding"), Some("\"1\"")],
                "{path}"
            );
        }
    }
}

#[test]
fn head_has_the_fields_of_get() {
    let server = serve(handler);
    let mut client = server.connect();
    for path in [
        "/bytes/100",
        "/sized/100",
        "/streamed/100",
        "/bytes/1",
        "/none",
    ] {
        let mut fields = |method| {
            let mut reply = ask(&mut client, method, path, &[GZIP]);
            reply.headers.retain(|(name, _)| name != "Date");
            (reply.status, reply.headers)
        };
        assert_eq!(fields("HEAD"), fields("GET"), "{path}");
    }
}

#[test]
fn a_client_of_http_1_0_gets_it_up_to_the_end_of_the_connection() {
    let server = serve(handler);
    let mut client = server.connect();
    client.send("GET /streamed/5000 HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let reply = client.response();
    assert_eq!(reply.header("Transfer-Encoding"), None);
    assert!(gunzip(&reply.body) == Ok(lines(5_000).into_bytes()));
}

#[test]
fn a_reader_that_fails_cuts_the_connection_and_gzip_notices() {
    let server = serve(handler);
    for path in ["/fails/1", "/fails/20000", "/short/20000"] {
        let mut client = server.connect();
        client.send(format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n"
        ));
        match client.try_response("GET") {
            Err(Incomplete::Unstarted | Incomplete::Ended(_)) => {}
            other => panic!("{path}: {other:?}"),
        }
        // To HTTP/1.0 an end is an end; but gzip has its own.
        let mut client = server.connect();
        client.send(format!(
            "GET {path} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n"
        ));
        if let Ok(reply) = client.try_response("GET") {
            assert!(gunzip(&reply.body).is_err(), "{path}");
        }
    }
    let mut client = server.connect();
    for path in ["/fails/0", "/short/100"] {
        // Nothing was sent when it failed: a little text is one block.
        assert_eq!(ask(&mut client, "GET", path, &[GZIP]).status, 500, "{path}");
    }
    assert_eq!(ask(&mut client, "GET", "/bytes/100", &[GZIP]).status, 200);
}

/// The second line is not made before the client has the first.
#[test]
fn a_line_arrives_before_there_is_another() {
    let barrier = Barrier::default();
    let waiting = barrier.clone();
    let server = serve(move |request| {
        struct Lines(Barrier, usize);
        impl Read for Lines {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.1 += 1;
                match self.1 {
                    1 => b"{\"line\": 1}\n".as_slice().read(buf),
                    2 => {
                        self.0.wait();
                        b"{\"line\": 2}\n".as_slice().read(buf)
                    }
                    _ => Ok(0),
                }
            }
        }
        let response = Response {
            data: ResponseBody::from_reader(Lines(waiting.clone(), 0)),
            ..Response::text("").with_unique_header("Content-Type", "application/x-ndjson")
        };
        content_encoding::apply(request, response)
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    let head = client.head().expect("a head");
    assert_eq!(head.header("Content-Encoding"), Some("gzip"));
    barrier.wait_for_arrivals(1);
    // The header, the line in a block, and an empty block behind it: no more, no less.
    let mut first = client.take(10).expect("the header of gzip");
    while !first.ends_with(&[0, 0, 0xff, 0xff]) {
        first.extend(client.take(1).expect("the first line"));
    }
    barrier.open();
    let rest = client.rest().expect("the rest");
    let whole = gunzip(&[first, rest].concat());
    assert_eq!(whole, Ok(b"{\"line\": 1}\n{\"line\": 2}\n".to_vec()));
}

fn serve_compressed(folder: &Folder) -> Running {
    let path = folder.path("");
    serve(move |request| content_encoding::apply(request, match_assets(request, &path)))
}

#[test]
fn files_are_compressed_unless_that_lies_ready() {
    let folder = Folder::new();
    let text = lines(200);
    for name in ["a.txt", "b.txt", "a.png"] {
        folder.settled(name, &text);
    }
    // Not the bytes that gzip would produce, so that a second compression shows.
    folder.settled("b.txt.gz", "it lay ready".repeat(200));
    folder.settled("b.txt.br", "that too".repeat(200));
    let server = serve_compressed(&folder);
    let mut client = server.connect();
    let mut get = |path: &str, codings| -> Reply {
        ask(&mut client, "GET", path, &[("Accept-Encoding", codings)])
    };

    let made = get("/a.txt", "gzip");
    assert_eq!(made.header("Content-Encoding"), Some("gzip"));
    assert!(gunzip(&made.body) == Ok(text.clone().into_bytes()));
    assert_eq!(made.header("Accept-Ranges"), None);

    for (codings, coding, body) in [
        ("gzip", Some("gzip"), "it lay ready".repeat(200)),
        ("br, gzip", Some("br"), "that too".repeat(200)),
        ("identity", None, text.clone()),
    ] {
        let ready = get("/b.txt", codings);
        assert_eq!(ready.header("Content-Encoding"), coding);
        assert!(ready.body == body.as_bytes(), "{codings}");
        let vary: Vec<_> = ready
            .headers
            .iter()
            .filter(|(name, _)| name == "Vary")
            .collect();
        assert_eq!(vary.len(), 1, "{vary:?}");
        assert!(!ready.header("ETag").expect("a tag").starts_with("W/"));
    }

    let image = get("/a.png", "gzip");
    let fields = ["Content-Encoding", "Vary"].map(|name| image.header(name));
    assert_eq!((fields, image.body.len()), ([None, None], text.len()));
}

#[test]
fn conditions_and_ranges_of_files_hold() {
    let folder = Folder::new();
    let text = lines(200);
    folder.settled("a.txt", &text);
    let server = serve_compressed(&folder);
    let mut client = server.connect();
    let made = ask(&mut client, "GET", "/a.txt", &[GZIP]);
    let weak = made.header("ETag").expect("a tag").to_owned();
    let strong = weak.strip_prefix("W/").expect("a weak one").to_owned();
    let modified = made.header("Last-Modified").expect("a date").to_owned();
    let mut ask = |fields: &[(&str, &str)]| {
        let reply = ask(&mut client, "GET", "/a.txt", &[&[GZIP], fields].concat());
        let get = |name| reply.header(name).map(str::to_owned);
        let (coding, tag, vary) = (get("Content-Encoding"), get("ETag"), get("Vary"));
        assert_eq!(vary.as_deref(), Some("Accept-Encoding"));
        (
            reply.status,
            coding.is_some(),
            tag.expect("a tag"),
            reply.body,
        )
    };
    for (fields, want) in [
        (vec![("If-None-Match", &*weak)], (304, &weak)),
        (vec![("If-None-Match", &*strong)], (304, &strong)),
        (vec![("If-Modified-Since", &*modified)], (304, &strong)),
    ] {
        let (status, coded, tag, _) = ask(&fields);
        assert_eq!((status, &tag), want, "{fields:?}");
        assert!(!coded);
    }
    // A range of the file itself, which is not joined to compressed bytes.
    let part = ask(&[("Range", "bytes=10-19")]);
    assert_eq!(
        part,
        (206, false, strong.clone(), text.as_bytes()[10..20].to_vec())
    );
    let (status, coded, tag, body) = ask(&[("Range", "bytes=10-19"), ("If-Range", &weak)]);
    assert_eq!((status, coded, tag), (200, true, weak));
    assert!(gunzip(&body) == Ok(text.clone().into_bytes()));
}

/// As many at once as there are workers, and each its own.
#[test]
fn compressing_is_for_each_response_alone() {
    let server = serve(handler);
    let addr = server.addr;
    let clients = (0..8).map(|n| {
        thread::spawn(move || {
            let mut client = Client::connect(addr);
            for round in 0..10 {
                let count = 100 + 37 * n + round;
                let path = format!("/{}/{count}", ["bytes", "streamed"][round % 2]);
                let reply = ask(&mut client, "GET", &path, &[GZIP]);
                assert!(
                    gunzip(&reply.body) == Ok(lines(count).into_bytes()),
                    "{path}"
                );
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    clients
        .into_iter()
        .for_each(|client| client.join().expect("a client"));
}
