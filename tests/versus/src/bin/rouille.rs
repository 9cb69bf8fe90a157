//! rouille 3.6: a thread for every request, its default, or a pool if a size is given.

use rouille::{Request, Response, Server};
use std::io::Read;
use std::thread;
use std::time::Duration;

fn answer(request: &Request) -> Response {
    match request.raw_url() {
        "/echo" => {
            let mut body = Vec::new();
            match request.data().map(|mut data| data.read_to_end(&mut body)) {
                Some(Ok(_)) => return Response::from_data("application/octet-stream", body),
                _ => return Response::empty_400(),
            }
        }
        "/sleep50" => thread::sleep(Duration::from_millis(50)),
        "/sleep200" => thread::sleep(Duration::from_millis(200)),
        _ => {}
    }
    Response::text("hello world")
}

fn main() {
    let mut args = std::env::args().skip(1);
    let addr = args.next().expect("an address to listen on");
    let server = Server::new(addr, answer).expect("the address is free");
    match args.next() {
        Some(size) => server.pool_size(size.parse().expect("a pool size")).run(),
        None => server.run(),
    }
}
