//! A server that is replaced under load without a failed request:
//! `cargo run --release --example rolling [ADDRESS [GRACE_MS [DRAIN_MS]]]`, and Ctrl-C.
//!
//! SIGTERM or SIGINT starts the shutdown, and a second signal ends the process at once. The exit
//! status is 1 if the shutdown cut a request. With the address `-`, the server uses the listening
//! socket that is its standard input, and the next instance can use the same socket.

mod signals;

use millpond::{Address, Listen, Request, Response, Route, Router, Settings};
use std::{error::Error, io::Read, process::ExitCode, thread::sleep, time::Duration};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // 1. Read the command line.
    let mut args = std::env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:8080".into());
    let grace_ms = args.next().map_or(Ok(5_000), |text| text.parse())?;
    let drain_ms = args.next().map_or(Ok(20_000), |text| text.parse())?;
    // 2. Start the server. From here on, a signal only sets a flag.
    signals::catch();
    let router = Router::default();
    router.add(Route::get("/ready").onconnect(ready));
    router.add(Route::get("/sleep").onconnect(sleep_for));
    router.add(Route::get("/large").onconnect(|_| Response::text("millpond".repeat(1 << 17))));
    router.add(Route::post("/echo").onconnect(echo));
    let listen = match address.as_str() {
        #[cfg(unix)]
        "-" => Listen::stdin()?,
        address => Listen::from(address.parse::<Address>()?),
    };
    let server = router.serve_managed_on([listen], Settings::default())?;
    println!("{}/ready", server.addresses()[0]);
    // 3. Serve until a signal arrives.
    while !signals::received() {
        sleep(Duration::from_millis(20));
    }
    // 4. Close each connection after its next response. New connections are still served, because
    //    the load balancer needs a moment to notice that `/ready` fails. The line comes after the
    //    call, so that a reader of the line can rely on the change.
    server.wind_down();
    println!("leaving: serving for {grace_ms} ms more, and closing connections");
    sleep(Duration::from_millis(grace_ms));
    // 5. Stop. No new connection is accepted, and the requests in flight are answered.
    println!("draining");
    let drained = server.stop_within(Duration::from_millis(drain_ms));
    println!("{drained}");
    Ok(ExitCode::from(u8::from(drained.cut > 0)))
}

/// Reports to the load balancer whether this instance may get new connections.
fn ready(_: &Request) -> Response {
    match signals::received() {
        true => Response::text("leaving\n").with_status_code(503),
        false => Response::text("ready\n"),
    }
}

/// Answers after `?ms=`, as a slow handler does.
fn sleep_for(request: &Request) -> Response {
    let ms = request
        .get_param("ms")
        .and_then(|ms| ms.parse::<u16>().ok());
    match ms {
        Some(ms) => {
            sleep(Duration::from_millis(ms.into()));
            Response::text("slept\n")
        }
        None => Response::empty_400(),
    }
}

/// Returns the body of the request.
fn echo(request: &Request) -> Response {
    let mut body = Vec::new();
    let mut data = request.data().expect("the body is read only here");
    match data.read_to_end(&mut body) {
        Ok(_) => Response::from_data("application/octet-stream", body),
        Err(_) => Response::empty_400(),
    }
}
