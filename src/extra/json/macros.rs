//! `json!` and `json_struct!`: JSON in Rust source.

/// The name of a field whose identifier may be raw, as in `r#type`.
pub fn field_name(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Builds a [`Json`](crate::Json) from a literal with Rust expressions in it.
///
/// Any expression whose type is [`ToJson`](crate::ToJson) is a value; it is borrowed, not moved.
/// A name is a string literal, a variable, or an expression in parentheses, which
/// `String::from` takes. `null` is a word of this macro, and braces are always an object. Commas
/// may trail. More than about a hundred items side by side need a higher `recursion_limit`, or a
/// `Vec`.
///
/// # Example: everything at once
///
/// ```
/// use millpond::json;
///
/// let user = String::from("Ada");
/// let tags = vec!["a", "b"];
/// let value = json!({
///     "ok": true,
///     "answer": 6 * 7,
///     "user": user,
///     "tags": tags,
///     "list": [1, -2.5, { "a": null }, [], {}],
///     (format!("{}_len", user)): user.len(),
/// });
/// assert_eq!(
///     value.to_string(),
///     concat!(
///         r#"{"ok":true,"answer":42,"user":"Ada","tags":["a","b"],"#,
///         r#""list":[1,-2.5,{"a":null},[],{}],"Ada_len":3}"#
///     )
/// );
/// ```
#[macro_export]
macro_rules! json {
    (null) => {
        $crate::json::Json::Null
    };
    ([ $($items:tt)* ]) => {
        $crate::__json_items!([] $($items)* ,)
    };
    ({ $($members:tt)* }) => {
        $crate::__json_members!([] $($members)* ,)
    };
    ($value:expr) => {
        $crate::json::ToJson::to_json(&$value)
    };
}

/// `[done] rest`: moves the items over one by one. A comma is put behind the last one first, so
/// that each ends with one; a trailing comma is then the one that is left over.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_items {
    ([ $($done:expr,)* ] $(,)?) => {
        $crate::json::Json::Array(::std::vec![$($done),*])
    };
    ([ $($done:tt)* ] null , $($rest:tt)*) => {
        $crate::__json_items!([ $($done)* $crate::json::Json::Null, ] $($rest)*)
    };
    ([ $($done:tt)* ] [ $($items:tt)* ] , $($rest:tt)*) => {
        $crate::__json_items!([ $($done)* $crate::json!([ $($items)* ]), ] $($rest)*)
    };
    ([ $($done:tt)* ] { $($members:tt)* } , $($rest:tt)*) => {
        $crate::__json_items!([ $($done)* $crate::json!({ $($members)* }), ] $($rest)*)
    };
    ([ $($done:tt)* ] $value:expr , $($rest:tt)*) => {
        $crate::__json_items!([ $($done)* $crate::json!($value), ] $($rest)*)
    };
}

/// The same for members.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_members {
    ([ $($name:tt : $value:expr,)* ] $(,)?) => {
        $crate::json::Json::Object($crate::json::members([
            $((::std::string::String::from($name), $value)),*
        ]))
    };
    ([ $($done:tt)* ] $name:tt : null , $($rest:tt)*) => {
        $crate::__json_members!([ $($done)* $name : $crate::json::Json::Null, ] $($rest)*)
    };
    ([ $($done:tt)* ] $name:tt : [ $($items:tt)* ] , $($rest:tt)*) => {
        $crate::__json_members!([ $($done)* $name : $crate::json!([ $($items)* ]), ] $($rest)*)
    };
    ([ $($done:tt)* ] $name:tt : { $($members:tt)* } , $($rest:tt)*) => {
        $crate::__json_members!([ $($done)* $name : $crate::json!({ $($members)* }), ] $($rest)*)
    };
    ([ $($done:tt)* ] $name:tt : $value:expr , $($rest:tt)*) => {
        $crate::__json_members!([ $($done)* $name : $crate::json!($value), ] $($rest)*)
    };
}

/// Defines a struct that can be written as a JSON object and read from one.
///
/// Each field is a member of the same name, or of the one given with `as`. Reading ignores members
/// that are no field, takes a missing `Option` as `None`, and names the path of what does not fit.
/// Fields have to be of types that are [`ToJson`](crate::ToJson) and [`FromJson`](crate::FromJson);
/// there are no type parameters.
///
/// # Example: there and back
///
/// ```
/// use millpond::{json, json_struct, FromJson, Json, ToJson};
///
/// json_struct! {
///     /// One who may log in.
///     #[derive(Debug, Clone, PartialEq)]
///     pub struct User {
///         pub name: String,
///         pub age: Option<u8>,
///         address as "e-mail": String,
///     }
/// }
///
/// json_struct! {
///     #[derive(Debug)]
///     struct Team { users: Vec<User> }
/// }
///
/// let text = r#"{"name": "Ada", "e-mail": "ada@example.org", "likes": ["gears"]}"#;
/// let ada = User::from_json(&Json::parse(text).unwrap()).unwrap();
/// assert_eq!((ada.name.as_str(), ada.age), ("Ada", None));
/// assert_eq!(ada.to_json(), json!({ "name": "Ada", "age": null, "e-mail": ada.address }));
///
/// let team = Json::parse(r#"{"users": [{"name": "Ada", "age": "36"}]}"#).unwrap();
/// let error = Team::from_json(&team).unwrap_err();
/// assert_eq!(error.to_string(), "users[0].age: expected an integer");
/// ```
#[macro_export]
macro_rules! json_struct {
    (
        $(#[$meta:meta])*
        $vis:vis struct $struct:ident {
            $(
                $(#[$field_meta:meta])*
                $field_vis:vis $field:ident $(as $name:literal)? : $type:ty
            ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        $vis struct $struct {
            $($(#[$field_meta])* $field_vis $field: $type,)*
        }

        impl $crate::json::ToJson for $struct {
            fn to_json(&self) -> $crate::json::Json {
                $crate::json::Json::Object($crate::json::members([$((
                    ::std::string::String::from($crate::__json_name!($field $($name)?)),
                    $crate::json::ToJson::to_json(&self.$field),
                )),*]))
            }

            fn write_json(&self, out: &mut ::std::string::String) {
                #[allow(unused_mut)]
                let mut object = $crate::json::ObjectWriter::new(out);
                $(object.field($crate::__json_name!($field $($name)?), &self.$field);)*
                object.end();
            }
        }

        impl $crate::json::FromJson for $struct {
            fn from_json(
                value: &$crate::json::Json,
            ) -> ::core::result::Result<$struct, $crate::json::JsonError> {
                #[allow(unused_variables)]
                let object = $crate::json::expect_object(value)?;
                ::core::result::Result::Ok($struct {
                    $($field: object.field($crate::__json_name!($field $($name)?))?,)*
                })
            }
        }
    };
}

/// The name a field has in JSON.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_name {
    ($field:ident $name:literal) => {
        $name
    };
    ($field:ident) => {
        $crate::json::field_name(::core::stringify!($field))
    };
}
