//! The request line: method, version and the blanks between them (RFC 9112 §2, §3).

use super::{check, Closes, Row, Stays};

#[test]
fn request_lines() {
    let bytes: Vec<Vec<u8>> = LINES.iter().map(|row| complete(row.2)).collect();
    let rows: Vec<Row> = LINES
        .iter()
        .zip(&bytes)
        .map(|(row, bytes)| (row.0, row.1, &bytes[..], row.3, row.4))
        .collect();
    check(&rows);
}

/// The rows hold what comes before `CRLF Host`.
fn complete(line: &[u8]) -> Vec<u8> {
    [line, b"\r\nHost: h\r\n\r\n"].concat()
}

#[test]
fn whole_heads() {
    check(HEADS);
}

#[rustfmt::skip]
const LINES: &[Row] = &[
    ("9112 §3", "a method, a target, a version", b"GET / HTTP/1.1", &["200 GET / h "], Stays),
    ("9112 §2.2", "an empty line before is passed over",
     b"\r\nGET / HTTP/1.1", &["200 GET / h "], Stays),
    ("9112 §2.2", "so are several", b"\r\n\r\n\r\nGET / HTTP/1.1", &["200 GET / h "], Stays),
    ("9112 §2.2", "LF before", b"\nGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "CR before", b"\rGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "CRLF LF before", b"\r\n\nGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "CR CRLF before", b"\r\r\nGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "a blank before", b" GET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "HTAB before", b"\tGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "a line of blanks before", b" \r\nGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "a byte order mark before", b"\xef\xbb\xbfGET / HTTP/1.1", &["400"], Closes),
    ("9112 §2.2", "NUL before", b"\0GET / HTTP/1.1", &["400"], Closes),
    ("9112 §3", "two blanks after the method", b"GET  / HTTP/1.1", &["400"], Closes),
    ("9112 §3", "HTAB after the method", b"GET\t/ HTTP/1.1", &["400"], Closes),
    ("9112 §3", "HTAB behind the blank", b"GET \t/ HTTP/1.1", &["400"], Closes),
    ("9112 §3", "two blanks before the version", b"GET /  HTTP/1.1", &["400"], Closes),
    ("9112 §3", "HTAB before the version", b"GET /\tHTTP/1.1", &["400"], Closes),
    ("9112 §3", "VT before the version", b"GET /\x0bHTTP/1.1", &["400"], Closes),
    ("9112 §3", "FF before the version", b"GET /\x0cHTTP/1.1", &["400"], Closes),
    ("9112 §3", "NBSP before the version", b"GET /\xa0HTTP/1.1", &["400"], Closes),
    ("9112 §3", "CR for a blank", b"GET\r/ HTTP/1.1", &["400"], Closes),
    ("9112 §3", "NUL for a blank", b"GET\0/ HTTP/1.1", &["400"], Closes),
    ("9112 §3", "a blank after the version", b"GET / HTTP/1.1 ", &["400"], Closes),
    ("9112 §3", "HTAB after the version", b"GET / HTTP/1.1\t", &["400"], Closes),
    ("9112 §3", "a word after the version", b"GET / HTTP/1.1 x", &["400"], Closes),
    ("9112 §3", "NUL after the version", b"GET / HTTP/1.1\0", &["400"], Closes),
    ("9112 §3", "CR CRLF after the version", b"GET / HTTP/1.1\r", &["400"], Closes),
    ("9112 §2.2", "LF for the end of the line", b"GET / HTTP/1.1\nA: b", &["400"], Closes),
    ("9112 §2.2", "CR for the end of the line", b"GET / HTTP/1.1\rA: b", &["400"], Closes),
    ("9112 §3", "no target", b"GET HTTP/1.1", &["400"], Closes),
    ("9112 §3", "an empty target", b"GET  HTTP/1.1", &["400"], Closes),
    ("9112 §3", "no method", b"/ HTTP/1.1", &["400"], Closes),
    ("9112 §3", "a method alone", b"GET", &["400"], Closes),
    ("9112 §3", "four words", b"GET / / HTTP/1.1", &["400"], Closes),
    ("9112 §3", "a blank in the target", b"GET /a b HTTP/1.1", &["400"], Closes),
    ("9112 §3", "a quoted target", b"GET \"/\" HTTP/1.1", &["400"], Closes),

    ("9110 §9.1", "a method that nobody knows is the handler's",
     b"M-SEARCH / HTTP/1.1", &["200 M-SEARCH / h "], Stays),
    ("9110 §9.1", "methods heed case", b"get / HTTP/1.1", &["200 get / h "], Stays),
    ("9110 §9.1", "mixed case too", b"Get / HTTP/1.1", &["200 Get / h "], Stays),
    ("9110 §5.6.2", "every byte of a token",
     b"!#$%&'*+-.^_`|~0aZ / HTTP/1.1", &["200 !#$%&'*+-.^_`|~0aZ / h "], Stays),
    ("9110 §9.1", "digits are a token", b"123 / HTTP/1.1", &["200 123 / h "], Stays),
    ("9110 §9.1", "a colon in the method", b"GE:T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "a slash in the method", b"GE/T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`(` in the method", b"GE(T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`[` in the method", b"[GET] / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`{` in the method", b"{GET} / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`<` in the method", b"<GET / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`=` in the method", b"GET=1 / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`@` in the method", b"G@T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "`,` in the method", b"GET,POST / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "a quote in the method", b"G\"ET / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "a backslash in the method", b"G\\ET / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "NUL in the method", b"GE\0T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "DEL in the method", b"GE\x7fT / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "BEL in the method", b"GE\x07T / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "ISO-8859-1 in the method", b"G\xcaT / HTTP/1.1", &["400"], Closes),
    ("9110 §9.1", "UTF-8 in the method", "GÊT / HTTP/1.1".as_bytes(), &["400"], Closes),
    ("9112 §3.1", "a method of 64 bytes",
     b"AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD / HTTP/1.1",
     &["200 AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD / h "], Stays),
    ("9112 §3", "a method longer than any implemented one",
     b"AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDDE / HTTP/1.1",
     &["501"], Closes),
    ("9110 §9.3.8", "TRACE is not implemented", b"TRACE / HTTP/1.1", &["501"], Closes),
    ("9110 §9.3.6", "CONNECT is not implemented", b"CONNECT a:443 HTTP/1.1", &["501"], Closes),
    ("9112 §3.2.3", "CONNECT to a path", b"CONNECT / HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.3", "CONNECT to a URL", b"CONNECT http://a/ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.3", "CONNECT to no host", b"CONNECT :443 HTTP/1.1", &["400"], Closes),

    ("9112 §2.3", "1.0 closes", b"GET / HTTP/1.0", &["200 GET / h "], Closes),
    ("9110 §2.5", "1.2 is read as 1.1", b"GET / HTTP/1.2", &["200 GET / h "], Stays),
    ("9110 §2.5", "1.9 is read as 1.1", b"GET / HTTP/1.9", &["200 GET / h "], Stays),
    ("9110 §15.6.6", "2.0", b"GET / HTTP/2.0", &["505"], Closes),
    ("9110 §15.6.6", "3.0", b"GET / HTTP/3.0", &["505"], Closes),
    ("9110 §15.6.6", "0.9", b"GET / HTTP/0.9", &["505"], Closes),
    ("9110 §15.6.6", "9.9", b"GET / HTTP/9.9", &["505"], Closes),
    ("9110 §15.6.6", "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n", &["505"], Closes),
    ("9112 §2.3", "no version, as in 0.9", b"GET /", &["400"], Closes),
    ("9112 §2.3", "no version, but the blank", b"GET / ", &["400"], Closes),
    ("9112 §2.3", "one digit", b"GET / HTTP/1", &["400"], Closes),
    ("9112 §2.3", "no minor digit", b"GET / HTTP/1.", &["400"], Closes),
    ("9112 §2.3", "no major digit", b"GET / HTTP/.1", &["400"], Closes),
    ("9112 §2.3", "a two-digit minor", b"GET / HTTP/1.10", &["400"], Closes),
    ("9112 §2.3", "a two-digit major", b"GET / HTTP/11.1", &["400"], Closes),
    ("9112 §2.3", "a leading zero", b"GET / HTTP/01.1", &["400"], Closes),
    ("9112 §2.3", "three digits", b"GET / HTTP/1.1.1", &["400"], Closes),
    ("9112 §2.3", "a comma for the dot", b"GET / HTTP/1,1", &["400"], Closes),
    ("9112 §2.3", "a letter for a digit", b"GET / HTTP/1.x", &["400"], Closes),
    ("9112 §2.3", "a sign", b"GET / HTTP/+1.1", &["400"], Closes),
    ("9112 §2.3", "a blank in the version", b"GET / HTTP/ 1.1", &["400"], Closes),
    ("9112 §2.3", "a blank for the slash", b"GET / HTTP 1.1", &["400"], Closes),
    ("9112 §2.3", "http in lower case", b"GET / http/1.1", &["400"], Closes),
    ("9112 §2.3", "Http", b"GET / Http/1.1", &["400"], Closes),
    ("9112 §2.3", "HTTPS", b"GET / HTTPS/1.1", &["400"], Closes),
    ("9112 §2.3", "HTP", b"GET / HTP/1.1", &["400"], Closes),
    ("9112 §2.3", "another protocol", b"OPTIONS / RTSP/1.0", &["400"], Closes),
    ("9112 §2.3", "another of the time", b"SOURCE / ICE/1.0", &["400"], Closes),
];

#[rustfmt::skip]
const HEADS: &[Row] = &[
    ("9112 §2.3", "a TLS hello",
     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", &["400"], Closes),
    ("9112 §2.3", "an SSH banner", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", &["400"], Closes),
    ("9112 §2.3", "a PROXY line", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n\r\n", &["400"], Closes),
    ("9112 §2.3", "a response", b"HTTP/1.1 200 OK\r\n\r\n", &["400"], Closes),
    ("9112 §2.2", "LF throughout", b"GET / HTTP/1.1\nHost: h\n\n", &["400"], Closes),
    ("9112 §2.2", "CR throughout", b"GET / HTTP/1.1\rHost: h\r\r", &["400"], Closes),
    ("9112 §2.2", "LF for the last line", b"GET / HTTP/1.1\r\nHost: h\r\n\n", &["400"], Closes),
    ("9112 §2.2", "CR LF LF", b"GET / HTTP/1.1\r\nHost: h\n\r\n", &["400"], Closes),
    ("9112 §2.2", "CR for the last line", b"GET / HTTP/1.1\r\nHost: h\r\n\rX", &["400"], Closes),
    ("9112 §2.2", "LF CR", b"GET / HTTP/1.1\n\rHost: h\n\r\n\r", &["400"], Closes),
    ("9112 §6", "pipelined, in order",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n\
       GET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 GET /1 h ", "200 GET /2 h ", "200 GET /3 h "], Stays),
    ("9112 §2.2", "an empty line between requests",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 GET /1 h ", "200 GET /2 h "], Stays),
    ("9112 §2.2", "an empty line after the last one",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n\r\n", &["200 GET /1 h "], Stays),
    ("9112 §2.2", "two after a body",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab\r\n\r\n",
     &["200 POST / h ab"], Stays),
    ("9112 §9.3.2", "what came before a bad one is answered",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost : h\r\n\r\n",
     &["200 GET /1 h ", "400"], Closes),
    ("9112 §9.3.2", "and nothing behind it",
     b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 GET /1 h ", "400"], Closes),
];
