//! The address of a client, as a proxy names it.

use std::net::{IpAddr, SocketAddr};

use crate::util::net::canonical;

/// Returns the address of a client, or `None` for an unspecified address, which no client can have.
pub(crate) fn client_address(address: IpAddr, port: u16) -> Option<SocketAddr> {
    let address = canonical(address);
    (!address.is_unspecified()).then(|| SocketAddr::new(address, port))
}
