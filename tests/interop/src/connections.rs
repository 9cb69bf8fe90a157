//! Connections that are kept, many at once, and servers that change while they are open.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use millpond::{BackgroundServer, CloseReason, Limits, Response, Route};
use ureq::Agent;

use crate::agents::{agent, agent_with, echo, serve, serve_within, url};
use crate::support::eventually;

fn hello() -> Route {
    Route::get("/").onconnect(|_| Response::text("hello"))
}

fn get(agent: &Agent, url: String) -> (u16, String) {
    let mut response = agent.get(url).call().unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    (response.status().as_u16(), text)
}

#[test]
fn one_connection_serves_many_requests() {
    let server = serve(vec![hello(), Route::post("/").onconnect(echo)]);
    let agent = agent();
    for i in 0..100 {
        assert_eq!(get(&agent, url(&server, "/")), (200, "hello".to_owned()));
        let body = format!("{i}").repeat(i * 30);
        let mut response = agent.post(url(&server, "/")).send(&body).unwrap();
        assert_eq!(response.body_mut().read_to_string().unwrap(), body);
    }
    let stats = server.stats();
    assert_eq!((stats.accepted, stats.requests), (1, 200));
}

#[test]
fn a_body_nobody_reads_does_not_cost_the_connection() {
    let ignore = |_: &_| Response::text("ignored");
    let server = serve(vec![hello(), Route::post("/").onconnect(ignore)]);
    let agent = agent();
    for size in [1, 65_536, 65_537, 200_000] {
        let body = vec![b'G'; size];
        let mut response = agent.post(url(&server, "/")).send(&body[..]).unwrap();
        assert_eq!(response.body_mut().read_to_string().unwrap(), "ignored");
        assert_eq!(get(&agent, url(&server, "/")), (200, "hello".to_owned()));
    }
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn a_client_that_asks_to_close_is_closed() {
    let server = serve(vec![hello()]);
    let agent = agent();
    for _ in 0..5 {
        let get = agent.get(url(&server, "/")).header("Connection", "close");
        let mut response = get.call().unwrap();
        assert_eq!(response.headers()["connection"], "close");
        assert_eq!(response.body_mut().read_to_string().unwrap(), "hello");
    }
    assert_eq!(server.stats().accepted, 5);
    eventually("five closed because asked to", || {
        server.stats().closed(CloseReason::Asked) == 5
    });
}

#[test]
fn an_agent_gets_over_a_connection_that_was_closed_meanwhile() {
    let limits = Limits {
        idle_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let server = serve_within(limits, vec![hello()]);
    let agent = agent();
    for round in 1..=3 {
        assert_eq!(get(&agent, url(&server, "/")), (200, "hello".to_owned()));
        eventually("closed for being idle", || {
            server.stats().closed(CloseReason::Idle) == round
        });
    }
    assert_eq!(server.stats().accepted, 3);
}

/// 20 threads begin at once; each posts 40 bodies of its own and checks the responses.
fn crowd(server: &BackgroundServer, agent: impl Fn() -> Agent) {
    const THREADS: usize = 20;
    let begin = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (agent, begin, url) = (agent(), Arc::clone(&begin), url(server, "/"));
            thread::spawn(move || {
                begin.wait();
                for i in 0..40usize {
                    // From 8 bytes to about 90 KiB: some gathered, some read by the handler.
                    let body = format!("{thread:4}{i:4}").repeat(1 + i * i * 7);
                    let mut response = agent.post(&url).send(&body).unwrap();
                    assert_eq!(response.status(), 200);
                    let came = response.body_mut().read_to_string().unwrap();
                    assert!(came == body, "thread {thread} got another's body");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(server.stats().requests, 20 * 40);
}

#[test]
fn twenty_threads_get_their_own_answers() {
    let server = serve(vec![Route::post("/").onconnect(echo)]);
    crowd(&server, agent);
    assert_eq!(server.stats().accepted, 20);
}

#[test]
fn twenty_threads_share_one_agent() {
    let server = serve(vec![Route::post("/").onconnect(echo)]);
    let shared = agent_with(|config| {
        config
            .max_idle_connections(20)
            .max_idle_connections_per_host(20)
    });
    crowd(&server, || shared.clone());
    let accepted = server.stats().accepted;
    assert!(accepted <= 20, "{accepted} connections for 20 threads");
}

#[test]
fn twenty_threads_without_keep_alive_are_all_answered() {
    let server = serve(vec![Route::post("/").onconnect(echo)]);
    crowd(&server, || {
        agent_with(|config| config.max_idle_connections(0))
    });
    assert_eq!(server.stats().accepted, 20 * 40);
}

#[test]
fn a_live_route_is_seen_on_the_open_connection() {
    let mut server = serve(vec![hello()]);
    let agent = agent();
    let later = url(&server, "/later");
    assert_eq!(get(&agent, url(&server, "/")).0, 200);
    assert_eq!(get(&agent, later.clone()).0, 404);
    server.mechanism(Route::get("/later").onconnect(|_| Response::text("one")));
    assert_eq!(get(&agent, later.clone()), (200, "one".to_owned()));
    server.mechanism(Route::get("/later").onconnect(|_| Response::text("two")));
    assert_eq!(get(&agent, later.clone()), (200, "two".to_owned()));
    assert!(server.router().remove("GET", "/later"));
    assert_eq!(get(&agent, later).0, 404);
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn a_server_that_moved_brings_its_routes() {
    let mut server = serve(vec![hello()]);
    let agent = agent();
    let old = url(&server, "/live");
    server.mechanism(Route::get("/live").onconnect(|_| Response::text("live")));
    assert_eq!(get(&agent, old.clone()), (200, "live".to_owned()));

    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    let new = url(&server, "/live");
    assert_ne!(old, new);
    assert_eq!(get(&agent, new.clone()), (200, "live".to_owned()));
    assert_eq!(get(&agent, url(&server, "/")), (200, "hello".to_owned()));
    match agent.get(old).call() {
        Err(ureq::Error::ConnectionFailed | ureq::Error::Io(_)) => {}
        other => panic!("the old address still answers: {other:?}"),
    }
    assert_eq!(server.stats().accepted, 2);

    let _ = server.stop();
    assert!(agent.get(new).call().is_err(), "it was stopped");
}

#[test]
fn a_download_survives_the_move() {
    use crate::agents::{Patterned, MOST};
    use millpond::ResponseBody;
    // More than the buffers of two sockets hold.
    const LENGTH: u64 = 2 * MOST;

    let mut server = serve(vec![Route::get("/").onconnect(|_| Response {
        data: ResponseBody::from_reader(Patterned::of(LENGTH)),
        ..Response::text("")
    })]);
    let began = Arc::new(Barrier::new(2));
    let (first, url) = (Arc::clone(&began), url(&server, "/"));
    let client = thread::spawn(move || {
        let mut response = agent().get(url).call().unwrap();
        first.wait();
        let mut body = response.body_mut().as_reader();
        std::io::copy(&mut body, &mut Patterned::default())
    });
    began.wait();
    // It returns when the download, which is in flight, is whole.
    server.rebind(([127, 0, 0, 1], 0)).unwrap();
    assert_eq!(client.join().unwrap().unwrap(), LENGTH);
    assert_eq!(server.stats().closed(CloseReason::Drained), 1);
}
