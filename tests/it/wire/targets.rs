//! The request target in its four forms, and Host (RFC 9112 §3.2, RFC 9110 §7.2, RFC 3986).

use super::{check, Closes, Fate, Row, Stays};

#[test]
fn targets() {
    let bytes: Vec<Vec<u8>> = TARGETS
        .iter()
        .map(|row| [row.2, b"\r\nHost: h\r\n\r\n"].concat())
        .collect();
    let rows: Vec<Row> = TARGETS
        .iter()
        .zip(&bytes)
        .map(|(row, bytes)| (row.0, row.1, &bytes[..], row.3, row.4))
        .collect();
    check(&rows);
}

#[test]
fn whole_heads() {
    check(HEADS);
}

#[test]
fn hosts_that_are_valid() {
    check_hosts(GOOD_HOSTS, Stays);
}

#[test]
fn hosts_that_are_not() {
    check_hosts(BAD_HOSTS, Closes);
}

fn check_hosts(hosts: &[&[u8]], fate: Fate) {
    for &host in hosts {
        let name = String::from_utf8_lossy(host);
        let bytes = [b"GET / HTTP/1.1\r\nHost: ", host, b"\r\n\r\n"].concat();
        let told = format!("200 GET / {name} ");
        let want = match fate {
            Stays => told.as_str(),
            Closes => "400",
        };
        check(&[("9112 §3.2", &name, &bytes, &[want], fate)]);
    }
}

#[rustfmt::skip]
const TARGETS: &[Row] = &[
    ("9112 §3.2.1", "a path and a query", b"GET /a/b;c=d?e=f&g=h HTTP/1.1",
     &["200 GET /a/b;c=d?e=f&g=h h "], Stays),
    ("9112 §3.2.1", "a query of `?`", b"GET /?a?b? HTTP/1.1", &["200 GET /?a?b? h "], Stays),
    ("9112 §3.2.1", "two slashes are no authority",
     b"GET //a/b HTTP/1.1", &["200 GET //a/b h "], Stays),
    ("3986 §3.3", "every byte of a path",
     b"GET /-._~!$&'()*+,;=:@azAZ09%41%aF HTTP/1.1",
     &["200 GET /-._~!$&'()*+,;=:@azAZ09%41%aF h "], Stays),
    ("3986 §6.2.2", "dots stay as they are",
     b"GET /a/../%2e%2e/./b HTTP/1.1", &["200 GET /a/../%2e%2e/./b h "], Stays),
    ("3986 §2.1", "an escaped NUL is the handler's",
     b"GET /%00 HTTP/1.1", &["200 GET /%00 h "], Stays),
    ("3986 §2.1", "escaped CR and LF stay escaped",
     b"GET /%0d%0aX:%20y HTTP/1.1", &["200 GET /%0d%0aX:%20y h "], Stays),
    ("9112 §3.2.1", "a URL in the query",
     b"GET /?u=http://a/?b HTTP/1.1", &["200 GET /?u=http://a/?b h "], Stays),
    ("9112 §3.2", "braces and bars in a query, as browsers send them",
     b"GET /?a={b|c} HTTP/1.1", &["200 GET /?a={b|c} h "], Stays),
    ("9112 §3.2", "brackets, as browsers send them",
     b"GET /?a[]=1 HTTP/1.1", &["200 GET /?a[]=1 h "], Stays),
    ("9112 §3.2", "a fragment", b"GET /a#b HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a fragment alone", b"GET # HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a fragment in the query", b"GET /?a#b HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "NUL", b"GET /a\0b HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a control byte", b"GET /a\x01b HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "ESC", b"GET /\x1b[0m HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "DEL", b"GET /a\x7fb HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "HTAB", b"GET /a\tb HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "CR", b"GET /a\rb HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "LF", b"GET /a\nb HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "CRLF and a field", b"GET /a\r\nX: y HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "UTF-8", "GET /grün HTTP/1.1".as_bytes(), &["400"], Closes),
    ("9112 §3.2", "ISO-8859-1", b"GET /gr\xfcn HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a byte of no text", b"GET /\xff HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a quote", b"GET /\"a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "`<` and `>`", b"GET /<a> HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a backslash", b"GET /\\a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a backslash for the slash", b"GET \\a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a caret", b"GET /^ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a backtick", b"GET /` HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "braces", b"GET /{a} HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a bar", b"GET /a|b HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%` and nothing", b"GET /% HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%` and one digit", b"GET /%4 HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%` and no digits", b"GET /%zz HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%` in the query", b"GET /?a=100% HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%u`", b"GET /%u0041 HTTP/1.1", &["400"], Closes),
    ("3986 §2.1", "`%%`", b"GET /%%41 HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "no slash", b"GET a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "a query alone", b"GET ?a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2", "dots alone", b"GET ../ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.3", "authority-form for GET", b"GET a:80 HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.3", "a host for GET", b"GET example.com HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.4", "`*` for OPTIONS", b"OPTIONS * HTTP/1.1", &["200 OPTIONS * h "], Stays),
    ("9112 §3.2.4", "`*` for GET", b"GET * HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.4", "`*` for HEAD", b"HEAD * HTTP/1.1", &["HEAD 400"], Closes),
    ("9112 §3.2.4", "`*` for POST", b"POST * HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.4", "`*` and more", b"OPTIONS *a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.4", "`*` and a query", b"OPTIONS *?a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.4", "`/*` is a path", b"OPTIONS /* HTTP/1.1", &["200 OPTIONS /* h "], Stays),
    ("9112 §3.2.4", "OPTIONS for a URL without a path is for `*`",
     b"OPTIONS http://a:1 HTTP/1.1", &["200 OPTIONS * a:1 "], Stays),

    ("9112 §3.2.2", "the target's host replaces that of Host",
     b"GET http://a/b?c HTTP/1.1", &["200 GET /b?c a "], Stays),
    ("9112 §3.2.2", "with its port", b"GET http://a:81/ HTTP/1.1", &["200 GET / a:81 "], Stays),
    ("9112 §3.2.2", "an empty port", b"GET http://a:/ HTTP/1.1", &["200 GET / a: "], Stays),
    ("9110 §4.2.2", "https", b"GET https://a/ HTTP/1.1", &["200 GET / a "], Stays),
    ("3986 §3.1", "a scheme ignores case", b"GET hTtP://a/ HTTP/1.1", &["200 GET / a "], Stays),
    ("9110 §4.2.3", "no path is `/`", b"GET http://a HTTP/1.1", &["200 GET / a "], Stays),
    ("9110 §4.2.3", "no path but a query", b"GET http://a?b HTTP/1.1", &["200 GET /?b a "], Stays),
    ("3986 §3.2.2", "IPv6",
     b"GET http://[::1]:8080/x HTTP/1.1", &["200 GET /x [::1]:8080 "], Stays),
    ("9112 §3.2.2", "1.0 too", b"GET http://a/b HTTP/1.0", &["200 GET /b a "], Closes),
    ("9110 §4.2.4", "userinfo", b"GET http://u@a/ HTTP/1.1", &["400"], Closes),
    ("9110 §4.2.4", "userinfo and a password", b"GET http://u:p@a/ HTTP/1.1", &["400"], Closes),
    ("9110 §4.2.1", "no host", b"GET http:///a HTTP/1.1", &["400"], Closes),
    ("9110 §4.2.1", "a port and no host", b"GET http://:80/ HTTP/1.1", &["400"], Closes),
    ("9110 §4.2.1", "a scheme alone", b"GET http:// HTTP/1.1", &["400"], Closes),
    ("9110 §4.2.1", "a query for a host", b"GET http://?a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a scheme and one slash", b"GET http:/a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a scheme and no slash", b"GET http:a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "another scheme", b"GET ftp://a/ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a scheme of a script", b"GET javascript:a HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a port that is no number", b"GET http://a:b/ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a port that does not exist",
     b"GET http://a:65536/ HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "a fragment", b"GET http://a/#b HTTP/1.1", &["400"], Closes),
    ("9112 §3.2.2", "half of IPv6", b"GET http://[::1/ HTTP/1.1", &["400"], Closes),
];

#[rustfmt::skip]
const HEADS: &[Row] = &[
    ("9112 §3.2", "no Host", b"GET / HTTP/1.1\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "no Host among others",
     b"GET / HTTP/1.1\r\nHosts: h\r\nX-Host: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "no Host beside absolute-form",
     b"GET http://h/ HTTP/1.1\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "no Host in 1.2", b"GET / HTTP/1.2\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "1.0 needs none", b"GET / HTTP/1.0\r\n\r\n", &["200 GET / - "], Closes),
    ("9112 §3.2", "two", b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "two that are equal",
     b"GET / HTTP/1.1\r\nHost: h\r\nhost: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "two with others between",
     b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "two, of which one is empty",
     b"GET / HTTP/1.1\r\nHost:\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "two in 1.0", b"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "two beside absolute-form",
     b"GET http://h/ HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "a bad one in 1.0", b"GET / HTTP/1.0\r\nHost: a/b\r\n\r\n", &["400"], Closes),
    ("9112 §3.2", "a bad one beside absolute-form",
     b"GET http://h/ HTTP/1.1\r\nHost: a b\r\n\r\n", &["400"], Closes),
    ("9110 §7.2", "an empty one", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", &["200 GET /  "], Stays),
    ("9110 §7.2", "one of blanks is empty",
     b"GET / HTTP/1.1\r\nHost: \t \r\n\r\n", &["200 GET /  "], Stays),
    ("9110 §5.1", "its name ignores case",
     b"GET / HTTP/1.1\r\nhOsT: h\r\n\r\n", &["200 GET / h "], Stays),
    ("9110 §7.2", "it may be the last field",
     b"GET / HTTP/1.1\r\nA: b\r\nHost: h\r\n\r\n", &["200 GET / h "], Stays),
    ("9112 §5.1", "a blank before its colon",
     b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", &["400"], Closes),
    ("9112 §5.2", "folded", b"GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n", &["400"], Closes),
    ("9110 §5.3", "a list is no host", b"GET / HTTP/1.1\r\nHost: h, i\r\n\r\n", &["400"], Closes),
];

const GOOD_HOSTS: &[&[u8]] = &[
    b"example.com",
    b"example.com.",
    b"EXAMPLE.com:80",
    b"example.com:",
    b"example.com:0",
    b"example.com:65535",
    b"example.com:00080",
    b"127.0.0.1",
    b"127.0.0.1:8080",
    b"[::1]",
    b"[::1]:80",
    b"[2001:db8::7]:443",
    b"[::ffff:192.0.2.1]",
    b"under_score.example",
    b"xn--bcher-kva.example",
    b"a%20b",
];

const BAD_HOSTS: &[&[u8]] = &[
    b":80",
    b"example.com:65536",
    b"example.com:99999999999999999999",
    b"example.com:-1",
    b"example.com:+80",
    b"example.com:80x",
    b"example.com:80:80",
    b"example.com:8 0",
    b"example.com :80",
    b"example.com, other.example",
    b"example com",
    b"a\tb",
    b"a/b",
    b"/",
    b"http://example.com",
    b"user@example.com",
    b"user:password@example.com",
    b"a?b",
    b"a#b",
    b"a\\b",
    b"\"a\"",
    b"<a>",
    b"{a}",
    b"a|b",
    b"a^b",
    b"a%",
    b"a%zz",
    b"gr\xc3\xbcn",
    b"gr\xfcn",
    b"a\0b",
    b"::1",
    b"[::1",
    b"::1]",
    b"[]",
    b"[::1]80",
    b"[::1]a",
    b"a[::1]",
    b"[1.2.3.4]",
    b"[example.com]",
    b"[:::1]",
    b"[1:2:3:4:5:6:7:8:9]",
    b"[::g]",
    b"[fe80::1%25eth0]",
    b"[v1.a]",
];
