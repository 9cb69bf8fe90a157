//! The request target and the authority (RFC 9112 §3.2, RFC 3986 §3.2): what a target is made of,
//! which form it has, and what Host may be. What is around them in a head is not known here.

use crate::message::request::head::{Head, Span};
use crate::wire::bytes;
use crate::wire::error::WireError;
use std::net::Ipv6Addr;

/// Goes on with the target that begins at `mark` and is scanned up to `at`: how far it came, and
/// whether that is the SP behind the target. `query` is to be false at first, and kept.
#[inline]
pub(crate) fn scan(
    bytes: &[u8],
    mark: usize,
    mut at: usize,
    most: usize,
    query: &mut bool,
) -> Result<(usize, bool), WireError> {
    loop {
        at = bytes::skip_target(bytes, at);
        if at - mark > most {
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
            // No query may hold these (RFC 3986 §3.4), and browsers send them all the same
            // (WHATWG URL, query percent-encode set). No two parsers end the target elsewhere.
            Some(b'{' | b'}' | b'|' | b'\\' | b'^' | b'`') if in_query(&bytes[mark..at], query) => {
                at += 1;
            }
            Some(b'\r' | b'\n') => return Err(WireError::BadVersion),
            Some(_) => return Err(WireError::BadTarget),
        }
    }
}

/// Whether the target has come to its query.
fn in_query(scanned: &[u8], query: &mut bool) -> bool {
    *query = *query || scanned.contains(&b'?');
    *query
}

/// Which of the four forms of RFC 9112 §3.2 the target has. The target of an absolute-form is
/// cut to its path and query; its authority is returned.
#[inline]
pub(crate) fn form(line: &[u8], head: &mut Head) -> Result<Option<Span>, WireError> {
    let of = |span: Span| &line[span.start as usize..span.end as usize];
    let (method, target) = (of(head.method), of(head.target));
    match target {
        _ if method == b"CONNECT" => match is_authority(target) {
            true => Err(WireError::ConnectUnsupported),
            false => Err(WireError::BadTarget),
        },
        // RFC 9110 §9.3.8: it asks for the request back, credentials and all.
        _ if method == b"TRACE" => Err(WireError::TraceUnsupported),
        [b'/', ..] => Ok(None),
        b"*" if method == b"OPTIONS" => Ok(None),
        _ => absolute_form(target, head).map(Some),
    }
}

#[cold]
fn absolute_form(target: &[u8], head: &mut Head) -> Result<Span, WireError> {
    // RFC 9110 §4.2: the scheme ignores case, and what is behind another one is not served here.
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
    // RFC 9110 §7.4: nor what is to come over TLS. A proxy that ends it asks in origin-form.
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

/// What a target in absolute-form says is put where it is looked for: its authority into Host, and
/// a path into the target where it had none.
pub(crate) fn complete(head: &mut Head, authority: Span, host: Option<usize>) {
    // RFC 9112 §3.2.2: the authority of the target replaces what Host says.
    if let Some(host) = host {
        head.fields[host].value = authority;
    }
    let rest = head.target();
    if rest.starts_with('/') {
        return;
    }
    // RFC 9112 §3.2.4: OPTIONS for no path at all is about the server.
    let path = match rest.is_empty() && head.method() == "OPTIONS" {
        true => "*".to_string(),
        false => format!("/{}", rest),
    };
    // With the method once more: as in any head, there is nothing between the two but a blank.
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

/// `uri-host [ ":" port ]` (RFC 9110 §7.2), the host not empty and the port one that exists.
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

/// The length of the reg-name or IPv4address that the text begins with (RFC 3986 §3.2.2).
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

/// An IPv6address. An IPvFuture is refused: RFC 3986 §3.2.2 has an error for what has no meaning
/// yet. So is a zone, which is of no use to anyone but the client.
fn is_ipv6(text: &[u8]) -> bool {
    std::str::from_utf8(text).map_or(false, |text| text.parse::<Ipv6Addr>().is_ok())
}
