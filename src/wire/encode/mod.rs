//! How a response goes out: which framing it gets, and its head as bytes. The server's own fields
//! are decided here and nowhere else; what a handler set of them is dropped, once a `close` in its
//! Connection has been heeded. Body bytes and their sending are not known here.

use super::body::framing::list;
use super::bytes::{is_token, skip_value};
use crate::message::request::head::Version;
use crate::message::syntax::status;
use std::borrow::Cow;

/// How long a response body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Known(u64),
    Unknown,
}

/// How a response body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyFraming {
    /// This status has none, and no field that says how long it is.
    Nothing,
    Length(u64),
    Chunked,
    /// HTTP/1.0 knows no other end for a length that is not known.
    UntilClose,
}

/// What is decided about a response before its first byte is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub transfer: BodyFraming,
    /// The connection ends after this response.
    pub close: bool,
    /// No byte of the body is sent, whatever the head says about it.
    pub head_only: bool,
}

/// Decides how a final response, or 101, is framed (RFC 9112 §6, §9.3).
pub(crate) fn plan(
    request_is_head: bool,
    version: Version,
    keep_alive: bool,
    status: u16,
    payload: Payload,
) -> Plan {
    let transfer = match (status, payload) {
        // RFC 9110 §8.6, §15.4.5: no length in 1xx and 204; in 304 it would be that of a 200.
        (100..=199 | 204 | 304, _) => BodyFraming::Nothing,
        // RFC 9110 §15.3.6: a 205 has no content, and says so.
        (205, _) => BodyFraming::Length(0),
        (_, Payload::Known(length)) => BodyFraming::Length(length),
        // RFC 9112 §6.1: no Transfer-Encoding to a client that may not know it.
        (_, Payload::Unknown) if version < Version::Http11 => BodyFraming::UntilClose,
        (_, Payload::Unknown) => BodyFraming::Chunked,
    };
    let head_only = request_is_head || transfer == BodyFraming::Nothing || status == 205;
    Plan {
        transfer,
        close: !keep_alive || (transfer == BodyFraming::UntilClose && !head_only),
        head_only,
    }
}

/// A name that is a token, a value without a control character but HTAB: what can be sent, and
/// cannot end its line (RFC 9110 §5.1, §5.5).
#[inline]
pub(crate) fn is_field(name: &str, value: &str) -> bool {
    let (name, value) = (name.as_bytes(), value.as_bytes());
    is_token(name) && skip_value(value, 0) == value.len()
}

/// Appends the head of a response. `version` is the client's: the answer to any is HTTP/1.1
/// (RFC 9110 §2.5). Those of `headers` are left out that the server itself decides on; one that
/// asks for the connection's end makes the plan say so.
///
/// False if one of them is [no field](is_field). Then what was appended is no head, and is to be
/// taken back: a response without a field that its handler meant it to have (a policy, a place to
/// go to) would be another response.
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
        match Owned::by_name(name.as_bytes()) {
            None => {}
            Some(Owned::Date) if !dated => dated = true,
            Some(Owned::Upgrade) => upgrade = true,
            Some(Owned::Connection) => {
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
    match plan.transfer {
        BodyFraming::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            push_decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        BodyFraming::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        BodyFraming::Nothing | BodyFraming::UntilClose => {}
    }
    out.extend_from_slice(match status {
        // RFC 9110 §7.8: Upgrade is always named there; this connection neither closes nor stays.
        101 => b"Connection: upgrade\r\n",
        _ => connection(plan.close, version, upgrade),
    });
    out.extend_from_slice(b"\r\n");
    true
}

/// The Connection field (RFC 9112 §9.3, §9.6); beside Upgrade it has to name that too, as in a 426
/// (RFC 9110 §7.8).
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

/// A field that is not the handler's alone to set.
enum Owned {
    Date,
    Upgrade,
    Connection,
    /// Content-Length, Transfer-Encoding, Keep-Alive, and Trailer, as no trailer is ever sent.
    Framing,
}

impl Owned {
    #[inline]
    fn by_name(name: &[u8]) -> Option<Owned> {
        let (owned, field): (&[u8], Owned) = match name.len() {
            4 => (b"date", Owned::Date),
            7 if name[0] | 0x20 == b'u' => (b"upgrade", Owned::Upgrade),
            7 => (b"trailer", Owned::Framing),
            10 if name[0] | 0x20 == b'c' => (b"connection", Owned::Connection),
            10 => (b"keep-alive", Owned::Framing),
            14 => (b"content-length", Owned::Framing),
            17 => (b"transfer-encoding", Owned::Framing),
            _ => return None,
        };
        match name.eq_ignore_ascii_case(owned) {
            true => Some(field),
            false => None,
        }
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
