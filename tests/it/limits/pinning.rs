//! No peer blocks the pool or makes the server hold more memory than `Limits` allows (promise 11).
//! The server is a child process, so that its threads and its memory are its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::support::{get, listen, measure, timed, Client, Process};
use millpond::{Request, Response};

const POOL: usize = 4;
/// The main thread and the test's, the one that accepts, and some slack.
const OTHER_THREADS: usize = 6;
const CHILD: &str = "MILLPOND_PINNING_CHILD";
const BIG: usize = 60_000;

fn handler(request: &Request) -> Response {
    if request.url() == "/big" {
        return Response::from_data("text/plain", vec![b'x'; BIG]);
    }
    measure(request)
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn the_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let server = listen(handler).pool_size(POOL);
    println!("\nlistening {}", server.server_addr());
    thread::spawn(move || server.run());
    // Until the parent closes the input, or is gone.
    let _ = std::io::stdin().read(&mut [0; 1]);
    std::process::exit(0);
}

struct Served {
    process: Process,
    addr: SocketAddr,
}

impl Served {
    fn start() -> Served {
        let mut process =
            Process::start(&mut Process::own_test("limits::pinning::the_child", CHILD));
        let addr = process.addr_after("listening ");
        let served = Served { process, addr };
        // Whatever is allocated once is allocated now.
        for _ in 0..20 {
            assert_eq!(get(addr, "/").text(), "0");
            assert_eq!(get(addr, "/big").body.len(), BIG);
        }
        served
    }

    /// Resident memory in KiB.
    fn memory(&self) -> usize {
        self.process.status_number("VmRSS:")
    }
}

/// A client that sends `start`, as much of it as is taken, then a byte now and then.
fn stalled_client(addr: SocketAddr, start: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).expect("a connection");
    stream.set_nonblocking(true).expect("nonblocking");
    let mut sent = 0;
    while sent < start.len() {
        match stream.write(&start[sent..]) {
            Ok(count) => sent += count,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) => panic!("not taken: {e}"),
        }
    }
    stream
}

#[test]
fn fresh_clients_are_answered_whatever_the_others_do() {
    let served = Served::start();
    let memory_before = served.memory();
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nA: b".to_vec();
    let mut upload = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n".to_vec();
    upload.resize(upload.len() + 70_000, b'b');
    let pipelined = b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n".repeat(200);
    let mut dripping = Vec::new();
    let mut silent = Vec::new();
    for _ in 0..100 {
        dripping.push(stalled_client(served.addr, &head));
        dripping.push(stalled_client(served.addr, &upload));
        silent.push(stalled_client(served.addr, &pipelined));
    }
    let done = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&done);
    let drips = thread::spawn(move || {
        while !told.load(Ordering::Relaxed) {
            for mut stream in &dripping {
                let _ = stream.write(b"b");
            }
            thread::sleep(Duration::from_millis(500));
        }
    });
    let mut most_memory = 0;
    let mut most_threads = 0;
    let mut times = Vec::new();
    let mut keeps = Client::connect(served.addr);
    for _ in 0..60 {
        let (reply, took) = timed(|| get(served.addr, "/"));
        assert_eq!(reply.text(), "0");
        times.push(took);
        let (reply, took) = timed(|| keeps.get("/"));
        assert_eq!(reply.text(), "0");
        times.push(took);
        most_memory = most_memory.max(served.memory());
        most_threads = most_threads.max(served.process.threads());
        // Over some seconds, so that the drips are felt and the first ones are ended.
        thread::sleep(Duration::from_millis(50));
    }
    done.store(true, Ordering::Relaxed);
    drips.join().expect("the drips");
    drop(silent);
    times.sort_unstable();
    let (median, most) = (times[times.len() / 2], times[times.len() * 95 / 100]);
    let longest = times[times.len() - 1];
    println!(
        "median {median:?}, 95 % {most:?}, longest {longest:?}, {most_threads} threads, \
         {memory_before} to {most_memory} KiB"
    );
    // The promise is 100 ms for nearly all. The rest is for a machine under load of other tests: a
    // server with a blocked pool answers no client before the guard's five seconds.
    assert!(median < Duration::from_millis(300), "{median:?}");
    assert!(most < Duration::from_millis(1500), "{most:?}");
    let bound = POOL + OTHER_THREADS;
    assert!(most_threads <= bound, "{most_threads} threads");
    // A body up to the buffered size with the bytes read behind it; a response with the requests
    // behind it: 300 connections hold less than 128 KiB each.
    let grown = most_memory.saturating_sub(memory_before);
    assert!(grown < 300 * 128, "{grown} KiB more");
}

#[test]
fn what_a_peer_announces_costs_nothing() {
    let served = Served::start();
    let before = served.memory();
    let post = "POST / HTTP/1.1\r\nHost: a\r\n";
    let mut waiting = Vec::new();
    for _ in 0..50 {
        for refused in [
            "Content-Length: 9000000000000000000\r\n\r\n",
            "Content-Length: 18446744073709551615\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        ] {
            let mut client = Client::connect(served.addr);
            client.send(format!("{post}{refused}"));
            assert_eq!(client.response().status, 413);
            client.closed();
        }
        // Within the limit, but none of it comes.
        for admitted in [
            "Content-Length: 16777216\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nffffff\r\n",
        ] {
            let mut client = Client::connect(served.addr);
            client.send(format!("{post}{admitted}"));
            waiting.push(client);
        }
    }
    assert_eq!(get(served.addr, "/").text(), "0");
    let grown = served.memory().saturating_sub(before);
    println!("{grown} KiB more");
    assert!(grown < 4 * 1024, "{grown} KiB more");
}
