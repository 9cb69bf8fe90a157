//! The chunked coding of a request, its extensions and its trailer section (RFC 9112 §7.1).

use super::{check, Closes, Row, Stays};

#[test]
fn bodies() {
    for &(name, body, want) in GOOD {
        let bytes = request(body);
        let told = format!("200 POST / h {want}");
        check(&[("9112 §7.1", name, &bytes, &[&told], Stays)]);
    }
}

#[test]
fn bodies_that_are_refused() {
    for &(name, body) in BAD {
        let bytes = request(body);
        check(&[("9112 §7.1", name, &bytes, &["400"], Closes)]);
    }
}

#[test]
fn what_follows_a_chunked_body_is_the_next_request() {
    let two = [
        request(b"1\r\na\r\n0\r\n\r\n"),
        request(b"1\r\nb\r\n0\r\nA: b\r\n\r\n"),
        b"GET /3 HTTP/1.1\r\nHost: h\r\n\r\n".to_vec(),
    ]
    .concat();
    let answers = ["200 POST / h a", "200 POST / h b", "200 GET /3 h "];
    let rows: &[Row] = &[("9112 §7.1", "three requests", &two, &answers, Stays)];
    check(rows);
}

#[test]
fn coding_names() {
    for name in ["chunked", "Chunked", "CHUNKED", "\tchunked \t"] {
        let bytes = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {name}\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        );
        let answers = ["200 POST / h hello"];
        check(&[("9112 §7", name, bytes.as_bytes(), &answers, Stays)]);
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    check(&[("9112 §6.1", "1.0 has no codings", old, &["400"], Closes)]);
}

fn request(body: &[u8]) -> Vec<u8> {
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    [&head[..], body].concat()
}

/// Body, and what the handler reads of it.
#[rustfmt::skip]
const GOOD: &[(&str, &[u8], &str)] = &[
    ("one chunk", b"5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("two chunks", b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"),
    ("none", b"0\r\n\r\n", ""),
    ("a size in capitals", b"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("a size in lower case", b"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("leading zeros", b"0005\r\nhello\r\n000\r\n\r\n", "hello"),
    ("16 digits", b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"),
    ("CRLF in a chunk", b"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
    ("what looks like the end in a chunk", b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"),
    ("an extension", b"5;a\r\nhello\r\n0\r\n\r\n", "hello"),
    ("one with a value", b"5;a=b\r\nhello\r\n0;c=d\r\n\r\n", "hello"),
    ("several", b"5;a=b;c;d=e\r\nhello\r\n0\r\n\r\n", "hello"),
    ("blanks around them", b"5 ; a = b ;\tc\r\nhello\r\n0\r\n\r\n", "hello"),
    ("a quoted value", b"5;a=\"b c\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("quoted `;` and `\"`", b"5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("an empty quoted value", b"5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("a trailer field", b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello"),
    ("several trailer fields", b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\nD: \xff\r\n\r\n", "hello"),
    ("trailer fields that would frame change nothing",
     b"5\r\nhello\r\n0\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\nHost: x\r\n\r\n", "hello"),
];

#[rustfmt::skip]
const BAD: &[(&str, &[u8])] = &[
    ("no size", b"\r\nhello\r\n0\r\n\r\n"),
    ("an extension and no size", b";a\r\nhello\r\n0\r\n\r\n"),
    ("a plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("a minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("minus zero", b"-0\r\n\r\n"),
    ("0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("0X", b"0X5\r\nhello\r\n0\r\n\r\n"),
    ("x", b"x5\r\nhello\r\n0\r\n\r\n"),
    ("a letter that is no digit", b"g\r\nhello\r\n0\r\n\r\n"),
    ("a letter behind the digits", b"5g\r\nhello\r\n0\r\n\r\n"),
    ("an underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    ("a dot", b"5.0\r\nhello\r\n0\r\n\r\n"),
    ("a comma", b"5,5\r\nhello\r\n0\r\n\r\n"),
    ("quotes", b"\"5\"\r\nhello\r\n0\r\n\r\n"),
    ("a full-width digit", "\u{ff15}\r\nhello\r\n0\r\n\r\n".as_bytes()),
    ("SP before", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("HTAB before", b"\t5\r\nhello\r\n0\r\n\r\n"),
    ("SP behind", b"5 \r\nhello\r\n0\r\n\r\n"),
    ("HTAB behind", b"5\t\r\nhello\r\n0\r\n\r\n"),
    ("SP inside", b"0 5\r\nhello\r\n0\r\n\r\n"),
    ("VT behind", b"5\x0b\r\nhello\r\n0\r\n\r\n"),
    ("NUL behind", b"5\0\r\nhello\r\n0\r\n\r\n"),
    ("NUL before", b"\x005\r\nhello\r\n0\r\n\r\n"),
    ("17 digits", b"00000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("64 bits and around again", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("LF behind the size", b"5\nhello\r\n0\r\n\r\n"),
    ("CR behind the size", b"5\rhello\r\n0\r\n\r\n"),
    ("CR CR LF behind the size", b"5\r\r\nhello\r\n0\r\n\r\n"),
    ("LF behind the chunk", b"5\r\nhello\n0\r\n\r\n"),
    ("CR behind the chunk", b"5\r\nhello\r0\r\n\r\n"),
    ("nothing behind the chunk", b"5\r\nhello0\r\n\r\n"),
    ("a chunk longer than its size", b"4\r\nhello\r\n0\r\n\r\n"),
    ("a chunk shorter than its size", b"6\r\nhello\r\n0\r\n\r\n"),
    ("two CRLF behind the chunk", b"5\r\nhello\r\n\r\n0\r\n\r\n"),
    ("a blank behind the chunk", b"5\r\nhello \r\n0\r\n\r\n"),
    ("LF behind the last size", b"5\r\nhello\r\n0\n\r\n"),
    ("LF for the end", b"5\r\nhello\r\n0\r\n\n"),
    ("CR for the end", b"5\r\nhello\r\n0\r\n\rX"),
    ("an empty extension", b"5;\r\nhello\r\n0\r\n\r\n"),
    ("two semicolons", b"5;;a\r\nhello\r\n0\r\n\r\n"),
    ("an extension without its value", b"5;a=\r\nhello\r\n0\r\n\r\n"),
    ("an extension without its name", b"5;=b\r\nhello\r\n0\r\n\r\n"),
    ("a quote that does not end", b"5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    ("something behind a quoted value", b"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"),
    ("LF in an extension", b"5;a\nhello\r\n0\r\n\r\n"),
    ("LF in an extension, CRLF behind it", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("CR in a quoted value", b"5;a=\"\rb\"\r\nhello\r\n0\r\n\r\n"),
    ("LF in a quoted value", b"5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n"),
    ("CRLF in a quoted value", b"5;a=\"\r\nb\"\r\nhello\r\n0\r\n\r\n"),
    ("NUL in an extension", b"5;a\0\r\nhello\r\n0\r\n\r\n"),
    ("a byte above ASCII in an extension", b"5;\xff\r\nhello\r\n0\r\n\r\n"),
    ("`(` in an extension", b"5;a(b\r\nhello\r\n0\r\n\r\n"),
    ("an extension without its semicolon", b"5 a\r\nhello\r\n0\r\n\r\n"),
    ("a trailer line without a colon", b"0\r\nA\r\n\r\n"),
    ("a trailer field without a name", b"0\r\n: b\r\n\r\n"),
    ("SP before a trailer's colon", b"0\r\nA : b\r\n\r\n"),
    ("SP before a trailer's name", b"0\r\n A: b\r\n\r\n"),
    ("a folded trailer", b"0\r\nA: b\r\n c\r\n\r\n"),
    ("LF behind a trailer", b"0\r\nA: b\n\r\n"),
    ("CR in a trailer", b"0\r\nA: b\rc\r\n\r\n"),
    ("NUL in a trailer", b"0\r\nA: \0\r\n\r\n"),
    ("NUL in a trailer's name", b"0\r\nA\0: b\r\n\r\n"),
    ("a request for a trailer", b"0\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"),
];
