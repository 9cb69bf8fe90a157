//! Where a server listens, as a value: what a configuration says and what a server tells.
//! It opens nothing; see [`Listen`](super::Listen).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// Before the path of a Unix socket.
const UNIX: &str = "unix:";
/// May stand before an IP address, as in what is printed.
const HTTP: &str = "http://";

/// Where a server listens: an IP address and a port, or the path of a Unix socket.
///
/// One string of a configuration says which: `127.0.0.1:80`, `[::]:80` or `unix:/run/app.sock`. A
/// host name is none of them, as it may stand for several addresses; [`Server::new`] takes one, and
/// listens on the first address that it can.
///
/// [`Server::new`]: crate::Server::new
///
/// `[::]` is every address of this host, IPv4 included, unless Linux was told otherwise
/// (`net.ipv6.bindv6only`); other systems may take it for IPv6 alone. To listen on `0.0.0.0` and
/// `[::]` at the same port is then an error: the first is within the second.
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
    /// An IP address and a port; port 0 takes a free one.
    Tcp(SocketAddr),
    /// The path of a Unix socket. Only a Unix system can listen there.
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

/// A string that can be parsed again, and for TCP a URL.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(addr) => write!(f, "{}{}", HTTP, addr),
            Address::Unix(path) => write!(f, "{}{}", UNIX, path.display()),
        }
    }
}

impl FromStr for Address {
    /// [`InvalidInput`](ErrorKind::InvalidInput), with a sentence that says what is expected.
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
            let text = format!(
                "expected 127.0.0.1:80, [::1]:80 or unix:/run/app.sock, and no name: {:?}",
                text
            );
            io::Error::new(ErrorKind::InvalidInput, text)
        })
    }
}

/// What stands for all addresses where only one can be told.
pub(crate) fn first_tcp<'a>(mut addresses: impl Iterator<Item = &'a Address>) -> SocketAddr {
    let first = addresses.find_map(Address::tcp);
    first.unwrap_or_else(|| ([0, 0, 0, 0], 0).into())
}

pub(crate) fn nowhere() -> std::io::Error {
    std::io::Error::new(
        std::io::ErrorKind::InvalidInput,
        "there is no address to listen on",
    )
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_string_says_where_and_is_told_again() {
        for (text, told) in [
            ("127.0.0.1:80", "http://127.0.0.1:80"),
            ("http://127.0.0.1:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::]:80"),
            ("[fe80::1%2]:80", "http://[fe80::1%2]:80"),
            ("unix:/run/a b.sock", "unix:/run/a b.sock"),
            ("unix:a.sock", "unix:a.sock"),
            ("unix:http://", "unix:http://"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), told, "{}", text);
            assert_eq!(told.parse::<Address>().unwrap(), address, "{}", text);
            assert_eq!(address.tcp().is_some(), told.starts_with("http"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
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
        }
    }
}
