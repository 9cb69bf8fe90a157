//! [`json_input`]: a request body of JSON, as a value of a type.

use super::content_type::ContentType;
use super::read::{self, read_body, BodyError, DEFAULT_LIMIT_BYTES};
use crate::extra::json;
use crate::extra::json::{FromJson, Json};
use crate::message::Request;
use std::error::Error;
use std::fmt;
use std::io;

/// The reason why [`json_input`] returned no value.
#[derive(Debug)]
pub enum JsonError {
    /// The body has already been read.
    BodyAlreadyExtracted,
    /// `Content-Type` is missing, occurs twice, or is not `application/json`.
    WrongContentType,
    /// The body could not be read, for example because the client closed the connection. If the
    /// body is longer than the limit, the error has the kind [`Other`](io::ErrorKind::Other).
    IoError(io::Error),
    /// The body is not JSON, or does not have the shape of the type.
    ParseError(json::JsonError),
}

impl From<io::Error> for JsonError {
    fn from(error: io::Error) -> JsonError {
        JsonError::IoError(error)
    }
}

impl From<json::JsonError> for JsonError {
    fn from(error: json::JsonError) -> JsonError {
        JsonError::ParseError(error)
    }
}

impl Error for JsonError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            JsonError::IoError(error) => Some(error),
            JsonError::ParseError(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::BodyAlreadyExtracted => f.write_str(read::ALREADY_READ),
            JsonError::WrongContentType => {
                f.write_str("unexpected Content-Type of request: expected application/json")
            }
            JsonError::IoError(error) => read::write_unreadable(f, error),
            JsonError::ParseError(error) => write!(f, "invalid JSON in request body: {error}"),
        }
    }
}

/// Returns the body as a value of type `O` if the body is `application/json` and has at most 1 MiB.
///
/// The type must implement [`FromJson`]: a struct from [`json_struct!`](crate::json_struct), a
/// `Vec` or map of such structs, or [`Json`]. [`try_or_400!`](crate::try_or_400!) sends the client
/// a response with the reason and the position of an error.
///
/// # Errors
///
/// Returns the errors of [`json_input_with_limit`].
///
/// ```
/// use millpond::{input, json, json_struct, try_or_400, Request, Response};
///
/// json_struct! {
///     struct Order { item: String, count: u32 }
/// }
///
/// fn order(request: &Request) -> Response {
///     let order: Order = try_or_400!(input::json_input(request));
///     Response::json(&json!({ "ordered": order.item, "count": order.count }))
/// }
///
/// let ask = |body: &str| {
///     let headers = vec![("Content-Type".into(), "application/json".into())];
///     order(&Request::fake_http("POST", "/", headers, body.into())).status_code
/// };
/// assert_eq!(ask(r#"{"item": "tea", "count": 2}"#), 200);
/// assert_eq!(ask(r#"{"item": "tea", "count": -2}"#), 400);
/// ```
pub fn json_input<O>(request: &Request) -> Result<O, JsonError>
where
    O: FromJson,
{
    json_input_with_limit(request, DEFAULT_LIMIT_BYTES)
}

/// Returns the body as a value of type `O` if the body is `application/json` and has at most
/// `limit` bytes.
///
/// The value takes more memory than its text: [`Json::parse`] documents how much. A limit above
/// [`Limits::max_body_bytes`](crate::Limits::max_body_bytes), the limit of the server, has no
/// effect.
///
/// # Errors
///
/// Returns an error if the body has another type, is too long, has already been read, or is
/// incomplete. Also returns an error if the body is not JSON, is nested deeper than
/// [`MAX_DEPTH`](json::MAX_DEPTH), or has another shape. A body that is refused because of its
/// `Content-Type` can still be read.
///
/// ```
/// use millpond::input::json::{json_input_with_limit, JsonError};
/// use millpond::{Json, Request, Response};
///
/// fn count(request: &Request) -> Response {
///     match json_input_with_limit::<Vec<Json>>(request, 100) {
///         Ok(items) => Response::text(items.len().to_string()),
///         Err(JsonError::IoError(error)) if error.kind() == std::io::ErrorKind::Other => {
///             Response::text("100 bytes at most").with_status_code(413)
///         }
///         Err(error) => Response::text(error.to_string()).with_status_code(400),
///     }
/// }
///
/// let ask = |body: &str| {
///     let headers = vec![("Content-Type".into(), "application/json".into())];
///     count(&Request::fake_http("POST", "/", headers, body.into())).status_code
/// };
/// assert_eq!(ask("[1, 2]"), 200);
/// assert_eq!(ask(&"9".repeat(101)), 413);
/// ```
pub fn json_input_with_limit<O>(request: &Request, limit: usize) -> Result<O, JsonError>
where
    O: FromJson,
{
    let content_type = ContentType::of(request);
    if !content_type.map_or(false, |found| found.is("application/json")) {
        return Err(JsonError::WrongContentType);
    }
    let bytes = read_body(request, limit).map_err(|error| match error {
        BodyError::AlreadyRead => JsonError::BodyAlreadyExtracted,
        BodyError::TooLong(limit) => JsonError::IoError(BodyError::too_long(limit)),
        BodyError::Io(error) => JsonError::IoError(error),
    })?;
    let value = Json::parse(&bytes)?;
    // Frees the text before the conversion, which allocates too.
    drop(bytes);
    Ok(O::from_json(&value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(content_type: Option<&str>, body: &[u8]) -> Request {
        let field = |value: &str| ("content-type".to_owned(), value.to_owned());
        let fields = content_type.map(field).into_iter().collect();
        Request::fake_http("POST", "/", fields, body.to_vec())
    }

    #[test]
    fn json_is_read_if_the_content_type_is_json() {
        // RFC 8259 §11: JSON has no charset, so the parameter is ignored.
        for (content_type, is) in [
            (Some("application/json"), true),
            (Some("Application/JSON ; charset=utf-8"), true),
            (Some("application/json;charset=latin1"), true),
            (Some("application/json-seq"), false),
            (Some("application/problem+json"), false),
            (Some("text/json"), false),
            (Some("text/plain; application/json"), false),
            (None, false),
        ] {
            let request = posting(content_type, b"[1, 2]");
            match json_input::<Vec<u8>>(&request) {
                Ok(list) => assert_eq!((is, list), (true, vec![1, 2]), "{content_type:?}"),
                Err(error) => {
                    assert!(matches!(error, JsonError::WrongContentType), "{error:?}");
                    assert!(!is, "{content_type:?}");
                    assert!(request.data().is_some(), "the body can still be read");
                }
            }
        }
    }

    #[test]
    fn a_limit_of_n_accepts_n_bytes_and_not_one_more() {
        let text = |length| {
            let mut body = vec![b'x'; length];
            (body[0], body[length - 1]) = (b'"', b'"');
            posting(Some("application/json"), &body)
        };
        let read = |length, limit| json_input_with_limit::<String>(&text(length), limit);
        assert_eq!(read(9, 9).unwrap().len(), 7);
        assert_eq!(read(9, usize::MAX).unwrap().len(), 7);
        assert!(json_input::<String>(&text(1024 * 1024)).is_ok());
        for error in [
            read(10, 9).unwrap_err(),
            read(2, 0).unwrap_err(),
            json_input::<String>(&text(1024 * 1024 + 1)).unwrap_err(),
        ] {
            assert!(
                matches!(&error, JsonError::IoError(e) if e.kind() == io::ErrorKind::Other),
                "{error:?}"
            );
        }
    }

    #[test]
    fn the_error_text_has_the_reason_and_the_position() {
        let read = |body: &[u8]| {
            let error = json_input::<Vec<u8>>(&posting(Some("application/json"), body));
            let error = error.unwrap_err();
            assert!(error.source().is_some());
            let text = error.to_string();
            let reason = text.strip_prefix("invalid JSON in request body: ");
            reason.expect("the prefix").to_owned()
        };
        assert_eq!(read(b"[1, x"), "line 1, column 5: expected a value");
        assert_eq!(read(b"[1, -1]"), "[1]: out of range for u8");
        assert_eq!(read(b""), "line 1, column 1: unexpected end of text");
        assert_eq!(read(b"[\"\xff\"]"), "line 1, column 3: invalid UTF-8");
        let deep = read(&vec![b'['; 1000]);
        assert!(deep.ends_with("more than 128 nested arrays and objects"));

        let request = posting(Some("application/json"), b"1");
        assert_eq!(json_input::<u8>(&request).unwrap(), 1);
        let error = json_input::<u8>(&request).unwrap_err();
        assert!(matches!(error, JsonError::BodyAlreadyExtracted));
        assert!(error.source().is_none());
    }
}
