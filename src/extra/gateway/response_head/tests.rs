//! Heads of responses as tables: each row is fed whole, split at every byte, byte by byte, and with
//! bytes after it.

use super::HeadSyntax::{Cgi, Http};
use super::*;
use crate::wire::tests::Random;

type Parsed = Result<Option<(usize, String)>, Rejection>;

/// `200|Name: value|..`; the version before it if it is 1.0.
fn summary(head: &ResponseHead) -> String {
    let mut line = format!("{}{}", if head.is_10 { "1.0 " } else { "" }, head.status);
    for (name, value) in head.fields() {
        line += &format!("|{name}: {value}");
    }
    line
}

fn feed(syntax: HeadSyntax, bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Parsed {
    let mut parser = ResponseParser::new(syntax);
    for end in ends {
        if let Some((length, head)) = parser.feed(&bytes[..end])? {
            assert!(length <= end);
            return Ok(Some((length, summary(&head))));
        }
    }
    Ok(None)
}

fn parse(syntax: HeadSyntax, bytes: &[u8]) -> Parsed {
    let whole = feed(syntax, bytes, [bytes.len()]);
    let show = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let step = 1 + bytes.len() / 1000;
    for split in (0..bytes.len()).step_by(step) {
        let parts = feed(syntax, bytes, [split, bytes.len()]);
        assert_eq!(parts, whole, "split at {split}: {:?}", show());
    }
    assert_eq!(
        feed(
            syntax,
            bytes,
            (0..bytes.len()).step_by(step).chain([bytes.len()])
        ),
        whole,
        "{:?}",
        show()
    );
    if whole != Ok(None) {
        for more in [&b"H"[..], b"\r\n", b"\0\xff \n"] {
            let longer = [bytes, more].concat();
            let got = feed(syntax, &longer, [longer.len()]);
            assert_eq!(got, whole, "{:?} and more", show());
        }
    }
    whole
}

#[test]
fn heads_of_http() {
    for (bytes, want) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "200"),
        ("HTTP/1.1 200 \r\n\r\n", "200"),
        ("HTTP/1.1 200\r\n\r\n", "200"),
        ("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n", "1.0 404|A: b"),
        ("HTTP/1.7 999 x\ty\r\nA:\t b \t\r\n\r\n", "999|A: b"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "100"),
        ("HTTP/1.1 200 OK\r\nA:\r\nA: b c\r\n\r\n", "200|A: |A: b c"),
        ("HTTP/1.1 200 OK\r\nA: \u{e9}\r\n\r\n", "200|A: \u{e9}"),
    ] {
        let got = parse(Http, bytes.as_bytes());
        assert_eq!(got, Ok(Some((bytes.len(), want.to_owned()))), "{bytes:?}");
    }
    let latin = b"HTTP/1.1 200 \xe9\r\nA: \xe9\r\n\r\n";
    let want = (latin.len(), "200|A: \u{e9}".to_owned());
    assert_eq!(parse(Http, latin), Ok(Some(want)));
}

#[test]
fn heads_of_http_that_are_rejected() {
    for (bytes, want) in [
        (&b"SSH-2.0-x\r\n"[..], NOT_HTTP_1),
        (b"S", NOT_HTTP_1),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", NOT_HTTP_1),
        (b"HTTP/2.0 200 OK\r\n\r\n", NOT_HTTP_1),
        (b"HTTP/1.10 200 OK\r\n\r\n", NOT_HTTP_1),
        (b"HTTP/1.1  200 OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 +20 OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 200OK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", "invalid status code"),
        (b"HTTP/1.1 200 OK\nA: b\r\n\r\n", "LF without CR"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", "LF without CR"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", "LF without CR"),
        (
            b"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
            "field line without colon",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "invalid field name: expected token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
            "invalid field name: expected token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
            "invalid field name: expected token",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n",
            "invalid field name: expected token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\xe9: b\r\n\r\n",
            "invalid field name: expected token",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            "control character in field value",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n",
            "control character in field value",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
            "control character in field value",
        ),
    ] {
        let show = String::from_utf8_lossy(bytes);
        assert_eq!(parse(Http, bytes), Err(want), "{show:?}");
    }
}

#[test]
fn an_incomplete_head_has_no_result_yet() {
    let whole = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(parse(Http, &whole[..end]), Ok(None), "{end}");
    }
}

#[test]
fn heads_of_cgi_programs() {
    for (bytes, want) in [
        ("\n", Ok("0")),
        ("\r\n", Ok("0")),
        ("Status: 404 Not Found\n\n", Ok("0|Status: 404 Not Found")),
        ("A: b\r\nC: d\n\r\n", Ok("0|A: b|C: d")),
        ("HTTP/1.1 200 OK\r\n\r\n", Err("field line without colon")),
        ("<html>\n", Err("field line without colon")),
        ("A: b\n c: d\n\n", Err("invalid field name: expected token")),
        ("A: b\rc\n\n", Err("control character in field value")),
    ] {
        let want = want.map(|text| Some((bytes.len(), text.to_owned())));
        assert_eq!(parse(Cgi, bytes.as_bytes()), want, "{bytes:?}");
    }
}

#[test]
fn a_head_at_each_limit_is_accepted_and_one_beyond_is_not() {
    for syntax in [Http, Cgi] {
        let start: &[u8] = match syntax {
            Http => b"HTTP/1.1 200 OK\r\n",
            Cgi => b"Status: 200\r\n",
        };
        let fields = |count: usize| [start, &b"A: b\r\n".repeat(count), b"\r\n"].concat();
        let most = MAX_FIELDS - usize::from(syntax == Cgi);
        assert!(matches!(parse(syntax, &fields(most)), Ok(Some(_))));
        assert_eq!(
            parse(syntax, &fields(most + 1)),
            Err("more than 256 fields")
        );

        let sized = |length: usize| {
            let value = vec![b'x'; length - start.len() - b"A:\r\n\r\n".len()];
            [start, b"A:", &value, b"\r\n\r\n"].concat()
        };
        let whole = parse(syntax, &sized(MAX_HEAD_BYTES)).map(|head| head.map(|(n, _)| n));
        assert_eq!(whole, Ok(Some(MAX_HEAD_BYTES)));
        let beyond = parse(syntax, &sized(MAX_HEAD_BYTES + 1));
        assert_eq!(beyond, Err("head longer than 64 KiB"));
    }
}

#[test]
fn a_head_after_an_interim_one_is_read_by_the_same_parser() {
    let mut parser = ResponseParser::new(Http);
    let both = b"HTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.0 200 OK\r\nB: c\r\n\r\n";
    let (length, first) = parser.feed(both).unwrap().unwrap();
    assert_eq!(summary(&first), "103|Link: a");
    let (_, second) = parser.feed(&both[length..]).unwrap().unwrap();
    assert_eq!(summary(&second), "1.0 200|B: c");
}

#[test]
fn mutants_are_read_alike_in_all_splits() {
    let samples: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 301 Moved\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Status: 200 OK\nContent-Type: text/plain\n\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\nA:b\r\n\r\n",
    ];
    let mut random = Random::seeded(11);
    for round in 0..1500 {
        let bytes = random.mutate(samples[round % samples.len()]);
        for syntax in [Http, Cgi] {
            if let Ok(Some((_, text))) = parse(syntax, &bytes) {
                // The gateway passes on no byte that ends a line.
                assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
            }
        }
    }
}
