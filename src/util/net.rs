//! Addresses in one spelling.

use std::net::{IpAddr, SocketAddr};

/// Returns the IPv4 address that an IPv4-mapped IPv6 address stands for, and any other address
/// unchanged: `::ffff:192.0.2.1` becomes 192.0.2.1 (RFC 4291 §2.5.5.2).
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Applies [`canonical`] to the IP address: an IPv4 client of an IPv6 socket has an IPv4 address.
pub(crate) fn canonical_peer(mut peer: SocketAddr) -> SocketAddr {
    peer.set_ip(canonical(peer.ip()));
    peer
}

/// Returns the address that stands for every client of a Unix socket, as these have none. No proxy
/// can name this address as that of a client.
pub(crate) fn unix_peer() -> SocketAddr {
    ([0, 0, 0, 0], 0).into()
}
