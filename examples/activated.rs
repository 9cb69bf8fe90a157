//! Serves a listening socket that the parent process opened. The parent may bind port 80 with its
//! own rights, start this program at the first connection, or restart the program while new
//! connections wait in the queue of the socket. By hand:
//!
//! ```sh
//! cargo build --release --example activated
//! systemd-socket-activate --inetd -l 127.0.0.1:8080 target/release/examples/activated
//! ```
//!
//! A service of systemd takes two files, `hello.socket` and `hello.service`:
//!
//! ```ini
//! [Socket]
//! ListenStream=80
//! # Accept=no is the default: one process serves all connections.
//!
//! [Service]
//! ExecStart=/usr/local/bin/activated
//! StandardInput=socket
//! # Without these two lines, the output would go to the socket.
//! StandardOutput=journal
//! StandardError=journal
//! ```
//!
//! The socket must be the standard input. std cannot take a socket that is passed by number
//! (`$LISTEN_FDS`, from 3 on) without `unsafe`.

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    use millpond::{Listen, Response, Server};

    // The parent has bound the socket, so there is no address to choose here.
    let server = Server::listen_on([Listen::stdin()?], |request| {
        Response::text(format!("hello {}\n", request.remote_addr()))
    })?;
    // Standard output may be the socket too, so the address goes to standard error.
    for address in server.addresses() {
        eprintln!("{address}");
    }
    server.run();
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    eprintln!("the example `activated` needs Unix");
}
