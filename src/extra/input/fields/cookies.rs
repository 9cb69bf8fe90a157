//! Cookies (RFC 6265) in a request.

use crate::message::syntax::bytes::trim;
use crate::message::{HeadersIter, Request};

/// Returns the names and values of the cookies, in the order of the request. Several `Cookie`
/// fields are read as one. The iterator copies nothing.
///
/// The parser is lenient, because browsers also store cookies that do not follow the grammar of RFC
/// 6265 (§5.4). Blanks around names and values, and quotes around a value, are removed. A pair
/// without `=` or without a name is skipped. Names are case-sensitive. Several cookies can have one
/// name: a browser sends the cookie with the longest path first.
///
/// A client can send any cookie, and a site can set cookies for its whole domain. Browsers accept a
/// name that begins with `__Host-` only from this exact host, over TLS.
///
/// ```
/// use millpond::{input, Request};
///
/// let headers = vec![("Cookie".into(), "theme=dark; lang=en".into())];
/// let request = Request::fake_http("GET", "/", headers, vec![]);
/// let lang = input::cookies(&request).find(|&(name, _)| name == "lang");
/// assert_eq!(lang, Some(("lang", "en")));
/// ```
pub fn cookies(request: &Request) -> CookiesIter<'_> {
    CookiesIter {
        fields: request.headers(),
        pairs: "",
    }
}

/// An iterator over the cookies of a request, returned by [`cookies`].
#[derive(Clone, Debug)]
pub struct CookiesIter<'a> {
    fields: HeadersIter<'a>,
    /// The rest of the current field.
    pairs: &'a str,
}

impl<'a> Iterator for CookiesIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        loop {
            while !self.pairs.is_empty() {
                let (first, rest) = self.pairs.split_once(';').unwrap_or((self.pairs, ""));
                self.pairs = rest;
                if let Some(cookie) = cookie(first) {
                    return Some(cookie);
                }
            }
            let is_cookie = |name: &str| name.eq_ignore_ascii_case("Cookie");
            let (_, value) = self.fields.find(|(name, _)| is_cookie(name))?;
            self.pairs = value;
        }
    }
}

/// Parses `cookie-pair = cookie-name "=" cookie-value` (RFC 6265 §4.2.1), leniently.
fn cookie(pair: &str) -> Option<(&str, &str)> {
    let (name, value) = pair.split_once('=')?;
    let (name, value) = (trim(name), trim(value));
    // cookie-value = *cookie-octet / ( DQUOTE *cookie-octet DQUOTE )
    let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    match name {
        "" => None,
        _ => Some((name, quoted.unwrap_or(value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn sending(fields: &[&str]) -> Request {
        let field = |value: &&str| ("cookie".to_owned(), (*value).to_owned());
        Request::fake_http("GET", "/", fields.iter().map(field).collect(), vec![])
    }

    #[test]
    fn cookies_are_names_and_values() {
        type Row = (
            &'static [&'static str],
            &'static [(&'static str, &'static str)],
        );
        let table: &[Row] = &[
            (&[], &[]),
            (&[""], &[]),
            (&["a=b"], &[("a", "b")]),
            (&["a=b; hello=world"], &[("a", "b"), ("hello", "world")]),
            (&["a=b;c=d"], &[("a", "b"), ("c", "d")]),
            (&["a=1; a=2; A=3"], &[("a", "1"), ("a", "2"), ("A", "3")]),
            (&[" a \t=\t b c ; d=e "], &[("a", "b c"), ("d", "e")]),
            (&["a="], &[("a", "")]),
            (&["a=b=c=="], &[("a", "b=c==")]),
            (&["a=\"b\""], &[("a", "b")]),
            (&["a=\" b \""], &[("a", " b ")]),
            (&["a=\"\""], &[("a", "")]),
            (&["a=\"\"b\"\""], &[("a", "\"b\"")]),
            (&["a=\"b; c=d\""], &[("a", "\"b"), ("c", "d\"")]),
            (&["a=\""], &[("a", "\"")]),
            (&["a={\"b\":[1,2]}"], &[("a", "{\"b\":[1,2]}")]),
            (&["a[b]=c; d:e=f"], &[("a[b]", "c"), ("d:e", "f")]),
            (&["a=\u{e9}\u{a0}"], &[("a", "\u{e9}\u{a0}")]),
            // Elements that are not pairs.
            (&["a; b=c; d"], &[("b", "c")]),
            (&["=a; b=c; =; ="], &[("b", "c")]),
            (&[";;; ;\t; b=c;;"], &[("b", "c")]),
            // Several fields, some of them without a pair.
            (
                &["a=b; c=d", "", "e", "f=g"],
                &[("a", "b"), ("c", "d"), ("f", "g")],
            ),
        ];
        for (fields, want) in table {
            let request = sending(fields);
            let read: Vec<_> = cookies(&request).collect();
            assert_eq!(read, *want, "{fields:?}");
        }
        let headers = vec![("Set-Cookie".into(), "a=b".into())];
        let request = Request::fake_http("GET", "/", headers, vec![]);
        assert_eq!(cookies(&request).next(), None, "of another field");
    }

    /// An iterator that began again for each cookie would take a thousand times as long.
    #[test]
    fn many_cookies_are_read_once() {
        let request = sending(&[&"a=b;".repeat(20_000), &";=".repeat(20_000)]);
        let began = Instant::now();
        assert_eq!(cookies(&request).count(), 20_000);
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}
