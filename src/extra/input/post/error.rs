//! Why a form could not be read, or one of its fields.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::num::{ParseFloatError, ParseIntError};

/// Why there is no form.
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
    /// The `Content-Type` is none of a form's.
    WrongContentType,

    /// Somebody has taken the body already.
    BodyAlreadyExtracted,

    /// The body could not be read, is malformed, or passes a bound.
    IoError(io::Error),

    /// The field of this name is not UTF-8.
    NotUtf8(String),

    /// A field is not there, or not what it has to be.
    Field {
        /// The name of the field.
        field: Cow<'static, str>,
        /// What is wrong with it.
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
            PostError::WrongContentType => f.write_str("the Content-Type is not that of a form"),
            PostError::BodyAlreadyExtracted => f.write_str("the body was already taken"),
            PostError::IoError(_) => f.write_str("the form could not be read"),
            PostError::NotUtf8(_) => f.write_str("a field is not UTF-8"),
            // A name that the program has chosen: nothing is sent back that a client said.
            PostError::Field { field, .. } => write!(f, "the field {field:?} cannot be used"),
        }
    }
}

/// What is wrong with a field.
#[derive(Debug)]
pub enum PostFieldError {
    /// It could not be read, or is too long.
    IoError(io::Error),

    /// There is none of that name.
    MissingField,

    /// It is a file and has to be text, or the other way round.
    WrongFieldType,

    /// There are several of that name, and one is expected.
    UnexpectedMultipleValues,

    /// It is not an integer, or not one that fits.
    WrongDataTypeInt(ParseIntError),

    /// It is not a number.
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
        f.write_str(match self {
            PostFieldError::IoError(_) => "it could not be read",
            PostFieldError::MissingField => "it is not there",
            PostFieldError::WrongFieldType => "a file where text is expected, or text for a file",
            PostFieldError::UnexpectedMultipleValues => "there are several, and one is expected",
            PostFieldError::WrongDataTypeInt(_) => "it is not an integer that fits",
            PostFieldError::WrongDataTypeFloat(_) => "it is not a number",
        })
    }
}
