//! [`ToJson`] and [`FromJson`] for scalars of std, and for JSON values.

use crate::extra::json::convert::{expect_object, FromJson, ToJson};
use crate::extra::json::error::JsonError;
use crate::extra::json::text::string::write_string;
use crate::extra::json::text::write::{self, infallible};
use crate::extra::json::value::number::Number;
use crate::extra::json::value::{Json, Object};

impl ToJson for Json {
    fn to_json(&self) -> Json {
        self.clone()
    }

    fn write_json(&self, out: &mut String) {
        self.write_to(out);
    }
}

impl FromJson for Json {
    fn from_json(value: &Json) -> Result<Json, JsonError> {
        Ok(value.clone())
    }
}

impl ToJson for Object {
    fn to_json(&self) -> Json {
        Json::Object(self.clone())
    }

    fn write_json(&self, out: &mut String) {
        write::object(self.iter(), out);
    }
}

impl FromJson for Object {
    fn from_json(value: &Json) -> Result<Object, JsonError> {
        expect_object(value).cloned()
    }
}

impl ToJson for () {
    fn to_json(&self) -> Json {
        Json::Null
    }
}

impl FromJson for () {
    fn from_json(value: &Json) -> Result<(), JsonError> {
        if value.is_null() {
            Ok(())
        } else {
            Err(JsonError::shape("expected null"))
        }
    }
}

impl ToJson for bool {
    fn to_json(&self) -> Json {
        Json::Bool(*self)
    }
}

impl FromJson for bool {
    fn from_json(value: &Json) -> Result<bool, JsonError> {
        value
            .as_bool()
            .ok_or_else(|| JsonError::shape("expected true or false"))
    }
}

macro_rules! integers {
    ($($type:ident as $wide:ident by $get:ident),*) => { $(
        impl ToJson for $type {
            fn to_json(&self) -> Json {
                // `as` widens: no target of std has pointers of more than 64 bits.
                Json::Number(Number::from(*self as $wide))
            }
        }

        impl FromJson for $type {
            fn from_json(value: &Json) -> Result<$type, JsonError> {
                let number = match value {
                    Json::Number(number) => number,
                    _ => return Err(JsonError::shape("expected an integer")),
                };
                number.$get().and_then(|wide| $type::try_from(wide).ok()).ok_or_else(|| {
                    if number.is_integer() {
                        JsonError::shape(concat!("out of range for ", stringify!($type)))
                    } else {
                        JsonError::shape("expected an integer")
                    }
                })
            }
        }
    )* };
}

integers!(u8 as u64 by as_u64, u16 as u64 by as_u64, u32 as u64 by as_u64, u64 as u64 by as_u64);
integers!(i8 as i64 by as_i64, i16 as i64 by as_i64, i32 as i64 by as_i64, i64 as i64 by as_i64);
integers!(usize as u64 by as_u64, isize as i64 by as_i64);

impl ToJson for f64 {
    fn to_json(&self) -> Json {
        Number::from_f64(*self).map_or(Json::Null, Json::Number)
    }
}

impl FromJson for f64 {
    fn from_json(value: &Json) -> Result<f64, JsonError> {
        value
            .as_f64()
            .ok_or_else(|| JsonError::shape("expected a number"))
    }
}

impl ToJson for f32 {
    fn to_json(&self) -> Json {
        f64::from(*self).to_json()
    }
}

impl FromJson for f32 {
    fn from_json(value: &Json) -> Result<f32, JsonError> {
        // `as` rounds to the nearest value, which is infinity beyond the range.
        let nearest = f64::from_json(value)? as f32;
        if nearest.is_infinite() {
            return Err(JsonError::shape("out of range for f32"));
        }
        Ok(nearest)
    }
}

impl ToJson for str {
    fn to_json(&self) -> Json {
        Json::String(self.to_owned())
    }

    fn write_json(&self, out: &mut String) {
        infallible(write_string(self, out));
    }
}

impl ToJson for String {
    fn to_json(&self) -> Json {
        self.as_str().to_json()
    }

    fn write_json(&self, out: &mut String) {
        self.as_str().write_json(out);
    }
}

impl FromJson for String {
    fn from_json(value: &Json) -> Result<String, JsonError> {
        let text = value
            .as_str()
            .ok_or_else(|| JsonError::shape("expected a string"))?;
        Ok(text.to_owned())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::json;
    use std::fmt::Debug;

    pub(crate) fn converts<T: FromJson + ToJson + PartialEq + Debug>(value: T, want: &str) {
        let mut written = String::new();
        value.write_json(&mut written);
        assert_eq!(written, want);
        assert_eq!(value.to_json().to_string(), want);
        assert_eq!(T::from_json(&Json::parse(want).unwrap()), Ok(value));
    }

    pub(crate) fn refuses<T: FromJson + Debug>(text: &str, want: &str) {
        let error = T::from_json(&Json::parse(text).unwrap()).unwrap_err();
        assert_eq!(error.to_string(), want, "{}", text);
    }

    #[test]
    fn integers_are_exact_in_their_whole_range() {
        converts(u8::MAX, "255");
        converts(i8::MIN, "-128");
        converts(u64::MAX, "18446744073709551615");
        converts(i64::MIN, "-9223372036854775808");
        converts(i64::MAX, "9223372036854775807");
        converts(usize::MAX, &usize::MAX.to_string());
        refuses::<u8>("256", "out of range for u8");
        refuses::<u8>("-1", "out of range for u8");
        refuses::<i8>("-129", "out of range for i8");
        refuses::<i64>("9223372036854775808", "out of range for i64");
        refuses::<u64>("18446744073709551616", "expected an integer");
        refuses::<u8>("1.0", "expected an integer");
        refuses::<u8>("1e2", "expected an integer");
        refuses::<i32>("\"1\"", "expected an integer");
    }

    #[test]
    fn floats_accept_any_number_in_range() {
        converts(0.1f64, "0.1");
        converts(0.5f32, "0.5");
        assert_eq!(f64::from_json(&json!(3)), Ok(3.0));
        assert_eq!(f64::NAN.to_json(), Json::Null);
        assert_eq!(f32::INFINITY.to_json(), Json::Null);
        refuses::<f32>("1e39", "out of range for f32");
        refuses::<f64>("null", "expected a number");
    }

    #[test]
    fn other_scalars_accept_only_their_own_kind() {
        converts(true, "true");
        converts((), "null");
        converts(String::from("a\"b"), "\"a\\\"b\"");
        converts(Json::Null, "null");
        converts(Object::new(), "{}");
        refuses::<bool>("1", "expected true or false");
        refuses::<()>("0", "expected null");
        refuses::<String>("null", "expected a string");
        refuses::<Object>("[]", "expected an object");
    }
}
