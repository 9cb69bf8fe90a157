//! [`DecodePostField`]: the trait for the types of form fields.

use super::error::PostFieldError;
use std::fmt;
use std::io::BufRead;

/// A type that a field of [`post_input!`](crate::post_input) can have.
///
/// `Config` is the type of the value in braces after the field's type, or `()` if there are no
/// braces.
///
/// # Example: an upload that is not kept in memory
///
/// ```
/// use millpond::input::post::{DecodePostField, PostFieldError};
/// use millpond::{post_input, Request};
/// use std::io::{self, BufRead};
///
/// /// The number of bytes written to the folder of the configuration.
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
    /// Returns the value of a field that is text.
    ///
    /// # Errors
    ///
    /// Returns `WrongFieldType` if this type needs a file, or another error if the text is not a
    /// value of this type.
    fn from_field(config: Config, content: &str) -> Result<Self, PostFieldError>
    where
        Self: Sized;

    /// Returns the value of a field that is a file. `file` ends at the end of the file, and need
    /// not be read. The client chooses `filename` and `mime`; without a content type, `mime` is
    /// `text/plain`.
    ///
    /// # Errors
    ///
    /// Returns `WrongFieldType` if this type needs text, or another error if the file is not a
    /// value of this type.
    fn from_file<R>(
        config: Config,
        file: R,
        filename: Option<&str>,
        mime: &str,
    ) -> Result<Self, PostFieldError>
    where
        Self: Sized,
        R: BufRead;

    /// Merges two values, if the form has several fields with the name. `self` is the earlier one.
    ///
    /// # Errors
    ///
    /// The default implementation returns `UnexpectedMultipleValues`.
    fn merge_multiple(self, existing: Self) -> Result<Self, PostFieldError>
    where
        Self: Sized,
    {
        drop(existing);
        Err(PostFieldError::UnexpectedMultipleValues)
    }

    /// Returns the value of a field that the form does not have.
    ///
    /// # Errors
    ///
    /// The default implementation returns `MissingField`.
    fn not_found(config: Config) -> Result<Self, PostFieldError>
    where
        Self: Sized,
    {
        drop(config);
        Err(PostFieldError::MissingField)
    }

    /// Returns how much of [`MAX_BUFFERED_BYTES`](super::MAX_BUFFERED_BYTES) the value takes.
    #[doc(hidden)]
    fn bytes_held(&self) -> usize {
        0
    }
}
