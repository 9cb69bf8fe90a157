//! No text that a handler passes on becomes a header field, a second response, or a frame of its
//! own. Every way to put text into a response is tried with every text below, and the raw bytes are
//! checked.

use std::fs::File;

use crate::support::serve;
use millpond::{json, reply, ReadWrite, Request, Response, ResponseBody, Status, Upgrade};

/// Texts that a user might type. Each of them tries to make `Injected` a field.
#[rustfmt::skip]
const TEXTS: [&str; 22] = [
    "plain",
    "a\r\nInjected: b",
    "\r\nInjected: b\r\n\r\n<script>",
    "a\r\n\r\nHTTP/1.1 200 OK\r\nInjected: b\r\n\r\n",
    "a\nInjected: b",
    "a\rInjected: b",
    "a\r\n Injected: b",
    "a\0\r\nInjected: b",
    "a\u{b}Injected: b",
    "a\u{7f}",
    "\r",
    "\n",
    "a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked",
    "a\"; Injected=\"b",
    "a\\\"; Injected=\"b",
    "a, Injected b=\"c\"",
    // Cut to one byte each, as some encoders do, the first two are CR LF.
    "a\u{10d}\u{10a}Injected: b",
    // The next line, and the line separator, of Unicode.
    "a\u{85}Injected: b\u{2028}Injected: c",
    "annexe\u{202e}fdp.exe",
    "../../\u{e9}t\u{e9}",
    "%0d%0aInjected: b",
    "",
];

/// A place in a response that takes text.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// Any text, encoded: the field is there.
    Anything,
    /// Text without control characters, as it is; with any other the answer is 500.
    Text,
    /// A token, as it is; with any other the answer is 500.
    Token,
    /// Any text, and none of it is seen in the head.
    Nothing,
}
use Takes::{Anything, Nothing, Text, Token};

type Build = fn(&Request, String) -> Response;

struct Way {
    name: &'static str,
    build: Build,
    takes: Takes,
    /// Of the answer, if it is not 500, with the fields that it has before the server's own.
    status: u16,
    fields: &'static [&'static str],
}

#[rustfmt::skip]
const fn way(
    name: &'static str,
    takes: Takes,
    status: u16,
    fields: &'static [&'static str],
    build: Build,
) -> Way {
    Way { name, build, takes, status, fields }
}

const TYPE: &[&str] = &["Content-Type"];

struct Nobody;

impl Upgrade for Nobody {
    fn build(&mut self, _: Box<dyn ReadWrite + Send>) {}
}

fn source() -> File {
    File::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect("a file")
}

#[rustfmt::skip]
const WAYS: &[Way] = &[
    way("redirect_301", Anything, 301, &["Location"], |_, s| Response::redirect_301(s)),
    way("redirect_302", Anything, 302, &["Location"], |_, s| Response::redirect_302(s)),
    way("redirect_303", Anything, 303, &["Location"], |_, s| Response::redirect_303(s)),
    way("redirect_307", Anything, 307, &["Location"], |_, s| Response::redirect_307(s)),
    way("redirect_308", Anything, 308, &["Location"], |_, s| Response::redirect_308(s)),
    way("basic_http_auth_login_required", Anything, 401, &["WWW-Authenticate"], |_, s| {
        Response::basic_http_auth_login_required(&s)
    }),
    way("with_content_disposition_attachment", Anything, 200,
        &["Content-Type", "Content-Disposition"],
        |_, s| Response::text("").with_content_disposition_attachment(&s)),
    way("with_etag", Anything, 200, &["Content-Type", "ETag"], |request, s| {
        Response::text("").with_etag(request, s)
    }),
    way("with_etag_keep", Anything, 200, &["Content-Type", "ETag"], |_, s| {
        Response::text("").with_etag_keep(s)
    }),
    way("from_data", Text, 200, TYPE, |_, s| Response::from_data(s, "body")),
    way("from_file", Text, 200, TYPE, |_, s| Response::from_file(s, source())),
    way("with_additional_header: a cookie", Text, 200, &["Content-Type", "Set-Cookie"], |_, s| {
        Response::text("").with_additional_header("Set-Cookie", format!("name={s}; HttpOnly"))
    }),
    way("with_additional_header: a target", Text, 302, &["Location"], |_, s| {
        Response::empty_204().with_status_code(302).with_additional_header("Location", s)
    }),
    way("with_additional_header: a name", Token, 200, &["Content-Type", "X"], |_, s| {
        Response::text("").with_additional_header("X", "").with_additional_header(s, "b")
    }),
    way("with_unique_header", Text, 200, TYPE, |_, s| {
        Response::text("").with_unique_header("content-type", s)
    }),
    way("with_unique_header: a name", Token, 200, TYPE, |_, s| {
        Response::text("").with_unique_header(s, "b")
    }),
    way("headers", Text, 204, &["X"], |_, s| Response {
        headers: vec![("X".into(), s.into())],
        ..Response::empty_204()
    }),
    way("headers: a name", Token, 204, &[], |_, s| Response {
        headers: vec![(s.into(), "b".into())],
        ..Response::empty_204()
    }),
    way("headers: a date", Text, 204, &["Date"], |_, s| Response {
        headers: vec![("Date".into(), s.into())],
        ..Response::empty_204()
    }),
    way("headers: a length", Text, 200, TYPE, |_, s| {
        Response::text("body").with_additional_header("Content-Length", format!("1{s}"))
    }),
    way("headers: a coding", Text, 200, TYPE, |_, s| {
        Response::text("body").with_additional_header("Transfer-Encoding", format!("chunked{s}"))
    }),
    way("headers: Connection", Text, 200, TYPE, |_, s| {
        Response::text("body").with_additional_header("Connection", format!("upgrade, {s}"))
    }),
    way("headers: Trailer, Keep-Alive", Text, 200, TYPE, |_, s| {
        let response = Response::text("").with_additional_header("Keep-Alive", "");
        response.with_additional_header("Trailer", s)
    }),
    way("upgrade", Text, 101, &["Upgrade"], |_, s| Response {
        status_code: 101,
        headers: vec![("Upgrade".into(), format!("name{s}").into())],
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(Nobody)),
    }),
    way("without_header", Nothing, 200, TYPE, |_, s| Response::text("").without_header(&s)),
    way("text", Nothing, 200, TYPE, |_, s| Response::text(s)),
    way("html", Nothing, 200, TYPE, |_, s| Response::html(s)),
    way("svg", Nothing, 200, TYPE, |_, s| Response::svg(s)),
    way("json", Nothing, 200, TYPE, |_, s| Response::json(&s)),
    way("from_data: data", Nothing, 200, TYPE, |_, s| Response::from_data("a/b", s)),
    way("a streamed body", Nothing, 200, TYPE, |_, s| Response {
        data: ResponseBody::from_reader(std::io::Cursor::new(s)),
        ..Response::text("")
    }),
    way("reply: message", Nothing, 202, TYPE, |_, s| {
        reply!(message => s, status => Status::Accepted)
    }),
    way("reply: json", Nothing, 200, TYPE, |_, s| reply!(json => json!({ "said": s }))),
];

fn can_be(takes: Takes, text: &str) -> bool {
    match takes {
        Anything | Nothing => true,
        Text => !text.chars().any(|c| c.is_ascii_control()),
        Token => text == "plain",
    }
}

/// The fields that the server adds to a final answer.
const OWN: [&str; 4] = ["Date", "Content-Length", "Transfer-Encoding", "Connection"];

#[test]
fn nothing_is_injected_whichever_way_it_is_tried() {
    // Which way, and which text.
    let server = serve(|request| {
        let number = |name| request.get_param(name).unwrap().parse::<usize>().unwrap();
        (WAYS[number("way")].build)(request, TEXTS[number("text")].to_owned())
    });
    for (w, way) in WAYS.iter().enumerate() {
        for (t, text) in TEXTS.iter().enumerate() {
            let case = format!("{} with {text:?}", way.name);
            let mut client = server.connect();
            // An upgrade answers the protocols of the request, so a request can ask for a text.
            let asked = if can_be(Text, text) { text } else { "" };
            client.send(format!(
                "GET /?way={w}&text={t} HTTP/1.1\r\nHost: a\r\n\
                Connection: close, upgrade\r\nUpgrade: name{asked}\r\n\r\n"
            ));
            let bytes = client.rest().expect("the end");
            let end = bytes
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
                .expect("a head");
            let (head, body) = (&bytes[..end], &bytes[end + 4..]);
            let head = std::str::from_utf8(head).expect("text");
            let mut lines = head.split("\r\n");
            let status: u16 = lines.next().unwrap()[9..12].parse().expect("a status");
            let fits = can_be(way.takes, text);
            assert_eq!(
                status,
                if fits { way.status } else { 500 },
                "{case}: {head}"
            );

            let mut names = Vec::new();
            for line in lines {
                let (name, value) = line
                    .split_once(": ")
                    .unwrap_or_else(|| panic!("{case}: {head}"));
                assert!(
                    !line.contains(|c: char| c.is_ascii_control()),
                    "{case}: {head}"
                );
                assert!(!name.eq_ignore_ascii_case("injected"), "{case}: {head}");
                if name == "Content-Length" {
                    assert_eq!(value, body.len().to_string(), "{case}: {head}");
                }
                names.push(name);
            }
            let of_the_handler: &[&str] = match (fits, way.takes) {
                (false, _) => TYPE,
                (true, Token) => {
                    let last = names.iter().position(|name| *name == "plain");
                    assert_eq!(last, Some(way.fields.len()), "{case}: {head}");
                    names.remove(way.fields.len());
                    way.fields
                }
                (true, _) => way.fields,
            };
            let (first, rest) = names.split_at(of_the_handler.len());
            assert_eq!(first, of_the_handler, "{case}: {head}");
            assert!(rest.iter().all(|name| OWN.contains(name)), "{case}: {head}");
            assert!(
                !fits || status != 101 || rest == ["Date", "Connection"],
                "{case}: {head}"
            );
        }
    }
}

#[test]
fn what_is_encoded_is_there_to_be_read() {
    let server = serve(|_| {
        Response::redirect_303("/caf\u{e9} \\\r\nX: y?100%")
            .with_content_disposition_attachment("../na\u{ef}ve \"1\"\u{202e}.txt")
            .with_etag_keep("a\r\nb")
    });
    let reply = server.get("/");
    assert_eq!(reply.status, 303);
    let location = "/caf%C3%A9%20%5C%0D%0AX:%20y?100%25";
    assert_eq!(reply.header("Location"), Some(location));
    let disposition = "attachment; filename=\".._na_ve _1__.txt\"; \
        filename*=UTF-8''.._na%C3%AFve%20%221%22_.txt";
    assert_eq!(reply.header("Content-Disposition"), Some(disposition));
    assert_eq!(reply.header("ETag"), Some("\"a%0D%0Ab\""));
}

#[test]
fn an_answer_that_cannot_be_sent_is_a_500_and_the_next_one_is_an_answer() {
    let server = serve(|request| match request.url().as_str() {
        "/bad" => Response::from_data("text/html\r\n", vec![b'x'; 100_000])
            .with_additional_header("Content-Security-Policy", "default-src 'none'"),
        _ => Response::text("hello"),
    });
    let mut client = server.connect();
    // So many quick ones that their answers are gathered into one write.
    let mut requests = "GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(30);
    requests += "GET /bad HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(requests);
    for _ in 0..30 {
        assert_eq!(client.response().text(), "hello");
    }
    let reply = client.response();
    assert_eq!(
        (reply.status, reply.text()),
        (500, "500 Internal Server Error\n")
    );
    assert_eq!(reply.header("Content-Security-Policy"), None);
    assert_eq!(client.response().text(), "hello");
    assert_eq!(client.get("/").text(), "hello");
}

#[test]
fn an_upgrade_that_cannot_be_sent_does_not_happen() {
    let server = serve(|_| Response {
        status_code: 101,
        headers: vec![("Upgrade".into(), "a".into()), ("X".into(), "b\r\n".into())],
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(Nobody)),
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\nGET / HT");
    let reply = client.response();
    assert_eq!(
        (reply.status, reply.header("Connection")),
        (500, Some("close"))
    );
    client.closed();
}

#[test]
fn a_status_is_three_digits_of_a_final_answer() {
    let server = serve(|request| {
        let code: u16 = request.get_param("code").unwrap().parse().unwrap();
        match request.url().as_str() {
            "/with" => Response::text("").with_status_code(code),
            "/reply" => reply!(message => "", status => code),
            _ => Response {
                status_code: code,
                ..Response::empty_204()
            },
        }
    });
    let mut client = server.connect();
    for path in ["/with", "/reply", "/field"] {
        for code in [
            0, 1, 9, 10, 99, 100, 101, 102, 103, 199, 1000, 2000, 20_000, 65_535,
        ] {
            assert_eq!(
                client.get(&format!("{path}?code={code}")).status,
                500,
                "{path} {code}"
            );
            // After an invalid 101, another protocol may follow.
            if code == 101 {
                client = server.connect();
            }
        }
        for code in [200, 299, 999] {
            assert_eq!(
                client.get(&format!("{path}?code={code}")).status,
                code,
                "{path}"
            );
        }
    }
}

#[test]
fn long_and_many_fields_go_out_whole() {
    const LONG: usize = 1 << 20;
    const MANY: usize = 10_000;
    let server = serve(|request| match request.url().as_str() {
        "/long" => Response::text("hello").with_additional_header("X", "x".repeat(LONG)),
        "/name" => Response::text("hello").with_additional_header("x".repeat(LONG), "x"),
        _ => (0..MANY).fold(Response::text("hello"), |response, i| {
            response.with_additional_header("Set-Cookie", format!("n{i}=\u{e9}"))
        }),
    });
    let mut client = server.connect();
    let reply = client.get("/long");
    assert_eq!(reply.header("X").map(str::len), Some(LONG));
    assert_eq!(reply.text(), "hello");
    let reply = client.get("/name");
    assert_eq!(reply.headers[1].0.len(), LONG);
    assert_eq!(reply.text(), "hello");
    let reply = client.get("/many");
    let cookies = reply
        .headers
        .iter()
        .filter(|(name, _)| name == "Set-Cookie");
    assert!(cookies.map(|(_, value)| value).eq(&(0..MANY)
        .map(|i| format!("n{i}=\u{e9}"))
        .collect::<Vec<_>>()));
    assert_eq!(reply.text(), "hello");
}
