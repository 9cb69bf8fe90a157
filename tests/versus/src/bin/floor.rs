//! The floor: a thread per connection, blocking reads and constant answers. It searches heads for
//! the few words that it needs instead of parsing them: it measures the waiting on this machine,
//! not HTTP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{thread, time::Duration};

fn main() {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    let listener = TcpListener::bind(addr).expect("the address is free");
    for stream in listener.incoming().flatten() {
        thread::spawn(move || serve(stream));
    }
}

/// Answers until the client ends or asks for the end; `?` returns `None` for either.
fn serve(mut stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut received, mut answers) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 64 * 1024];
    loop {
        while let Some(end) = find(&received, b"\r\n\r\n").map(|at| at + 4) {
            let head = &received[..end];
            let length = content_length(head).unwrap_or(0);
            let close = find(head, b"Connection: close").is_some();
            if let Some(at) = find(head, b"/sleep") {
                let millis = if head[at + 6] == b'5' { 50 } else { 200 };
                thread::sleep(Duration::from_millis(millis));
            }
            while received.len() < end + length {
                read(&mut stream, &mut buffer, &mut received)?;
            }
            let mut body = &received[end..end + length];
            if body.is_empty() {
                body = b"hello world";
            }
            let last = if close { "Connection: close\r\n" } else { "" };
            let size = body.len();
            write!(
                answers,
                "HTTP/1.1 200 OK\r\n{last}Content-Length: {size}\r\n\r\n"
            )
            .ok()?;
            answers.extend_from_slice(body);
            received.drain(..end + length);
            if close {
                return stream.write_all(&answers).ok();
            }
        }
        stream.write_all(&answers).ok()?;
        answers.clear();
        read(&mut stream, &mut buffer, &mut received)?;
    }
}

fn read(stream: &mut TcpStream, buffer: &mut [u8], received: &mut Vec<u8>) -> Option<()> {
    let n = stream.read(buffer).ok().filter(|&n| n > 0)?;
    received.extend_from_slice(&buffer[..n]);
    Some(())
}

fn content_length(head: &[u8]) -> Option<usize> {
    let rest = &head[find(head, b"Content-Length: ")? + 16..];
    std::str::from_utf8(&rest[..find(rest, b"\r")?])
        .ok()?
        .parse()
        .ok()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
