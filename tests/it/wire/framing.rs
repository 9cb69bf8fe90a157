//! Where a body begins and ends: Content-Length and Transfer-Encoding (RFC 9112 §6, RFC 9110 §8.6).

use super::{check, Closes, Row, Stays};

#[test]
fn lengths() {
    check(LENGTHS);
}

#[test]
fn lengths_that_are_none() {
    for &(name, value) in BAD_LENGTHS {
        let fields = [b"Content-Length:", value].concat();
        refused("9110 §8.6", name, &fields, "400");
    }
}

#[test]
fn codings_that_are_not_chunked() {
    for &(name, fields, want) in BAD_CODINGS {
        refused("9112 §6.1", name, fields, want);
    }
}

/// A POST whose body looks like a request to whoever reads on.
fn refused(section: &str, name: &str, fields: &[u8], want: &str) {
    let bytes = [
        b"POST / HTTP/1.1\r\nHost: h\r\n",
        fields,
        b"\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    ]
    .concat();
    check(&[(section, name, &bytes, &[want], Closes)]);
}

#[rustfmt::skip]
const LENGTHS: &[Row] = &[
    ("9112 §6.3", "a body of that length",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §8.6", "blanks around it",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \t5 \t\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §8.6", "no blank before it",
     b"POST / HTTP/1.1\r\nHost: h\r\ncontent-length:5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §8.6", "leading zeros",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0005\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §8.6", "more of them than a number has digits",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 00000000000000000000000005\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9112 §6.3", "0",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", &["200 POST / h "], Stays),
    ("9112 §6.3", "none is 0", b"POST / HTTP/1.1\r\nHost: h\r\n\r\n", &["200 POST / h "], Stays),
    ("9110 §9.3.1", "GET may have a body",
     b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &["200 GET / h hello"], Stays),
    ("9110 §9.3.2", "so may HEAD",
     b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &["HEAD 200"], Stays),
    ("9110 §9.3.5", "so may DELETE",
     b"DELETE / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
     &["200 DELETE / h hello"], Stays),
    ("9110 §9.3.7", "so may OPTIONS",
     b"OPTIONS * HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
     &["200 OPTIONS * h hello"], Stays),
    ("9112 §6.3", "so may any method",
     b"FOO / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", &["200 FOO / h hello"], Stays),
    ("9112 §6.3", "what looks like a request in a body is a body",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\nGET /x HTTP/1.1\r\n\r\n\r\n",
     &["200 POST / h GET /x HTTP/1.1\r\n\r\n\r\n"], Stays),
    ("9112 §6.3", "bytes behind a body are the next request",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\
       GET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
     &["200 POST / h hello", "200 GET /2 h "], Stays),
    ("9112 §6.3", "junk behind a body is a bad request",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello(junk)\r\n\r\n",
     &["200 POST / h hello", "400"], Closes),
    ("9112 §6.3", "NUL in a body is a byte",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na\0b", &["200 POST / h a\0b"], Stays),
    ("9112 §6.3", "1.0 with a length",
     b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", &["200 POST / - hello"], Closes),
    ("9112 §6.3", "1.0 without a length has no body",
     b"POST / HTTP/1.0\r\nHost: h\r\n\r\nhello", &["200 POST / h "], Closes),
    ("9112 §6.3", "1.1 without one neither, and what follows is no request",
     b"POST / HTTP/1.1\r\nHost: h\r\n\r\n{hello}", &["200 POST / h ", "400"], Closes),
    ("9110 §7.6.1", "a length that Connection names still frames",
     b"POST / HTTP/1.1\r\nHost: h\r\nConnection: content-length\r\nContent-Length: 5\r\n\r\nhello",
     &["200 POST / h hello"], Stays),
    ("9110 §15.5.14", "a length beyond the limit",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\nhello",
     &["413"], Closes),
    ("9110 §15.5.14", "the greatest that 64 bits can say",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 18446744073709551615\r\n\r\nhello",
     &["413"], Closes),
    ("9110 §15.5.14", "for HEAD",
     b"HEAD / HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000000000000000\r\n\r\n",
     &["HEAD 413"], Closes),
];

/// Behind `Content-Length:`.
#[rustfmt::skip]
const BAD_LENGTHS: &[(&str, &[u8])] = &[
    ("empty", b""),
    ("blanks", b" \t "),
    ("a plus", b" +5"),
    ("a minus", b" -5"),
    ("minus zero", b" -0"),
    ("hexadecimal", b" 0x5"),
    ("hexadecimal without its mark", b" 5a"),
    ("octal", b" 0o5"),
    ("a unit", b" 5 bytes"),
    ("a fraction", b" 5.0"),
    ("an exponent", b" 5e0"),
    ("an underscore", b" 1_0"),
    ("a comma in the thousands", b" 1,000"),
    ("a list of equals", b" 5, 5"),
    ("a list without blanks", b" 5,5"),
    ("a list that differs", b" 5, 6"),
    ("a list that ends in nothing", b" 5,"),
    ("a list that begins with nothing", b" ,5"),
    ("a parameter", b" 5;a=b"),
    ("quoted", b" \"5\""),
    ("a blank inside", b" 5 0"),
    ("HTAB inside", b" 5\t0"),
    ("NBSP before", b" \xa05"),
    ("a full-width digit", "\u{ff15}".as_bytes()),
    ("an Arabic digit", "\u{665}".as_bytes()),
    ("a word", b" chunked"),
    ("infinity", b" inf"),
    ("one more than 64 bits", b" 18446744073709551616"),
    ("64 bits and around again", b" 18446744073709551621"),
    ("32 bits and around again, and a letter", b" 4294967301x"),
    ("a hundred nines", b" 9999999999999999999999999999999999999999999999999999999999999999999999\
        999999999999999999999999999999"),
    ("twice", b" 5\r\nContent-Length: 5"),
    ("twice and different", b" 5\r\nContent-Length: 6"),
    ("twice, other case, others between", b" 0\r\nA: b\r\ncontent-length: 5"),
    ("twice zero", b" 0\r\nContent-Length: 0"),
    ("twice, once empty", b"\r\nContent-Length: 5"),
    ("beside chunked", b" 5\r\nTransfer-Encoding: chunked"),
    ("zero beside chunked", b" 0\r\nTransfer-Encoding: chunked"),
    ("a bad one beside chunked", b" x\r\nTransfer-Encoding: chunked"),
    ("beside another coding", b" 5\r\nTransfer-Encoding: gzip"),
    ("beside no coding", b" 5\r\nTransfer-Encoding:"),
];

#[rustfmt::skip]
const BAD_CODINGS: &[(&str, &[u8], &str)] = &[
    ("chunked, then a length", b"Transfer-Encoding: chunked\r\nContent-Length: 5", "400"),
    ("chunked, then a length far behind",
     b"Transfer-Encoding: chunked\r\nA: b\r\nC: d\r\nContent-length: 5", "400"),
    ("chunked twice in one", b"Transfer-Encoding: chunked, chunked", "400"),
    ("chunked twice in two", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400"),
    ("chunked, then another", b"Transfer-Encoding: chunked, gzip", "400"),
    ("chunked, then another in a second",
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "400"),
    ("chunked, then identity", b"Transfer-Encoding: chunked, identity", "400"),
    ("chunked, then identity in a second",
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "400"),
    ("another, then chunked", b"Transfer-Encoding: gzip, chunked", "501"),
    ("identity, then chunked", b"Transfer-Encoding: identity, chunked", "501"),
    ("another, then chunked in a second",
     b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "501"),
    ("another", b"Transfer-Encoding: gzip", "400"),
    ("identity", b"Transfer-Encoding: identity", "400"),
    ("one that ends so", b"Transfer-Encoding: xchunked", "400"),
    ("one that begins so", b"Transfer-Encoding: chunkedx", "400"),
    ("one that nearly is", b"Transfer-Encoding: chunke", "400"),
    ("a hyphen", b"Transfer-Encoding: chunked-", "400"),
    ("cow", b"Transfer-Encoding: cow", "400"),
    ("empty", b"Transfer-Encoding:", "400"),
    ("blanks", b"Transfer-Encoding: \t", "400"),
    ("a comma", b"Transfer-Encoding: ,", "400"),
    ("a comma behind", b"Transfer-Encoding: chunked,", "400"),
    ("a comma before", b"Transfer-Encoding: ,chunked", "400"),
    ("a parameter", b"Transfer-Encoding: chunked;q=1", "400"),
    ("a parameter behind a blank", b"Transfer-Encoding: chunked ; q=1", "400"),
    ("a semicolon", b"Transfer-Encoding: chunked;", "400"),
    ("quotes", b"Transfer-Encoding: \"chunked\"", "400"),
    ("single quotes", b"Transfer-Encoding: 'chunked'", "400"),
    ("brackets", b"Transfer-Encoding: [chunked]", "400"),
    ("a colon", b"Transfer-Encoding: :chunked", "400"),
    ("two words", b"Transfer-Encoding: chunked chunked", "400"),
    ("VT before", b"Transfer-Encoding: \x0bchunked", "400"),
    ("VT behind", b"Transfer-Encoding: chunked\x0b", "400"),
    ("FF before", b"Transfer-Encoding: \x0cchunked", "400"),
    ("NUL behind", b"Transfer-Encoding: chunked\0", "400"),
    ("NBSP before", b"Transfer-Encoding: \xa0chunked", "400"),
    ("CR before", b"Transfer-Encoding:\rchunked", "400"),
    ("LF before", b"Transfer-Encoding:\n chunked", "400"),
    ("folded", b"Transfer-Encoding:\r\n chunked", "400"),
    ("a Kelvin sign for the k", "Transfer-Encoding: chun\u{212a}ed".as_bytes(), "400"),
    ("SP before the colon", b"Transfer-Encoding : chunked", "400"),
    ("SP before the name", b" Transfer-Encoding: chunked", "400"),
];
