//! The chunked coding of a request, its extensions and its trailer section (RFC 9112 §7.1).

use super::{cases, check, Case, Closes, Demand, May, Must, Row, Stays};

#[rustfmt::skip]
pub const DEMANDS: &[Demand] = &[
    ("9110 §5.6.3", Must, "bad white space is read over, where the grammar has it",
     &["blanks around them @ 9112 §7.1.1"]),
    ("9110 §6.5.1", Must, "no trailer field is taken for one of the head",
     &["trailer fields that would frame change nothing @ 9112 §7.1.2"]),
    ("9112 §6.1", Must, "the chunked coding is understood",
     &["GET may be chunked", "so may HEAD", "a coding that Connection names still frames"]),
    ("9112 §6.1", Must, "a coding in HTTP/1.0 is a broken message, and closes",
     &["1.0 has no codings", "nor with a length"]),
    ("9112 §7.1", Must, "chunked is decoded",
     &["one chunk", "two chunks", "none", "leading zeros", "a size in capitals",
       "a size in lower case", "CRLF in a chunk", "what looks like the end in a chunk",
       "what follows the end is the next request"]),
    ("9112 §7.1", Must, "a size is 1*HEXDIG, however large",
     &["a plus", "a minus", "0x", "an underscore", "SP before", "SP behind", "SP inside", "no size",
       "16 digits", "17 digits", "64 bits and around again",
       "wire::body::chunked::a_size_beyond_the_limit_is_rejected_before_its_data()"]),
    ("9112 §7.1", Must, "each line and each chunk ends in CRLF",
     &["LF behind the size", "CR behind the size", "LF behind the chunk", "CR behind the chunk",
       "nothing behind the chunk", "a chunk longer than its size",
       "a chunk shorter than its size", "LF behind the last size", "LF for the end"]),
    ("9112 §7.1.1", Must, "extensions that nobody knows are passed over",
     &["an extension", "one with a value", "several", "blanks around them", "a quoted value",
       "quoted `;` and `\"`"]),
    ("9112 §7.1.1", Must, "an extension has its grammar",
     &["an empty extension", "two semicolons", "an extension without its value",
       "an extension without its name", "a quote that does not end", "LF in an extension",
       "LF in an extension, CRLF behind it", "CR in an extension", "NUL in an extension",
       "CRLF in a quoted value"]),
    ("9112 §7.1.2", May, "a trailer section is dropped",
     &["a trailer field", "several trailer fields",
       "trailer fields that would frame change nothing"]),
    ("9112 §7.1.2", Must, "it has the grammar of fields",
     &["a trailer line without a colon", "a trailer field without a name",
       "SP before a trailer's colon", "SP before a trailer's name", "a folded trailer",
       "LF behind a trailer", "CR in a trailer", "NUL in a trailer", "NUL in a trailer's name",
       "a request for a trailer"]),
];

pub fn rows() -> Vec<Case> {
    let good = GOOD.iter().map(|&(section, name, body, read)| {
        let told = format!("200 POST / h {read}");
        Case::new(section, name, request(body), &[&told], Stays)
    });
    let bad = BAD
        .iter()
        .map(|&(section, name, body)| Case::new(section, name, request(body), &["400"], Closes));
    let codings = ["chunked", "Chunked", "CHUNKED", "\tchunked \t"]
        .iter()
        .map(|name| {
            let head = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {name}\r\n\r\n");
            let bytes = head + "5\r\nhello\r\n0\r\n\r\n";
            Case::new("9112 §7", name, bytes, &["200 POST / h hello"], Stays)
        });
    let mut rows = cases(b"", WHOLE, b"");
    rows.extend(good.chain(bad).chain(codings));
    rows
}

#[test]
fn bodies() {
    check(&rows());
}

fn request(body: &[u8]) -> Vec<u8> {
    let head = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    [&head[..], body].concat()
}

#[rustfmt::skip]
const WHOLE: &[Row] = &[
    ("9112 §7.1", "what follows the end is the next request",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n\
       POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nb\r\n0\r\nA: b\r\n\r\n\
       GET /3 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 POST / h a", "200 POST / h b", "200 GET /3 h "], Stays),
    ("9112 §6.1", "1.0 has no codings",
     b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
     &["400"], Closes),
    ("9112 §6.1", "nor with a length",
     b"POST / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\
       Transfer-Encoding: chunked\r\n\r\nhello", &["400"], Closes),
    ("9112 §6.1", "a coding that Connection names still frames",
     b"POST / HTTP/1.1\r\nHost: h\r\nConnection: transfer-encoding\r\n\
       Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     &["200 POST / h a"], Stays),
    ("9112 §6.1", "GET may be chunked",
     b"GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     &["200 GET / h a"], Stays),
    ("9112 §6.1", "so may HEAD",
     b"HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
     &["HEAD 200"], Stays),
];

/// Body, and the bytes that the handler reads.
#[rustfmt::skip]
const GOOD: &[(&str, &str, &[u8], &str)] = &[
    ("9112 §7.1", "one chunk", b"5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1", "two chunks", b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1", "none", b"0\r\n\r\n", ""),
    ("9112 §7.1", "a size in capitals", b"A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("9112 §7.1", "a size in lower case", b"a\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ("9112 §7.1", "leading zeros", b"0005\r\nhello\r\n000\r\n\r\n", "hello"),
    ("9112 §7.1", "16 digits", b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"),
    ("9112 §7.1", "CRLF in a chunk", b"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"),
    ("9112 §7.1", "what looks like the end in a chunk",
     b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n"),
    ("9112 §7.1.1", "an extension", b"5;a\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.1", "one with a value", b"5;a=b\r\nhello\r\n0;c=d\r\n\r\n", "hello"),
    ("9112 §7.1.1", "several", b"5;a=b;c;d=e\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.1", "blanks around them", b"5 ; a = b ;\tc\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.1", "a quoted value", b"5;a=\"b c\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.1", "quoted `;` and `\"`", b"5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.1", "an empty quoted value", b"5;a=\"\"\r\nhello\r\n0\r\n\r\n", "hello"),
    ("9112 §7.1.2", "a trailer field", b"5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello"),
    ("9112 §7.1.2", "several trailer fields",
     b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\nD: \xff\r\n\r\n", "hello"),
    ("9112 §7.1.2", "trailer fields that would frame change nothing",
     b"5\r\nhello\r\n0\r\nContent-Length: 7\r\nTransfer-Encoding: x\r\nHost: x\r\n\r\n", "hello"),
];

#[rustfmt::skip]
const BAD: &[(&str, &str, &[u8])] = &[
    ("9112 §7.1", "no size", b"\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "an extension and no size", b";a\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a plus", b"+5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a minus", b"-5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "minus zero", b"-0\r\n\r\n"),
    ("9112 §7.1", "0x", b"0x5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "0X", b"0X5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "x", b"x5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a letter that is no digit", b"g\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a letter behind the digits", b"5g\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "an underscore", b"0_5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a dot", b"5.0\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a comma", b"5,5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "quotes", b"\"5\"\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a full-width digit", "\u{ff15}\r\nhello\r\n0\r\n\r\n".as_bytes()),
    ("9112 §7.1", "SP before", b" 5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "HTAB before", b"\t5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "SP behind", b"5 \r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "HTAB behind", b"5\t\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "SP inside", b"0 5\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "VT behind", b"5\x0b\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "NUL behind", b"5\0\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "NUL before", b"\x005\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "17 digits", b"00000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "64 bits and around again", b"10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "LF behind the size", b"5\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "CR behind the size", b"5\rhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "CR CR LF behind the size", b"5\r\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "LF behind the chunk", b"5\r\nhello\n0\r\n\r\n"),
    ("9112 §7.1", "CR behind the chunk", b"5\r\nhello\r0\r\n\r\n"),
    ("9112 §7.1", "nothing behind the chunk", b"5\r\nhello0\r\n\r\n"),
    ("9112 §7.1", "a chunk longer than its size", b"4\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "a chunk shorter than its size", b"6\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1", "two CRLF behind the chunk", b"5\r\nhello\r\n\r\n0\r\n\r\n"),
    ("9112 §7.1", "a blank behind the chunk", b"5\r\nhello \r\n0\r\n\r\n"),
    ("9112 §7.1", "LF behind the last size", b"5\r\nhello\r\n0\n\r\n"),
    ("9112 §7.1", "LF for the end", b"5\r\nhello\r\n0\r\n\n"),
    ("9112 §7.1", "CR for the end", b"5\r\nhello\r\n0\r\n\rX"),
    ("9112 §7.1.1", "an empty extension", b"5;\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "two semicolons", b"5;;a\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "an extension without its value", b"5;a=\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "an extension without its name", b"5;=b\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "a quote that does not end", b"5;a=\"b\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "something behind a quoted value", b"5;a=\"b\"c\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "LF in an extension", b"5;a\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "LF in an extension, CRLF behind it", b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "CR in an extension", b"5;a\rb\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "CR in a quoted value", b"5;a=\"\rb\"\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "LF in a quoted value", b"5;a=\"\nb\"\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "CRLF in a quoted value", b"5;a=\"\r\nb\"\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "NUL in an extension", b"5;a\0\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "a byte above ASCII in an extension", b"5;\xff\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "`(` in an extension", b"5;a(b\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.1", "an extension without its semicolon", b"5 a\r\nhello\r\n0\r\n\r\n"),
    ("9112 §7.1.2", "a trailer line without a colon", b"0\r\nA\r\n\r\n"),
    ("9112 §7.1.2", "a trailer field without a name", b"0\r\n: b\r\n\r\n"),
    ("9112 §7.1.2", "SP before a trailer's colon", b"0\r\nA : b\r\n\r\n"),
    ("9112 §7.1.2", "SP before a trailer's name", b"0\r\n A: b\r\n\r\n"),
    ("9112 §7.1.2", "a folded trailer", b"0\r\nA: b\r\n c\r\n\r\n"),
    ("9112 §7.1.2", "LF behind a trailer", b"0\r\nA: b\n\r\n"),
    ("9112 §7.1.2", "CR in a trailer", b"0\r\nA: b\rc\r\n\r\n"),
    ("9112 §7.1.2", "NUL in a trailer", b"0\r\nA: \0\r\n\r\n"),
    ("9112 §7.1.2", "NUL in a trailer's name", b"0\r\nA\0: b\r\n\r\n"),
    ("9112 §7.1.2", "a request for a trailer", b"0\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n"),
];
