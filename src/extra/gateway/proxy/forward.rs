//! The request to the other server: its head, and its body with a framing of its own. The head
//! omits the client's fields that only a gateway may set.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;

use super::failure::{read_once, Failure};
use super::upstream::{SendOutcome, Upstream};
use crate::extra::gateway::request::{body_length, same_name, HopByHop, RequestLength};
use crate::message::request::head::Version;
use crate::message::syntax::bytes::{is, is_token, TARGET};
use crate::wire::body::chunked;
use crate::wire::encode::is_field;
use crate::Request;

/// 64 KiB: the bytes of one read of the client's body, and of one chunk.
const PIECE_BYTES: usize = 64 * 1024;

/// The fields that the gateway sets or removes, besides hop-by-hop fields and all of
/// `X-Forwarded-`. A client could forge some of them.
const REPLACED_FIELDS: [&str; 5] = ["Expect", "Forwarded", "Host", "Proxy", "X-Real-IP"];
const X_FORWARDED: &str = "X-Forwarded-";

/// Sends the request. If the response arrives before the end of the request, the rest is not sent.
pub(crate) fn send(
    request: &Request,
    host: Option<&str>,
    body: &mut impl Read,
    upstream: &mut Upstream,
) -> Result<(), Failure> {
    let address = upstream.address().map_err(Failure::Upstream)?;
    let mut start = [0; 1];
    let mut started = 0;
    let mut length = body_length(request.headers());
    if length == RequestLength::None {
        // A request made up by a program may have a body that no field announces.
        started = read_once(body, &mut start).map_err(Failure::Client)?;
        if started > 0 {
            length = RequestLength::Unknown;
        }
    }
    let mut out = head(request, host, address, length).map_err(Failure::Client)?;
    let mut left = match length {
        RequestLength::None | RequestLength::Known(0) => return upstream.send(&out).map(|_| ()),
        RequestLength::Known(length) => Some(length),
        RequestLength::Unknown => None,
    };
    let mut piece = vec![0; PIECE_BYTES];
    piece[..started].copy_from_slice(&start[..started]);
    let mut is_first = true;
    loop {
        let room = left.map_or(PIECE_BYTES, |left| {
            usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES))
        });
        // An error leaves the request incomplete, which the other server can detect.
        let read = read_once(body, &mut piece[started..room]).map_err(Failure::Client)?;
        let count = std::mem::take(&mut started) + read;
        match (&mut left, read) {
            (Some(_), 0) => return Err(Failure::Client(ErrorKind::UnexpectedEof.into())),
            (Some(left), read) => *left -= read as u64,
            (None, _) => {}
        }
        let is_last = left == Some(0) || (left.is_none() && read == 0);
        if left.is_some() {
            out.extend_from_slice(&piece[..count]);
        } else {
            if count > 0 {
                chunked::write_chunk_head(&mut out, count);
                out.extend_from_slice(&piece[..count]);
                out.extend_from_slice(chunked::CHUNK_END);
            }
            if is_last {
                out.extend_from_slice(chunked::LAST_CHUNK);
            }
        }
        // After an error response, the rest need not be sent.
        let rejected = !is_first && upstream.poll_head()?.map_or(false, |status| status >= 400);
        if rejected || upstream.send(&out)? == SendOutcome::ResponseReceived || is_last {
            return Ok(());
        }
        out.clear();
        is_first = false;
    }
}

/// Returns the head, or an error if the head would be invalid.
pub(crate) fn head(
    request: &Request,
    host: Option<&str>,
    address: SocketAddr,
    length: RequestLength,
) -> io::Result<Vec<u8>> {
    let invalid = |what| io::Error::new(ErrorKind::InvalidInput, what);
    let mut out = Vec::with_capacity(1024);
    if !request_line(&mut out, request.method(), request.raw_url()) {
        return Err(invalid("invalid request line"));
    }
    let client_host = request.header("Host").filter(|host| !host.is_empty());
    match host.or(client_host) {
        Some(host) => push(&mut out, "Host", host)?,
        // RFC 9112 §3.2: the request must have a Host.
        None => push(&mut out, "Host", &address.to_string())?,
    }
    let hop_by_hop = HopByHop::of(request.headers());
    for (name, value) in request.headers() {
        if !hop_by_hop.has(name) && !is_replaced(name) {
            push(&mut out, name, value)?;
        }
    }
    let client = if request.is_unix() {
        "unknown".to_owned()
    } else {
        request.remote_addr().ip().to_string()
    };
    push(&mut out, "X-Forwarded-For", &client)?;
    let scheme = if request.is_secure() { "https" } else { "http" };
    push(&mut out, "X-Forwarded-Proto", scheme)?;
    if let Some(host) = client_host {
        push(&mut out, "X-Forwarded-Host", host)?;
    }
    // RFC 9110 §7.6.3: the version of the received request, after the Via fields of others.
    let via = match request.head().version {
        Version::Http10 => "1.0 millpond",
        Version::Http11 => "1.1 millpond",
    };
    push(&mut out, "Via", via)?;
    push(&mut out, "Connection", "close")?;
    match length {
        RequestLength::None => {}
        RequestLength::Known(length) => push(&mut out, "Content-Length", &length.to_string())?,
        RequestLength::Unknown => push(&mut out, "Transfer-Encoding", "chunked")?,
    }
    out.extend_from_slice(b"\r\n");
    Ok(out)
}

/// Appends a request line: `GET /path?query HTTP/1.1` and CRLF. Returns false and appends nothing
/// if the line would be invalid, or would request a tunnel.
#[must_use]
fn request_line(out: &mut Vec<u8>, method: &str, target: &str) -> bool {
    // RFC 9112 §3.2: origin-form, or the asterisk-form of OPTIONS.
    let server_wide = method == "OPTIONS" && target == "*";
    let is_path = target.bytes().all(|b| b == b'%' || is(b, TARGET));
    if !is_token(method) || method == "CONNECT" || !(is_path || server_wide) {
        return false;
    }
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    // The rest of a target after a removed prefix need not begin with a slash.
    if !target.starts_with('/') && !server_wide {
        out.push(b'/');
    }
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    true
}

fn is_replaced(name: &str) -> bool {
    let start = name.get(..X_FORWARDED.len());
    start.map_or(false, |start| same_name(start, X_FORWARDED))
        || REPLACED_FIELDS.iter().any(|known| same_name(name, known))
}

fn push(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    if !is_field(name, value) {
        let text = format!("invalid header field {name:?}");
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_line_is_one_line() {
        for (method, target, want) in [
            ("GET", "/", Some("GET / HTTP/1.1\r\n")),
            ("GET", "/a%20b?c=[d]", Some("GET /a%20b?c=[d] HTTP/1.1\r\n")),
            ("GET", "", Some("GET / HTTP/1.1\r\n")),
            ("GET", "?a", Some("GET /?a HTTP/1.1\r\n")),
            ("GET", "tail", Some("GET /tail HTTP/1.1\r\n")),
            ("GET", "//b/", Some("GET //b/ HTTP/1.1\r\n")),
            ("M-SEARCH", "/", Some("M-SEARCH / HTTP/1.1\r\n")),
            ("OPTIONS", "*", Some("OPTIONS * HTTP/1.1\r\n")),
            ("GET", "*", Some("GET /* HTTP/1.1\r\n")),
            ("GET", "/ HTTP/1.1\r\nX: y", None),
            ("GET", "/\n", None),
            ("GET", "/ b", None),
            ("GET", "/#b", None),
            ("GET", "/\u{e9}", None),
            ("GET", "/\0", None),
            ("", "/", None),
            ("GET /", "/", None),
            ("GET\r\nX:", "/", None),
            ("CONNECT", "/", None),
        ] {
            let mut line = Vec::new();
            let fits = request_line(&mut line, method, target);
            let line = String::from_utf8(line).unwrap();
            assert_eq!(fits.then_some(line.as_str()), want, "{method} {target:?}");
            assert!(fits || line.is_empty(), "{method} {target:?}");
        }
    }
}
