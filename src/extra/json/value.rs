//! The value itself, and looking into it.
//!
//! Owns [`Json`]; knows nothing of text but that there is a parser.

use std::ops::Index;

use super::{parse, JsonError, Number, Object};

/// A JSON value.
///
/// Build one with [`json!`](crate::json!), read one with [`Json::parse`], turn Rust values into one
/// with [`ToJson`](super::ToJson) and back with [`FromJson`](super::FromJson).
///
/// Indexing with a name or a number gives the member or item, and `null` where there is none.
///
/// # Example: looking into a value
///
/// ```
/// use millpond::Json;
///
/// let value = Json::parse(r#"{"users": [{"name": "Ada"}]}"#).unwrap();
/// assert_eq!(value["users"][0]["name"].as_str(), Some("Ada"));
/// assert!(value["users"][1]["name"].is_null());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; integers of 64 bits are exact.
    Number(Number),
    /// A string
    String(String),
    /// An array
    Array(Vec<Json>),
    /// An object
    Object(Object),
}

impl Json {
    /// Reads a JSON text (RFC 8259): one value, in UTF-8, with nothing but space around it.
    ///
    /// Of several members with one name the last wins. At most [`MAX_DEPTH`](super::MAX_DEPTH)
    /// arrays and objects may lie inside one another. A value may take up to 22 times as much
    /// memory as its text, and 35 times while it is read (measured on short numbers in arrays,
    /// with 64-bit pointers), so bound the text.
    ///
    /// # Errors
    ///
    /// [`JsonError::Syntax`], with the place. Refused are also texts that RFC 8259 lets each reader
    /// treat as it likes: a byte order mark, half a surrogate pair, a number above the range of
    /// `f64`.
    ///
    /// ```
    /// use millpond::{json, Json};
    ///
    /// assert_eq!(Json::parse(b" [1, 2.5] ").unwrap(), json!([1, 2.5]));
    /// let error = Json::parse("{\n  'a': 1\n}").unwrap_err();
    /// assert_eq!(error.to_string(), "line 2, column 3: expected a member name in double quotes");
    /// ```
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Json, JsonError> {
        parse::parse(text.as_ref())
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// The boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if it is one and fits. `1.0` is no integer.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// The integer, if it is one and fits. `1.0` is no integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The number as a float, if it is one. Integers beyond 2^53 are rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if it is an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if it is an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The value of a member, if it is an object and has it.
    ///
    /// Indexing does the same where `null` will do for a member that is missing.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.as_object()?.get(name)
    }
}

/// `null`
impl Default for Json {
    fn default() -> Json {
        Json::Null
    }
}

impl Index<&str> for Json {
    type Output = Json;

    fn index(&self, name: &str) -> &Json {
        self.get(name).unwrap_or(&Json::Null)
    }
}

impl Index<usize> for Json {
    type Output = Json;

    fn index(&self, index: usize) -> &Json {
        self.as_array()
            .and_then(|items| items.get(index))
            .unwrap_or(&Json::Null)
    }
}

#[cfg(test)]
mod tests {
    use crate::json;

    #[test]
    fn gives_each_kind_of_value_only_as_what_it_is() {
        let value = json!({ "null": null, "bool": true, "int": -1, "float": 1.0, "text": "1" });
        assert!(value["null"].is_null() && !value["bool"].is_null());
        assert_eq!(value["bool"].as_bool(), Some(true));
        assert_eq!(
            (value["int"].as_i64(), value["int"].as_u64()),
            (Some(-1), None)
        );
        assert_eq!(
            (value["float"].as_i64(), value["float"].as_f64()),
            (None, Some(1.0))
        );
        assert_eq!(
            (value["text"].as_str(), value["text"].as_f64()),
            (Some("1"), None)
        );
        assert_eq!(
            (value["int"].as_str(), value["null"].as_bool()),
            (None, None)
        );
        assert!(value.as_array().is_none() && value["int"].as_object().is_none());
    }

    #[test]
    fn what_is_not_there_is_null() {
        let value = json!({ "a": [1] });
        for missing in [
            &value["b"]["c"],
            &value["a"]["x"],
            &value["a"][1],
            &value[0][0],
        ] {
            assert!(missing.is_null());
        }
        assert_eq!((value.get("b"), value["a"].get("x")), (None, None));
    }
}
