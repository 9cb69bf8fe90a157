//! What a gateway has to know of a message that it passes on: which of its fields were for one hop
//! only, how long the body of a request was said to be, and how a request line is written. Who asks
//! whom, and over what, is not known here.

use crate::message::syntax::bytes::{is, is_token, TARGET};
use crate::wire::body::framing::{content_length, list};

/// What was agreed on between two neighbours (RFC 9110 §7.6.1, §11.7), and the length of a body,
/// which each hop says in its own way.
const ONE_HOP: [&str; 12] = [
    "Connection",
    "Content-Length",
    "HTTP2-Settings",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
];

/// Tells which fields of a message are not for whom it is passed on to.
pub(crate) struct Hops<'a> {
    /// The options of all Connection fields: each may be the name of a field.
    named: Vec<&'a str>,
}

impl<'a> Hops<'a> {
    pub(super) fn of(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Hops<'a> {
        let connection = fields.filter(|(name, _)| same(name, "Connection"));
        let named = connection.flat_map(|(_, value)| list(value)).collect();
        Hops { named }
    }

    pub(super) fn end(&self, name: &str) -> bool {
        let mut all = ONE_HOP.iter().chain(&self.named);
        all.any(|known| same(name, known))
    }
}

/// Whether two names are one to whoever receives them. Some servers and all of CGI take `_` for
/// `-`, and so does this: a field cannot get past under another spelling.
pub(crate) fn same(name: &str, other: &str) -> bool {
    let plain = |byte: u8| match byte {
        b'_' => b'-',
        _ => byte.to_ascii_lowercase(),
    };
    name.len() == other.len() && name.bytes().map(plain).eq(other.bytes().map(plain))
}

/// What a request says of the length of its body. The server has refused what is malformed, but not
/// in a request that was made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Announced {
    Nothing,
    Length(u64),
    /// It is chunked, or says nothing that could be relied on.
    Unknown,
}

pub(crate) fn announced<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Announced {
    let mut announced = Announced::Nothing;
    for (name, value) in fields {
        if name.eq_ignore_ascii_case("Transfer-Encoding") {
            return Announced::Unknown;
        }
        if name.eq_ignore_ascii_case("Content-Length") {
            announced = match (announced, content_length(value)) {
                (Announced::Nothing, Ok(length)) => Announced::Length(length),
                _ => Announced::Unknown,
            };
        }
    }
    announced
}

/// Appends `GET /path?query HTTP/1.1` and its end. False, and nothing appended, if that would be no
/// request line, or one for a tunnel.
#[must_use]
pub(crate) fn request_line(out: &mut Vec<u8>, method: &str, target: &str) -> bool {
    // RFC 9112 §3.2: origin-form, or the asterisk-form of OPTIONS.
    let server_wide = method == "OPTIONS" && target == "*";
    let is_path = target.bytes().all(|b| b == b'%' || is(b, TARGET));
    if !is_token(method) || method == "CONNECT" || !(is_path || server_wide) {
        return false;
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    // What is left behind a prefix that was cut off need not begin with a slash.
    if !target.starts_with('/') && !server_wide {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_hop_end_there() {
        let fields = [
            ("Connection", "close, X-Secret ,,\tCookie"),
            ("connection", "x-other"),
            ("Accept", "Accept-Language"),
        ];
        let hops = Hops::of(fields.into_iter());
        for name in ONE_HOP.iter().chain(&["X-Secret", "cookie", "X-OTHER"]) {
            assert!(hops.end(name), "{name}");
            assert!(hops.end(&name.to_ascii_uppercase()), "{name}");
            assert!(hops.end(&name.replace('-', "_")), "{name}");
        }
        for name in ["Accept", "Accept-Language", "X-Secret2", "Secret", "Host"] {
            assert!(!hops.end(name), "{name}");
        }
        // An empty option names nothing.
        assert!(!Hops::of([("Connection", ",")].into_iter()).end("a"));
    }

    #[test]
    fn a_length_is_one_number_or_unknown() {
        let of = |fields: &[(&'static str, &'static str)]| announced(fields.iter().copied());
        let (length, coding) = ("content-LENGTH", "transfer-Encoding");
        for (fields, want) in [
            (&[][..], Announced::Nothing),
            (&[("Accept", "5")], Announced::Nothing),
            (&[(length, "5")], Announced::Length(5)),
            (&[(length, "0")], Announced::Length(0)),
            (&[(length, "+5")], Announced::Unknown),
            (&[(length, "")], Announced::Unknown),
            (&[(length, "5, 5")], Announced::Unknown),
            (&[(length, "5"), (length, "5")], Announced::Unknown),
            (&[(length, "x"), (length, "5")], Announced::Unknown),
            (&[(coding, "chunked")], Announced::Unknown),
            (&[(length, "5"), (coding, "x")], Announced::Unknown),
            (&[(coding, ""), (length, "5")], Announced::Unknown),
        ] {
            assert_eq!(of(fields), want, "{fields:?}");
        }
    }

    #[test]
    fn request_lines_are_of_one_line() {
        for (method, target, want) in [
            ("GET", "/", Some("GET / HTTP/1.1\r\n")),
            ("GET", "/a%20b?c=[d]", Some("GET /a%20b?c=[d] HTTP/1.1\r\n")),
            ("GET", "", Some("GET / HTTP/1.1\r\n")),
            ("GET", "?a", Some("GET /?a HTTP/1.1\r\n")),
            ("GET", "tail", Some("GET /tail HTTP/1.1\r\n")),
            ("GET", "//b/", Some("GET //b/ HTTP/1.1\r\n")),
            ("M-SEARCH", "/", Some("M-SEARCH / HTTP/1.1\r\n")),
            ("OPTIONS", "*", Some("OPTIONS * HTTP/1.1\r\n")),
            ("GET", "*", Some("GET /* HTTP/1.1\r\n")),
            ("GET", "/ HTTP/1.1\r\nX: y", None),
            ("GET", "/\n", None),
            ("GET", "/ b", None),
            ("GET", "/#b", None),
            ("GET", "/\u{e9}", None),
            ("GET", "/\0", None),
            ("", "/", None),
            ("GET /", "/", None),
            ("GET\r\nX:", "/", None),
            ("CONNECT", "/", None),
        ] {
            let mut line = Vec::new();
            let fits = request_line(&mut line, method, target);
            let line = String::from_utf8(line).unwrap();
            assert_eq!(fits.then_some(line.as_str()), want, "{method} {target:?}");
            assert!(fits || line.is_empty(), "{method} {target:?}");
        }
    }
}
