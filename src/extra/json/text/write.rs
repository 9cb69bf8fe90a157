//! Writes a value as JSON text: compact, or indented for human readers.
//!
//! The functions are recursive. A value from a client is nested at most
//! [`MAX_DEPTH`](crate::json::MAX_DEPTH) levels deep.

use std::fmt::{self, Write};

use super::string::write_string;
use crate::extra::json::convert::ToJson;
use crate::extra::json::value::number::{Number, Repr};
use crate::extra::json::value::Json;

impl Json {
    /// Appends the value as compact text, without blanks and line ends.
    ///
    /// `to_string()` and `{}` write the same text. `{:#}` writes a text that is indented by two
    /// spaces.
    ///
    /// # Example: compact and indented text
    ///
    /// ```
    /// use millpond::json;
    ///
    /// let value = json!({ "list": [1, 2.0], "none": {} });
    /// let mut text = String::from("data: ");
    /// value.write_to(&mut text);
    /// assert_eq!(text, r#"data: {"list":[1,2.0],"none":{}}"#);
    /// assert_eq!(
    ///     format!("{:#}", value),
    ///     "{\n  \"list\": [\n    1,\n    2.0\n  ],\n  \"none\": {}\n}"
    /// );
    /// ```
    pub fn write_to(&self, out: &mut String) {
        infallible(compact(self, out));
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            indented(self, f, 0)
        } else {
            compact(self, f)
        }
    }
}

/// Checks the result of writing into a `String`, which never fails.
pub(crate) fn infallible(result: fmt::Result) {
    debug_assert!(result.is_ok());
}

fn compact<W: Write>(value: &Json, out: &mut W) -> fmt::Result {
    match value {
        Json::Null => out.write_str("null"),
        Json::Bool(true) => out.write_str("true"),
        Json::Bool(false) => out.write_str("false"),
        Json::Number(value) => number(*value, out),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.write_char('[')?;
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.write_char(',')?;
                }
                compact(item, out)?;
            }
            out.write_char(']')
        }
        Json::Object(object) => {
            out.write_char('{')?;
            for (n, (name, value)) in object.iter().enumerate() {
                if n > 0 {
                    out.write_char(',')?;
                }
                write_string(name, out)?;
                out.write_char(':')?;
                compact(value, out)?;
            }
            out.write_char('}')
        }
    }
}

fn indented<W: Write>(value: &Json, out: &mut W, depth: usize) -> fmt::Result {
    match value {
        Json::Array(items) if !items.is_empty() => {
            out.write_char('[')?;
            for (n, item) in items.iter().enumerate() {
                new_line(out, n > 0, depth + 1)?;
                indented(item, out, depth + 1)?;
            }
            new_line(out, false, depth)?;
            out.write_char(']')
        }
        Json::Object(object) if !object.is_empty() => {
            out.write_char('{')?;
            for (n, (name, value)) in object.iter().enumerate() {
                new_line(out, n > 0, depth + 1)?;
                write_string(name, out)?;
                out.write_str(": ")?;
                indented(value, out, depth + 1)?;
            }
            new_line(out, false, depth)?;
            out.write_char('}')
        }
        other => compact(other, out),
    }
}

fn new_line<W: Write>(out: &mut W, comma: bool, depth: usize) -> fmt::Result {
    out.write_str(if comma { ",\n" } else { "\n" })?;
    (0..depth).try_for_each(|_| out.write_str("  "))
}

fn number<W: Write>(number: Number, out: &mut W) -> fmt::Result {
    match number.0 {
        Repr::Unsigned(value) => write!(out, "{}", value),
        Repr::Negative(value) => write!(out, "{}", value),
        // The shortest digits that parse to the same value. There is always a fraction or an
        // exponent, so that the value stays a float: `1.0`, `1e300`.
        Repr::Float(value) => write!(out, "{:?}", value),
    }
}

/// Appends an array of items, without building a [`Json`] first.
pub(crate) fn array<'a, T>(items: impl IntoIterator<Item = &'a T>, out: &mut String)
where
    T: ToJson + ?Sized + 'a,
{
    out.push('[');
    for (n, item) in items.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        item.write_json(out);
    }
    out.push(']');
}

/// Appends an object of members, without building a [`Json`] first. The names must be unique.
pub(crate) fn object<'a, N, T>(members: impl Iterator<Item = (N, &'a T)>, out: &mut String)
where
    N: AsRef<str>,
    T: ToJson + 'a,
{
    let mut writer = ObjectWriter::new(out);
    for (name, value) in members {
        writer.field(name.as_ref(), value);
    }
    writer.end();
}

/// Appends an object member by member, for [`json_struct!`](crate::json_struct).
#[doc(hidden)]
pub struct ObjectWriter<'a> {
    out: &'a mut String,
    opening: char,
}

impl<'a> ObjectWriter<'a> {
    pub fn new(out: &'a mut String) -> ObjectWriter<'a> {
        ObjectWriter { out, opening: '{' }
    }

    pub fn field<T: ToJson + ?Sized>(&mut self, name: &str, value: &T) {
        self.out.push(self.opening);
        self.opening = ',';
        infallible(write_string(name, self.out));
        self.out.push(':');
        value.write_json(self.out);
    }

    pub fn end(self) {
        let is_empty = self.opening == '{';
        self.out.push_str(if is_empty { "{}" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn a_written_number_parses_to_the_same_value() {
        let float = |value| Number::from_f64(value).unwrap();
        let table = [
            (Number::from(0u64), "0"),
            (Number::from(10u64), "10"),
            (Number::from(u64::MAX), "18446744073709551615"),
            (Number::from(-1i64), "-1"),
            (Number::from(i64::MIN), "-9223372036854775808"),
            (float(1.0), "1.0"),
            (float(-0.0), "-0.0"),
            (float(0.1), "0.1"),
            (float(1e300), "1e300"),
            (float(5e-324), "5e-324"),
            (float(f64::MAX), "1.7976931348623157e308"),
            (float(9007199254740993.0), "9007199254740992.0"),
        ];
        for (number, want) in table {
            let text = Json::Number(number).to_string();
            assert_eq!(text, want);
            assert_eq!(Json::parse(&text).unwrap(), Json::Number(number));
        }
    }

    #[test]
    fn values_are_written_compact_and_indented() {
        let table = [
            (json!([]), "[]", "[]"),
            (json!({}), "{}", "{}"),
            (json!([[], {}]), "[[],{}]", "[\n  [],\n  {}\n]"),
            (
                json!({ "a": { "b": [true, false] }, "c": null }),
                r#"{"a":{"b":[true,false]},"c":null}"#,
                "{\n  \"a\": {\n    \"b\": [\n      true,\n      false\n    ]\n  },\n  \
                \"c\": null\n}",
            ),
        ];
        for (value, compact, indented) in table {
            assert_eq!(format!("{}", value), compact);
            assert_eq!(format!("{:#}", value), indented);
        }
    }
}
