//! A page that shows a server and changes it while it runs:
//! `cargo run --release --example live [ADDRESS]`.
//!
//! `rebind` and `stop` wait for the requests in flight. A handler that called them would wait for
//! itself, so it leaves an order with this thread, which answers no request.

mod site;

use millpond::{BackgroundServer, Response, Route, Router};
use site::{Board, Order};
use std::{env, error::Error, net::ToSocketAddrs, sync::mpsc, thread, time::Duration};

/// Pages ask for news as often as this.
const TICK: Duration = Duration::from_millis(250);

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let mut addresses = address
        .as_deref()
        .unwrap_or("127.0.0.1:8080")
        .to_socket_addrs()?;
    let (orders, received) = mpsc::sync_channel(1);
    let (board, mut routes) = (Board::default(), Router::default());
    routes
        .mechanism(Route::get("/hello").onconnect(|_| Response::text("hello from the pond")))
        .mechanism(Route::get("/slow").onconnect(|_| {
            thread::sleep(Duration::from_secs(3));
            Response::text("slow, and whole all the same")
        }));
    let site = site::new(routes.clone(), board.clone(), orders);
    let mut server = site.serve_managed(addresses.next().ok_or("no such address")?)?;
    println!("http://{}/", server.addr());
    let publish = |server: &BackgroundServer, state: &str, word: &str| {
        *board.lock().unwrap() = site::news(server, &routes, state, word);
    };
    let mut failure = String::new();
    loop {
        publish(&server, "serving", &failure);
        match received.recv_timeout(TICK) {
            Ok(Order::Move(port)) => {
                // Every page is to hear of it before the old address falls silent.
                publish(&server, "moving", &port.to_string());
                thread::sleep(2 * TICK);
                let moved = server.rebind((server.addr().ip(), port.get()));
                failure = moved.map_or_else(|error| error.to_string(), |()| String::new());
                println!("http://{}/ {}", server.addr(), failure);
            }
            Ok(Order::Stop) => break,
            Err(_) => {} // Nothing was ordered: time for new numbers.
        }
    }
    publish(&server, "stopping", "");
    thread::sleep(2 * TICK);
    println!("{}", server.stop());
    Ok(())
}
