//! Websockets over real sockets, with a client that may send anything. `src/extra/websocket/` tests
//! the meaning of the bytes.

mod client;
mod ends;
mod frames;
mod many;
mod threads;
mod waits;

use millpond::websocket::{self, Message, Websocket};
use millpond::{Limits, Request, Response};
use std::sync::mpsc;
use std::thread;

use crate::support::{serve_as, Running, GUARD};
pub use client::{Peer, ASK, CLOSE, TEXT};

/// Every websocket gets a thread that does this.
pub fn serve_sockets(act: impl Fn(Websocket) + Clone + Send + Sync + 'static) -> Running {
    serve_few(Limits::default().max_upgraded, act)
}

/// [`serve_sockets`] with so many at most.
pub fn serve_few(
    max_upgraded: usize,
    act: impl Fn(Websocket) + Clone + Send + Sync + 'static,
) -> Running {
    let limits = Limits {
        max_upgraded,
        ..Limits::default()
    };
    serve_as(move |request| give(request, &act), |s| s.limits(limits))
}

pub fn give(request: &Request, act: &(impl Fn(Websocket) + Clone + Send + 'static)) -> Response {
    match websocket::start(request, None::<&str>) {
        Ok((response, receiver)) => {
            let act = act.clone();
            thread::spawn(move || receiver.into_iter().for_each(act));
            response
        }
        Err(_) => websocket::refusal(request),
    }
}

/// A client, and the websocket to it.
fn one() -> (Running, Peer, Websocket) {
    let (server, sockets) = delivering();
    let peer = Peer::connect(server.addr);
    let socket = sockets.recv_timeout(GUARD).expect("a websocket");
    (server, peer, socket)
}

/// A server whose websockets are handed to the test.
fn delivering() -> (Running, mpsc::Receiver<Websocket>) {
    let (sender, receiver) = mpsc::sync_channel(16);
    let server = serve_sockets(move |socket| sender.send(socket).expect("the test takes it"));
    (server, receiver)
}

/// Everything comes back.
pub fn echo(mut socket: Websocket) {
    while let Some(message) = socket.next() {
        let sent = match message {
            Message::Text(text) => socket.send_text(&text),
            Message::Binary(bytes) => socket.send_binary(&bytes),
        };
        if sent.is_err() {
            break;
        }
    }
}
