//! Nothing is left behind at the end: no process, no zombie, no descriptor, neither of scripts nor
//! of other servers. Long bodies take a bounded amount of memory. All this is counted in a process
//! of its own.

use std::env;
use std::fs;
use std::io::Read;
use std::thread;
use std::time::Duration;

use super::{answer, sh};
use crate::support::{eventually, get, serve, Client, Process};
use millpond::proxy::{full_proxy, ProxyConfig};
use millpond::{Request, Response, ResponseBody};

const LONG: usize = 128 << 20;
const CHILD: &str = "MILLPOND_TEST_LEFT";

#[test]
fn nothing_is_left_behind() {
    // The numbers are in /proc.
    if !cfg!(target_os = "linux") {
        return;
    }
    if env::var_os(CHILD).is_some() {
        return count();
    }
    let child = Process::own_test("extras::cgi::left::nothing_is_left_behind", CHILD)
        .output()
        .expect("a child");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (output, errors) = (text(&child.stdout), text(&child.stderr));
    assert!(child.status.success(), "{output}\n{errors}");
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("a folder").count()
}

/// The children of this process that have not been waited for.
fn children() -> usize {
    let own = std::process::id();
    let all = fs::read_dir("/proc").expect("a folder");
    let stats = all.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let parents = stats.filter_map(|stat| {
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(1)?.parse::<u32>().ok()
    });
    parents.filter(|&parent| parent == own).count()
}

/// The most memory there ever was, in KiB.
fn memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("a file");
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let words = line.and_then(|line| line.split_ascii_whitespace().nth(1));
    words
        .and_then(|count| count.parse().ok())
        .expect("a number")
}

/// Takes so much of an answer that has no end.
fn take(addr: std::net::SocketAddr, path: &str, count: usize) {
    let mut client = Client::connect(addr);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    let mut piece = vec![0; 64 * 1024];
    let mut taken = 0;
    while taken < count {
        match client.stream.read(&mut piece).expect("more of it") {
            0 => panic!("it ended"),
            more => taken += more,
        }
    }
}

struct Endless;

impl Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        buf.fill(b'x');
        Ok(buf.len())
    }
}

fn handle(request: &Request) -> Response {
    let script = match request.url().as_str() {
        "/short" => "echo Status: 200; echo; echo hi",
        "/none" => "exit 1",
        "/endless" => "echo Status: 200; echo; exec cat /dev/zero",
        "/unread" => "echo Status: 200; echo; echo hi",
        "/no-body" => "echo Status: 204; echo; exec cat /dev/zero",
        _ => "cat >/dev/null; echo Status: 200; echo; echo hi",
    };
    answer(request, sh(script))
}

fn count() {
    let inner = serve(|request| match request.url().as_str() {
        "/endless" => Response {
            data: ResponseBody::from_reader(Endless),
            ..Response::text("")
        },
        _ => Response::text("hi"),
    });
    let addr = inner.addr;
    let server = serve(move |request| match request.remove_prefix("/proxy") {
        Some(request) => {
            let replace_host = None;
            full_proxy(&request, ProxyConfig { addr, replace_host }).expect("a response")
        }
        None => handle(request),
    });
    // Whatever is opened once is open now.
    get(server.addr, "/short");
    get(server.addr, "/proxy/short");
    settled();
    let before = descriptors();
    let clients = (0..6).map(|_| {
        let addr = server.addr;
        thread::spawn(move || {
            for _ in 0..5 {
                all_sorts(addr);
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().expect("a client");
    }
    // Two such bodies at once, in less than an eighth of one.
    let before_bodies = memory();
    let both = ["/endless", "/proxy/endless"].map(|path| {
        let addr = server.addr;
        thread::spawn(move || take(addr, path, LONG))
    });
    for body in both {
        body.join().expect("a client");
    }
    let more = memory() - before_bodies;
    assert!(more < LONG / 8 / 1024, "{more} KiB more");
    settled();
    eventually("no more descriptors are open than before", || {
        descriptors() <= before
    });
}

fn settled() {
    eventually("no child is left", || {
        thread::sleep(Duration::from_millis(5));
        children() == 0
    });
}

fn all_sorts(addr: std::net::SocketAddr) {
    for path in ["/short", "/none", "/no-body", "/proxy/short"] {
        get(addr, path);
    }
    // Clients that leave in the middle of a response, or in the middle of their request.
    for path in ["/endless", "/proxy/endless"] {
        let mut client = Client::connect(addr);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client.take(100_000).expect("some of it");
    }
    for path in ["/read", "/unread", "/proxy/read"] {
        let mut client = Client::connect(addr);
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
        ));
        let _ = client.try_send(vec![b'x'; 200_000]);
    }
}
