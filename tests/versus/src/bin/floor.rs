//! The floor: a thread per connection, blocking reads and constant answers. It searches heads for
//! the few words it needs instead of parsing them: what waiting costs on this machine, not HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn main() {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    let listener = TcpListener::bind(addr).expect("the address is free");
    for stream in listener.incoming().flatten() {
        thread::spawn(move || serve(stream));
    }
}

/// Answers until the client ends or asks for the end; `None` is what `?` makes of either.
fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut received = Vec::new();
    let mut answers = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        while let Some(end) = find(&received, b"\r\n\r\n").map(|at| at + 4) {
            let head = &received[..end];
            let length = content_length(head);
            let close = find(head, b"Connection: close").is_some();
            if head.starts_with(b"GET /sleep50 ") {
                thread::sleep(Duration::from_millis(50));
            } else if head.starts_with(b"GET /sleep200 ") {
                thread::sleep(Duration::from_millis(200));
            }
            while received.len() < end + length {
                let n = stream.read(&mut buffer).ok().filter(|&n| n > 0)?;
                received.extend_from_slice(&buffer[..n]);
            }
            let body = if length > 0 {
                &received[end..end + length]
            } else {
                b"hello world"
            };
            answers.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n");
            answers.extend_from_slice(if close { b"Connection: close\r\n" } else { b"" });
            write!(answers, "Content-Length: {}\r\n\r\n", body.len()).ok()?;
            answers.extend_from_slice(body);
            received.drain(..end + length);
            if close {
                return stream.write_all(&answers).ok();
            }
        }
        stream.write_all(&answers).ok()?;
        answers.clear();
        let n = stream.read(&mut buffer).ok().filter(|&n| n > 0)?;
        received.extend_from_slice(&buffer[..n]);
    }
}

fn content_length(head: &[u8]) -> usize {
    let digits = find(head, b"Content-Length: ")
        .map(|at| &head[at + 16..])
        .unwrap_or_default();
    digits
        .iter()
        .take_while(|b| b.is_ascii_digit())
        .fold(0, |n, b| n * 10 + usize::from(b - b'0'))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
