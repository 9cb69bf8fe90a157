//! What proxies say in `Forwarded` (RFC 7239), or in `X-Forwarded-For` and `-Proto`, of the client
//! they speak for. Who is believed is for the caller to say.
//!
//! Each proxy appends what it sees: the last element is of the one next to us, and what is before
//! it is only as true as that proxy. So lists are read from their end, as far as whoever appended
//! an element is trusted. A client may have sent the beginning of the list, and quotes or commas
//! in it that never end: what is appended to that reads the same from behind.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Client;
use crate::message::request::head::Head;
use crate::util::net::canonical;
use crate::wire::bytes;
use crate::wire::bytes::{QUOTED, TOKEN, VALUE};

/// In which fields proxies say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Forwarded,
    XForwarded,
}

/// The client that a trusted `peer` speaks for: the last address that a trusted proxy told of.
/// What is malformed, or not told, ends the walk there.
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
    for element in from_behind(head, "Forwarded") {
        if !trusted(client.address.ip()) {
            break;
        }
        let hop = match element.and_then(hop) {
            Some(hop) => hop,
            None => break,
        };
        client.secure = hop.secure;
        match hop.node {
            Some(Node::Address(address)) => client.address = address,
            Some(Node::Hidden) | None => break,
        }
    }
    client
}

fn x_forwarded(head: &Head, peer: SocketAddr, trusted: impl Fn(IpAddr) -> bool) -> Client {
    let mut address = peer;
    let mut hops = 0;
    for element in from_behind(head, "X-Forwarded-For") {
        if !trusted(address.ip()) {
            break;
        }
        match element.and_then(x_node) {
            Some(next) => address = next,
            None => break,
        }
        hops += 1;
    }
    // Some proxies append to this list, some replace it, and some pass it on: the client's protocol
    // is as far from the end as its address, or as far as there is any.
    let protocols = from_behind(head, "X-Forwarded-Proto").flatten();
    let protocol = protocols.take(hops.max(1)).last().unwrap_or_default();
    let is = |name: &str| protocol.eq_ignore_ascii_case(name);
    Client {
        address,
        // Traefik names the protocol that a websocket asks for.
        secure: is("https") || is("wss"),
    }
}

/// What one proxy says of whom it had the request from.
struct Hop {
    node: Option<Node>,
    secure: bool,
}

enum Node {
    Address(SocketAddr),
    /// `unknown`, or an identifier that says nothing to us.
    Hidden,
}

/// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] ); blanks around the semicolon
/// are let pass.
fn hop(element: &str) -> Option<Hop> {
    let (mut node_said, mut proto_said) = (None, None);
    let mut rest = element;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(behind) = rest.strip_prefix(';') {
            rest = behind;
            continue;
        }
        if rest.is_empty() {
            break;
        }
        let (name, behind) = rest.split_at(bytes::skip(rest.as_bytes(), 0, TOKEN));
        let behind = behind.strip_prefix('=').filter(|_| !name.is_empty())?;
        let (value, behind) = behind.split_at(value_len(behind.as_bytes())?);
        rest = behind.trim_start_matches(BLANKS);
        if !rest.is_empty() && !rest.starts_with(';') {
            return None;
        }
        let said = match name {
            _ if name.eq_ignore_ascii_case("for") => &mut node_said,
            _ if name.eq_ignore_ascii_case("proto") => &mut proto_said,
            _ => continue,
        };
        // RFC 7239 §4: a parameter occurs once.
        if said.replace(value).is_some() {
            return None;
        }
    }
    let mut buffer = [0; LONGEST_NODE];
    let node = match node_said {
        Some(value) => Some(node(unquoted(value, &mut buffer)?)?),
        None => None,
    };
    let proto = proto_said.and_then(|value| unquoted(value, &mut buffer));
    let secure = proto.map_or(false, |proto| proto.eq_ignore_ascii_case("https"));
    Some(Hop { node, secure })
}

const BLANKS: &[char] = &[' ', '\t'];
/// No address with its port is longer, nor any name that a protocol has.
const LONGEST_NODE: usize = 64;

/// The length of the token or the quoted-string that this begins with (RFC 9110 §5.6.4).
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

/// What a token or a quoted-string stands for, if it is not too long for anything known here.
fn unquoted<'a>(value: &str, buffer: &'a mut [u8; LONGEST_NODE]) -> Option<&'a str> {
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

/// node = nodename [ ":" node-port ] (RFC 7239 §6)
fn node(text: &str) -> Option<Node> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, behind) = rest.split_once(']')?;
            let address: Ipv6Addr = address.parse().ok()?;
            let port = match behind {
                "" => None,
                _ => Some(behind.strip_prefix(':')?),
            };
            (Some(IpAddr::V6(address)), port)
        }
        None => {
            let (name, port) = match text.split_once(':') {
                Some((name, port)) => (name, Some(port)),
                None => (text, None),
            };
            let hidden = name.eq_ignore_ascii_case("unknown") || is_obfuscated(name);
            let address = match hidden {
                true => None,
                false => Some(IpAddr::V4(name.parse::<Ipv4Addr>().ok()?)),
            };
            (address, port)
        }
    };
    let port = port.map_or(Some(0), port_of)?;
    Some(match name.map(canonical) {
        // Nobody's address.
        Some(address) if address.is_unspecified() => Node::Hidden,
        Some(address) => Node::Address(SocketAddr::new(address, port)),
        None => Node::Hidden,
    })
}

/// node-port = port / obfport; port = 1*5DIGIT. One that is obfuscated is 0.
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

/// What `X-Forwarded-For` has no grammar for: an address as it is, or written as in `Forwarded`.
fn x_node(element: &str) -> Option<SocketAddr> {
    let bare = element.parse::<Ipv6Addr>().ok();
    let bare = bare.map(|address| SocketAddr::new(canonical(address.into()), 0));
    let told = bare.or_else(|| match node(element)? {
        Node::Address(address) => Some(address),
        Node::Hidden => None,
    });
    told.filter(|address| !address.ip().is_unspecified())
}

/// The elements of a list, the last first; several fields are one list (RFC 9110 §5.3). Empty ones
/// do not count (§5.6.1). `None` where a quote has no beginning: there the list ends.
fn from_behind<'a>(head: &'a Head, name: &'a str) -> impl Iterator<Item = Option<&'a str>> + 'a {
    let fields = head.fields.iter().rev();
    let of_name = fields.filter(move |f| f.name.of(&head.text).eq_ignore_ascii_case(name));
    let elements = of_name.flat_map(move |f| FromBehind(Some(f.value.of(&head.text))));
    elements
        .map(|element| element.map(|text| text.trim_matches(BLANKS)))
        .filter(|element| *element != Some(""))
}

struct FromBehind<'a>(Option<&'a str>);

impl<'a> Iterator for FromBehind<'a> {
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
                b'"' => match opening(&bytes[..at]) {
                    Some(open) => at = open,
                    None => return Some(None),
                },
                _ => {}
            }
        }
        Some(Some(list))
    }
}

/// Where the quote opens that closes behind this: the last one that no backslash escapes.
fn opening(text: &[u8]) -> Option<usize> {
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
