//! Reads a form into a struct of typed fields: the data of `<form method="POST">`, as
//! `application/x-www-form-urlencoded` or as `multipart/form-data`.
//!
//! ```
//! use millpond::input::post::BufferedFile;
//! use millpond::{post_input, try_or_400, Request, Response};
//!
//! fn order(request: &Request) -> Response {
//!     let input = try_or_400!(post_input!(request, {
//!         item: String,
//!         count: u32,
//!         note: Option<String>,
//!         gift: bool,
//!         photos: Vec<BufferedFile>,
//!     }));
//!     Response::text(format!("{} times {}", input.count, input.item))
//! }
//!
//! let kind = "application/x-www-form-urlencoded".to_owned();
//! let fields = vec![("Content-Type".to_owned(), kind)];
//! let ask = |body: &str| {
//!     order(&Request::fake_http("POST", "/", fields.clone(), body.into())).status_code
//! };
//! assert_eq!(ask("item=green+tea&count=2&gift=on"), 200);
//! assert_eq!(ask("item=green+tea&count=two"), 400);
//! assert_eq!(ask("item=green+tea"), 400);
//! ```
//!
//! # The types of fields
//!
//! | type | accepted values |
//! |---|---|
//! | `String` | any text; a file that is text |
//! | `u8` to `u64`, `i8` to `i64`, `usize`, `isize`, `f32`, `f64` | a number in range |
//! | `bool` | `true` if the field exists, with any value: a checkbox |
//! | `Option<T>` | `None` if the field is missing, or is not a `T` |
//! | `Vec<T>` | any number of fields, also none; a value that is not a `T` is an error |
//! | [`BufferedFile`] | a file, whole and in memory |
//!
//! Two fields with one name are an error, except for `Vec` and `bool`. Fields that the macro does
//! not name are skipped. For other types, implement [`DecodePostField`].
//!
//! A part of a multipart form is a file if it has a file name, or a content type that is not text.
//! An `<input type="file">` without a chosen file sends an empty file with an empty name.
//!
//! # Memory limits
//!
//! | limit | applies to |
//! |---|---|
//! | [`MAX_FORM_BYTES`], 1 MiB | a whole urlencoded body; the text of a multipart form |
//! | [`MAX_BUFFERED_BYTES`], 16 MiB | one `BufferedFile`; all values of a form |
//! | [`MAX_FIELDS`], 10,000 | the number of fields, named by the macro or not |
//!
//! One more byte or field is an error. For larger files, use [`multipart`](super::multipart), or a
//! type whose `from_file` writes the file elsewhere.

// The files:
//
// * `macros`: `post_input!`, which reads a form into a struct
// * `form`: the fields of a form in either encoding, for the macro
// * `urlencoded`: the pairs of an urlencoded body
// * `field`: `DecodePostField`, the trait for the types of fields
// * `decode`: the trait for the types of std, and `BufferedFile`
// * `error`: the errors of a form and of a field
// * `limits`: the limits for memory

mod decode;
mod error;
mod field;
mod form;
mod limits;
mod macros;
mod urlencoded;

#[cfg(test)]
mod compat;
#[cfg(test)]
mod tests;

pub use self::decode::BufferedFile;
pub use self::error::{PostError, PostFieldError};
pub use self::field::DecodePostField;
pub use self::limits::{MAX_BUFFERED_BYTES, MAX_FIELDS, MAX_FORM_BYTES};
pub use self::urlencoded::raw_urlencoded_post_input;

// Used by the expansion of `post_input!`. The names cannot collide with others after
// `use rouille::input::post::*`.
#[doc(hidden)]
pub use self::form::{absent as __absent, Form as __Form};
