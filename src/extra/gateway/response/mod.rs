//! The head of a response, bytes to values: of an HTTP/1 server (RFC 9112 §4, §5) and of a CGI
//! script (RFC 3875 §6.2); and where the body behind it ends. What may be read in two ways is
//! refused, as it is in requests.
//!
//! A head is taken line by line, each once it is whole, so that the result does not depend on how
//! the bytes arrived.

use crate::message::syntax::bytes::{is_token, skip_value};
use crate::wire::body::framing::{content_length, list};

/// Bytes of one head, its last empty line included. Eight times what nginx takes by default.
pub(crate) const MAX_HEAD_BYTES: usize = 64 * 1024;
/// Field lines of one head.
pub(crate) const MAX_FIELDS: usize = 256;

/// Why it is refused: a sentence for logs, in which nothing of it is repeated.
pub(crate) type Refused = &'static str;

/// Who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Http,
    /// There is no status line, and a line may end in LF alone: NL is what the system has
    /// (RFC 3875 §1.4).
    Cgi,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    /// Of the status line; 0 in CGI, where a field may say it.
    pub status: u16,
    /// HTTP/1.0 knows no transfer coding.
    pub is_10: bool,
    /// Names as they were sent, values without the blanks around them. What is not UTF-8 was read
    /// as ISO-8859-1.
    pub fields: Vec<(String, String)>,
}

impl ResponseHead {
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        self.fields.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// Takes a head apart as it arrives.
#[derive(Debug)]
pub(crate) struct ResponseParser {
    dialect: Dialect,
    /// Where the line begins that is not whole yet.
    line: usize,
    /// No LF is in the line before this.
    seen: usize,
    head: ResponseHead,
}

impl ResponseParser {
    pub(super) fn new(dialect: Dialect) -> ResponseParser {
        ResponseParser {
            dialect,
            line: 0,
            seen: 0,
            head: ResponseHead::default(),
        }
    }

    /// Goes on with `bytes`: everything received from the head's first byte on, and perhaps more
    /// than the head. When it is whole: how many bytes it took, and the head; the parser is ready
    /// for another one then. `None`: more is needed.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Option<(usize, ResponseHead)>, Refused> {
        let seen = &bytes[..bytes.len().min(MAX_HEAD_BYTES)];
        // What speaks another protocol may wait for us now: it is not waited for.
        let mut begins = seen.iter().zip(b"HTTP/1.");
        if self.dialect == Dialect::Http && !begins.all(|(a, b)| a == b) {
            return Err("it is no response of HTTP/1");
        }
        while let Some(at) = seen[self.seen..].iter().position(|&b| b == b'\n') {
            let end = self.seen + at;
            let line = &seen[self.line..end];
            let line = match (line.strip_suffix(b"\r"), self.dialect) {
                (Some(line), _) => line,
                (None, Dialect::Cgi) => line,
                (None, Dialect::Http) => return Err("a line ends in LF alone"),
            };
            let is_first = self.line == 0;
            self.line = end + 1;
            self.seen = self.line;
            if self.dialect == Dialect::Http && is_first {
                self.status_line(line)?;
            } else if line.is_empty() {
                let length = self.line;
                let head = std::mem::replace(self, ResponseParser::new(self.dialect)).head;
                return Ok(Some((length, head)));
            } else {
                self.field_line(line)?;
            }
        }
        self.seen = seen.len();
        match seen.len() == MAX_HEAD_BYTES {
            // A head of just that many bytes would be whole by now.
            true => Err("the head is too large"),
            false => Ok(None),
        }
    }

    /// status-line = HTTP-version SP status-code SP [ reason-phrase ]; the last SP may be missing,
    /// as some servers have it.
    fn status_line(&mut self, line: &[u8]) -> Result<(), Refused> {
        let (version, rest) = match line {
            [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9', b' ', rest @ ..] => {
                (*minor, rest)
            }
            _ => return Err("it is no response of HTTP/1"),
        };
        let (code, reason) = rest.split_at(rest.len().min(3));
        let fits = matches!(reason, [] | [b' ', ..]) && skip_value(reason, 0) == reason.len();
        self.head.is_10 = version == b'0';
        self.head.status = status_code(code).filter(|_| fits).ok_or("no status code")?;
        Ok(())
    }

    /// field-line = field-name ":" OWS field-value OWS; no obs-fold.
    fn field_line(&mut self, line: &[u8]) -> Result<(), Refused> {
        if self.head.fields.len() == MAX_FIELDS {
            return Err("too many fields");
        }
        let colon = line.iter().position(|&b| b == b':');
        let colon = colon.ok_or("a field line without a colon")?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if !is_token(name) {
            return Err("a field name is not a token");
        }
        if skip_value(value, 0) != value.len() {
            return Err("a control character in a field value");
        }
        let value = trim(value);
        let text = |bytes: &[u8]| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|&b| char::from(b)).collect(),
        };
        self.head.fields.push((text(name), text(value)));
        Ok(())
    }
}

fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// status-code = 3DIGIT, the first of which is not 0 (RFC 9110 §15).
pub(crate) fn status_code(text: &[u8]) -> Option<u16> {
    let digit = |byte: u8| u16::from(byte - b'0');
    match *text {
        [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] => {
            Some(digit(a) * 100 + digit(b) * 10 + digit(c))
        }
        _ => None,
    }
}

/// How the body of a response ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseLength {
    /// There is none.
    Nothing,
    Known(u64),
    Chunked,
    /// With the connection.
    ToEnd,
}

/// The steps of RFC 9112 §6.3 for a response. To HEAD it has no body: this is how the one to GET
/// would end.
pub(crate) fn length(head: &ResponseHead) -> Result<ResponseLength, Refused> {
    // Step 1: whatever the fields say.
    if matches!(head.status, 100..=199 | 204 | 304) {
        return Ok(ResponseLength::Nothing);
    }
    let length = only_length(head)?;
    let mut codings = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Transfer-Encoding"))
        .flat_map(|(_, value)| list(value));
    let chunked = match (codings.next(), codings.next()) {
        (None, _) => false,
        // §6.1: the framing is to be taken for faulty.
        (Some(_), _) if head.is_10 => return Err("a transfer coding in HTTP/1.0"),
        // Step 3: an error, as it may be response splitting.
        (Some(_), _) if length.is_some() => return Err("a length beside a transfer coding"),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => true,
        // Any other would have to be undone, and step 4 would have it end with the connection.
        _ => return Err("a transfer coding other than chunked"),
    };
    Ok(match (chunked, length) {
        (true, _) => ResponseLength::Chunked,
        // Step 6.
        (false, Some(length)) => ResponseLength::Known(length),
        // Step 8.
        (false, None) => ResponseLength::ToEnd,
    })
}

/// What Content-Length says. Step 5: equal ones may be joined; others would not, so it is refused.
pub(crate) fn only_length(head: &ResponseHead) -> Result<Option<u64>, Refused> {
    let mut lengths = head
        .fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err("more than one Content-Length"),
        (Some((_, value)), None) => match content_length(value) {
            Ok(length) => Ok(Some(length)),
            Err(_) => Err("Content-Length is not a number"),
        },
    }
}

#[cfg(test)]
mod tests;
