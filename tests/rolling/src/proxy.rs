//! The state of a proxy while it runs, and its log afterwards.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use crate::support::eventually;

pub enum Proxy {
    /// It checks its servers, and reports their state on a socket.
    Haproxy(PathBuf),
    /// It knows nothing of its servers, and writes down where each request went.
    Nginx(PathBuf),
}

impl Proxy {
    pub fn new(name: &str, folder: &str) -> Proxy {
        match name {
            "haproxy" => Proxy::Haproxy(PathBuf::from(folder).join("stats")),
            "nginx" => Proxy::Nginx(PathBuf::from(folder).join("nginx.tries")),
            _ => panic!("no such proxy: {name}"),
        }
    }

    /// Waits until the proxy listens, and uses both servers as far as it knows.
    pub fn wait_until_all_up(&self, addr: SocketAddr) {
        let wait_until_all_up = || match self {
            Proxy::Haproxy(_) => self.column("status") == ["UP", "UP"],
            Proxy::Nginx(_) => TcpStream::connect(addr).is_ok(),
        };
        eventually("the proxy uses both servers", wait_until_all_up);
    }

    /// How often the proxy tried again: where it got no connection, and where it had sent the
    /// request already, which it may do for some methods only.
    pub fn retries(&self) -> String {
        match self {
            Proxy::Haproxy(_) => {
                let [retries, elsewhere] = ["wretr", "wredis"].map(|name| {
                    let numbers = self.column(name);
                    numbers.iter().map(|n| n.parse().unwrap_or(0)).sum::<u64>()
                });
                format!("{retries} to connect, {elsewhere} of them elsewhere")
            }
            Proxy::Nginx(tries) => {
                let tries = fs::read_to_string(tries).expect("nginx's log");
                let (mut refused, mut sent) = (0, 0);
                for line in tries.lines() {
                    // The times that it took to connect; a dash where it failed. The last is not
                    // one that was tried again.
                    let times = line.split('|').nth(1).expect("our own format");
                    let mut times: Vec<&str> = times.split(',').map(str::trim).collect();
                    times.pop();
                    let dashes = times.iter().filter(|time| **time == "-").count();
                    refused += dashes;
                    sent += times.len() - dashes;
                }
                format!("{refused} to connect, {sent} that had been sent")
            }
        }
    }

    /// One column of HAProxy's table, of the two servers; nothing before it has begun.
    fn column(&self, name: &str) -> Vec<String> {
        let table = match self.table() {
            Ok(table) => table,
            Err(_) => return Vec::new(),
        };
        let mut rows = table.lines().map(|row| row.split(',').collect::<Vec<_>>());
        let names = rows.next().expect("the names of the columns");
        let at = names.iter().position(|n| *n == name).expect("the column");
        rows.filter(|row| matches!(row.get(1), Some(&"first" | &"second")))
            .map(|row| row[at].to_owned())
            .collect()
    }

    fn table(&self) -> io::Result<String> {
        let path = match self {
            Proxy::Haproxy(path) | Proxy::Nginx(path) => path,
        };
        let mut table = String::new();
        let mut socket = UnixStream::connect(path)?;
        socket.write_all(b"show stat\n")?;
        socket.read_to_string(&mut table)?;
        Ok(table)
    }
}
