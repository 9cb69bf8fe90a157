//! The program answers a request, gets a signal, and ends with status 0 after its last line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Kills the program if the test fails before the program ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn stops_at(signal: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctrlc-recipe"));
    let child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut program = Program(child);
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let url = lines.next().unwrap().unwrap();
    let address = url.trim_start_matches("http://").trim_end_matches('/');

    let mut client = TcpStream::connect(address).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut response = [0; 15];
    client.read_exact(&mut response).unwrap();
    assert_eq!(&response, b"HTTP/1.1 200 OK");

    let kill = format!("kill -{signal} {}", program.0.id());
    assert!(Command::new("sh")
        .args(["-c", &kill])
        .status()
        .unwrap()
        .success());
    assert_eq!(
        lines.next().unwrap().unwrap(),
        "every request in flight was answered"
    );
    assert!(program.0.wait().unwrap().success());
    // The idle connection was closed, not reset.
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"hello\n"));
}

#[test]
fn stops_at_ctrl_c() {
    stops_at("INT");
}

#[test]
fn stops_at_the_signal_of_a_supervisor() {
    stops_at("TERM");
}
