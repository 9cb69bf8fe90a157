//! The parser of a request head: request line, field lines, empty line (RFC 9112 §2–§5).
//!
//! * `target`: the request target and the authority
//! * `fields`: the parts that field lines and trailer sections share
//!
//! The parser interprets one field only: Host, which completes the target.
//!
//! ```text
//!          CR LF            SP          SP          CR LF          :
//! Before ⇄ BeforeLf · Method ─► Target ─► Version ──────► Line ─► Name ─► Blank ─► Value
//!                                                          │ ▲                       │ CR
//!                                              CR ┌────────┘ └──── LF ── LineLf ◄────┘
//!                                                 ▼
//!                                               EndLf ── LF ──► complete
//! ```
//!
//! The parser reads one byte after the other, and each decision depends only on the bytes before.
//! So the result does not depend on how the bytes arrived, and an error is found at its first byte.
//! The parser reads no byte twice, except for up to two bytes after a `%`.

pub(crate) mod fields;
mod target;

use self::fields::{bad_name, bad_value, transcode};
use super::error::WireError;
use crate::limits::Limits;
use crate::message::request::head::{Field, Head, Span, Version};
use crate::message::syntax::bytes;

/// 64 bytes: the longest method. The longest registered one has 17 (UPDATEREDIRECTREF). A longer
/// method gets a 501.
const MAX_METHOD_BYTES: usize = 64;

/// 16 empty lines: the most before one request. Old clients sent one after a body (RFC 9112 §2.2).
/// One more gets a 400.
const MAX_EMPTY_LINES: u8 = 16;

/// 1 GiB: the longest head for any limit, so that every index of the text fits the 32 bits of a
/// span. The text can be twice as long as the received bytes (ISO-8859-1). It can also contain the
/// method and the rest of an absolute-form target a second time.
const MAX_HEAD_BYTES: usize = 1 << 30;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
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

/// The parser of a head that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct HeadParser {
    state: State,
    /// The index of the next byte to read.
    at: usize,
    /// The index of the first byte of the current element: a method, a target, a name, a value.
    mark: usize,
    /// The index of the first byte of the request line, where `Head::text` begins.
    start: usize,
    /// The number of empty lines before the request line.
    empty_lines: u8,
    name: Span,
    /// Whether a `?` of the target was found.
    query: bool,
    /// The index of the Host field.
    host: Option<usize>,
    /// The authority of a target in absolute-form.
    authority: Option<Span>,
}

impl HeadParser {
    /// Discards an incomplete head.
    pub(crate) fn reset(&mut self) {
        *self = HeadParser::default();
    }

    /// Returns the number of bytes in empty lines if the parser has read nothing else, after `feed`
    /// returned `None`. The caller removes these bytes: `feed` continues with the bytes after them.
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

    /// Continues with `bytes`: all bytes received from the first byte of the head on, which
    /// includes the bytes of the previous call. `bytes` may extend beyond the head.
    ///
    /// Returns `Some(n)` if the head is complete and has `n` bytes. Then `head` is filled, and the
    /// parser is ready for the next head. Returns `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Returns an error if the bytes are no valid head or exceed a limit. The bytes then have no
    /// meaning, and the parser needs a [`reset`](HeadParser::reset).
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
        // Empty lines before the request line do not count, whether they arrive with it or alone.
        let bound = self.start + limits.max_head_bytes.min(MAX_HEAD_BYTES);
        let seen = &bytes[..bytes.len().min(bound)];
        if self.advance(seen, limits, head)? {
            let end = self.at;
            self.finish(&seen[self.start..end], head)?;
            self.reset();
            Ok(Some(end))
        } else if seen.len() == bound {
            // A head of exactly that many bytes would be complete by now.
            Err(WireError::HeadTooLarge)
        } else {
            Ok(None)
        }
    }

    /// Reads the bytes from the request line on. Returns whether the head is complete.
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

    /// Skips empty lines: RFC 9112 §2.2 recommends that a server ignores at least one before a
    /// request. Returns whether the request line begins.
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
                // The method is copied at once, before the rest. Without this, the response to a
                // rejected or incomplete HEAD request would have a body. A token is ASCII.
                if let Ok(method) = std::str::from_utf8(&bytes[self.mark..self.at]) {
                    head.text.push_str(method);
                }
                self.enter(State::Target);
                Ok(true)
            }
            Some(_) => Err(WireError::BadMethod),
        }
    }

    /// `request-target SP`. The form of the target is determined after the version.
    #[inline]
    fn target(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        head: &mut Head,
    ) -> Result<bool, WireError> {
        let max_bytes = limits.max_target_bytes;
        let (at, complete) = target::scan(bytes, self.mark, self.at, max_bytes, &mut self.query)?;
        self.at = at;
        if complete {
            head.target = self.span(self.mark, self.at);
            self.enter(State::Version);
        }
        Ok(complete)
    }

    /// `HTTP-version CRLF`, the end of the request line.
    #[inline]
    fn version(&mut self, bytes: &[u8], head: &mut Head) -> Result<bool, WireError> {
        const COMMON: &[u8; 10] = b"HTTP/1.1\r\n";
        let line_end = &bytes[self.mark..bytes.len().min(self.mark + COMMON.len())];
        head.version = Version::Http11;
        if line_end != COMMON {
            // RFC 9112 §2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT
            while let Some(&byte) = line_end.get(self.at - self.mark) {
                match (self.at - self.mark, byte) {
                    (5 | 7, b'0'..=b'9') => {}
                    (8, b'\n') => return Err(WireError::BareLf),
                    (9, _) if byte != b'\n' => return Err(WireError::BareCr),
                    (k, _) if k != 5 && k != 7 && byte == COMMON[k] => {}
                    _ => return Err(WireError::BadVersion),
                }
                self.at += 1;
            }
            if line_end.len() < COMMON.len() {
                return Ok(false);
            }
            match (line_end[5], line_end[7]) {
                (b'1', b'0') => head.version = Version::Http10,
                // RFC 9110 §2.5: a higher minor version is treated as the highest known one.
                (b'1', _) => {}
                _ => return Err(WireError::UnsupportedVersion),
            }
        }
        self.at = self.mark + COMMON.len();
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
        // One iteration reads one line, step by step. Only the first iteration may begin at a later
        // step, at which the bytes of the previous call ended.
        let (mut state, mut at, mut mark) = (self.state, self.at, self.mark);
        let complete = loop {
            if state == State::Line {
                let byte = match bytes.get(at) {
                    Some(&byte) => byte,
                    None => break false,
                };
                state = line_state(byte, head.fields.len() >= limits.max_headers)?;
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
        Ok(complete)
    }

    /// Adds a field line with the value `bytes[mark..end]`, which includes its trailing OWS.
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
                // §3.3: an empty Host may be rejected, except if the target names a host: no http
                // URI has an empty host (RFC 9110 §4.2.1).
                let unused = end == mark && self.authority.is_some();
                if !unused && !target::is_authority(&bytes[mark..end]) {
                    return Err(WireError::BadHost);
                }
                self.host = Some(head.fields.len());
            }
        }
        let value = self.span(mark, end);
        head.fields.push(Field { name, value });
        Ok(())
    }

    /// Completes a head: copies its text, and sets the final form of the target and Host.
    fn finish(&self, bytes: &[u8], head: &mut Head) -> Result<(), WireError> {
        // RFC 9112 §3.2: 400 for an HTTP/1.1 request without Host, even if the target is in
        // absolute-form.
        if self.host.is_none() && head.version == Version::Http11 {
            return Err(WireError::MissingHost);
        }
        // The text already has the method.
        match std::str::from_utf8(&bytes[head.text.len()..]) {
            Ok(text) => head.text.push_str(text),
            Err(_) => transcode(bytes, head),
        }
        if let Some(authority) = self.authority {
            target::complete(head, authority, self.host);
        }
        Ok(())
    }

    /// Skips the delimiter and begins the next element.
    fn enter(&mut self, state: State) {
        self.at += 1;
        self.mark = self.at;
        self.state = state;
    }

    /// Returns the span of `bytes[start..end]` in the text. Both are at most [`MAX_HEAD_BYTES`], so
    /// the casts lose no bit.
    fn span(&self, start: usize, end: usize) -> Span {
        Span {
            start: (start - self.start) as u32,
            end: (end - self.start) as u32,
        }
    }
}

/// Returns the state after the first byte of a line.
#[inline]
fn line_state(byte: u8, full: bool) -> Result<State, WireError> {
    match byte {
        b'\r' => Ok(State::EndLf),
        b'\n' => Err(WireError::BareLf),
        // RFC 9112 §2.2, §5.2: no white space before the first field, and no obs-fold.
        b' ' | b'\t' => Err(WireError::ObsFold),
        _ if full => Err(WireError::TooManyHeaders),
        _ => Ok(State::Name),
    }
}

#[cfg(test)]
mod tests;
