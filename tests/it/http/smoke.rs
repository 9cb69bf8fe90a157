//! Both kinds of server answer.

use crate::support::{eventually, get, listen, serve, serve_routes, Client};
use millpond::{Response, Route};

#[test]
fn both_kinds_of_server_answer() {
    let server = serve(|_| Response::text("hello"));
    assert_eq!(server.get("/").text(), "hello");
    let mut client = server.connect();
    assert_eq!(client.get("/").text(), "hello");
    assert_eq!(client.get("/").text(), "hello");

    let managed = serve_routes(vec![Route::get("/a").onconnect(|_| Response::text("a"))]);
    assert_eq!(get(managed.addr(), "/a").text(), "a");
    assert_eq!(managed.stop().cut, 0);
}

#[test]
fn a_server_counts() {
    let server = listen(|_| Response::text("hello"));
    let mut client = Client::connect(server.server_addr());
    server.poll();
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.get("/").status, 200);
    eventually("two answers counted", || server.stats().requests == 2);
    assert_eq!(server.stats().accepted, 1);
    assert_eq!(server.stats().responses, [0, 2, 0, 0, 0]);
}
