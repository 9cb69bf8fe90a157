//! [`Address`]: an address to listen on, as a value for configurations and reports. This file opens
//! no socket; see [`Listen`](super::listen::Listen).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// The scheme before the path of a Unix socket.
const UNIX: &str = "unix:";
/// The scheme that may precede an IP address, as in the printed form.
const HTTP: &str = "http://";

/// An address to listen on: an IP address and a port, or the path of a Unix socket.
///
/// Each is one string in a configuration: `127.0.0.1:80`, `[::]:80` or `unix:/run/app.sock`. A host
/// name is rejected, because a name may stand for several addresses. [`Server::new`] accepts host
/// names and listens on the first address that is free.
///
/// [`Server::new`]: crate::Server::new
///
/// `[::]` stands for every address of this host. On Linux, IPv4 is included unless
/// `net.ipv6.bindv6only` is set; on other systems, IPv6 may be alone. If IPv4 is included, a server
/// cannot listen on `0.0.0.0` and `[::]` at the same port, because `[::]` includes `0.0.0.0`.
///
/// ```
/// use millpond::Address;
///
/// let address: Address = "[::1]:8080".parse()?;
/// assert_eq!(address, Address::Tcp("[::1]:8080".parse().unwrap()));
/// assert_eq!(address.to_string(), "http://[::1]:8080");
/// let address: Address = "unix:/run/app.sock".parse()?;
/// assert_eq!(address, Address::Unix("/run/app.sock".into()));
/// assert_eq!(Address::from(([127, 0, 0, 1], 80)).to_string(), "http://127.0.0.1:80");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and a port. Port 0 stands for a free port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, for Unix systems only.
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(addr) => Some(*addr),
            Address::Unix(_) => None,
        }
    }
}

impl<T: Into<SocketAddr>> From<T> for Address {
    fn from(addr: T) -> Address {
        Address::Tcp(addr.into())
    }
}

/// Prints a string that can be parsed again; for TCP, a URL.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(addr) => write!(f, "{}{}", HTTP, addr),
            Address::Unix(path) => write!(f, "{}{}", UNIX, path.display()),
        }
    }
}

impl FromStr for Address {
    /// [`InvalidInput`](ErrorKind::InvalidInput), with the text and the forms that are expected.
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Address> {
        let address = match text.strip_prefix(UNIX) {
            Some(path) => Some(Address::Unix(path.into())).filter(|_| !path.is_empty()),
            None => {
                let addr = text.strip_prefix(HTTP).unwrap_or(text);
                addr.parse().ok().map(Address::Tcp)
            }
        };
        address.ok_or_else(|| {
            let expected = "expected 127.0.0.1:80, [::1]:80 or unix:/run/app.sock";
            let text = format!("invalid listening address {text:?}: {expected}");
            io::Error::new(ErrorKind::InvalidInput, text)
        })
    }
}

/// Returns the first TCP address, or `0.0.0.0:0` if there is none: for methods with one result.
pub(crate) fn first_tcp<'a>(mut addresses: impl Iterator<Item = &'a Address>) -> SocketAddr {
    let first = addresses.find_map(Address::tcp);
    first.unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
}

pub(crate) fn no_address() -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, "no listening address")
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_printed_address_can_be_parsed() {
        for (text, printed) in [
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::]:80"),
            ("[fe80::1%2]:80", "http://[fe80::1%2]:80"),
            ("unix:/run/a b.sock", "unix:/run/a b.sock"),
            ("unix:a.sock", "unix:a.sock"),
            ("unix:http://", "unix:http://"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), printed, "{}", text);
            assert_eq!(printed.parse::<Address>().unwrap(), address, "{}", text);
            assert_eq!(address.tcp().is_some(), printed.starts_with("http"));
        }
    }

    #[test]
    fn rejects_text_that_is_no_address() {
        for text in [
            "",
            "80",
            ":80",
            "localhost:80",
            "127.0.0.1",
            "::1:80",
            "unix:",
            "unix",
            "/run/app.sock",
            "https://127.0.0.1:80",
            "http://127.0.0.1:80/",
            " 127.0.0.1:80",
            "127.0.0.1:65536",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{}", text);
            let named = format!("invalid listening address {text:?}: expected 127");
            assert!(error.to_string().starts_with(&named), "{error}");
        }
    }
}
