//! [`PostError`] for a form, and [`PostFieldError`] for one field.

use crate::extra::input::body::read;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::{ParseFloatError, ParseIntError};

/// The reason why a form could not be read.
///
/// ```
/// use millpond::input::post::{PostError, PostFieldError};
/// use millpond::{post_input, Request};
///
/// let kind = "application/x-www-form-urlencoded".to_owned();
/// let fields = vec![("Content-Type".to_owned(), kind)];
/// let request = Request::fake_http("POST", "/", fields, b"age=ninety".to_vec());
/// match post_input!(&request, { age: u8 }) {
///     Err(PostError::Field { field, error: PostFieldError::WrongDataTypeInt(_) }) => {
///         assert_eq!(field, "age");
///     }
///     other => panic!("{:?}", other.map(|input| input.age)),
/// }
/// ```
#[derive(Debug)]
pub enum PostError {
    /// The `Content-Type` is not that of a form.
    WrongContentType,

    /// The body has already been read.
    BodyAlreadyExtracted,

    /// The body could not be read, is malformed, or exceeds a limit.
    IoError(io::Error),

    /// The field with this name is not UTF-8.
    NotUtf8(String),

    /// A field is missing, or is not a value of its type.
    Field {
        /// The name of the field.
        field: Cow<'static, str>,
        /// The reason.
        error: PostFieldError,
    },
}

impl From<io::Error> for PostError {
    fn from(error: io::Error) -> PostError {
        PostError::IoError(error)
    }
}

impl Error for PostError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PostError::IoError(error) => Some(error),
            PostError::Field { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for PostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PostError::WrongContentType => {
                f.write_str("unexpected Content-Type of request: expected that of a form")
            }
            PostError::BodyAlreadyExtracted => f.write_str(read::ALREADY_READ),
            PostError::IoError(error) => write!(f, "cannot read form: {error}"),
            // Without the name, which may be the client's text: a response may contain this text.
            PostError::NotUtf8(_) => f.write_str("invalid UTF-8 in form field"),
            // The program chose this name.
            PostError::Field { field, error } => write!(f, "invalid form field {field:?}: {error}"),
        }
    }
}

/// The reason why a field has no value.
#[derive(Debug)]
pub enum PostFieldError {
    /// The field could not be read, or is too long.
    IoError(io::Error),

    /// The form has no field with the name.
    MissingField,

    /// The field is a file and the type needs text, or the reverse.
    WrongFieldType,

    /// The form has several fields with the name, and the type allows one.
    UnexpectedMultipleValues,

    /// The field is not an integer, or is out of range.
    WrongDataTypeInt(ParseIntError),

    /// The field is not a number.
    WrongDataTypeFloat(ParseFloatError),
}

impl From<io::Error> for PostFieldError {
    fn from(error: io::Error) -> PostFieldError {
        PostFieldError::IoError(error)
    }
}

impl From<ParseIntError> for PostFieldError {
    fn from(error: ParseIntError) -> PostFieldError {
        PostFieldError::WrongDataTypeInt(error)
    }
}

impl From<ParseFloatError> for PostFieldError {
    fn from(error: ParseFloatError) -> PostFieldError {
        PostFieldError::WrongDataTypeFloat(error)
    }
}

impl Error for PostFieldError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PostFieldError::IoError(error) => Some(error),
            PostFieldError::WrongDataTypeInt(error) => Some(error),
            PostFieldError::WrongDataTypeFloat(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for PostFieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PostFieldError::IoError(error) => write!(f, "cannot read field: {error}"),
            PostFieldError::MissingField => f.write_str("missing field"),
            PostFieldError::WrongFieldType => {
                f.write_str("file in place of text, or text in place of file")
            }
            PostFieldError::UnexpectedMultipleValues => f.write_str("more than one value"),
            PostFieldError::WrongDataTypeInt(error) => write!(f, "expected an integer: {error}"),
            PostFieldError::WrongDataTypeFloat(error) => write!(f, "expected a number: {error}"),
        }
    }
}
