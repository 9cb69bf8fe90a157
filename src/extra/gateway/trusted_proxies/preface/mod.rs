//! The preface of the PROXY protocol, versions 1 and 2: the first bytes of a connection from a
//! proxy, which name the client (haproxy.org, `doc/proxy-protocol.txt`).
//!
//! The caller decides which connections begin with a preface, and which proxies are trusted.

use std::net::IpAddr;

use super::address::client_address;
use crate::wire::proxied::Preface;

/// 107 bytes: the longest line of version 1, with its CRLF (§2.1). A longer line is malformed.
const MAX_LINE_BYTES: usize = 107;
/// 4 KiB: the longest preface of version 2, as in nginx. The format permits 64 KiB. A longer
/// preface is malformed.
const MAX_BINARY_BYTES: usize = 4096;
/// The first bytes of version 1.
const LINE_START: &[u8] = b"PROXY ";
/// The first bytes of version 2. No request of any protocol begins with them (§2.2).
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The bytes of version 2 before the addresses.
const FIXED_BYTES: usize = 16;

/// Reads the preface at the front of `bytes`. Returns `None` if there is none or a malformed one,
/// and `Some(None)` if the preface is incomplete.
pub(crate) fn read(bytes: &[u8]) -> Option<Option<Preface>> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(is, want)| is == want);
    if begins(SIGNATURE) {
        return read_binary(bytes);
    }
    if begins(LINE_START) {
        return read_line(bytes);
    }
    None
}

/// Reads a preface of version 1. Returns `None` if the preface is malformed, and `Some(None)` if it
/// is incomplete.
fn read_line(bytes: &[u8]) -> Option<Option<Preface>> {
    let length = match bytes.iter().position(|&b| b == b'\n') {
        Some(end) if end < MAX_LINE_BYTES => end + 1,
        None if bytes.len() < MAX_LINE_BYTES => return Some(None),
        _ => return None,
    };
    let line = std::str::from_utf8(&bytes[LINE_START.len()..length]).ok()?;
    let line = line.strip_suffix("\r\n")?;
    let mut parts = line.split(' ');
    let source = match parts.next() {
        // §2.1: the receiver must ignore the rest of the line.
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => {
            let address = |text: &str| {
                let address: IpAddr = text.parse().ok()?;
                Some(address).filter(|address| address.is_ipv4() == (family == "TCP4"))
            };
            let (source, _) = (address(parts.next()?)?, address(parts.next()?)?);
            let (source_port, _) = (port(parts.next()?)?, port(parts.next()?)?);
            if parts.next().is_some() {
                return None;
            }
            client_address(source, source_port)
        }
        _ => return None,
    };
    Some(Some(Preface { length, source }))
}

/// Reads a port: 0 to 65535, without leading zeros.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// Reads a preface of version 2. Returns the same values as [`read_line`].
fn read_binary(bytes: &[u8]) -> Option<Option<Preface>> {
    let head = match bytes.get(SIGNATURE.len()..FIXED_BYTES) {
        Some(head) => head,
        None => return Some(None),
    };
    let (version, command, family) = (head[0] >> 4, head[0] & 15, head[1]);
    let length = FIXED_BYTES + usize::from(u16::from_be_bytes([head[2], head[3]]));
    if version != 2 || command > 1 || length > MAX_BINARY_BYTES {
        return None;
    }
    let payload = match bytes.get(FIXED_BYTES..length) {
        Some(payload) => payload,
        None => return Some(None),
    };
    // Source and destination, the ports of both, then TLVs, which the server ignores.
    let ends = |size: usize| {
        let source = payload.get(..size)?;
        let ports = payload.get(2 * size..2 * size + 4)?;
        Some((source, u16::from_be_bytes([ports[0], ports[1]])))
    };
    let source = match (command, family >> 4, family & 15) {
        // LOCAL: the family does not count.
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
        // The two paths of a Unix socket.
        (1, 3, _) => {
            payload.get(..216)?;
            None
        }
        _ => return None,
    };
    let source = source.and_then(|(address, port)| client_address(address, port));
    Some(Some(Preface { length, source }))
}

#[cfg(test)]
mod tests;
