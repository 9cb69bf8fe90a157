//! A body of JSON, as a value or as a type of one's own.

use super::content_type::ContentType;
use super::{Unread, DEFAULT_LIMIT};
use crate::extra::input::body;
use crate::extra::json;
use crate::extra::json::{FromJson, Json};
use crate::message::Request;
use std::error::Error;
use std::fmt;
use std::io;

/// Why there is no such value in a body, for [`json_input`].
#[derive(Debug)]
pub enum JsonError {
    /// Something has read the body before.
    BodyAlreadyExtracted,
    /// `Content-Type` is missing, is there twice, or is another than `application/json`.
    WrongContentType,
    /// The body could not be read: the client went away, say. Also if it goes on behind the limit;
    /// then the error is of the kind [`Other`](io::ErrorKind::Other).
    IoError(io::Error),
    /// The body is no JSON, or not what the type wants.
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
        f.write_str(match self {
            JsonError::BodyAlreadyExtracted => "the body was read before",
            JsonError::WrongContentType => "the body is not said to be application/json",
            JsonError::IoError(_) => "the body could not be read",
            JsonError::ParseError(_) => "the body is not the JSON that is wanted",
        })
    }
}

/// The body as a value of the type that is asked for, if it is `application/json` of at most 1 MiB.
///
/// Any type will do that is [`FromJson`]: one made with [`json_struct!`](crate::json_struct), a
/// `Vec` or a map of such, or [`Json`] itself. With [`try_or_400!`](crate::try_or_400!) the client
/// is told what is wrong, and where.
///
/// # Errors
///
/// Those of [`json_input_with_limit`].
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
    json_input_with_limit(request, DEFAULT_LIMIT)
}

/// The body as a value of the type that is asked for, if it is `application/json` of at most
/// `limit` bytes.
///
/// The value takes more memory than its text ([`Json::parse`] says how much). A limit above that of
/// the server ([`Limits::max_body_bytes`](crate::Limits::max_body_bytes)) admits nothing more.
///
/// # Errors
///
/// If the body is of another type, too long, no JSON, nested deeper than
/// [`MAX_DEPTH`](json::MAX_DEPTH), of another shape, read before, or not whole. A body that is
/// refused for its `Content-Type` stays unread, for others to read.
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
    let bytes = body::read(request, limit).map_err(|unread| match unread {
        Unread::Extracted => JsonError::BodyAlreadyExtracted,
        Unread::TooLong(limit) => JsonError::IoError(Unread::too_long(limit)),
        Unread::Io(error) => JsonError::IoError(error),
    })?;
    let value = Json::parse(&bytes)?;
    // The text is not needed beside the value any more.
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
    fn json_is_read_if_it_is_said_to_be_json() {
        // RFC 8259 §11: JSON has no charset; one that is given says nothing.
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
                    assert!(request.data().is_some(), "it stays unread");
                }
            }
        }
    }

    #[test]
    fn a_limit_of_n_takes_n_bytes_and_not_one_more() {
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
    fn what_is_wrong_is_told() {
        let read = |body: &[u8]| {
            let error = json_input::<Vec<u8>>(&posting(Some("application/json"), body));
            let error = error.unwrap_err();
            error.source().map_or(String::new(), |e| e.to_string())
        };
        assert_eq!(read(b"[1, x"), "line 1, column 5: expected a value");
        assert_eq!(read(b"[1, -1]"), "[1]: out of range for u8");
        assert_eq!(read(b""), "line 1, column 1: the text ends too early");
        assert_eq!(
            read(b"[\"\xff\"]"),
            "line 1, column 3: the text is not UTF-8"
        );
        let deep = read(&vec![b'['; 1000]);
        assert!(deep.ends_with("too many arrays and objects inside one another"));

        let request = posting(Some("application/json"), b"1");
        assert_eq!(json_input::<u8>(&request).unwrap(), 1);
        let error = json_input::<u8>(&request).unwrap_err();
        assert!(matches!(error, JsonError::BodyAlreadyExtracted));
        assert!(error.source().is_none());
    }
}
