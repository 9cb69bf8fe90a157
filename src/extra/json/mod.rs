//! JSON (RFC 8259) without a dependency: a value, a strict reader, a writer, and Rust types to and
//! from it.
//!
//! | to | use |
//! |---|---|
//! | write JSON in Rust | [`json!`](crate::json!) |
//! | read a text | [`Json::parse`] |
//! | write a text | `to_string()`, [`Json::write_to`], `{:#}` for people |
//! | look into a value | `value["users"][0]`, [`Json::as_str`] and the like, [`Object::field`] |
//! | send and receive a struct | [`json_struct!`](crate::json_struct) |
//! | any other type | [`ToJson`] and [`FromJson`], by hand |
//!
//! What is read back from what was written is equal to it, as long as it is no deeper than
//! [`MAX_DEPTH`]. Stands alone: it knows nothing of HTTP.
//!
//! # Example: a request's body and its answer
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

mod value;

mod number;
mod object;

mod error;
mod parse;
mod response;
mod string;
#[doc(hidden)]
pub mod try_or_400;
mod write;

mod containers;
mod convert;
mod macros;

#[cfg(test)]
mod tests;

pub use self::convert::{FromJson, ToJson};
pub use self::error::{JsonError, Reason};
pub use self::number::Number;
pub use self::object::Object;
pub use self::value::Json;

// What the macros expand to.
#[doc(hidden)]
pub use self::convert::expect_object;
#[doc(hidden)]
pub use self::macros::field_name;
#[doc(hidden)]
pub use self::object::members;
#[doc(hidden)]
pub use self::write::ObjectWriter;

/// How many arrays and objects may lie inside one another in a text that is read: so many are
/// read, one more is refused.
///
/// Values are written, compared, converted and dropped by functions that call themselves for each
/// level; this keeps what a peer sends far from the end of any thread's stack.
pub const MAX_DEPTH: usize = 128;
