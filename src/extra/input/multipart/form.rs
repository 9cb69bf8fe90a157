//! [`Multipart`]: a form that a program reads part by part.

use super::head::{self, FieldHeaders};
use super::parts::Parts;
use crate::extra::input::body::content_type::ContentType;
use crate::extra::input::body::read;
use crate::message::syntax::bytes::{is, TOKEN};
use crate::message::{Request, RequestBody};
use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read};

/// The reason why [`get_multipart_input`] returned no form. Later errors of the form are
/// [`io::Error`]s.
#[derive(Clone, Debug)]
pub enum MultipartError {
    /// The request does not have exactly one `Content-Type` of `multipart/form-data` with one
    /// boundary. A boundary has 1 to 70 characters, which RFC 2046 §5.1.1 or a token (RFC 9110
    /// §5.6.2) must allow.
    WrongContentType,

    /// The body has already been read.
    BodyAlreadyExtracted,
}

impl Error for MultipartError {}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MultipartError::WrongContentType => {
                "unexpected Content-Type of request: expected multipart/form-data with a boundary"
            }
            MultipartError::BodyAlreadyExtracted => read::ALREADY_READ,
        })
    }
}

/// Returns the form in a request's body. The call itself does not read the body.
///
/// # Errors
///
/// Returns an error if the body is not `multipart/form-data`, or has already been read.
///
/// ```
/// use millpond::input::multipart::{get_multipart_input, MultipartError};
/// use millpond::Request;
///
/// let request = Request::fake_http("POST", "/", vec![], b"a=1".to_vec());
/// let error = get_multipart_input(&request).expect_err("the request has no Content-Type");
/// assert!(matches!(error, MultipartError::WrongContentType));
/// assert!(request.data().is_some());
/// ```
pub fn get_multipart_input(request: &Request) -> Result<Multipart<'_>, MultipartError> {
    let boundary = boundary(request).ok_or(MultipartError::WrongContentType)?;
    let body = request.data().ok_or(MultipartError::BodyAlreadyExtracted)?;
    Ok(Multipart {
        parts: Parts::new(body, &boundary),
        error_returned: false,
    })
}

pub(crate) fn boundary(request: &Request) -> Option<String> {
    let content_type = ContentType::of(request).filter(|found| found.is("multipart/form-data"))?;
    let parameters = content_type.parameters()?;
    let boundary = parameters.only("boundary").ok()??;
    // boundary = 0*69<bchars> bcharsnospace (RFC 2046 §5.1.1). Some clients use other characters
    // (`*****`, `.._$`). All parsers read the characters of a token alike, so these are allowed
    // too.
    let fits = |byte: u8| is(byte, TOKEN) || b"(),/:=? ".contains(&byte);
    let is_boundary =
        matches!(boundary.len(), 1..=70) && boundary.bytes().all(fits) && !boundary.ends_with(' ');
    is_boundary.then(|| boundary.to_owned())
}

/// A form that is read part by part, returned by [`get_multipart_input`].
pub struct Multipart<'a> {
    parts: Parts<RequestBody<'a>>,
    /// Whether `next` has returned a field for an error.
    error_returned: bool,
}

impl<'a> Multipart<'a> {
    /// Returns the next field, in the order of the form. Skips the unread data of the last field.
    ///
    /// If the form has an error, the last field has an empty name, and reading that field returns
    /// the error. A complete form has no such field. [`try_next`](Multipart::try_next) returns the
    /// error directly.
    ///
    /// ```
    /// use millpond::input::multipart::get_multipart_input;
    /// use millpond::Request;
    /// use std::io::Read;
    ///
    /// let kind = "multipart/form-data; boundary=x".to_owned();
    /// let body = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--x";
    /// let fields = vec![("Content-Type".to_owned(), kind)];
    /// let request = Request::fake_http("POST", "/", fields, body.into());
    ///
    /// let mut form = get_multipart_input(&request).expect("a form");
    /// let mut field = form.next().expect("a field");
    /// assert_eq!(&*field.headers.name, "a");
    /// let mut text = String::new();
    /// assert!(field.data.read_to_string(&mut text).is_err()); // the last boundary is incomplete
    /// ```
    // The name is from rouille. A field borrows the form, so `Iterator` cannot be implemented.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<MultipartField<&mut Multipart<'a>>> {
        let headers = match self.parts.next(head::read) {
            Ok(headers) => headers?,
            Err(_) if self.error_returned => return None,
            Err(error) => {
                self.error_returned = true;
                self.parts.return_later(error);
                FieldHeaders {
                    name: "".into(),
                    filename: None,
                    content_type: None,
                }
            }
        };
        Some(MultipartField::new(headers, self))
    }

    /// Returns the next field as [`next`](Multipart::next) does, or the error of the form.
    ///
    /// # Errors
    ///
    /// Returns `InvalidData` if the form is malformed or exceeds a limit of this module, and
    /// `UnexpectedEof` if the form ends too early. Also returns each error of reading the body.
    ///
    /// ```
    /// use millpond::input::multipart::get_multipart_input;
    /// use millpond::Request;
    ///
    /// let kind = "multipart/form-data; boundary=x".to_owned();
    /// let fields = vec![("Content-Type".to_owned(), kind)];
    /// let request = Request::fake_http("POST", "/", fields, b"--x\r\nno field\r\n\r\n".to_vec());
    /// let mut form = get_multipart_input(&request).expect("a form");
    /// let error = form.try_next().expect_err("the first part is malformed");
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    /// ```
    pub fn try_next(&mut self) -> io::Result<Option<MultipartField<&mut Multipart<'a>>>> {
        let headers = self.parts.next(head::read)?;
        Ok(headers.map(|headers| MultipartField::new(headers, self)))
    }
}

impl fmt::Debug for Multipart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multipart").finish_non_exhaustive()
    }
}

/// A field of a form: its headers and its data.
#[derive(Debug)]
pub struct MultipartField<M> {
    /// The headers of the part. The client may send any text there.
    pub headers: FieldHeaders,
    /// The content of the field, which can be read once.
    pub data: MultipartData<M>,
}

impl<M> MultipartField<M> {
    fn new(headers: FieldHeaders, source: M) -> MultipartField<M> {
        let data = MultipartData { source };
        MultipartField { headers, data }
    }

    /// Returns whether the content type is `text/..`, or is missing, which means `text/plain` (RFC
    /// 7578 §4.4). A file may be text too.
    pub fn is_text(&self) -> bool {
        let kind = self.headers.content_type.as_ref();
        kind.map_or(true, |kind| kind.type_() == "text")
    }
}

/// The data of a field: a reader that ends at the end of the field.
///
/// Reading returns `UnexpectedEof` if the form ends within the field. Data that was read to its end
/// is therefore complete.
pub struct MultipartData<M> {
    source: M,
}

impl Read for MultipartData<&mut Multipart<'_>> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for MultipartData<&mut Multipart<'_>> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.source.parts.data()
    }

    fn consume(&mut self, amt: usize) {
        self.source.parts.consume(amt);
    }
}

impl<M> fmt::Debug for MultipartData<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartData").finish_non_exhaustive()
    }
}
