//! The framing of a response, and its head to the byte.

use super::*;
use crate::message::syntax::date::imf_fixdate;
use crate::wire::tests::Random;
use BodyFraming::{Chunked, Length, Nothing, UntilClose};
use Payload::{Known, Unknown};
use Version::{Http10, Http11};

type Header = (Cow<'static, str>, Cow<'static, str>);

fn headers(list: &[(&'static str, &'static str)]) -> Vec<Header> {
    (list.iter())
        .map(|&(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .collect()
}

fn head(
    mut plan: Plan,
    version: Version,
    status: u16,
    list: &[(&'static str, &'static str)],
) -> String {
    let mut out = Vec::new();
    let headers = headers(list);
    let sent = response_head(
        &mut out,
        &mut plan,
        version,
        status,
        &headers,
        &imf_fixdate(0),
    );
    assert!(sent, "{:?}", list);
    String::from_utf8(out).unwrap()
}

const DATE: &str = "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n";

#[test]
#[rustfmt::skip]
fn plans() {
    // HEAD?, version, keep-alive?, status, payload: framing, close?, head only?
    for (is_head, version, keep_alive, status, payload, framing, close, head_only) in [
        (false, Http11, true, 200, Known(5), Length(5), false, false),
        (false, Http11, true, 200, Known(0), Length(0), false, false),
        (false, Http11, false, 200, Known(5), Length(5), true, false),
        (false, Http11, true, 200, Unknown, Chunked, false, false),
        (false, Http11, false, 200, Unknown, Chunked, true, false),
        (false, Http10, true, 200, Known(5), Length(5), false, false),
        (false, Http10, true, 200, Unknown, UntilClose, true, false),
        (false, Http10, false, 200, Unknown, UntilClose, true, false),
        (true, Http11, true, 200, Known(5), Length(5), false, true),
        (true, Http11, true, 200, Unknown, Chunked, false, true),
        (true, Http10, true, 200, Unknown, UntilClose, false, true),
        (true, Http10, false, 200, Known(5), Length(5), true, true),
        (true, Http11, true, 304, Known(5), Nothing, false, true),
        (false, Http11, true, 100, Known(5), Nothing, false, true),
        (false, Http11, true, 101, Unknown, Nothing, false, true),
        (false, Http11, true, 199, Known(0), Nothing, false, true),
        (false, Http11, true, 204, Known(0), Nothing, false, true),
        (false, Http11, true, 204, Known(5), Nothing, false, true),
        (false, Http11, false, 204, Unknown, Nothing, true, true),
        (false, Http10, true, 204, Unknown, Nothing, false, true),
        (false, Http11, true, 205, Known(5), Length(0), false, true),
        (false, Http10, true, 205, Unknown, Length(0), false, true),
        (false, Http11, true, 304, Unknown, Nothing, false, true),
        (false, Http11, true, 404, Known(5), Length(5), false, false),
        (false, Http11, true, 500, Known(5), Length(5), false, false),
        (false, Http11, true, 999, Unknown, Chunked, false, false),
    ] {
        let got = plan(is_head, version, keep_alive, status, payload);
        let want = Plan { framing, close, head_only };
        assert_eq!(got, want, "{} {:?} {} {} {:?}", is_head, version, keep_alive, status, payload);
    }
}

#[test]
fn heads() {
    let usual = plan(false, Http11, true, 200, Known(11));
    let text = [("Content-Type", "text/plain; charset=utf-8")];
    assert_eq!(
        head(usual, Http11, 200, &text),
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Length: 11\r\n\r\n"
    );
    for (plan, version, status, lines) in [
        (
            plan(false, Http11, true, 200, Unknown),
            Http11,
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
        ),
        (
            plan(false, Http11, false, 200, Known(0)),
            Http11,
            "200 OK",
            "Content-Length: 0\r\nConnection: close\r\n",
        ),
        (
            plan(false, Http10, false, 200, Known(7)),
            Http10,
            "200 OK",
            "Content-Length: 7\r\nConnection: close\r\n",
        ),
        (
            plan(false, Http10, true, 200, Known(7)),
            Http10,
            "200 OK",
            "Content-Length: 7\r\nConnection: keep-alive\r\n",
        ),
        (
            plan(false, Http10, true, 200, Unknown),
            Http10,
            "200 OK",
            "Connection: close\r\n",
        ),
        (
            plan(true, Http11, true, 200, Known(7)),
            Http11,
            "200 OK",
            "Content-Length: 7\r\n",
        ),
        (
            plan(true, Http11, true, 200, Unknown),
            Http11,
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
        ),
        (
            plan(false, Http11, true, 204, Known(7)),
            Http11,
            "204 No Content",
            "",
        ),
        (
            plan(false, Http11, true, 205, Known(7)),
            Http11,
            "205 Reset Content",
            "Content-Length: 0\r\n",
        ),
        (
            plan(false, Http11, true, 304, Known(7)),
            Http11,
            "304 Not Modified",
            "",
        ),
        (
            plan(false, Http11, true, 599, Known(u64::MAX)),
            Http11,
            "599 ",
            "Content-Length: 18446744073709551615\r\n",
        ),
    ] {
        let code = status[..3].parse().unwrap();
        let want = format!("HTTP/1.1 {}\r\n{}{}\r\n", status, DATE, lines);
        assert_eq!(head(plan, version, code, &[]), want);
    }
}

#[test]
fn fields_of_the_server_are_omitted() {
    let plan = plan(false, Http11, true, 200, Known(3));
    let list = [
        ("Content-Length", "5"),
        ("content-length", "6"),
        ("Transfer-Encoding", "chunked"),
        ("TRANSFER-ENCODING", "gzip"),
        ("Connection", "keep-alive, A"),
        ("Keep-Alive", "timeout=5"),
        ("Trailer", "A"),
        ("A", "b"),
        ("Trailers", "c"),
        ("X-Upgrad", "d"),
        ("Data", "e"),
    ];
    let want = format!(
        "HTTP/1.1 200 OK\r\nA: b\r\nTrailers: c\r\nX-Upgrad: d\r\nData: e\r\n\
         {}Content-Length: 3\r\n\r\n",
        DATE
    );
    assert_eq!(head(plan, Http11, 200, &list), want);
}

#[test]
fn a_handler_can_close_the_connection_and_not_keep_it_open() {
    for (keep_alive, version, value, close, line) in [
        (true, Http11, "close", true, "Connection: close\r\n"),
        (true, Http11, "CLOSE", true, "Connection: close\r\n"),
        (true, Http11, "A,\tClose ,", true, "Connection: close\r\n"),
        (true, Http10, "close", true, "Connection: close\r\n"),
        (false, Http11, "close", true, "Connection: close\r\n"),
        (false, Http11, "keep-alive", true, "Connection: close\r\n"),
        (true, Http11, "", false, ""),
        (true, Http11, "closed, en close", false, ""),
        (true, Http11, "\u{a0}close", false, ""),
        (true, Http10, "A", false, "Connection: keep-alive\r\n"),
    ] {
        let mut plan = plan(false, version, keep_alive, 204, Known(0));
        let (mut out, list) = (Vec::new(), headers(&[("connection", value)]));
        let date = imf_fixdate(0);
        assert!(response_head(
            &mut out, &mut plan, version, 204, &list, &date
        ));
        let want = format!("HTTP/1.1 204 No Content\r\n{DATE}{line}\r\n");
        assert_eq!(String::from_utf8(out).unwrap(), want, "{value:?}");
        assert_eq!(plan.close, close, "{value:?}");
    }
}

#[test]
fn the_handlers_date_is_kept_once() {
    let plan = plan(false, Http11, true, 204, Known(0));
    let list = [("date", "x"), ("Date", "y")];
    assert_eq!(
        head(plan, Http11, 204, &list),
        "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n"
    );
}

#[test]
fn an_upgrade_names_itself_in_connection() {
    let list = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
    let switching = plan(false, Http11, true, 101, Known(0));
    let want = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n{}Connection: upgrade\r\n\r\n",
        DATE
    );
    assert_eq!(head(switching, Http11, 101, &list), want);
    assert_eq!(head(switching, Http11, 101, &list[..1]), want);
    let last = plan(false, Http11, false, 101, Known(0));
    assert_eq!(head(last, Http11, 101, &list), want);
    for (version, keep_alive, want) in [
        (Http11, true, "Connection: upgrade\r\n"),
        (Http11, false, "Connection: close, upgrade\r\n"),
        (Http10, true, "Connection: keep-alive, upgrade\r\n"),
        (Http10, false, "Connection: close, upgrade\r\n"),
    ] {
        let plan = plan(false, version, keep_alive, 426, Known(0));
        let want = format!(
            "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\n{}Content-Length: 0\r\n{}\r\n",
            DATE, want
        );
        assert_eq!(head(plan, version, 426, &list), want);
    }
}

#[test]
fn a_field_that_would_end_its_line_is_invalid() {
    let mut plan = plan(false, Http11, true, 204, Known(0));
    for no_field in [
        ("A", "b\r\nSet-Cookie: c"),
        ("A", "b\nc"),
        ("A", "b\rc"),
        ("A", "b\0c"),
        ("A", "b\x7f"),
        ("A", "\x0bb"),
        ("A", "\u{b}\r\n\r\n<html>"),
        ("Location", "/\r"),
        ("Content-Length\r\nA", "b"),
        ("A: b\r\nC", "d"),
        ("", "a"),
        ("A B", "c"),
        ("A:", "b"),
        ("A\0", "b"),
        ("Ä", "b"),
        (" Content-Length", "5"),
        ("Content-Length ", "5"),
        ("Transfer-Encoding:", "chunked"),
        ("Connection", "close\r\nA: b"),
        ("Date", "a\r\nb"),
    ] {
        assert!(!is_field(no_field.0, no_field.1), "{:?}", no_field);
        for list in [[no_field, ("A", "b")], [("A", "b"), no_field]] {
            let (mut out, list) = (Vec::new(), headers(&list));
            let sent = response_head(&mut out, &mut plan, Http11, 204, &list, &imf_fixdate(0));
            assert!(!sent, "{:?}", list);
        }
    }
    let list = [
        ("A", ""),
        ("B", " c\td "),
        ("C", "grün"),
        ("D", "\u{85}\u{2028}"),
    ];
    let want = format!(
        "HTTP/1.1 204 No Content\r\nA: \r\nB:  c\td \r\nC: grün\r\nD: \u{85}\u{2028}\r\n{}\r\n",
        DATE
    );
    assert_eq!(head(plan, Http11, 204, &list), want);
}

#[test]
fn no_field_of_a_handler_adds_a_line_or_a_length() {
    let mut random = Random::seeded(5785);
    let text = |random: &mut Random, sample: &[u8]| {
        let bytes = random.mutate(sample);
        Cow::Owned(bytes.into_iter().map(char::from).collect::<String>())
    };
    let mut fields = 0;
    for _ in 0..5_000 {
        let name = text(&mut random, b"Content-Length");
        let value = text(&mut random, b"a b");
        let mut usual = plan(false, Http11, true, 200, Known(3));
        let mut out = Vec::new();
        let is_one = is_field(&name, &value);
        let list = [(name, value)];
        let sent = response_head(&mut out, &mut usual, Http11, 200, &list, &imf_fixdate(0));
        assert_eq!(sent, is_one, "{:?}", list);
        if !sent {
            continue;
        }
        fields += 1;
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.split("\r\n").collect();
        assert!(lines.len() == 5 || lines.len() == 6, "{:?}", out);
        assert!(lines
            .iter()
            .all(|line| !line.contains(|c: char| c < ' ' && c != '\t')));
        let lengths = lines
            .iter()
            .filter(|line| line.to_lowercase().starts_with("content-length:"));
        assert_eq!(lengths.collect::<Vec<_>>(), [&"Content-Length: 3"]);
    }
    assert!((500..4_500).contains(&fields), "{} of either kind", fields);
}
