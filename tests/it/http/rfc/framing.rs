//! The limits of a body: Content-Length and Transfer-Encoding (RFC 9112 §6, RFC 9110 §8.6), and
//! their use in request smuggling (RFC 9112 §11.2).

use super::{cases, check, Case, Closes, Demand, May, Must, Row, Should, Stays};

#[rustfmt::skip]
pub const DEMANDS: &[Demand] = &[
    ("9110 §5.6.1", May, "in Transfer-Encoding too, though the element is what must be there",
     &["not: some stop at the comma, some read on; nobody sends one", "a comma", "a comma behind",
       "a comma before", "empty", "blanks"]),
    ("9110 §7.6.1", Must, "it takes no field away from the one it was sent to",
     &["a length that Connection names still frames",
       "an option that names a field takes nothing away"]),
    ("9110 §8.6", Must, "a length is 1*DIGIT",
     &["blanks around it", "no blank before it", "leading zeros",
       "more of them than a number has digits", "empty", "blanks", "a plus", "a minus",
       "minus zero", "hexadecimal", "octal", "a fraction", "an exponent", "an underscore",
       "a parameter", "quoted", "a blank inside", "a full-width digit", "a word"]),
    ("9110 §8.6", Must, "no number is too large to be understood",
     &["one more than 64 bits", "64 bits and around again", "a hundred nines",
       "the greatest that 64 bits can say @ 9110 §15.5.14"]),
    ("9110 §9.3.1", Must, "a body of GET is read as a body", &["GET may have a body"]),
    ("9110 §9.3.5", Must, "a body of DELETE is read as a body", &["so may DELETE"]),
    ("9110 §9.3.7", Must, "OPTIONS may have a body, and says what is allowed",
     &["so may OPTIONS", "http::methods::options_is_answered()"]),
    ("9110 §15.5.14", May, "413 for what is too large, and the end",
     &["a length beyond the limit", "the greatest that 64 bits can say", "for HEAD",
       "limits::bounds::bodies()"]),
    ("9112 §6.1", May, "both fields: refused",
     &["beside chunked", "zero beside chunked", "a bad one beside chunked",
       "chunked, then a length", "chunked, then a length far behind", "beside another coding",
       "beside no coding"]),
    ("9112 §6.1", Must, "and in any case the connection closes",
     &["beside chunked", "chunked, then a length"]),
    ("9112 §6.1", Should, "501 for a coding that is not understood",
     &["another, then chunked", "another, then chunked in a second", "identity, then chunked"]),
    ("9112 §6.1", Must, "only the one name is that coding",
     &["quotes", "single quotes", "brackets", "a colon", "two words", "NBSP before",
       "a Kelvin sign for the k"]),
    ("9112 §6.3", Must, "400 and close where chunked is not the last coding",
     &["chunked, then another", "chunked, then another in a second", "chunked, then identity",
       "chunked, then identity in a second", "another", "identity", "one that ends so",
       "one that begins so", "one that nearly is", "a hyphen", "cow"]),
    ("9112 §6.3", Must, "400 and close for a length that is none",
     &["a plus @ 9110 §8.6", "empty @ 9110 §8.6", "twice and different", "a list that differs"]),
    ("9112 §6.3", May, "equal lengths in a list may be joined",
     &["not: others take the first, the last, or none", "twice", "twice zero",
       "a list of equals", "a list without blanks"]),
    ("9112 §6.3", Must, "a length is the body's, and neither field means none",
     &["a body of that length", "0", "none is 0", "1.0 with a length",
       "1.0 without a length has no body", "bytes behind a body are the next request",
       "so may any method", "NUL in a body is a byte",
       "1.1 without one neither, and what follows is no request"]),
    ("9112 §7.1", Must, "chunked is applied once",
     &["chunked twice in one", "chunked twice in two"]),
    ("9112 §7.1", Should, "parameters of chunked are an error",
     &["a parameter", "a parameter behind a blank", "a semicolon"]),
    ("9112 §7.2", Should, "x-gzip and x-compress are gzip and compress",
     &["not: neither is supported", "another, then chunked @ 9112 §6.1"]),
    ("9112 §11.2", Must, "no bytes are read in another way than others read them",
     &["CL.TE", "TE.CL", "TE.TE", "CL.0", "0.CL", "TE.0", "TERM.EXT", "EXT.TERM",
       "a chunk that spills over", "an expectation that only some understand",
       "a head that goes on behind CR CR", "nor is a CONNECT that is refused",
       "an Upgrade is no end of HTTP until it is granted"]),
];

pub fn rows() -> Vec<Case> {
    let lengths = BAD_LENGTHS.iter().map(|&(section, name, value)| {
        let fields = [b"Content-Length:", value].concat();
        refused(section, name, &fields, "400")
    });
    let codings = BAD_CODINGS
        .iter()
        .map(|&(section, name, fields, want)| refused(section, name, fields, want));
    let mut rows = cases(b"", LENGTHS, b"");
    rows.extend(cases(b"", SMUGGLED, b""));
    rows.extend(lengths.chain(codings));
    rows
}

#[test]
fn lengths_and_codings() {
    check(&rows());
}

/// A POST whose body looks like a request to a reader that continues.
fn refused(section: &'static str, name: &str, fields: &[u8], want: &str) -> Case {
    let bytes = [
        b"POST / HTTP/1.1\r\nHost: h\r\n",
        fields,
        b"\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n",
    ];
    Case::new(section, name, bytes.concat(), &[want], Closes)
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

/// Known attacks that two readers have read differently: each row holds a request for the reader
/// that is wrong.
#[rustfmt::skip]
const SMUGGLED: &[Row] = &[
    ("9112 §11.2", "CL.TE",
     b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n\
       0\r\n\r\nG", &["400"], Closes),
    ("9112 §11.2", "TE.CL",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n\
       23\r\nGET /x HTTP/1.1\r\nHost: h\r\nA: bcde\r\n\r\n0\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "TE.TE",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-encoding: x\r\n\r\n\
       0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "CL.0",
     b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 27\r\n\r\n\
       GET /x HTTP/1.1\r\nHost: h\r\n\r", &["200 GET / h GET /x HTTP/1.1\r\nHost: h\r\n\r"], Stays),
    ("9112 §11.2", "0.CL",
     b"GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 28\r\n\r\n\
       GET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "TE.0",
     b"OPTIONS / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
       1b\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\r\n0\r\n\r\n",
     &["200 OPTIONS / h GET /x HTTP/1.1\r\nHost: h\r\n\r"], Stays),
    ("9112 §11.2", "TERM.EXT",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
       2;\nxx\r\n1c\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "EXT.TERM",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
       2;a\rxx\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "a chunk that spills over",
     b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n\
       5\r\nhelloXX0\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "an expectation that only some understand",
     b"POST / HTTP/1.1\r\nHost: h\r\nExpect: y 100-continue\r\nContent-Length: 28\r\n\r\n\
       GET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["417"], Closes),
    ("9112 §11.2", "a head that goes on behind CR CR",
     b"GET / HTTP/1.1\r\nHost: h\r\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §11.2", "an Upgrade is no end of HTTP until it is granted",
     b"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\
       GET /x HTTP/1.1\r\nHost: h\r\n\r\n", &["200 GET / h ", "200 GET /x h "], Stays),
    ("9112 §11.2", "nor is a CONNECT that is refused",
     b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /x HTTP/1.1\r\nHost: h\r\n\r\n",
     &["501"], Closes),
];

/// Behind `Content-Length:`.
#[rustfmt::skip]
const BAD_LENGTHS: &[(&str, &str, &[u8])] = &[
    ("9110 §8.6", "empty", b""),
    ("9110 §8.6", "blanks", b" \t "),
    ("9110 §8.6", "a plus", b" +5"),
    ("9110 §8.6", "a minus", b" -5"),
    ("9110 §8.6", "minus zero", b" -0"),
    ("9110 §8.6", "hexadecimal", b" 0x5"),
    ("9110 §8.6", "hexadecimal without its mark", b" 5a"),
    ("9110 §8.6", "octal", b" 0o5"),
    ("9110 §8.6", "a unit", b" 5 bytes"),
    ("9110 §8.6", "a fraction", b" 5.0"),
    ("9110 §8.6", "an exponent", b" 5e0"),
    ("9110 §8.6", "an underscore", b" 1_0"),
    ("9110 §8.6", "a comma in the thousands", b" 1,000"),
    ("9112 §6.3", "a list of equals", b" 5, 5"),
    ("9112 §6.3", "a list without blanks", b" 5,5"),
    ("9112 §6.3", "a list that differs", b" 5, 6"),
    ("9112 §6.3", "a list that ends in nothing", b" 5,"),
    ("9112 §6.3", "a list that begins with nothing", b" ,5"),
    ("9110 §8.6", "a parameter", b" 5;a=b"),
    ("9110 §8.6", "quoted", b" \"5\""),
    ("9110 §8.6", "a blank inside", b" 5 0"),
    ("9110 §8.6", "HTAB inside", b" 5\t0"),
    ("9110 §8.6", "NBSP before", b" \xa05"),
    ("9110 §8.6", "a full-width digit", "\u{ff15}".as_bytes()),
    ("9110 §8.6", "an Arabic digit", "\u{665}".as_bytes()),
    ("9110 §8.6", "a word", b" chunked"),
    ("9110 §8.6", "infinity", b" inf"),
    ("9110 §8.6", "one more than 64 bits", b" 18446744073709551616"),
    ("9110 §8.6", "64 bits and around again", b" 18446744073709551621"),
    ("9110 §8.6", "32 bits and around again, and a letter", b" 4294967301x"),
    ("9110 §8.6", "a hundred nines",
     b" 9999999999999999999999999999999999999999999999999999999999999999999999\
        999999999999999999999999999999"),
    ("9112 §6.3", "twice", b" 5\r\nContent-Length: 5"),
    ("9112 §6.3", "twice and different", b" 5\r\nContent-Length: 6"),
    ("9112 §6.3", "twice, other case, others between", b" 0\r\nA: b\r\ncontent-length: 5"),
    ("9112 §6.3", "twice zero", b" 0\r\nContent-Length: 0"),
    ("9112 §6.3", "twice, once empty", b"\r\nContent-Length: 5"),
    ("9112 §6.1", "beside chunked", b" 5\r\nTransfer-Encoding: chunked"),
    ("9112 §6.1", "zero beside chunked", b" 0\r\nTransfer-Encoding: chunked"),
    ("9112 §6.1", "a bad one beside chunked", b" x\r\nTransfer-Encoding: chunked"),
    ("9112 §6.1", "beside another coding", b" 5\r\nTransfer-Encoding: gzip"),
    ("9112 §6.1", "beside no coding", b" 5\r\nTransfer-Encoding:"),
];

#[rustfmt::skip]
const BAD_CODINGS: &[(&str, &str, &[u8], &str)] = &[
    ("9112 §6.1", "chunked, then a length",
     b"Transfer-Encoding: chunked\r\nContent-Length: 5", "400"),
    ("9112 §6.1", "chunked, then a length far behind",
     b"Transfer-Encoding: chunked\r\nA: b\r\nC: d\r\nContent-length: 5", "400"),
    ("9112 §7.1", "chunked twice in one", b"Transfer-Encoding: chunked, chunked", "400"),
    ("9112 §7.1", "chunked twice in two",
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "400"),
    ("9112 §6.3", "chunked, then another", b"Transfer-Encoding: chunked, gzip", "400"),
    ("9112 §6.3", "chunked, then another in a second",
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "400"),
    ("9112 §6.3", "chunked, then identity", b"Transfer-Encoding: chunked, identity", "400"),
    ("9112 §6.3", "chunked, then identity in a second",
     b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "400"),
    ("9112 §6.1", "another, then chunked", b"Transfer-Encoding: gzip, chunked", "501"),
    ("9112 §6.1", "identity, then chunked", b"Transfer-Encoding: identity, chunked", "501"),
    ("9112 §6.1", "another, then chunked in a second",
     b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked", "501"),
    ("9112 §6.3", "another", b"Transfer-Encoding: gzip", "400"),
    ("9112 §6.3", "identity", b"Transfer-Encoding: identity", "400"),
    ("9112 §6.3", "one that ends so", b"Transfer-Encoding: xchunked", "400"),
    ("9112 §6.3", "one that begins so", b"Transfer-Encoding: chunkedx", "400"),
    ("9112 §6.3", "one that nearly is", b"Transfer-Encoding: chunke", "400"),
    ("9112 §6.3", "a hyphen", b"Transfer-Encoding: chunked-", "400"),
    ("9112 §6.3", "cow", b"Transfer-Encoding: cow", "400"),
    ("9110 §5.6.1", "empty", b"Transfer-Encoding:", "400"),
    ("9110 §5.6.1", "blanks", b"Transfer-Encoding: \t", "400"),
    ("9110 §5.6.1", "a comma", b"Transfer-Encoding: ,", "400"),
    ("9110 §5.6.1", "a comma behind", b"Transfer-Encoding: chunked,", "400"),
    ("9110 §5.6.1", "a comma before", b"Transfer-Encoding: ,chunked", "400"),
    ("9112 §7.1", "a parameter", b"Transfer-Encoding: chunked;q=1", "400"),
    ("9112 §7.1", "a parameter behind a blank", b"Transfer-Encoding: chunked ; q=1", "400"),
    ("9112 §7.1", "a semicolon", b"Transfer-Encoding: chunked;", "400"),
    ("9112 §6.1", "quotes", b"Transfer-Encoding: \"chunked\"", "400"),
    ("9112 §6.1", "single quotes", b"Transfer-Encoding: 'chunked'", "400"),
    ("9112 §6.1", "brackets", b"Transfer-Encoding: [chunked]", "400"),
    ("9112 §6.1", "a colon", b"Transfer-Encoding: :chunked", "400"),
    ("9112 §6.1", "two words", b"Transfer-Encoding: chunked chunked", "400"),
    ("9110 §5.5", "VT before", b"Transfer-Encoding: \x0bchunked", "400"),
    ("9110 §5.5", "VT behind", b"Transfer-Encoding: chunked\x0b", "400"),
    ("9110 §5.5", "FF before", b"Transfer-Encoding: \x0cchunked", "400"),
    ("9110 §5.5", "NUL behind", b"Transfer-Encoding: chunked\0", "400"),
    ("9112 §6.1", "NBSP before", b"Transfer-Encoding: \xa0chunked", "400"),
    ("9112 §2.2", "CR before a coding", b"Transfer-Encoding:\rchunked", "400"),
    ("9112 §2.2", "LF before a coding", b"Transfer-Encoding:\n chunked", "400"),
    ("9112 §5.2", "a folded coding", b"Transfer-Encoding:\r\n chunked", "400"),
    ("9112 §6.1", "a Kelvin sign for the k", "Transfer-Encoding: chun\u{212a}ed".as_bytes(), "400"),
    ("9112 §5.1", "SP before the colon of chunked", b"Transfer-Encoding : chunked", "400"),
    ("9112 §5.2", "SP before the name", b" Transfer-Encoding: chunked", "400"),
];
