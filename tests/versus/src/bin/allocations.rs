//! The number of allocations of millpond for a request, beside those of the handler's own response:
//! `cargo run --release --features millpond --bin allocations`. The client runs in this process
//! too, and allocates nothing while it is counted.

use millpond::{Response, Server};
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is handed on to `System` as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        System.alloc(layout)
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        System.dealloc(ptr, layout)
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        System.realloc(ptr, layout, size)
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REQUESTS: u64 = 10_000;

/// Allocations for each of many requests, one after the other, on one connection.
fn per_request(addr: std::net::SocketAddr, target: &str, response_end: &[u8]) -> f64 {
    let mut stream = TcpStream::connect(addr).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .expect("a timeout can be set");
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nUser-Agent: counted\r\n\r\n");
    let mut buf = [0; 4096];
    let mut ask = |times: u64| {
        for _ in 0..times {
            stream
                .write_all(request.as_bytes())
                .expect("the request is sent");
            let mut have = 0;
            while !buf[..have].ends_with(response_end) {
                have += stream.read(&mut buf[have..]).expect("the answer comes");
            }
        }
    };
    // The first ones fill what is used again and again.
    ask(1_000);
    let before = COUNT.load(Ordering::Relaxed);
    ask(REQUESTS);
    (COUNT.load(Ordering::Relaxed) - before) as f64 / REQUESTS as f64
}

fn main() {
    let server = Server::new("127.0.0.1:0", |request| match request.raw_url() {
        "/empty" => Response::empty_404(),
        _ => Response::text("hello world"),
    });
    let server = server.expect("the address is free");
    let addr = server.server_addr();
    std::thread::spawn(move || server.run());

    let before = COUNT.load(Ordering::Relaxed);
    drop(Response::text("hello world"));
    let text = COUNT.load(Ordering::Relaxed) - before;
    println!("a response of text alone: {text} allocations");
    let served = per_request(addr, "/", b"hello world");
    println!("a request answered with it: {served:.4}");
    println!("the server's own part: {:.4}", served - text as f64);
    let empty = per_request(addr, "/empty", b"\r\n\r\n");
    println!("a request answered without a body or a header: {empty:.4}");
}
