//! The PROXY protocol: what a proxy sends before anything else, to say whose connection it hands
//! on (haproxy.org, `doc/proxy-protocol.txt`; versions 1 and 2). Whether it is to be believed, or
//! expected at all, is not known here.

use std::net::{IpAddr, SocketAddr};

use crate::util::net::canonical;
use crate::wire::error::WireError;

/// §2.1: the longest line of version 1, its CRLF included.
const LONGEST_LINE: usize = 107;
/// Version 2 says how long it is, up to 64 KiB; nginx takes so much.
const LONGEST: usize = 4096;
const LINE: &[u8] = b"PROXY ";
/// §2.2: no request begins so, in any protocol.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED: usize = 16;

/// A whole preface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preface {
    pub length: usize,
    /// The client's end; nothing where the connection is the proxy's own (a health check), or where
    /// it does not know, which may be told as nobody's address.
    pub source: Option<SocketAddr>,
}

/// Reads the preface that `bytes` begin with; `None` while it is not whole.
///
/// # Errors
///
/// If they do not begin with one, or with a malformed one.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Preface>, WireError> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(is, want)| is == want);
    if begins(SIGNATURE) {
        return read_binary(bytes).ok_or(WireError::BadPreface);
    }
    if begins(LINE) {
        return read_line(bytes).ok_or(WireError::BadPreface);
    }
    Err(WireError::BadPreface)
}

/// `None` is malformed, `Some(None)` is not whole.
fn read_line(bytes: &[u8]) -> Option<Option<Preface>> {
    let length = match bytes.iter().position(|&b| b == b'\n') {
        Some(end) if end < LONGEST_LINE => end + 1,
        None if bytes.len() < LONGEST_LINE => return Some(None),
        _ => return None,
    };
    let line = std::str::from_utf8(&bytes[LINE.len()..length]).ok()?;
    let line = line.strip_suffix("\r\n")?;
    let mut parts = line.split(' ');
    let source = match parts.next() {
        // The rest of the line is to be ignored.
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => {
            let address = |text: &str| {
                let address: IpAddr = text.parse().ok()?;
                Some(address).filter(|address| address.is_ipv4() == (family == "TCP4"))
            };
            let (source, _) = (address(parts.next()?)?, address(parts.next()?)?);
            let (port_of_source, _) = (port(parts.next()?)?, port(parts.next()?)?);
            if parts.next().is_some() {
                return None;
            }
            somebody(source, port_of_source)
        }
        _ => return None,
    };
    Some(Some(Preface { length, source }))
}

fn somebody(address: IpAddr, port: u16) -> Option<SocketAddr> {
    let address = Some(canonical(address)).filter(|address| !address.is_unspecified());
    address.map(|address| SocketAddr::new(address, port))
}

/// 0 to 65535, without zeros before it.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// As [`read_line`].
fn read_binary(bytes: &[u8]) -> Option<Option<Preface>> {
    let head = match bytes.get(SIGNATURE.len()..FIXED) {
        Some(head) => head,
        None => return Some(None),
    };
    let (version, command, family) = (head[0] >> 4, head[0] & 15, head[1]);
    let length = FIXED + usize::from(u16::from_be_bytes([head[2], head[3]]));
    if version != 2 || command > 1 || length > LONGEST {
        return None;
    }
    let payload = match bytes.get(FIXED..length) {
        Some(payload) => payload,
        None => return Some(None),
    };
    // Source and destination, the ports of both, and then TLVs, which are of no use here.
    let ends = |size: usize| {
        let source = payload.get(..size)?;
        let ports = payload.get(2 * size..2 * size + 4)?;
        Some((source, u16::from_be_bytes([ports[0], ports[1]])))
    };
    let source = match (command, family >> 4, family & 15) {
        // LOCAL: what family it names does not count.
        (0, ..) => None,
        (1, _, 3..) => return None,
        (1, 0, _) => None,
        (1, 1, _) => {
            let (source, port) = ends(4)?;
            let source: [u8; 4] = source.try_into().ok()?;
            Some((IpAddr::from(source), port))
        }
        (1, 2, _) => {
            let (source, port) = ends(16)?;
            let source: [u8; 16] = source.try_into().ok()?;
            Some((IpAddr::from(source), port))
        }
        // Two paths of Unix sockets.
        (1, 3, _) => {
            payload.get(..216)?;
            None
        }
        _ => return None,
    };
    let source = source.and_then(|(address, port)| somebody(address, port));
    Some(Some(Preface { length, source }))
}

#[cfg(test)]
mod tests;
