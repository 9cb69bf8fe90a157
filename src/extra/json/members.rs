//! The members of a JSON object: in the order they came, each name once.
//!
//! Owns that invariant, at a cost that no choice of names can make quadratic when many members
//! come at once.

use std::collections::hash_map::{Entry, HashMap};

use super::{FromJson, Json, JsonError};

/// Up to about here comparing all pairs of names is cheaper than hashing them (measured).
const FEW: usize = 24;

/// The members of a [`Json::Object`], in insertion order, each name once.
///
/// [`get`](Object::get), [`insert`](Object::insert) and [`remove`](Object::remove) look at the
/// members one by one, which is fastest for the objects that usually travel. Collect many members
/// from an iterator instead of inserting them. Two objects are equal if they have equal members,
/// in whatever order.
///
/// # Example: last wins
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
    /// An object without members.
    pub fn new() -> Object {
        Object::default()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members
            .iter()
            .find(|member| member.0 == name)
            .map(|member| &member.1)
    }

    /// The value of a member, to be changed in place.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.members
            .iter_mut()
            .find(|member| member.0 == name)
            .map(|member| &mut member.1)
    }

    /// Sets a member and returns the value it had. A new member comes last.
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

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Json> {
        let index = self.members.iter().position(|member| member.0 == name)?;
        Some(self.members.remove(index).1)
    }

    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Json)> {
        self.members
            .iter()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// The value of a member as a Rust value; the error names the member.
    ///
    /// A member that is not there is an error, except where the type is an `Option`.
    ///
    /// # Errors
    ///
    /// [`JsonError::Shape`] if the member is missing or is not a `T`.
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

    /// Takes members as they were written, of which the last of a name wins.
    pub(crate) fn from_members(mut members: Vec<(String, Json)>) -> Object {
        if members.len() > FEW || has_repeats(&members) {
            drop_repeats(&mut members);
        }
        Object { members }
    }

    fn sorted(&self) -> Vec<&(String, Json)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        members
    }
}

/// For the macros, whose names are all expressions of one type and may be none at all.
pub fn members<const N: usize>(members: [(String, Json); N]) -> Object {
    Object::from_members(Vec::from(members))
}

fn has_repeats(members: &[(String, Json)]) -> bool {
    members
        .iter()
        .enumerate()
        .any(|(n, (name, _))| members[..n].iter().any(|m| m.0 == *name))
}

/// A repeated name keeps its first place and takes its last value, as in ECMAScript.
fn drop_repeats(members: &mut Vec<(String, Json)>) {
    // The standard hasher is keyed at random, so a sender cannot choose names that collide.
    let mut first_of = HashMap::with_capacity(members.len());
    let mut repeats = Vec::new();
    for (index, (name, _)) in members.iter().enumerate() {
        match first_of.entry(name.as_str()) {
            Entry::Vacant(entry) => {
                entry.insert(index);
            }
            Entry::Occupied(entry) => repeats.push((*entry.get(), index)),
        }
    }
    if repeats.is_empty() {
        return;
    }
    for &(first, repeat) in &repeats {
        members[first].1 = std::mem::take(&mut members[repeat].1);
    }
    let mut index = 0;
    let mut next_repeat = repeats.iter().map(|repeat| repeat.1).peekable();
    members.retain(|_| {
        let keep = next_repeat.next_if_eq(&index).is_none();
        index += 1;
        keep
    });
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
    use crate::ToJson;

    fn object(names: &[&str]) -> Object {
        names
            .iter()
            .enumerate()
            .map(|(n, name)| (*name, n.to_json()))
            .collect()
    }

    #[test]
    fn a_repeated_name_keeps_its_place_and_takes_the_last_value() {
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
    fn many_members_are_as_unique_as_few() {
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
    fn inserts_in_place_and_removes_in_order() {
        let mut object = object(&["a", "b", "c"]);
        assert_eq!(object.insert("b", Json::Null), Some(1.to_json()));
        assert_eq!(object.insert("d", Json::Null), None);
        assert_eq!(object.remove("a"), Some(0.to_json()));
        assert_eq!(object.remove("a"), None);
        assert_eq!(object.to_json().to_string(), r#"{"b":null,"c":2,"d":null}"#);
    }
}
