//! [`Pairs`]: the names and values of an urlencoded body (WHATWG URL §5.1).

use super::error::PostError;
use super::limits::{MAX_FIELDS, MAX_FORM_BYTES};
use crate::extra::input::body::content_type::ContentType;
use crate::extra::input::body::read::{read_body, BodyError};
use crate::message::syntax::percent;
use crate::message::Request;
use std::io::{self, ErrorKind};

/// The names and values of an urlencoded body. Escapes are not decoded.
pub(crate) struct Pairs {
    body: Vec<u8>,
    at: usize,
    count: usize,
}

/// A name and a value. Escapes are not decoded.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// Returns all names and values of an `application/x-www-form-urlencoded` body, decoded and in
/// order.
///
/// Use this function if the names are not known beforehand. Otherwise, use
/// [`post_input!`](crate::post_input).
///
/// # Errors
///
/// Returns an error if the body has another type, has already been read, cannot be read, exceeds a
/// [limit](super#memory-limits), or is not UTF-8 after decoding.
///
/// ```
/// use millpond::input::post::raw_urlencoded_post_input;
/// use millpond::Request;
///
/// let kind = "application/x-www-form-urlencoded".to_owned();
/// let fields = vec![("Content-Type".to_owned(), kind)];
/// let request = Request::fake_http("POST", "/", fields, b"a=1&b=%26+c&a".to_vec());
/// let pairs = raw_urlencoded_post_input(&request)?;
/// let pairs: Vec<_> = pairs.iter().map(|(name, value)| (&**name, &**value)).collect();
/// assert_eq!(pairs, [("a", "1"), ("b", "& c"), ("a", "")]);
/// # Ok::<(), millpond::input::post::PostError>(())
/// ```
pub fn raw_urlencoded_post_input(request: &Request) -> Result<Vec<(String, String)>, PostError> {
    read_pairs(request)?.decoded()
}

pub(crate) fn read_pairs(request: &Request) -> Result<Pairs, PostError> {
    match ContentType::of(request) {
        Some(kind) if kind.is("application/x-www-form-urlencoded") => {}
        _ => return Err(PostError::WrongContentType),
    }
    let body = read_body(request, MAX_FORM_BYTES).map_err(|error| match error {
        BodyError::AlreadyRead => PostError::BodyAlreadyExtracted,
        BodyError::TooLong(limit) => {
            refused(format!("urlencoded form longer than {limit} bytes")).into()
        }
        BodyError::Io(error) => error.into(),
    })?;
    Ok(Pairs {
        body,
        at: 0,
        count: 0,
    })
}

impl Pairs {
    pub(crate) fn next(&mut self) -> Result<Option<Pair<'_>>, PostError> {
        while self.at < self.body.len() {
            let start = self.at;
            let rest = &self.body[start..];
            let length = rest.iter().position(|&byte| byte == b'&');
            let length = length.unwrap_or(rest.len());
            self.at += length + 1;
            if length == 0 {
                continue;
            }
            self.count += 1;
            if self.count > MAX_FIELDS {
                return Err(refused(format!("more than {MAX_FIELDS} form fields")).into());
            }
            let pair = &self.body[start..start + length];
            let equals = pair.iter().position(|&byte| byte == b'=');
            let (name, value) = pair.split_at(equals.unwrap_or(length));
            return Ok(Some((name, value.get(1..).unwrap_or_default())));
        }
        Ok(None)
    }

    fn decoded(mut self) -> Result<Vec<(String, String)>, PostError> {
        let mut all = Vec::new();
        while let Some((name, value)) = self.next()? {
            let not_utf8 = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let name = String::from_utf8(percent::form_bytes(name).collect())
                .map_err(|error| PostError::NotUtf8(not_utf8(error.as_bytes())))?;
            let value = utf8(&name, percent::form_bytes(value).collect())?;
            all.push((name, value));
        }
        Ok(all)
    }
}

/// Returns the value of a field as text.
pub(crate) fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, PostError> {
    String::from_utf8(bytes).map_err(|_| PostError::NotUtf8(name.to_owned()))
}

/// Returns the error of a form that is malformed or exceeds a limit.
pub(crate) fn refused(reason: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason.into())
}
