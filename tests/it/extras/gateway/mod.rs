//! `proxy` between real sockets: other servers made of bytes, with every mistake that a server can
//! make, and this server behind itself.

mod bodies;
mod smuggling;
mod whose;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::support::{serve, Client, Incomplete, Running, GUARD};
use millpond::proxy::{full_proxy, ProxyConfig};
use millpond::{Request, Response};

/// Passes everything on to there.
fn to(addr: SocketAddr) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request| {
        let replace_host = None;
        full_proxy(request, ProxyConfig { addr, replace_host }).expect("nobody took the body")
    }
}

fn gateway(addr: SocketAddr) -> Running {
    serve(to(addr))
}

/// A server that does this with each connection, one after the other. It ends with the process.
fn upstream(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("its address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.expect("a connection");
            stream.set_read_timeout(Some(GUARD)).expect("a timeout");
            stream.set_nodelay(true).expect("no delay");
            act(stream);
        }
    });
    addr
}

/// A head, to the byte.
fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("text")
}

/// A server that reads a head, sends these bytes, and reads to the end; and the heads it read.
fn says(bytes: &'static [u8], piece: usize) -> (SocketAddr, Receiver<String>) {
    let (sender, heads) = mpsc::channel();
    let addr = upstream(move |mut stream| {
        let _ = sender.send(head_of(&mut stream));
        for piece in bytes.chunks(piece) {
            if stream.write_all(piece).is_err() {
                return;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (addr, heads)
}

/// The response that the client gets: a whole one, or one that is visibly cut or an error.
#[derive(Clone, Copy, Debug)]
enum Sees {
    Whole(u16, &'static str),
    Cut,
}
use Sees::Whole;

const BAD: Sees = Whole(502, "Bad Gateway");
const FAILED: Sees = Whole(500, "500 Internal Server Error\n");

/// `⏎` is CR LF; [`spelt`] expands the other names.
#[rustfmt::skip]
const ANSWERS: &[(&str, Sees)] = &[
    ("OK⏎CL: 5⏎⏎hello", Whole(200, "hello")),
    ("OK⏎CL: 5⏎⏎helloOK⏎⏎", Whole(200, "hello")),
    ("OK⏎CL: 0⏎⏎", Whole(200, "")),
    ("OK⏎⏎hello", Whole(200, "hello")),
    ("HTTP/1.0 200 Fine⏎⏎hello", Whole(200, "hello")),
    ("HTTP/1.0 404⏎⏎", Whole(404, "")),
    ("HTTP/1.1 599 x⏎CL: 1⏎⏎x", Whole(599, "x")),
    ("OK⏎CHUNKED2⏎he⏎3;a=b⏎llo⏎0⏎T: u⏎⏎", Whole(200, "hello")),
    ("OK⏎CHUNKED0⏎⏎", Whole(200, "")),
    ("OK⏎CHUNKED5⏎hello⏎0⏎⏎OK⏎⏎", Whole(200, "hello")),
    ("HTTP/1.1 204 No Content⏎⏎hello", Whole(204, "")),
    ("HTTP/1.1 204 No Content⏎CL: 5⏎⏎hello", Whole(204, "")),
    ("HTTP/1.1 304 Not Modified⏎CL: 5⏎⏎", Whole(304, "")),
    ("HTTP/1.1 205 Reset⏎CL: 5⏎⏎hello", Whole(205, "")),
    ("HTTP/1.1 100 Continue⏎⏎HTTP/1.1 103 Hints⏎Link: x⏎⏎OK⏎CL: 2⏎⏎hi", Whole(200, "hi")),
    // Not whole, and not seen as if it were.
    ("OK⏎CL: 6⏎⏎hello", Sees::Cut),
    ("OK⏎CHUNKED5⏎hello⏎", Sees::Cut),
    ("OK⏎CHUNKED5⏎hello⏎0⏎", Sees::Cut),
    ("OK⏎CHUNKED6⏎hello", Sees::Cut),
    ("OK⏎CHUNKED5⏎hello⏎0x0⏎⏎", Sees::Cut),
    ("OK⏎CHUNKED5⏎hello!⏎0⏎⏎", Sees::Cut),
    // Before the first byte of a body the server itself can still say so.
    ("OK⏎CL: 6⏎⏎", FAILED),
    ("OK⏎CHUNKED+5⏎hello⏎0⏎⏎", FAILED),
    // No answer.
    ("", BAD),
    ("OK⏎X: y", BAD),
    ("HTTP/1.1 100 Continue⏎⏎", BAD),
    ("HTTP/1.1 101 Switching⏎Upgrade: x⏎Connection: upgrade⏎⏎", BAD),
    ("hello", BAD),
    ("SSH-2.0-OpenSSH⏎", BAD),
    ("HTTP/2.0 200 OK⏎⏎", BAD),
    ("HTTP/1.1 099 x⏎⏎", BAD),
    ("OK\nCL: 0\n\n", BAD),
    ("OK⏎X: y⏎ z⏎⏎", BAD),
    ("OK⏎X : y⏎⏎", BAD),
    ("OK⏎X: \0⏎⏎", BAD),
    // Two lengths, which two readers would choose differently.
    ("OK⏎CL: 5⏎CL: 5⏎⏎hello", BAD),
    ("OK⏎CL: 5, 6⏎⏎hello", BAD),
    ("OK⏎CL: -5⏎⏎hello", BAD),
    ("OK⏎CL: 5⏎CHUNKED0⏎⏎", BAD),
    ("OK⏎TE: gzip, chunked⏎⏎0⏎⏎", BAD),
    ("OK⏎TE: identity⏎⏎hello", BAD),
    ("HTTP/1.0 200 Fine⏎CHUNKED0⏎⏎", BAD),
];

fn spelt(text: &str) -> &'static str {
    let text = text
        .replace("CHUNKED", "Transfer-Encoding: chunked⏎⏎")
        .replace("CL:", "Content-Length:")
        .replace("TE:", "Transfer-Encoding:")
        .replace("OK", "HTTP/1.1 200 OK")
        .replace('⏎', "\r\n");
    Box::leak(text.into_boxed_str())
}

#[test]
fn answers_of_all_sorts_are_passed_on_or_refused() {
    for &(text, want) in ANSWERS {
        let bytes = spelt(text);
        for piece in [usize::MAX, 1, 7] {
            let (addr, _heads) = says(bytes.as_bytes(), piece);
            let server = gateway(addr);
            let mut client = server.connect();
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            let reply = client.try_response("GET");
            match (want, reply) {
                (Whole(status, body), Ok(reply)) => {
                    let got = (reply.status, reply.text());
                    assert_eq!(got, (status, body), "{bytes:?} by {piece}");
                    // The client's connection is not the other server's.
                    assert_eq!(client.get("/").status, status, "{bytes:?} by {piece}");
                }
                (Sees::Cut, Err(Incomplete::Ended(_))) => {}
                // All of it came at once: nothing of it was sent yet.
                (Sees::Cut, Ok(reply)) if reply.status == 500 => {}
                (_, other) => panic!("{bytes:?} by {piece}: {other:?}"),
            }
        }
    }
}

#[test]
fn the_answer_to_head_has_the_fields_and_no_body() {
    for (bytes, length) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\n",
            Some("5"),
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n",
            None,
        ),
        ("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", None),
    ] {
        let (addr, heads) = says(bytes.as_bytes(), usize::MAX);
        let server = gateway(addr);
        let mut client = server.connect();
        client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
        let reply = client.response_to_head();
        assert_eq!((reply.status, reply.header("X")), (200, Some("y")));
        assert_eq!(reply.header("Content-Length"), length, "{bytes:?}");
        assert!(heads
            .recv()
            .expect("a head")
            .starts_with("HEAD /x HTTP/1.1\r\n"));
        client.open();
    }
}

#[test]
fn fields_of_the_other_servers_hop_end_here() {
    let (addr, _) = says(
        b"HTTP/1.1 200 OK\r\nServer: s\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n\
          Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
          Proxy-Authenticate: Basic\r\nTrailer: T\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
          Content-Length: 2\r\nX-Caf\xe9: no\r\n\r\nhi",
        usize::MAX,
    );
    // A name that is no token is no head.
    assert_eq!(gateway(addr).get("/").status, 502);
    let (addr, _) = says(
        b"HTTP/1.1 200 OK\r\nServer: s\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n\
          Connection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
          Proxy-Authenticate: Basic\r\nTrailer: T\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
          Content-Length: 2\r\n\r\nhi",
        usize::MAX,
    );
    let server = gateway(addr);
    let reply = server.connect().get("/");
    let fields = reply.headers.iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(
        fields,
        [
            "Server: s",
            "Date: Sat, 21 Nov 2026 00:00:00 GMT",
            "Set-Cookie: a=b",
            "Set-Cookie: c=d",
            "Content-Length: 2"
        ]
    );
}

#[test]
fn a_head_at_the_limit_passes_and_one_beyond_it_does_not() {
    // As the module's documentation has it: 64 KiB.
    for (size, want) in [(64 * 1024, 200), (64 * 1024 + 1, 502)] {
        let start = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
        let value = "x".repeat(size - start.len() - 4);
        let bytes = format!("{start}{value}\r\n\r\n").into_bytes();
        let (addr, _) = says(Box::leak(bytes.into_boxed_slice()), 1000);
        assert_eq!(gateway(addr).get("/").status, want, "{size}");
    }
}

#[test]
fn nobody_there_is_a_502() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("its address");
    drop(listener);
    let reply = gateway(addr).get("/");
    assert_eq!((reply.status, reply.text()), (502, "Bad Gateway"));
}

#[test]
fn targets_are_passed_on_as_they_were_sent() {
    let (addr, heads) = says(b"HTTP/1.1 204 \r\n\r\n", usize::MAX);
    let pass = to(addr);
    let server = serve(move |request| match request.remove_prefix("/cut") {
        Some(inner) => pass(&inner),
        None => pass(request),
    });
    let mut client = server.connect();
    for (line, want) in [
        ("GET /a%2Fb%00/../c?d=%zz&e[]=1", None),
        (
            "GET /a%2Fb%00/../c?d=%2e&e[]=1",
            Some("GET /a%2Fb%00/../c?d=%2e&e[]=1"),
        ),
        ("GET //b/c", Some("GET //b/c")),
        ("GET http://b/c?d", Some("GET /c?d")),
        ("OPTIONS *", Some("OPTIONS *")),
        ("DELETE /x", Some("DELETE /x")),
        ("GET /cut/x?y", Some("GET /x?y")),
        ("GET /cut?y", Some("GET /?y")),
        ("GET /cutting", Some("GET /ting")),
        ("GET /%63ut", Some("GET /")),
    ] {
        let want = match want {
            Some(want) => want,
            None => {
                assert_eq!(Client::connect(server.addr).ask_line(line), 400, "{line}");
                continue;
            }
        };
        assert_eq!(client.ask_line(line), 204, "{line}");
        let head = heads.recv().expect("a head");
        assert!(head.starts_with(&format!("{want} HTTP/1.1\r\n")), "{head}");
    }
}

trait AskLine {
    fn ask_line(&mut self, line: &str) -> u16;
}

impl AskLine for Client {
    fn ask_line(&mut self, line: &str) -> u16 {
        self.send(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n"));
        self.response().status
    }
}
