//! Promise 9: dropping a `BackgroundServer` leaves it running; dropping a `Server` closes its
//! listener and its idle connections at once, lets requests in flight finish, and does not block.

use std::net::TcpListener;

use crate::support::{eventually, get, listen, serve_routes, timed, Barrier, Client, SLACK};
use millpond::{Request, Response, Route};

const LARGE: usize = 8 << 20;

fn answer(barrier: &Barrier) -> impl Fn(&Request) -> Response {
    let barrier = barrier.clone();
    move |request| match request.raw_url() {
        "/wait" => {
            barrier.wait();
            Response::text("passed")
        }
        "/large" => Response::from_data("a/b", vec![b'x'; LARGE]),
        _ => Response::text(request.url()),
    }
}

#[test]
fn a_background_server_goes_on() {
    let server = serve_routes(vec![Route::get("/").onconnect(|_| Response::text("on"))]);
    let (addr, router) = (server.addr(), server.router());
    let mut client = Client::connect(addr);
    assert_eq!(client.get("/").text(), "on");
    drop(server);
    for _ in 0..3 {
        assert_eq!(client.get("/").text(), "on");
        assert_eq!(get(addr, "/").text(), "on");
    }
    router.add(Route::get("/later").onconnect(|_| Response::text("later")));
    assert_eq!(client.get("/later").text(), "later");
    drop(router);
    assert_eq!(get(addr, "/later").text(), "later");
    assert!(TcpListener::bind(addr).is_err());
}

#[test]
fn a_server_closes_its_listener_at_once() {
    let server = listen(answer(&Barrier::default()));
    let addr = server.server_addr();
    let ((), took) = timed(|| drop(server));
    assert!(took < SLACK, "{took:?}");
    TcpListener::bind(addr).expect("the port is free again");
}

#[test]
fn a_server_closes_its_idle_connections_at_once() {
    let server = listen(answer(&Barrier::default()));
    let addr = server.server_addr();
    let mut clients: Vec<Client> = (0..10).map(|_| Client::connect(addr)).collect();
    server.poll();
    for client in &mut clients[1..] {
        assert_eq!(client.get("/").text(), "/");
    }
    clients[9].send("GET / HTT"); // Half a request is nothing to wait for.
    let ((), took) = timed(|| drop(server));
    assert!(took < SLACK, "{took:?}");
    let ((), took) = timed(|| clients.iter_mut().for_each(Client::closed));
    assert!(took < SLACK, "{took:?}");
}

#[test]
fn a_server_lets_requests_in_flight_finish_and_does_not_wait_for_them() {
    let barrier = Barrier::default();
    let server = listen(answer(&barrier));
    let addr = server.server_addr();
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(addr)).collect();
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    let mut large = Client::connect(addr);
    large.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    server.poll();
    barrier.wait_for_arrivals(5);
    let head = large.head().unwrap();
    let ((), took) = timed(|| drop(server));
    assert!(took < SLACK, "{took:?}");
    TcpListener::bind(addr).expect("the port is free again");
    barrier.open();
    for client in &mut clients {
        let reply = client.response();
        assert_eq!(reply.text(), "passed");
        assert_eq!(reply.header("Connection"), Some("close"));
        client.closed();
    }
    assert_eq!(large.body(&head).unwrap().len(), LARGE);
    large.closed();
}

/// Its threads end and the handler's values are dropped, once no request is left.
#[test]
fn a_server_lets_go_of_its_handler() {
    let owned = std::sync::Arc::new(());
    let kept = std::sync::Arc::clone(&owned);
    let server = listen(move |_: &Request| {
        let _ = &kept;
        Response::text("")
    });
    let mut client = Client::connect(server.server_addr());
    server.poll();
    client.get("/");
    drop(server);
    client.closed();
    eventually("the handler is dropped", || {
        std::sync::Arc::strong_count(&owned) == 1
    });
}
