//! Promise 12: running out of file descriptors, and clients that leave before they are accepted,
//! slow accepting down and nothing more.
//!
//! The server is a child process with few descriptors: this very test binary, with an environment
//! variable.

#![cfg(unix)]

use std::env;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::panic;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{eventually, finishes, get, listen, Barrier, Client, Process};
use millpond::{Request, Response, Route, Router, ServerErrorKind, Settings};

const CHILD: &str = "MILLPOND_TEST_DESCRIPTORS";
/// The limit of open descriptors in the child, with its standard streams and its listener.
const DESCRIPTORS: usize = 64;
/// More clients than that.
const CLIENTS: usize = 100;
/// The longest pause between two accepts that failed, and time for the answer.
const SLOW: Duration = Duration::from_secs(2);

#[test]
fn the_server_outlives_their_end() {
    if env::var_os(CHILD).is_some() {
        return serve();
    }
    handlers_have_them_all();
    idle_connections_make_room();
    clients_that_close_make_room();
    it_stops_in_time_without_any();
}

/// The child: follows the orders of its standard input, line by line, and prints the result at the
/// end.
fn serve() {
    // A panic anywhere is the end of it, and the parent sees that.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        usual(panic);
        process::exit(1);
    }));
    let barrier = Barrier::default();
    let at_barrier = barrier.clone();
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("fine")));
    router.add(Route::get("/wait").onconnect(move |_| {
        at_barrier.wait();
        Response::text("passed")
    }));
    let told = Arc::new(AtomicU64::new(0));
    let tells = Arc::clone(&told);
    let settings = Settings::default().on_error(move |error| {
        assert_eq!(error.kind, ServerErrorKind::Accept);
        assert_eq!((error.peer, &error.request), (None, &None));
        tells.fetch_add(1, Ordering::SeqCst);
    });
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    let monitor = server.monitor();
    println!("\naddr {}", server.addr());
    for line in io::stdin().lock().lines() {
        match line.expect("a line").as_str() {
            "errors" => println!("\nerrors {}", server.stats().accept_errors),
            "open" => barrier.open(),
            _ => break,
        }
    }
    barrier.open();
    let drained = server.stop();
    // Each of them was reported.
    assert_eq!(told.load(Ordering::SeqCst), monitor.stats().accept_errors);
    println!("\ncut {}", drained.cut);
}

struct Server {
    process: Process,
    addr: SocketAddr,
}

impl Server {
    fn start() -> Server {
        let limited = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"");
        let mut command = Process::own_test_under(
            &["sh", "-c", &limited],
            env::current_exe().expect("this binary"),
            "hostile::descriptors::the_server_outlives_their_end",
            CHILD,
        );
        let mut process = Process::start(&mut command);
        let addr = process.addr_after("addr ");
        Server { process, addr }
    }

    fn errors(&mut self) -> u64 {
        self.process.send("errors\n");
        self.process.number_after("errors ")
    }

    /// More clients than it can take, each with this sent, when it has noticed that.
    fn exhaust_descriptors(&mut self, request: &str) -> Vec<Client> {
        let clients = (0..CLIENTS).map(|_| {
            let mut client = Client::connect(self.addr);
            client.send(request);
            client
        });
        let clients = clients.collect();
        eventually("it has no descriptors left", || self.errors() >= 4);
        clients
    }

    /// The process must still run, stop when asked, and end with success.
    fn stop(mut self) {
        self.process.send("stop\n");
        assert_eq!(self.process.line_after("cut "), "0");
        self.process.ends();
    }
}

/// A hundred requests in flight at once, where there are descriptors for some sixty.
fn handlers_have_them_all() {
    let mut server = Server::start();
    let mut clients = server.exhaust_descriptors("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    // The server does not spin: it tries to accept once in a tenth of a second.
    let (errors, since) = (server.errors(), Instant::now());
    clients[0].open();
    while since.elapsed() < Duration::from_millis(500) {
        let tries = server.errors() - errors;
        assert!(tries <= 20, "{tries} tries in {:?}", since.elapsed());
        clients[0].open();
        std::thread::sleep(Duration::from_millis(20));
    }
    server.process.send("open\n");
    // Those accepted are answered and then give way to those that wait: none is lost.
    for client in &mut clients {
        assert_eq!(client.response().text(), "passed");
    }
    assert_eq!(get(server.addr, "/").text(), "fine");
    server.stop();
}

fn idle_connections_make_room() {
    let server = Server::start();
    // Each is answered, the last ones at the cost of the first.
    let mut clients: Vec<Client> = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(server.addr);
        assert_eq!(client.get("/").text(), "fine");
        clients.push(client);
    }
    clients[0].closed();
    clients[CLIENTS - 1].open();
    let began = Instant::now();
    assert_eq!(get(server.addr, "/").text(), "fine");
    assert!(began.elapsed() < SLOW);
    server.stop();
}

fn clients_that_close_make_room() {
    let mut server = Server::start();
    // Not idle: nothing of theirs is given up.
    let mut clients = server.exhaust_descriptors("GET / HTTP/1.1\r\nHo");
    let last = clients.split_off(CLIENTS - 10);
    drop(clients);
    for mut client in last {
        assert_eq!(client.send("st: a\r\n\r\n").response().text(), "fine");
    }
    for _ in 0..CLIENTS {
        assert_eq!(get(server.addr, "/").text(), "fine");
    }
    server.stop();
}

fn it_stops_in_time_without_any() {
    let mut server = Server::start();
    let mut clients = server.exhaust_descriptors("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    finishes(SLOW, move || server.stop());
    // Those it could not accept are refused; those it had are answered whole.
    let answered = clients
        .iter_mut()
        .filter_map(|client| client.try_response("GET").ok())
        .filter(|reply| reply.text() == "passed")
        .count();
    assert!(answered > DESCRIPTORS / 2, "{answered}");
}

#[test]
fn clients_that_left_the_queue_do_no_harm() {
    let server = listen(|request: &Request| Response::text(request.url()));
    let addr = server.server_addr();
    for round in 0..50 {
        let mut client = Client::connect(addr);
        match round % 3 {
            0 => {}
            1 => drop(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
            _ => drop(client.send("GET / HT")),
        }
    }
    let mut client = Client::connect(addr);
    server.poll();
    assert_eq!(client.get("/still").text(), "/still");
}
