//! [`ContentType`]: the media type of a request's body (RFC 9110 §8.3).

use super::parameters::Parameters;
use crate::message::syntax::bytes::trim;
use crate::message::Request;

/// `media-type = type "/" subtype parameters`, as the client sent the value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentType<'a>(&'a str);

impl<'a> ContentType<'a> {
    /// Returns the only `Content-Type` field. Returns `None` if there are several, because a proxy
    /// may use another one.
    pub(crate) fn of(request: &'a Request) -> Option<ContentType<'a>> {
        let mut fields = request
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        let (_, value) = fields.next()?;
        match fields.next() {
            Some(_) => None,
            None => Some(ContentType(value)),
        }
    }

    /// Returns whether the value has this type, with any parameters. The case is ignored.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        let end = self.0.find(';').unwrap_or(self.0.len());
        trim(&self.0[..end]).eq_ignore_ascii_case(media_type)
    }

    /// Returns the parameters, or `None` if these are malformed.
    pub(crate) fn parameters(&self) -> Option<Parameters<'a>> {
        Parameters::parse(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_ends_before_the_parameters() {
        // (value, whether it is text/plain)
        for (value, is) in [
            ("text/plain", true),
            ("Text/PLAIN", true),
            ("text/plain;charset=utf-8", true),
            ("text/plain ; charset=utf-8", true),
            ("text/plain;", true),
            ("text/plainer", false),
            ("text/plain, text/html", false),
            ("text", false),
            ("text/", false),
            ("", false),
            (";text/plain", false),
        ] {
            assert_eq!(ContentType(value).is("text/plain"), is, "{value:?}");
        }
    }

    #[test]
    fn several_fields_are_none() {
        let fields = |values: &[&str]| {
            let field = |value: &&str| ("content-type".to_owned(), (*value).to_owned());
            Request::fake_http("POST", "/", values.iter().map(field).collect(), vec![])
        };
        assert!(ContentType::of(&fields(&[])).is_none());
        assert!(ContentType::of(&fields(&["a/b"])).is_some());
        assert!(ContentType::of(&fields(&["a/b", "a/b"])).is_none());
    }
}
