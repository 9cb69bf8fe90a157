//! The whole process is stopped for longer than any of its limits and continued, as by a debugger,
//! a terminal or a suspended machine. Kept: whatever came meanwhile is in the kernel, and is read
//! before anybody is judged by the clock. The interrupted waits are real EINTRs, too.
//!
//! The server is a child process: this very test binary.

#![cfg(target_os = "linux")]

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::support::{eventually, timed, Client, SLACK};
use millpond::{Limits, Request, Response, Router, Settings};

const CHILD: &str = "MILLPOND_STOPPED_CHILD";
/// Longer than the limits below, and than the five seconds that rates are judged by.
const STOPPED: Duration = Duration::from_millis(5_500);

/// What an upload begins with.
const PIECE: usize = 70_000;

fn handler(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    let mut first = 0;
    if request.url() == "/upload" {
        // What comes from now on is what its time is judged by.
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

struct Stopped(Child, BufReader<std::process::ChildStdout>);

impl Stopped {
    fn start() -> (Stopped, SocketAddr) {
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .args([
                "--exact",
                "hostile::faults::stopped::the_child",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let says = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut stopped = Stopped(child, says);
        let addr = stopped.hear("addr ").parse().expect("an address");
        (stopped, addr)
    }

    /// The rest of the next line that begins so.
    fn hear(&mut self, start: &str) -> String {
        let lines = self.1.by_ref().lines().map(|line| line.expect("a line"));
        let mut found = lines.filter_map(|line| line.strip_prefix(start).map(str::to_owned));
        found.next().expect("the child speaks")
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.0.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("a shell").success(), "{kill}");
    }

    /// One thread takes the signal and has the others stop: until then they go on.
    fn is_stopped(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).expect("its threads");
        let mut states = tasks.map(|task| {
            let stat = task.expect("a thread").path().join("stat");
            fs::read_to_string(stat).expect("its state")
        });
        states.all(|stat| stat.contains(") T "))
    }

    fn end(mut self) -> String {
        drop(self.0.stdin.take());
        let cut = self.hear("cut ");
        assert!(self.0.wait().expect("its end").success());
        cut
    }
}

/// A test that failed leaves no process behind.
impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
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
    server.hear("uploading");
    server.hear("uploading");
    let mut bodies = [body(), body()];
    let mut heads = [connect("GET / HTT".into()), connect("GET / HTT".into())];
    let mut idle = [connect(get.into()), connect(get.into())];
    for client in &mut idle {
        assert_eq!(client.response().text(), "0");
    }
    server.signal("STOP");
    eventually("all of it is stopped", || server.is_stopped());
    uploads[0].send(vec![b'b'; 20_000]);
    bodies[0].send(vec![b'b'; 1_999]);
    heads[0].send(&get[9..]);
    idle[0].send(get);
    let mut fresh = connect(get.into());
    // What is to be seen is what becomes of a time without a server.
    thread::sleep(STOPPED);
    server.signal("CONT");
    let ((), took) = timed(|| {
        assert_eq!(uploads[0].response().text(), "90000");
        assert_eq!(bodies[0].response().text(), "2000");
        assert_eq!(heads[0].response().text(), "0");
        assert_eq!(idle[0].response().text(), "0");
        assert_eq!(fresh.response().text(), "0");
        // Those who had their time and did not use it.
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
