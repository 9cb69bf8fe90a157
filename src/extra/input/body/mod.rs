//! A whole body in memory, up to a limit: what every reader of bodies begins with. It knows neither
//! what the body is, nor how its reader tells of a failure.

pub(crate) mod content_type;
pub mod json;
pub(crate) mod parameters;
pub(crate) mod plain;

use crate::message::Request;
use std::io::{self, ErrorKind, Read};

/// For bodies that are read into memory, unless the handler says otherwise. As in rouille, where
/// plain text has this limit.
pub(crate) const DEFAULT_LIMIT: usize = 1024 * 1024;

/// Why there is no whole body.
#[derive(Debug)]
pub(crate) enum Unread {
    /// Somebody has it already.
    Extracted,
    /// It goes on behind so many bytes.
    TooLong(usize),
    Io(io::Error),
}

impl Unread {
    /// For errors in whose type a body that is too long has no place of its own.
    pub(super) fn too_long(limit: usize) -> io::Error {
        let why = format!("the body has more than {limit} bytes");
        io::Error::new(ErrorKind::Other, why)
    }
}

/// The body, if it has at most `limit` bytes; no more than one byte beyond these is read.
pub(crate) fn read(request: &Request, limit: usize) -> Result<Vec<u8>, Unread> {
    let body = request.data().ok_or(Unread::Extracted)?;
    // A usize is at most 64 bits wide on every target Rust has.
    let most = (limit as u64).saturating_add(1);
    let mut bytes = Vec::new();
    body.take(most)
        .read_to_end(&mut bytes)
        .map_err(Unread::Io)?;
    match bytes.len() > limit {
        true => Err(Unread::TooLong(limit)),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_n_takes_n_bytes_and_not_one_more() {
        let request = |length| Request::fake_http("POST", "/", vec![], vec![b'x'; length]);
        for (length, limit) in [(0, 0), (1, 1), (9, 10), (10, 10), (10, usize::MAX)] {
            let body = read(&request(length), limit).unwrap();
            assert_eq!(body.len(), length, "{limit}");
        }
        for (length, limit) in [(1, 0), (11, 10), (100_000, 10)] {
            let error = read(&request(length), limit).unwrap_err();
            assert!(matches!(error, Unread::TooLong(told) if told == limit));
        }
    }

    #[test]
    fn a_body_is_there_once() {
        let request = Request::fake_http("POST", "/", vec![], b"text".to_vec());
        assert_eq!(read(&request, 10).unwrap(), b"text");
        assert!(matches!(read(&request, 10), Err(Unread::Extracted)));
    }
}
