//! A server moves under load: from port to port with clients that follow, listening at both for a
//! while; and on one port, between one interface and all of them. The latter has one socket that
//! changes its admission, or one socket after the other, with a moment in which no socket listens.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use millpond::{BackgroundServer, Listen, Request, Response, Route, Router, Settings};

use crate::load::{ask, Load, Places, Tallies};
use crate::support::Client;

/// Longer than any client here leaves a connection unused.
const GRACE: Duration = Duration::from_millis(150);
const MAX_WAIT: Duration = Duration::from_secs(5);
const ANY_PORT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A refused client has sent nothing, and tries the next address; after the last, the first again.
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
                match Client::try_connect(place) {
                    Err(e) if e.kind() == ErrorKind::ConnectionRefused => {}
                    connected => return connected,
                }
            }
            if began.elapsed() > MAX_WAIT {
                return Err(ErrorKind::ConnectionRefused.into());
            }
            sleep(Duration::from_millis(1));
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

fn serve(place: Listen) -> BackgroundServer {
    let router = Router::default();
    router.add(Route::get("/sleep").onconnect(sleeps));
    router.add(Route::get("/large").onconnect(|_| Response::text("millpond".repeat(1 << 17))));
    router.add(Route::post("/echo").onconnect(echo));
    router
        .serve_managed_on([place], Settings::default())
        .expect("a free port")
}

/// Moves so often, with clients that know where from and where to.
fn moves(
    from: impl Into<Listen>,
    rounds: u32,
    a_move: impl Fn(&mut BackgroundServer, &Known),
) -> Tallies {
    let mut server = serve(from.into());
    let known = Known(Arc::default());
    known.set(vec![reached(server.addr())]);
    let load = Load::begin(Arc::new(known.clone()));
    for _ in 0..rounds {
        sleep(GRACE);
        a_move(&mut server, &known);
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
    moves(ANY_PORT, rounds, |server, known| {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let (old, new) = (server.addr(), free.expect("a free port"));
        // Kept connections end; a new connection goes to the new address if it listens.
        known.set(vec![new, old]);
        server.wind_down();
        server.rebind_on([new, old]).expect("nobody else has it");
        sleep(GRACE);
        server.rebind(new).expect("it listens there");
    })
}

/// Every round it is served at all addresses for a while, and then at the one again.
pub fn on_one_socket(rounds: u32) -> Tallies {
    let narrow = |port| Listen::from((Ipv4Addr::UNSPECIFIED, port)).only_at([Ipv4Addr::LOCALHOST]);
    moves(narrow(0), rounds, |server, _| {
        let port = server.addr().port();
        let elsewhere = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), port));
        let asked = || {
            ask(
                &mut Client::try_connect(elsewhere)?,
                "GET",
                "/sleep?ms=0",
                true,
                b"",
            )
        };
        assert!(asked().is_err(), "it is narrow, and answers elsewhere");
        server.rebind(server.addr()).expect("it listens there");
        asked().expect("it is wide, and answers elsewhere");
        sleep(GRACE);
        server.rebind_on([narrow(port)]).expect("it listens there");
    })
}

pub fn on_one_port(rounds: u32) -> Tallies {
    moves(ANY_PORT, rounds, |server, _| {
        let now = server.addr();
        let ip = match now.ip().is_loopback() {
            true => Ipv4Addr::UNSPECIFIED,
            false => Ipv4Addr::LOCALHOST,
        };
        server.wind_down();
        sleep(GRACE);
        server.rebind((ip, now.port())).expect("nobody else has it");
    })
}
