//! A room in which everybody hears everybody: `cargo run --release --example chat [ADDRESS]`.
//! Enter ends it, and all who are there are told.

mod room;

use millpond::{router, websocket, Request, Response, Router};
use room::Room;
use std::time::{Duration, Instant};
use std::{env, error::Error, io, net::ToSocketAddrs, thread};

/// How long those who are told that it ends have to leave.
const PATIENCE: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1);
    let mut addresses = address
        .as_deref()
        .unwrap_or("127.0.0.1:8080")
        .to_socket_addrs()?;
    let (room, router) = (Room::default(), Router::default());
    let inside = room.clone();
    router.fallback(move |request| {
        router!(request,
            (GET) (/) => Response::html(include_str!("page.html")),
            (GET) (/room) => enter(request, &inside),
            _ => Response::empty_404()
        )
    });
    let server = router.serve_managed(addresses.next().ok_or("no such address")?)?;
    println!("http://{}/", server.addr());
    while io::stdin().read_line(&mut String::new())? == 0 {
        thread::park(); // There is nobody to type.
    }
    let monitor = server.monitor();
    server.stop(); // Nobody enters any more; those who are there stay.
    println!("{} were told", room.close());
    let began = Instant::now();
    while monitor.stats().upgraded > 0 && began.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

fn enter(request: &Request, room: &Room) -> Response {
    // Any page can have its visitors' browsers ask; `null` is one that hides what it is.
    let page = request.header("Origin").map(|o| o.split("://").nth(1));
    if page.map_or(false, |host| host != request.header("Host")) {
        return Response::text("another site's page asks\n").with_status_code(403);
    }
    match websocket::start(request, Some("millpond-chat")) {
        Ok((response, receiver)) => {
            let room = room.clone();
            thread::spawn(move || receiver.into_iter().for_each(|socket| room.talk(socket)));
            response
        }
        Err(_) => websocket::refusal(request),
    }
}
