//! The encoder of a response: its framing, and its head as bytes.
//!
//! This module alone sets the server's own fields. It omits the fields of these names that a
//! handler set, except that a `close` in Connection closes the connection. The module handles no
//! byte of a body and sends nothing.

use super::body::framing::list;
use crate::message::request::head::Version;
use crate::message::syntax::bytes::{is_token, skip_value};
use crate::message::syntax::status;
use std::borrow::Cow;

/// The length of a response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Known(u64),
    Unknown,
}

/// The framing of a response body: the way in which the client finds its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// The status has no body, and its head no field for a length.
    Nothing,
    Length(u64),
    Chunked,
    /// The end of the connection: HTTP/1.0 has no other end for an unknown length.
    UntilClose,
}

/// The decisions about a response before its first byte is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) framing: BodyFraming,
    /// Whether the connection closes after this response.
    pub(crate) close: bool,
    /// Whether no byte of the body is sent, even if the head has a length.
    pub(crate) head_only: bool,
}

/// Returns the framing of a final response or a 101 (RFC 9112 §6, §9.3).
pub(crate) fn plan(
    request_is_head: bool,
    version: Version,
    keep_alive: bool,
    status: u16,
    payload: Payload,
) -> Plan {
    let framing = match (status, payload) {
        // RFC 9110 §8.6, §15.4.5: no length in 1xx and 204; in a 304 it would be that of the 200.
        (100..=199 | 204 | 304, _) => BodyFraming::Nothing,
        // RFC 9110 §15.3.6: a 205 has no content, and a length of 0.
        (205, _) => BodyFraming::Length(0),
        (_, Payload::Known(length)) => BodyFraming::Length(length),
        // RFC 9112 §6.1: no Transfer-Encoding for a client that may not know the field.
        (_, Payload::Unknown) if version < Version::Http11 => BodyFraming::UntilClose,
        (_, Payload::Unknown) => BodyFraming::Chunked,
    };
    let head_only = request_is_head || framing == BodyFraming::Nothing || status == 205;
    Plan {
        framing,
        close: !keep_alive || (framing == BodyFraming::UntilClose && !head_only),
        head_only,
    }
}

/// Returns whether the field can be sent: the name is a token, and the value has no control
/// character except HTAB (RFC 9110 §5.1, §5.5). Without this check, a value with CRLF could add
/// fields or a second response (injection).
#[inline]
pub(crate) fn is_field(name: &str, value: &str) -> bool {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    is_token(name) && skip_value(value, 0) == value.len()
}

/// Appends the head of a response. `version` is that of the client: a response is always HTTP/1.1
/// (RFC 9110 §2.5). Omits the fields in `headers` that the server itself sets. A `close` in
/// Connection sets `plan.close`.
///
/// Returns whether all of `headers` are [valid](is_field). If not, the caller must remove the
/// appended bytes, which are no head. Without the invalid field (a policy, a target), the response
/// could have another meaning.
#[must_use]
pub(crate) fn response_head(
    out: &mut Vec<u8>,
    plan: &mut Plan,
    version: Version,
    status: u16,
    headers: &[(Cow<'static, str>, Cow<'static, str>)],
    date: &[u8; 29],
) -> bool {
    out.extend_from_slice(b"HTTP/1.1 ");
    push_decimal(out, u64::from(status));
    out.push(b' ');
    out.extend_from_slice(status::reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");

    let mut dated = false;
    let mut upgrade = false;
    for (name, value) in headers {
        if !is_field(name, value) {
            return false;
        }
        match ServerField::by_name(name.as_bytes()) {
            None => {}
            Some(ServerField::Date) if !dated => dated = true,
            Some(ServerField::Upgrade) => upgrade = true,
            Some(ServerField::Connection) => {
                // RFC 9110 §7.6.1: a list of options.
                plan.close |= list(value).any(|option| option.eq_ignore_ascii_case("close"));
                continue;
            }
            Some(_) => continue,
        }
        push_field(out, name.as_bytes(), value.as_bytes());
    }

    if !dated {
        push_field(out, b"Date", date);
    }
    match plan.framing {
        BodyFraming::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        BodyFraming::Nothing | BodyFraming::UntilClose => {}
    }
    out.extend_from_slice(match status {
        // RFC 9110 §7.8: a 101 always has this option. Its connection neither closes nor persists.
        101 => b"Connection: upgrade\r\n",
        _ => connection(plan.close, version, upgrade),
    });
    out.extend_from_slice(b"\r\n");
    true
}

/// Returns the Connection field (RFC 9112 §9.3, §9.6). If the response has an Upgrade field, as a
/// 426 has, Connection must name that field (RFC 9110 §7.8).
fn connection(close: bool, version: Version, upgrade: bool) -> &'static [u8] {
    match (close, version, upgrade) {
        (true, _, false) => b"Connection: close\r\n",
        (true, _, true) => b"Connection: close, upgrade\r\n",
        (false, Version::Http10, false) => b"Connection: keep-alive\r\n",
        (false, Version::Http10, true) => b"Connection: keep-alive, upgrade\r\n",
        (false, Version::Http11, false) => b"",
        (false, Version::Http11, true) => b"Connection: upgrade\r\n",
    }
}

/// A field that the server sets or changes.
enum ServerField {
    Date,
    Upgrade,
    Connection,
    /// Content-Length, Transfer-Encoding, Keep-Alive, and Trailer: the server sends no trailer.
    Framing,
}

impl ServerField {
    #[inline]
    fn by_name(name: &[u8]) -> Option<ServerField> {
        let (known, field): (&[u8], ServerField) = match name.len() {
            4 => (b"date", ServerField::Date),
            7 if name[0] | 0x20 == b'u' => (b"upgrade", ServerField::Upgrade),
            7 => (b"trailer", ServerField::Framing),
            10 if name[0] | 0x20 == b'c' => (b"connection", ServerField::Connection),
            10 => (b"keep-alive", ServerField::Framing),
            14 => (b"content-length", ServerField::Framing),
            17 => (b"transfer-encoding", ServerField::Framing),
            _ => return None,
        };
        name.eq_ignore_ascii_case(known).then_some(field)
    }
}

#[inline]
fn push_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn push_decimal(out: &mut Vec<u8>, number: u64) {
    // u64::MAX has 20 digits.
    let mut digits = [0; 20];
    let mut left = number;
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests;
