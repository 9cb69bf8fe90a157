//! The interface to the proxies in front of a server that may name the client of a request.
//!
//! The feature `trusted-proxies` implements the interface, in `extra/gateway/trusted_proxies/`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::message::request::head::Head;

/// The proxies that a server trusts, and the way in which they name clients.
pub(crate) trait TrustedProxies: fmt::Debug + Send + Sync {
    /// Returns whether a connection of this peer begins with a preface.
    fn expects_preface(&self, peer: IpAddr) -> bool;

    /// Reads the preface at the front of `bytes`. Returns `None` if the preface is malformed, and
    /// `Some(None)` if more bytes are needed.
    fn read_preface(&self, bytes: &[u8]) -> Option<Option<Preface>>;

    /// Returns the client of a request. `near` is the client that the preface of the connection
    /// names, or the peer.
    fn client(&self, head: &Head, near: SocketAddr) -> Client;
}

/// The first bytes of a connection from a proxy, which name the client (PROXY protocol).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Preface {
    pub(crate) length: usize,
    /// The address of the client. `None` for a connection of the proxy itself (a health check), and
    /// for an unknown client, for which some proxies send an unspecified address.
    pub(crate) source: Option<SocketAddr>,
}

/// The client that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The port is 0 if the proxy named none.
    pub(crate) address: SocketAddr,
    /// Whether the client used TLS.
    pub(crate) secure: bool,
}
