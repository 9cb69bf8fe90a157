//! An unread body is discarded after its answer, and an error in it gets no second answer.

use crate::support::serve;
use millpond::Response;

/// More than is gathered before the handler runs.
const CHUNK: &str = "11170\r\n";

#[test]
fn a_malformed_rest_of_an_unread_body_ends_the_connection_without_another_answer() {
    let server = serve(|_| Response::text("unread"));
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(CHUNK).send(vec![b'x'; 0x11170]);
    let reply = client.response();
    assert_eq!((reply.status, reply.header("Connection")), (200, None));
    client.send("zz\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.closed();
}

#[test]
fn a_well_formed_rest_of_an_unread_body_is_skipped() {
    let server = serve(|_| Response::text("unread"));
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send(CHUNK).send(vec![b'x'; 0x11170]);
    assert_eq!(client.response().status, 200);
    client.send("\r\n2\r\nyz\r\n0\r\n\r\n");
    assert_eq!(client.get("/").status, 200);
}
