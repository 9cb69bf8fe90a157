//! Promise 6: a route added, replaced or removed is what the next request sees, on open connections
//! too, from any thread and from inside a handler; no lock is held while a handler runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use crate::support::{finishes, get, serve_routes, Barrier, Client, KeepAliveMode, Load, GUARD};
use millpond::{BackgroundServer, Response, Route, Router, Server};

fn says(path: &str, text: &'static str) -> Route {
    Route::get(path).onconnect(move |_| Response::text(text))
}

fn stop(server: BackgroundServer) {
    let drained = finishes(GUARD, || server.stop());
    assert_eq!(drained.cut, 0);
}

#[test]
fn the_next_request_sees_the_change_on_an_open_connection() {
    let mut server = serve_routes(vec![]);
    let mut client = Client::connect(server.addr());
    assert_eq!(client.get("/a").status, 404);
    server
        .mechanism(says("/a", "added"))
        .mechanism(says("/b", "chained"));
    assert_eq!(client.get("/a").text(), "added");
    assert_eq!(client.get("/b").text(), "chained");
    server.mechanism(says("/a", "replaced"));
    assert_eq!(client.get("/a").text(), "replaced");
    assert!(server.router().remove("GET", "/a"));
    assert_eq!(client.get("/a").status, 404);
    assert_eq!(client.get("/b").text(), "chained");
    let old = server.router().replace(vec![says("/c", "swapped")]);
    assert_eq!(client.get("/b").status, 404);
    assert_eq!(client.get("/c").text(), "swapped");
    server.router().replace(old);
    assert_eq!(client.get("/b").text(), "chained");
    server.router().fallback(|_| Response::text("fallback"));
    assert_eq!(client.get("/nowhere").text(), "fallback");
    stop(server);
}

/// Every handle is one on the same routes: the router that was served, its clones, the server's.
#[test]
fn any_handle_changes_them() {
    let mut first = Router::default();
    first.mechanism(says("/before", "before"));
    let mut server = first.serve_managed(([127, 0, 0, 1], 0)).unwrap();
    let mut client = Client::connect(server.addr());
    first.mechanism(says("/first", "first"));
    first.clone().add(says("/clone", "clone"));
    server.router().add(says("/router", "router"));
    server.mechanism(says("/server", "server"));
    for name in ["before", "first", "clone", "router", "server"] {
        assert_eq!(client.get(&format!("/{name}")).text(), name);
    }
    assert_eq!(first.routes().len(), 5);
    stop(server);
}

#[test]
fn from_another_thread() {
    let server = serve_routes(vec![]);
    let mut client = Client::connect(server.addr());
    for round in 0..20 {
        assert_eq!(client.get("/a").status, 404, "round {round}");
        let router = server.router();
        thread::spawn(move || router.add(says("/a", "there")))
            .join()
            .unwrap();
        assert_eq!(client.get("/a").text(), "there", "round {round}");
        let router = server.router();
        thread::spawn(move || router.remove("GET", "/a"))
            .join()
            .unwrap();
    }
    stop(server);
}

/// If a lock were held while a handler runs, this would never end.
#[test]
fn from_inside_a_handler() {
    let server = serve_routes(vec![]);
    let router = server.router();
    let within = router.clone();
    router.add(Route::put("/lamp").onconnect(move |_| {
        within.add(says("/lamp", "on"));
        within.add(Route::delete("/lamp").onconnect({
            let within = within.clone();
            move |_| {
                within.remove("GET", "/lamp");
                within.remove("DELETE", "/lamp"); // itself, while it runs
                Response::empty_204()
            }
        }));
        assert_eq!(within.routes().len(), 3);
        Response::empty_204()
    }));
    let mut client = Client::connect(server.addr());
    for _ in 0..3 {
        assert_eq!(client.ask("PUT", "/lamp").status, 204);
        assert_eq!(client.get("/lamp").text(), "on");
        assert_eq!(client.ask("DELETE", "/lamp").status, 204);
        assert_eq!(client.get("/lamp").status, 405);
        assert_eq!(client.ask("DELETE", "/lamp").status, 405);
    }
    router.replace(vec![]);
    stop(server);
}

#[test]
fn a_running_handler_keeps_nobody_from_changing_them() {
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let slow = Route::get("/slow").onconnect(move |_| {
        at_barrier.wait();
        Response::text("slow")
    });
    let server = serve_routes(vec![slow]);
    let mut slow = Client::connect(server.addr());
    slow.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let router = server.router();
    finishes(GUARD, move || {
        router.add(says("/other", "other"));
        router.add(says("/slow", "replaced"));
    });
    // The request that was matched is answered by the handler it was matched to.
    assert_eq!(get(server.addr(), "/other").text(), "other");
    assert_eq!(get(server.addr(), "/slow").text(), "replaced");
    assert!(server.router().remove("GET", "/slow"));
    barrier.open();
    assert_eq!(slow.response().text(), "slow");
    assert_eq!(slow.get("/slow").status, 404);
    stop(server);
}

/// The two routes are swapped as one: at any moment, a request finds one of them.
#[test]
fn a_swap_under_load_shows_nobody_a_gap() {
    let sets = || {
        let all = |path: &str| Route::get(path).onconnect(|request| Response::text(request.url()));
        [vec![all("/{a}/{b}")], vec![all("/{rest...}")]]
    };
    let [one, _] = sets();
    let server = serve_routes(one);
    let load = Load::on(server.addr(), 4, KeepAliveMode::KeepAlive);
    let over = Arc::new(AtomicBool::new(false));
    let (router, ends) = (server.router(), Arc::clone(&over));
    let swapping = thread::spawn(move || {
        let mut swaps = 0;
        while !ends.load(Ordering::Relaxed) {
            for set in sets() {
                router.replace(set);
                swaps += 1;
            }
        }
        swaps
    });
    load.each_answered(100);
    over.store(true, Ordering::Relaxed);
    assert!(swapping.join().unwrap() > 1);
    let tally = load.end(); // It asserts that every answer was a 200.
    assert_eq!((tally.refused, tally.dropped, tally.retried), (0, 0, 0));
    stop(server);
}

#[test]
fn a_router_is_a_handler_of_any_server() {
    let router = Router::default();
    let live = router.clone();
    let server = Server::new("127.0.0.1:0", move |request| router.handle(request)).unwrap();
    let addr = server.server_addr();
    let (handle, sender) = server.stoppable();
    let mut client = Client::connect(addr);
    assert_eq!(client.get("/a").status, 404);
    live.add(says("/a", "live"));
    assert_eq!(client.get("/a").text(), "live");
    drop(sender);
    finishes(GUARD, move || handle.join().unwrap());
}
