//! Heads of responses as tables: each row is fed whole, split at every byte, byte by byte, and with
//! bytes behind it.

use super::Dialect::{Cgi, Http};
use super::*;
use crate::wire::tests::Random;

type Parsed = Result<Option<(usize, String)>, Refused>;

/// `200|Name: value|..`; the version before it if it is 1.0.
fn summary(head: &ResponseHead) -> String {
    let mut line = format!("{}{}", if head.is_10 { "1.0 " } else { "" }, head.status);
    for (name, value) in head.fields() {
        line += &format!("|{name}: {value}");
    }
    line
}

fn feed(dialect: Dialect, bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Parsed {
    let mut parser = ResponseParser::new(dialect);
    for end in ends {
        if let Some((length, head)) = parser.feed(&bytes[..end])? {
            assert!(length <= end);
            return Ok(Some((length, summary(&head))));
        }
    }
    Ok(None)
}

fn parse(dialect: Dialect, bytes: &[u8]) -> Parsed {
    let whole = feed(dialect, bytes, [bytes.len()]);
    let show = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
    let step = 1 + bytes.len() / 1000;
    for split in (0..bytes.len()).step_by(step) {
        let parts = feed(dialect, bytes, [split, bytes.len()]);
        assert_eq!(parts, whole, "split at {split}: {:?}", show());
    }
    assert_eq!(
        feed(
            dialect,
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
            let got = feed(dialect, &longer, [longer.len()]);
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
fn heads_of_http_that_are_refused() {
    for (bytes, want) in [
        (&b"SSH-2.0-x\r\n"[..], "it is no response of HTTP/1"),
        (b"S", "it is no response of HTTP/1"),
        (
            b"\r\nHTTP/1.1 200 OK\r\n\r\n",
            "it is no response of HTTP/1",
        ),
        (b"HTTP/2.0 200 OK\r\n\r\n", "it is no response of HTTP/1"),
        (b"HTTP/1.10 200 OK\r\n\r\n", "it is no response of HTTP/1"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 099 OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 +20 OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 200OK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 200 O\rK\r\n\r\n", "no status code"),
        (b"HTTP/1.1 200 OK\nA: b\r\n\r\n", "a line ends in LF alone"),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\n", "a line ends in LF alone"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\n", "a line ends in LF alone"),
        (
            b"HTTP/1.1 200 OK\r\nA b\r\n\r\n",
            "a field line without a colon",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
            "a field name is not a token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n: b\r\n\r\n",
            "a field name is not a token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
            "a field name is not a token",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\r\n",
            "a field name is not a token",
        ),
        (
            b"HTTP/1.1 200 OK\r\n\xe9: b\r\n\r\n",
            "a field name is not a token",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
            "a control character in a field value",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n",
            "a control character in a field value",
        ),
        (
            b"HTTP/1.1 200 OK\r\nA: \0\r\n\r\n",
            "a control character in a field value",
        ),
    ] {
        let show = String::from_utf8_lossy(bytes);
        assert_eq!(parse(Http, bytes), Err(want), "{show:?}");
    }
}

#[test]
fn a_head_that_is_not_whole_says_nothing_yet() {
    let whole = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
    for end in 0..whole.len() {
        assert_eq!(parse(Http, &whole[..end]), Ok(None), "{end}");
    }
}

#[test]
fn heads_of_scripts() {
    for (bytes, want) in [
        ("\n", Ok("0")),
        ("\r\n", Ok("0")),
        ("Status: 404 Not Found\n\n", Ok("0|Status: 404 Not Found")),
        ("A: b\r\nC: d\n\r\n", Ok("0|A: b|C: d")),
        (
            "HTTP/1.1 200 OK\r\n\r\n",
            Err("a field line without a colon"),
        ),
        ("<html>\n", Err("a field line without a colon")),
        ("A: b\n c: d\n\n", Err("a field name is not a token")),
        ("A: b\rc\n\n", Err("a control character in a field value")),
    ] {
        let want = want.map(|text| Some((bytes.len(), text.to_owned())));
        assert_eq!(parse(Cgi, bytes.as_bytes()), want, "{bytes:?}");
    }
}

#[test]
fn a_head_at_each_limit_is_taken_and_one_beyond_is_not() {
    for dialect in [Http, Cgi] {
        let start: &[u8] = match dialect {
            Http => b"HTTP/1.1 200 OK\r\n",
            Cgi => b"Status: 200\r\n",
        };
        let fields = |count: usize| [start, &b"A: b\r\n".repeat(count), b"\r\n"].concat();
        let most = MAX_FIELDS - usize::from(dialect == Cgi);
        assert!(matches!(parse(dialect, &fields(most)), Ok(Some(_))));
        assert_eq!(parse(dialect, &fields(most + 1)), Err("too many fields"));

        let sized = |length: usize| {
            let value = vec![b'x'; length - start.len() - b"A:\r\n\r\n".len()];
            [start, b"A:", &value, b"\r\n\r\n"].concat()
        };
        let whole = parse(dialect, &sized(MAX_HEAD_BYTES)).map(|head| head.map(|(n, _)| n));
        assert_eq!(whole, Ok(Some(MAX_HEAD_BYTES)));
        let beyond = parse(dialect, &sized(MAX_HEAD_BYTES + 1));
        assert_eq!(beyond, Err("the head is too large"));
    }
}

#[test]
fn a_head_behind_an_interim_one_is_read_by_the_same_parser() {
    let mut parser = ResponseParser::new(Http);
    let both = b"HTTP/1.1 103 x\r\nLink: a\r\n\r\nHTTP/1.0 200 OK\r\nB: c\r\n\r\n";
    let (length, first) = parser.feed(both).unwrap().unwrap();
    assert_eq!(summary(&first), "103|Link: a");
    let (_, second) = parser.feed(&both[length..]).unwrap().unwrap();
    assert_eq!(summary(&second), "1.0 200|B: c");
}

#[test]
fn bodies_end_where_the_fields_say() {
    use ResponseLength::*;
    for (text, want) in [
        ("1.1 200", Ok(ToEnd)),
        ("1.1 200|Content-Length: 5", Ok(Known(5))),
        ("1.0 200|content-length: 0", Ok(Known(0))),
        ("1.1 200|Transfer-Encoding: Chunked", Ok(Chunked)),
        ("1.1 204|Content-Length: 5", Ok(Nothing)),
        (
            "1.1 304|Transfer-Encoding: chunked|Content-Length: 5",
            Ok(Nothing),
        ),
        ("1.1 103|Content-Length: 5", Ok(Nothing)),
        (
            "1.1 200|Content-Length: 5|Content-Length: 5",
            Err("more than one Content-Length"),
        ),
        (
            "1.1 200|Content-Length: 5, 5",
            Err("Content-Length is not a number"),
        ),
        (
            "1.1 200|Content-Length: +5",
            Err("Content-Length is not a number"),
        ),
        (
            "1.1 200|Content-Length:",
            Err("Content-Length is not a number"),
        ),
        (
            "1.1 200|Content-Length: 18446744073709551616",
            Err("Content-Length is not a number"),
        ),
        (
            "1.1 200|Content-Length: 5|Transfer-Encoding: chunked",
            Err("a length beside a transfer coding"),
        ),
        (
            "1.0 200|Transfer-Encoding: chunked",
            Err("a transfer coding in HTTP/1.0"),
        ),
        (
            "1.1 200|Transfer-Encoding: gzip",
            Err("a transfer coding other than chunked"),
        ),
        (
            "1.1 200|Transfer-Encoding: gzip, chunked",
            Err("a transfer coding other than chunked"),
        ),
        (
            "1.1 200|Transfer-Encoding: chunked, chunked",
            Err("a transfer coding other than chunked"),
        ),
        (
            "1.1 200|Transfer-Encoding:",
            Err("a transfer coding other than chunked"),
        ),
        (
            "1.1 200|Transfer-Encoding: chunked|Transfer-Encoding: x",
            Err("a transfer coding other than chunked"),
        ),
    ] {
        let bytes = format!("HTTP/{}\r\n\r\n", text.replace('|', "\r\n"));
        let (_, head) = ResponseParser::new(Http)
            .feed(bytes.as_bytes())
            .unwrap()
            .unwrap();
        assert_eq!(length(&head), want, "{text}");
    }
}

#[test]
fn mutants_are_read_alike_however_they_arrive() {
    let samples: [&[u8]; 4] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"HTTP/1.0 301 Moved\r\nLocation: /x\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"Status: 200 OK\nContent-Type: text/plain\n\nbody",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\nA:b\r\n\r\n",
    ];
    let mut random = Random::seeded(11);
    for round in 0..1500 {
        let bytes = random.mutate(samples[round % samples.len()]);
        for dialect in [Http, Cgi] {
            if let Ok(Some((_, text))) = parse(dialect, &bytes) {
                // Nothing that would end a line is in what is passed on.
                assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
            }
        }
    }
}
