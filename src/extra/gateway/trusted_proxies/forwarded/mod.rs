//! The client that proxies name in `Forwarded` (RFC 7239), or in `X-Forwarded-For` and
//! `X-Forwarded-Proto`. The caller decides which proxies are trusted.
//!
//! Each proxy appends an element with the address that it sees. The last element comes from the
//! nearest proxy, and each earlier element is only as reliable as the proxy that passed it on. So
//! the module reads a list from its end, while the proxy that appended an element is trusted. A
//! client may have sent the beginning of the list, with an unclosed quote or a comma in it. Read
//! from its end, the rest of the list is the same with and without that beginning.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::address::client_address;
use crate::message::request::head::Head;
use crate::message::syntax::bytes;
use crate::message::syntax::bytes::{is_ows, trim, QUOTED, TOKEN, VALUE};
use crate::wire::proxied::Client;

/// The fields in which proxies name the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Forwarded,
    XForwarded,
}

/// Returns the client of a trusted `peer`: the last address that a trusted proxy named. A malformed
/// or missing element ends the search.
pub(crate) fn client(
    head: &Head,
    dialect: Dialect,
    peer: SocketAddr,
    trusted: impl Fn(IpAddr) -> bool,
) -> Client {
    match dialect {
        Dialect::Forwarded => forwarded(head, peer, trusted),
        Dialect::XForwarded => x_forwarded(head, peer, trusted),
    }
}

fn forwarded(head: &Head, peer: SocketAddr, trusted: impl Fn(IpAddr) -> bool) -> Client {
    let mut client = Client {
        address: peer,
        secure: false,
    };
    for element in elements_reversed(head, "Forwarded") {
        if !trusted(client.address.ip()) {
            break;
        }
        let (address, secure) = match element.and_then(hop) {
            Some(hop) => hop,
            None => break,
        };
        client.secure = secure;
        match address {
            Some(address) => client.address = address,
            None => break,
        }
    }
    client
}

fn x_forwarded(head: &Head, peer: SocketAddr, trusted: impl Fn(IpAddr) -> bool) -> Client {
    let mut address = peer;
    let mut hops = 0;
    for element in elements_reversed(head, "X-Forwarded-For") {
        if !trusted(address.ip()) {
            break;
        }
        match element.and_then(x_node) {
            Some(next) => address = next,
            None => break,
        }
        hops += 1;
    }
    // Some proxies append to this list, some replace it, and some pass it on. The protocol of the
    // client is as far from the end as its address, or the first one if the list is shorter.
    let protocols = elements_reversed(head, "X-Forwarded-Proto").flatten();
    let protocol = protocols.take(hops.max(1)).last().unwrap_or_default();
    let is = |name: &str| protocol.eq_ignore_ascii_case(name);
    Client {
        address,
        // Traefik sends `wss` for a websocket.
        secure: is("https") || is("wss"),
    }
}

/// Returns the address in the element of one proxy, and whether its protocol is https. The address
/// is `None` if it is missing or hidden.
///
/// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ). OWS around a semicolon is
/// accepted.
fn hop(element: &str) -> Option<(Option<SocketAddr>, bool)> {
    let (mut node_value, mut proto_value) = (None, None);
    let mut rest = element;
    loop {
        rest = rest.trim_start_matches(is_ows);
        if let Some(tail) = rest.strip_prefix(';') {
            rest = tail;
            continue;
        }
        if rest.is_empty() {
            break;
        }
        let (name, tail) = rest.split_at(bytes::skip(rest.as_bytes(), 0, TOKEN));
        let tail = tail.strip_prefix('=').filter(|_| !name.is_empty())?;
        let (value, tail) = tail.split_at(value_len(tail.as_bytes())?);
        rest = tail.trim_start_matches(is_ows);
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
        let known = match name {
            _ if name.eq_ignore_ascii_case("for") => &mut node_value,
            _ if name.eq_ignore_ascii_case("proto") => &mut proto_value,
            _ => continue,
        };
        // RFC 7239 §4: a parameter occurs once.
        if known.replace(value).is_some() {
            return None;
        }
    }
    let mut buffer = [0; MAX_VALUE_BYTES];
    let address = match node_value {
        Some(value) => node(unquoted(value, &mut buffer)?)?,
        None => None,
    };
    let proto = proto_value.and_then(|value| unquoted(value, &mut buffer));
    let secure = proto.map_or(false, |proto| proto.eq_ignore_ascii_case("https"));
    Some((address, secure))
}

/// 64 bytes: the longest value of `for` and `proto`. No address with a port and no protocol name is
/// longer. A longer value counts as malformed.
const MAX_VALUE_BYTES: usize = 64;

/// Returns the length of the token or quoted-string at the front of `text` (RFC 9110 §5.6.4).
fn value_len(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return Some(bytes::skip(text, 0, TOKEN)).filter(|&length| length > 0);
    }
    let mut at = 1;
    loop {
        at = bytes::skip(text, at, QUOTED);
        match text.get(at..)? {
            [b'"', ..] => return Some(at + 1),
            // quoted-pair = "\" ( HTAB / SP / VCHAR / obs-text )
            [b'\\', pair, ..] if bytes::is(*pair, VALUE) => at += 2,
            _ => return None,
        }
    }
}

/// Returns the value of a token or a quoted-string, unless the value exceeds [`MAX_VALUE_BYTES`].
fn unquoted<'a>(value: &str, buffer: &'a mut [u8; MAX_VALUE_BYTES]) -> Option<&'a str> {
    let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    let mut rest = quoted.unwrap_or(value).bytes();
    let mut length = 0;
    while let Some(byte) = rest.next() {
        let byte = if byte == b'\\' { rest.next()? } else { byte };
        *buffer.get_mut(length)? = byte;
        length += 1;
    }
    std::str::from_utf8(&buffer[..length]).ok()
}

/// Returns the address of a node, or `Some(None)` for `unknown` and an obfuscated identifier.
///
/// node = nodename [ ":" node-port ] (RFC 7239 §6)
fn node(text: &str) -> Option<Option<SocketAddr>> {
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, tail) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = if tail.is_empty() {
                None
            } else {
                Some(tail.strip_prefix(':')?)
            };
            (Some(IpAddr::V6(address)), port)
        }
        None => {
            let (name, port) = match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            };
            let hidden = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
            let address = if hidden {
                None
            } else {
                Some(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?))
            };
            (address, port)
        }
    };
    let port = port.map_or(Some(0), port_of)?;
    Some(address.and_then(|address| client_address(address, port)))
}

/// node-port = port / obfport; port = 1*5DIGIT. An obfuscated port counts as 0.
fn port_of(text: &str) -> Option<u16> {
    if is_obfuscated(text) {
        return Some(0);
    }
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// "_" 1*( ALPHA / DIGIT / "." / "_" / "-" )
fn is_obfuscated(text: &str) -> bool {
    let name = text.strip_prefix('_').unwrap_or_default();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !name.is_empty() && name.bytes().all(fits)
}

/// Returns the address in an element of `X-Forwarded-For`: a bare address, or one as in
/// `Forwarded`. This field has no grammar.
fn x_node(element: &str) -> Option<SocketAddr> {
    match element.parse::<Ipv6Addr>() {
        Ok(address) => client_address(address.into(), 0),
        Err(_) => node(element)?,
    }
}

/// Returns the elements of a list in reverse order, without empty ones (RFC 9110 §5.6.1). Several
/// fields are one list (§5.3). `None` stands for a closing quote without an opening one, which ends
/// the list.
fn elements_reversed<'a>(
    head: &'a Head,
    name: &'a str,
) -> impl Iterator<Item = Option<&'a str>> + 'a {
    let fields = head.fields.iter().rev();
    let of_name = fields.filter(move |f| f.name.of(&head.text).eq_ignore_ascii_case(name));
    let elements = of_name.flat_map(move |f| ReversedElements(Some(f.value.of(&head.text))));
    elements
        .map(|element| element.map(trim))
        .filter(|element| *element != Some(""))
}

struct ReversedElements<'a>(Option<&'a str>);

impl<'a> Iterator for ReversedElements<'a> {
    type Item = Option<&'a str>;

    fn next(&mut self) -> Option<Option<&'a str>> {
        let list = self.0.take()?;
        let bytes = list.as_bytes();
        let mut at = bytes.len();
        while at > 0 {
            at -= 1;
            match bytes[at] {
                b',' => {
                    self.0 = Some(&list[..at]);
                    return Some(Some(&list[at + 1..]));
                }
                b'"' => match opening_quote(&bytes[..at]) {
                    Some(open) => at = open,
                    None => return Some(None),
                },
                _ => {}
            }
        }
        Some(Some(list))
    }
}

/// Returns the index of the quote that opens a quoted-string which ends after `text`: the last
/// quote that no backslash escapes.
fn opening_quote(text: &[u8]) -> Option<usize> {
    let mut end = text.len();
    loop {
        let quote = text[..end].iter().rposition(|&b| b == b'"')?;
        let before = text[..quote].iter().rev();
        if before.take_while(|&&b| b == b'\\').count() % 2 == 0 {
            return Some(quote);
        }
        end = quote;
    }
}

#[cfg(test)]
mod tests;
