//! Valid requests for a websocket, and requests that are invalid in one point.

use super::*;
use crate::message::request::head::Field;

const REQUEST_FIELDS: [(&str, &str); 5] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];

/// Returns a request with [`REQUEST_FIELDS`]. The fields of `other` replace those of the same name;
/// an empty value removes the field.
fn request_with(method: &str, other: &[(&str, &str)]) -> Request {
    let is_kept = |name: &str| other.iter().all(|(n, _)| *n != name);
    let kept = REQUEST_FIELDS.iter().filter(|(name, _)| is_kept(name));
    let fields = kept.chain(other.iter().filter(|(_, value)| !value.is_empty()));
    let fields = fields.map(|(name, value)| (name.to_string(), value.to_string()));
    Request::fake_http(method, "/chat", fields.collect(), vec![])
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut fields = response.headers.iter();
    let (_, value) = fields.find(|(n, _)| n == name)?;
    Some(value)
}

/// RFC 6455 §1.3.
#[test]
fn the_example_of_the_rfc_has_the_response_of_the_rfc() {
    let request = request_with("GET", &[("Sec-WebSocket-Protocol", "chat, superchat")]);
    let (response, _) = start(&request, Some("chat")).expect("a request for a websocket");
    assert_eq!(response.status_code, 101);
    assert_eq!(header(&response, "Upgrade"), Some("websocket"));
    let accept = Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(header(&response, "Sec-WebSocket-Accept"), accept);
    assert_eq!(header(&response, "Sec-WebSocket-Protocol"), Some("chat"));
    assert!(response.upgrade.is_some());
}

#[test]
fn lists_are_read_and_case_is_ignored() {
    for other in [
        &[("upgrade", "x"), ("Connection", "keep-alive, Upgrade")][..],
        &[("Upgrade", "h2c, WebSocket"), ("Connection", "UPGRADE")],
        &[
            ("Connection", "keep-alive"),
            ("connection", "upgrade ,"),
            ("Upgrade", "WEBSOCKET\t,"),
        ],
    ] {
        assert!(
            start(&request_with("GET", other), None::<String>).is_ok(),
            "{other:?}"
        );
    }
}

#[test]
fn an_invalid_request_is_refused() {
    let version = "Sec-WebSocket-Version";
    let key = "Sec-WebSocket-Key";
    for (status, method, other) in [
        (400, "POST", &[][..]),
        (400, "get", &[]),
        (426, "GET", &[("Upgrade", "")]),
        (426, "GET", &[("Upgrade", "websockets")]),
        (426, "GET", &[("Upgrade", "h2c")]),
        (400, "GET", &[("Connection", "")]),
        (400, "GET", &[("Connection", "keep-alive")]),
        (400, "GET", &[("Connection", "no-upgrade")]),
        (426, "GET", &[(version, "")]),
        (426, "GET", &[(version, "8")]),
        (426, "GET", &[(version, "013")]),
        (426, "GET", &[(version, "13, 8")]),
        (426, "GET", &[(version, "13"), (version, "13")]),
        (400, "GET", &[(key, "")]),
        (400, "GET", &[(key, "dGhlIHNhbXBsZSBub25jZQ")]),
        (400, "GET", &[(key, "dGhlIHNhbXBsZSBub25jZR==")]),
        (400, "GET", &[(key, "dGhlIHNhbXBsZSBub25j")]),
        (400, "GET", &[(key, "dGhlIHNhbXBsZSBub25jZSE=")]),
        (400, "GET", &[(key, "dGhlIHNhbXBsZSBub25jZQ== ,")]),
        (
            400,
            "GET",
            &[
                (key, REQUEST_FIELDS[3].1),
                (key, "AQIDBAUGBwgJCgsMDQ4PEA=="),
            ],
        ),
    ] {
        let request = request_with(method, other);
        match start(&request, None::<String>) {
            Err(WebsocketError::InvalidWebsocketRequest) => {}
            _ => panic!("{method} {other:?}"),
        }
        let refusal = refusal(&request);
        assert_eq!(refusal.status_code, status, "{method} {other:?}");
        let versions = header(&refusal, version).filter(|_| status == 426);
        assert_eq!(versions.is_some(), status == 426);
    }
}

#[test]
fn http_1_0_is_refused() {
    let mut request = Request::blank();
    for version in [Version::Http10, Version::Http11] {
        let head = &mut request.renew().head;
        head.version = version;
        head.method = head.push("GET");
        for (name, value) in REQUEST_FIELDS {
            let (name, value) = (head.push(name), head.push(value));
            head.fields.push(Field { name, value });
        }
        let started = start(&request, None::<String>);
        assert_eq!(started.is_ok(), version == Version::Http11);
    }
}

#[test]
fn a_subprotocol_is_one_of_those_requested() {
    let fields = [
        ("Sec-WebSocket-Protocol", "soap,, chat.v2"),
        ("sec-websocket-protocol", " wamp"),
    ];
    let request = request_with("GET", &fields);
    let all = requested_protocols(&request);
    assert_eq!(all.len(), 3);
    assert_eq!(all.collect::<Vec<_>>(), ["soap", "chat.v2", "wamp"]);
    assert!(start(&request, Some("wamp")).is_ok());
    for name in ["chat", "WAMP", "", "soap,"] {
        match start(&request, Some(name)) {
            Err(WebsocketError::WrongSubprotocol) => {}
            _ => panic!("{name}"),
        }
    }
    let (response, _) = start(&request, None::<&str>).expect("none is one of them");
    assert_eq!(header(&response, "Sec-WebSocket-Protocol"), None);
    assert_eq!(requested_protocols(&request_with("GET", &[])).len(), 0);
}
