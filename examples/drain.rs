//! The end of a rolling update: new clients are sent elsewhere already, and this instance goes when
//! it has answered the last one. `cargo run --release --example drain [ADDRESS]`; Enter stops it.
//!
//! std knows no signals. What says stop here is the standard input: a line from you or from the
//! supervisor that holds the other end, or its end should that supervisor be gone. A URL for it
//! would let everybody who reaches the port stop the server.
//!
//! The port stays open to the end, and who comes after the last poll is cut off with it. Where
//! clients may still come, take `Server::stoppable`: it closes the port before it drains.

use millpond::{Response, Server};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let address = std::env::args().nth(1);
    let address = address.as_deref().unwrap_or("127.0.0.1:8080");
    let server = Server::new(address, |request| {
        let seconds = request.get_param("seconds").and_then(|n| n.parse().ok());
        let seconds: u8 = seconds.unwrap_or(0);
        println!("{} begins", request.raw_url());
        std::thread::sleep(Duration::from_secs(seconds.into()));
        println!("{} is answered", request.raw_url());
        Response::text(format!("slept for {} s, answered whole\n", seconds))
    })?;
    println!("http://{}/", server.server_addr());
    println!("/?seconds=5 takes its time; Enter stops the server");

    let stopping = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopping);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_line(&mut String::new());
        told.store(true, Ordering::Relaxed);
    });
    let is_stopping = || stopping.load(Ordering::Relaxed);

    while !is_stopping() {
        server.poll_timeout(Duration::from_millis(100));
    }
    println!("stopping: taking in the connections that are queued");
    server.poll_timeout(Duration::from_millis(100));
    println!("draining: waiting for the requests in flight");
    let began = Instant::now();
    server.join();
    let answered = server.stats().requests;
    println!(
        "every request was answered, {} in all, {:.1?} later",
        answered,
        began.elapsed()
    );
    Ok(())
}
