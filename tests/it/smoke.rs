//! Both kinds of server answer at all.

use crate::support::{get, serve, serve_routes};
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
