//! The head parser with its tables: each row whole, split at every byte, and with bytes after it.

use self::tables::*;
use super::*;
use crate::wire::tests::{parse, summary, Random};
use WireError::*;

mod tables;

fn check(name: &str, bytes: &[u8], limits: &Limits, want: Result<&str, WireError>) {
    let got = parse(bytes, limits).map(|whole| whole.map(|(_, head)| head));
    let want = want.map(|head| Some(head.to_string()));
    assert_eq!(got, want, "{}: {}", name, String::from_utf8_lossy(bytes));
}

#[test]
fn heads() {
    for &(name, bytes, want) in HEADS {
        check(name, bytes, &Limits::default(), want);
    }
}

#[test]
fn request_lines() {
    for &(name, line, want) in LINES {
        let bytes = [line, b"\r\nHost: h\r\n\r\n"].concat();
        let want = want.map(|line| format!("{}|Host: h", line));
        let want = want.as_deref().map_err(|&error| error);
        check(name, &bytes, &Limits::default(), want);
    }
}

#[test]
fn absolute_form_gives_path_and_host() {
    for &(name, line, want) in ABSOLUTE {
        let bytes = [line, b"\r\nHost: h\r\n\r\n"].concat();
        check(name, &bytes, &Limits::default(), want);
    }
    // The name of a request in reports contains none of its fields.
    for &(name, line, want) in ABSOLUTE.iter().filter(|row| row.2.is_ok()) {
        let bytes = [line, b"\r\nHost: h\r\nCookie: c\r\n\r\n"].concat();
        let mut head = Head::default();
        let got = HeadParser::default().feed(&bytes, &Limits::default(), &mut head);
        assert_eq!(got, Ok(Some(bytes.len())), "{name}, {want:?}");
        let called = head.request();
        let fits = called.starts_with(head.method()) && called.ends_with(head.target());
        assert!(fits && called.len() <= line.len(), "{name}: {called:?}");
    }
    let without = b"GET http://a/b HTTP/1.0\r\n\r\n";
    check(
        "1.0 without Host",
        without,
        &Limits::default(),
        Ok("GET /b 1.0"),
    );
}

#[test]
fn field_lines() {
    for &(name, lines, want) in FIELDS {
        let bytes = [b"GET / HTTP/1.0\r\n", lines, b"\r\n\r\n"].concat();
        let want = want.map(|fields| format!("GET / 1.0|{}", fields));
        let want = want.as_deref().map_err(|&error| error);
        check(name, &bytes, &Limits::default(), want);
    }
}

#[test]
fn every_byte_in_every_place() {
    let limits = Limits::default();
    for b in 0..=255 {
        let of = |class| bytes::is(b, class);
        let parsed = |before: &[u8], after: &[u8]| {
            let bytes = [before, &[b], after].concat();
            matches!(parse(&bytes, &limits), Ok(Some(_)))
        };
        let end = b"x / HTTP/1.0\r\n\r\n";
        assert_eq!(parsed(b"x", end), of(bytes::TOKEN), "method: {}", b);
        let end = b"xx HTTP/1.0\r\n\r\n";
        assert_eq!(parsed(b"GET /x", end), of(bytes::TARGET), "target: {}", b);
        let end = b"x: y\r\n\r\n";
        let name = of(bytes::TOKEN) || b == b':';
        assert_eq!(parsed(b"GET / HTTP/1.0\r\nx", end), name, "name: {}", b);
        let end = b"x\r\n\r\n";
        let value = of(bytes::VALUE);
        assert_eq!(
            parsed(b"GET / HTTP/1.0\r\nx: x", end),
            value,
            "value: {}",
            b
        );
    }
}

#[test]
fn host_is_an_authority_without_userinfo() {
    for &(host, good) in HOSTS {
        let bytes = [b"GET / HTTP/1.1\r\nhost: ", host, b"\r\n\r\n"].concat();
        let got = parse(&bytes, &Limits::default()).map(|whole| whole.is_some());
        let want = if good { Ok(true) } else { Err(BadHost) };
        assert_eq!(got, want, "{}", String::from_utf8_lossy(host));
    }
}

#[test]
fn an_error_comes_with_the_first_byte_that_shows_it() {
    for &(name, bytes, want) in EARLY {
        let before = &bytes[..bytes.len() - 1];
        assert_eq!(
            parse(before, &Limits::default()),
            Ok(None),
            "before {}",
            name
        );
        assert_eq!(parse(bytes, &Limits::default()), Err(want), "{}", name);
    }
}

#[test]
fn nothing_is_whole_before_its_last_byte() {
    let rows = HEADS.iter().filter(|row| row.2.is_ok());
    for &(name, bytes, _) in rows {
        let limits = Limits::default();
        let n = match parse(bytes, &limits) {
            Ok(Some((n, _))) => n,
            other => panic!("{}: {:?}", name, other),
        };
        for end in 0..n {
            let mut head = Head::default();
            let got = HeadParser::default().feed(&bytes[..end], &limits, &mut head);
            assert_eq!(got, Ok(None), "{}, {} bytes", name, end);
        }
    }
}

#[test]
fn limits_admit_n_and_reject_one_more() {
    let bytes = b"\r\nGET /abc HTTP/1.0\r\nA: b\r\nC: d\r\n\r\n";
    let usual = Limits::default;
    // An empty line before a head is no part of it.
    let n = bytes.len() - 2;
    let rows = [
        (
            "head",
            Limits {
                max_head_bytes: n,
                ..usual()
            },
            None,
        ),
        (
            "head",
            Limits {
                max_head_bytes: n - 1,
                ..usual()
            },
            Some(HeadTooLarge),
        ),
        (
            "head",
            Limits {
                max_head_bytes: 3,
                ..usual()
            },
            Some(HeadTooLarge),
        ),
        (
            "head",
            Limits {
                max_head_bytes: 0,
                ..usual()
            },
            Some(HeadTooLarge),
        ),
        (
            "target",
            Limits {
                max_target_bytes: 4,
                ..usual()
            },
            None,
        ),
        (
            "target",
            Limits {
                max_target_bytes: 3,
                ..usual()
            },
            Some(TargetTooLong),
        ),
        (
            "fields",
            Limits {
                max_headers: 2,
                ..usual()
            },
            None,
        ),
        (
            "fields",
            Limits {
                max_headers: 1,
                ..usual()
            },
            Some(TooManyHeaders),
        ),
        (
            "fields",
            Limits {
                max_headers: 0,
                ..usual()
            },
            Some(TooManyHeaders),
        ),
    ];
    for (name, limits, error) in rows {
        let want = error.map_or(Ok("GET /abc 1.0|A: b|C: d"), Err);
        check(name, bytes, &limits, want);
    }
}

#[test]
fn the_default_limits_hold_on_both_sides() {
    let limits = Limits::default();
    let request = |target: usize, fields: usize, fill: usize| {
        let mut text = format!("GET /{} HTTP/1.0\r\n", "a".repeat(target - 1));
        text += &"A: b\r\n".repeat(fields - 1);
        let fill = fill.saturating_sub(text.len() + "A: \r\n\r\n".len());
        text + &format!("A: {}\r\n\r\n", "b".repeat(fill))
    };
    let answer = |text: String| {
        let mut head = Head::default();
        HeadParser::default().feed(text.as_bytes(), &limits, &mut head)
    };
    assert!(matches!(answer(request(8192, 100, 16384)), Ok(Some(16384))));
    assert_eq!(answer(request(8193, 1, 0)), Err(TargetTooLong));
    assert_eq!(answer(request(1, 101, 0)), Err(TooManyHeaders));
    assert_eq!(answer(request(1, 1, 16385)), Err(HeadTooLarge));
}

#[test]
fn limits_are_known_before_the_end_arrives() {
    let limits = Limits {
        max_target_bytes: 4,
        max_head_bytes: 30,
        ..Limits::default()
    };
    assert_eq!(parse(b"GET /abc", &limits), Ok(None));
    assert_eq!(parse(b"GET /abcd", &limits), Err(TargetTooLong));
    assert_eq!(parse(b"GET /abc HTTP/1.0\r\nA: bbbbbbb", &limits), Ok(None));
    assert_eq!(
        parse(b"GET /abc HTTP/1.0\r\nA: bbbbbbbb", &limits),
        Err(HeadTooLarge)
    );
    assert_eq!(parse(&[b'A'; 64], &Limits::default()), Ok(None));
    assert_eq!(parse(&[b'A'; 65], &Limits::default()), Err(MethodTooLong));
    // Empty lines before a head do not count. Otherwise the result would depend on their arrival,
    // together with the head or alone.
    let empty = b"\r\n".repeat(15);
    assert_eq!(parse(&empty, &limits), Ok(None));
    let behind = |head: &[u8]| parse(&[&empty, head].concat(), &limits);
    assert_eq!(behind(b"GET /abc HTTP/1.0\r\nA: bbbbbbb"), Ok(None));
    assert_eq!(
        behind(b"GET /abc HTTP/1.0\r\nA: bbbbbbbb"),
        Err(HeadTooLarge)
    );
}

#[test]
fn an_incomplete_head_has_its_method() {
    for bytes in [
        "HEAD / HT",
        "HEAD /\u{1} HTTP/1.1",
        "HEAD / HTTP/1.1\r\n\r\n",
    ] {
        let mut head = Head::default();
        let fed = HeadParser::default().feed(bytes.as_bytes(), &Limits::default(), &mut head);
        assert!(!matches!(fed, Ok(Some(_))), "{bytes:?}");
        assert_eq!(head.method(), "HEAD", "{bytes:?}");
    }
}

#[test]
fn empty_lines_that_were_passed_still_count() {
    let (mut parser, mut head, limits) =
        (HeadParser::default(), Head::default(), Limits::default());
    for _ in 0..MAX_EMPTY_LINES {
        assert_eq!(parser.feed(b"\r\n", &limits, &mut head), Ok(None));
        assert_eq!(parser.pass_empty_lines(), Some(2));
    }
    assert_eq!(
        parser.feed(b"\r", &limits, &mut head),
        Err(TooManyEmptyLines)
    );
}

#[test]
fn a_parser_is_ready_for_the_next_head() {
    let bytes = b"GET http://a HTTP/1.1\r\nHost: b\r\n\r\n\r\nPOST /2 HTTP/1.0\r\nA: b\r\n\r\n";
    let (mut parser, mut head, limits) =
        (HeadParser::default(), Head::default(), Limits::default());
    let n = parser.feed(bytes, &limits, &mut head).unwrap().unwrap();
    assert_eq!(summary(&head), "GET / 1.1|Host: a");
    let rest = &bytes[n..];
    assert_eq!(parser.feed(&rest[..9], &limits, &mut head), Ok(None));
    parser.reset();
    assert_eq!(parser.feed(rest, &limits, &mut head), Ok(Some(rest.len())));
    assert_eq!(summary(&head), "POST /2 1.0|A: b");
}

#[test]
fn mutants_neither_panic_nor_depend_on_the_splits() {
    let mut corpus: Vec<Vec<u8>> = HEADS.iter().map(|row| row.1.to_vec()).collect();
    for (_, line, _) in LINES.iter().chain(ABSOLUTE) {
        corpus.push([line, &b"\r\nHost: h\r\nA: b\r\n\r\n"[..]].concat());
    }
    for (_, lines, _) in FIELDS {
        corpus.push([b"GET /a%20b HTTP/1.1\r\nHost: h\r\n", *lines, b"\r\n\r\n"].concat());
    }
    let limits = Limits {
        max_head_bytes: 90,
        max_target_bytes: 40,
        max_headers: 4,
        ..Limits::default()
    };
    let mut random = Random::seeded(9112);
    for _ in 0..5_000 {
        let sample = &corpus[random.below(corpus.len())];
        let _ = parse(&random.mutate(sample), &limits);
    }
}

#[test]
fn the_method_is_known_once_it_has_ended_even_if_the_head_is_rejected() {
    let limits = Limits::default();
    for (bytes, want) in [
        (&b"HEAD"[..], ""),
        (b"HEAD ", "HEAD"),
        (b"\r\nHEAD /", "HEAD"),
        (b"HEAD  ", "HEAD"),
        (b"HEAD / HTTP/2.0\r\n", "HEAD"),
        (b"HEAD / HTTP/1.1\r\nHost: a", "HEAD"),
        (b"HEAD / HTTP/1.1\r\nHost: a/b\r\n", "HEAD"),
        (b"HEAD / HTTP/1.1\r\nA: \xfc\r\n\r\n", "HEAD"),
        (b"HE(AD / HTTP/1.1\r\n", ""),
    ] {
        let mut head = Head::default();
        let _ = HeadParser::default().feed(bytes, &limits, &mut head);
        assert_eq!(head.method(), want, "{}", String::from_utf8_lossy(bytes));
    }
}
