//! The body of the other server's response: its length, and its bytes, which are read while the
//! client gets them. The body ends only where its framing ends: an earlier end of the connection is
//! an error.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use super::failure::{ended_early, read_once};
use crate::extra::gateway::response_head::{announced_length, Rejection, ResponseHead};
use crate::limits::Limits;
use crate::wire::body::chunked::Decoder;
use crate::wire::body::framing::list;
use crate::wire::error::WireError;
use crate::ResponseBody;

/// 32 KiB: the bytes of a chunked body in one read. Other bodies are read into the caller's buffer.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// The end of the body of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseLength {
    /// There is no body.
    None,
    Known(u64),
    Chunked,
    /// The body ends with the connection.
    UntilClose,
}

/// Returns the end of the body, by the steps of RFC 9112 §6.3 for a response. For a response to
/// HEAD, which has no body, the result is that of the response to GET.
pub(crate) fn length(head: &ResponseHead) -> Result<ResponseLength, Rejection> {
    // Step 1: the fields do not count.
    if matches!(head.status, 100..=199 | 204 | 304) {
        return Ok(ResponseLength::None);
    }
    let length = announced_length(head)?;
    let mut codings = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Transfer-Encoding"))
        .flat_map(|(_, value)| list(value));
    let chunked = match (codings.next(), codings.next()) {
        (None, _) => false,
        // §6.1: a recipient must treat the framing as faulty.
        (Some(_), _) if head.is_10 => return Err(WireError::EncodingIn10.reason()),
        // Step 3: an error, because both fields may be an attempt at response splitting.
        (Some(_), _) if length.is_some() => return Err(WireError::LengthAndEncoding.reason()),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => true,
        // The gateway decodes no other coding. By step 4, the body would end with the connection.
        _ => return Err(WireError::UnknownEncoding.reason()),
    };
    Ok(match (chunked, length) {
        (true, _) => ResponseLength::Chunked,
        // Step 6.
        (false, Some(length)) => ResponseLength::Known(length),
        // Step 8.
        (false, None) => ResponseLength::UntilClose,
    })
}

/// Returns the rest of the response as a body for the client. `received` are the bytes after the
/// head. Each read waits for at most `timeout`.
pub(crate) fn read(
    stream: TcpStream,
    received: Vec<u8>,
    length: ResponseLength,
    timeout: Duration,
) -> io::Result<ResponseBody> {
    let remaining = match length {
        ResponseLength::None => return Ok(ResponseBody::empty()),
        // The whole body came with the head, so the server can write both at once.
        ResponseLength::Known(length) if length <= received.len() as u64 => {
            return Ok(ResponseBody::from_data(&received[..length as usize]));
        }
        ResponseLength::Known(length) => Remaining::Length(length),
        // The body is forwarded, not kept, so it may have any length.
        ResponseLength::Chunked => Remaining::Chunked(Box::new(Decoder::new(&Limits {
            max_body_bytes: u64::MAX,
            ..Limits::default()
        }))),
        ResponseLength::UntilClose => Remaining::UntilClose,
    };
    stream.set_read_timeout(Some(timeout))?;
    let body = Body {
        stream: Some(stream),
        received,
        at: 0,
        remaining,
        failed: None,
    };
    Ok(match length {
        ResponseLength::Known(length) => ResponseBody::from_reader_and_length(body, length),
        _ => ResponseBody::from_reader(body),
    })
}

struct Body {
    /// `None` after the end of the body, which closes the connection.
    stream: Option<TcpStream>,
    /// Bytes that were received and not yet used, from `at` on.
    received: Vec<u8>,
    at: usize,
    remaining: Remaining,
    /// The error that every further read returns.
    failed: Option<ErrorKind>,
}

enum Remaining {
    Length(u64),
    Chunked(Box<Decoder>),
    UntilClose,
}

impl Body {
    /// Reads bytes with their framing. Returns 0 at the end of the connection.
    fn read_framed(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let buffered = &self.received[self.at..];
        if buffered.is_empty() {
            return match &mut self.stream {
                Some(stream) => read_once(stream, buf),
                None => Ok(0),
            };
        }
        let count = buffered.len().min(buf.len());
        buf[..count].copy_from_slice(&buffered[..count]);
        self.at += count;
        Ok(count)
    }

    fn read_content(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.remaining {
            Remaining::UntilClose => self.read_framed(buf),
            Remaining::Length(0) => Ok(0),
            Remaining::Length(left) => {
                let left = *left;
                let most = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
                let count = self.read_framed(&mut buf[..most])?;
                if count == 0 {
                    return Err(ended_early());
                }
                self.remaining = Remaining::Length(left - count as u64);
                Ok(count)
            }
            Remaining::Chunked(_) => self.read_chunked(buf),
        }
    }

    fn read_chunked(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Remaining::Chunked(decoder) = &mut self.remaining {
                let invalid =
                    |error: WireError| io::Error::new(ErrorKind::InvalidData, error.reason());
                let done = decoder
                    .decode(&self.received[self.at..], buf)
                    .map_err(invalid)?;
                self.at += done.consumed;
                if done.produced > 0 || decoder.is_done() {
                    return Ok(done.produced);
                }
            }
            // The decoder has used all received bytes.
            self.received.resize(READ_BUFFER_BYTES, 0);
            self.at = 0;
            let count = match &mut self.stream {
                Some(stream) => read_once(stream, &mut self.received),
                None => Ok(0),
            };
            self.received.truncate(*count.as_ref().unwrap_or(&0));
            if count? == 0 {
                return Err(ended_early());
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(kind) = self.failed {
            return Err(kind.into());
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let read = self.read_content(buf);
        self.failed = read.as_ref().err().map(io::Error::kind);
        if !matches!(read, Ok(1..)) {
            self.stream = None;
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extra::gateway::response_head::{HeadSyntax, ResponseParser};

    #[test]
    fn bodies_end_as_the_fields_announce() {
        use ResponseLength::{Chunked, Known, UntilClose};
        for (text, want) in [
            ("1.1 200", Ok(UntilClose)),
            ("1.1 200|Content-Length: 5", Ok(Known(5))),
            ("1.0 200|content-length: 0", Ok(Known(0))),
            ("1.1 200|Transfer-Encoding: Chunked", Ok(Chunked)),
            ("1.1 204|Content-Length: 5", Ok(ResponseLength::None)),
            (
                "1.1 304|Transfer-Encoding: chunked|Content-Length: 5",
                Ok(ResponseLength::None),
            ),
            ("1.1 103|Content-Length: 5", Ok(ResponseLength::None)),
            (
                "1.1 200|Content-Length: 5|Content-Length: 5",
                Err("more than one Content-Length field"),
            ),
            (
                "1.1 200|Content-Length: 5, 5",
                Err("invalid Content-Length: expected decimal number"),
            ),
            (
                "1.1 200|Content-Length: +5",
                Err("invalid Content-Length: expected decimal number"),
            ),
            (
                "1.1 200|Content-Length:",
                Err("invalid Content-Length: expected decimal number"),
            ),
            (
                "1.1 200|Content-Length: 18446744073709551616",
                Err("invalid Content-Length: expected decimal number"),
            ),
            (
                "1.1 200|Content-Length: 5|Transfer-Encoding: chunked",
                Err("both Content-Length and Transfer-Encoding"),
            ),
            (
                "1.0 200|Transfer-Encoding: chunked",
                Err("Transfer-Encoding in HTTP/1.0 message"),
            ),
            (
                "1.1 200|Transfer-Encoding: gzip",
                Err("unsupported transfer coding: expected chunked"),
            ),
            (
                "1.1 200|Transfer-Encoding: gzip, chunked",
                Err("unsupported transfer coding: expected chunked"),
            ),
            (
                "1.1 200|Transfer-Encoding: chunked, chunked",
                Err("unsupported transfer coding: expected chunked"),
            ),
            (
                "1.1 200|Transfer-Encoding:",
                Err("unsupported transfer coding: expected chunked"),
            ),
            (
                "1.1 200|Transfer-Encoding: chunked|Transfer-Encoding: x",
                Err("unsupported transfer coding: expected chunked"),
            ),
        ] {
            let bytes = format!("HTTP/{}\r\n\r\n", text.replace('|', "\r\n"));
            let (_, head) = ResponseParser::new(HeadSyntax::Http)
                .feed(bytes.as_bytes())
                .unwrap()
                .unwrap();
            assert_eq!(length(&head), want, "{text}");
        }
    }
}
