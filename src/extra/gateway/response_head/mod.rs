//! The parser of a response head, of an HTTP/1 server (RFC 9112 §4, §5) or of a CGI program (RFC
//! 3875 §6.2).
//!
//! As in requests, bytes that two parsers could read differently are rejected. The parser reads
//! complete lines only, so that the result does not depend on how the bytes arrived.

use crate::message::syntax::bytes::{is_token, skip_value, trim};
use crate::wire::body::framing::content_length;
use crate::wire::error::WireError;

/// 64 KiB: the longest head, with its last empty line, eight times the default of nginx. A
/// longer head is rejected.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// 256 field lines: the most in one head. One more is rejected.
pub(crate) const MAX_FIELDS: usize = 256;

/// The reason for which a head is rejected, for logs. The text contains no byte of the head.
pub(crate) type Rejection = &'static str;

const NOT_HTTP_1: Rejection = "invalid status line: expected HTTP/1.x";

/// The syntax of a head.
#[cfg_attr(not(feature = "cgi"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadSyntax {
    Http,
    /// No status line. A line may end in LF alone: NL depends on the system (RFC 3875 §1.4).
    Cgi,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    /// The status of the status line, or 0 for CGI, which has a Status field.
    pub(crate) status: u16,
    /// Whether the version is HTTP/1.0, which has no transfer coding.
    pub(crate) is_10: bool,
    /// Names as received, and values without the OWS around them. A text that is not UTF-8 was
    /// decoded as ISO-8859-1.
    pub(crate) fields: Vec<(String, String)>,
}

impl ResponseHead {
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// The parser of a head that arrives in pieces.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    syntax: HeadSyntax,
    /// The index at which the current line begins.
    line: usize,
    /// The index before which the current line has no LF.
    seen: usize,
    head: ResponseHead,
}

impl ResponseParser {
    pub(crate) fn new(syntax: HeadSyntax) -> ResponseParser {
        ResponseParser {
            syntax,
            line: 0,
            seen: 0,
            head: ResponseHead::default(),
        }
    }

    /// Continues with `bytes`: all bytes received from the first byte of the head on. `bytes` may
    /// extend beyond the head.
    ///
    /// Returns the length of the head and the head if it is complete; the parser is then ready for
    /// the next one. Returns `None` if more bytes are needed.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(usize, ResponseHead)>, Rejection> {
        let seen = &bytes[..bytes.len().min(MAX_HEAD_BYTES)];
        // A peer of another protocol may wait for bytes, and never complete a line. Without this
        // check, the gateway would wait until its timeout.
        let mut begins = seen.iter().zip(b"HTTP/1.");
        if self.syntax == HeadSyntax::Http && !begins.all(|(a, b)| a == b) {
            return Err(NOT_HTTP_1);
        }
        while let Some(at) = seen[self.seen..].iter().position(|&b| b == b'\n') {
            let end = self.seen + at;
            let line = &seen[self.line..end];
            let line = match (line.strip_suffix(b"\r"), self.syntax) {
                (Some(line), _) => line,
                (None, HeadSyntax::Cgi) => line,
                (None, HeadSyntax::Http) => return Err(WireError::BareLf.reason()),
            };
            let is_first = self.line == 0;
            self.line = end + 1;
            self.seen = self.line;
            if self.syntax == HeadSyntax::Http && is_first {
                self.status_line(line)?;
            } else if line.is_empty() {
                let length = self.line;
                let head = std::mem::replace(self, ResponseParser::new(self.syntax)).head;
                return Ok(Some((length, head)));
            } else {
                self.field_line(line)?;
            }
        }
        self.seen = seen.len();
        match seen.len() == MAX_HEAD_BYTES {
            // A head of exactly that many bytes would be complete by now.
            true => Err("head longer than 64 KiB"),
            false => Ok(None),
        }
    }

    /// status-line = HTTP-version SP status-code SP [ reason-phrase ]. The last SP may be missing:
    /// some servers omit it.
    fn status_line(&mut self, line: &[u8]) -> Result<(), Rejection> {
        let (version, rest) = match line {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' ', rest @ ..] => {
                (*minor, rest)
            }
            _ => return Err(NOT_HTTP_1),
        };
        let (code, reason) = rest.split_at(rest.len().min(3));
        let fits = matches!(reason, [] | [b' ', ..]) && skip_value(reason, 0) == reason.len();
        self.head.is_10 = version == b'0';
        self.head.status = status_code(code)
            .filter(|_| fits)
            .ok_or("invalid status code")?;
        Ok(())
    }

    /// field-line = field-name ":" OWS field-value OWS; no obs-fold.
    fn field_line(&mut self, line: &[u8]) -> Result<(), Rejection> {
        if self.head.fields.len() == MAX_FIELDS {
            return Err("more than 256 fields");
        }
        let colon = line.iter().position(|&b| b == b':');
        let colon = colon.ok_or(WireError::MissingColon.reason())?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return Err(WireError::BadFieldName.reason());
        }
        if skip_value(value, 0) != value.len() {
            return Err(WireError::BadFieldValue.reason());
        }
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
        };
        let (name, value) = (text(name), trim(&text(value)).to_owned());
        self.head.fields.push((name, value));
        Ok(())
    }
}

/// Reads a status code: 3DIGIT, the first of which is not 0 (RFC 9110 §15).
pub(crate) fn status_code(text: &[u8]) -> Option<u16> {
    let digit = |byte: u8| u16::from(byte - b'0');
    match *text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => None,
    }
}

/// Returns the value of Content-Length. RFC 9112 §6.3 permits a recipient to merge equal values.
/// Other recipients do not, so two fields are rejected.
pub(crate) fn announced_length(head: &ResponseHead) -> Result<Option<u64>, Rejection> {
    let mut lengths = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(WireError::TwoLengths.reason()),
        (Some((_, value)), None) => content_length(value).map(Some).map_err(WireError::reason),
    }
}

#[cfg(test)]
mod tests;
