//! Reading `multipart/form-data` (RFC 7578) part by part, while it comes: for uploads that are too
//! large for memory. Forms with fields of known names are easier to read with
//! [`post_input!`](crate::post_input).
//!
//! However large the body is, reading takes a buffer of 16 KiB and the head of one part. The whole
//! is bounded by [`Limits::max_body_bytes`](crate::Limits::max_body_bytes), which a server for
//! large uploads raises.
//!
//! What two readers could read differently is an error, as everywhere in this crate: a part without
//! a name or with two, a header line that is none or a boundary too, a line that begins like a
//! boundary and goes on, another `Content-Transfer-Encoding` than one that changes nothing. So is a
//! body that ends before its last boundary. An error ends the form: nothing behind it is read.
//!
//! # Example: files into a folder
//!
//! ```
//! use millpond::input::multipart::get_multipart_input;
//! use millpond::{try_or_400, Request, Response};
//! use std::io;
//!
//! fn upload(request: &Request) -> Response {
//!     let mut form = try_or_400!(get_multipart_input(request));
//!     let mut sizes = Vec::new();
//!     while let Some(mut field) = try_or_400!(form.try_next()) {
//!         // Its name is the client's word: never a path. `io::sink` stands for a file here.
//!         if field.headers.filename.is_some() {
//!             sizes.push(try_or_400!(io::copy(&mut field.data, &mut io::sink())));
//!         }
//!     }
//!     Response::json(&sizes)
//! }
//!
//! let kind = "multipart/form-data; boundary=x".to_owned();
//! let body = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.bin\"\r\n\r\n\
//!             seven b\r\n--x--\r\n";
//! let fields = vec![("Content-Type".to_owned(), kind)];
//! let whole = Request::fake_http("POST", "/", fields.clone(), body.into());
//! assert_eq!(upload(&whole).status_code, 200);
//! let cut = Request::fake_http("POST", "/", fields, body[..body.len() - 9].into());
//! assert_eq!(upload(&cut).status_code, 400);
//! ```

mod head;
mod mime;
mod parts;

#[cfg(test)]
mod tests;

use self::parts::Parts;
use super::body::content_type::ContentType;
use crate::message::syntax::bytes::{is, TOKEN};
use crate::message::{Request, RequestBody};
use std::error::Error;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::sync::Arc;

pub use self::mime::Mime;

/// Parts of one form. One more is an error.
pub const MAX_PARTS: usize = 10_000;
/// Bytes of the header lines of one part, with the empty line behind them. One more is an error.
pub const MAX_PART_HEAD_BYTES: usize = 8 * 1024;
/// Header fields of one part. One more is an error. Browsers send two.
pub const MAX_PART_HEADERS: usize = 16;

/// Why there is no form to read. Once there is one, what is wrong with it is an
/// [`io::Error`].
#[derive(Clone, Debug)]
pub enum MultipartError {
    /// The request has not one `Content-Type`, that of `multipart/form-data` with one boundary of
    /// 1 to 70 characters of those that RFC 2046 §5.1.1 or a token (RFC 9110 §5.6.2) allows.
    WrongContentType,

    /// Somebody has taken the body already.
    BodyAlreadyExtracted,
}

impl Error for MultipartError {}

impl fmt::Display for MultipartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MultipartError::WrongContentType => "the Content-Type is not that of multipart data",
            MultipartError::BodyAlreadyExtracted => "the body was already taken",
        })
    }
}

/// The form in a request's body, to be read part by part. Nothing is read yet.
///
/// # Errors
///
/// When the body is not `multipart/form-data`, or when somebody has it already.
///
/// ```
/// use millpond::input::multipart::{get_multipart_input, MultipartError};
/// use millpond::Request;
///
/// let request = Request::fake_http("POST", "/", vec![], b"a=1".to_vec());
/// let error = get_multipart_input(&request).expect_err("it says nothing of a form");
/// assert!(matches!(error, MultipartError::WrongContentType));
/// assert!(request.data().is_some());
/// ```
pub fn get_multipart_input(request: &Request) -> Result<Multipart<'_>, MultipartError> {
    let boundary = boundary(request).ok_or(MultipartError::WrongContentType)?;
    let body = request.data().ok_or(MultipartError::BodyAlreadyExtracted)?;
    Ok(Multipart {
        parts: Parts::new(body, &boundary),
        told: false,
    })
}

fn boundary(request: &Request) -> Option<String> {
    let content_type = ContentType::of(request).filter(|found| found.is("multipart/form-data"))?;
    let parameters = content_type.parameters()?;
    let boundary = parameters.only("boundary").ok()??;
    // boundary = 0*69<bchars> bcharsnospace (RFC 2046 §5.1.1). Not all clients keep to the bchars
    // (`*****`, `.._$`); whatever a token may have is read alike by everybody.
    let fits = |byte: u8| is(byte, TOKEN) || b"(),/:=? ".contains(&byte);
    let is_boundary =
        matches!(boundary.len(), 1..=70) && boundary.bytes().all(fits) && !boundary.ends_with(' ');
    is_boundary.then(|| boundary.to_owned())
}

/// A form that is read part by part.
///
/// Made by [`get_multipart_input`].
pub struct Multipart<'a> {
    parts: Parts<RequestBody<'a>>,
    /// Whether `next` has told what is wrong.
    told: bool,
}

impl<'a> Multipart<'a> {
    /// The next field, in the order of the form; what is left of the one before is skipped.
    ///
    /// What is wrong with the form is told where it is read: behind the last good field there is
    /// one more then, whose name is empty, and of which nothing but an error can be read. A form
    /// that ends well has no such field. To be told at once there is
    /// [`try_next`](Multipart::try_next).
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
    /// assert!(field.data.read_to_string(&mut text).is_err()); // the last boundary is not whole
    /// ```
    // The name is rouille's; a field borrows the form, so it can be no item of an `Iterator`.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<MultipartField<&mut Multipart<'a>>> {
        let headers = match self.parts.next(head::read) {
            Ok(headers) => headers?,
            Err(_) if self.told => return None,
            Err(error) => {
                self.told = true;
                self.parts.tell_later(error);
                FieldHeaders {
                    name: "".into(),
                    filename: None,
                    content_type: None,
                }
            }
        };
        Some(MultipartField::new(headers, self))
    }

    /// [`next`](Multipart::next), with what is wrong instead of a field.
    ///
    /// # Errors
    ///
    /// `InvalidData` where the form is malformed or passes a bound of this module, `UnexpectedEof`
    /// where it ends too early, and what reading the body fails with.
    ///
    /// ```
    /// use millpond::input::multipart::get_multipart_input;
    /// use millpond::Request;
    ///
    /// let kind = "multipart/form-data; boundary=x".to_owned();
    /// let fields = vec![("Content-Type".to_owned(), kind)];
    /// let request = Request::fake_http("POST", "/", fields, b"--x\r\nno field\r\n\r\n".to_vec());
    /// let mut form = get_multipart_input(&request).expect("a form");
    /// let error = form.try_next().expect_err("its first part is malformed");
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

/// A field of a form: what is said about it, and its data.
#[derive(Debug)]
pub struct MultipartField<M> {
    /// What stands above the data. All of it are the client's words.
    pub headers: FieldHeaders,
    /// What is in the field, to be read once.
    pub data: MultipartData<M>,
}

impl<M> MultipartField<M> {
    fn new(headers: FieldHeaders, source: M) -> MultipartField<M> {
        let data = MultipartData { source };
        MultipartField { headers, data }
    }

    /// Whether it says that it is text: its content type is `text/..`, or it has none, which means
    /// `text/plain` (RFC 7578 §4.4). A file may be text too.
    pub fn is_text(&self) -> bool {
        let kind = self.headers.content_type.as_ref();
        kind.map_or(true, |kind| kind.type_() == "text")
    }
}

/// What a client says about a field. Names are as they were before a browser wrote a quote and the
/// ends of lines as `%22`, `%0D` and `%0A`, or another client used a backslash.
#[derive(Clone, Debug)]
pub struct FieldHeaders {
    /// The name of the field.
    pub name: Arc<str>,
    /// The name of the file, where it is one; empty where a browser's user has chosen none. Like
    /// `name` it may hold anything: slashes, `..`, quotes, ends of lines. A `filename*` is not
    /// looked at (RFC 7578 §4.2).
    pub filename: Option<String>,
    /// What the client thinks that it is.
    pub content_type: Option<Mime>,
}

/// The data of a field: a reader that ends where the field ends.
///
/// Reading fails with `UnexpectedEof` where the form ends before the field does, so a field that
/// was read to its end is whole.
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
        self.source.parts.take(amt);
    }
}

impl<M> fmt::Debug for MultipartData<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MultipartData").finish_non_exhaustive()
    }
}
