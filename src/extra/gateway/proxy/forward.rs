//! A request as it goes to the other server: its head, and its body in a framing of its own. What
//! the client said in fields that are not its to write is left out here.

use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;

use super::upstream::{Sent, Upstream};
use super::{read_on, Failure};
use crate::extra::gateway::hops::{announced, request_line, same, Announced, Hops};
use crate::message::request::head::Version;
use crate::wire::body::chunked;
use crate::wire::encode::is_field;
use crate::Request;

/// What is asked of the client's body at once.
const PIECE: usize = 64 * 1024;

/// Written anew, or of this hop, or what anybody could say of himself; besides all of
/// `X-Forwarded-`.
const NOT_THE_CLIENTS: [&str; 5] = ["Expect", "Forwarded", "Host", "Proxy", "X-Real-IP"];
const X_FORWARDED: &str = "X-Forwarded-";

/// How the body travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Nothing,
    Length(u64),
    Chunked,
}

/// Sends the request. It may be answered before it is sent whole: then the rest is not sent.
pub(crate) fn send(
    request: &Request,
    host: Option<&str>,
    body: &mut impl Read,
    upstream: &mut Upstream,
) -> Result<(), Failure> {
    let address = upstream.address().map_err(Failure::Upstream)?;
    let mut start = [0; 1];
    let (framing, mut had) = match announced(request.headers()) {
        Announced::Length(length) => (Framing::Length(length), 0),
        Announced::Unknown => (Framing::Chunked, 0),
        // A request that was made up may have a body without saying so.
        Announced::Nothing => match read_on(body, &mut start).map_err(Failure::Client)? {
            0 => (Framing::Nothing, 0),
            count => (Framing::Chunked, count),
        },
    };
    let mut out = head(request, host, address, framing).map_err(Failure::Client)?;
    let mut left = match framing {
        Framing::Nothing | Framing::Length(0) => return upstream.send(&out).map(|_| ()),
        Framing::Length(length) => Some(length),
        Framing::Chunked => None,
    };
    let mut piece = vec![0; PIECE];
    piece[..had].copy_from_slice(&start[..had]);
    let mut is_first = true;
    loop {
        let room = left.map_or(PIECE, |left| {
            usize::try_from(left).map_or(PIECE, |left| left.min(PIECE))
        });
        // An error leaves the request unfinished, which the other server can see.
        let read = read_on(body, &mut piece[had..room]).map_err(Failure::Client)?;
        let count = std::mem::take(&mut had) + read;
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
        // Who was refused already need not be sent the rest.
        let refused = !is_first && upstream.look()?.map_or(false, |status| status >= 400);
        if refused || upstream.send(&out)? == Sent::Answered || is_last {
            return Ok(());
        }
        out.clear();
        is_first = false;
    }
}

/// The head, and an error where it would be none.
pub(crate) fn head(
    request: &Request,
    host: Option<&str>,
    address: SocketAddr,
    framing: Framing,
) -> io::Result<Vec<u8>> {
    let invalid = |what| io::Error::new(ErrorKind::InvalidInput, what);
    let mut out = Vec::with_capacity(1024);
    if !request_line(&mut out, request.method(), request.raw_url()) {
        return Err(invalid("it is no request that could be passed on"));
    }
    let asked = request.header("Host").filter(|host| !host.is_empty());
    match host.or(asked) {
        Some(host) => push(&mut out, "Host", host)?,
        // RFC 9112 §3.2: there has to be one.
        None => push(&mut out, "Host", &address.to_string())?,
    }
    let hops = Hops::of(request.headers());
    for (name, value) in request.headers() {
        if !hops.end(name) && !is_ours(name) {
            push(&mut out, name, value)?;
        }
    }
    let client = match request.is_unix() {
        true => "unknown".to_owned(),
        false => request.remote_addr().ip().to_string(),
    };
    push(&mut out, "X-Forwarded-For", &client)?;
    let scheme = if request.is_secure() { "https" } else { "http" };
    push(&mut out, "X-Forwarded-Proto", scheme)?;
    if let Some(asked) = asked {
        push(&mut out, "X-Forwarded-Host", asked)?;
    }
    // RFC 9110 §7.6.3: the version it came in; behind what others have said there.
    let via = match request.head().version {
        Version::Http10 => "1.0 millpond",
        Version::Http11 => "1.1 millpond",
    };
    push(&mut out, "Via", via)?;
    push(&mut out, "Connection", "close")?;
    match framing {
        Framing::Nothing => {}
        Framing::Length(length) => push(&mut out, "Content-Length", &length.to_string())?,
        Framing::Chunked => push(&mut out, "Transfer-Encoding", "chunked")?,
    }
    out.extend_from_slice(b"\r\n");
    Ok(out)
}

fn is_ours(name: &str) -> bool {
    let start = name.get(..X_FORWARDED.len());
    start.map_or(false, |start| same(start, X_FORWARDED))
        || NOT_THE_CLIENTS.iter().any(|ours| same(name, ours))
}

fn push(out: &mut Vec<u8>, name: &str, value: &str) -> io::Result<()> {
    if !is_field(name, value) {
        let text = "a field of it cannot be passed on";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    Ok(())
}
