//! [`plain_text_body`]: a request body of plain text.

use super::content_type::ContentType;
use super::read::{self, read_body, BodyError, DEFAULT_LIMIT_BYTES};
use crate::message::Request;
use std::error::Error;
use std::fmt;
use std::io;

/// The reason why [`plain_text_body`] returned no text.
#[derive(Debug)]
pub enum PlainTextError {
    /// The body has already been read.
    BodyAlreadyExtracted,
    /// `Content-Type` is missing, occurs twice, or is not `text/plain`.
    WrongContentType,
    /// The body could not be read, for example because the client closed the connection.
    IoError(io::Error),
    /// The body is longer than the limit.
    LimitExceeded,
    /// The body is not valid UTF-8, or `Content-Type` names another charset, or is malformed or
    /// ambiguous about the charset.
    NotUtf8,
}

impl From<io::Error> for PlainTextError {
    fn from(error: io::Error) -> PlainTextError {
        PlainTextError::IoError(error)
    }
}

impl Error for PlainTextError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            PlainTextError::IoError(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for PlainTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PlainTextError::BodyAlreadyExtracted => read::ALREADY_READ,
            PlainTextError::WrongContentType => {
                "unexpected Content-Type of request: expected text/plain"
            }
            PlainTextError::IoError(error) => return read::write_unreadable(f, error),
            PlainTextError::LimitExceeded => "request body longer than limit",
            PlainTextError::NotUtf8 => "invalid UTF-8 in request body",
        })
    }
}

/// Returns the body as text if the body is `text/plain` and has at most 1 MiB.
///
/// # Errors
///
/// Returns the errors of [`plain_text_body_with_limit`].
///
/// ```
/// use millpond::{input, try_or_400, Request, Response};
///
/// fn shout(request: &Request) -> Response {
///     let text = try_or_400!(input::plain_text_body(request));
///     Response::text(text.to_uppercase())
/// }
///
/// let ask = |content_type: &str| {
///     let headers = vec![("Content-Type".into(), content_type.into())];
///     shout(&Request::fake_http("POST", "/", headers, b"tea".to_vec())).status_code
/// };
/// assert_eq!(ask("text/plain; charset=utf-8"), 200);
/// assert_eq!(ask("text/html"), 400);
/// ```
pub fn plain_text_body(request: &Request) -> Result<String, PlainTextError> {
    plain_text_body_with_limit(request, DEFAULT_LIMIT_BYTES)
}

/// Returns the body as text if the body is `text/plain` and has at most `limit` bytes.
///
/// The charset may be missing, UTF-8 or US-ASCII. The text is decoded as UTF-8. A limit above
/// [`Limits::max_body_bytes`](crate::Limits::max_body_bytes), the limit of the server, has no
/// effect.
///
/// # Errors
///
/// Returns an error if the body has another type or charset, is too long, is not UTF-8, has already
/// been read, or is incomplete. A body that is refused because of its `Content-Type` can still be
/// read.
///
/// ```
/// use millpond::input::{plain_text_body_with_limit, PlainTextError};
/// use millpond::Request;
///
/// let headers = vec![("Content-Type".into(), "text/plain".into())];
/// let request = Request::fake_http("POST", "/", headers, b"tea".to_vec());
/// let error = plain_text_body_with_limit(&request, 2).unwrap_err();
/// assert!(matches!(error, PlainTextError::LimitExceeded));
/// ```
pub fn plain_text_body_with_limit(
    request: &Request,
    limit: usize,
) -> Result<String, PlainTextError> {
    let content_type = ContentType::of(request)
        .filter(|content_type| content_type.is("text/plain"))
        .ok_or(PlainTextError::WrongContentType)?;
    // If the parameters are malformed, or the charset occurs twice, the charset is unknown.
    let parameters = content_type.parameters().ok_or(PlainTextError::NotUtf8)?;
    match parameters.only("charset") {
        Ok(charset) if charset.map_or(true, is_utf8) => {}
        _ => return Err(PlainTextError::NotUtf8),
    }
    let bytes = read_body(request, limit).map_err(|error| match error {
        BodyError::AlreadyRead => PlainTextError::BodyAlreadyExtracted,
        BodyError::TooLong(_) => PlainTextError::LimitExceeded,
        BodyError::Io(error) => PlainTextError::IoError(error),
    })?;
    String::from_utf8(bytes).map_err(|_| PlainTextError::NotUtf8)
}

/// Returns whether text in this charset is UTF-8. Some clients write the name without the hyphen.
fn is_utf8(charset: &str) -> bool {
    ["utf-8", "utf8", "us-ascii", "ascii"]
        .iter()
        .any(|name| charset.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(content_type: Option<&str>, body: &[u8]) -> Request {
        let field = |value: &str| ("content-type".to_owned(), value.to_owned());
        let fields = content_type.map(field).into_iter().collect();
        Request::fake_http("POST", "/", fields, body.to_vec())
    }

    /// Returns the text, or the error as `{:?}` prints the error.
    fn read(request: &Request, limit: usize) -> Result<String, String> {
        plain_text_body_with_limit(request, limit).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn text_is_read_if_the_content_type_is_text() {
        let table = [
            (Some("text/plain"), Ok("h\u{e9}")),
            (Some("Text/Plain;Charset=\"UTF-8\""), Ok("h\u{e9}")),
            (Some("text/plain; charset=utf8"), Ok("h\u{e9}")),
            (Some("text/plain; charset=us-ascii"), Ok("h\u{e9}")),
            (Some("text/plain; format=flowed"), Ok("h\u{e9}")),
            (Some("text/plain; charset=iso-8859-1"), Err("NotUtf8")),
            (Some("text/plain; charset=utf-16"), Err("NotUtf8")),
            (Some("text/plain; charset="), Err("NotUtf8")),
            (Some("text/plain; charset=\"utf-8"), Err("NotUtf8")),
            (Some("text/plain; x; charset=utf-16"), Err("NotUtf8")),
            (
                Some("text/plain; charset=utf-8; charset=utf-16"),
                Err("NotUtf8"),
            ),
            (
                Some("text/plain; x=\"\\\";charset=a\"; charset=utf-8;"),
                Ok("h\u{e9}"),
            ),
            (Some("text/plainer"), Err("WrongContentType")),
            (Some("text/html"), Err("WrongContentType")),
            (Some(""), Err("WrongContentType")),
            (None, Err("WrongContentType")),
        ];
        for (content_type, want) in table {
            let request = posting(content_type, b"h\xc3\xa9");
            let want = want.map(str::to_owned).map_err(str::to_owned);
            let refused = want.as_ref().err().is_some();
            assert_eq!(read(&request, 3), want, "{content_type:?}");
            assert_eq!(request.data().is_some(), refused, "{content_type:?}");
        }
    }

    #[test]
    fn a_limit_of_n_accepts_n_bytes_and_not_one_more() {
        let text = |length| posting(Some("text/plain"), &vec![b'x'; length]);
        for (length, limit) in [(0, 0), (4, 4), (4, usize::MAX)] {
            assert_eq!(read(&text(length), limit).unwrap().len(), length);
        }
        let too_long = Err("LimitExceeded".to_owned());
        assert_eq!(read(&text(5), 4), too_long);
        assert_eq!(read(&text(1), 0), too_long);

        let longest = plain_text_body(&text(1024 * 1024)).unwrap();
        assert_eq!(longest.len(), 1024 * 1024);
        let error = plain_text_body(&text(1024 * 1024 + 1)).unwrap_err();
        assert!(matches!(error, PlainTextError::LimitExceeded));
    }

    #[test]
    fn an_incomplete_character_and_a_second_read_are_errors() {
        let not_utf8 = Err("NotUtf8".to_owned());
        for body in [&b"\xc3\x28"[..], b"a\xc3", b"\xff", b"\xed\xa0\x80"] {
            assert_eq!(read(&posting(Some("text/plain"), body), 9), not_utf8);
        }
        let request = posting(Some("text/plain"), b"test");
        assert_eq!(read(&request, 9).as_deref(), Ok("test"));
        let already_read = Err("BodyAlreadyExtracted".to_owned());
        assert_eq!(read(&request, 9), already_read);
    }

    #[test]
    fn a_read_error_is_the_source_and_part_of_the_text() {
        let error = PlainTextError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert!(error.source().is_some());
        assert_eq!(
            error.to_string(),
            "cannot read request body: unexpected end of file"
        );
        assert!(PlainTextError::NotUtf8.source().is_none());
    }
}
