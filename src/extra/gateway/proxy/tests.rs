//! Forwarded heads, read back by this crate's own parser; and servers that hang, one for each
//! phase, with short timeouts.

use super::upstream::MAX_INTERIM_RESPONSES;
use super::*;
use crate::extra::gateway::request::RequestLength;
use crate::limits::Limits;
use crate::message::request::head::Head;
use crate::wire::body::framing::{request as framing_of, BodyLength};
use crate::wire::head::HeadParser;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Far more than a test needs, and no more than one can wait.
const GUARD: Duration = Duration::from_secs(5);

fn owned(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    fields.iter().map(owned).collect()
}

fn get(fields: &[(&str, &str)]) -> Request {
    Request::fake_http("GET", "/a?b", owned(fields), vec![])
}

fn forwarded(request: &Request, host: Option<&str>, length: RequestLength) -> io::Result<String> {
    let address = ([192, 0, 2, 1], 81).into();
    let head = forward::head(request, host, address, length)?;
    Ok(String::from_utf8(head).expect("text"))
}

/// Returns the head and the body length as the strict parser of this crate reads them.
fn read_back(text: &str) -> (Head, BodyLength) {
    let mut head = Head::default();
    let limits = Limits {
        max_headers: 1000,
        ..Limits::default()
    };
    let whole = HeadParser::default().feed(text.as_bytes(), &limits, &mut head);
    assert_eq!(whole, Ok(Some(text.len())), "{text:?}");
    let framing = framing_of(&head, &limits).unwrap_or_else(|e| panic!("{}: {text:?}", e.reason()));
    assert!(!framing.keep_alive && !framing.expects_continue, "{text:?}");
    (head, framing.body)
}

#[test]
fn a_head_is_forwarded() {
    let fields = [
        ("Host", "a.example:80"),
        ("Accept", "x/y"),
        ("Cookie", "c=d"),
        ("Via", "1.0 other"),
        ("Accept", "z/*"),
    ];
    let text = forwarded(&get(&fields), None, RequestLength::None).unwrap();
    assert_eq!(
        text,
        "GET /a?b HTTP/1.1\r\nHost: a.example:80\r\nAccept: x/y\r\nCookie: c=d\r\n\
         Via: 1.0 other\r\nAccept: z/*\r\nX-Forwarded-For: 127.0.0.1\r\n\
         X-Forwarded-Proto: http\r\nX-Forwarded-Host: a.example:80\r\nVia: 1.1 millpond\r\n\
         Connection: close\r\n\r\n"
    );
    let text = forwarded(&get(&fields), Some("inner"), RequestLength::Known(5)).unwrap();
    assert!(text.contains("\r\nHost: inner\r\n") && !text.contains("\r\nHost: a."));
    assert!(text.contains("\r\nX-Forwarded-Host: a.example:80\r\n"));
    assert_eq!(read_back(&text).1, BodyLength::Known(5));
    let text = forwarded(&get(&[]), None, RequestLength::Unknown).unwrap();
    assert!(text.contains("\r\nHost: 192.0.2.1:81\r\n") && !text.contains("Forwarded-Host"));
    assert_eq!(read_back(&text).1, BodyLength::Chunked);
}

#[test]
fn only_the_gateway_names_the_client() {
    let forged = [
        ("X-Forwarded-For", "203.0.113.1"),
        ("x-forwarded-proto", "https"),
        ("X-Forwarded-Host", "evil"),
        ("X-Forwarded-Prefix", "/evil"),
        ("X_Forwarded_For", "203.0.113.1"),
        ("Forwarded", "for=203.0.113.1"),
        ("X-Real-IP", "203.0.113.1"),
        ("X_Real_IP", "203.0.113.1"),
        ("Proxy", "http://203.0.113.1"),
        ("Connection", "X-Forwarded-For, Via, Host"),
        ("Host", "a"),
    ];
    let from: SocketAddr = ([192, 0, 2, 7], 1234).into();
    let request = Request::fake_https_from(from, "GET", "/", owned(&forged), vec![]);
    let text = forwarded(&request, None, RequestLength::None).unwrap();
    assert_eq!(
        text,
        "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Host: a\r\nVia: 1.1 millpond\r\nConnection: close\r\n\r\n"
    );
    let v6 = "[2001:db8::1]:1".parse().unwrap();
    let request = Request::fake_http_from(v6, "GET", "/", vec![], vec![]);
    let text = forwarded(&request, None, RequestLength::None).unwrap();
    assert!(text.contains("\r\nX-Forwarded-For: 2001:db8::1\r\n"));
    let unix = ([0, 0, 0, 0], 0).into();
    let request = Request::fake_http_from(unix, "GET", "/", vec![], vec![]);
    let text = forwarded(&request, None, RequestLength::None).unwrap();
    assert!(text.contains("\r\nX-Forwarded-For: unknown\r\n"));
}

#[test]
fn an_invalid_request_is_not_forwarded() {
    let with = |name: &str, value: &str| get(&[("Host", "a"), (name, value)]);
    for (request, host) in [
        (with("X", "y\r\nZ: w"), None),
        (with("X", "y\n"), None),
        (with("X", "y\0"), None),
        (with("X: y\r\nZ", "w"), None),
        (with("", "w"), None),
        (get(&[("Host", "a\r\nX: y")]), None),
        (get(&[]), Some("a\r\nX: y")),
        (
            Request::fake_http("GET", "/ HTTP/1.1\r\nX: y", vec![], vec![]),
            None,
        ),
        (Request::fake_http("GET /", "/", vec![], vec![]), None),
        (Request::fake_http("CONNECT", "/", vec![], vec![]), None),
    ] {
        let error = forwarded(&request, host, RequestLength::None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{request:?}");
    }
}

/// For every made-up request, the forwarded bytes are one request with the right body.
#[test]
fn no_fields_smuggle_a_request() {
    const NAMES: [&str; 16] = [
        "Content-Length",
        "content_length",
        "Transfer-Encoding",
        "transfer_encoding",
        "Connection",
        "Host",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Keep-Alive",
        "X-Forwarded-For",
        "X",
        "Content-Length ",
        "Transfer-Encoding\t",
        "\u{e9}",
    ];
    const VALUES: [&str; 16] = [
        "5",
        "0",
        "chunked",
        "5, 6",
        "identity, chunked",
        "close, Content-Length, Host",
        "Transfer-Encoding",
        "100-continue",
        "a",
        "",
        "\u{b}chunked",
        "5\r\nContent-Length: 6",
        "x\r\n\r\nGET /evil HTTP/1.1",
        "\u{e9}\u{2003}",
        "keep-alive, X",
        "h2c",
    ];
    let mut random = 0x5eed_u64;
    let mut pick = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    let mut passed = 0;
    for _ in 0..20_000 {
        let count = pick(6);
        let fields: Vec<(&str, &str)> = (0..count)
            .map(|_| (NAMES[pick(NAMES.len())], VALUES[pick(VALUES.len())]))
            .collect();
        let length = [
            RequestLength::None,
            RequestLength::Known(7),
            RequestLength::Unknown,
        ][pick(3)];
        let text = match forwarded(&get(&fields), None, length) {
            Ok(text) => text,
            Err(_) => continue,
        };
        passed += 1;
        // The other server must reject an invalid value of Host.
        let asked = fields
            .iter()
            .find(|(name, value)| *name == "Host" && !value.is_empty());
        if asked.map_or(false, |(_, host)| {
            !["a", "5", "0", "chunked", "100-continue", "h2c"].contains(host)
        }) {
            assert_eq!(text.matches("\r\n\r\n").count(), 1, "{fields:?}");
            continue;
        }
        let (head, body) = read_back(&text);
        let want = match length {
            RequestLength::None => BodyLength::None,
            RequestLength::Known(length) => BodyLength::Known(length),
            RequestLength::Unknown => BodyLength::Chunked,
        };
        assert_eq!(body, want, "{fields:?}");
        assert_eq!(head.request(), "GET /a?b", "{fields:?}");
        for (name, _) in head.fields() {
            let gone = [
                "TE",
                "Trailer",
                "Upgrade",
                "Expect",
                "Keep-Alive",
                "content_length",
            ];
            assert!(!gone.contains(&name), "{fields:?}: {text:?}");
        }
    }
    assert!(passed > 5000, "{passed}");
}

fn short() -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(300),
        write: Duration::from_millis(300),
        head: Duration::from_millis(300),
        read: Duration::from_millis(300),
    }
}

/// Returns a server that runs `act` on one connection.
fn upstream(act: impl FnOnce(TcpStream) + Send + 'static) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        stream.set_read_timeout(Some(GUARD)).expect("a timeout");
        act(stream);
    });
    (address, thread)
}

/// Reads to the end of what is sent.
fn hang(mut stream: TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

fn ask(address: SocketAddr, request: &Request) -> Result<Response, Failure> {
    let replace_host = None;
    let addr = address;
    forward_request(request, ProxyConfig { addr, replace_host }, short())
}

/// Asserts a 504 soon after the timeout.
fn takes_too_long(result: impl FnOnce() -> Result<Response, Failure>) {
    let began = Instant::now();
    let response = with_error_response(result()).expect("a response");
    let took = began.elapsed();
    assert_eq!(response.status_code, 504);
    assert!(took >= Duration::from_millis(290), "{took:?}");
    assert!(took < Duration::from_millis(2300), "{took:?}");
}

#[test]
fn a_silent_server_is_timed_out() {
    let (address, thread) = upstream(hang);
    takes_too_long(|| ask(address, &get(&[])));
    thread.join().expect("the connection ends");
}

#[test]
fn a_slow_head_is_timed_out() {
    let (address, thread) = upstream(|mut stream| {
        for byte in b"HTTP/1.1 200 OK\r\nX: ".iter().chain([b'y'; 1000].iter()) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("no timeout");
    });
    takes_too_long(|| ask(address, &get(&[])));
    thread.join().expect("the connection ends");
}

#[test]
fn interim_responses_do_not_extend_the_timeout() {
    let (address, thread) = upstream(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n");
        hang(stream);
    });
    takes_too_long(|| ask(address, &get(&[])));
    thread.join().expect("the connection ends");
}

#[test]
fn a_server_that_reads_nothing_is_timed_out() {
    let (timed_out, ended) = mpsc::channel::<()>();
    let (address, thread) = upstream(move |stream| {
        let _ = ended.recv();
        drop(stream);
    });
    let body = vec![b'x'; 64 << 20];
    let fields = owned(&[("Content-Length", &body.len().to_string())]);
    let request = Request::fake_http("POST", "/", fields, body);
    takes_too_long(|| ask(address, &request));
    drop(timed_out);
    thread.join().expect("the server ends");
}

#[test]
fn a_response_before_the_end_of_the_request_is_used() {
    for (status, waits) in [(413, false), (200, true)] {
        let (address, thread) = upstream(move |mut stream| {
            let text = format!("HTTP/1.1 {status} x\r\nContent-Length: 2\r\n\r\nhi");
            stream
                .write_all(text.as_bytes())
                .expect("the gateway reads");
            // The server reads nothing, and writes until the gateway closes the connection.
            while stream.write_all(b" ").is_ok() {
                thread::sleep(Duration::from_millis(5));
            }
        });
        let body = vec![b'x'; 64 << 20];
        let fields = owned(&[("Content-Length", &body.len().to_string())]);
        let request = Request::fake_http("POST", "/", fields, body);
        let config = ProxyConfig {
            addr: address,
            replace_host: None,
        };
        let timeouts = Timeouts {
            write: Duration::from_millis(600),
            ..short()
        };
        let began = Instant::now();
        let response = forward_request(&request, config, timeouts).expect("a response");
        assert_eq!(response.status_code, status);
        assert_eq!(
            began.elapsed() >= Duration::from_millis(590),
            waits,
            "{status}"
        );
        drop(response);
        thread.join().expect("the connection ends");
    }
}

#[test]
fn a_body_that_stalls_is_an_error() {
    for fields in [
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "",
    ] {
        let (address, thread) = upstream(move |mut stream| {
            let text = format!("HTTP/1.1 200 OK\r\n{fields}\r\n2\r\n");
            let _ = stream.write_all(text.as_bytes());
            hang(stream);
        });
        let response = ask(address, &get(&[])).expect("a head");
        let (mut body, _) = response.data.into_reader_and_size();
        let began = Instant::now();
        let error = body.read_to_end(&mut Vec::new()).expect_err(fields);
        assert_eq!(error.kind(), ErrorKind::TimedOut, "{fields}");
        assert!(began.elapsed() < Duration::from_millis(1400), "{fields}");
        // A second read returns the same error, not an end.
        let again = body.read(&mut [0; 8]).expect_err(fields);
        assert_eq!(again.kind(), ErrorKind::TimedOut, "{fields}");
        thread.join().expect("the connection ends");
    }
}

#[test]
fn an_address_that_does_not_respond_leaves_time_to_the_next() {
    let (address, thread) = upstream(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 204 \r\n\r\n");
    });
    // Here the first address refuses at once. The second must be tried.
    let refused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = refused.local_addr().expect("its address");
    drop(refused);
    let config = ProxyConfig {
        addr: &[gone, address][..],
        replace_host: None,
    };
    let response = forward_request(&get(&[]), config, short()).expect("a response of the second");
    assert_eq!(response.status_code, 204);
    thread.join().expect("the server ends");
    let nowhere = ProxyConfig {
        addr: &[][..],
        replace_host: None,
    };
    assert!(matches!(
        proxy(&get(&[]), nowhere),
        Err(ProxyError::IoError(_))
    ));
}

#[test]
fn the_limit_of_interim_responses_and_one_more() {
    for (count, fits) in [
        (MAX_INTERIM_RESPONSES, true),
        (MAX_INTERIM_RESPONSES + 1, false),
    ] {
        let (address, thread) = upstream(move |mut stream| {
            let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
            let text = interim.repeat(count as usize) + "HTTP/1.1 204 \r\n\r\n";
            let _ = stream.write_all(text.as_bytes());
            hang(stream);
        });
        match ask(address, &get(&[])) {
            Ok(response) => assert!(fits && response.headers.is_empty()),
            Err(Failure::MalformedResponse) => assert!(!fits),
            Err(other) => panic!("{other:?}"),
        }
        thread.join().expect("the connection ends");
    }
}

#[test]
fn a_second_address_can_be_tried_with_the_body() {
    let refused = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = refused.local_addr().expect("its address");
    drop(refused);
    let request = Request::fake_http("POST", "/", vec![], b"body".to_vec());
    assert!(matches!(ask(gone, &request), Err(Failure::Upstream(_))));
    let mut body = String::new();
    let taken = request.data().expect("the body").read_to_string(&mut body);
    assert_eq!((taken.ok(), body.as_str()), (Some(4), "body"));
    // Now the body is taken.
    let (address, thread) = upstream(hang);
    assert!(matches!(ask(address, &request), Err(Failure::BodyTaken)));
    thread.join().expect("the connection ends");
}
