//! Answers of the server itself have fixed texts. Nothing of the request comes back when it is
//! refused, not found, or fails, so that no client writes such a page.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use crate::support::{serve, serve_as, Running};
use millpond::{assert_or_400, reply, try_or_400, try_or_404, FromJson, Json, Limits};
use millpond::{ReadWrite, Request, Response, ResponseBody, Route, Router, Upgrade};

/// In every part of every request here, in no answer.
const MARK: &str = "zmarkz";

struct Nobody;

impl Upgrade for Nobody {
    fn build(&mut self, _: Box<dyn ReadWrite + Send>) {}
}

fn upgrade() -> Response {
    Response {
        status_code: 101,
        headers: vec![("Upgrade".into(), "echo".into())],
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(Nobody)),
    }
}

/// The handlers know the mark, and let it slip where a handler may fail.
fn router() -> Router {
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("root")));
    router.add(
        Route::any("/panic/{why}")
            .onconnect(|request| std::panic::resume_unwind(Box::new(request.url()))),
    );
    router.add(Route::any("/read/{what}").onconnect(|request| {
        let mut body = String::new();
        let mut data = request.data().expect("the body");
        match data.read_to_string(&mut body) {
            Ok(_) => Response::empty_400(),
            // The client's own mistake is reported instead.
            Err(e) => Response::text(format!("{e} in {}", request.url())).with_status_code(400),
        }
    }));
    router.add(Route::any("/header/{value}").onconnect(|request| {
        Response::text(request.url()).with_additional_header("X", request.url() + "\n")
    }));
    router.add(
        Route::any("/status/{text}")
            .onconnect(|request| Response::text(request.url()).with_status_code(99)),
    );
    router.add(Route::any("/upgrade/{text}").onconnect(|_| upgrade()));
    router.add(Route::any("/number/{n}").onconnect(|request| {
        let _: u32 = try_or_404!(request.param("n").unwrap_or_default().parse());
        Response::text("a number")
    }));
    router.add(Route::any("/assert/{n}").onconnect(|request| {
        assert_or_400!(request.param("n") == Some("1"));
        Response::text("one")
    }));
    router
}

fn server() -> Running {
    let router = router();
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        max_target_bytes: 200,
        max_head_bytes: 1000,
        max_headers: 9,
        max_body_bytes: 500,
        buffered_body_bytes: 100,
        max_upgraded: 0,
        ..Limits::default()
    };
    let handler = move |request: &Request| router.handle(request);
    serve_as(handler, |server| server.limits(limits))
}

/// A request behind its method, with the mark in every free part; more fields may follow.
const USUAL: &str = " /zmarkz?zmarkz=zmarkz HTTP/1.1\r\nHost: zmarkz\r\nCookie: zmarkz=zmarkz\r\n\
    Zmarkz: zmarkz\r\nUser-Agent: zmarkz\r\nOrigin: http://zmarkz\r\n";

/// The answer, and the request, in which `~` stands for [`USUAL`].
#[rustfmt::skip]
const REQUESTS: &[(u16, &str)] = &[
    (404, "GET~\r\n"),
    (404, "DELETE~\r\n"),
    (404, "GET~Authorization: Basic zmarkz\r\nAccept: zmarkz/zmarkz\r\nReferer: zmarkz\r\n\r\n"),
    (404, "POST~Content-Length: 6\r\n\r\nzmarkz"),
    (404, "GET http://zmarkz/zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (404, "GET /number/zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /assert/zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (405, "PUT /?zmarkz HTTP/1.1\r\nHost: zmarkz\r\nX: zmarkz\r\n\r\n"),
    (501, "ZMARKZ~\r\n"),
    (500, "GET /panic/zmarkz HTTP/1.1\r\nHost: zmarkz\r\nX: zmarkz\r\n\r\n"),
    (500, "GET /header/zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (500, "GET /status/zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (500, "GET /upgrade/zmarkz HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: zmarkz\r\n\r\n"),
    (500, "GET /upgrade/zmarkz HTTP/1.1\r\nHost: zmarkz\r\nConnection: upgrade\r\n\
        Upgrade: zmarkz\r\n\r\n"),
    (503, "GET /upgrade/zmarkz HTTP/1.1\r\nHost: zmarkz\r\nConnection: upgrade\r\n\
        Upgrade: zmarkz, echo\r\n\r\n"),
    // The request line.
    (400, "zmarkz"),
    (400, "zmarkz\r\n\r\n"),
    (400, "(zmarkz)~\r\n"),
    (400, "GET zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /zmarkz%zz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /zmarkz#zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /<zmarkz> HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET zmarkz://zmarkz/ HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET http://zmarkz@zmarkz/ HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /zmarkz zmarkz HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    (400, "GET /zmarkz ZMARKZ/1.1\r\nHost: zmarkz\r\n\r\n"),
    (505, "GET /zmarkz HTTP/2.0\r\nHost: zmarkz\r\n\r\n"),
    (501, "TRACE~\r\n"),
    (501, "CONNECT zmarkz:80 HTTP/1.1\r\nHost: zmarkz\r\n\r\n"),
    // The fields.
    (400, "GET /zmarkz HTTP/1.1\r\nX: zmarkz\r\n\r\n"),
    (400, "GET~Host: zmarkz\r\n\r\n"),
    (400, "GET /zmarkz HTTP/1.1\r\nHost: zmarkz/zmarkz\r\n\r\n"),
    (400, "GET~zmarkz\r\n\r\n"),
    (400, "GET~zmarkz : zmarkz\r\n\r\n"),
    (400, "GET~(zmarkz): zmarkz\r\n\r\n"),
    (400, "GET~X: zmarkz\r\n zmarkz\r\n\r\n"),
    (400, "GET~X: zmarkz\nY: zmarkz\r\n\r\n"),
    (400, "GET~X: zmarkz\rzmarkz\r\n\r\n"),
    (400, "GET~X: zmarkz\0\r\n\r\n"),
    (417, "GET~Expect: zmarkz\r\n\r\n"),
    // The framing.
    (400, "POST~Content-Length: zmarkz\r\n\r\n"),
    (400, "POST~Content-Length: 1, zmarkz\r\n\r\n"),
    (400, "POST~Content-Length: 6\r\nContent-Length: 6\r\n\r\nzmarkz"),
    (400, "POST~Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\nzmarkz"),
    (400, "POST~Transfer-Encoding: zmarkz\r\n\r\n"),
    (400, "POST~Transfer-Encoding: chunked; zmarkz\r\n\r\n"),
    (501, "POST~Transfer-Encoding: zmarkz, chunked\r\n\r\n"),
    (400, "POST~Transfer-Encoding: chunked\r\n\r\nzmarkz\r\n"),
    (400, "POST~Transfer-Encoding: chunked\r\n\r\n1;zmarkz=\"zmarkz\"zmarkz\r\n"),
    (400, "POST~Transfer-Encoding: chunked\r\n\r\n6\r\nzmarkzzmarkz\r\n"),
    (400, "POST~Transfer-Encoding: chunked\r\n\r\n0\r\nzmarkz\r\n\r\n"),
    (413, "POST~Content-Length: 501\r\n\r\nzmarkz"),
    (413, "POST~Transfer-Encoding: chunked\r\n\r\n1f5\r\nzmarkz"),
    // While the handler reads.
    (400, "PUT /read/zmarkz HTTP/1.1\r\nHost: zmarkz\r\nTransfer-Encoding: chunked\r\n\r\n\
        6\r\nzmarkz\r\n78\r\nzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkz\
        zmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkzzmarkz\r\nzmarkz\r\n"),
];

/// Everything up to the end of the connection, which the request or `Connection` brings about.
fn answer(server: &Running, request: &[u8], ends: bool) -> String {
    let mut client = server.connect();
    client.send(request);
    if ends {
        client.finish_sending();
    }
    let bytes = client.rest().expect("the end");
    String::from_utf8(bytes).expect("text")
}

fn check(answer: &str, status: u16, request: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{request:?}: {answer}"
    );
    assert!(
        !answer.to_lowercase().contains(MARK),
        "{request:?}: {answer}"
    );
}

#[test]
fn nothing_of_a_request_comes_back() {
    let server = server();
    for (status, request) in REQUESTS {
        let request = request.replace('~', USUAL);
        assert!(request.to_lowercase().contains(MARK));
        check(
            &answer(&server, request.as_bytes(), true),
            *status,
            &request,
        );
    }
}

#[test]
fn nothing_of_a_request_that_passes_a_limit_comes_back() {
    let server = server();
    let long = MARK.repeat(200);
    let target = format!("GET /{long} HTTP/1.1\r\nHost: {MARK}\r\n\r\n");
    let head = format!("GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n{MARK}: {long}\r\n\r\n");
    let fields = format!("{MARK}: {MARK}\r\n").repeat(20);
    let fields = format!("GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n{fields}\r\n");
    let method = format!("{long} /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n\r\n");
    for (status, request) in [(414, target), (431, head), (431, fields), (501, method)] {
        check(
            &answer(&server, request.as_bytes(), false),
            status,
            &request,
        );
    }
    let slow = format!("GET /{MARK} HTTP/1.1\r\nHost: {MARK}\r\n{MARK}: {MARK}");
    check(&answer(&server, slow.as_bytes(), false), 408, &slow);
}

/// The answer of `try_or_400!` belongs to the handler, and its text is the error's.
#[test]
fn an_error_in_json_comes_back_as_json_with_no_more_than_a_plain_name() {
    let server = serve(|request: &Request| {
        let mut body = Vec::new();
        try_or_400!(request.data().expect("the body").read_to_end(&mut body));
        let read = Json::parse(&body).and_then(|json| BTreeMap::<String, u32>::from_json(&json));
        reply!(json => try_or_400!(read))
    });
    let mut client = server.connect();
    for (body, says) in [
        ("{\"zmarkz\": \"zmarkz\"}", "zmarkz: expected an integer"),
        ("{\"<b>zmarkz</b>\": true}", "*: expected an integer"),
        ("{\"zmarkz\\r\\nzmarkz\": []}", "*: expected an integer"),
        ("<b>zmarkz</b>", "line 1, column 1: expected a value"),
    ] {
        let length = body.len();
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        let reply = client.send(head + body).response();
        assert_eq!(reply.status, 400, "{body}");
        assert_eq!(reply.header("Content-Type"), Some("application/json"));
        let want = format!("{{\"description\":\"{says}\",\"cause\":null}}");
        assert_eq!(reply.text(), want, "{body}");
    }
}
