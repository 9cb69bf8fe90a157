//! Which proxies are trusted to speak for others, and in what way. How the bytes are read is known
//! in `wire`.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use crate::message::request::head::Head;
use crate::message::unix_peer;
use crate::util::net::canonical;
use crate::wire::proxied::forwarded;
use crate::wire::proxied::forwarded::Dialect;
use crate::wire::proxied::Client;

/// The proxies in front of a server that are trusted to say whose requests they pass on: for
/// [`Settings::proxies`](crate::Settings::proxies).
///
/// [`new`](Proxies::new) names them; the other methods say what they are believed. What anybody
/// else sends is not believed. Without it nobody is, and
/// [`Request::remote_addr`](crate::Request::remote_addr) is the other end of the connection.
///
/// Name the proxies and nobody else: a client whose own address is among these may claim to be
/// anyone.
///
/// ```
/// use millpond::{Proxies, Response, Router, Route, Settings};
///
/// let router = Router::default();
/// router.add(Route::get("/").onconnect(|request| {
///     Response::text(format!("you are {}", request.remote_addr().ip()))
/// }));
/// let proxies = Proxies::new(["127.0.0.1", "::1", "10.0.0.0/8"])?.x_forwarded();
/// let settings = Settings::default().proxies(proxies);
/// let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings)?;
///
/// # use std::io::{Read, Write};
/// let mut client = std::net::TcpStream::connect(server.addr())?; // from 127.0.0.1
/// client.write_all(b"GET / HTTP/1.0\r\nX-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n\r\n")?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("you are 192.0.2.7"));
/// # let _ = server.stop();
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Proxies {
    trusted: Vec<Prefix>,
    unix: bool,
    fields: Option<Dialect>,
    protocol: bool,
}

impl Proxies {
    /// The trusted peers: addresses (`127.0.0.1`, `::1`) and prefixes (`10.0.0.0/8`, `fd00::/8`);
    /// `unix` is whoever may connect to a Unix socket of this server.
    ///
    /// An IPv4 address is one also where it comes to an IPv6 socket, as `::ffff:127.0.0.1`.
    ///
    /// # Errors
    ///
    /// If one of them is none of these; also if there is more to an address than its prefix
    /// (`10.0.0.1/8`), as one of the two is then not what was meant.
    ///
    /// ```
    /// use millpond::Proxies;
    ///
    /// assert!(Proxies::new(["192.0.2.0/24", "2001:db8::/32"]).is_ok());
    /// let error = Proxies::new(["10.0.0.1/8"]).unwrap_err();
    /// assert_eq!(error.to_string(), "\"10.0.0.1/8\" has bits set behind its prefix");
    /// ```
    pub fn new<I>(trusted: I) -> io::Result<Proxies>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut proxies = Proxies {
            trusted: Vec::new(),
            unix: false,
            fields: None,
            protocol: false,
        };
        for text in trusted {
            match (text.as_ref(), Prefix::parse(text.as_ref())) {
                ("unix", _) => proxies.unix = true,
                (_, Ok(prefix)) => proxies.trusted.push(prefix),
                (text, Err(problem)) => {
                    let text = format!("{text:?} {problem}");
                    return Err(io::Error::new(ErrorKind::InvalidInput, text));
                }
            }
        }
        Ok(proxies)
    }

    /// They are believed what they say in `Forwarded` (RFC 7239), in place of `X-Forwarded-For`.
    ///
    /// The list is read from its end: as long as whoever appended an element is trusted, the client
    /// is whom it names in `for`, and asked over TLS if `proto` is `https`. `unknown`, an
    /// obfuscated name, no `for`, or anything malformed ends that: then the client is the proxy
    /// that was named last. What stands before that is not looked at.
    ///
    /// The port is 0 where none is told.
    pub fn forwarded(self) -> Proxies {
        Proxies {
            fields: Some(Dialect::Forwarded),
            ..self
        }
    }

    /// They are believed what they say in `X-Forwarded-For` and `X-Forwarded-Proto`, in place of
    /// `Forwarded`.
    ///
    /// The addresses are read as in [`forwarded`](Proxies::forwarded). The protocol is the one as
    /// far from the end of its list as the client is from the end of the addresses, or the first
    /// one where there are fewer. The proxy next to the client must set both fields, or a client
    /// may set what it does not. If it appends to the protocols, all proxies behind it have to:
    /// else its word is taken for that of the next, and the client's for its own.
    pub fn x_forwarded(self) -> Proxies {
        Proxies {
            fields: Some(Dialect::XForwarded),
            ..self
        }
    }

    /// They begin each connection with a header of the PROXY protocol, version 1 or 2, which says
    /// whose it is (`send-proxy` and `send-proxy-v2` in HAProxy, `proxy_protocol on` in nginx).
    ///
    /// It is not guessed whether there is one: a connection from a trusted peer that does not begin
    /// with a whole and proper one, within [`head_timeout`](crate::Limits::head_timeout) of its
    /// first byte, is closed without an answer. From anybody else it is a malformed request.
    ///
    /// It says nothing of TLS. Together with one of the other two it comes first: the fields of a
    /// request count if the header names a trusted peer.
    pub fn proxy_protocol(self) -> Proxies {
        Proxies {
            protocol: true,
            ..self
        }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        // Whoever is at a Unix socket has an address that no prefix has.
        if address == unix_peer().ip() {
            return self.unix;
        }
        let address = Bits::of(address);
        self.trusted.iter().any(|prefix| prefix.has(address))
    }

    /// Whether a connection of this peer begins with a header of the PROXY protocol.
    pub(crate) fn expects_preface(&self, peer: IpAddr) -> bool {
        self.protocol && self.trusts(peer)
    }

    /// For whom a request counts. `near` is whom its connection's preface names, or the peer.
    pub(crate) fn client(&self, head: &Head, near: SocketAddr) -> Client {
        match self.fields {
            Some(dialect) if self.trusts(near.ip()) => {
                forwarded::client(head, dialect, near, |address| self.trusts(address))
            }
            _ => Client {
                address: near,
                secure: false,
            },
        }
    }
}

/// An address as a number, whose highest bits are the beginning of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bits {
    is_v6: bool,
    bits: u128,
}

impl Bits {
    fn of(address: IpAddr) -> Bits {
        match canonical(address) {
            IpAddr::V4(v4) => Bits {
                is_v6: false,
                bits: u128::from(u32::from(v4)) << 96,
            },
            IpAddr::V6(v6) => Bits {
                is_v6: true,
                bits: u128::from(v6),
            },
        }
    }

    fn masked(self, length: u32) -> Bits {
        // A shift by all 128 bits is none to Rust.
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        Bits {
            bits: self.bits & mask,
            ..self
        }
    }
}

/// All addresses that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    start: Bits,
    length: u32,
}

impl Prefix {
    fn has(&self, address: Bits) -> bool {
        address.masked(self.length) == self.start
    }

    /// `address [ "/" length ]`
    fn parse(text: &str) -> Result<Prefix, &'static str> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| "is not an IP address")?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = match length {
            None => longest,
            Some(digits) => {
                let plain = digits.bytes().all(|b| b.is_ascii_digit());
                let length = digits.parse().ok().filter(|_| plain);
                length
                    .filter(|length| *length <= longest)
                    .ok_or("has no proper prefix length")?
            }
        };
        let start = Bits::of(address);
        // A prefix of IPv4 addresses written in IPv6. A shorter one has them not: `::/0` is all of
        // IPv6 and no more.
        let is_mapped = !start.is_v6 && longest == 128;
        let length = match is_mapped {
            true => length
                .checked_sub(96)
                .ok_or("has bits set behind its prefix")?,
            false => length,
        };
        match start.masked(length) == start {
            true => Ok(Prefix { start, length }),
            false => Err("has bits set behind its prefix"),
        }
    }
}

#[cfg(test)]
mod tests;
