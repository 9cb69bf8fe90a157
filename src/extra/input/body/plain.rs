//! A body of plain text.

use super::content_type::ContentType;
use super::{Unread, DEFAULT_LIMIT};
use crate::extra::input::body;
use crate::message::Request;
use std::error::Error;
use std::fmt;
use std::io;

/// Why there is no text in a body, for [`plain_text_body`].
#[derive(Debug)]
pub enum PlainTextError {
    /// Something has read the body before.
    BodyAlreadyExtracted,
    /// `Content-Type` is missing, is there twice, or is another than `text/plain`.
    WrongContentType,
    /// The body could not be read: the client went away, say.
    IoError(io::Error),
    /// The body goes on behind the limit.
    LimitExceeded,
    /// The body is not UTF-8, or is said to be in another charset, or in one that cannot be told.
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
            PlainTextError::BodyAlreadyExtracted => "the body was read before",
            PlainTextError::WrongContentType => "the body is not said to be text/plain",
            PlainTextError::IoError(_) => "the body could not be read",
            PlainTextError::LimitExceeded => "the body is too long",
            PlainTextError::NotUtf8 => "the body is not UTF-8",
        })
    }
}

/// The body as text, if it is `text/plain` of at most 1 MiB.
///
/// # Errors
///
/// Those of [`plain_text_body_with_limit`].
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
    plain_text_body_with_limit(request, DEFAULT_LIMIT)
}

/// The body as text, if it is `text/plain` of at most `limit` bytes.
///
/// The charset may be left out, or be UTF-8 or US-ASCII; the text is taken for UTF-8. A limit above
/// that of the server ([`Limits::max_body_bytes`](crate::Limits::max_body_bytes)) admits nothing
/// more.
///
/// # Errors
///
/// If the body is of another type or charset, too long, not UTF-8, read before, or not whole. A
/// body that is refused for its `Content-Type` stays unread, for others to read.
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
    // Of what cannot be read, or is there twice, nobody can say that it is UTF-8.
    let parameters = content_type.parameters().ok_or(PlainTextError::NotUtf8)?;
    match parameters.only("charset") {
        Ok(charset) if charset.map_or(true, is_utf8) => {}
        _ => return Err(PlainTextError::NotUtf8),
    }
    let bytes = body::read(request, limit).map_err(|unread| match unread {
        Unread::Extracted => PlainTextError::BodyAlreadyExtracted,
        Unread::TooLong(_) => PlainTextError::LimitExceeded,
        Unread::Io(error) => PlainTextError::IoError(error),
    })?;
    String::from_utf8(bytes).map_err(|_| PlainTextError::NotUtf8)
}

/// Whether text in this charset is UTF-8. Without its hyphen it is a name too that people use.
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

    /// The text, or how the error prints.
    fn read(request: &Request, limit: usize) -> Result<String, String> {
        plain_text_body_with_limit(request, limit).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn text_is_read_if_it_is_said_to_be_text() {
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
    fn a_limit_of_n_takes_n_bytes_and_not_one_more() {
        let text = |length| posting(Some("text/plain"), &vec![b'x'; length]);
        for (length, limit) in [(0, 0), (4, 4), (4, usize::MAX)] {
            assert_eq!(read(&text(length), limit).unwrap().len(), length);
        }
        let too_long = Err("LimitExceeded".to_owned());
        assert_eq!(read(&text(5), 4), too_long);
        assert_eq!(read(&text(1), 0), too_long);

        let most = plain_text_body(&text(1024 * 1024)).unwrap();
        assert_eq!(most.len(), 1024 * 1024);
        let error = plain_text_body(&text(1024 * 1024 + 1)).unwrap_err();
        assert!(matches!(error, PlainTextError::LimitExceeded));
    }

    #[test]
    fn half_a_character_and_a_body_read_before_are_errors() {
        let not_utf8 = Err("NotUtf8".to_owned());
        for body in [&b"\xc3\x28"[..], b"a\xc3", b"\xff", b"\xed\xa0\x80"] {
            assert_eq!(read(&posting(Some("text/plain"), body), 9), not_utf8);
        }
        let request = posting(Some("text/plain"), b"test");
        assert_eq!(read(&request, 9).as_deref(), Ok("test"));
        let gone = Err("BodyAlreadyExtracted".to_owned());
        assert_eq!(read(&request, 9), gone);
    }

    #[test]
    fn an_error_of_the_reader_is_the_source() {
        let error = PlainTextError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
        assert!(error.source().is_some());
        assert!(PlainTextError::NotUtf8.source().is_none());
    }
}
