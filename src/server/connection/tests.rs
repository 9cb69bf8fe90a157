//! A connection that is polled by a test at chosen times.

use super::*;
use crate::message::Response;
use crate::server::config::Settings;
use crate::server::stats::counters::Counters;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Returns a connection, in a registry of its own, and the client at the other end.
fn connected() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_nodelay(true).unwrap();
    let (stream, peer) = listener.accept().unwrap();
    let handler = Arc::new(|_: &_| Response::text("fine"));
    let counters = Arc::new(Counters::default());
    let service = Arc::new(Service::new(handler, &Settings::default(), counters));
    let handle = service.registry.enter(stream, peer, 0, 1).unwrap();
    (Connection::new(handle, service), client)
}

/// Sends a byte, and polls the connection at `now` once the byte has arrived.
fn send_byte(connection: &mut Connection, client: &mut TcpStream, byte: u8, now: Instant) -> Next {
    client.write_all(&[byte]).unwrap();
    // A peek waits for the byte.
    connection.set_blocking(true).unwrap();
    assert_eq!(connection.handle.stream.peek(&mut [0]).unwrap(), 1);
    connection.poll(&mut Buffers::default(), now)
}

/// Each poll finds a byte, and none finds an empty socket. The deadline is checked all the same.
#[test]
fn a_byte_at_each_poll_does_not_extend_a_deadline() {
    type Row = (&'static str, &'static [u8], u8, u64, CloseReason);
    let body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    let table: [Row; 3] = [
        ("idle", b"", b'\n', 15, CloseReason::Idle),
        ("head", b"GET /", b'a', 10, CloseReason::HeadTimeout),
        ("body", body, b'b', 5, CloseReason::SlowBody),
    ];
    for (name, start, byte, seconds, reason) in table {
        let (mut connection, mut client) = connected();
        let began = Instant::now();
        for &byte in start {
            send_byte(&mut connection, &mut client, byte, began);
        }
        for second in 1..seconds {
            let now = began + Duration::from_secs(second);
            if byte == b'\n' {
                send_byte(&mut connection, &mut client, b'\r', now);
            }
            let next = send_byte(&mut connection, &mut client, byte, now);
            assert!(!matches!(next, Next::Done), "{name} after {second} s");
            assert!(matches!(connection.phase, Phase::Receiving), "{name}");
        }
        let now = began + Duration::from_secs(seconds + 1);
        let last = if byte == b'\n' { b'\r' } else { byte };
        send_byte(&mut connection, &mut client, last, now);
        assert!(!matches!(connection.phase, Phase::Receiving), "{name}");
        assert_eq!(connection.reason, Some(reason), "{name}");
    }
}

/// If the process was stopped, the deadline may have passed before bytes are read that came in time.
#[test]
fn a_request_that_came_before_the_deadline_is_answered_after_it() {
    let (mut connection, mut client) = connected();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    connection.handle.stream.peek(&mut [0]).unwrap();
    connection.deadline = Instant::now();
    assert_eq!(connection.wait(&mut Buffers::default()), Next::Run);
    let (mut connection, _client) = connected();
    connection.deadline = Instant::now();
    assert_eq!(connection.wait(&mut Buffers::default()), Next::Done);
    assert_eq!(connection.reason, Some(CloseReason::Idle));
}

/// A line break after a request is no part of the next one. It is received while responses are
/// gathered.
#[test]
fn a_response_that_is_gathered_is_sent_though_the_idle_time_is_up() {
    let (mut connection, mut client) = connected();
    let (request, mut buffers) = (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\r\n", Buffers::default());
    client.write_all(request).unwrap();
    while connection.handle.stream.peek(&mut [0; 99]).unwrap() < request.len() {}
    connection.quick_handlers = u32::MAX / 2;
    let now = Instant::now();
    connection.deadline = now;
    assert_eq!(connection.poll(&mut buffers, now), Next::Run);
    assert_eq!(connection.run(&mut buffers), Next::Idle);
    client
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 9);
}
