//! Websockets as they are written for rouille. It serves itself, and panics if an answer is wrong.

#[macro_use]
extern crate rouille;

use rouille::websocket::{self, Message, SendError, Websocket, WebsocketError};
use rouille::{Request, Response, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::Receiver;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

fn main() {
    let kept = Mutex::new(Vec::new());
    let server = Server::new("localhost:0", move |request| {
        router!(request,
            (GET) (/echo) => {
                let (response, websocket) = try_or_400!(websocket::start(request, Some("echo")));
                thread::spawn(move || {
                    let ws = websocket.recv().unwrap();
                    talk(ws);
                });
                response
            },
            (GET) (/kept) => {
                keep(request, &kept)
            },
            (GET) (/any) => {
                let known = websocket::requested_protocols(request)
                    .find(|name| name == "v1" || name == "v2");
                match websocket::start(request, known) {
                    Ok((response, _)) => response,
                    Err(WebsocketError::InvalidWebsocketRequest) => Response::empty_400(),
                    Err(WebsocketError::WrongSubprotocol) => Response::empty_406(),
                }
            },
            _ => Response::empty_404()
        )
    })
    .unwrap();
    let address = server.server_addr();
    let (handle, stop) = server.stoppable();

    let mut client = ask(address, "/echo", "echo");
    let head = head(&mut client);
    assert!(head.starts_with("HTTP/1.1 101 "), "{}", head);
    let head = head.to_lowercase();
    assert!(head.contains("\r\nsec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
    assert!(head.contains("\r\nsec-websocket-protocol: echo\r\n"));
    // "hi" as text, "ho" as bytes, a ping, and the end; the mask is 0.
    client
        .write_all(b"\x81\x82\0\0\0\0hi\x82\x82\0\0\0\0ho\x89\x81\0\0\0\0p\x88\x82\0\0\0\0\x03\xe8")
        .unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"\x81\x02hi\x82\x02oh\x8a\x01p\x88\x02\x03\xe8");

    assert!(rest(ask(address, "/echo", "other")).starts_with("HTTP/1.1 400 "));
    assert!(rest(ask(address, "/kept", "any")).starts_with("HTTP/1.1 400 "));
    assert!(rest(ask(address, "/any", "v2, v3")).contains("\r\nSec-WebSocket-Protocol: v2\r\n"));

    stop.send(()).unwrap();
    handle.join().unwrap();
}

fn talk(mut websocket: Websocket) {
    while let Some(message) = websocket.next() {
        match message {
            Message::Text(txt) => {
                websocket.send_text(&txt).unwrap();
            }
            Message::Binary(mut bytes) => {
                bytes.reverse();
                websocket.send_binary(&bytes).unwrap();
            }
        }
    }
    assert!(websocket.is_closed());
    match websocket.send_text("late") {
        Ok(()) => panic!("it is closed"),
        Err(SendError::IoError(e)) => panic!("{}", e),
        Err(SendError::Closed) => (),
    }
}

fn keep(request: &Request, websockets: &Mutex<Vec<Receiver<Websocket>>>) -> Response {
    let (response, websocket) = try_or_400!(websocket::start(request, Some("my-subprotocol")));
    websockets.lock().unwrap().push(websocket);
    response
}

fn ask(address: SocketAddr, path: &str, protocol: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        path, protocol
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// All that comes while it is not asked for anything more.
fn rest(mut stream: TcpStream) -> String {
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
