//! Accepting fails, for each reason that the kernel has. The listener and every connection stay,
//! and the next client is accepted. When descriptors or memory are short, the connection that has
//! been idle longest is closed.

use std::thread;

use crate::server::Server;
use crate::support::Client;

/// The number of accepts that fail after the first. The pauses of 227 ms between them are longer
/// than the time in which a new connection is not yet closed as idle.
const FAILS: u64 = 8;

/// A server whose first accept succeeds, and a client that has its answer.
fn failing(error: &str) -> (Server, Client) {
    let inject = format!("inject=accept4:error={error}:when=2..{}", FAILS + 1);
    let server = Server::under(&["strace", "-fqqo/dev/null", "-etrace=accept4", "-e", &inject]);
    let mut first = server.connect();
    assert_eq!(first.get("/").text(), "0", "{error}");
    (server, first)
}

fn each(errors: &[&'static str], check: fn(&'static str)) {
    let threads: Vec<_> = errors
        .iter()
        .map(|&error| (error, thread::spawn(move || check(error))))
        .collect();
    for (error, thread) in threads {
        assert!(thread.join().is_ok(), "{error}");
    }
}

#[test]
fn without_descriptors_or_memory_the_idlest_makes_room() {
    each(&["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS"], |error| {
        let (mut server, mut first) = failing(error);
        first.closed_without_reset();
        let mut second = server.connect();
        assert_eq!(second.get("/").text(), "0");
        assert_eq!(second.get("/").text(), "0");
        assert_eq!(server.number("errors"), FAILS);
        assert_eq!(server.stop(), FAILS);
    });
}

#[test]
fn what_is_wrong_with_one_connection_costs_no_other() {
    let errors = [
        "ECONNABORTED",
        "EPROTO",
        "ENETDOWN",
        "EHOSTUNREACH",
        "EPERM",
    ];
    each(&errors, |error| {
        let (mut server, mut first) = failing(error);
        let mut second = server.connect();
        assert_eq!(second.get("/").text(), "0");
        assert_eq!(server.number("errors"), FAILS);
        assert_eq!(first.get("/").text(), "0");
        assert_eq!(server.stop(), FAILS);
    });
}

/// The third accept is the first after the one that ends the waiting.
#[test]
fn a_failure_is_told_also_when_the_queue_is_emptied_at_the_end() {
    let inject = "inject=accept4:error=EPROTO:when=3";
    let server = Server::under(&["strace", "-fqqo/dev/null", "-etrace=accept4", "-e", inject]);
    assert_eq!(server.get("/").text(), "0");
    assert_eq!(server.stop(), 1);
}

#[test]
fn an_interrupted_or_timed_out_accept_is_no_failure() {
    each(&["EINTR", "EAGAIN"], |error| {
        let (mut server, mut first) = failing(error);
        assert_eq!(server.get("/").text(), "0");
        assert_eq!(server.number("errors"), 0);
        assert_eq!(first.get("/").text(), "0");
        assert_eq!(server.stop(), 0);
    });
}
