//! Forms as bytes, and their fields. Each form is read whole, split at each byte, byte by byte, and
//! truncated at each byte.

mod tables;

use self::tables::Field;
use super::form::boundary;
use super::parts::Parts;
use super::*;
use crate::message::Request;
use std::io::{self, ErrorKind, Read};

type Outcome = (Vec<FieldRead>, Option<ErrorKind>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRead {
    name: String,
    filename: Option<String>,
    content_type: Option<String>,
    data: Vec<u8>,
}

/// A reader of one piece for each call, then the end or an error.
struct Pieces<'a> {
    rest: Vec<&'a [u8]>,
    ends: Option<ErrorKind>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Pieces { rest, ends } = self;
        match rest.first_mut() {
            None => ends.map_or(Ok(0), |kind| Err(kind.into())),
            Some(piece) => {
                let count = piece.read(buf)?;
                if piece.is_empty() {
                    rest.remove(0);
                }
                Ok(count)
            }
        }
    }
}

/// Returns all complete fields, and the error after these.
fn fields(source: impl Read, boundary: &str) -> Outcome {
    let mut parts = Parts::new(source, boundary);
    let mut all = Vec::new();
    loop {
        let headers = match parts.next(head::read) {
            Ok(Some(headers)) => headers,
            Ok(None) => return (all, None),
            Err(error) => return (all, Some(error.kind())),
        };
        let mut data = Vec::new();
        loop {
            let piece = match parts.data() {
                Ok(piece) => piece,
                Err(error) => return (all, Some(error.kind())),
            };
            if piece.is_empty() {
                break;
            }
            data.extend_from_slice(piece);
            let length = piece.len();
            parts.consume(length);
        }
        all.push(FieldRead {
            name: headers.name.to_string(),
            filename: headers.filename,
            content_type: headers.content_type.map(|mime| mime.to_string()),
            data,
        });
    }
}

fn whole(body: &[u8], boundary: &str) -> Outcome {
    pieces(vec![body], None, boundary)
}

fn pieces(rest: Vec<&[u8]>, ends: Option<ErrorKind>, boundary: &str) -> Outcome {
    // An empty piece would mean the end.
    let rest = rest.into_iter().filter(|piece| !piece.is_empty()).collect();
    fields(Pieces { rest, ends }, boundary)
}

/// Reads the body in all ways, and checks that the result is the same each time.
fn every_way(name: &str, body: &[u8], boundary: &str) -> Outcome {
    let want = whole(body, boundary);
    for at in 0..=body.len() {
        let (front, back) = body.split_at(at);
        let got = pieces(vec![front, back], None, boundary);
        assert_eq!(got, want, "{name}: split at {at}");

        // Truncated here: some of the fields, all complete, and an error. Only after a last
        // boundary a form may end.
        let (got, error) = whole(front, boundary);
        if error.is_none() {
            let last = format!("--{boundary}--").into_bytes();
            let ended = front.windows(last.len()).any(|w| w == last);
            assert!(ended, "{name}: cut at {at}: no error");
        } else {
            assert_eq!(got, want.0[..got.len()], "{name}: cut at {at}");
            let cut = error == Some(ErrorKind::UnexpectedEof);
            assert!(cut || error == want.1, "{name}: cut at {at}: {error:?}");
        }
        // The same if the connection fails here. The rest of the line of the last boundary may be
        // missing then.
        let (lost, error) = pieces(vec![front], Some(ErrorKind::ConnectionReset), boundary);
        assert_eq!(lost, got[..lost.len()], "{name}: lost at {at}");
        assert!(lost.len() + 1 >= got.len(), "{name}: lost at {at}");
        let is_reported = error == Some(ErrorKind::ConnectionReset) || error == want.1;
        assert!(is_reported, "{name}: lost at {at}: {error:?}");
    }
    let bytes = body.chunks(1).collect();
    assert_eq!(pieces(bytes, None, boundary), want, "{name}: by bytes");
    want
}

const A: &str = "Content-Disposition: form-data; name=\"a\"\r\n";
const B: &str = "Content-Disposition: form-data; name=\"b\"\r\n";

/// Replaces `{A}` and `{B}` by the lines above.
fn bytes(text: &str) -> Vec<u8> {
    text.replace("{A}", A).replace("{B}", B).into_bytes()
}

#[test]
fn a_form_is_its_fields() {
    for (name, text, want) in tables::FORMS {
        let (got, error) = every_way(name, &bytes(text), "x");
        let field = |&(name, filename, content_type, data): &Field| FieldRead {
            name: name.to_owned(),
            filename: filename.map(str::to_owned),
            content_type: content_type.map(str::to_owned),
            data: data.as_bytes().to_owned(),
        };
        let want: Vec<FieldRead> = want.iter().map(field).collect();
        assert_eq!((got, error), (want, None), "{name}");
    }
}

#[test]
fn a_malformed_form_is_an_error() {
    for (name, text, whole, want) in tables::NO_FORMS {
        let (got, error) = every_way(name, &bytes(text), "x");
        assert_eq!((got.len(), error), (*whole, Some(*want)), "{name}: {got:?}");
    }
    let (_, error) = every_way("not UTF-8", b"--x\r\nX: \xff\r\n\r\n", "x");
    assert_eq!(error, Some(ErrorKind::InvalidData));
}

/// Each prefix of a delimiter, followed by each byte that a delimiter may contain.
#[test]
fn a_prefix_of_a_delimiter_is_data() {
    for boundary in ["x", "xx", "--", "-x-", "aab", "----gecko1f", "a b"] {
        let mut data = Vec::new();
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        for length in 0..delimiter.len() {
            for next in b"\r\n-xab1" {
                data.extend_from_slice(&delimiter[..length]);
                if delimiter[length] != *next {
                    data.push(*next);
                }
            }
        }
        data.extend_from_slice(b"\r\n\r");
        assert!(!data.windows(delimiter.len()).any(|w| w == delimiter));
        let body = [
            format!("--{boundary}\r\n{A}\r\n").as_bytes(),
            &data,
            format!("\r\n--{boundary}--").as_bytes(),
        ]
        .concat();
        let (got, error) = every_way(boundary, &body, boundary);
        assert_eq!((got.len(), error), (1, None), "{boundary}");
        assert_eq!(got[0].data, data, "{boundary}");
    }
}

/// The delimiter at each position around the end of the buffer.
#[test]
fn a_boundary_is_found_across_the_end_of_the_buffer() {
    for length in 16_200..16_400 {
        let data = "\r".repeat(length);
        let body = format!("--x\r\n{A}\r\n{data}\r\n--x\r\n{B}\r\n2\r\n--x--\r\n");
        let (got, error) = whole(body.as_bytes(), "x");
        assert_eq!(error, None, "{length}");
        assert_eq!((got[0].data.len(), &*got[1].data), (length, &b"2"[..]));
    }
}

#[test]
fn a_form_has_at_most_max_parts() {
    let body = |count: usize| {
        let part = format!("--x\r\n{A}\r\n\r\n");
        part.repeat(count) + "--x--\r\n"
    };
    let (got, error) = whole(body(MAX_PARTS).as_bytes(), "x");
    assert_eq!((got.len(), error), (MAX_PARTS, None));
    let (got, error) = whole(body(MAX_PARTS + 1).as_bytes(), "x");
    assert_eq!(
        (got.len(), error),
        (MAX_PARTS, Some(ErrorKind::InvalidData))
    );
}

#[test]
fn a_head_has_at_most_the_maximum_of_bytes_and_fields() {
    let of_bytes = |count: usize| {
        let rest = count - A.len() - "X: \r\n\r\n".len();
        format!("--x\r\n{A}X: {}\r\n\r\n1\r\n--x--", "y".repeat(rest))
    };
    let of_fields =
        |count: usize| format!("--x\r\n{A}{}\r\n1\r\n--x--", "X: y\r\n".repeat(count - 1));
    for (good, bad) in [
        (
            of_bytes(MAX_PART_HEAD_BYTES),
            of_bytes(MAX_PART_HEAD_BYTES + 1),
        ),
        (of_fields(MAX_PART_HEADERS), of_fields(MAX_PART_HEADERS + 1)),
    ] {
        let good = [whole(good.as_bytes(), "x"), by_bytes(&good)];
        assert!(good
            .iter()
            .all(|(got, error)| got.len() == 1 && error.is_none()));
        for (got, error) in [whole(bad.as_bytes(), "x"), by_bytes(&bad)] {
            assert_eq!((got.len(), error), (0, Some(ErrorKind::InvalidData)));
        }
    }
    // A head without an end is refused too.
    let endless = Read::chain(&b"--x\r\n"[..], io::repeat(b'y'));
    assert_eq!(fields(endless, "x").1, Some(ErrorKind::InvalidData));
}

fn by_bytes(body: &str) -> Outcome {
    pieces(body.as_bytes().chunks(1).collect(), None, "x")
}

#[test]
fn an_error_is_returned_again() {
    let body = bytes("--x\r\n{A}\r\n1\r\n--y");
    let mut parts = Parts::new(&*body, "x");
    parts.next(head::read).unwrap().expect("a part");
    let count = parts.data().unwrap().len();
    parts.consume(count);
    for _ in 0..3 {
        let failed = |error: io::Error| assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        parts.data().map_or_else(failed, |_| panic!("data"));
        parts
            .next(head::read)
            .map_or_else(failed, |_| panic!("a part"));
    }
}

fn request(content_type: &str, body: &[u8]) -> Request {
    let fields = vec![("content-type".to_owned(), content_type.to_owned())];
    Request::fake_http("POST", "/", fields, body.to_owned())
}

#[test]
fn a_boundary_is_read_from_the_content_type() {
    let longest = "a".repeat(70);
    let table: &[(&str, Option<&str>)] = &[
        ("multipart/form-data; boundary=x", Some("x")),
        ("Multipart/Form-Data;BOUNDARY=x", Some("x")),
        (
            "multipart/form-data; charset=utf-8; boundary=\"x\"; a=b",
            Some("x"),
        ),
        (
            "multipart/form-data; boundary=----=_x'()+_,./:=?",
            Some("----=_x'()+_,./:=?"),
        ),
        ("multipart/form-data; boundary=\"a b\"", Some("a b")),
        ("multipart/form-data; boundary=*****", Some("*****")),
        ("multipart/form-data; boundary=!#$%&^`|~", Some("!#$%&^`|~")),
        ("multipart/form-data; boundary=\"a;b\"", None),
        ("multipart/form-data; boundary=\"a\\\\b\"", None),
        ("multipart/form-data; boundary=\"a\tb\"", None),
        (
            &format!("multipart/form-data; boundary={longest}"),
            Some(&longest),
        ),
        (&format!("multipart/form-data; boundary={longest}a"), None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        ("multipart/form-data; boundary=a@b", None),
        ("multipart/form-data; boundary=\"a\u{e9}\"", None),
        ("multipart/form-data; boundary=x; boundary=x", None),
        ("multipart/form-data; boundary=\"x", None),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=x", None),
        ("boundary=x", None),
        ("", None),
    ];
    for (value, want) in table {
        let request = request(value, b"");
        assert_eq!(boundary(&request).as_deref(), *want, "{value:?}");
        assert_eq!(get_multipart_input(&request).is_ok(), want.is_some());
        // A body that is refused as a form can still be read.
        assert_eq!(request.data().is_none(), want.is_some());
    }
    let field = (
        "Content-Type".to_owned(),
        "multipart/form-data; boundary=x".to_owned(),
    );
    let twice = Request::fake_http("POST", "/", vec![field.clone(), field], vec![]);
    assert!(boundary(&twice).is_none());
}

#[test]
fn a_body_that_was_read_is_an_error() {
    let request = request("multipart/form-data; boundary=x", b"--x--");
    drop(request.data());
    let error = get_multipart_input(&request).unwrap_err();
    assert!(matches!(error, MultipartError::BodyAlreadyExtracted));
    assert_eq!(error.to_string(), "request body already read");
}

#[test]
fn unread_data_of_a_field_is_skipped() {
    let body = bytes("--x\r\n{A}\r\nlong\r\n--x\r\n{B}\r\n2\r\n--x--\r\n");
    let request = request("multipart/form-data; boundary=x", &body);
    let mut form = get_multipart_input(&request).unwrap();
    let mut first = form.next().unwrap();
    first.data.read_exact(&mut [0; 2]).unwrap();
    let mut second = form.next().unwrap();
    assert_eq!((&*second.headers.name, second.is_text()), ("b", true));
    let mut text = String::new();
    second.data.read_to_string(&mut text).unwrap();
    assert_eq!(text, "2");
    assert!(form.next().is_none());
    assert!(form.next().is_none());
}

#[test]
fn an_error_is_a_last_field_that_cannot_be_read() {
    for (body, reason) in [
        (
            "--x\r\n{A}\r\n1\r\n--x\r\nX: y\r\n\r\n",
            "form part without Content-Disposition",
        ),
        (
            "--x\r\n{A}\r\n1\r\n--x\r\n{B}",
            "form without last boundary",
        ),
    ] {
        let body = bytes(body);
        let request = request("multipart/form-data; boundary=x", &body);
        let mut form = get_multipart_input(&request).unwrap();
        let mut good = form.next().unwrap();
        assert_eq!(good.data.read_to_end(&mut Vec::new()).unwrap(), 1);
        let mut bad = form.next().expect("one more");
        assert_eq!((&*bad.headers.name, &bad.headers.filename), ("", &None));
        let error = bad.data.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), reason);
        bad.data.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(form.next().is_none());
        form.try_next().unwrap_err();
    }
}

#[test]
fn a_field_without_a_content_type_or_with_text_is_text() {
    for (content_type, want) in [
        ("", true),
        ("Content-Type: text/csv\r\n", true),
        ("Content-Type: TEXT/plain; charset=x\r\n", true),
        ("Content-Type: texts/plain\r\n", false),
        ("Content-Type: application/json\r\n", false),
    ] {
        let body = format!("--x\r\n{A}{content_type}\r\n1\r\n--x--\r\n");
        let request = request("multipart/form-data; boundary=x", body.as_bytes());
        let mut form = get_multipart_input(&request).unwrap();
        assert_eq!(form.next().unwrap().is_text(), want, "{content_type}");
    }
}
