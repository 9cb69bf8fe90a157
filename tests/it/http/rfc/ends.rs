//! A client that ends its side (RFC 9112 §8, §9.5): after a whole request it gets the response, in
//! the middle of one it gets a 400.

use super::{cases, check, Case, Demand, Ends, May, Must, Row};

#[rustfmt::skip]
pub const DEMANDS: &[Demand] = &[
    ("9112 §8", May, "an error is answered to a request that was cut short",
     &["a method", "half of HEAD", "a head without its last LF", "half of a body",
       "a chunked body without its last chunk", "one without its last LF"]),
    ("9112 §8", Must, "a body is whole only at its end",
     &["a head and no body", "half of a body", "half of a chunk",
       "a chunked body without its last chunk", "half of a body that waits for 100",
       "http::responses::a_body_that_cannot_be_finished_is_seen_to_be_cut()"]),
    ("9112 §9.6", Must, "a client that ends its side gets the answers to what it asked",
     &["nothing", "a whole request", "two whole requests", "a whole body"]),
];

pub fn rows() -> Vec<Case> {
    cases(b"", ENDS, b"")
}

#[test]
fn half_closed() {
    check(&rows());
}

#[rustfmt::skip]
const ENDS: &[Row] = &[
    ("9112 §9.6", "nothing", b"", &[], Ends),
    ("9112 §9.6", "an empty line alone", b"\r\n", &[], Ends),
    ("9112 §9.6", "two of them", b"\r\n\r\n", &[], Ends),
    ("9112 §9.6", "half of an empty line", b"\r", &[], Ends),
    ("9112 §9.6", "a whole request", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", &["200 GET / h "], Ends),
    ("9112 §9.6", "a whole request and an empty line",
     b"GET / HTTP/1.1\r\nHost: h\r\n\r\n\r\n", &["200 GET / h "], Ends),
    ("9112 §9.6", "a whole body",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab", &["200 POST / h ab"], Ends),
    ("9112 §9.6", "a whole body and an empty line",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n", &["200 POST / h ab"], Ends),
    ("9112 §9.6", "two whole requests",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 GET /1 h ", "200 GET /2 h "], Ends),
    ("9112 §8", "one and a half",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHo", &["200 GET /1 h ", "400"], Ends),
    ("9112 §8", "a method", b"GET", &["400"], Ends),
    ("9112 §8", "a method and a target", b"GET /", &["400"], Ends),
    ("9112 §8", "a request line", b"GET / HTTP/1.1\r\n", &["400"], Ends),
    ("9112 §8", "half of a request line of 1.0", b"GET / HTTP/1.0", &["400"], Ends),
    ("9112 §8", "a head without its last line", b"GET / HTTP/1.1\r\nHost: h\r\n", &["400"], Ends),
    ("9112 §8", "a head without its last LF", b"GET / HTTP/1.1\r\nHost: h\r\n\r", &["400"], Ends),
    ("9112 §8", "half of HEAD", b"HEAD / HTTP/1.1\r\nHo", &["HEAD 400"], Ends),
    ("9112 §8", "a head and no body",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", &["400 UnexpectedEof"], Ends),
    ("9112 §8", "half of a body",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel", &["400 UnexpectedEof"], Ends),
    ("9112 §8", "half of a body that waits for 100",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhel",
     &["400 UnexpectedEof"], Ends),
    ("9112 §8", "a chunked body without its last chunk",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
     &["400 UnexpectedEof"], Ends),
    ("9112 §8", "one without its last line",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
     &["400 UnexpectedEof"], Ends),
    ("9112 §8", "one without its last LF",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r",
     &["400 UnexpectedEof"], Ends),
    ("9112 §8", "half of a chunk",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
     &["400 UnexpectedEof"], Ends),
];
