//! Which addresses a socket that listens at several is served at. It knows nothing of how
//! connections are accepted, nor of what becomes of them.

use std::net::{IpAddr, TcpStream};
use std::sync::Arc;

use super::socket::canonical;
use crate::util::net;

/// To which of this host's addresses a connection has to come, to be served.
#[derive(Clone, Debug, Default)]
pub(crate) enum Admission {
    #[default]
    All,
    Only(Arc<[IpAddr]>),
}

impl Admission {
    pub(crate) fn only(addrs: impl IntoIterator<Item = impl Into<IpAddr>>) -> Admission {
        let addrs = addrs.into_iter().map(Into::into);
        // In the form that it has on a connection: `::ffff:127.0.0.1` is `127.0.0.1`.
        Admission::Only(addrs.map(net::canonical).collect())
    }

    pub(crate) fn admits(&self, stream: &TcpStream) -> bool {
        match self {
            Admission::All => true,
            // Where the kernel cannot tell to whom the client came, it did not come to one of them.
            Admission::Only(addrs) => stream
                .local_addr()
                .map_or(false, |addr| addrs.contains(&canonical(addr).ip())),
        }
    }
}
