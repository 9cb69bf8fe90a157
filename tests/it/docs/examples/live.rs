//! The example `live`, through the requests that its page makes.

use std::net::{SocketAddr, TcpListener};

use millpond::Json;

use super::child::{address, Example};
use crate::support::{eventually, get, Client, Reply};

fn ask(addr: SocketAddr, method: &str, path: &str) -> Reply {
    Client::connect(addr).ask(method, path)
}

fn stats(addr: SocketAddr) -> Json {
    Json::parse(get(addr, "/stats").body).expect("JSON")
}

#[test]
fn live_shows_its_numbers() {
    let live = Example::start("live", &[]);
    let page = get(live.addr, "/");
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.text().contains("<title>millpond, live</title>"));
    // The page contains the state, so that it is complete before its script asks for the numbers.
    assert!(page.text().contains("let state = {\"phase\":\"serving\""));
    assert_eq!(get(live.addr, "/hello").status, 200);
    assert_eq!(get(live.addr, "/nowhere").status, 404);
    eventually("the numbers have both", || {
        let stats = stats(live.addr);
        stats["responses"][3].as_u64() == Some(1) && stats["requests"].as_u64() >= Some(3)
    });
    assert_eq!(stats(live.addr)["phase"].as_str(), Some("serving"));
}

#[test]
fn live_grows_and_shrinks() {
    let live = Example::start("live", &[]);
    let mut client = Client::connect(live.addr);
    let route = "/routes?pattern=/users/%7Bid%7D";
    assert_eq!(client.get("/users/7").status, 404);
    assert_eq!(
        client.ask("PUT", &format!("{route}&text=some+body")).status,
        201
    );
    assert_eq!(client.get("/users/7").text(), "some body");
    eventually("the page's list has it", || {
        let stats = stats(live.addr);
        let routes = stats["routes"].as_array();
        let is_it = |route: &Json| route.as_str() == Some("/users/{id}");
        routes.map_or(false, |routes| routes.iter().any(is_it))
    });
    assert_eq!(client.ask("DELETE", route).status, 200);
    assert_eq!(client.get("/users/7").status, 404);

    let refused = client.ask("PUT", "/routes?pattern=users");
    assert_eq!(refused.status, 400);
    assert!(
        refused.text().contains("expected `/` at start"),
        "{refused:?}"
    );
    // The page's own routes are not to be had.
    assert_eq!(client.ask("DELETE", "/routes?pattern=/stats").status, 200);
    assert_eq!(client.get("/stats").status, 200);
}

#[test]
fn live_moves_and_stops() {
    let mut live = Example::start("live", &[]);
    let first = live.addr;
    assert_eq!(
        ask(first, "PUT", "/routes?pattern=/mine&text=mine").status,
        201
    );
    assert_eq!(ask(first, "PUT", "/address?port=0").status, 400);

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(
        ask(first, "PUT", &format!("/address?port={port}")).status,
        202
    );
    assert_eq!(address(&live.line()), first);
    eventually("the error is in the state", || {
        let stats = stats(first);
        stats["phase"].as_str() == Some("serving") && stats["message"].as_str() != Some("")
    });

    let second = moved(&mut live, first);
    assert_eq!(get(second, "/mine").text(), "mine");
    assert!(
        Client::try_connect(first).is_err(),
        "nobody listens there any more"
    );
    eventually("the new address is in the state", || {
        stats(second)["address"].as_str() == Some(&second.to_string())
    });

    // A stop waits for the response in flight.
    let mut slow = Client::connect(second);
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(ask(second, "PUT", "/stop").status, 202);
    assert_eq!(slow.response().text(), "slow, and complete");
    assert!(live.ends().contains(" answered, 0 cut"));
    assert!(
        Client::try_connect(second).is_err(),
        "nobody listens there any more"
    );
}

/// Moves it to a port that was free a moment ago; another one if somebody was quicker.
fn moved(live: &mut Example, from: SocketAddr) -> SocketAddr {
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let to = free.unwrap();
        let reply = ask(from, "PUT", &format!("/address?port={}", to.port()));
        assert_eq!(reply.status, 202);
        if address(&live.line()) == to {
            return to;
        }
    }
    panic!("no free port in ten attempts");
}
