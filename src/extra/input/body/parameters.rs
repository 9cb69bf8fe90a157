//! [`Parameters`]: a value with parameters, such as `form-data; name="a"` and
//! `text/plain; charset=utf-8` (RFC 2183 §2, RFC 2045 §5.1, RFC 9110 §5.6.6).
//!
//! The parser accepts the notations of browsers and other clients that send forms. The module has
//! no list of parameter names.

use crate::message::syntax::bytes::{is_ows, is_token, trim};
use std::borrow::Cow;

/// `main *( OWS ";" OWS [ name "=" ( token / quoted-string ) ] )`
pub(crate) struct Parameters<'a> {
    /// The text before the first semicolon.
    pub(crate) main: &'a str,
    list: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Parameters<'a> {
    /// Returns `None` if any part of the value is malformed.
    pub(crate) fn parse(value: &'a str) -> Option<Parameters<'a>> {
        let end = value.find(';').unwrap_or(value.len());
        let (main, mut rest) = value.split_at(end);
        // One search for the last quote. A search from each opening quote would take quadratic
        // time.
        let tail = value.rfind('"').map_or(0, |last| value.len() - last);
        let mut list = Vec::new();
        while let Some(behind) = rest.strip_prefix(';') {
            rest = behind.trim_start_matches(is_ows);
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            // No blanks around the `=`, because parsers disagree about these.
            let (name, behind) = rest.split_once('=')?;
            if !is_token(name) {
                return None;
            }
            let (value, behind) = match behind.strip_prefix('"') {
                Some(text) => quoted(text, tail)?,
                None => unquoted(behind)?,
            };
            list.push((name, value));
            rest = behind.trim_start_matches(is_ows);
        }
        rest.is_empty().then(|| Parameters {
            main: trim(main),
            list,
        })
    }

    /// Returns the value of the parameter with this name. The case of the name is ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if there are two. One parser would take the first, another the last.
    pub(crate) fn only(&self, name: &str) -> Result<Option<&str>, &'static str> {
        let mut found = self
            .list
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = found.next().map(|(_, value)| &**value);
        match found.next() {
            Some(_) => Err("duplicate parameter"),
            None => Ok(value),
        }
    }
}

/// Returns an unquoted value, and the rest. The value need not be a token: clients often send a
/// boundary with `=` or `:` without quotes. Such a value is still unambiguous.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
    let (value, behind) = text.split_at(end);
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    (!value.is_empty() && value.bytes().all(fits)).then(|| (value.into(), behind))
}

/// Returns the value of `text`, which begins after the opening quote, and the rest after the
/// closing quote. The last quote of the whole text is `tail` bytes before the end.
///
/// Some clients escape with a backslash (RFC 2045: `\"` and `\\`). Browsers never escape, and send
/// a backslash unchanged. A backslash therefore escapes only these two. A backslash before the last
/// quote escapes nothing, as in a browser's `filename="a\"`.
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
    fn a_parameter_has_the_value_that_the_client_meant() {
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
            // Backslashes of clients that escape, and of browsers.
            ("x;p=\"a\\\"b\"", Ok(Some("a\"b"))),
            ("x;p=\"a\\\"b\\\"\"", Ok(Some("a\"b\""))),
            ("x;p=\"a\\\\b\"", Ok(Some("a\\b"))),
            ("x;p=\"C:\\new\\a.txt\"", Ok(Some("C:\\new\\a.txt"))),
            ("x;p=\"a\\\"", Ok(Some("a\\"))),
            ("x;p=\"a\\\\\"", Ok(Some("a\\"))),
            ("x;p=\"\\\"", Ok(Some("\\"))),
            ("x;p=1;p=1", Err("duplicate parameter")),
            ("x;p=1;P=2", Err("duplicate parameter")),
        ];
        for (value, want) in table {
            let read = Parameters::parse(value).expect(value);
            assert_eq!((read.main, read.only("p")), ("x", *want), "{value:?}");
        }
    }

    /// A search from each quote to the last quote would take a hundred times as long.
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
    fn an_ambiguous_value_is_none() {
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
            // The backslash could be the last character of the value, or escape the quote.
            "x;p=\"a\\\"; q=\"b\"",
        ] {
            assert!(Parameters::parse(value).is_none(), "{value:?}");
        }
    }
}
