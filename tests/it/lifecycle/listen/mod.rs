//! Ways to listen: several addresses, Unix sockets, IPv6, sockets that are given, and moving
//! between all of them.

#[cfg(unix)]
mod files;
#[cfg(unix)]
mod given;
#[cfg(unix)]
mod moves;
#[cfg(unix)]
mod only;
mod several;
#[cfg(unix)]
mod unix;
mod v6;

use crate::support::{Barrier, Client, Folder};
use millpond::{Address, BackgroundServer, Request, Response, Route, Router, Settings};

/// A drain does not wait for longer than 10 ms for the first byte of a connection. On a machine
/// that is busy, clients of a load may take longer between connecting and asking: so many in all.
#[cfg(unix)]
const LATE: u64 = 5;

/// Answers with the path and the client's address.
fn echo(request: &Request) -> Response {
    Response::text(format!("{} from {}", request.url(), request.remote_addr()))
}

fn router(barrier: &Barrier) -> Router {
    let barrier = barrier.clone();
    let router = Router::default();
    router.replace(vec![
        Route::get("/{path...}").onconnect(echo),
        Route::get("/wait").onconnect(move |_| {
            barrier.wait();
            Response::text("passed")
        }),
    ]);
    router
}

fn serve(places: &[&Address], barrier: &Barrier) -> BackgroundServer {
    let places = places.iter().map(|&place| place.clone());
    let server = router(barrier).serve_managed_on(places, Settings::default());
    server.expect("free places")
}

/// A free port of this host.
fn any_port() -> Address {
    ([127, 0, 0, 1], 0).into()
}

/// One request on a connection of its own.
fn get(address: &Address, path: &str) -> String {
    let mut client = Client::at(address);
    client.send(format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
    let reply = client.response();
    client.closed();
    reply.text().to_owned()
}

fn is_refused(address: &Address) -> bool {
    Client::try_at(address).is_err()
}
