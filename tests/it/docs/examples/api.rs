//! The example `api`: a list of items through JSON, and its errors.

use millpond::{json, Json};

use super::child::Example;
use crate::support::{Client, Reply};

fn send(api: &Example, method: &str, path: &str, body: &str) -> Reply {
    send_as(api, "application/json", method, path, body)
}

fn send_as(api: &Example, media_type: &str, method: &str, path: &str, body: &str) -> Reply {
    let mut client = Client::connect(api.addr);
    let length = body.len();
    client.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media_type}\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    ));
    client.response()
}

fn answer(reply: &Reply) -> (u16, Json) {
    assert_eq!(reply.header("Content-Type"), Some("application/json"));
    (reply.status, Json::parse(&reply.body).expect("JSON"))
}

#[test]
fn api_creates_reads_updates_and_deletes() {
    let mut api = Example::start("api", &[]);
    let created = send(&api, "POST", "/todos", r#"{"title": "read"}"#);
    assert_eq!(created.header("Location"), Some("/todos/1"));
    let first = json!({ "id": 1, "title": "read", "done": false });
    assert_eq!(answer(&created), (201, first.clone()));
    let created = send(
        &api,
        "POST",
        "/todos",
        r#"{"title": "write", "done": true}"#,
    );
    let second = json!({ "id": 2, "title": "write", "done": true });
    assert_eq!(answer(&created), (201, second.clone()));

    let mut client = Client::connect(api.addr);
    assert_eq!(answer(&client.get("/todos")), (200, json!([first, second])));
    assert_eq!(answer(&client.get("/todos/2")), (200, second));
    let updated = send(&api, "PUT", "/todos/2", r#"{"title": "rest"}"#);
    let second = json!({ "id": 2, "title": "rest", "done": true });
    assert_eq!(answer(&updated), (200, second.clone()));
    assert_eq!(client.ask("DELETE", "/todos/1").status, 204);
    assert_eq!(answer(&client.get("/todos")), (200, json!([second])));

    let line = api.line();
    assert!(
        line.contains(" - POST /todos - ") && line.ends_with(" - 201"),
        "{line}"
    );
}

#[test]
fn api_answers_mistakes_with_json() {
    let api = Example::start("api", &[]);
    let mut client = Client::connect(api.addr);
    for (method, path) in [
        ("GET", "/todos/1"),
        ("DELETE", "/todos/1"),
        ("GET", "/todos/one"),
        ("DELETE", "/todos"),
        ("GET", "/"),
    ] {
        let (status, body) = answer(&client.ask(method, path));
        assert_eq!(status, 404, "{method} {path}");
        assert!(body["error"].as_str().is_some(), "{method} {path}: {body}");
    }
    let long = format!(r#"{{"title": "{}"}}"#, "x".repeat(5_000));
    for (body, status, text) in [
        ("{", 400, "invalid JSON in request body: line 1, column 2"),
        (
            r#"{"title": 1}"#,
            400,
            "invalid JSON in request body: title: ",
        ),
        (r#"{"title": " "}"#, 422, "title: "),
        (&long, 413, "request body above 4096 bytes"),
    ] {
        let (got, error) = answer(&send(&api, "POST", "/todos", body));
        assert_eq!(got, status, "{body}");
        let error = error["error"].as_str().expect("an error");
        assert!(error.starts_with(text), "{body}: {error}");
    }
    let unknown = send(&api, "PUT", "/todos/1", r#"{"title": "read"}"#);
    assert_eq!(answer(&unknown), (404, json!({ "error": "unknown id: 1" })));
    // A page of another site can send this type without a preflight.
    let form = send_as(&api, "text/plain", "POST", "/todos", r#"{"title": "read"}"#);
    assert_eq!(answer(&form).0, 415);
    assert_eq!(answer(&client.get("/todos")), (200, json!([])));
}

#[test]
fn api_bounds_the_list() {
    let api = Example::start("api", &[]);
    let mut client = Client::connect(api.addr);
    let body = r#"{"title": "x"}"#;
    let length = body.len();
    let mut create = || {
        client.send(format!(
            "POST /todos HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        ));
        client.response().status
    };
    for _ in 0..100 {
        assert_eq!(create(), 201);
    }
    assert_eq!(create(), 507);
}
