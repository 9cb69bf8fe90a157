//! A value with parameters: `form-data; name="a"`, `text/plain; charset=utf-8` (RFC 2183 §2, RFC
//! 2045 §5.1, RFC 9110 §5.6.6), read as those who send forms write it. It knows none by name.

use crate::message::syntax::bytes::{is_ows, is_token, trim};
use std::borrow::Cow;

/// `what *( OWS ";" OWS [ name "=" ( token / quoted-string ) ] )`
pub(crate) struct Parameters<'a> {
    pub what: &'a str,
    list: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Parameters<'a> {
    /// `None` where it is malformed, wherever that is.
    pub(crate) fn parse(value: &'a str) -> Option<Parameters<'a>> {
        let end = value.find(';').unwrap_or(value.len());
        let (what, mut rest) = value.split_at(end);
        // Looked for once: from each opening quote it would be the square of the length.
        let tail = value.rfind('"').map_or(0, |last| value.len() - last);
        let mut list = Vec::new();
        while let Some(behind) = rest.strip_prefix(';') {
            rest = behind.trim_start_matches(is_ows);
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            // No blanks around the `=`: readers do not agree on those.
            let (name, behind) = rest.split_once('=')?;
            if !is_token(name) {
                return None;
            }
            let (value, behind) = match behind.strip_prefix('"') {
                Some(text) => quoted(text, tail)?,
                None => plain(behind)?,
            };
            list.push((name, value));
            rest = behind.trim_start_matches(is_ows);
        }
        rest.is_empty().then(|| Parameters {
            what: trim(what),
            list,
        })
    }

    /// The value of this parameter, whose case does not count.
    ///
    /// # Errors
    ///
    /// When there are two: one reader would take the first, another the last.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, &'static str> {
        let mut found = self
            .list
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| &**value);
        match found.next() {
            Some(_) => Err("a parameter is there twice"),
            None => Ok(value),
        }
    }
}

/// Not only a token: boundaries often stand without the quotes that their `=` or `:` asks for, and
/// there is no other way to read that.
fn plain(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, behind) = text.split_at(end);
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (!value.is_empty() && value.bytes().all(fits)).then(|| (value.into(), behind))
}

/// From behind the first quote: the value, and what follows its last quote. The last quote of all
/// stands `tail` bytes before the end.
///
/// Some escape with a backslash (RFC 2045: `\"` and `\\`), browsers never do, and write a backslash
/// as it is. So it escapes these two only; and no quote behind which there is no other, as in the
/// browsers' `filename="a\"`.
fn quoted(text: &str, tail: usize) -> Option<(Cow<'_, str>, &str)> {
    let last = text.len().checked_sub(tail)?;
    let (mut value, mut at) = (String::new(), 0);
    loop {
        let found = at + text[at..].find(['"', '\\'])?;
        value.push_str(&text[at..found]);
        match &text.as_bytes()[found..] {
            [b'\\', b'"', ..] if found + 1 < last => value.push('"'),
            [b'\\', b'\\', ..] => value.push('\\'),
            [b'\\', ..] => {
                value.push('\\');
                at = found + 1;
                continue;
            }
            _ => return Some((value.into(), &text[found + 1..])),
        }
        at = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[test]
    fn a_parameter_is_what_it_was_meant_to_be() {
        // (value, its parameter `p`)
        let table: &[(&str, Result<Option<&str>, &str>)] = &[
            ("x", Ok(None)),
            ("x;p=1", Ok(Some("1"))),
            ("x \t; P=1 ", Ok(Some("1"))),
            ("x;;; ;p=1;", Ok(Some("1"))),
            ("x;pp=2;p=1;pp=3", Ok(Some("1"))),
            ("x;p*=UTF-8''2;p=1", Ok(Some("1"))),
            ("x;p=----=_a:b/(c)?", Ok(Some("----=_a:b/(c)?"))),
            ("x;p=\"\"", Ok(Some(""))),
            ("x;p=\"a;b=c\"", Ok(Some("a;b=c"))),
            ("x;p=\"\u{e9}\"", Ok(Some("\u{e9}"))),
            ("x;q=\";p=2\";p=1", Ok(Some("1"))),
            // Backslashes, by those who escape and by browsers.
            ("x;p=\"a\\\"b\"", Ok(Some("a\"b"))),
            ("x;p=\"a\\\"b\\\"\"", Ok(Some("a\"b\""))),
            ("x;p=\"a\\\\b\"", Ok(Some("a\\b"))),
            ("x;p=\"C:\\new\\a.txt\"", Ok(Some("C:\\new\\a.txt"))),
            ("x;p=\"a\\\"", Ok(Some("a\\"))),
            ("x;p=\"a\\\\\"", Ok(Some("a\\"))),
            ("x;p=\"\\\"", Ok(Some("\\"))),
            ("x;p=1;p=1", Err("a parameter is there twice")),
            ("x;p=1;P=2", Err("a parameter is there twice")),
        ];
        for (value, want) in table {
            let read = Parameters::parse(value).expect(value);
            assert_eq!((read.what, read.only("p")), ("x", *want), "{value:?}");
        }
    }

    /// A search from each quote to the last one would take a hundred times as long.
    #[test]
    fn many_quotes_before_a_long_tail_are_read_once() {
        let value = format!("x{};q={}", ";p=\"\"".repeat(100_000), "y".repeat(2_000_000));
        let began = Instant::now();
        assert_eq!(
            Parameters::parse(&value).expect("parameters").list.len(),
            100_001
        );
        assert!(began.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_none() {
        for value in [
            "x;p",
            "x;p=",
            "x;p=;q=1",
            "x;=1",
            "x;p =1",
            "x;p= 1",
            "x;p=1 2",
            "x;p=1 p=2",
            "x;p=a\"b",
            "x;p=a\\b",
            "x;p=\u{e9}",
            "x;\u{e9}=1",
            "x;p=\"1",
            "x;p=\"1\"2",
            "x;p=\"1\" 2",
            "x;p=\"a\"b\"",
            // The backslash is the name's last character, or the quote is part of it.
            "x;p=\"a\\\"; q=\"b\"",
        ] {
            assert!(Parameters::parse(value).is_none(), "{value:?}");
        }
    }
}
