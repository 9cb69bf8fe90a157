//! The proxies in front of a server that may name the client of a request.
//!
//! * this file: [`Proxies`], which decides which statements count
//! * `address`: the addresses of clients, and prefixes of addresses
//! * `forwarded/`: the fields `Forwarded`, `X-Forwarded-For` and `X-Forwarded-Proto`
//! * `preface/`: the header of the PROXY protocol

mod address;
mod forwarded;
mod preface;

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use self::address::Prefix;
use self::forwarded::Dialect;
use crate::message::request::head::Head;
use crate::server::Settings;
use crate::util::net::unix_peer;
use crate::wire::proxied::{Client, Preface, TrustedProxies};

/// The proxies in front of a server whose statements about the client of a request are trusted, for
/// [`Settings::proxies`](crate::Settings::proxies).
///
/// [`new`](Proxies::new) names the proxies, and the other methods choose the form in which the
/// proxies name the client. Statements of any other peer are ignored. By default no proxy is
/// trusted, and [`Request::remote_addr`](crate::Request::remote_addr) is the other end of the
/// connection.
///
/// Name nothing but proxies: a client whose own address is among these can claim any address.
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
#[must_use = "proxies are trusted only after `Settings::proxies`"]
#[derive(Clone, Debug)]
pub struct Proxies {
    trusted: Vec<Prefix>,
    /// Whether the peers at Unix sockets are trusted.
    unix: bool,
    fields: Option<Dialect>,
    protocol: bool,
}

impl Proxies {
    /// Returns a set of trusted peers: addresses (`127.0.0.1`, `::1`), prefixes (`10.0.0.0/8`,
    /// `fd00::/8`), and `unix` for every peer at a Unix socket of this server.
    ///
    /// An IPv4 address is the same at an IPv6 socket, where it comes as `::ffff:127.0.0.1`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidInput`](ErrorKind::InvalidInput) if a text is none of these. An address
    /// with bits set after its prefix (`10.0.0.1/8`) is an error too, as either part may be a
    /// mistake.
    ///
    /// ```
    /// use millpond::Proxies;
    ///
    /// assert!(Proxies::new(["192.0.2.0/24", "2001:db8::/32"]).is_ok());
    /// let error = Proxies::new(["10.0.0.1/8"]).unwrap_err().to_string();
    /// assert_eq!(error, "invalid trusted proxy \"10.0.0.1/8\": bits set after the prefix");
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
                    let text = format!("invalid trusted proxy {text:?}: {problem}");
                    return Err(io::Error::new(ErrorKind::InvalidInput, text));
                }
            }
        }
        Ok(proxies)
    }

    /// Reads the client from `Forwarded` (RFC 7239), in place of `X-Forwarded-For`.
    ///
    /// The list is read from its end, as long as the peer that appended an element is trusted. The
    /// client is the address in the last `for` that is read, and its request came over TLS if
    /// `proto` is `https`. Reading ends at `unknown`, at an obfuscated name, at an element without
    /// `for`, and at anything malformed: then the client is the proxy named last. Elements before
    /// that are ignored.
    ///
    /// The port is 0 if the element names no port.
    pub fn forwarded(mut self) -> Proxies {
        self.fields = Some(Dialect::Forwarded);
        self
    }

    /// Reads the client from `X-Forwarded-For` and `X-Forwarded-Proto`, in place of `Forwarded`.
    ///
    /// The addresses are read as in [`forwarded`](Proxies::forwarded). The two lists are compared
    /// from their ends: the protocol of the client has the same position as the address of the
    /// client. If the list of protocols is shorter, its first element counts.
    ///
    /// The proxy next to the client must set both fields. Without this, the client can set the
    /// field that the proxy does not set. If that proxy appends to the protocols, all proxies
    /// behind it must append too. Otherwise the positions differ, and a value that the client sent
    /// may count.
    pub fn x_forwarded(mut self) -> Proxies {
        self.fields = Some(Dialect::XForwarded);
        self
    }

    /// Expects a header of the PROXY protocol, version 1 or 2, at the start of each connection from
    /// a trusted peer (`send-proxy` and `send-proxy-v2` in HAProxy, `proxy_protocol on` in nginx).
    ///
    /// The server does not guess whether there is such a header. A trusted peer must send a whole
    /// and well-formed one within [`head_timeout`](crate::Limits::head_timeout) of its first byte,
    /// or its connection is closed without a response. From any other peer, the header is a
    /// malformed request.
    ///
    /// The header carries no information about TLS. Together with `forwarded` or `x_forwarded`,
    /// the header is read first: the fields of a request count if the header names a trusted peer.
    pub fn proxy_protocol(mut self) -> Proxies {
        self.protocol = true;
        self
    }

    fn trusts(&self, address: IpAddr) -> bool {
        // Peers of a Unix socket have an address of their own, which no prefix contains.
        if address == unix_peer().ip() {
            return self.unix;
        }
        self.trusted.iter().any(|prefix| prefix.contains(address))
    }
}

impl TrustedProxies for Proxies {
    fn expects_preface(&self, peer: IpAddr) -> bool {
        self.protocol && self.trusts(peer)
    }

    fn read_preface(&self, bytes: &[u8]) -> Option<Option<Preface>> {
        preface::read(bytes)
    }

    fn client(&self, head: &Head, near: SocketAddr) -> Client {
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

impl Settings {
    /// Sets the proxies that are trusted to name the client of a request. By default no proxy is
    /// trusted.
    pub fn proxies(mut self, proxies: Proxies) -> Settings {
        self.proxies = Some(Arc::new(proxies));
        self
    }
}

#[cfg(test)]
mod tests;
