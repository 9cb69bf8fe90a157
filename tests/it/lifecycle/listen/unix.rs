//! HTTP over a Unix socket: the same as over TCP, to the end.

use std::slice;
use std::thread;
use std::time::Duration;

use super::{echo, get, is_refused, serve, Folder, LATE};
use crate::support::{
    eventually, finishes, measure, switch, timed, Barrier, Client, KeepAliveMode, Load, GUARD,
    SLACK,
};
use millpond::{Address, Limits, Request, Response, Server};
use millpond::{Listen, Router, Settings};

/// A server of one Unix socket, in a thread of its own.
struct Running {
    at: Address,
    folder: Folder,
    stop: (thread::JoinHandle<()>, std::sync::mpsc::Sender<()>),
}

fn run<F>(handler: F, limits: Limits) -> Running
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let server = Server::listen_on([at.clone()], handler)
        .unwrap()
        .limits(limits);
    let stop = server.stoppable();
    Running { at, folder, stop }
}

impl Running {
    fn end(self) {
        let (handle, sender) = self.stop;
        drop(sender);
        finishes(GUARD, move || handle.join().unwrap());
        assert!(self.folder.is_empty());
    }
}

#[test]
fn a_client_has_no_address_and_says_so() {
    let server = run(
        |request| {
            assert!(request.is_unix() && !request.remote_addr().ip().is_loopback());
            echo(request)
        },
        Limits::default(),
    );
    assert_eq!(get(&server.at, "/x"), "/x from 0.0.0.0:0");
    server.end();
    let tcp = Server::new("127.0.0.1:0", |request| {
        Response::text(request.is_unix().to_string())
    });
    let tcp = tcp.unwrap();
    let mut client = Client::connect(tcp.server_addr());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tcp.poll();
    assert_eq!(client.response().text(), "false");
}

#[test]
fn a_server_of_unix_sockets_alone_has_no_port() {
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let server = serve(&[&at], &Barrier::default());
    assert_eq!(server.addr(), ([0, 0, 0, 0], 0).into());
    assert_eq!(server.addresses(), [at]);
    let _ = server.stop();
    let server = Server::listen_on([folder.unix("b.sock")], echo).unwrap();
    assert_eq!(server.server_addr(), ([0, 0, 0, 0], 0).into());
}

/// Every client that the kernel connected is answered, and every later client is refused: unlike
/// TCP, a Unix socket has no state in between. So no client that sends in time may be cut.
#[test]
fn stopping_resets_nobody() {
    let mut dropped = 0;
    for _ in 0..20 {
        let server = run(echo, Limits::default());
        let load = Load::on(server.at.clone(), 6, KeepAliveMode::Close);
        load.each_answered(5);
        server.end();
        dropped += load.end().dropped;
    }
    assert!(dropped <= LATE, "{dropped}");
}

#[test]
fn the_backlog_is_answered() {
    for _ in 0..10 {
        let folder = Folder::new();
        let at = folder.unix("a.sock");
        let server = serve(&[&at], &Barrier::default());
        let mut clients: Vec<Client> = (0..60).map(|_| Client::at(&at)).collect();
        for client in &mut clients {
            client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        let stats = server.stats();
        let (drained, took) = timed(|| server.stop());
        assert!(took < SLACK && drained.cut == 0, "{took:?} {drained:?}");
        assert!(stats.accepted <= 60);
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
    }
}

#[test]
fn a_drain_ends_the_idle_and_waits_for_the_busy() {
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let barrier = Barrier::default();
    let server = serve(&[&at], &barrier);
    let mut idle = Client::at(&at);
    idle.get("/");
    let mut half = Client::at(&at);
    half.send("GET / HT");
    let mut busy = Client::at(&at);
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let stopping = thread::spawn(move || server.stop());
    idle.closed();
    assert!(
        is_refused(&at) && folder.is_empty(),
        "closed before the drain"
    );
    assert!(!stopping.is_finished());
    barrier.open();
    let reply = busy.response();
    assert_eq!(reply.text(), "passed");
    assert_eq!(reply.header("Connection"), Some("close"));
    let drained = finishes(GUARD, move || stopping.join().unwrap());
    assert_eq!((drained.answered, drained.cut), (1, 0));
}

#[test]
fn stop_within_cuts_and_counts() {
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let barrier = Barrier::default();
    let server = serve(&[&at], &barrier);
    let mut busy = Client::at(&at);
    busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    barrier.wait_for_arrivals(1);
    let time = Duration::from_millis(100);
    let (drained, took) = timed(|| server.stop_within(time));
    assert!(took < time + SLACK, "{took:?}");
    assert_eq!((drained.answered, drained.cut), (0, 1));
    busy.closed();
    barrier.open();
}

#[test]
fn many_requests_in_a_closed_loop() {
    let server = run(echo, Limits::default());
    let load = Load::on(server.at.clone(), 8, KeepAliveMode::KeepAlive);
    load.each_answered(2_000);
    let tally = load.end();
    assert_eq!(tally.dropped + tally.retried + tally.refused, 0);
    server.end();
}

#[test]
fn pipelined_requests_and_a_client_that_ends_its_side() {
    let server = run(echo, Limits::default());
    let mut client = Client::at(&server.at);
    client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n".repeat(100));
    client.finish_sending();
    for _ in 0..100 {
        assert_eq!(client.response().text(), "/x from 0.0.0.0:0");
    }
    client.closed();
    server.end();
}

#[test]
fn a_large_upload_is_read_whole_and_one_too_large_refused() {
    let server = run(measure, Limits::default());
    let size = 16 << 20;
    let body = vec![b'x'; size];
    let mut client = Client::at(&server.at);
    for _ in 0..2 {
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        ));
        client.send(&body);
        assert_eq!(client.response().text(), size.to_string());
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 100);
    assert_eq!(client.send("123456789").response().text(), "9");
    let more = size + 1;
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {more}\r\n\r\n"
    ));
    // Further bytes of the client are discarded, so that its answer is not lost to a reset.
    let _ = client.try_send(&body[..100_000]);
    assert_eq!(client.response().status, 413);
    server.end();
}

#[test]
fn a_client_that_ends_in_the_middle_of_its_body() {
    let server = run(measure, Limits::default());
    let mut client = Client::at(&server.at);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nhalf");
    client.finish_sending();
    assert_eq!(client.response().status, 400);
    client.closed();
    server.end();
}

/// Neither holds a worker nor loses a byte.
#[test]
fn a_client_that_reads_slowly_is_sent_everything() {
    let body: Vec<u8> = (0..4_000_000u32).map(|n| (n % 251) as u8).collect();
    let sent = body.clone();
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let server = Server::listen_on([at.clone()], move |request| match request.url().as_str() {
        "/large" => Response::from_data("text/plain", sent.clone()),
        _ => Response::text("quick"),
    });
    let server = server.unwrap().pool_size(1);
    let (handle, stop) = server.stoppable();
    let mut slow: Vec<Client> = (0..4).map(|_| Client::at(&at)).collect();
    for client in &mut slow {
        client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    // With the only worker of the pool held by none of them.
    assert_eq!(get(&at, "/"), "quick");
    drop(stop);
    for client in &mut slow {
        assert_eq!(client.response().body, body);
    }
    finishes(GUARD, move || handle.join().unwrap());
}

#[test]
fn a_client_that_does_not_read_is_cut_at_its_rate() {
    let limits = Limits {
        min_write_rate: 1 << 30,
        ..Limits::default()
    };
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let router = Router::default();
    router.fallback(|_| Response::from_data("text/plain", vec![0; 4_000_000]));
    let settings = Settings::default().limits(limits);
    let server = router.serve_managed_on([at.clone()], settings).unwrap();
    let mut client = Client::at(&at);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let reason = millpond::CloseReason::SlowRead;
    finishes(Duration::from_secs(12), move || {
        while server.stats().closed(reason) == 0 {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = server.stop();
    });
    assert!(client.rest().unwrap().len() < 4_000_000);
}

#[test]
fn an_idle_one_and_a_slow_head_have_their_time() {
    let time = Duration::from_millis(200);
    let limits = Limits {
        idle_timeout: time,
        head_timeout: time,
        ..Limits::default()
    };
    let server = run(echo, limits);
    let mut idle = Client::at(&server.at);
    let mut slow = Client::at(&server.at);
    slow.send("GET / HT");
    let ((), took) = timed(|| idle.closed());
    assert!(took < time + SLACK, "{took:?}");
    assert_eq!(slow.response().status, 408);
    server.end();
}

#[test]
fn an_upgraded_connection_goes_on() {
    let server = run(|_| switch(), Limits::default());
    let mut client = Client::at(&server.at);
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nearly");
    assert_eq!(client.head().unwrap().status, 101);
    client.send(" and late").finish_sending();
    // No timeout of the server's is left on it.
    server.end();
    assert_eq!(client.rest().unwrap(), b"early and late");
}

#[test]
fn clients_that_left_the_queue_do_no_harm() {
    let folder = Folder::new();
    let at = folder.unix("a.sock");
    let server = Server::listen_on([at.clone()], echo).unwrap();
    for round in 0..30 {
        let mut client = Client::at(&at);
        match round % 2 {
            0 => drop(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
            _ => drop(client),
        }
    }
    let mut client = Client::at(&at);
    server.poll();
    assert_eq!(client.get("/x").text(), "/x from 0.0.0.0:0");
    eventually("they are gone", || server.stats().open == 1);
}

#[test]
fn a_listener_that_is_given_is_served_and_its_file_left() {
    let folder = Folder::new();
    let path = folder.path("a.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let places = [Listen::from(listener)];
    let router = super::router(&Barrier::default());
    let server = router
        .serve_managed_on(places, Settings::default())
        .unwrap();
    let at = folder.unix("a.sock");
    assert_eq!(server.addresses(), slice::from_ref(&at));
    for _ in 0..3 {
        assert_eq!(get(&at, "/x"), "/x from 0.0.0.0:0");
    }
    let (_, took) = timed(|| server.stop());
    assert!(took < SLACK, "{took:?}");
    assert!(path.exists(), "it is not ours");
    assert!(is_refused(&at));
}
