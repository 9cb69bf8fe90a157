//! JSON (RFC 8259) without a dependency: a value, a strict parser, a writer, and conversions to and
//! from Rust types.
//!
//! | to | use |
//! |---|---|
//! | write JSON in Rust | [`json!`](crate::json!) |
//! | parse a text | [`Json::parse`] |
//! | write a text | `to_string()`, [`Json::write_to`], `{:#}` with indentation |
//! | read parts of a value | `value["users"][0]`, [`Json::as_str`] and similar, [`Object::field`] |
//! | send and receive a struct | [`json_struct!`](crate::json_struct) |
//! | convert another type | implement [`ToJson`] and [`FromJson`] |
//!
//! Parsing a written text returns an equal value, unless the value is nested deeper than
//! [`MAX_DEPTH`]. Except [`Response::json`](crate::Response::json), the module does not depend on
//! HTTP.
//!
//! # Example: a request body and the response
//!
//! ```
//! use millpond::{json, json_struct, FromJson, Json};
//!
//! json_struct! {
//!     pub struct Order { pub item: String, pub count: u32, pub note: Option<String> }
//! }
//!
//! fn answer(body: &[u8]) -> Json {
//!     match Json::parse(body).and_then(|value| Order::from_json(&value)) {
//!         Ok(order) => json!({ "ordered": order.item, "count": order.count }),
//!         Err(error) => json!({ "error": error.to_string() }),
//!     }
//! }
//!
//! let said = answer(br#"{"item": "tea", "count": 2}"#).to_string();
//! assert_eq!(said, r#"{"ordered":"tea","count":2}"#);
//! let said = answer(br#"{"item": "tea", "count": -2}"#).to_string();
//! assert_eq!(said, r#"{"error":"count: out of range for u32"}"#);
//! ```

// The files, each of which uses only those above:
//
// * `value/`: `Json`, `Object` and `Number`
// * `error`: `JsonError`
// * `convert`: the traits `ToJson` and `FromJson`
// * `text/`: JSON text, read and written
// * `impls/`: the traits for types of std
// * `macros`: `json!` and `json_struct!`
// * `response`: `Response::json`
// * `try_or_400`: the macro, and an error and its causes as JSON

mod convert;
mod error;
mod impls;
mod macros;
mod response;
mod text;
#[doc(hidden)]
pub mod try_or_400;
mod value;

#[cfg(test)]
mod tests;

pub use self::convert::{FromJson, ToJson};
pub use self::error::{JsonError, Reason};
pub use self::value::number::Number;
pub use self::value::{Json, Object, MAX_DEPTH};

// Used by the expansion of the macros.
#[doc(hidden)]
pub use self::convert::expect_object;
#[doc(hidden)]
pub use self::macros::field_name;
#[doc(hidden)]
pub use self::text::write::ObjectWriter;
#[doc(hidden)]
pub use self::value::members;
