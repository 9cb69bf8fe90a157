//! Servers that end with their test, and common requests and handlers.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use millpond::{BackgroundServer, Request, Response, Route, Router, Server};

use super::{eventually, finishes, Client, Reply};
use crate::GUARD;

/// A server in a thread of its own, on a free port. Dropping it stops the server.
pub struct Running {
    pub addr: SocketAddr,
    stop: Option<(JoinHandle<()>, mpsc::Sender<()>)>,
}

/// Serves with the default pool and limits until the end of the test.
pub fn serve<F>(handler: F) -> Running
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    serve_as(handler, |server| server)
}

/// [`serve`] with another pool or other limits: `serve_as(handler, |server| server.pool_size(4))`.
pub fn serve_as<F>(handler: F, shape: impl FnOnce(Server<F>) -> Server<F>) -> Running
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let server = shape(listen(handler));
    Running {
        addr: server.server_addr(),
        stop: Some(server.stoppable()),
    }
}

/// A server on a free port that is not polled yet.
pub fn listen<F>(handler: F) -> Server<F>
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    Server::new("127.0.0.1:0", handler).expect("a free port")
}

/// A managed server with these routes, on a free port.
pub fn serve_routes(routes: Vec<Route>) -> BackgroundServer {
    let router = Router::default();
    router.replace(routes);
    router
        .serve_managed(([127, 0, 0, 1], 0))
        .expect("a free port")
}

/// A connection on which the beginning of a drain is seen: it is closed then, when all older ones
/// have been asked to end. The drain finds `in_flight` requests, and no moment later the one that
/// this connection has just made.
pub fn drain_observer(server: &BackgroundServer, in_flight: u64) -> Client {
    let mut client = Client::connect(server.addr());
    client.get("/");
    eventually("the observer is idle", || {
        server.stats().in_flight == in_flight
    });
    client
}

impl Running {
    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub fn get(&self, path: &str) -> Reply {
        get(self.addr, path)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some((handle, sender)) = self.stop.take() {
            drop(sender);
            // A test that has failed must not hang on its unfinished requests.
            if !thread::panicking() {
                finishes(GUARD * 2, move || {
                    handle.join().expect("the server's thread")
                });
            }
        }
    }
}

/// Sends one request on a connection of its own.
pub fn get(addr: SocketAddr, path: &str) -> Reply {
    let mut client = Client::connect(addr);
    client.send(format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ));
    let reply = client.response();
    client.closed();
    reply
}

/// A handler that reads the body. It answers with the length, or with 400 and the reason why the
/// body ended early.
pub fn measure(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    match io::copy(&mut data, &mut io::sink()) {
        Ok(length) => Response::text(length.to_string()),
        Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
    }
}
