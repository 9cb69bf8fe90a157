//! Addresses in the one form in which the library compares and reports them.

use std::net::{IpAddr, SocketAddr};

/// Returns the address in its only spelling: `::ffff:192.0.2.1` becomes 192.0.2.1.
pub(crate) fn canonical_ip(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Applies [`canonical_ip`], so that an IPv4 client of an IPv6 socket has an IPv4 address.
pub(crate) fn canonical(mut address: SocketAddr) -> SocketAddr {
    address.set_ip(canonical_ip(address.ip()));
    address
}

/// Returns the address that stands for every client of a Unix socket: such a client has none. No
/// proxy can name this address as that of a client.
pub(crate) fn unix_peer() -> SocketAddr {
    ([0, 0, 0, 0], 0).into()
}
