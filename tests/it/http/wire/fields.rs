//! Field lines (RFC 9112 §5, RFC 9110 §5).

use super::{cases, check, Case, Closes, Row, Stays};

pub fn rows() -> Vec<Case> {
    let fields = cases(b"GET / HTTP/1.1\r\nHost: h\r\n", FIELDS, b"\r\n\r\n");
    [fields, cases(b"", FIRST, b"")].concat()
}

#[test]
fn field_lines() {
    check(&rows());
}

const OK: &[&str] = &["200 GET / h "];
const BAD: &[&str] = &["400"];

/// What stands between Host and the end of the head.
#[rustfmt::skip]
const FIELDS: &[Row] = &[
    ("9110 §5.5", "a value", b"A: b", OK, Stays),
    ("9112 §5", "no blank after the colon", b"A:b", OK, Stays),
    ("9110 §5.5", "no value", b"A:", OK, Stays),
    ("9110 §5.6.3", "blanks for a value", b"A: \t ", OK, Stays),
    ("9110 §5.6.3", "blanks around a value", b"A: \t b \t ", OK, Stays),
    ("9110 §5.5", "HTAB in a value", b"A: b\tc", OK, Stays),
    ("9110 §5.5", "colons in a value", b"A: b: c::", OK, Stays),
    ("9110 §5.5", "ISO-8859-1 in a value", b"A: gr\xfcn", OK, Stays),
    ("9110 §5.5", "UTF-8 in a value", "A: grün".as_bytes(), OK, Stays),
    ("9110 §5.5", "obs-text of all sorts", b"A: \x80\xff\xa0", OK, Stays),
    ("9110 §5.5", "every visible byte", b"A: !\"#$%&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~", OK, Stays),
    ("9110 §5.6.2", "every byte of a name", b"!#$%&'*+-.^_`|~09azAZ: b", OK, Stays),
    ("9110 §5.3", "a name twice", b"A: b\r\nA: c", OK, Stays),
    ("9110 §5.1", "an unknown one that looks like another", b"Content_Length: 5", OK, Stays),
    ("9112 §5.1", "SP before the colon", b"A : b", BAD, Closes),
    ("9112 §5.1", "HTAB before the colon", b"A\t: b", BAD, Closes),
    ("9112 §5.1", "SP before the colon of a length", b"Content-Length : 5", BAD, Closes),
    ("9112 §5.1", "SP before the colon of a coding", b"Transfer-Encoding : chunked", BAD, Closes),
    ("9112 §5.1", "VT before the colon of a coding",
     b"Transfer-Encoding\x0b: chunked", BAD, Closes),
    ("9112 §5.1", "NUL before the colon of a coding", b"Transfer-Encoding\0: chunked", BAD, Closes),
    ("9112 §5", "SP in a name", b"A B: c", BAD, Closes),
    ("9112 §5", "no name", b": b", BAD, Closes),
    ("9112 §5", "a colon alone", b":", BAD, Closes),
    ("9112 §5", "no colon", b"A", BAD, Closes),
    ("9112 §5", "no colon, and a field behind", b"A\r\nB: c", BAD, Closes),
    ("9112 §5", "a request line for a field", b"GET /x HTTP/1.1", BAD, Closes),
    ("9110 §5.1", "NUL in a name", b"A\0B: c", BAD, Closes),
    ("9110 §5.1", "a control in a name", b"A\x01: c", BAD, Closes),
    ("9110 §5.1", "DEL in a name", b"A\x7f: c", BAD, Closes),
    ("9110 §5.1", "ISO-8859-1 in a name", b"\xc4: c", BAD, Closes),
    ("9110 §5.1", "UTF-8 in a name", "Ä: c".as_bytes(), BAD, Closes),
    ("9110 §5.1", "NBSP after a name", b"A\xa0: c", BAD, Closes),
    ("9110 §5.1", "a quoted name", b"\"A\": b", BAD, Closes),
    ("9110 §5.1", "`/` in a name", b"A/B: c", BAD, Closes),
    ("9110 §5.1", "`=` in a name", b"A=B: c", BAD, Closes),
    ("9110 §5.1", "`(` in a name", b"A(: c", BAD, Closes),
    ("9110 §5.1", "`)` in a name", b"A): c", BAD, Closes),
    ("9110 §5.1", "`,` in a name", b"A,B: c", BAD, Closes),
    ("9110 §5.1", "`;` in a name", b"A;B: c", BAD, Closes),
    ("9110 §5.1", "`<` in a name", b"<A>: c", BAD, Closes),
    ("9110 §5.1", "`?` in a name", b"A?: c", BAD, Closes),
    ("9110 §5.1", "`@` in a name", b"A@B: c", BAD, Closes),
    ("9110 §5.1", "`[` in a name", b"[A]: c", BAD, Closes),
    ("9110 §5.1", "a backslash in a name", b"A\\B: c", BAD, Closes),
    ("9110 §5.1", "`{` in a name", b"{A}: c", BAD, Closes),
    ("9110 §5.5", "NUL in a value", b"A: b\0c", BAD, Closes),
    ("9110 §5.5", "NUL for a value", b"A: \0", BAD, Closes),
    ("9110 §5.5", "NUL after a value", b"A: b\0", BAD, Closes),
    ("9110 §5.5", "SOH in a value", b"A: b\x01", BAD, Closes),
    ("9110 §5.5", "BEL in a value", b"A: b\x07c", BAD, Closes),
    ("9110 §5.5", "BS in a value", b"A: b\x08c", BAD, Closes),
    ("9110 §5.5", "VT in a value", b"A: \x0bb", BAD, Closes),
    ("9110 §5.5", "FF in a value", b"A: b\x0c", BAD, Closes),
    ("9110 §5.5", "ESC in a value", b"A: \x1b[0m", BAD, Closes),
    ("9110 §5.5", "US in a value", b"A: b\x1fc", BAD, Closes),
    ("9110 §5.5", "DEL in a value", b"A: b\x7fc", BAD, Closes),
    ("9112 §2.2", "CR in a value", b"A: b\rc", BAD, Closes),
    ("9112 §2.2", "CR for a value", b"A:\rb", BAD, Closes),
    ("9112 §2.2", "CR at the end of a value", b"A: b\r", BAD, Closes),
    ("9112 §2.2", "CR and a field behind it", b"A: b\rContent-Length: 5", BAD, Closes),
    ("9112 §2.2", "LF and a field behind it", b"A: b\nContent-Length: 5", BAD, Closes),
    ("9112 §2.2", "LF and a coding behind it", b"A: b\nTransfer-Encoding: chunked", BAD, Closes),
    ("9112 §2.2", "LF CR behind a field", b"A: b\n\rB: c", BAD, Closes),
    ("9112 §2.2", "CR NUL LF", b"A: b\r\0\nB: c", BAD, Closes),
    ("9112 §2.2", "LF LF", b"A: b\n\nGET /x HTTP/1.1", BAD, Closes),
    ("9112 §2.2", "CR CR LF", b"A: b\r\r\nB: c", BAD, Closes),
    ("9112 §5.2", "obs-fold by SP", b"A: b\r\n c", BAD, Closes),
    ("9112 §5.2", "obs-fold by HTAB", b"A: b\r\n\tc", BAD, Closes),
    ("9112 §5.2", "obs-fold of nothing", b"A: b\r\n ", BAD, Closes),
    ("9112 §5.2", "obs-fold after no value", b"A:\r\n b", BAD, Closes),
    ("9112 §5.2", "obs-fold of a length", b"Content-Length:\r\n 5", BAD, Closes),
    ("9112 §5.2", "obs-fold of a coding", b"Transfer-Encoding:\r\n chunked", BAD, Closes),
    ("9112 §5.2", "obs-fold after a coding", b"Transfer-Encoding: chunked\r\n ", BAD, Closes),
    ("9112 §5.2", "a field after a blank", b"A: b\r\n Content-Length: 5", BAD, Closes),
    ("9112 §5.2", "VT before a name", b"A: b\r\n\x0bB: c", BAD, Closes),
];

#[rustfmt::skip]
const FIRST: &[Row] = &[
    ("9112 §2.2", "SP before the first field", b"GET / HTTP/1.1\r\n Host: h\r\n\r\n", BAD, Closes),
    ("9112 §2.2", "HTAB before the first field",
     b"GET / HTTP/1.1\r\n\tHost: h\r\n\r\n", BAD, Closes),
    ("9112 §2.2", "a line of blanks before the fields",
     b"GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n", BAD, Closes),
    ("9112 §2.2", "a folded request line",
     b"GET /\r\n HTTP/1.1\r\nHost: h\r\n\r\n", BAD, Closes),
    ("9112 §5", "HEAD is refused without a body",
     b"HEAD / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n", &["HEAD 400"], Closes),
    ("9112 §5", "HEAD without Host too", b"HEAD / HTTP/1.1\r\n\r\n", &["HEAD 400"], Closes),
];
