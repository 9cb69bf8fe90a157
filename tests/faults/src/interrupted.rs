//! Every other call on a socket is interrupted by a signal (EINTR). Nothing is lost.

use std::thread;

use crate::server::{Server, BIG};

#[test]
fn nothing_is_lost_to_interrupted_calls() {
    let server = Server::under(&[
        "strace",
        "-fqqo/dev/null",
        "-etrace=accept4,recvfrom,sendto,writev",
        "-einject=accept4:error=EINTR:when=1+2",
        "-einject=recvfrom:error=EINTR:when=1+2",
        "-einject=sendto:error=EINTR:when=1+2",
        "-einject=writev:error=EINTR:when=1+2",
    ]);
    let addr = &server;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                for _ in 0..5 {
                    let mut client = addr.connect();
                    for size in [0, 10, 100_000, 300_000] {
                        let reply = client.put("/", &vec![b'b'; size]);
                        assert_eq!(reply.text(), size.to_string());
                    }
                    assert_eq!(client.get("/big").body, vec![b'x'; BIG]);
                }
            });
        }
    });
    server.stop();
}
