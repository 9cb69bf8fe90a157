//! The request head, bytes to [`Head`]: request line, field lines, the empty line (RFC 9112 §2–§5).
//! What the fields say about the body is not looked at here, but for Host, which completes the
//! target.
//!
//! ```text
//!          CR LF            SP          SP          CR LF          :
//! Before ⇄ BeforeLf · Method ─► Target ─► Version ──────► Line ─► Name ─► Blank ─► Value
//!                                                          │ ▲                       │ CR
//!                                              CR ┌────────┘ └──── LF ── LineLf ◄────┘
//!                                                 ▼
//!                                               EndLf ── LF ──► whole
//! ```
//!
//! The parser takes one byte after the other and decides on each with what came before it and
//! nothing else. So the result does not depend on how the bytes arrived, an error comes with the
//! first byte that shows it, and no byte is looked at again (but for up to two after a `%`).

pub(crate) mod fields;
mod target;

use self::fields::{bad_name, bad_value, transcode};
use super::bytes;
use super::error::WireError;
use crate::limits::Limits;
use crate::message::request::head::{Field, Head, Span, Version};

/// No registered method is longer than 17 bytes (UPDATEREDIRECTREF).
const MAX_METHOD_BYTES: usize = 64;

/// Before one request. Clients of old sent one behind a body (RFC 9112 §2.2).
const MAX_EMPTY_LINES: u8 = 16;

/// Spans are 32 bits wide, and the text may grow to twice the bytes received (ISO-8859-1), with
/// the method and what is behind the authority of an absolute-form target once more.
const MAX_HEAD_BYTES: usize = 1 << 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Before,
    BeforeLf,
    Method,
    Target,
    Version,
    Line,
    Name,
    Blank,
    Value,
    LineLf,
    EndLf,
}

/// Takes a head apart as it arrives.
#[derive(Debug)]
pub(crate) struct HeadParser {
    state: State,
    /// The bytes before this one are done with.
    at: usize,
    /// The first byte of what `at` stands in: a method, a target, a name, a value.
    mark: usize,
    /// The first byte of the request line, where `Head::text` begins.
    start: usize,
    /// How many were passed over.
    empty_lines: u8,
    name: Span,
    /// The target is known to have come to its query.
    query: bool,
    /// The field that is Host.
    host: Option<usize>,
    /// The authority of a target in absolute-form.
    authority: Option<Span>,
}

impl Default for HeadParser {
    fn default() -> HeadParser {
        HeadParser {
            state: State::Before,
            at: 0,
            mark: 0,
            start: 0,
            empty_lines: 0,
            name: Span::default(),
            query: false,
            host: None,
            authority: None,
        }
    }
}

impl HeadParser {
    /// Forgets a head that will not be finished.
    pub(crate) fn reset(&mut self) {
        // The rest is written before it is read.
        self.state = State::Before;
        self.at = 0;
        self.empty_lines = 0;
        self.query = false;
        self.host = None;
        self.authority = None;
    }

    /// After `feed` said `None`: how many bytes were empty lines, if there was nothing else. They
    /// are no part of a head yet: `feed` goes on with what is behind them.
    pub(crate) fn pass_empty_lines(&mut self) -> Option<usize> {
        let passed = match self.state {
            State::Before => self.at,
            State::BeforeLf => self.at - 1,
            _ => return None,
        };
        self.state = State::Before;
        self.at = 0;
        Some(passed)
    }

    /// Goes on with `bytes`: everything received from the head's first byte on, so at least what
    /// was given before, and perhaps more than the head. `Some(n)`: the head is whole and took n
    /// bytes, `head` is filled, and the parser is ready for the next one. `None`: more is needed.
    ///
    /// After an error the bytes have no meaning any more; the parser is of use again once it is
    /// [`reset`](HeadParser::reset).
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        head: &mut Head,
    ) -> Result<Option<usize>, WireError> {
        if self.at == 0 {
            head.clear();
        }
        if self.state < State::Method && !self.empty_lines(bytes)? {
            return Ok(None);
        }
        // Empty lines before it are no part of a head, whether they come with it or alone.
        let bound = self.start + limits.max_head_bytes.min(MAX_HEAD_BYTES);
        let seen = &bytes[..bytes.len().min(bound)];
        if self.advance(seen, limits, head)? {
            let end = self.at;
            self.finish(&seen[self.start..end], head)?;
            self.reset();
            Ok(Some(end))
        } else if seen.len() == bound {
            // A head of just that many bytes would be whole by now.
            Err(WireError::HeadTooLarge)
        } else {
            Ok(None)
        }
    }

    /// Walks over the bytes from the request line on; true once the head's last byte was passed.
    fn advance(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        head: &mut Head,
    ) -> Result<bool, WireError> {
        if self.state == State::Method && !self.method(bytes, head)? {
            return Ok(false);
        }
        if self.state == State::Target && !self.target(bytes, limits, head)? {
            return Ok(false);
        }
        if self.state == State::Version && !self.version(bytes, head)? {
            return Ok(false);
        }
        self.fields(bytes, limits, head)
    }

    /// RFC 9112 §2.2: a server should pass over an empty line before a request, or more.
    #[inline]
    fn empty_lines(&mut self, bytes: &[u8]) -> Result<bool, WireError> {
        while let Some(&byte) = bytes.get(self.at) {
            self.state = match (self.state, byte) {
                (State::Before, b'\r') if self.empty_lines == MAX_EMPTY_LINES => {
                    return Err(WireError::TooManyEmptyLines);
                }
                (State::Before, b'\r') => State::BeforeLf,
                (State::Before, b'\n') => return Err(WireError::BareLf),
                (State::Before, _) => {
                    self.start = self.at;
                    self.mark = self.at;
                    self.state = State::Method;
                    return Ok(true);
                }
                (_, b'\n') => {
                    self.empty_lines += 1;
                    State::Before
                }
                _ => return Err(WireError::BareCr),
            };
            self.at += 1;
        }
        Ok(false)
    }

    /// `method SP`
    #[inline]
    fn method(&mut self, bytes: &[u8], head: &mut Head) -> Result<bool, WireError> {
        self.at = bytes::skip_token(bytes, self.at);
        if self.at - self.mark > MAX_METHOD_BYTES {
            return Err(WireError::MethodTooLong);
        }
        match bytes.get(self.at) {
            None => Ok(false),
            Some(b' ') if self.at > self.mark => {
                head.method = self.span(self.mark, self.at);
                // At once, and not with all else at the end: the answer to a head that is refused
                // or never finished depends on whether it was for HEAD. A token is ASCII.
                if let Ok(method) = std::str::from_utf8(&bytes[self.mark..self.at]) {
                    head.text.push_str(method);
                }
                self.enter(State::Target);
                Ok(true)
            }
            Some(_) => Err(WireError::BadMethod),
        }
    }

    /// `request-target SP`. Which form it has is decided when the version is known.
    #[inline]
    fn target(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        head: &mut Head,
    ) -> Result<bool, WireError> {
        let most = limits.max_target_bytes;
        let (at, whole) = target::scan(bytes, self.mark, self.at, most, &mut self.query)?;
        self.at = at;
        if whole {
            head.target = self.span(self.mark, self.at);
            self.enter(State::Version);
        }
        Ok(whole)
    }

    /// `HTTP-version CRLF`, and with it the request line as a whole.
    #[inline]
    fn version(&mut self, bytes: &[u8], head: &mut Head) -> Result<bool, WireError> {
        const USUAL: &[u8; 10] = b"HTTP/1.1\r\n";
        let line_end = &bytes[self.mark..bytes.len().min(self.mark + USUAL.len())];
        head.version = Version::Http11;
        if line_end != USUAL {
            // RFC 9112 §2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT
            while let Some(&byte) = line_end.get(self.at - self.mark) {
                match (self.at - self.mark, byte) {
                    (5 | 7, b'0'..=b'9') => {}
                    (8, b'\n') => return Err(WireError::BareLf),
                    (9, _) if byte != b'\n' => return Err(WireError::BareCr),
                    (k, _) if k != 5 && k != 7 && byte == USUAL[k] => {}
                    _ => return Err(WireError::BadVersion),
                }
                self.at += 1;
            }
            if line_end.len() < USUAL.len() {
                return Ok(false);
            }
            match (line_end[5], line_end[7]) {
                (b'1', b'0') => head.version = Version::Http10,
                // RFC 9110 §2.5: a higher minor version is read as the highest one known.
                (b'1', _) => {}
                _ => return Err(WireError::UnsupportedVersion),
            }
        }
        self.at = self.mark + USUAL.len();
        self.authority = target::form(&bytes[self.start..self.at], head)?;
        self.state = State::Line;
        Ok(true)
    }

    /// `*( field-line CRLF ) CRLF`
    #[inline]
    fn fields(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        head: &mut Head,
    ) -> Result<bool, WireError> {
        // One turn is one line. A turn falls from step to step; only the first one may begin
        // further down, where the bytes had run out.
        let (mut state, mut at, mut mark) = (self.state, self.at, self.mark);
        let whole = loop {
            if state == State::Line {
                let byte = match bytes.get(at) {
                    Some(&byte) => byte,
                    None => break false,
                };
                state = line(byte, head.fields.len() >= limits.max_headers)?;
                mark = at;
                at += usize::from(state == State::EndLf);
            }
            if state == State::EndLf {
                match bytes.get(at) {
                    None => break false,
                    Some(b'\n') => {
                        at += 1;
                        break true;
                    }
                    Some(_) => return Err(WireError::BareCr),
                }
            }
            if state == State::Name {
                at = bytes::skip_token(bytes, at);
                match bytes.get(at) {
                    None => break false,
                    Some(b':') if at > mark => {
                        self.name = self.span(mark, at);
                        at += 1;
                        state = State::Blank;
                    }
                    Some(&byte) => return Err(bad_name(byte, at == mark)),
                }
            }
            if state == State::Blank {
                while matches!(bytes.get(at), Some(b' ' | b'\t')) {
                    at += 1;
                }
                mark = at;
                if at == bytes.len() {
                    break false;
                }
                state = State::Value;
            }
            if state == State::Value {
                at = bytes::skip_value(bytes, at);
                match bytes.get(at) {
                    None => break false,
                    Some(b'\r') => {
                        self.field(bytes, mark, at, head)?;
                        at += 1;
                        state = State::LineLf;
                    }
                    Some(&byte) => return Err(bad_value(byte)),
                }
            }
            match bytes.get(at) {
                None => break false,
                Some(b'\n') => {
                    at += 1;
                    state = State::Line;
                }
                Some(_) => return Err(WireError::BareCr),
            }
        };
        self.state = state;
        self.at = at;
        self.mark = mark;
        Ok(whole)
    }

    /// A field line without its end: the value still has its trailing blanks.
    #[inline]
    fn field(
        &mut self,
        bytes: &[u8],
        mark: usize,
        mut end: usize,
        head: &mut Head,
    ) -> Result<(), WireError> {
        while end > mark && matches!(bytes[end - 1], b' ' | b'\t') {
            end -= 1;
        }
        let name = self.name;
        if name.end - name.start == 4 {
            let name = &bytes[self.start + name.start as usize..self.start + name.end as usize];
            if name.eq_ignore_ascii_case(b"host") {
                // RFC 9112 §3.2: 400 for a second Host and for an invalid one.
                if self.host.is_some() {
                    return Err(WireError::TwoHosts);
                }
                // §3.3: an empty one may be refused where the target names no host either, as there
                // is no http URI without one (RFC 9110 §4.2.1).
                let needless = end == mark && self.authority.is_some();
                if !needless && !target::is_authority(&bytes[mark..end]) {
                    return Err(WireError::BadHost);
                }
                self.host = Some(head.fields.len());
            }
        }
        let value = self.span(mark, end);
        head.fields.push(Field { name, value });
        Ok(())
    }

    /// The head is whole: copies its text, and gives the target and Host their final form.
    fn finish(&self, bytes: &[u8], head: &mut Head) -> Result<(), WireError> {
        // RFC 9112 §3.2: 400 for an HTTP/1.1 request without Host, also where the target is in
        // absolute-form.
        if self.host.is_none() && head.version == Version::Http11 {
            return Err(WireError::MissingHost);
        }
        // The method is there already.
        match std::str::from_utf8(&bytes[head.text.len()..]) {
            Ok(text) => head.text.push_str(text),
            Err(_) => transcode(bytes, head),
        }
        if let Some(authority) = self.authority {
            target::complete(head, authority, self.host);
        }
        Ok(())
    }

    /// Past the delimiter, to what comes next.
    fn enter(&mut self, state: State) {
        self.at += 1;
        self.mark = self.at;
        self.state = state;
    }

    /// Both are below [`MAX_HEAD_BYTES`], so that no bit is lost.
    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            start: (start - self.start) as u32,
            end: (end - self.start) as u32,
        }
    }
}

/// What a line is by its first byte.
#[inline]
fn line(byte: u8, full: bool) -> Result<State, WireError> {
    match byte {
        b'\r' => Ok(State::EndLf),
        b'\n' => Err(WireError::BareLf),
        // RFC 9112 §2.2, §5.2: neither a blank before the first field nor obs-fold.
        b' ' | b'\t' => Err(WireError::ObsFold),
        _ if full => Err(WireError::TooManyHeaders),
        _ => Ok(State::Name),
    }
}

#[cfg(test)]
mod tests;
