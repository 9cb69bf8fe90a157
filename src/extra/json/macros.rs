//! `json!` and `json_struct!`: JSON in Rust source. The macros call functions of `value`, `convert`
//! and `text`.

/// Returns the name of a field whose identifier may be raw, such as `r#type`.
pub fn field_name(identifier: &'static str) -> &'static str {
    identifier.strip_prefix("r#").unwrap_or(identifier)
}

/// Builds a [`Json`](crate::Json) from a JSON literal, which may contain Rust expressions.
///
/// A value is any expression whose type implements [`ToJson`](crate::ToJson). The expression is
/// borrowed, not moved. A name is a string literal, a variable, or an expression in parentheses;
/// `String::from` must accept the name. The macro reads `null` as JSON's null, and braces always as
/// an object. Trailing commas are allowed. More than about a hundred items in one array or object
/// need a higher `recursion_limit`, or a `Vec`.
///
/// # Example: all kinds of values
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

/// Moves the items one by one from the rest into the brackets. The caller appends a comma, so that
/// each item ends with a comma. A trailing comma is then left over, and is ignored.
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

/// Does the same for the members of an object.
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

/// Defines a struct that converts to and from a JSON object.
///
/// Each field is a member with the same name, or with the name after `as`. The conversion from JSON
/// ignores other members, and reads a missing `Option` as `None`. An error contains the path of the
/// invalid value. The types of fields must implement [`ToJson`](crate::ToJson) and
/// [`FromJson`](crate::FromJson). The struct cannot have type parameters.
///
/// # Example: to JSON and back
///
/// ```
/// use millpond::{json, json_struct, FromJson, Json, ToJson};
///
/// json_struct! {
///     /// A user of the site.
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

/// Expands to the name of a field in JSON.
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
