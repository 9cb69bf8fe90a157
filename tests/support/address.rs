//! Clients and files of addresses that are not TCP.

use std::io;

use super::{Client, Folder};
use millpond::Address;

impl Client {
    pub fn at(address: &Address) -> Client {
        Client::try_at(address).unwrap_or_else(|e| panic!("no connection to {address}: {e}"))
    }

    pub fn try_at(address: &Address) -> io::Result<Client> {
        match address {
            Address::Tcp(addr) => Client::try_connect(*addr),
            // The calls on it are those on a TCP socket.
            #[cfg(unix)]
            Address::Unix(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                let socket = std::os::unix::io::OwnedFd::from(stream);
                Client::on(std::net::TcpStream::from(socket))
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Folder {
    /// The address of a Unix socket in this folder.
    pub fn unix(&self, name: &str) -> Address {
        Address::Unix(self.path(name))
    }
}
