//! Mutants of requests through the gateway, to a server that records them. Each connection there
//! must carry exactly one request, valid in one way of reading only, and no more requests than the
//! client got answers.

use super::*;
use crate::hostile::fuzz::{mutant, Rng};
use std::sync::mpsc::Sender;
use std::time::Duration;

const CASES: u64 = 1000;

const CORPUS: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x?y HTTP/1.1\r\nHost: a\r\nConnection: close, X\r\nX: y\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\nX: y\r\n\r\n\
     GET /evil HTTP/1.1\r\nHost: evil\r\nX: \r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: Content-Length\r\n\r\nhello",
    "POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello",
    "HEAD /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n",
];

const TOKENS: &[&str] = &[
    "Content-Length: 5\r\n",
    "Content-Length: 0\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: x, chunked\r\n",
    "Connection: Host, Transfer-Encoding\r\n",
    "Expect: 100-continue\r\n",
    "0\r\n\r\n",
    "\r\n\r\nGET /evil HTTP/1.1\r\nHost: evil\r\n\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\t",
    " ",
    ":",
    "_",
    "\u{b}",
    ";",
    "%",
];

/// Records the bytes of each connection, whole.
fn recorder(sender: Sender<Vec<u8>>) -> SocketAddr {
    upstream(move |mut stream| {
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        // It answers once the request is whole, as any server does, and reads on to the end.
        let mut answered = false;
        loop {
            if !answered && is_one_request(&bytes).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                answered = true;
            }
            match stream.read(&mut piece) {
                Ok(count @ 1..) => bytes.extend_from_slice(&piece[..count]),
                _ => break,
            }
        }
        // A connection that was cut before its request was whole is none.
        if answered {
            let _ = sender.send(bytes);
        }
    })
}

/// Reads one request in the plainest way. Bytes behind the request, or a second way of reading, are
/// an error.
fn is_one_request(bytes: &[u8]) -> Result<(), String> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n");
    let end = end.ok_or("no whole head")?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|e| e.to_string())?;
    let body = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let line: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    if line.len() != 3 || line[2] != "HTTP/1.1" || line.iter().any(|part| part.is_empty()) {
        return Err(format!("a request line {line:?}"));
    }
    let mut lengths = Vec::new();
    let (mut codings, mut hosts, mut closes) = (0, 0, 0);
    for line in lines {
        let control = line.chars().any(|c| c.is_control() && c != '\t');
        let (name, value) = line.split_once(": ").ok_or("no field")?;
        let token = name
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b));
        if control || !token || name.is_empty() {
            return Err(format!("a field {line:?}"));
        }
        match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "content-length" => lengths.push(value),
            "transfer-encoding" if value == "chunked" => codings += 1,
            "host" => hosts += 1,
            "connection" if value == "close" => closes += 1,
            "transfer-encoding" | "connection" | "te" | "upgrade" | "expect" | "trailer"
            | "keep-alive" | "proxy" => return Err(format!("a field {line:?}")),
            _ => {}
        }
    }
    if hosts != 1 || closes != 1 {
        return Err(format!("{hosts} hosts, {closes} times close"));
    }
    match (lengths.as_slice(), codings) {
        ([], 0) if body.is_empty() => Ok(()),
        ([length], 0) if length.parse() == Ok(body.len()) => Ok(()),
        ([], 1) => is_chunked(body),
        other => Err(format!("{other:?} and {} bytes", body.len())),
    }
}

fn is_chunked(mut body: &[u8]) -> Result<(), String> {
    loop {
        let end = body.windows(2).position(|w| w == b"\r\n");
        let end = end.ok_or("no chunk size")?;
        let size = std::str::from_utf8(&body[..end]).map_err(|e| e.to_string())?;
        let size = usize::from_str_radix(size, 16).map_err(|e| e.to_string())?;
        body = &body[end + 2..];
        let next = body.get(size..).ok_or("half a chunk")?;
        body = next.strip_prefix(b"\r\n").ok_or("no end of a chunk")?;
        if size == 0 {
            return match body {
                b"" => Ok(()),
                _ => Err(format!("{} bytes behind it", body.len())),
            };
        }
    }
}

#[test]
fn no_mutant_is_more_than_one_request() {
    let (sender, requests) = mpsc::channel();
    let server = gateway(recorder(sender));
    let corpus: Vec<Vec<u8>> = CORPUS.iter().map(|text| text.as_bytes().to_vec()).collect();
    let mut answered = 0;
    for seed in 0..CASES {
        let mut rng = Rng::new(seed);
        let mut input = mutant(&corpus, TOKENS, &mut rng);
        if rng.one_in(2) {
            input.extend(mutant(&corpus, TOKENS, &mut rng));
        }
        let mut client = server.connect();
        let _ = client.try_send(&input);
        let _ = client.stream.shutdown(std::net::Shutdown::Write);
        let answers = client
            .rest()
            .unwrap_or_else(|cut| panic!("seed {seed}: {cut:?}"));
        let text = String::from_utf8_lossy(&answers);
        let passed = text.matches("HTTP/1.1 200 OK\r\n").count();
        answered += passed;
        for _ in 0..passed {
            let bytes = requests
                .recv_timeout(GUARD)
                .unwrap_or_else(|_| panic!("seed {seed}: {passed} answers, fewer requests"));
            let read = is_one_request(&bytes);
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(
                read,
                Ok(()),
                "seed {seed}: {:?}: {shown:?}",
                String::from_utf8_lossy(&input)
            );
            let evil = shown.starts_with("GET /evil");
            assert!(
                !evil || input.windows(9).any(|w| w == b"GET /evil"),
                "seed {seed}"
            );
        }
    }
    // There is no request without an answer.
    let more = requests.recv_timeout(Duration::from_millis(50));
    assert!(more.is_err(), "{more:?}");
    assert!(answered > CASES as usize / 5, "{answered}");
}

#[test]
fn the_reader_sees_what_is_wrong() {
    for (bytes, fits) in [
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nx",
            false,
        ),
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", false),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\n",
            false,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            false,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
             1\r\nx\r\n0\r\n\r\n",
            true,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
             0\r\n\r\nGET",
            false,
        ),
    ] {
        assert_eq!(is_one_request(bytes.as_bytes()).is_ok(), fits, "{bytes:?}");
    }
}
