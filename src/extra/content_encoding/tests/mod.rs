//! The responses that are compressed, their fields, and the tag of a 304.

pub(crate) mod inflate;

use self::inflate::inflate;
use super::*;
use std::io;

fn ask(method: &str, fields: &[(&str, &str)]) -> Request {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    Request::fake_http(method, "/", fields.iter().map(own).collect(), vec![])
}

fn asking(codings: &str) -> Request {
    ask("GET", &[("accept-encoding", codings)])
}

fn text() -> String {
    "<p>a line that occurs often</p>\n".repeat(100)
}

fn page() -> Response {
    Response::html(text())
}

fn streamed(length: Option<usize>) -> Response {
    let reader = io::Cursor::new(text());
    let data = match length {
        Some(length) => ResponseBody::from_reader_and_size(reader, length),
        None => ResponseBody::from_reader(reader),
    };
    Response { data, ..page() }
}

fn body(response: Response) -> Vec<u8> {
    let (mut reader, _) = response.data.into_reader_and_size();
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).expect("a whole body");
    bytes
}

fn is_compressed(response: &Response) -> bool {
    field(response, "Content-Encoding") == Some("gzip")
}

fn vary(response: &Response) -> Vec<&str> {
    fields(response, "Vary").collect()
}

#[test]
fn accept_encoding_decides() {
    let table: &[(&[(&str, &str)], bool)] = &[
        (&[], false),
        (&[("accept-encoding", "")], false),
        (&[("accept-encoding", "gzip")], true),
        (&[("accept-encoding", "gzip, deflate, br, zstd")], true),
        (&[("accept-encoding", "x-gzip, br")], true),
        (&[("accept-encoding", "br")], false),
        (&[("accept-encoding", "deflate")], false),
        (&[("accept-encoding", "*")], true),
        (&[("accept-encoding", "*;q=0")], false),
        (&[("accept-encoding", "gzip;q=0")], false),
        (&[("accept-encoding", "gzip;q=0.001")], true),
        (&[("accept-encoding", "gzip;q=0.5, identity;q=0.6")], false),
        (&[("accept-encoding", "gzip;q=0.5, identity;q=0.5")], true),
        (&[("accept-encoding", "gzip;q=nan")], false),
        (
            &[("accept-encoding", "br"), ("Accept-Encoding", "gzip")],
            true,
        ),
    ];
    for (fields, want) in table {
        for method in ["GET", "HEAD", "POST"] {
            let response = apply(&ask(method, fields), page());
            assert_eq!(is_compressed(&response), *want, "{fields:?}");
            assert_eq!(vary(&response), ["Accept-Encoding"], "{fields:?}");
            let length = response.data.size();
            let bytes = body(response);
            // HEAD has the fields of GET.
            assert_eq!(length, Some(bytes.len() as u64));
            let text_of = |bytes: &[u8]| inflate(bytes).text;
            let got = if *want { text_of(&bytes) } else { bytes };
            assert_eq!(got, text().as_bytes(), "{fields:?}");
        }
    }
}

/// Such a response is the same for each client, and needs no `Vary`.
#[test]
fn some_responses_are_not_changed() {
    struct Nothing;
    impl crate::Upgrade for Nothing {
        fn build(&mut self, _: Box<dyn crate::ReadWrite + Send>) {}
    }
    let with = |name: &'static str, value: &'static str| page().with_unique_header(name, value);
    let status = |code| page().with_status_code(code);
    let sized = |size| Response::text("x".repeat(size));
    let upgrade = Response {
        upgrade: Some(Box::new(Nothing)),
        ..page()
    };
    let table: Vec<(&str, Response)> = vec![
        ("encoded", with("content-encoding", "br")),
        (
            "no-transform",
            with("Cache-Control", "private, No-Transform"),
        ),
        (
            "no-transform in a second field",
            with("Cache-Control", "private")
                .with_additional_header("cache-control", "no-transform"),
        ),
        ("a digest", with("Repr-Digest", "sha-256=:AA==:")),
        ("an image", with("Content-Type", "image/png")),
        ("events", with("Content-Type", "text/event-stream")),
        ("no type", page().without_header("Content-Type")),
        ("100", status(100)),
        ("101", status(101)),
        ("204", status(204)),
        ("205", status(205)),
        ("an upgrade", upgrade),
        ("nothing", sized(0)),
        ("1,023 bytes", sized(1023)),
        (
            "an image's 304",
            with("Content-Type", "image/png").with_status_code(304),
        ),
        (
            "an image's part",
            with("Content-Type", "image/png").with_status_code(206),
        ),
    ];
    for (name, response) in table {
        let response = response.with_additional_header("ETag", "\"1\"");
        let headers = response.headers.clone();
        let size = response.data.size();
        let response = apply(&asking("gzip"), response);
        assert_eq!(
            (response.headers, response.data.size()),
            (headers, size),
            "{name}"
        );
    }
    assert!(
        is_compressed(&apply(&asking("gzip"), sized(1024))),
        "1,024 bytes"
    );
}

#[test]
fn any_final_status_is_compressed_except_parts() {
    for status in [200, 201, 203, 400, 404, 418, 500, 503] {
        let response = apply(&asking("gzip"), page().with_status_code(status));
        assert!(is_compressed(&response), "{status}");
        assert_eq!(response.status_code, status);
    }
    let part = page().with_additional_header("Content-Range", "bytes 0-9/10");
    for response in [page().with_status_code(206), part] {
        let response = apply(&asking("gzip"), response);
        assert!(!is_compressed(&response));
        // RFC 9110 §15.3.7: a 206 has the fields of the 200.
        assert_eq!(vary(&response), ["Accept-Encoding"]);
    }
}

#[test]
fn vary_has_the_field_once() {
    let table: &[(&[&'static str], &[&str])] = &[
        (&[], &["Accept-Encoding"]),
        (&["Origin"], &["Origin, Accept-Encoding"]),
        (
            &["Origin", "Accept"],
            &["Origin, Accept-Encoding", "Accept"],
        ),
        (&["accept-encoding"], &["accept-encoding"]),
        (
            &["Origin ,\tACCEPT-ENCODING"],
            &["Origin ,\tACCEPT-ENCODING"],
        ),
        (
            &["Origin", "Accept-Encoding"],
            &["Origin", "Accept-Encoding"],
        ),
        (&["*"], &["*"]),
        (&[""], &["Accept-Encoding"]),
        (
            &["X-Accept-Encoding"],
            &["X-Accept-Encoding, Accept-Encoding"],
        ),
    ];
    for (before, after) in table {
        for codings in ["gzip", "identity"] {
            let response = before.iter().fold(page(), |response, &value| {
                response.with_additional_header("vary", value)
            });
            let response = apply(&asking(codings), response);
            assert_eq!(vary(&response), *after, "{before:?}");
        }
    }
}

#[test]
fn fields_that_depend_on_the_bytes_are_adapted() {
    let described = || {
        page()
            .with_etag_keep("v7")
            .with_additional_header("Content-Length", "3500")
            .with_additional_header("Accept-Ranges", "bytes")
            .with_additional_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
    };
    let response = apply(&asking("gzip"), described());
    let names = |response: &Response| -> Vec<String> {
        let pairs = response.headers.iter();
        pairs
            .map(|(name, value)| format!("{name}: {value}"))
            .collect()
    };
    let want = [
        "Content-Type: text/html; charset=utf-8",
        "ETag: W/\"v7\"",
        "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT",
        "Vary: Accept-Encoding",
        "Content-Encoding: gzip",
    ];
    assert_eq!(names(&response), want);
    let mut plain = names(&apply(&asking("br"), described()));
    assert_eq!(plain.pop().as_deref(), Some("Vary: Accept-Encoding"));
    assert_eq!(plain, names(&described()));
    let weak = apply(&asking("gzip"), page().with_etag_keep("W/\"v7\""));
    assert_eq!(field(&weak, "ETag"), Some("W/\"v7\""));
}

#[test]
fn a_body_that_would_become_longer_is_not_changed() {
    let noise = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_".as_bytes();
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 24
    };
    let all: Vec<u8> = (0..2000).map(|_| byte() as u8).collect();
    let some: Vec<u8> = (0..2000).map(|_| noise[byte() as usize % 64]).collect();
    for (bytes, want) in [(all, false), (some, true)] {
        let response = Response::from_data("text/plain", bytes.clone()).with_etag_keep("1");
        let response = apply(&asking("gzip"), response);
        assert_eq!(is_compressed(&response), want);
        assert_eq!(
            field(&response, "ETag"),
            Some(["\"1\"", "W/\"1\""][want as usize])
        );
        assert_eq!(vary(&response), ["Accept-Encoding"]);
        let got = body(response);
        assert_eq!(if want { inflate(&got).text } else { got }, bytes);
    }
}

#[test]
fn a_reader_is_compressed_while_being_read() {
    for length in [None, Some(text().len())] {
        let response = apply(&asking("gzip"), streamed(length));
        assert!(is_compressed(&response));
        assert_eq!(response.data.size(), None, "unknown before the end");
        let member = inflate(&body(response));
        assert!(member.whole && member.text == text().as_bytes());
    }
    // A body that is announced as small is not compressed. A body of unknown length is.
    assert!(!is_compressed(&apply(
        &asking("gzip"),
        streamed(Some(1023))
    )));
    let short = Response {
        data: ResponseBody::from_reader(&b"short"[..]),
        ..page()
    };
    let short = apply(&asking("gzip"), short);
    assert!(is_compressed(&short));
    assert_eq!(inflate(&body(short)).text, b"short");

    let (mut reader, _) = apply(&asking("gzip"), streamed(Some(4000)))
        .data
        .into_reader_and_size();
    let error = reader
        .read_to_end(&mut Vec::new())
        .map_err(|error| error.kind());
    assert_eq!(
        error,
        Err(io::ErrorKind::UnexpectedEof),
        "shorter than announced"
    );
}

#[test]
fn a_second_call_changes_nothing() {
    let request = asking("gzip");
    let once = apply(&request, page().with_etag_keep("v7"));
    let headers = once.headers.clone();
    let twice = apply(&request, once);
    assert_eq!(twice.headers, headers);
    assert_eq!(inflate(&body(twice)).text, text().as_bytes());
}

/// Both forms of the tag are recognised, in either order of the calls. The 304 has the tag of the
/// client.
#[test]
fn a_304_has_the_tag_that_the_client_sent() {
    // (Accept-Encoding, If-None-Match, status, ETag)
    let table = [
        ("gzip", "\"v6\"", 200, "W/\"v7\""),
        ("gzip", "W/\"v7\"", 304, "W/\"v7\""),
        ("gzip", "\"v6\", W/\"v7\"", 304, "W/\"v7\""),
        ("br", "\"v6\"", 200, "\"v7\""),
        ("br", "\"v7\"", 304, "\"v7\""),
        // A cache asks for a client without gzip: the tag must not be that of the compressed body.
        ("br", "W/\"v7\"", 304, "\"v7\""),
    ];
    for (codings, known, status, tag) in table {
        let request = ask(
            "GET",
            &[("Accept-Encoding", codings), ("If-None-Match", known)],
        );
        let inside = apply(&request, page().with_etag(&request, "v7"));
        let outside = apply(&request, page().with_etag_keep("v7"));
        let outside = outside.simplify_if_etag_match(&request);
        for response in [inside, outside] {
            let got = (response.status_code, field(&response, "ETag"));
            assert_eq!(got, (status, Some(tag)), "{codings}, {known}");
            assert_eq!(vary(&response), ["Accept-Encoding"], "{codings}, {known}");
            assert_eq!(is_compressed(&response), status == 200 && codings == "gzip");
        }
    }
    // The client's copy is not compressed, for example because an earlier body was too short.
    for known in ["\"v7\"", "*", "W/\"v6\", \"v7\""] {
        let request = ask(
            "GET",
            &[("Accept-Encoding", "gzip"), ("If-None-Match", known)],
        );
        let response = apply(&request, page().with_etag(&request, "v7"));
        assert_eq!(
            (response.status_code, field(&response, "ETag")),
            (304, Some("\"v7\""))
        );
    }
}
