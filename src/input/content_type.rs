//! What the body is said to be: `Content-Type` (RFC 9110 §8.3).

use crate::message::{weights::trim, Request};
use std::borrow::Cow;

/// `media-type = type "/" subtype *( OWS ";" OWS [ token "=" ( token / quoted-string ) ] )`
#[derive(Clone, Copy, Debug)]
pub(super) struct ContentType<'a> {
    name: &'a str,
    /// From the first semicolon on.
    parameters: &'a str,
}

impl<'a> ContentType<'a> {
    /// `None` without the field. Also where there are several: which of them is meant, a proxy
    /// might see otherwise.
    pub fn of(request: &'a Request) -> Option<ContentType<'a>> {
        let mut fields = request
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Type"));
        let (_, value) = fields.next()?;
        match fields.next() {
            Some(_) => None,
            None => Some(ContentType::parse(value)),
        }
    }

    pub fn parse(value: &'a str) -> ContentType<'a> {
        let end = value.find(';').unwrap_or(value.len());
        let (name, parameters) = value.split_at(end);
        ContentType {
            name: trim(name),
            parameters,
        }
    }

    /// Whether it is this type, whose case does not count, with whatever parameters.
    pub fn is(&self, media_type: &str) -> bool {
        self.name.eq_ignore_ascii_case(media_type)
    }

    /// The value of a parameter, the first one of that name, whose case does not count; what stood
    /// in quotes, without them. `None` if the parameters cannot be read that far.
    pub fn parameter(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut rest = self.parameters;
        loop {
            rest = trim_start(trim_start(rest).strip_prefix(';')?);
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            // No blanks around the `=` (RFC 9110 §5.6.6).
            let (found, behind) = rest.split_once('=')?;
            if found.contains([';', '"', ' ', '\t']) {
                return None;
            }
            let (value, behind) = match behind.strip_prefix('"') {
                Some(quoted) => unquote(quoted)?,
                None => {
                    let (value, behind) = behind.split_at(behind.find(';').unwrap_or(behind.len()));
                    (Cow::Borrowed(trim(value)), behind)
                }
            };
            if found.eq_ignore_ascii_case(name) {
                return Some(value);
            }
            rest = behind;
        }
    }
}

/// A quoted-string (RFC 9110 §5.6.4) from behind its first quote, and what follows its last.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((text[..end].into(), &text[end + 1..]));
    }
    let mut value = text[..end].to_owned();
    let mut chars = text[end..].chars();
    loop {
        match chars.next()? {
            '"' => return Some((value.into(), chars.as_str())),
            // quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text )
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
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
            assert_eq!(ContentType::parse(value).is("text/plain"), is, "{value:?}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_name() {
        // (value, its parameter `p`)
        let table: &[(&str, Option<&str>)] = &[
            ("a/b", None),
            ("a/b;p=1", Some("1")),
            ("a/b; P=1", Some("1")),
            ("a/b;x=2;p=1", Some("1")),
            ("a/b \t; x=2 \t; \tp=1 ", Some("1")),
            ("a/b;p=1;p=2", Some("1")),
            ("a/b;;; ;p=1;", Some("1")),
            ("a/b;pp=2;p=1", Some("1")),
            ("a/b;p=", Some("")),
            ("a/b;p=a=b", Some("a=b")),
            ("a/b;p=\"\"", Some("")),
            ("a/b;p=\"1;x=2\"", Some("1;x=2")),
            ("a/b;x=\";p=2\";p=1", Some("1")),
            ("a/b;x=\"\\\";p=2\";p=1", Some("1")),
            ("a/b;p=\"a\\\"b\\\\\\c\"", Some("a\"b\\c")),
            ("a/b;p=\"\u{e9}\\\u{e9}\"", Some("\u{e9}\u{e9}")),
            ("a/b;p=\"1", None),
            ("a/b;p=\"1\\", None),
            ("a/b;p=\"1\\\"", None),
            ("a/b;x=\"1;p=1", None),
            ("a/b;x=\"1\" y;p=1", None),
            ("a/b;x;p=1", None),
            ("a/b;x;y=2;p=1", None),
            ("a/b;p =1", None),
            ("a/b p=1", None),
        ];
        for (value, want) in table {
            let got = ContentType::parse(value).parameter("p");
            assert_eq!(got.as_deref(), *want, "{value:?}");
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
