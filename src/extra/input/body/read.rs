//! [`read_body`]: reads a whole body into memory, up to a limit. The module does not depend on the
//! format of the body, or on the error types of its callers.

use crate::message::Request;
use std::fmt;
use std::io::{self, ErrorKind, Read};

/// 1 MiB: the limit for a body unless the handler passes another one. rouille has this limit for
/// plain text.
pub(crate) const DEFAULT_LIMIT_BYTES: usize = 1024 * 1024;

/// The error text for a body that has been read before. All error types for bodies use this text.
pub(crate) const ALREADY_READ: &str = "request body already read";

/// The reason why there is no whole body.
#[derive(Debug)]
pub(crate) enum BodyError {
    AlreadyRead,
    /// The body has more bytes than this limit.
    TooLong(usize),
    Io(io::Error),
}

impl BodyError {
    /// Returns the error of a body that is too long, for error types without a variant for this
    /// case.
    pub(crate) fn too_long(limit: usize) -> io::Error {
        io::Error::new(ErrorKind::Other, format!("body longer than {limit} bytes"))
    }
}

/// Writes the error text for a body that cannot be read. All error types for bodies use this text.
pub(crate) fn write_unreadable(f: &mut fmt::Formatter<'_>, error: &io::Error) -> fmt::Result {
    write!(f, "cannot read request body: {error}")
}

/// Returns the body if the body has at most `limit` bytes. Reads at most one byte more.
pub(crate) fn read_body(request: &Request, limit: usize) -> Result<Vec<u8>, BodyError> {
    let body = request.data().ok_or(BodyError::AlreadyRead)?;
    // A usize has at most 64 bits on every target of Rust.
    let max = (limit as u64).saturating_add(1);
    let mut bytes = Vec::new();
    body.take(max)
        .read_to_end(&mut bytes)
        .map_err(BodyError::Io)?;
    if bytes.len() > limit {
        return Err(BodyError::TooLong(limit));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_n_accepts_n_bytes_and_not_one_more() {
        let request = |length| Request::fake_http("POST", "/", vec![], vec![b'x'; length]);
        for (length, limit) in [(0, 0), (1, 1), (9, 10), (10, 10), (10, usize::MAX)] {
            let body = read_body(&request(length), limit).unwrap();
            assert_eq!(body.len(), length, "{limit}");
        }
        for (length, limit) in [(1, 0), (11, 10), (100_000, 10)] {
            let error = read_body(&request(length), limit).unwrap_err();
            assert!(matches!(error, BodyError::TooLong(named) if named == limit));
        }
    }

    #[test]
    fn a_body_can_be_read_once() {
        let request = Request::fake_http("POST", "/", vec![], b"text".to_vec());
        assert_eq!(read_body(&request, 10).unwrap(), b"text");
        let second = read_body(&request, 10);
        assert!(matches!(second, Err(BodyError::AlreadyRead)));
    }
}
