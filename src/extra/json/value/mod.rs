//! [`Json`], a value, and [`Object`], its members. The module does not depend on text.
//!
//! * `number`: a number
//! * `unique`: unique names of an object

pub(crate) mod number;
mod unique;

use std::ops::Index;

use self::number::Number;
use self::unique::unique_members;

/// 128 levels: the maximum nesting of arrays and objects in a text that is parsed. One more level
/// is an error.
///
/// Recursive functions write, compare, convert and drop values. The limit keeps a client's value
/// far from the end of any thread's stack.
pub const MAX_DEPTH: usize = 128;

/// A JSON value.
///
/// [`json!`](crate::json!) builds a value, and [`Json::parse`] reads one from a text.
/// [`ToJson`](super::ToJson) and [`FromJson`](super::FromJson) convert from and to Rust types.
///
/// An index with a name or a number returns the member or item, or `null` if there is none.
///
/// # Example: read parts of a value
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
    /// A number. Integers of 64 bits are exact.
    Number(Number),
    /// A string
    String(String),
    /// An array
    Array(Vec<Json>),
    /// An object
    Object(Object),
}

impl Json {
    /// Returns whether the value is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }

    /// Returns the boolean, or `None` for another kind of value.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the integer if the value is one and in range. `1.0` is not an integer.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Number(number) => number.as_u64(),
            _ => None,
        }
    }

    /// Returns the integer if the value is one and in range. `1.0` is not an integer.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Json::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// Returns the number as a float, or `None` for another kind of value. Integers beyond 2^53 are
    /// rounded.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }

    /// Returns the string, or `None` for another kind of value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items of an array, or `None` for another kind of value.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the members of an object, or `None` for another kind of value.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Returns the value of a member, or `None` if the value is not an object or lacks the member.
    ///
    /// An index returns `null` in these cases.
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

/// The members of a [`Json::Object`], in insertion order, with unique names.
///
/// [`get`](Object::get), [`insert`](Object::insert) and [`remove`](Object::remove) compare the
/// names one by one, which is fastest for objects of usual size. To build an object with many
/// members, collect an iterator instead of inserting each member. Two objects are equal if they
/// have equal members in any order.
///
/// # Example: the last value wins
///
/// ```
/// use millpond::json::Object;
/// use millpond::ToJson;
///
/// let mut object: Object = [("a", 1), ("b", 2), ("a", 3)]
///     .iter()
///     .map(|(name, value)| (*name, value.to_json()))
///     .collect();
/// assert_eq!(object.len(), 2);
/// assert_eq!(object.get("a").and_then(|a| a.as_u64()), Some(3));
/// object.insert("c", "new".to_json());
/// assert_eq!(object.to_json().to_string(), r#"{"a":3,"b":2,"c":"new"}"#);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Object {
    members: Vec<(String, Json)>,
}

impl Object {
    /// Returns an object without members.
    pub fn new() -> Object {
        Object::default()
    }

    /// Returns the number of members.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns whether the object has no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Returns the value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members
            .iter()
            .find(|member| member.0 == name)
            .map(|member| &member.1)
    }

    /// Returns the value of a member for changes in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.members
            .iter_mut()
            .find(|member| member.0 == name)
            .map(|member| &mut member.1)
    }

    /// Sets a member and returns its old value. A new member is appended at the end.
    pub fn insert(&mut self, name: impl Into<String>, value: Json) -> Option<Json> {
        let name = name.into();
        match self.get_mut(&name) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.members.push((name, value));
                None
            }
        }
    }

    /// Removes a member and returns its value. The other members keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let index = self.members.iter().position(|member| member.0 == name)?;
        Some(self.members.remove(index).1)
    }

    /// Returns an iterator over the members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn from_members(members: Vec<(String, Json)>) -> Object {
        let members = unique_members(members);
        Object { members }
    }

    fn sorted(&self) -> Vec<&(String, Json)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        members
    }
}

/// Builds an object for the macros, whose names are expressions of one type.
pub fn members<const N: usize>(members: [(String, Json); N]) -> Object {
    Object::from_members(Vec::from(members))
}

impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        if self.len() != other.len() {
            return false;
        }
        let mut pairs = self.members.iter().zip(&other.members);
        if pairs.all(|(ours, theirs)| ours.0 == theirs.0) {
            return self.members == other.members;
        }
        self.sorted() == other.sorted()
    }
}

impl Eq for Object {}

impl<N: Into<String>> FromIterator<(N, Json)> for Object {
    fn from_iter<I: IntoIterator<Item = (N, Json)>>(members: I) -> Object {
        let members = members
            .into_iter()
            .map(|(name, value)| (name.into(), value));
        Object::from_members(members.collect())
    }
}

impl IntoIterator for Object {
    type Item = (String, Json);
    type IntoIter = std::vec::IntoIter<(String, Json)>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{json, ToJson};

    #[test]
    fn an_accessor_returns_only_its_kind_of_value() {
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
    fn an_index_of_a_missing_value_is_null() {
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

    fn object(names: &[&str]) -> Object {
        names
            .iter()
            .enumerate()
            .map(|(n, name)| (*name, n.to_json()))
            .collect()
    }

    #[test]
    fn a_repeated_name_keeps_its_position_and_takes_the_last_value() {
        let table: &[(&[&str], &str)] = &[
            (&[], "{}"),
            (&["a", "b"], r#"{"a":0,"b":1}"#),
            (&["a", "a"], r#"{"a":1}"#),
            (&["a", "b", "a", "c", "a"], r#"{"a":4,"b":1,"c":3}"#),
            (&["a", "b", "b", "a"], r#"{"a":3,"b":2}"#),
        ];
        for (names, want) in table {
            assert_eq!(object(names).to_json().to_string(), *want);
        }
    }

    #[test]
    fn the_names_of_many_members_are_unique() {
        let names: Vec<String> = (0..1000).map(|n| format!("n{}", n % 600)).collect();
        let members = names
            .iter()
            .enumerate()
            .map(|(n, name)| (name.as_str(), n.to_json()));
        let object: Object = members.collect();
        assert_eq!(object.len(), 600);
        for (n, (name, value)) in object.iter().enumerate() {
            assert_eq!(name, format!("n{}", n));
            assert_eq!(
                value.as_u64(),
                Some(if n < 400 { n as u64 + 600 } else { n as u64 })
            );
        }
    }

    #[test]
    fn equality_ignores_order_and_nothing_else() {
        let of = |text: &str| Json::parse(text).unwrap();
        let one = of(r#"{"a":1,"b":[2],"c":{"x":1,"y":2}}"#);
        assert_eq!(one, of(r#"{"c":{"y":2,"x":1},"a":1,"b":[2]}"#));
        assert_ne!(one, of(r#"{"a":1,"b":[2]}"#));
        assert_ne!(one, of(r#"{"c":{"y":2,"x":1},"a":1,"b":[3]}"#));
        assert_ne!(one, of(r#"{"c":{"y":2,"x":1},"a":1,"d":[2]}"#));
    }

    #[test]
    fn insert_replaces_in_place_and_remove_keeps_the_order() {
        let mut object = object(&["a", "b", "c"]);
        assert_eq!(object.insert("b", Json::Null), Some(1.to_json()));
        assert_eq!(object.insert("d", Json::Null), None);
        assert_eq!(object.remove("a"), Some(0.to_json()));
        assert_eq!(object.remove("a"), None);
        assert_eq!(object.to_json().to_string(), r#"{"b":null,"c":2,"d":null}"#);
    }
}
