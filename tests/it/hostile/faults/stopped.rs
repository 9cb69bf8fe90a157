//! The whole process is stopped for longer than any of its limits and continued, as by a debugger,
//! a terminal or a suspended machine. Bytes that arrived meanwhile are in the kernel, and the
//! server reads them before it applies a deadline. The interrupted waits return real EINTRs, too.
//!
//! The server is a child process: this very test binary.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use crate::support::{eventually, timed, Client, Process, SLACK};
use millpond::{Limits, Request, Response, Router, Settings};

const CHILD: &str = "MILLPOND_STOPPED_CHILD";
/// Longer than the limits below, and than the five seconds that rates are judged by.
const STOPPED: Duration = Duration::from_millis(5_500);

/// The beginning of an upload.
const PIECE: usize = 70_000;

fn handler(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    let mut first = 0;
    if request.url() == "/upload" {
        // The rate of the upload is measured from here.
        let taken = io::copy(&mut data.by_ref().take(PIECE as u64), &mut io::sink());
        first = taken.expect("the first piece");
        println!("\nuploading");
    }
    match io::copy(&mut data, &mut io::sink()) {
        Ok(count) => Response::text((first + count).to_string()),
        Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
    }
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn the_child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let router = Router::default();
    router.fallback(handler);
    let limits = Limits {
        head_timeout: Duration::from_secs(2),
        idle_timeout: Duration::from_secs(3),
        ..Limits::default()
    };
    let settings = Settings::default().pool_size(16).limits(limits);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    println!("\naddr {}", server.addr());
    // Until the parent has seen enough, or is gone.
    let _ = io::stdin().read(&mut [0; 1]);
    let errors = server.stats().accept_errors;
    println!("\ncut {} errors {errors}", server.stop().cut);
}

struct Stopped(Process);

impl Stopped {
    fn start() -> (Stopped, SocketAddr) {
        let name = "hostile::faults::stopped::the_child";
        let mut process = Process::start(&mut Process::own_test(name, CHILD));
        let addr = process.addr_after("addr ");
        (Stopped(process), addr)
    }

    /// One thread takes the signal and stops the others, which go on until then.
    fn is_stopped(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.pid())).expect("its threads");
        let mut states = tasks.map(|task| {
            let stat = task.expect("a thread").path().join("stat");
            fs::read_to_string(stat).expect("its state")
        });
        states.all(|stat| stat.contains(") T "))
    }

    fn end(mut self) -> String {
        self.0.close_input();
        let cut = self.0.line_after("cut ");
        self.0.ends();
        cut
    }
}

#[test]
fn what_came_while_the_process_was_stopped_is_answered() {
    let (mut server, addr) = Stopped::start();
    let connect = |part: String| {
        let mut client = Client::connect(addr);
        client.send(part);
        client
    };
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let upload = || {
        let mut client =
            connect("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n".into());
        client.send(vec![b'b'; PIECE]);
        client
    };
    let body = || connect("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\nb".into());
    // Pairs: one that goes on while the server is stopped, and one that does not.
    let mut uploads = [upload(), upload()];
    server.0.line_after("uploading");
    server.0.line_after("uploading");
    let mut bodies = [body(), body()];
    let mut heads = [connect("GET / HTT".into()), connect("GET / HTT".into())];
    let mut idle = [connect(get.into()), connect(get.into())];
    for client in &mut idle {
        assert_eq!(client.response().text(), "0");
    }
    server.0.signal("STOP");
    eventually("all of it is stopped", || server.is_stopped());
    uploads[0].send(vec![b'b'; 20_000]);
    bodies[0].send(vec![b'b'; 1_999]);
    heads[0].send(&get[9..]);
    idle[0].send(get);
    let mut fresh = connect(get.into());
    // The test is about the time without a server.
    thread::sleep(STOPPED);
    server.0.signal("CONT");
    let ((), took) = timed(|| {
        assert_eq!(uploads[0].response().text(), "90000");
        assert_eq!(bodies[0].response().text(), "2000");
        assert_eq!(heads[0].response().text(), "0");
        assert_eq!(idle[0].response().text(), "0");
        assert_eq!(fresh.response().text(), "0");
        // The clients that had the time and did not use it.
        assert_eq!(bodies[1].response().status, 408);
        assert_eq!(heads[1].response().status, 408);
        idle[1].closed();
        assert_eq!(uploads[1].response().status, 408);
    });
    assert!(took < SLACK * 2, "{took:?}");
    assert_eq!(idle[0].get("/").text(), "0");
    assert_eq!(Client::connect(addr).get("/").text(), "0");
    assert_eq!(server.end(), "0 errors 0");
}
