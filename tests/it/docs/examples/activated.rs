//! Example `activated`: it serves the socket that its parent bound.

use std::net::TcpListener;
use std::os::unix::io::OwnedFd;
use std::process::{Command, Stdio};

use super::child::program;
use crate::support::{Client, Process};

#[test]
fn activated_serves_the_socket_of_its_parent() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    // Before there is anybody to answer.
    let mut client = Client::connect(addr);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut command = Command::new(program("activated"));
    command
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stderr(Stdio::null());
    let process = Process::start(&mut command);
    let reply = client.response();
    drop(process);
    let local = client.stream.local_addr().unwrap();
    assert_eq!(reply.text(), format!("hello {local}\n"));
}
