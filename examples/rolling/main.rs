//! An instance that is replaced while clients come and go: SIGTERM or SIGINT ends it, and no
//! request fails for it; a second one ends it at once. Its status is 1 if the drain had to cut one.
//! `cargo run --release --example rolling [ADDRESS [GRACE_MS [DRAIN_MS]]]`; Ctrl-C ends it. With
//! `-` it serves the socket that is its standard input, which is there before it and after it.

mod signals;

use millpond::{try_or_400, Address, Listen, Request, Response, Route, Router, Settings};
use std::{error::Error, io::Read, process::ExitCode, thread::sleep, time::Duration};

fn ready(_: &Request) -> Response {
    match signals::told() {
        true => Response::text("leaving\n").with_status_code(503),
        false => Response::text("ready\n"),
    }
}

fn sleeps(request: &Request) -> Response {
    let ms: u16 = try_or_400!(request.get_param("ms").unwrap_or_default().parse());
    sleep(Duration::from_millis(ms.into()));
    Response::text("slept\n")
}

fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    let mut data = request.data().expect("nobody else asks for it");
    try_or_400!(data.read_to_end(&mut body));
    Response::from_data("application/octet-stream", body)
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let mut ms = |or: u64| args.next().map_or(Ok(or), |ms| ms.parse());
    let grace = Duration::from_millis(ms(5_000)?);
    let drain = Duration::from_millis(ms(20_000)?);
    signals::catch();
    let router = Router::default();
    router.add(Route::get("/ready").onconnect(ready));
    router.add(Route::get("/sleep").onconnect(sleeps));
    router.add(Route::get("/large").onconnect(|_| Response::text("millpond".repeat(1 << 17))));
    router.add(Route::post("/echo").onconnect(echo));
    let listen = match address.as_str() {
        #[cfg(unix)]
        "-" => Listen::stdin()?,
        address => Listen::from(address.parse::<Address>()?),
    };
    let server = router.serve_managed_on([listen], Settings::default())?;
    println!("{}/ready", server.addresses()[0]);
    while !signals::told() {
        sleep(Duration::from_millis(20));
    }
    println!("leaving: answering for {:?}, and ending connections", grace);
    server.wind_down();
    sleep(grace);
    println!("draining");
    let drained = server.stop_within(drain);
    println!("{}", drained);
    Ok(ExitCode::from(u8::from(drained.cut > 0)))
}
