//! Promise 12: running out of file descriptors, and clients that are gone before they are accepted,
//! slow accepting down and nothing more.
//!
//! The server is a child process with few descriptors: this very test binary, told by an
//! environment variable which side it is.

#![cfg(unix)]

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::panic;
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::{finishes, get, listen, Client, Gate, GUARD};
use millpond::{Request, Response, Route, Router, ServerErrorKind, Settings};

const CHILD: &str = "MILLPOND_TEST_DESCRIPTORS";
/// What the child may have open, its standard streams and its listener included.
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

/// The child: does what its standard input says, line by line, and says how it went at the end.
fn serve() {
    // A panic anywhere is the end of it, and the parent sees that.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        usual(panic);
        process::exit(1);
    }));
    let gate = Gate::default();
    let passes = gate.clone();
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("fine")));
    router.add(Route::get("/gate").onconnect(move |_| {
        passes.pass();
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
            "open" => gate.open(),
            _ => break,
        }
    }
    gate.open();
    let drained = server.stop();
    // Each of them was told.
    assert_eq!(told.load(Ordering::SeqCst), monitor.stats().accept_errors);
    println!("\ncut {}", drained.cut);
}

struct Server {
    child: Child,
    orders: ChildStdin,
    says: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Server {
    fn start() -> Server {
        let limited = format!("ulimit -n {DESCRIPTORS}; exec \"$0\" \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &limited])
            .arg(env::current_exe().expect("this binary"))
            .args([
                "hostile::descriptors::the_server_outlives_their_end",
                "--exact",
                "--nocapture",
            ])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let orders = child.stdin.take().expect("a pipe");
        let says = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Server {
            child,
            orders,
            says,
            addr: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        server.addr = server.hear("addr ").parse().expect("an address");
        server
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("the child listens");
    }

    /// The rest of the next line that begins so.
    fn hear(&mut self, start: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let count = self.says.read_line(&mut line).expect("the child speaks");
            assert_ne!(count, 0, "the child is gone");
            if let Some(rest) = line.trim_end().strip_prefix(start) {
                return rest.to_owned();
            }
        }
    }

    fn errors(&mut self) -> u64 {
        self.order("errors");
        self.hear("errors ").parse().expect("a number")
    }

    /// More clients than it can take, each with this sent, when it has noticed that.
    fn swamp(&mut self, request: &str) -> Vec<Client> {
        let clients = (0..CLIENTS).map(|_| {
            let mut client = Client::connect(self.addr);
            client.send(request);
            client
        });
        let clients = clients.collect();
        let began = Instant::now();
        while self.errors() < 4 {
            assert!(began.elapsed() < GUARD, "it had descriptors for all");
        }
        clients
    }

    /// It must still be there, stop when it is told to, and end well.
    fn stop(mut self) {
        self.order("stop");
        assert_eq!(self.hear("cut "), "0");
        assert!(self.child.wait().expect("its end").success());
    }
}

/// A test that failed leaves no process behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A hundred requests in flight at once, where there are descriptors for some sixty.
fn handlers_have_them_all() {
    let mut server = Server::start();
    let mut clients = server.swamp("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
    // It does not spin on what it cannot have: one try in a tenth of a second.
    let (errors, since) = (server.errors(), Instant::now());
    clients[0].open();
    while since.elapsed() < Duration::from_millis(500) {
        let tries = server.errors() - errors;
        assert!(tries <= 20, "{tries} tries in {:?}", since.elapsed());
        clients[0].open();
        std::thread::sleep(Duration::from_millis(20));
    }
    server.order("open");
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
    let mut clients = server.swamp("GET / HTTP/1.1\r\nHo");
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
    let mut clients = server.swamp("GET /gate HTTP/1.1\r\nHost: a\r\n\r\n");
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
