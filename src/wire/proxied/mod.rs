//! Statements of a proxy about its client: the `Forwarded` and `X-Forwarded-*` fields, and the
//! preface of the PROXY protocol.
//!
//! * `forwarded` reads the fields
//! * `preface` reads the preface

use std::net::SocketAddr;

#[cfg(feature = "trusted-proxies")]
pub(crate) mod forwarded;
#[cfg(feature = "trusted-proxies")]
pub(crate) mod preface;

/// The client that a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The port is 0 if the proxy named none.
    pub(crate) address: SocketAddr,
    /// Whether the client used TLS.
    pub(crate) secure: bool,
}

/// Returns the address of a client, or `None` for an unspecified address, which no client can have.
#[cfg(feature = "trusted-proxies")]
fn client_address(address: std::net::IpAddr, port: u16) -> Option<SocketAddr> {
    let address = crate::util::net::canonical(address);
    (!address.is_unspecified()).then(|| SocketAddr::new(address, port))
}

/// The reader of the preface for a build in which no connection begins with one.
#[cfg(not(feature = "trusted-proxies"))]
pub(crate) mod preface {
    use std::net::SocketAddr;

    use crate::wire::error::WireError;

    pub(crate) struct Preface {
        pub(crate) length: usize,
        pub(crate) source: Option<SocketAddr>,
    }

    pub(crate) fn read(_: &[u8]) -> Result<Option<Preface>, WireError> {
        Err(WireError::BadPreface)
    }
}
