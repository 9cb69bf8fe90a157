//! The example `drain`, stopped while it is busy in both of the ways it offers.

use std::io::Write;

use super::child::Example;
use crate::support::{get, Client};

/// Stops it while it is busy: the one that waits is answered, and the idle one is let go.
fn answers_what_it_owes(stop: impl FnOnce(&mut Example)) {
    let mut drain = Example::start("drain", &[]);
    assert!(drain.line().contains("Enter"));
    assert!(get(drain.addr, "/").text().contains("slept for 0 s"));
    assert_eq!(drain.line(), "/ begins\n");
    assert_eq!(drain.line(), "/ is answered\n");

    let mut idle = Client::connect(drain.addr);
    assert_eq!(idle.get("/?idle").status, 200);
    assert_eq!(drain.line(), "/?idle begins\n");
    assert_eq!(drain.line(), "/?idle is answered\n");
    let mut busy = Client::connect(drain.addr);
    busy.send("GET /?seconds=1 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(drain.line(), "/?seconds=1 begins\n");

    stop(&mut drain);
    assert!(drain.line().starts_with("stopping"));
    idle.closed();
    let reply = busy.response();
    assert_eq!(reply.text(), "slept for 1 s, answered whole\n");
    assert_eq!(reply.header("Connection"), Some("close"));
    busy.closed();
    let rest = drain.ends();
    let order = ["draining", "/?seconds=1 is answered", "every request"];
    let found = order.map(|what| rest.find(what).unwrap_or_else(|| panic!("{what}: {rest}")));
    assert!(found[0] < found[1] && found[1] < found[2], "{rest}");
}

#[test]
fn drain_ends_on_a_line() {
    answers_what_it_owes(|drain| {
        let stdin = drain.stdin.as_mut().unwrap();
        stdin.write_all(b"\n").expect("it reads");
    });
}

#[test]
fn drain_ends_when_its_supervisor_is_gone() {
    answers_what_it_owes(|drain| drop(drain.stdin.take()));
}
