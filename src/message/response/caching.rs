//! Entity tags and cache control of a [`Response`].
//!
//! The module compares tags (RFC 9110 §8.8.3). It computes no tag and stores no response.

use super::Response;
use crate::message::body::ResponseBody;
use crate::message::request::Request;
use crate::message::syntax::bytes::trim;
use crate::message::syntax::percent;
use std::borrow::Cow;

impl Response {
    /// Returns the same response with an `ETag`, or an empty 304 if the client has this version
    /// already. Combines [`with_etag_keep`](Response::with_etag_keep) and
    /// [`simplify_if_etag_match`](Response::simplify_if_etag_match).
    ///
    /// The tag must change whenever the body changes: use a version number, a hash or a time of
    /// modification.
    ///
    /// ```
    /// use millpond::{Request, Response};
    ///
    /// fn page(request: &Request) -> Response {
    ///     Response::text("a large page").with_etag(request, "v7")
    /// }
    ///
    /// let first = page(&Request::fake_http("GET", "/", vec![], vec![]));
    /// assert_eq!(first.headers[1], ("ETag".into(), "\"v7\"".into()));
    ///
    /// let seen = vec![("If-None-Match".into(), "\"v6\", \"v7\"".into())];
    /// assert_eq!(page(&Request::fake_http("GET", "/", seen, vec![])).status_code, 304);
    /// ```
    #[must_use]
    pub fn with_etag<E: Into<Cow<'static, str>>>(self, request: &Request, etag: E) -> Response {
        self.with_etag_keep(etag).simplify_if_etag_match(request)
    }

    /// Returns an empty 304 in place of a successful response to GET or HEAD, if `If-None-Match`
    /// contains the `ETag` of the response (RFC 9110 §13.1.2). Returns any other response
    /// unchanged.
    ///
    /// Tags are compared weakly: `W/"1"` equals `"1"`. `*` equals any tag.
    ///
    /// ```
    /// use millpond::{Request, Response};
    ///
    /// let seen = vec![("If-None-Match".into(), "W/\"1\"".into())];
    /// let request = Request::fake_http("GET", "/", seen, vec![]);
    /// let response = Response::text("one").with_etag_keep("1").simplify_if_etag_match(&request);
    /// assert_eq!(response.status_code, 304);
    /// ```
    #[must_use]
    pub fn simplify_if_etag_match(mut self, request: &Request) -> Response {
        // RFC 9110 §13.2.1: a condition counts only if the response would be 2xx without it.
        // §13.1.2 has 412 for other methods. Here the handler has already done the work of the
        // method, so a 412 would be wrong.
        let conditional = matches!(request.method(), "GET" | "HEAD");
        if !conditional || !(200..300).contains(&self.status_code) {
            return self;
        }
        let named = |(name, _): &&(Cow<'_, str>, Cow<'_, str>)| name.eq_ignore_ascii_case("ETag");
        let etag = match self.headers.iter().find(named) {
            Some((_, etag)) => EntityTag::parse(etag),
            None => return self,
        };
        // A list may be spread over several fields (RFC 9110 §5.3).
        let known = request.headers().any(|(name, value)| {
            name.eq_ignore_ascii_case("If-None-Match") && list_has(value, |tag| tag.weak_eq(&etag))
        });
        if !known {
            return self;
        }
        self.status_code = 304;
        self.data = ResponseBody::empty();
        // RFC 9110 §15.4.5: no metadata of a representation that is not sent.
        self.without_header("Content-Type")
            .without_header("Content-Encoding")
            .without_header("Content-Language")
            .without_header("Content-Range")
    }

    /// Returns the same response with this `ETag`, which replaces any other one.
    ///
    /// A tag without quotes gets quotes (RFC 9110 §8.8.3). `W/"..."` is a weak tag. Characters that
    /// a tag cannot hold are encoded.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let etag = |tag: &'static str| Response::text("").with_etag_keep(tag).headers.remove(1).1;
    /// assert_eq!(etag("v7"), "\"v7\"");
    /// assert_eq!(etag("W/\"v7\""), "W/\"v7\"");
    /// ```
    #[must_use]
    pub fn with_etag_keep<E: Into<Cow<'static, str>>>(self, etag: E) -> Response {
        self.with_unique_header("ETag", entity_tag(etag.into()))
    }

    /// Returns the same response with `Cache-Control: public`: every cache may store the response
    /// for this number of seconds.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("logo").with_public_cache(3600);
    /// assert_eq!(response.headers[1], ("Cache-Control".into(), "public, max-age=3600".into()));
    /// ```
    #[must_use]
    pub fn with_public_cache(self, max_age_seconds: u64) -> Response {
        self.with_max_age(format!("public, max-age={max_age_seconds}"))
    }

    /// Returns the same response with `Cache-Control: private`: the client may store the response
    /// for this number of seconds, and a proxy must not.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("inbox").with_private_cache(60);
    /// assert_eq!(response.headers[1], ("Cache-Control".into(), "private, max-age=60".into()));
    /// ```
    #[must_use]
    pub fn with_private_cache(self, max_age_seconds: u64) -> Response {
        self.with_max_age(format!("private, max-age={max_age_seconds}"))
    }

    /// Returns the same response with `Cache-Control: no-store` and similar headers: no cache may
    /// store the response. `Expires` and `Pragma` are for caches of HTTP/1.0.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("balance").with_no_cache();
    /// assert_eq!(response.headers[1].1, "no-cache, no-store, must-revalidate");
    /// ```
    #[must_use]
    pub fn with_no_cache(self) -> Response {
        self.with_unique_header("Cache-Control", "no-cache, no-store, must-revalidate")
            .with_unique_header("Expires", "0")
            .with_unique_header("Pragma", "no-cache")
    }

    fn with_max_age(self, control: String) -> Response {
        self.with_unique_header("Cache-Control", control)
            .without_header("Expires")
            .without_header("Pragma")
    }
}

/// An entity tag: `[ W/ ] opaque-tag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag<'a> {
    weak: bool,
    /// The tag without its quotes. A tag received without quotes is compared like the others: a
    /// cache may have stored the response of a server that sends no quotes.
    opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    pub(crate) fn parse(tag: &'a str) -> EntityTag<'a> {
        let (weak, opaque) = match tag.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        EntityTag {
            weak,
            opaque: unquote(opaque).unwrap_or(opaque),
        }
    }

    /// Returns whether the tags are equal by weak comparison (RFC 9110 §8.8.3.2): for
    /// `If-None-Match`.
    pub(crate) fn weak_eq(&self, other: &EntityTag<'_>) -> bool {
        self.opaque == other.opaque
    }

    /// Returns whether the tags are equal by strong comparison (RFC 9110 §8.8.3.2): for `If-Match`
    /// and `If-Range`, which require equal bytes.
    #[cfg(any(test, feature = "assets", feature = "gzip"))]
    pub(crate) fn strong_eq(&self, other: &EntityTag<'_>) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }
}

/// Returns whether a list of `If-None-Match` or `If-Match` is `*`, or has a tag that `is_match`.
pub(crate) fn list_has(list: &str, mut is_match: impl FnMut(&EntityTag<'_>) -> bool) -> bool {
    if trim(list) == "*" {
        return true;
    }
    let mut rest = list;
    while !rest.is_empty() {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (tag, tail) = rest.split_at(tag_len(rest));
        if !tag.is_empty() && is_match(&EntityTag::parse(trim(tag))) {
            return true;
        }
        rest = tail;
    }
    false
}

/// Returns the length of the tag at the front of `list`, up to its comma. A comma inside the quotes
/// is part of the tag.
fn tag_len(list: &str) -> usize {
    let open = if list.starts_with("W/\"") { 3 } else { 1 };
    let quoted = list.starts_with('"') || open == 3;
    let close = if quoted { list[open..].find('"') } else { None };
    let from = close.map_or(0, |close| open + close + 1);
    list[from..]
        .find(',')
        .map_or(list.len(), |comma| from + comma)
}

fn unquote(tag: &str) -> Option<&str> {
    tag.strip_prefix('"')?.strip_suffix('"')
}

/// Returns any text as an entity tag: `[ W/ ] DQUOTE *etagc DQUOTE`. An entity tag stays as it is.
fn entity_tag(tag: Cow<'static, str>) -> Cow<'static, str> {
    let opaque = unquote(tag.strip_prefix("W/").unwrap_or(&tag));
    if opaque.map_or(false, |opaque| opaque.bytes().all(is_etagc)) {
        return tag;
    }
    let mut quoted = String::from("\"");
    // `%` is encoded too. Without this, two different texts could become the same tag.
    percent::encode_into(&mut quoted, &tag, |byte| is_etagc(byte) && byte != b'%');
    quoted.push('"');
    quoted.into()
}

/// Returns the weak tag for another encoding of the same content, such as gzip (RFC 9110 §8.8.1).
#[cfg(any(test, feature = "gzip"))]
pub(crate) fn weakened(tag: Cow<'static, str>) -> Cow<'static, str> {
    if tag.starts_with("W/\"") {
        return tag;
    }
    format!("W/{}", entity_tag(tag)).into()
}

/// RFC 9110 §8.8.3: etagc = %x21 / %x23-7E / obs-text, here without obs-text.
fn is_etagc(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, if_none_match: &[&str]) -> Request {
        let field = |value: &&str| ("if-none-match".to_owned(), (*value).to_owned());
        Request::fake_http(
            method,
            "/",
            if_none_match.iter().map(field).collect(),
            vec![],
        )
    }

    #[test]
    fn tags_are_quoted_once() {
        let table = [
            ("v7", r#""v7""#),
            ("", r#""""#),
            (r#""v7""#, r#""v7""#),
            (r#"W/"v7""#, r#"W/"v7""#),
            (r#""""#, r#""""#),
            (r#"""#, r#""%22""#),
            (r#""a"b""#, r#""%22a%22b%22""#),
            ("a b", r#""a%20b""#),
            ("a%20b", r#""a%2520b""#),
            ("W/v7", r#""W/v7""#),
            ("a\r\nb\u{e9}", r#""a%0D%0Ab%C3%A9""#),
        ];
        for (tag, want) in table {
            assert_eq!(entity_tag(tag.into()), want, "{tag:?}");
        }
    }

    #[test]
    fn a_weakened_tag_is_equal_but_not_strongly() {
        for (tag, want) in [
            (r#""v7""#, r#"W/"v7""#),
            (r#"W/"v7""#, r#"W/"v7""#),
            (r#""""#, r#"W/"""#),
            ("v7", r#"W/"v7""#),
        ] {
            let weak = weakened(tag.into());
            assert_eq!(weak, want, "{tag:?}");
            let (weak, tag) = (EntityTag::parse(&weak), EntityTag::parse(tag));
            assert!(weak.weak_eq(&tag) && !weak.strong_eq(&tag), "{tag:?}");
        }
    }

    #[test]
    fn compares_as_in_rfc_9110_section_8_8_3_2() {
        // (one, other, strong, weak): the table of that section
        let table = [
            (r#"W/"1""#, r#"W/"1""#, false, true),
            (r#"W/"1""#, r#"W/"2""#, false, false),
            (r#"W/"1""#, r#""1""#, false, true),
            (r#""1""#, r#""1""#, true, true),
        ];
        for (one, other, strong, weak) in table {
            let (one, other) = (EntityTag::parse(one), EntityTag::parse(other));
            assert_eq!(one.strong_eq(&other), strong, "{one:?} {other:?}");
            assert_eq!(one.weak_eq(&other), weak, "{one:?} {other:?}");
        }
    }

    #[test]
    fn a_known_tag_makes_a_304() {
        let table: &[(&str, &[&str], bool)] = &[
            ("no condition", &[], false),
            ("the tag", &[r#""v7""#], true),
            ("the tag, weak", &[r#"W/"v7""#], true),
            ("another", &[r#""v6""#], false),
            ("other case", &[r#""V7""#], false),
            ("first of a list", &[r#""v7", "v6""#], true),
            ("last of a list", &["\"v5\",W/\"v6\" ,\tW/\"v7\" "], true),
            ("after empty elements", &[r#", ,"v7""#], true),
            ("in a second field", &[r#""v6""#, r#""v7""#], true),
            ("any", &["*"], true),
            ("any, with blanks", &[" * "], true),
            ("an asterisk in quotes", &[r#""*""#], false),
            ("inside another tag", &[r#""a,"v7"",b""#], false),
            ("a comma in a tag before it", &[r#""a,b", "v7""#], true),
            ("without quotes", &["v7"], true),
            ("without quotes, in a list", &["v6, v7"], true),
            ("a quote that is not closed", &[r#""v7"#], false),
            ("something behind it", &[r#""v7"x"#], false),
            ("nothing", &[""], false),
        ];
        for (name, fields, want) in table {
            for method in ["GET", "HEAD", "POST"] {
                let response = Response::text("body").with_etag(&request(method, fields), "v7");
                let status = if *want && method != "POST" { 304 } else { 200 };
                assert_eq!(response.status_code, status, "{name}, {method}");
            }
        }
    }

    #[test]
    fn a_comma_is_part_of_a_quoted_tag() {
        let response = || Response::text("").with_etag_keep("a,b");
        let status = |list| {
            response()
                .simplify_if_etag_match(&request("GET", &[list]))
                .status_code
        };
        assert_eq!(status(r#""x", "a,b""#), 304);
        assert_eq!(status(r#"W/"a,b""#), 304);
        assert_eq!(status(r#""a", "b""#), 200);
    }

    #[test]
    fn only_a_success_with_a_tag_becomes_a_304() {
        for (status, tag, want) in [
            (200, true, 304),
            (206, true, 304),
            (299, true, 304),
            (200, false, 200),
            (199, true, 199),
            (301, true, 301),
            (404, true, 404),
        ] {
            let mut response = Response::text("body").with_status_code(status);
            if tag {
                response = response.with_etag_keep("v7");
            }
            let response = response.simplify_if_etag_match(&request("GET", &["*"]));
            assert_eq!(response.status_code, want, "{status}, tag: {tag}");
        }
    }

    #[test]
    fn a_304_keeps_what_updates_a_cache_and_nothing_of_the_body() {
        let response = Response::text("body")
            .with_public_cache(60)
            .with_unique_header("Content-Encoding", "gzip")
            .with_unique_header("Content-Location", "/en")
            .with_unique_header("Content-Security-Policy", "default-src 'self'")
            .with_unique_header("Vary", "Accept-Language")
            .with_etag(&request("GET", &["\"v7\""]), "v7");
        let names: Vec<&str> = response.headers.iter().map(|(name, _)| &**name).collect();
        let want = [
            "Cache-Control",
            "Content-Location",
            "Content-Security-Policy",
            "Vary",
            "ETag",
        ];
        assert_eq!(names, want);
        assert_eq!(response.data.into_reader_and_size().1, Some(0));
    }

    #[test]
    fn one_word_to_caches_replaces_another() {
        let response = Response::empty_204().with_no_cache();
        assert_eq!(response.headers.len(), 3);
        let response = response.with_private_cache(u64::MAX);
        let want = "private, max-age=18446744073709551615";
        assert_eq!(response.headers, [("Cache-Control".into(), want.into())]);
        let response = response.with_public_cache(0);
        assert_eq!(
            response.headers,
            [("Cache-Control".into(), "public, max-age=0".into())]
        );
    }

    /// Every list of up to seven of these characters is walked to its end.
    #[test]
    fn no_list_is_too_odd() {
        fn extend(list: &mut String, more: usize) {
            list_has(list, |tag| {
                assert!(list.contains(tag.opaque));
                false
            });
            if more == 0 {
                return;
            }
            for c in ['"', ',', ' ', 'W', '/', '\u{e9}'] {
                list.push(c);
                extend(list, more - 1);
                list.pop();
            }
        }
        extend(&mut String::new(), 7);
    }
}
