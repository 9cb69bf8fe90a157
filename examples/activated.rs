//! Serves the socket that it is started with, so that whoever starts it may bind port 80, start it
//! with the first client, or replace it while clients queue. By hand:
//!
//! ```sh
//! cargo build --release --example activated
//! systemd-socket-activate --inetd -l 127.0.0.1:8080 target/release/examples/activated
//! ```
//!
//! As a service it takes two files, `hello.socket` and `hello.service`:
//!
//! ```ini
//! [Socket]
//! ListenStream=80
//! # Accept=no is the default: one process for all connections.
//!
//! [Service]
//! ExecStart=/usr/local/bin/activated
//! StandardInput=socket
//! # Where the output goes else: to the socket.
//! StandardOutput=journal
//! StandardError=journal
//! ```
//!
//! The socket comes as the standard input, which std can have without `unsafe`; what comes under a
//! number (`$LISTEN_FDS`, from 3 on) it cannot.

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    use millpond::{Listen, Response, Server};

    let server = Server::listen_on([Listen::stdin()?], |request| {
        Response::text(format!("hello {}\n", request.remote_addr()))
    })?;
    for address in server.addresses() {
        eprintln!("{address}");
    }
    server.run();
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this is for Unix");
}
