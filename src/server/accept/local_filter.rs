//! The filter of a socket that listens at several local addresses: the addresses at which
//! connections are served.

use std::net::{IpAddr, TcpStream};
use std::sync::Arc;

use crate::util::net::canonical;

/// The local addresses of this host at which connections are served.
#[derive(Clone, Debug, Default)]
pub(crate) enum LocalFilter {
    #[default]
    All,
    /// In the form of [`canonical`], as connections have it.
    Only(Arc<[IpAddr]>),
}

impl LocalFilter {
    pub(crate) fn only(addrs: impl IntoIterator<Item = impl Into<IpAddr>>) -> LocalFilter {
        let addrs = addrs.into_iter().map(Into::into);
        LocalFilter::Only(addrs.map(canonical).collect())
    }

    /// Returns whether the connection is served. A connection without a known local address is
    /// rejected, unless all are served.
    pub(crate) fn admits(&self, stream: &TcpStream) -> bool {
        match self {
            LocalFilter::All => true,
            LocalFilter::Only(addrs) => stream
                .local_addr()
                .map_or(false, |addr| addrs.contains(&canonical(addr.ip()))),
        }
    }
}
