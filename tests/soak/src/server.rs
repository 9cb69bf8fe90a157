//! The server of a soak, in a process of its own: it moves every second, its routes change ten
//! times a second, and it prints each action before and after. Orders come on its input: `serve`,
//! `calm` (no more changes), `stop`, `exit`.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::clock;
use crate::support::switch;
use millpond::{
    BackgroundServer, CloseReason, Request, Response, ResponseBody, Route, Router, Settings,
};

/// Workers; fewer than the clients that stand still.
pub const POOL: usize = 32;
/// So many of the routes that come and go are there at once.
pub const LIVE: u64 = 20;

pub fn run() -> Result<(), String> {
    std::panic::set_hook(Box::new(|_| ()));
    print_line("here".to_owned());
    let mut commands = io::stdin().lines().map_while(Result::ok);
    if commands.next().as_deref() != Some("serve") {
        return Err("this is for the soak to start".to_owned());
    }
    let router = routes();
    let settings = Settings::default().pool_size(POOL);
    let server = router
        .serve_managed_with(([127, 0, 0, 2], 0), settings)
        .map_err(|e| e.to_string())?;
    print_line(format!("ready {}", server.addr().port()));
    let calm = Arc::new(AtomicBool::new(false));
    let mover = {
        let calm = Arc::clone(&calm);
        thread::spawn(move || move_about(server, &calm))
    };
    let changer = {
        let calm = Arc::clone(&calm);
        thread::spawn(move || change(&router, &calm))
    };
    let mut server = None;
    let mut hands = Some((mover, changer));
    for command in commands {
        match command.as_str() {
            "calm" => {
                calm.store(true, Ordering::SeqCst);
                let (mover, changer) = hands.take().ok_or("calm already")?;
                changer.join().map_err(|_| "the routes' thread panicked")?;
                server = mover.join().map_err(|_| "the mover panicked")?;
                print_line("calm".to_owned());
            }
            "stop" => {
                let server = server.take().ok_or("not calm, or not there")?;
                print_numbers(&server);
                let drained = server.stop_within(Duration::from_secs(10));
                print_line(format!("stopped {} {}", drained.answered, drained.cut));
            }
            _ => return Ok(()),
        }
    }
    Ok(())
}

fn print_line(line: String) {
    let mut out = io::stdout().lock();
    // Without the soak, no process reads this.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The address after so many moves. No client has its own end there.
pub fn address(moves: u64, port: u16) -> SocketAddr {
    ([127, 0, 0, 2 + (moves % 250) as u8], port).into()
}

fn move_about(mut server: BackgroundServer, calm: &AtomicBool) -> Option<BackgroundServer> {
    let port = server.addr().port();
    let mut next = Instant::now() + Duration::from_secs(1);
    for number in 1.. {
        while Instant::now() < next {
            if calm.load(Ordering::SeqCst) {
                return Some(server);
            }
            thread::sleep(Duration::from_millis(5));
        }
        next = Instant::now() + Duration::from_secs(1);
        print_line(format!("moving {number} {}", clock()));
        let began = Instant::now();
        if let Err(e) = server.rebind(address(number, port)) {
            print_line(format!("failed to move: {e}"));
            return None;
        }
        print_line(format!("moved {number} {}", began.elapsed().as_micros()));
    }
    None
}

fn change(router: &Router, calm: &AtomicBool) {
    for number in 1.. {
        if calm.load(Ordering::SeqCst) {
            return;
        }
        router.add(Route::get(format!("/come/{number}")).onconnect(numbered));
        print_line(format!("added {number}"));
        if number > LIVE {
            let old = number - LIVE;
            print_line(format!("removing {old}"));
            if !router.remove("GET", &format!("/come/{old}")) {
                print_line(format!("failed to remove {old}"));
            }
            print_line(format!("removed {old}"));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn print_numbers(server: &BackgroundServer) {
    // Those that linger have a moment to go.
    let began = Instant::now();
    while server.stats().open > 0 && began.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(5));
    }
    let stats = server.stats();
    let mut closed = 0;
    for reason in CloseReason::ALL {
        closed += stats.closed(reason);
        print_line(format!("closed {reason:?} {}", stats.closed(reason)));
    }
    for (name, number) in [
        ("accepted", stats.accepted),
        ("closed", closed),
        ("turned-away", stats.turned_away),
        ("accept-errors", stats.accept_errors),
        ("open", stats.open),
        ("in-flight", stats.in_flight),
        ("requests", stats.requests),
        ("panics", stats.panics),
    ] {
        print_line(format!("number {name} {number}"));
    }
}

fn routes() -> Router {
    let router = Router::default();
    let big = Arc::new(content(0, BIG));
    router.replace(vec![
        Route::get("/n/{n}").onconnect(numbered),
        Route::post("/echo").onconnect(echo),
        Route::post("/early").onconnect(|_| Response::text("early")),
        Route::get("/chunks/{n}").onconnect(|request| {
            let reader = io::Cursor::new(content(number(request), CHUNKS));
            Response {
                data: ResponseBody::from_reader(reader),
                ..Response::text("")
            }
        }),
        Route::get("/big").onconnect(move |_| Response {
            data: ResponseBody::from_reader_and_size(
                Shared {
                    bytes: Arc::clone(&big),
                    at: 0,
                },
                BIG,
            ),
            ..Response::text("")
        }),
        Route::get("/panic").onconnect(|_| panic!("as it was asked to")),
        Route::get("/upgrade").onconnect(|_| switch()),
        Route::get("/meet").onconnect({
            let came = (Mutex::new(0), Condvar::new());
            move |_| meet(&came)
        }),
    ]);
    router
}

pub const BIG: usize = 8 << 20;
pub const CHUNKS: usize = 200_000;

/// Bytes that depend on their place.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    (0..length as u64)
        .map(|at| ((at * 7 + seed) % 251) as u8)
        .collect()
}

fn number(request: &Request) -> u64 {
    let number = request.param("n").and_then(|n| n.parse().ok());
    number.unwrap_or(0)
}

fn numbered(request: &Request) -> Response {
    let url = request.raw_url();
    Response::text(url.rsplit('/').next().unwrap_or("").to_owned())
}

fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    match request.data().map(|mut data| data.read_to_end(&mut body)) {
        Some(Err(e)) => Response::text(e.to_string()).with_status_code(400),
        _ => Response::from_data("text/plain; charset=utf-8", body),
    }
}

/// As many as the pool has workers, all at once: a worker that is stuck is missed.
fn meet((came, changed): &(Mutex<usize>, Condvar)) -> Response {
    let mut count = came.lock().expect("no panic");
    *count += 1;
    changed.notify_all();
    // Requests after the last one belong to another meeting.
    let meeting = (*count - 1) / POOL;
    let wait = Duration::from_secs(5);
    let met = changed
        .wait_timeout_while(count, wait, |count| *count / POOL == meeting)
        .expect("no panic");
    Response::text(if met.1.timed_out() { "alone" } else { "met" })
}

struct Shared {
    bytes: Arc<Vec<u8>>,
    at: usize,
}

impl Read for Shared {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = (&self.bytes[self.at..]).read(buf)?;
        self.at += count;
        Ok(count)
    }
}
