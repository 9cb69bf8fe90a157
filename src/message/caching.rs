//! Entity tags and what a response tells caches: the part of [`Response`] that saves sending a body.
//! It compares tags (RFC 9110 §8.8.3); it keeps nothing and computes none.

use super::body::ResponseBody;
use super::percent;
use super::request::Request;
use super::response::Response;
use std::borrow::Cow;

impl Response {
    /// The same response with an `ETag`, or an empty 304 if the client has it already: both halves of
    /// [`with_etag_keep`](Response::with_etag_keep) and
    /// [`simplify_if_etag_match`](Response::simplify_if_etag_match).
    ///
    /// The tag must change whenever the body does: a version number, a hash, a time of change.
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
    pub fn with_etag<E>(self, request: &Request, etag: E) -> Response
    where
        E: Into<Cow<'static, str>>,
    {
        self.with_etag_keep(etag).simplify_if_etag_match(request)
    }

    /// An empty 304 in place of a successful answer to GET or HEAD whose `ETag` the client names in
    /// `If-None-Match` (RFC 9110 §13.1.2); any other response as it is.
    ///
    /// Tags are compared weakly: `W/"1"` and `"1"` are the same. `*` is any tag.
    ///
    /// ```
    /// use millpond::{Request, Response};
    ///
    /// let seen = vec![("If-None-Match".into(), "W/\"1\"".into())];
    /// let request = Request::fake_http("GET", "/", seen, vec![]);
    /// let response = Response::text("one").with_etag_keep("1").simplify_if_etag_match(&request);
    /// assert_eq!(response.status_code, 304);
    /// ```
    pub fn simplify_if_etag_match(mut self, request: &Request) -> Response {
        // RFC 9110 §13.2.1: a condition counts only where the answer would be 2xx without it. §13.1.2
        // has 412 for other methods, but what they do has been done by the time there is a response.
        let conditional = matches!(request.method(), "GET" | "HEAD");
        if !conditional || !(200..300).contains(&self.status_code) {
            return self;
        }
        let named = |(name, _): &&(Cow<str>, Cow<str>)| name.eq_ignore_ascii_case("ETag");
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

    /// The same response with an `ETag`, in the place of one it has. It is put in quotes if it is not
    /// (RFC 9110 §8.8.3), `W/"..."` says that it is weak, and what a tag cannot hold is encoded.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let etag = |tag: &'static str| Response::text("").with_etag_keep(tag).headers.remove(1).1;
    /// assert_eq!(etag("v7"), "\"v7\"");
    /// assert_eq!(etag("W/\"v7\""), "W/\"v7\"");
    /// ```
    pub fn with_etag_keep<E>(self, etag: E) -> Response
    where
        E: Into<Cow<'static, str>>,
    {
        self.with_unique_header("ETag", entity_tag(etag.into()))
    }

    /// The same response for every cache to keep for so many seconds.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("logo").with_public_cache(3600);
    /// assert_eq!(response.headers[1], ("Cache-Control".into(), "public, max-age=3600".into()));
    /// ```
    pub fn with_public_cache(self, max_age_seconds: u64) -> Response {
        self.with_max_age(format!("public, max-age={max_age_seconds}"))
    }

    /// The same response for the client alone to keep for so many seconds; no proxy may.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("inbox").with_private_cache(60);
    /// assert_eq!(response.headers[1], ("Cache-Control".into(), "private, max-age=60".into()));
    /// ```
    pub fn with_private_cache(self, max_age_seconds: u64) -> Response {
        self.with_max_age(format!("private, max-age={max_age_seconds}"))
    }

    /// The same response for nobody to keep. `Expires` and `Pragma` say it to caches of HTTP/1.0.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("balance").with_no_cache();
    /// assert_eq!(response.headers[1].1, "no-cache, no-store, must-revalidate");
    /// ```
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
    /// Without its quotes. One that came without any is compared like the others: caches that
    /// filled up while a server sent it bare still know it.
    opaque: &'a str,
}

impl<'a> EntityTag<'a> {
    pub fn parse(tag: &'a str) -> EntityTag<'a> {
        let (weak, opaque) = match tag.strip_prefix("W/") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        EntityTag {
            weak,
            opaque: unquote(opaque).unwrap_or(opaque),
        }
    }

    /// RFC 9110 §8.8.3.2: for `If-None-Match`.
    pub fn weak_eq(&self, other: &EntityTag) -> bool {
        self.opaque == other.opaque
    }

    /// RFC 9110 §8.8.3.2: for `If-Match` and `If-Range`, where the bytes must be the same.
    pub fn strong_eq(&self, other: &EntityTag) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }
}

/// Whether one of the tags in `If-None-Match` or `If-Match`, or its `*`, is the one looked for.
pub(crate) fn list_has(list: &str, mut is_it: impl FnMut(&EntityTag) -> bool) -> bool {
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    while !rest.is_empty() {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (tag, after) = rest.split_at(tag_len(rest));
        if !tag.is_empty() && is_it(&EntityTag::parse(tag.trim_end())) {
            return true;
        }
        rest = after;
    }
    false
}

/// Up to the comma behind the tag that `list` begins with; a comma inside the quotes is of the tag.
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

/// `[ W/ ] DQUOTE *etagc DQUOTE` of any text; one that is that already stays as it is.
fn entity_tag(tag: Cow<'static, str>) -> Cow<'static, str> {
    let opaque = unquote(tag.strip_prefix("W/").unwrap_or(&tag));
    if opaque.map_or(false, |opaque| opaque.bytes().all(is_etagc)) {
        return tag;
    }
    let mut quoted = String::from("\"");
    // With `%` encoded too, different texts stay different tags.
    percent::encode_into(&mut quoted, &tag, |byte| is_etagc(byte) && byte != b'%');
    quoted.push('"');
    quoted.into()
}

/// RFC 9110 §8.8.3: etagc = %x21 / %x23-7E / obs-text, here without obs-text.
fn is_etagc(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'"'
}
