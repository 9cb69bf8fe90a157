//! Responses: streamed bodies, statuses without a body, the server's own fields. A client sees when
//! a body could not be finished.

use std::io::{self, Read};

use crate::support::{serve, Barrier, Client, Incomplete, Running, GUARD};
use millpond::{Request, Response, ResponseBody};

/// The behaviour of a body's reader after so many bytes.
#[derive(Clone, Copy)]
enum Then {
    Ends,
    Fails,
    Panics,
}

struct Letters {
    left: usize,
    then: Then,
}

impl Read for Letters {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match (self.left, self.then) {
            (0, Then::Ends) => Ok(0),
            (0, Then::Fails) => Err(io::Error::new(io::ErrorKind::Other, "out of letters")),
            (0, Then::Panics) => panic!("a reader that panics, on purpose"),
            _ => {
                let count = buf.len().min(self.left).min(1000);
                buf[..count].fill(b'x');
                self.left -= count;
                Ok(count)
            }
        }
    }
}

fn streamed(left: usize, then: Then, size: Option<usize>) -> Response {
    let letters = Letters { left, then };
    let data = match size {
        Some(size) => ResponseBody::from_reader_and_size(letters, size),
        None => ResponseBody::from_reader(letters),
    };
    Response {
        data,
        ..Response::text("")
    }
}

/// `/STATUS` answers with that status and a body; `/KIND/LEFT[/SIZE]` streams.
fn handler(request: &Request) -> Response {
    let url = request.url();
    let mut parts = url.split('/').skip(1);
    let first = parts.next().unwrap_or_default();
    if let Ok(status) = first.parse() {
        return Response::text("a body").with_status_code(status);
    }
    let then = match first {
        "ends" => Then::Ends,
        "fails" => Then::Fails,
        "panics" => Then::Panics,
        "handler-panics" => panic!("a handler that panics, on purpose"),
        _ => return Response::text("hello"),
    };
    let mut numbers = parts.filter_map(|part| part.parse().ok());
    streamed(numbers.next().unwrap_or(0), then, numbers.next())
}

fn server() -> Running {
    serve(handler)
}

/// Yields one event, when it may.
struct Events(Option<Barrier>);

impl Read for Events {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.take() {
            Some(barrier) => {
                barrier.wait();
                (&b"data: x\n\n"[..]).read(buf)
            }
            None => Ok(0),
        }
    }
}

#[test]
fn the_head_of_an_event_stream_does_not_wait_for_an_event() {
    for kind in ["text/event-stream", "Text/Event-Stream%3B+charset=utf-8"] {
        let barrier = Barrier::default();
        let entrance = barrier.clone();
        let server = serve(move |request: &Request| Response {
            data: ResponseBody::from_reader(Events(Some(entrance.clone()))),
            ..Response::from_data(request.get_param("type").unwrap_or_default(), "")
        });
        let mut client = server.connect();
        client.send(format!("GET /?type={kind} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.head().expect("it is open");
        assert_eq!(head.status, 200);
        barrier.wait_for_arrivals(1);
        barrier.open();
        assert_eq!(client.body(&head), Ok(b"data: x\n\n".to_vec()));
    }
}

#[test]
fn a_streamed_body_of_unknown_length_is_chunked() {
    let server = server();
    let mut client = server.connect();
    for length in [0, 1, 999, 1000, 1001, 70_000, 1_000_000] {
        let reply = client.get(&format!("/ends/{length}"));
        assert_eq!(reply.header("Transfer-Encoding"), Some("chunked"));
        assert_eq!(reply.header("Content-Length"), None);
        assert_eq!(reply.body.len(), length);
    }
}

#[test]
fn a_streamed_body_of_known_length_says_it() {
    let server = server();
    let mut client = server.connect();
    for length in [0, 1, 1001, 70_000, 1_000_000] {
        let reply = client.get(&format!("/ends/{length}/{length}"));
        let said = length.to_string();
        assert_eq!(reply.header("Content-Length"), Some(said.as_str()));
        assert_eq!(reply.header("Transfer-Encoding"), None);
        assert_eq!(reply.body.len(), length);
    }
}

#[test]
fn a_reader_with_more_than_it_declared_is_cut_to_that() {
    let server = server();
    let mut client = server.connect();
    for (has, said) in [(6, 5), (1, 0), (70_000, 66_000)] {
        assert_eq!(client.get(&format!("/ends/{has}/{said}")).body.len(), said);
        assert_eq!(client.get("/").text(), "hello");
    }
}

#[test]
fn a_body_that_cannot_be_finished_is_seen_to_be_cut() {
    let server = server();
    for path in [
        // Fewer than declared.
        "/ends/5/6",
        "/ends/70000/70001",
        // Known length.
        "/fails/2000/3000",
        "/panics/2000/3000",
        "/panics/70000/100000",
        // Chunked.
        "/fails/2000",
        "/fails/70000",
        "/panics/2000",
        "/panics/70000",
    ] {
        let mut client = server.connect();
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        match client.try_response("GET") {
            Err(Incomplete::Unstarted | Incomplete::Ended(_)) => {}
            other => panic!("{path}: {other:?}"),
        }
        client.closed();
    }
    assert_eq!(server.get("/").text(), "hello");
}

/// Nothing was sent: the client gets an error, and keeps its connection.
#[test]
fn a_body_that_fails_before_its_first_byte_is_a_500() {
    let server = server();
    let mut client = server.connect();
    for path in [
        "/fails/0",
        "/fails/0/5",
        "/panics/0",
        "/panics/0/5",
        "/ends/0/5",
    ] {
        assert_eq!(client.get(path).status, 500, "{path}");
        assert_eq!(client.get("/").text(), "hello", "{path}");
        // A body that a client of HTTP/1.0 could not have told from an empty body.
        let mut older = server.connect();
        older.send(format!("GET {path} HTTP/1.0\r\n\r\n"));
        assert_eq!(older.response().status, 500, "{path}");
        older.closed();
    }
}

#[test]
fn what_was_sent_before_a_body_that_fails_is_whole() {
    let server = server();
    for path in ["/fails/9", "/panics/9", "/ends/5/6"] {
        let mut client = server.connect();
        // So many quick ones in a row that their answers may be gathered into one write.
        let mut requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30);
        requests += &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
        client.send(requests);
        for _ in 0..30 {
            assert_eq!(client.response().text(), "hello", "{path}");
        }
        assert!(client.try_response("GET").is_err(), "{path}");
    }
}

#[test]
fn one_that_a_10_client_cannot_know_ends_with_the_connection() {
    let server = server();
    for fields in ["", "Connection: keep-alive\r\n"] {
        let mut client = server.connect();
        client.send(format!("GET /ends/70000 HTTP/1.0\r\n{fields}\r\n"));
        let reply = client.response();
        assert_eq!(reply.header("Transfer-Encoding"), None);
        assert_eq!(reply.header("Content-Length"), None);
        assert_eq!(reply.header("Connection"), Some("close"));
        assert_eq!(reply.body.len(), 70_000);
    }
}

#[test]
fn head_says_what_get_would_and_has_no_body() {
    let server = server();
    let mut client = server.connect();
    for (path, length, coding) in [
        ("/", Some("5"), None),
        ("/ends/70000/70000", Some("70000"), None),
        ("/ends/70000", None, Some("chunked")),
        ("/fails/0/7", Some("7"), None),
        ("/404", Some("6"), None),
    ] {
        client.send(format!("HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let reply = client.response_to_head();
        assert_eq!(reply.header("Content-Length"), length, "{path}");
        assert_eq!(reply.header("Transfer-Encoding"), coding, "{path}");
        assert_eq!(client.get("/").text(), "hello", "{path}");
    }
}

#[test]
fn statuses_without_a_body_have_none() {
    let server = server();
    let mut client = server.connect();
    for (status, length) in [("204", None), ("304", None), ("205", Some("0"))] {
        let reply = client.get(&format!("/{status}"));
        assert_eq!(reply.status.to_string(), status);
        assert_eq!(reply.header("Content-Length"), length, "{status}");
        assert_eq!(reply.header("Transfer-Encoding"), None, "{status}");
        assert_eq!(reply.body, b"");
        // Had there been a byte of a body, this would not be a response.
        assert_eq!(client.get("/").text(), "hello", "{status}");
    }
}

#[test]
fn statuses_that_are_not_final_or_not_there_are_500() {
    let server = server();
    for status in ["0", "1", "99", "100", "101", "102", "103", "199", "1000"] {
        let reply = server.get(&format!("/{status}"));
        assert_eq!((reply.status, status), (500, status));
    }
    let mut client = server.connect();
    for status in ["200", "299", "404", "418", "599", "999"] {
        let reply = client.get(&format!("/{status}"));
        assert_eq!(reply.status.to_string(), status);
        assert_eq!(reply.text(), "a body");
    }
}

#[test]
fn a_panicking_handler_is_a_500_and_the_connection_stays() {
    let server = server();
    let mut client = server.connect();
    for _ in 0..3 {
        assert_eq!(client.get("/handler-panics").status, 500);
        assert_eq!(client.get("/").text(), "hello");
    }
}

#[test]
fn what_frames_a_response_is_the_servers_to_say() {
    let server = serve(|_| {
        Response::text("hello")
            .with_additional_header("Content-Length", "50")
            .with_additional_header("Transfer-Encoding", "chunked")
            .with_additional_header("Connection", "X")
            .with_additional_header("Keep-Alive", "timeout=1")
            .with_additional_header("Trailer", "X")
            .with_additional_header("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .with_additional_header("X", "y")
    });
    let mut client = server.connect();
    for _ in 0..2 {
        let reply = client.get("/");
        let names: Vec<&str> = reply
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        let want = ["Content-Type", "Date", "X", "Content-Length"];
        assert_eq!(names, want);
        assert_eq!(reply.header("Content-Length"), Some("5"));
        // A handler may know the date of a response from elsewhere.
        assert_eq!(reply.header("Date"), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    }
}

#[test]
fn a_handler_that_says_close_ends_its_connection() {
    let server = serve(|request| {
        let option = request.get_param("say").unwrap_or_default();
        Response::text("hello").with_additional_header("Connection", option)
    });
    for request in [
        "GET /?say=close HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?say=A,%20Close HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /?say=close HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ] {
        let mut client = server.connect();
        client.send(request);
        let reply = client.response();
        assert_eq!(
            (reply.text(), reply.header("Connection")),
            ("hello", Some("close"))
        );
        client.closed();
    }
    let mut client = server.connect();
    for _ in 0..2 {
        let reply = client.get("/?say=keep-alive");
        assert_eq!((reply.text(), reply.header("Connection")), ("hello", None));
    }
}

/// It was not to know, and no reset takes its answer away.
#[test]
fn a_client_that_has_asked_again_gets_to_read_that_it_was_the_last_time() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let server = serve(move |_| {
        at_barrier.wait();
        Response::text("hello").with_additional_header("Connection", "close")
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.open();
    assert_eq!(client.response().header("Connection"), Some("close"));
    let guarded = client.stream.set_read_timeout(Some(GUARD));
    guarded.expect("an open socket");
    let end = client.stream.read(&mut [0]);
    assert_eq!(end.expect("no reset"), 0, "it was answered again");
}

#[test]
fn a_reader_of_the_response_as_slow_as_it_likes_gets_all_of_it() {
    let server = server();
    let mut client: Client = server.connect();
    client.send("GET /ends/3000000 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    // The response is far larger than the sockets' buffers: the server has to continue it later.
    let reply = client.response();
    assert_eq!(reply.body.len(), 3_000_000);
    assert!(reply.body.iter().all(|&b| b == b'x'));
    assert_eq!(client.response().text(), "hello");
}
