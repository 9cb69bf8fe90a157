//! The request target and the authority (RFC 9112 §3.2, RFC 3986 §3.2): the bytes and the forms of
//! a target, and the syntax of Host.

use crate::message::request::head::{Head, Span};
use crate::message::syntax::bytes;
use crate::wire::error::WireError;
use std::net::Ipv6Addr;

/// Continues the scan of a target that begins at `mark` and is scanned up to `at`.
///
/// Returns the new index, and whether that is the index of the SP after the target. The caller sets
/// `query` to false at first and passes it again in each call.
#[inline]
pub(crate) fn scan(
    bytes: &[u8],
    mark: usize,
    mut at: usize,
    max_bytes: usize,
    query: &mut bool,
) -> Result<(usize, bool), WireError> {
    loop {
        at = bytes::skip_target(bytes, at);
        if at - mark > max_bytes {
            return Err(WireError::TargetTooLong);
        }
        match bytes.get(at) {
            None => return Ok((at, false)),
            Some(b' ') if at > mark => return Ok((at, true)),
            // RFC 3986 §2.1: pct-encoded = "%" HEXDIG HEXDIG
            Some(b'%') => {
                let digits = &bytes[at + 1..bytes.len().min(at + 3)];
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(WireError::BadTarget);
                }
                if digits.len() < 2 {
                    return Ok((at, false));
                }
                at += 3;
            }
            // A query cannot contain these by RFC 3986 §3.4, but browsers send them unescaped
            // (WHATWG URL, query percent-encode set). No two parsers disagree on the end of such a
            // target.
            Some(b'{' | b'}' | b'|' | b'\\' | b'^' | b'`') if in_query(&bytes[mark..at], query) => {
                at += 1;
            }
            Some(b'\r' | b'\n') => return Err(WireError::BadVersion),
            Some(_) => return Err(WireError::BadTarget),
        }
    }
}

/// Returns whether the scan has reached the query of the target.
fn in_query(scanned: &[u8], query: &mut bool) -> bool {
    *query = *query || scanned.contains(&b'?');
    *query
}

/// Checks the target against the four forms of RFC 9112 §3.2. Shortens a target in absolute-form to
/// its path and query, and returns its authority.
#[inline]
pub(crate) fn form(line: &[u8], head: &mut Head) -> Result<Option<Span>, WireError> {
    let of = |span: Span| &line[span.start as usize..span.end as usize];
    let (method, target) = (of(head.method), of(head.target));
    match target {
        _ if method == b"CONNECT" => match is_authority(target) {
            true => Err(WireError::ConnectUnsupported),
            false => Err(WireError::BadTarget),
        },
        // RFC 9110 §9.3.8: the response would contain the request with its credentials.
        _ if method == b"TRACE" => Err(WireError::TraceUnsupported),
        [b'/', ..] => Ok(None),
        b"*" if method == b"OPTIONS" => Ok(None),
        _ => absolute_form(target, head).map(Some),
    }
}

#[cold]
fn absolute_form(target: &[u8], head: &mut Head) -> Result<Span, WireError> {
    // RFC 9110 §4.2: schemes ignore case. The server serves no scheme but http.
    let colon = target.iter().position(|&b| b == b':').unwrap_or(0);
    let (scheme, rest) = target.split_at(colon);
    let secure = scheme.eq_ignore_ascii_case(b"https");
    if !secure && !scheme.eq_ignore_ascii_case(b"http") {
        return Err(WireError::BadTarget);
    }
    let rest = rest.strip_prefix(b"://").ok_or(WireError::BadTarget)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?'));
    let authority = &rest[..end.unwrap_or(rest.len())];
    // RFC 9110 §4.2.4: userinfo is an error; `@` is no part of a host.
    if !is_authority(authority) {
        return Err(WireError::BadTarget);
    }
    // RFC 9110 §7.4: https requires TLS. A proxy that terminates TLS sends the origin-form.
    if secure {
        return Err(WireError::Misdirected);
    }
    let start = head.target.end - rest.len() as u32;
    head.target.start = start + authority.len() as u32;
    Ok(Span {
        start,
        end: head.target.start,
    })
}

/// Completes a head with a target in absolute-form: copies the authority to Host, and adds a path
/// to a target without one.
pub(crate) fn complete(head: &mut Head, authority: Span, host: Option<usize>) {
    // RFC 9112 §3.2.2: the authority of the target replaces the value of Host.
    if let Some(host) = host {
        head.fields[host].value = authority;
    }
    let rest = head.target();
    if rest.starts_with('/') {
        return;
    }
    // RFC 9112 §3.2.4: OPTIONS without a path is about the server.
    let path = match rest.is_empty() && head.method() == "OPTIONS" {
        true => "*".to_string(),
        false => format!("/{}", rest),
    };
    // The method is copied too: `Head::request` requires a method and a target side by side.
    let (start, method) = (head.text.len() as u32, head.method().len() as u32);
    let line = format!("{} {}", head.method(), path);
    head.text.push_str(&line);
    head.method = Span {
        start,
        end: start + method,
    };
    head.target = Span {
        start: head.method.end + 1,
        end: head.text.len() as u32,
    };
}

/// Returns whether `text` is `uri-host [ ":" port ]` (RFC 9110 §7.2) with a host that is not empty
/// and a port of at most 65535.
pub(crate) fn is_authority(text: &[u8]) -> bool {
    let end = match text {
        [b'[', ..] => match text.iter().position(|&b| b == b']') {
            Some(close) if is_ipv6(&text[1..close]) => close + 1,
            _ => return false,
        },
        _ => skip_reg_name(text),
    };
    match &text[end..] {
        _ if end == 0 => false,
        [] => true,
        [b':', port @ ..] => {
            let digit = |n: u32, b: &u8| match b {
                b'0'..=b'9' => Some(n.saturating_mul(10).saturating_add(u32::from(b - b'0'))),
                _ => None,
            };
            matches!(port.iter().try_fold(0, digit), Some(0..=65535))
        }
        _ => false,
    }
}

/// Returns the length of the reg-name or IPv4address at the front of `text` (RFC 3986 §3.2.2).
fn skip_reg_name(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        at = bytes::skip_host(text, at);
        match text.get(at..at + 3) {
            Some([b'%', high, low]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                at += 3
            }
            _ => return at,
        }
    }
}

/// Returns whether `text` is an IPv6address. An IPvFuture is rejected: RFC 3986 §3.2.2 requires an
/// error for an unknown version. A zone is rejected too: only the client's machine knows its zones.
fn is_ipv6(text: &[u8]) -> bool {
    std::str::from_utf8(text).map_or(false, |text| text.parse::<Ipv6Addr>().is_ok())
}
