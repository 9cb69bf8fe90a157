//! The traits [`ToJson`] and [`FromJson`], and the functions that implementations share.

use super::error::JsonError;
use super::value::{Json, Object};

/// A type that can be converted to JSON.
///
/// [`json_struct!`](crate::json_struct) implements the trait for a struct. For another type,
/// implement [`to_json`](ToJson::to_json).
///
/// Integers are exact. Floats keep their value, and infinity and NaN are `null`. `None` and `()`
/// are `null`, tuples are arrays, and maps are objects.
///
/// # Example: an enum as a string
///
/// ```
/// use millpond::{json, Json, ToJson};
///
/// enum State { On, Off }
///
/// impl ToJson for State {
///     fn to_json(&self) -> Json {
///         match self {
///             State::On => json!("on"),
///             State::Off => json!("off"),
///         }
///     }
/// }
///
/// assert_eq!(vec![State::On, State::Off].to_json(), json!(["on", "off"]));
/// ```
pub trait ToJson {
    /// Returns the value as JSON.
    fn to_json(&self) -> Json;

    /// Appends the value as JSON text.
    ///
    /// An implementation must append the same text as `self.to_json().write_to(out)`, which is the
    /// default implementation.
    fn write_json(&self, out: &mut String) {
        self.to_json().write_to(out);
    }
}

/// A type that can be converted from JSON.
///
/// [`json_struct!`](crate::json_struct) implements the trait for a struct. For another type, use
/// [`Object::field`] for members, and [`JsonError::shape`] for an error.
///
/// Integer types accept integers in range, without a fraction or an exponent. Float types accept
/// any number. `Option` accepts `null` and a missing member. Tuples and fixed-size arrays accept
/// arrays of their length.
///
/// # Example: an enum as a string
///
/// ```
/// use millpond::{json, FromJson, Json, JsonError};
///
/// #[derive(Debug, PartialEq)]
/// enum State { On, Off }
///
/// impl FromJson for State {
///     fn from_json(value: &Json) -> Result<State, JsonError> {
///         match value.as_str() {
///             Some("on") => Ok(State::On),
///             Some("off") => Ok(State::Off),
///             _ => Err(JsonError::shape("expected \"on\" or \"off\"")),
///         }
///     }
/// }
///
/// let states = Vec::<State>::from_json(&json!(["on", "off"]));
/// assert_eq!(states.unwrap(), [State::On, State::Off]);
/// let error = Vec::<State>::from_json(&json!(["on", 1])).unwrap_err();
/// assert_eq!(error.to_string(), "[1]: expected \"on\" or \"off\"");
/// ```
pub trait FromJson: Sized {
    /// Converts the value.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError::Shape`] if the value does not have the shape of this type.
    fn from_json(value: &Json) -> Result<Self, JsonError>;

    /// Returns the value for a missing member. For most types, this is an error.
    #[doc(hidden)]
    fn from_missing() -> Result<Self, JsonError> {
        Err(JsonError::shape("missing"))
    }
}

impl Object {
    /// Converts the value of a member. An error contains the name of the member.
    ///
    /// A missing member is an error, unless the type is an `Option`.
    ///
    /// # Errors
    ///
    /// Returns [`JsonError::Shape`] if the member is missing or is not a `T`.
    ///
    /// ```
    /// use millpond::Json;
    ///
    /// let value = Json::parse(r#"{"name": "Ada", "born": "1815"}"#).unwrap();
    /// let person = value.as_object().unwrap();
    /// assert_eq!(person.field::<String>("name").unwrap(), "Ada");
    /// assert_eq!(person.field::<Option<u32>>("died").unwrap(), None);
    /// let error = person.field::<u32>("born").unwrap_err();
    /// assert_eq!(error.to_string(), "born: expected an integer");
    /// ```
    pub fn field<T: FromJson>(&self, name: &str) -> Result<T, JsonError> {
        let result = match self.get(name) {
            Some(value) => T::from_json(value),
            None => T::from_missing(),
        };
        result.map_err(|error| error.in_field(name))
    }
}

#[doc(hidden)]
pub fn expect_object(value: &Json) -> Result<&Object, JsonError> {
    value
        .as_object()
        .ok_or_else(|| JsonError::shape("expected an object"))
}

pub(crate) fn expect_array(value: &Json) -> Result<&[Json], JsonError> {
    value
        .as_array()
        .ok_or_else(|| JsonError::shape("expected an array"))
}
