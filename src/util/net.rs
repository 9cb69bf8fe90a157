//! Addresses in one spelling.

use std::net::IpAddr;

/// Returns the IPv4 address that an IPv4-mapped IPv6 address stands for, and any other address
/// unchanged: `::ffff:192.0.2.1` becomes 192.0.2.1 (RFC 4291 §2.5.5.2).
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}
