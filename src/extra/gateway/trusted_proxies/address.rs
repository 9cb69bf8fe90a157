//! The addresses of clients, and prefixes such as `10.0.0.0/8`.

use std::net::{IpAddr, SocketAddr};

use crate::util::net::canonical;

/// Returns the address of a client, or `None` for an unspecified address, which no client can have.
pub(crate) fn client_address(address: IpAddr, port: u16) -> Option<SocketAddr> {
    let address = canonical(address);
    (!address.is_unspecified()).then(|| SocketAddr::new(address, port))
}

/// All addresses with the same first bits, as IPv6: an IPv4 address is `::ffff:192.0.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Prefix {
    start: u128,
    /// The number of bits, 96 at least for IPv4.
    length: u32,
}

impl Prefix {
    /// Returns whether the address begins with this prefix. A prefix of IPv6 contains no IPv4
    /// address, so `::/0` is all of IPv6 and no more.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let bits = bits(address);
        let is_v4 = bits >> 32 == 0xffff;
        bits & mask(self.length) == self.start && (self.length >= 96 || !is_v4)
    }

    /// ```text
    /// prefix = address [ "/" 1*DIGIT ]
    /// ```
    pub(crate) fn parse(text: &str) -> Result<Prefix, &'static str> {
        let (address, digits) = match text.split_once('/') {
            Some((address, digits)) => (address, Some(digits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| "expected an IP address")?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match digits {
            // `parse` accepts a sign.
            Some(digits) if digits.starts_with('+') => None,
            Some(digits) => digits.parse().ok().filter(|length| *length <= longest),
            None => Some(longest),
        };
        let length = length.ok_or("invalid prefix length")? + 128 - longest;
        let start = bits(address);
        // This also rejects IPv4 addresses in IPv6 with a length below 96.
        if start & mask(length) != start {
            return Err("bits set after the prefix");
        }
        Ok(Prefix { start, length })
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// Returns a number whose first `length` bits are set.
fn mask(length: u32) -> u128 {
    // A shift by all 128 bits overflows.
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}
