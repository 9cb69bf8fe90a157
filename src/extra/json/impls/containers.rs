//! [`ToJson`] and [`FromJson`] for pointers, `Option`, sequences, tuples and maps.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use crate::extra::json::convert::{expect_array, expect_object, FromJson, ToJson};
use crate::extra::json::error::JsonError;
use crate::extra::json::text::write;
use crate::extra::json::value::{Json, Object};

macro_rules! pointers {
    ($($pointer:ty),*) => { $(
        impl<T: ToJson + ?Sized> ToJson for $pointer {
            fn to_json(&self) -> Json {
                (**self).to_json()
            }

            fn write_json(&self, out: &mut String) {
                (**self).write_json(out);
            }
        }
    )* };
}

pointers!(&T, &mut T, Box<T>, Arc<T>);

impl<T: FromJson> FromJson for Box<T> {
    fn from_json(value: &Json) -> Result<Box<T>, JsonError> {
        T::from_json(value).map(Box::new)
    }

    fn from_missing() -> Result<Box<T>, JsonError> {
        T::from_missing().map(Box::new)
    }
}

impl<T: ToJson + ToOwned + ?Sized> ToJson for Cow<'_, T> {
    fn to_json(&self) -> Json {
        (**self).to_json()
    }

    fn write_json(&self, out: &mut String) {
        (**self).write_json(out);
    }
}

impl<T: ToOwned + ?Sized> FromJson for Cow<'_, T>
where
    T::Owned: FromJson,
{
    fn from_json(value: &Json) -> Result<Self, JsonError> {
        T::Owned::from_json(value).map(Cow::Owned)
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::to_json)
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Some(value) => value.write_json(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: FromJson> FromJson for Option<T> {
    fn from_json(value: &Json) -> Result<Option<T>, JsonError> {
        match value {
            Json::Null => Ok(None),
            value => T::from_json(value).map(Some),
        }
    }

    fn from_missing() -> Result<Option<T>, JsonError> {
        Ok(None)
    }
}

impl<T: ToJson> ToJson for [T] {
    fn to_json(&self) -> Json {
        Json::Array(self.iter().map(T::to_json).collect())
    }

    fn write_json(&self, out: &mut String) {
        write::array(self, out);
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }

    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Json) -> Result<Vec<T>, JsonError> {
        expect_array(value)?
            .iter()
            .enumerate()
            .map(|(index, item)| read_item(item, index))
            .collect()
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }

    fn write_json(&self, out: &mut String) {
        self.as_slice().write_json(out);
    }
}

impl<T: FromJson, const N: usize> FromJson for [T; N] {
    fn from_json(value: &Json) -> Result<[T; N], JsonError> {
        expect_items(value, N)?;
        // Never fails: the length has just been checked.
        Vec::from_json(value)?
            .try_into()
            .map_err(|_| wrong_length(N))
    }
}

macro_rules! tuples {
    ($($len:literal: $($type:ident $index:tt),+;)+) => { $(
        impl<$($type: ToJson),+> ToJson for ($($type,)+) {
            fn to_json(&self) -> Json {
                Json::Array(vec![$(self.$index.to_json()),+])
            }

            fn write_json(&self, out: &mut String) {
                let items: [&dyn ToJson; $len] = [$(&self.$index),+];
                write::array(items, out);
            }
        }

        impl<$($type: FromJson),+> FromJson for ($($type,)+) {
            fn from_json(value: &Json) -> Result<Self, JsonError> {
                let items = expect_items(value, $len)?;
                Ok(($(read_item::<$type>(&items[$index], $index)?,)+))
            }
        }
    )+ };
}

tuples! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
}

impl<N: AsRef<str>, T: ToJson, S> ToJson for HashMap<N, T, S> {
    fn to_json(&self) -> Json {
        Json::Object(object(self.iter()))
    }

    fn write_json(&self, out: &mut String) {
        write::object(self.iter(), out);
    }
}

impl<N, T, S> FromJson for HashMap<N, T, S>
where
    N: From<String> + Eq + Hash,
    T: FromJson,
    S: BuildHasher + Default,
{
    fn from_json(value: &Json) -> Result<HashMap<N, T, S>, JsonError> {
        expect_object(value)?.iter().map(read_member).collect()
    }
}

impl<N: AsRef<str>, T: ToJson> ToJson for BTreeMap<N, T> {
    fn to_json(&self) -> Json {
        Json::Object(object(self.iter()))
    }

    fn write_json(&self, out: &mut String) {
        write::object(self.iter(), out);
    }
}

impl<N: From<String> + Ord, T: FromJson> FromJson for BTreeMap<N, T> {
    fn from_json(value: &Json) -> Result<BTreeMap<N, T>, JsonError> {
        expect_object(value)?.iter().map(read_member).collect()
    }
}

fn object<'a, N, T>(members: impl Iterator<Item = (&'a N, &'a T)>) -> Object
where
    N: AsRef<str> + 'a,
    T: ToJson + 'a,
{
    members
        .map(|(name, value)| (name.as_ref(), value.to_json()))
        .collect()
}

fn expect_items(value: &Json, len: usize) -> Result<&[Json], JsonError> {
    let items = expect_array(value)?;
    if items.len() == len {
        Ok(items)
    } else {
        Err(wrong_length(len))
    }
}

fn wrong_length(len: usize) -> JsonError {
    JsonError::shape(format!("expected an array of length {len}"))
}

fn read_item<T: FromJson>(item: &Json, index: usize) -> Result<T, JsonError> {
    T::from_json(item).map_err(|error| error.in_item(index))
}

fn read_member<N: From<String>, T: FromJson>(
    (name, value): (&str, &Json),
) -> Result<(N, T), JsonError> {
    match T::from_json(value) {
        Ok(value) => Ok((N::from(name.to_owned()), value)),
        Err(error) => Err(error.in_foreign_field(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::scalars::tests::{converts, refuses};
    use super::*;
    use crate::json;

    #[test]
    fn pointers_and_options_convert_as_their_content() {
        converts(Some(Box::new(1u8)), "1");
        converts(None::<u8>, "null");
        converts(Cow::<str>::Owned(String::from("a")), "\"a\"");
        assert_eq!(Arc::new(&mut "a").to_json(), json!("a"));
        refuses::<Option<u8>>("\"\"", "expected an integer");
    }

    #[test]
    fn sequences_and_tuples_are_arrays() {
        converts(vec![Some(1u8), None], "[1,null]");
        converts(Vec::<u8>::new(), "[]");
        converts([[1u8, 2], [3, 4]], "[[1,2],[3,4]]");
        converts((1u8,), "[1]");
        converts(
            (1u8, String::from("b"), true, vec![0.5]),
            "[1,\"b\",true,[0.5]]",
        );
        assert_eq!([1u8, 2][..1].to_json(), json!([1]));
        refuses::<Vec<Vec<u8>>>("[[], [1, null]]", "[1][1]: expected an integer");
        refuses::<Vec<u8>>("{}", "expected an array");
        refuses::<[u8; 2]>("[1]", "expected an array of length 2");
        refuses::<(u8, u8)>("[1, 2, 3]", "expected an array of length 2");
        refuses::<(u8, bool)>("[1, 2]", "[1]: expected true or false");
    }

    #[test]
    fn maps_are_objects() {
        let map: BTreeMap<String, u8> = [("b".into(), 1), ("a".into(), 2)].into_iter().collect();
        converts(map.clone(), r#"{"a":2,"b":1}"#);
        converts(BTreeMap::<String, u8>::new(), "{}");
        converts(
            HashMap::<String, u8>::from([("\n".into(), 1)]),
            r#"{"\n":1}"#,
        );
        let map: HashMap<String, u8> = map.into_iter().collect();
        assert_eq!(map.to_json(), json!({ "a": 2, "b": 1 }));
        refuses::<HashMap<String, u8>>(r#"{"a": 1, "b": -1}"#, "b: out of range for u8");
        refuses::<BTreeMap<String, u8>>(r#"{"<b>": null}"#, "*: expected an integer");
        refuses::<BTreeMap<String, u8>>("[]", "expected an object");
    }
}
