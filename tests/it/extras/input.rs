//! Fields and bodies as a handler reads them, over real sockets: from browsers and curl, from
//! attackers, and at both sides of each limit.

use crate::support::{finishes, serve, serve_as, Reply, Running, GUARD};
use millpond::input::json::JsonError;
use millpond::input::{self, PlainTextError};
use millpond::{accept, post_input, router, try_or_400, Json, Limits, Request, Response};

const MIB: usize = 1024 * 1024;

fn handler(request: &Request) -> Response {
    router!(request,
        (GET) (/accept) => {
            accept!(request,
                "text/html" => Response::html("page"),
                "application/json" => Response::from_data("application/json", "[]"),
                "*/*" => Response::empty_406(),
            )
        },
        (GET) (/auth) => {
            match input::basic_http_auth(request) {
                Some(auth) if auth.password == "open sesame" => Response::text(auth.login),
                _ => Response::basic_http_auth_login_required("a \"cave\""),
            }
        },
        (GET) (/cookies) => {
            let all: Vec<String> = input::cookies(request)
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let last = all.last().cloned().unwrap_or_default();
            Response::text(format!("{} {last}", all.len()))
        },
        (POST) (/json) => {
            let value: Vec<Json> = match input::json_input(request) {
                Err(JsonError::IoError(e)) if e.kind() == std::io::ErrorKind::Other => {
                    return Response::text(e.to_string()).with_status_code(413);
                }
                result => try_or_400!(result),
            };
            Response::text(value.len().to_string())
        },
        (POST) (/json/9) => {
            let value: Vec<Json> = try_or_400!(input::json_input_with_limit(request, 9));
            Response::text(value.len().to_string())
        },
        (POST) (/form) => {
            let input = try_or_400!(post_input!(request, { a: Option<String> }));
            Response::text(input.a.unwrap_or_default())
        },
        (POST) (/text) => {
            match input::plain_text_body(request) {
                Ok(text) => Response::text(text.len().to_string()),
                Err(PlainTextError::LimitExceeded) => Response::text("").with_status_code(413),
                Err(error) => try_or_400!(Err(error)),
            }
        },
        _ => Response::empty_404(),
    )
}

fn get(server: &Running, path: &str, fields: &[&[u8]]) -> Reply {
    let mut head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n").into_bytes();
    for field in fields {
        head.extend_from_slice(field);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    server.connect().send(head).response()
}

#[test]
fn accept_answers_in_the_type_that_is_liked_best() {
    let server = serve(handler);
    let table: &[(&[&str], u16, &str)] = &[
        (&[], 200, "page"),
        (&["Accept: */*"], 200, "page"),
        (
            &["Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
            200,
            "page",
        ),
        (&["accept: application/json"], 200, "[]"),
        (
            &["Accept: text/html;q=0.1", "Accept: application/json"],
            200,
            "[]",
        ),
        (&["Accept: text/html;q=0, */*;q=0.1"], 200, "[]"),
        (&["Accept: image/png"], 406, ""),
        (&["Accept:"], 200, "page"),
        (&["Accept: ,;q=1,;;,"], 200, "page"),
        (&["Accept: =\"\\, text/html"], 406, ""),
    ];
    for (fields, status, body) in table {
        let raw: Vec<&[u8]> = fields.iter().map(|field| field.as_bytes()).collect();
        let reply = get(&server, "/accept", &raw);
        assert_eq!((reply.status, reply.text()), (*status, *body), "{fields:?}");
    }
}

#[test]
fn basic_authentication_lets_in_whom_it_should() {
    let server = serve(handler);
    let asked = get(&server, "/auth", &[]);
    assert_eq!(asked.status, 401);
    let challenge = asked.header("WWW-Authenticate").expect("a challenge");
    assert!(challenge.starts_with("Basic realm="), "{challenge}");

    let right: &[u8] = b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    let lower: &[u8] = b"authorization: basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    for field in [right, lower] {
        let reply = get(&server, "/auth", &[field]);
        assert_eq!((reply.status, reply.text()), (200, "Aladdin"));
    }
    let wrong: &[&[&[u8]]] = &[
        &[b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"],
        &[b"Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2Ft"],
        &[b"Authorization: Basic \xe9\xff"],
        &[b"Authorization: Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
        &[b"Authorization:"],
        &[right, right],
        &[right, b"Authorization: Bearer x"],
    ];
    for fields in wrong {
        assert_eq!(get(&server, "/auth", fields).status, 401);
    }
}

/// A head full of the separators of each field, and of near misses.
#[test]
fn a_field_without_a_member_is_read_to_its_end_once() {
    let roomy = Limits {
        max_head_bytes: 64 * 1024,
        ..Limits::default()
    };
    let server = serve_as(handler, |server| server.limits(roomy));
    let long = |piece: &str| piece.repeat(60_000 / piece.len());
    let fields = [
        ("/accept", format!("Accept: {}", long(",")), 200),
        ("/accept", format!("Accept: {}", long("a/b;q=0,")), 200),
        ("/accept", format!("Accept: \"{}", long("\\\",")), 406),
        ("/accept", format!("Accept: a/b{}", long(";q=1")), 200),
        ("/auth", format!("Authorization: Basic {}", long("A")), 401),
        ("/auth", format!("Authorization: Basic {}", long(" ")), 401),
    ];
    finishes(GUARD, move || {
        for (path, field, status) in fields {
            let reply = get(&server, path, &[field.as_bytes()]);
            assert_eq!(reply.status, status, "{:?}", &field[..30]);
        }
    });
}

#[test]
fn cookies_are_walked_however_many_there_are() {
    let roomy = Limits {
        max_head_bytes: 64 * 1024,
        ..Limits::default()
    };
    let server = serve_as(handler, |server| server.limits(roomy));
    // Ten thousand within the limit of a head, then nothing but separators.
    let many = format!("Cookie: {}z=end", "a=; ".repeat(9_999));
    let none = format!("Cookie: {}", ";".repeat(60_000));
    let quotes = format!("Cookie: a={}", "\"".repeat(60_000));
    let replies = finishes(GUARD, move || {
        [many, none, quotes].map(|field| get(&server, "/cookies", &[field.as_bytes()]))
    });
    assert_eq!(replies[0].text(), "10000 z=end");
    assert_eq!(replies[1].text(), "0 ");
    assert!(replies[2].text().starts_with("1 a=\"\""));
}

#[test]
fn cookies_of_any_bytes_and_in_several_fields_are_read() {
    let server = serve(handler);
    let table: &[(&[&[u8]], &str)] = &[
        (&[b"Cookie: a=b; c=\"d\""], "2 c=d"),
        (&[b"cookie: a=b", b"X: y", b"COOKIE: c=d"], "2 c=d"),
        (&[b"Cookie: a=h\xc3\xa9"], "1 a=h\u{e9}"),
        // Bytes that are not UTF-8 are read as Latin-1, as in every field.
        (&[b"Cookie: a=h\xe9"], "1 a=h\u{e9}"),
        (&[b"Cookie: \xff; =; a"], "0 "),
        (&[b"Cookie:"], "0 "),
    ];
    for (fields, want) in table {
        let reply = get(&server, "/cookies", fields);
        assert_eq!(reply.text(), *want, "{fields:?}");
    }
}

fn post(path: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// As many bytes of JSON, or of text.
fn padded(length: usize) -> Vec<u8> {
    let mut body = vec![b' '; length];
    (body[0], body[length - 1]) = (b'[', b']');
    body
}

#[test]
fn bodies_are_read_up_to_their_limit_and_no_further() {
    let server = serve(handler);
    for (path, content_type, length, status) in [
        ("/json", "application/json", MIB, 200),
        ("/json", "application/json", MIB + 1, 413),
        ("/json", "application/json", 4 * MIB, 413),
        ("/json/9", "application/json", 9, 200),
        ("/json/9", "application/json", 10, 400),
        ("/json/9", "application/json", 100_000, 400),
        ("/text", "text/plain", MIB, 200),
        ("/text", "text/plain", MIB + 1, 413),
    ] {
        let mut client = server.connect();
        // A head far over the limit may be refused before the client has sent it whole.
        let _ = client.try_send(post(path, content_type, &padded(length)));
        let reply = client.response();
        assert_eq!(reply.status, status, "{length} to {path}: {reply:?}");
    }
    // Chunked, without a length in advance.
    for (length, status) in [(MIB, 200), (MIB + 1, 413)] {
        let head = "POST /json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let mut client = server.connect();
        client.send(head);
        for piece in padded(length).chunks(60_000) {
            let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            let _ = client.try_send(chunk);
        }
        let _ = client.try_send("0\r\n\r\n");
        assert_eq!(client.response().status, status, "{length} in chunks");
    }
}

#[test]
fn what_is_wrong_with_a_body_is_told_and_the_connection_stays() {
    let server = serve(handler);
    let mut client = server.connect();
    for (path, content_type, body, want) in [
        ("/json", "application/json", "[1, x]", "expected a value"),
        ("/json", "application/json", "{}", "expected an array"),
        ("/json", "application/json", "", "unexpected end"),
        ("/json", "text/plain", "[]", "unexpected Content-Type"),
        ("/text", "application/json", "[]", "unexpected Content-Type"),
        ("/text", "text/plain; charset=utf-16", "a", "invalid UTF-8"),
    ] {
        let reply = client
            .send(post(path, content_type, body.as_bytes()))
            .response();
        assert_eq!(reply.status, 400, "{body:?} as {content_type}");
        assert!(reply.text().contains(want), "{reply:?}");
    }
    let reply = client.send(post("/text", "text/plain", b"\xff")).response();
    assert_eq!(reply.status, 400);
    let reply = client
        .send(post("/json", "application/json", b"[1, 2]"))
        .response();
    assert_eq!(reply.text(), "2");
}

#[test]
fn half_a_body_is_an_error_and_no_value() {
    let server = serve(handler);
    for (path, content_type, body) in [
        ("/json", "application/json", b"[1, 2]    "),
        ("/text", "text/plain", b"[1, 2]    "),
        ("/form", "application/x-www-form-urlencoded", b"a=1&b=2&a="),
    ] {
        let whole = post(path, content_type, body);
        let mut client = server.connect();
        // Cut behind a complete value.
        client.send(&whole[..whole.len() - 4]).finish_sending();
        let reply = client.response();
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(reply.text().contains("cannot read"), "{reply:?}");
    }
}
