//! [`Mime`]: a media type (RFC 2045 §5.1). The module has no list of media types.

use crate::extra::input::body::parameters::Parameters;
use crate::message::syntax::bytes::is_token;
use std::fmt;

/// A media type: `text/plain`, `image/svg+xml`, `text/html; charset=utf-8`.
///
/// The client names the type of its file. Nothing checks the data against the type.
///
/// ```
/// use millpond::input::multipart::get_multipart_input;
/// use millpond::Request;
///
/// let kind = "multipart/form-data; boundary=x".to_owned();
/// let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\
///             Content-Type: Text/HTML; charset=utf-8\r\n\r\n<b>\r\n--x--\r\n";
/// let fields = vec![("Content-Type".to_owned(), kind)];
/// let request = Request::fake_http("POST", "/", fields, body.into());
///
/// let mut form = get_multipart_input(&request)?;
/// let mime = form.next().and_then(|field| field.headers.content_type).expect("a content type");
/// assert_eq!(mime.to_string(), "text/html; charset=utf-8");
/// assert_eq!((mime.essence_str(), mime.type_(), mime.subtype()), ("text/html", "text", "html"));
/// # Ok::<(), millpond::input::multipart::MultipartError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mime {
    /// The value as sent, with the essence in lower case.
    text: String,
    slash: usize,
    essence: usize,
}

impl Mime {
    pub(crate) fn parse(value: &str) -> Option<Mime> {
        let read = Parameters::parse(value)?;
        let (kind, subtype) = read.main.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let (slash, essence) = (kind.len(), read.main.len());
        let mut text = value.to_owned();
        // In range: `value` has no blanks at its start, so the essence is first.
        text.get_mut(..essence)?.make_ascii_lowercase();
        Some(Mime {
            text,
            slash,
            essence,
        })
    }

    /// Returns type and subtype without parameters, in lower case: `text/html`.
    pub fn essence_str(&self) -> &str {
        &self.text[..self.essence]
    }

    /// Returns the type before the slash, in lower case: `text`, `image`.
    pub fn type_(&self) -> &str {
        &self.text[..self.slash]
    }

    /// Returns the subtype after the slash, in lower case and with its suffix: `svg+xml`.
    pub fn subtype(&self) -> &str {
        &self.text[self.slash + 1..self.essence]
    }
}

impl AsRef<str> for Mime {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq<&str> for Mime {
    fn eq(&self, other: &&str) -> bool {
        self.text == *other
    }
}

impl fmt::Display for Mime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Mime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}
