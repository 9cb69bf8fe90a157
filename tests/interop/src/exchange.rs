//! One request and its response: methods, statuses, header fields, small bodies.

use millpond::{json, reply, Limits, Request, Response, Route};

use crate::agents::{agent, echo, serve, serve_within, url};

fn header<'a>(response: &'a ureq::http::Response<ureq::Body>, name: &str) -> Option<&'a str> {
    let value = response.headers().get(name)?;
    Some(value.to_str().expect("a field of text"))
}

#[test]
fn get_is_answered_with_text() {
    let server = serve(vec![
        Route::get("/").onconnect(|_| Response::text("hello world"))
    ]);
    let mut response = agent().get(url(&server, "/")).call().unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.version(), ureq::http::Version::HTTP_11);
    assert_eq!(
        header(&response, "content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(header(&response, "content-length"), Some("11"));
    let date = header(&response, "date").expect("a date");
    assert!(date.len() == 29 && date.ends_with(" GMT"), "{date}");
    assert_eq!(response.body_mut().read_to_string().unwrap(), "hello world");
}

#[test]
fn path_and_query_arrive_decoded() {
    fn describe(request: &Request) -> Response {
        let name = request.param("name").unwrap_or("-");
        let query = request.get_param("q").unwrap_or_default();
        Response::text(format!("{name}|{query}"))
    }
    let server = serve(vec![Route::get("/users/{name}").onconnect(describe)]);
    let mut response = agent()
        .get(url(&server, "/users/J%C3%BCrgen%2F7"))
        .query("q", "a b&c=ü")
        .call()
        .unwrap();
    assert_eq!(
        response.body_mut().read_to_string().unwrap(),
        "Jürgen/7|a b&c=ü"
    );
}

#[test]
fn header_fields_arrive_in_order_and_repeated() {
    fn describe(request: &Request) -> Response {
        let ours = request.headers().filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name == "x-tag"
        });
        let values: Vec<&str> = ours.map(|(_, value)| value).collect();
        Response::text(values.join("|"))
            .with_additional_header("X-Tag", "one")
            .with_additional_header("X-Tag", "two")
    }
    let server = serve(vec![Route::get("/").onconnect(describe)]);
    let mut response = agent()
        .get(url(&server, "/"))
        .header("X-Tag", "a, b")
        .header("x-tag", "c")
        .call()
        .unwrap();
    let back: Vec<_> = response.headers().get_all("x-tag").iter().collect();
    assert_eq!(back, ["one", "two"]);
    assert_eq!(response.body_mut().read_to_string().unwrap(), "a, b|c");
}

#[test]
fn bodies_of_every_method_come_back() {
    let server = serve(vec![Route::any("/echo").onconnect(echo)]);
    let (agent, url) = (agent(), url(&server, "/echo"));
    for (name, request) in [
        ("POST", agent.post(&url)),
        ("PUT", agent.put(&url)),
        ("PATCH", agent.patch(&url)),
    ] {
        let mut response = request.send(name).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.body_mut().read_to_string().unwrap(), name);
    }
    let delete = agent.delete(&url).force_send_body();
    let mut response = delete.send("DELETE").unwrap();
    assert_eq!(response.body_mut().read_to_string().unwrap(), "DELETE");
    let mut response = agent.post(&url).send_empty().unwrap();
    assert_eq!(response.body_mut().read_to_string().unwrap(), "");
}

#[test]
fn json_arrives_as_it_was_written() {
    let server = serve(vec![Route::get("/ping").onconnect(
        |_| reply!(json => json!({ "ok": true, "said": "\"ü\"\n" }), status => 201),
    )]);
    let mut response = agent().get(url(&server, "/ping")).call().unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.body().mime_type(), Some("application/json"));
    assert_eq!(
        response.body_mut().read_to_string().unwrap(),
        r#"{"ok":true,"said":"\"ü\"\n"}"#
    );
}

#[test]
fn head_tells_the_length_and_leaves_the_connection_usable() {
    let server = serve(vec![
        Route::get("/").onconnect(|_| Response::text("hello world"))
    ]);
    let agent = agent();
    for _ in 0..3 {
        let mut response = agent.head(url(&server, "/")).call().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header(&response, "content-length"), Some("11"));
        assert_eq!(response.body_mut().read_to_string().unwrap(), "");
        let mut response = agent.get(url(&server, "/")).call().unwrap();
        assert_eq!(response.body_mut().read_to_string().unwrap(), "hello world");
    }
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn unknown_paths_are_404_and_other_methods_405() {
    let server = serve(vec![
        Route::get("/a").onconnect(|_| Response::text("a")),
        Route::put("/a").onconnect(echo),
    ]);
    let agent = agent();
    let response = agent.get(url(&server, "/b")).call().unwrap();
    assert_eq!(response.status(), 404);
    let response = agent.post(url(&server, "/a")).send("x").unwrap();
    assert_eq!(response.status(), 405);
    let allow = header(&response, "allow").expect("Allow");
    let mut methods: Vec<&str> = allow.split(", ").collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "OPTIONS", "PUT"]);
    let response = agent.options(url(&server, "/a")).call().unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(header(&response, "allow"), Some(allow));
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn answers_without_a_body_end_where_they_should() {
    let server = serve(vec![
        Route::get("/204").onconnect(|_| Response::empty_204()),
        Route::get("/304").onconnect(|_| Response::text("not sent").with_status_code(304)),
        Route::get("/empty").onconnect(|_| Response::text("")),
    ]);
    let agent = agent();
    for (path, status) in [("/204", 204), ("/304", 304), ("/empty", 200), ("/204", 204)] {
        let mut response = agent.get(url(&server, path)).call().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.body_mut().read_to_string().unwrap(), "", "{path}");
    }
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn gzip_is_not_forced_on_anybody() {
    let text = "much ado ".repeat(1_000);
    let body = text.clone();
    let server = serve(vec![
        Route::get("/").onconnect(move |_| Response::text(body.clone()))
    ]);
    let get = agent().get(url(&server, "/"));
    let mut response = get.header("Accept-Encoding", "gzip").call().unwrap();
    assert_eq!(header(&response, "content-encoding"), None);
    assert_eq!(response.body_mut().read_to_string().unwrap(), text);
}

#[test]
fn continue_is_said_to_a_handler_that_reads() {
    let server = serve(vec![Route::post("/echo").onconnect(echo)]);
    let agent = agent();
    for round in 0..3 {
        let body = format!("round {round}");
        let post = agent.post(url(&server, "/echo"));
        let mut response = post
            .header("Expect", "100-continue")
            .send(body.as_str())
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.body_mut().read_to_string().unwrap(), body);
    }
}

/// A body that must not be asked for.
struct Untouched;

impl std::io::Read for Untouched {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("the body was asked for")
    }
}

#[test]
fn a_refusal_saves_the_client_its_body() {
    let limits = Limits {
        max_body_bytes: 1_000,
        ..Limits::default()
    };
    let server = serve_within(
        limits,
        vec![
            Route::post("/echo").onconnect(echo),
            Route::post("/no").onconnect(|_| Response::text("no").with_status_code(403)),
        ],
    );
    for (path, length, status) in [("/echo", "1001", 413), ("/no", "1000", 403)] {
        let response = agent()
            .post(url(&server, path))
            .header("Expect", "100-continue")
            .header("Content-Length", length)
            .send(ureq::SendBody::from_owned_reader(Untouched))
            .unwrap();
        assert_eq!(response.status(), status);
    }
}

#[test]
fn a_refused_body_that_is_under_way_does_not_hide_the_answer() {
    let limits = Limits {
        max_body_bytes: 1_000,
        ..Limits::default()
    };
    let server = serve_within(limits, vec![Route::post("/echo").onconnect(echo)]);
    let body = vec![b'x'; 200_000];
    let response = agent().post(url(&server, "/echo")).send(&body[..]).unwrap();
    assert_eq!(response.status(), 413);
    let mut response = agent()
        .post(url(&server, "/echo"))
        .send(&body[..1_000])
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.body_mut().read_to_vec().unwrap(), body[..1_000]);
}

#[test]
fn a_panic_is_a_500_and_nothing_more() {
    let server = serve(vec![
        Route::get("/").onconnect(|_| Response::text("fine")),
        Route::get("/panic").onconnect(|_| panic!("as intended")),
    ]);
    let agent = agent();
    for _ in 0..3 {
        let response = agent.get(url(&server, "/panic")).call().unwrap();
        assert_eq!(response.status(), 500);
        let response = agent.get(url(&server, "/")).call().unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(server.stats().panics, 3);
}
