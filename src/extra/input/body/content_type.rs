//! What the body is said to be: `Content-Type` (RFC 9110 §8.3).

use super::parameters::Parameters;
use crate::message::syntax::bytes::trim;
use crate::message::Request;

/// `media-type = type "/" subtype parameters`, as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContentType<'a>(&'a str);

impl<'a> ContentType<'a> {
    /// `None` without the field. Also where there are several: which of them is meant, a proxy
    /// might see otherwise.
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

    /// Whether it is this type, whose case does not count, with whatever parameters.
    pub(crate) fn is(&self, media_type: &str) -> bool {
        let end = self.0.find(';').unwrap_or(self.0.len());
        trim(&self.0[..end]).eq_ignore_ascii_case(media_type)
    }

    /// What is said besides the type; `None` where that is malformed.
    pub(crate) fn parameters(&self) -> Option<Parameters<'a>> {
        Parameters::parse(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_is_what_stands_before_the_parameters() {
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
    fn of_several_fields_none_is_believed() {
        let fields = |values: &[&str]| {
            let field = |value: &&str| ("content-type".to_owned(), (*value).to_owned());
            Request::fake_http("POST", "/", values.iter().map(field).collect(), vec![])
        };
        assert!(ContentType::of(&fields(&[])).is_none());
        assert!(ContentType::of(&fields(&["a/b"])).is_some());
        assert!(ContentType::of(&fields(&["a/b", "a/b"])).is_none());
    }
}
