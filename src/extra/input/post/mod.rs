//! Reading a form: what `<form method="POST">` sends, as `application/x-www-form-urlencoded` or as
//! `multipart/form-data`, into a struct of typed fields.
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
//! | type | what it takes |
//! |---|---|
//! | `String` | any text; a file that is text |
//! | `u8` to `u64`, `i8` to `i64`, `usize`, `isize`, `f32`, `f64` | a number that fits |
//! | `bool` | `true` if the field is there, whatever is in it: a checkbox |
//! | `Option<T>` | `None` if there is no such field, or nothing that a `T` takes |
//! | `Vec<T>` | any number of fields of the name, none included; one that is no `T` is an error |
//! | [`BufferedFile`] | a file, whole and in memory |
//!
//! Two fields of one name are an error for all but `Vec` and `bool`. Fields that the macro does not
//! name are skipped. Other types are [`DecodePostField`] by hand.
//!
//! A part of a multipart form is a file if it has a file name, or a content type that is no text.
//! A `<input type="file">` in which nothing was chosen is sent as a file without bytes whose name
//! is empty.
//!
//! # What it holds in memory
//!
//! | bound | of what |
//! |---|---|
//! | [`MAX_FORM_BYTES`], 1 MiB | a whole urlencoded body; the text of a multipart form |
//! | [`MAX_BUFFERED_BYTES`], 16 MiB | one `BufferedFile`; all that is kept of a form |
//! | [`MAX_FIELDS`], 10,000 | fields, whether they are asked for or not |
//!
//! One more is an error. Files that are larger are for [`multipart`](super::multipart), or for a
//! type of your own whose `from_file` writes them elsewhere.

mod decode;
mod error;
mod form;
mod macros;

#[cfg(test)]
mod compat;
#[cfg(test)]
mod tests;

use crate::message::Request;
use std::fmt;
use std::io::BufRead;

pub use self::decode::BufferedFile;
pub use self::error::{PostError, PostFieldError};

// What the macro expands to. Not under names that `use rouille::input::post::*` could bring into
// the way of others.
#[doc(hidden)]
pub use self::form::{absent as __absent, Form as __Form};

/// Bytes of text in a form: of a whole urlencoded body, or of all fields of a multipart form that
/// are asked for and are no files. One more is an error.
pub const MAX_FORM_BYTES: usize = 1024 * 1024;
/// Bytes of one [`BufferedFile`], and of all that [`post_input!`](crate::post_input) keeps of one
/// form. One more is an error; for a moment both of them are held.
pub const MAX_BUFFERED_BYTES: usize = 16 * 1024 * 1024;
/// Fields of one form. One more is an error.
pub const MAX_FIELDS: usize = super::multipart::MAX_PARTS;

/// A type for the fields of [`post_input!`](crate::post_input).
///
/// `Config` is the type of what stands in braces behind the field's type there; `()` if nothing
/// does.
///
/// # Example: an upload that goes elsewhere than into memory
///
/// ```
/// use millpond::input::post::{DecodePostField, PostFieldError};
/// use millpond::{post_input, Request};
/// use std::io::{self, BufRead};
///
/// /// How much was written to the place of the configuration.
/// #[derive(Debug)]
/// struct Stored(u64);
///
/// impl DecodePostField<&'static str> for Stored {
///     fn from_field(_: &'static str, _: &str) -> Result<Stored, PostFieldError> {
///         Err(PostFieldError::WrongFieldType)
///     }
///
///     fn from_file<R: BufRead>(
///         _folder: &'static str,
///         mut file: R,
///         _filename: Option<&str>,
///         _mime: &str,
///     ) -> Result<Stored, PostFieldError> {
///         Ok(Stored(io::copy(&mut file, &mut io::sink())?))
///     }
/// }
///
/// let kind = "multipart/form-data; boundary=x".to_owned();
/// let body = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\
///             seven b\r\n--x--\r\n";
/// let fields = vec![("Content-Type".to_owned(), kind)];
/// let request = Request::fake_http("POST", "/", fields, body.into());
/// let input = post_input!(&request, { file: Stored {"/var/uploads"} }).expect("a form");
/// assert_eq!(input.file.0, 7);
/// ```
pub trait DecodePostField<Config>: fmt::Debug {
    /// The value of a field that is text.
    ///
    /// # Errors
    ///
    /// `WrongFieldType` if it has to be a file; or why the text is no value of this type.
    fn from_field(config: Config, content: &str) -> Result<Self, PostFieldError>
    where
        Self: Sized;

    /// The value of a field that is a file. `file` ends where the file ends, and need not be read.
    /// `filename` and `mime` are the client's words; without any the latter is `text/plain`.
    ///
    /// # Errors
    ///
    /// `WrongFieldType` if it has to be text; or why the file is no value of this type.
    fn from_file<R>(
        config: Config,
        file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Self, PostFieldError>
    where
        Self: Sized,
        R: BufRead;

    /// One value of two, as the form has several fields of the name: `self` came before.
    ///
    /// # Errors
    ///
    /// `UnexpectedMultipleValues` unless the type says otherwise.
    fn merge_multiple(self, existing: Self) -> Result<Self, PostFieldError>
    where
        Self: Sized,
    {
        drop(existing);
        Err(PostFieldError::UnexpectedMultipleValues)
    }

    /// The value of a field that the form does not have.
    ///
    /// # Errors
    ///
    /// `MissingField` unless the type says otherwise.
    fn not_found(config: Config) -> Result<Self, PostFieldError>
    where
        Self: Sized,
    {
        drop(config);
        Err(PostFieldError::MissingField)
    }

    /// How much of [`MAX_BUFFERED_BYTES`] it takes.
    #[doc(hidden)]
    fn bytes_held(&self) -> usize {
        0
    }
}

/// All names and values of an `application/x-www-form-urlencoded` body, decoded, in their order.
/// For names that are not known beforehand; otherwise there is
/// [`post_input!`](crate::post_input).
///
/// # Errors
///
/// When the body is none such, was taken already, cannot be read, passes a
/// [bound](self#what-it-holds-in-memory), or is not UTF-8 once it is decoded.
///
/// ```
/// use millpond::input::post::raw_urlencoded_post_input;
/// use millpond::Request;
///
/// let kind = "application/x-www-form-urlencoded".to_owned();
/// let fields = vec![("Content-Type".to_owned(), kind)];
/// let request = Request::fake_http("POST", "/", fields, b"a=1&b=%26+c&a".to_vec());
/// let pairs = raw_urlencoded_post_input(&request)?;
/// let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
/// assert_eq!(pairs, [("a", "1"), ("b", "& c"), ("a", "")]);
/// # Ok::<(), millpond::input::post::PostError>(())
/// ```
pub fn raw_urlencoded_post_input(request: &Request) -> Result<Vec<(String, String)>, PostError> {
    form::urlencoded(request)?.decoded()
}
