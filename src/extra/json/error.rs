//! [`JsonError`]: the reason why a text is not JSON, or why a value does not have the shape of a
//! type.
//!
//! The texts contain nothing from the client except short plain member names, so that they can be
//! logged and sent in a response.

use std::borrow::Cow;
use std::fmt;

use super::value::MAX_DEPTH;

/// An error in a JSON text, or in the shape of a JSON value.
///
/// Both are errors of the client, so a handler responds with 400 to both. The error text contains
/// nothing from the client except short plain member names.
///
/// # Example: both kinds of errors
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
        /// The line of the first invalid byte. The first line is 1.
        line: usize,
        /// The position in that line, counted in characters. The first is 1.
        column: usize,
        /// The reason.
        reason: Reason,
    },
    /// The text is JSON, but does not have the shape of the type.
    Shape {
        /// The position, such as `users[3].age`. Empty for the outermost value.
        path: String,
        /// The problem, such as `expected an integer`.
        problem: Cow<'static, str>,
    },
}

/// The reason why a text is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are not valid UTF-8.
    NotUtf8,
    /// The text starts with a byte order mark.
    ByteOrderMark,
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A value must start here.
    ExpectedValue,
    /// The name of a member, which is a string, must start here.
    ExpectedName,
    /// A colon must follow the name of a member.
    ExpectedColon,
    /// A comma or a closing bracket must follow here.
    ExpectedComma,
    /// More text follows the outermost value.
    TrailingText,
    /// Arrays and objects are nested deeper than [`MAX_DEPTH`].
    TooDeep,
    /// A string contains a byte below 0x20 without an escape.
    ControlCharacter,
    /// A backslash in a string does not begin a valid escape.
    BadEscape,
    /// A string contains half of a surrogate pair.
    LoneSurrogate,
    /// A number does not match the grammar, such as `01`, `1.` and `1e`.
    BadNumber,
    /// A number is above the range of `f64`.
    NumberOutOfRange,
}

impl JsonError {
    /// Returns an error for a value with a wrong shape, for implementations of
    /// [`FromJson`](super::FromJson). Callers add the position.
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

    /// Adds the name of the member to the position. Returns a syntax error unchanged.
    ///
    /// The error text contains the name unchanged, so the name should be one that the program
    /// chose.
    pub fn in_field(self, name: &str) -> JsonError {
        self.under(name)
    }

    /// Adds the index of the item to the position. Returns a syntax error unchanged.
    pub fn in_item(self, index: usize) -> JsonError {
        self.under(&format!("[{}]", index))
    }

    /// Adds a name that the client chose. If the name is not a short plain word, the text has `*`.
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

    /// Returns a syntax error. `before` is the text up to the first invalid byte.
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
            Reason::NotUtf8 => "invalid UTF-8",
            Reason::ByteOrderMark => "byte order mark at start of text",
            Reason::UnexpectedEnd => "unexpected end of text",
            Reason::ExpectedValue => "expected a value",
            Reason::ExpectedName => "expected a member name in double quotes",
            Reason::ExpectedColon => "expected a colon",
            Reason::ExpectedComma => "expected a comma or a closing bracket",
            Reason::TrailingText => "expected end of text",
            Reason::TooDeep => {
                return write!(f, "more than {MAX_DEPTH} nested arrays and objects");
            }
            Reason::ControlCharacter => "control character without escape in string",
            Reason::BadEscape => "invalid escape in string",
            Reason::LoneSurrogate => "half of surrogate pair in string",
            Reason::BadNumber => "malformed number",
            Reason::NumberOutOfRange => "number out of range for f64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_characters_are_counted_from_one() {
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
    fn a_path_begins_with_the_outermost_value() {
        let error = JsonError::shape("no")
            .in_field("b")
            .in_item(1)
            .in_item(0)
            .in_field("a");
        assert_eq!(error.to_string(), "a[0][1].b: no");
        assert_eq!(JsonError::shape("no").to_string(), "no");
    }

    #[test]
    fn only_short_plain_names_of_the_client_are_shown() {
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
    fn a_syntax_error_has_no_path() {
        let error = JsonError::syntax("", Reason::TooDeep);
        assert_eq!(error.clone().in_field("a").in_item(1), error);
    }
}
