//! `rebind` under load: from port to port with clients that follow, and on one port between one
//! interface and all of them.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use millpond::{BackgroundServer, Request, Response, Route, Router};

use crate::client::Client;
use crate::load::{Load, Places, Tallies};

/// Longer than any client here leaves a connection unused.
const GRACE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(5);

/// Who is refused has sent nothing, and asks at the next place; all over again after the last.
#[derive(Clone)]
struct Known(Arc<Mutex<Vec<SocketAddr>>>);

impl Known {
    fn set(&self, places: Vec<SocketAddr>) {
        *self.0.lock().expect("nobody panics") = places;
    }
}

impl Places for Known {
    fn connect(&self) -> io::Result<Client> {
        let began = Instant::now();
        loop {
            let places = self.0.lock().expect("nobody panics").clone();
            for place in places {
                match Client::connect(place) {
                    Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                    connected => return connected,
                }
            }
            if began.elapsed() > PATIENCE {
                return Err(ErrorKind::ConnectionRefused.into());
            }
        }
    }
}

fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    let mut data = request.data().expect("nobody else asks for it");
    io::Read::read_to_end(&mut data, &mut body).expect("it comes whole");
    Response::from_data("application/octet-stream", body)
}

fn sleeps(request: &Request) -> Response {
    let ms = request.get_param("ms").and_then(|ms| ms.parse().ok());
    sleep(Duration::from_millis(ms.unwrap_or(0)));
    Response::text("slept\n")
}

fn serve() -> BackgroundServer {
    let router = Router::default();
    router.add(Route::get("/sleep").onconnect(sleeps));
    router.add(Route::get("/large").onconnect(|_| Response::text("millpond".repeat(1 << 17))));
    router.add(Route::post("/echo").onconnect(echo));
    router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port")
}

/// Moves to `next(now)` so often, with clients that know both places beforehand.
fn moves(rounds: u32, next: impl Fn(SocketAddr) -> SocketAddr) -> Tallies {
    let mut server = serve();
    let known = Known(Arc::default());
    known.set(vec![server.addr()]);
    let load = Load::begin(Arc::new(known.clone()));
    for _ in 0..rounds {
        let (old, new) = (server.addr(), next(server.addr()));
        // Whoever finds nobody at the new one yet is served at the old one.
        known.set(vec![reached(new), reached(old)]);
        server.wind_down();
        sleep(GRACE);
        server.rebind(new).expect("nobody else has it");
        sleep(GRACE);
    }
    let tallies = load.end();
    let _ = server.stop();
    tallies
}

/// The address under which a client of this machine reaches it.
fn reached(addr: SocketAddr) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, addr.port()).into()
}

pub fn between_ports(rounds: u32) -> Tallies {
    moves(rounds, |_| {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        free.expect("a free port")
    })
}

pub fn on_one_port(rounds: u32) -> Tallies {
    moves(rounds, |now| {
        let ip = match now.ip().is_loopback() {
            true => Ipv4Addr::UNSPECIFIED,
            false => Ipv4Addr::LOCALHOST,
        };
        (ip, now.port()).into()
    })
}
