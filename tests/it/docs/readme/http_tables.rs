//! The two tables of `guide::http`, sent row by row to the server that the page describes.

use std::collections::BTreeSet;
use std::io::Read;
use std::time::Duration;

use super::{code, page, table};
use crate::support::{serve_as, Running};
use millpond::{Limits, Response, Route, Router};

/// The server that the page describes above its tables.
fn described() -> Running {
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("root")));
    router.add(Route::any("/echo").onconnect(|request| {
        let mut body = Vec::new();
        match request.data().map(|mut data| data.read_to_end(&mut body)) {
            Some(Ok(_)) => Response::from_data("application/octet-stream", body),
            _ => Response::empty_400(),
        }
    }));
    router.add(Route::post("/ignore").onconnect(|_| Response::text("ignored")));
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    serve_as(
        move |request| router.handle(request),
        |server| server.limits(limits),
    )
}

/// A request of the tables.
struct Sample {
    first: Vec<u8>,
    /// Bytes to send after the first response.
    then: Option<Vec<u8>>,
    /// Whether the client closes its side behind the bytes.
    half_closes: bool,
}

impl Sample {
    fn parse(cell: &str) -> Sample {
        let text = code(cell);
        let half_closes = text.ends_with('∎');
        let text = text.trim_end_matches('∎');
        let mut parts = text.split('…');
        Sample {
            first: decode(parts.next().unwrap_or_default()),
            then: parts.next().map(decode),
            half_closes,
        }
    }
}

/// Returns the bytes for which a cell stands. The page explains the notation.
fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '⏎' => bytes.extend(b"\r\n"),
            '{' => {
                let inner: String = chars.by_ref().take_while(|&c| c != '}').collect();
                let (text, times) = inner.split_once('×').expect("{text×times}");
                bytes.extend(decode(text).repeat(times.parse().expect("a number")));
            }
            '\\' => bytes.push(match chars.next() {
                Some('n') => b'\n',
                Some('r') => b'\r',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).expect("two digits")
                }
                other => panic!("unknown escape: {other:?}"),
            }),
            c => bytes.extend(c.to_string().bytes()),
        }
    }
    bytes
}

/// Returns the status codes in the bytes of a server, wherever a status line begins.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines
        .map(|line| line[..3].parse().expect("a status"))
        .collect()
}

#[test]
fn accepted_requests_get_the_statuses_of_the_table() {
    let server = described();
    let rows = table(page("http"), "# Accepted\n");
    assert!(rows.len() > 20, "the table was not found");
    for row in rows {
        println!("{}", row[0]);
        let sample = Sample::parse(&row[0]);
        let want: Vec<u16> = row[1].split(' ').map(|s| s.parse().unwrap()).collect();
        let method = String::from_utf8_lossy(&sample.first)
            .trim_start()
            .split(' ')
            .next()
            .map_or(String::new(), str::to_owned);
        let mut client = server.connect();
        client.send(&sample.first);
        if sample.half_closes {
            client.finish_sending();
        }
        if row[2] == "closed" {
            let all = client.rest().expect("the end");
            assert_eq!(statuses(&all), want, "{}", row[0]);
            continue;
        }
        assert_eq!(row[2], "open", "{}", row[0]);
        let mut then = sample.then;
        for status in want {
            let head = client.head().expect("a response");
            assert_eq!(head.status, status, "{}", row[0]);
            if status >= 200 && method != "HEAD" && status != 204 {
                client.body(&head).expect("its body");
            }
            if let Some(then) = then.take() {
                client.send(then);
            }
        }
        assert_eq!(client.get("/").text(), "root", "{}: open", row[0]);
    }
}

#[test]
fn refused_requests_get_one_response_and_the_end() {
    let server = described();
    let rows = table(page("http"), "# Refused\n");
    assert!(rows.len() > 40, "the table was not found");
    for row in rows {
        println!("{}", row[0]);
        let sample = Sample::parse(&row[0]);
        let mut client = server.connect();
        client.send(&sample.first);
        if sample.half_closes {
            client.finish_sending();
        } else if row[1] != "408" {
            // The server may have closed the connection already.
            let _ = client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        let all = client.rest().expect("the end");
        let want: u16 = row[1].parse().expect("a status");
        assert_eq!(statuses(&all), [want], "{}", row[0]);
        let text = String::from_utf8(all).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("\r\nConnection: close"), "{text}");
        // The body repeats the status line, then gives a reason without a byte of the request.
        let line = head.lines().next().unwrap_or_default();
        let line = line.strip_prefix("HTTP/1.1 ").expect("a status line");
        let reason = body
            .strip_prefix(line)
            .and_then(|reason| reason.strip_prefix(": "));
        let reason = reason.expect("a reason").trim_end();
        assert!(!reason.is_empty() && reason.len() < 80, "{reason}");
        assert!(
            !String::from_utf8_lossy(&sample.first).contains(reason),
            "{reason}"
        );
        let fields: Vec<&str> = head.lines().skip(1).collect();
        let names = fields.iter().filter_map(|f| f.split(": ").next());
        let names: BTreeSet<&str> = names.collect();
        let usual = ["Connection", "Content-Length", "Content-Type", "Date"];
        assert_eq!(names, BTreeSet::from(usual));
    }
}

/// Returns the claims of the tables: request, last status, whether the connection closes, section.
pub fn claims() -> Vec<(String, u16, bool, String)> {
    let section = |cell: &str| match cell.strip_prefix('+') {
        Some(of_9110) => format!("9110 §{of_9110}"),
        None => format!("9112 §{cell}"),
    };
    let last = |cell: &str| cell.rsplit(' ').next().map(str::parse);
    let status = |cell: &str| last(cell).and_then(Result::ok).expect("a status");
    let accepted = table(page("http"), "# Accepted\n").into_iter();
    let accepted = accepted.map(|r| (status(&r[1]), r[2] == "closed", section(&r[3]), r));
    let refused = table(page("http"), "# Refused\n").into_iter();
    let refused = refused.map(|r| (status(&r[1]), true, section(&r[3]), r));
    let all = accepted.chain(refused);
    all.map(|(status, closes, section, row)| (row[0].clone(), status, closes, section))
        .collect()
}
