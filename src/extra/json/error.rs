//! Why a text is not JSON, or why a JSON value is not what a type wants.
//!
//! Owns the sentences. Nothing here repeats more of a peer's text than a short plain word of it,
//! so an error may be logged and sent back as it is.

use std::borrow::Cow;
use std::fmt;

/// What is wrong with a JSON text, or with the shape of a JSON value.
///
/// Either way the mistake is the sender's, so a handler answers both with a 400. The sentence it
/// prints holds no text of the sender's but short plain member names.
///
/// # Example: both kinds
///
/// ```
/// use millpond::{FromJson, Json, JsonError};
///
/// let error = Json::parse("{\"age\": 0x10}").unwrap_err();
/// assert_eq!(error.to_string(), "line 1, column 10: expected a comma or a closing bracket");
///
/// let value = Json::parse("[1, 2, \"three\"]").unwrap();
/// let error = Vec::<u8>::from_json(&value).unwrap_err();
/// assert_eq!(error.to_string(), "[2]: expected an integer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// The text is not JSON.
    Syntax {
        /// The line of the first byte that cannot stand where it does; the first line is 1.
        line: usize,
        /// Its place in that line, counted in characters; the first is 1.
        column: usize,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The text is JSON, but not what the type wants.
    Shape {
        /// Where, as in `users[3].age`; empty for the outermost value.
        path: String,
        /// A sentence without its full stop, as in `expected an integer`.
        problem: Cow<'static, str>,
    },
}

/// Why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// The text starts with a byte order mark.
    ByteOrderMark,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A value has to start here.
    ExpectedValue,
    /// A member's name, which is a string, has to start here.
    ExpectedName,
    /// A colon has to follow a member's name.
    ExpectedColon,
    /// A comma or a closing bracket has to follow here.
    ExpectedComma,
    /// More follows the outermost value.
    TrailingText,
    /// More than [`MAX_DEPTH`](super::MAX_DEPTH) arrays and objects inside one another.
    TooDeep,
    /// A byte below 0x20 in a string, where it has to be escaped.
    ControlCharacter,
    /// A backslash with something behind it that is no escape.
    BadEscape,
    /// Half of a surrogate pair: no character.
    LoneSurrogate,
    /// A number that breaks the grammar, as in `01`, `1.` and `1e`.
    BadNumber,
    /// A number above the range of an `f64`.
    NumberOutOfRange,
}

impl JsonError {
    /// A value that is not what the type wants, for implementations of
    /// [`FromJson`](super::FromJson); callers add where it is.
    ///
    /// ```
    /// use millpond::JsonError;
    ///
    /// let error = JsonError::shape("expected a colour").in_item(3).in_field("palette");
    /// assert_eq!(error.to_string(), "palette[3]: expected a colour");
    /// ```
    pub fn shape(problem: impl Into<Cow<'static, str>>) -> JsonError {
        JsonError::Shape {
            path: String::new(),
            problem: problem.into(),
        }
    }

    /// The same error, one object further out; a syntax error stays as it is.
    ///
    /// The name is shown as it is, so it should be one that the program knows.
    pub fn in_field(self, name: &str) -> JsonError {
        self.under(name)
    }

    /// The same error, one array further out; a syntax error stays as it is.
    pub fn in_item(self, index: usize) -> JsonError {
        self.under(&format!("[{}]", index))
    }

    /// As `in_field`, for a name the sender chose. What is not a short plain word is shown as `*`.
    pub(crate) fn in_foreign_field(self, name: &str) -> JsonError {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        let shown = !name.is_empty() && name.len() <= 32 && name.bytes().all(is_plain);
        self.under(if shown { name } else { "*" })
    }

    fn under(self, step: &str) -> JsonError {
        match self {
            JsonError::Shape { path, problem } => {
                let dot = if path.is_empty() || path.starts_with('[') {
                    ""
                } else {
                    "."
                };
                JsonError::Shape {
                    path: format!("{}{}{}", step, dot, path),
                    problem,
                }
            }
            syntax => syntax,
        }
    }

    /// `before` is the text up to the offending byte.
    pub(crate) fn syntax(before: &str, reason: Reason) -> JsonError {
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        JsonError::Syntax {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            reason,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::Syntax {
                line,
                column,
                reason,
            } => {
                write!(f, "line {}, column {}: {}", line, column, reason)
            }
            JsonError::Shape { path, problem } if path.is_empty() => f.write_str(problem),
            JsonError::Shape { path, problem } => write!(f, "{}: {}", path, problem),
        }
    }
}

impl std::error::Error for JsonError {}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::NotUtf8 => "the text is not UTF-8",
            Reason::ByteOrderMark => "the text starts with a byte order mark",
            Reason::UnexpectedEnd => "the text ends too early",
            Reason::ExpectedValue => "expected a value",
            Reason::ExpectedName => "expected a member name in double quotes",
            Reason::ExpectedColon => "expected a colon",
            Reason::ExpectedComma => "expected a comma or a closing bracket",
            Reason::TrailingText => "expected the end of the text",
            Reason::TooDeep => "too many arrays and objects inside one another",
            Reason::ControlCharacter => "a control character has to be escaped",
            Reason::BadEscape => "a backslash starts no escape here",
            Reason::LoneSurrogate => "half a surrogate pair is no character",
            Reason::BadNumber => "a malformed number",
            Reason::NumberOutOfRange => "a number too large to hold",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        for (before, want) in [
            ("", (1, 1)),
            ("ab", (1, 3)),
            ("\u{e9}\u{1f600}", (1, 3)),
            ("a\n", (2, 1)),
            ("a\r\n\n  x", (3, 4)),
        ] {
            let (line, column) = want;
            let want = JsonError::Syntax {
                line,
                column,
                reason: Reason::BadNumber,
            };
            assert_eq!(
                JsonError::syntax(before, Reason::BadNumber),
                want,
                "{:?}",
                before
            );
        }
    }

    #[test]
    fn a_path_reads_from_the_outside_in() {
        let error = JsonError::shape("no")
            .in_field("b")
            .in_item(1)
            .in_item(0)
            .in_field("a");
        assert_eq!(error.to_string(), "a[0][1].b: no");
        assert_eq!(JsonError::shape("no").to_string(), "no");
    }

    #[test]
    fn shows_only_short_plain_words_of_the_sender() {
        let long = "x".repeat(33);
        for (name, want) in [
            ("id-7_b", "id-7_b"),
            ("", "*"),
            ("<b>", "*"),
            ("a b", "*"),
            ("\u{e9}", "*"),
            (&long[1..], &long[1..]),
            (&long, "*"),
        ] {
            let error = JsonError::shape("no").in_foreign_field(name);
            assert_eq!(error.to_string(), format!("{}: no", want));
        }
    }

    #[test]
    fn a_syntax_error_takes_no_path() {
        let error = JsonError::syntax("", Reason::TooDeep);
        assert_eq!(error.clone().in_field("a").in_item(1), error);
    }
}
