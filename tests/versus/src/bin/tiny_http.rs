//! tiny_http 0.12: four threads around `recv`, as its own example has it.

use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tiny_http::{Request, Response, Server};

fn main() {
    let addr = std::env::args().nth(1).expect("an address to listen on");
    let server = Arc::new(Server::http(addr).expect("the address is free"));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            thread::spawn(move || server.incoming_requests().for_each(answer))
        })
        .collect();
    for thread in threads {
        thread.join().expect("the handlers do not panic");
    }
}

fn answer(mut request: Request) {
    match request.url() {
        "/echo" => {
            let mut body = Vec::new();
            // An error means that the client has left: there is no reader of an answer.
            if request.as_reader().read_to_end(&mut body).is_ok() {
                let _ = request.respond(Response::from_data(body));
            }
            return;
        }
        "/sleep50" => thread::sleep(Duration::from_millis(50)),
        "/sleep200" => thread::sleep(Duration::from_millis(200)),
        _ => {}
    }
    let _ = request.respond(Response::from_string("hello world"));
}
