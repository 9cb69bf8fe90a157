//! Sockets that another process has too: passed on as the standard input, in safe code, and from
//! one process to the next.
//!
//! The servers are child processes: this very test binary, with an environment variable.

use std::env;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;

use super::{get, is_refused, router, Folder, LATE};
use crate::support::{
    finishes, timed, Barrier, Client, KeepAliveMode, Load, Process, GUARD, SLACK,
};
use millpond::{Address, Listen, Settings};

const CHILD: &str = "MILLPOND_TEST_GIVEN";

/// The child: serves the socket of its standard input until the other end of its control connection
/// closes.
fn serve() {
    let listen = match Listen::stdin() {
        Ok(listen) => listen,
        Err(e) => return println!("\nrefused {e}"),
    };
    let control = env::var(CHILD).expect("an address");
    let mut control = TcpStream::connect(control).expect("the parent");
    let server = router(&Barrier::default()).serve_managed_on([listen], Settings::default());
    let server = server.expect("it listens");
    println!("\nserves {}", server.addresses()[0]);
    let _ = control.read(&mut [0]);
    println!("\ncut {}", server.stop().cut);
}

struct Instance {
    process: Process,
    control: TcpStream,
}

fn start(given: impl Into<Stdio>, control: &str) -> Process {
    let name = "lifecycle::listen::given::a_listener_is_passed_on_as_the_standard_input";
    let mut command = Process::own_test(name, CHILD);
    Process::start(command.env(CHILD, control).stdin(given))
}

impl Instance {
    /// Started, and accepting.
    fn start(given: impl Into<Stdio>, at: &Address) -> Instance {
        let parent = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = parent.local_addr().unwrap().to_string();
        let mut process = start(given, &addr);
        assert_eq!(process.line_after("serves "), at.to_string());
        let (control, _) = parent.accept().unwrap();
        Instance { process, control }
    }

    fn stop(mut self) {
        drop(self.control);
        assert_eq!(self.process.line_after("cut "), "0");
        self.process.ends();
    }
}

fn tcp() -> (OwnedFd, Address) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::from(socket.local_addr().unwrap());
    (socket.into(), address)
}

fn unix(folder: &Folder) -> (OwnedFd, Address) {
    let socket = UnixListener::bind(folder.path("a.sock")).unwrap();
    (socket.into(), folder.unix("a.sock"))
}

#[test]
fn a_listener_is_passed_on_as_the_standard_input() {
    if env::var_os(CHILD).is_some() {
        return serve();
    }
    let folder = Folder::new();
    for (socket, address) in [tcp(), unix(&folder)] {
        let child = Instance::start(socket.try_clone().unwrap(), &address);
        for _ in 0..3 {
            assert!(get(&address, "/x").starts_with("/x from "), "{address}");
        }
        finishes(GUARD, move || child.stop());
        // The socket still belongs to this process, and a client that connects meanwhile waits for
        // the next server.
        let mut early = Client::at(&address);
        early.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
        let child = Instance::start(socket.try_clone().unwrap(), &address);
        assert!(early.response().text().starts_with("/early from "));
        drop(early);
        finishes(GUARD, move || child.stop());
        drop(socket);
        assert!(is_refused(&address));
    }
}

#[test]
fn what_does_not_listen_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (tcp, _) = listener.accept().unwrap();
    let (unix, _other) = UnixStream::pair().unwrap();
    for (name, given) in [
        ("nothing", Stdio::null()),
        ("a pipe", Stdio::piped()),
        ("a connection", Stdio::from(OwnedFd::from(tcp))),
        ("a Unix connection", Stdio::from(OwnedFd::from(unix))),
    ] {
        let mut process = start(given, "");
        assert!(!process.line_after("refused ").is_empty(), "{name}");
        process.ends();
    }
}

/// Two instances overlap: the next one is started before the last one is stopped, and both accept
/// from the one socket. No client is refused or cut.
#[test]
fn generations_on_one_socket_lose_nobody() {
    let folder = Folder::new();
    for (socket, address) in [tcp(), unix(&folder)] {
        let mut child = Instance::start(socket.try_clone().unwrap(), &address);
        let load = Load::on(address.clone(), 4, KeepAliveMode::Close);
        for _ in 0..5 {
            let next = Instance::start(socket.try_clone().unwrap(), &address);
            load.each_answered(3);
            let old = std::mem::replace(&mut child, next);
            finishes(GUARD, move || old.stop());
            load.each_answered(3);
        }
        let tally = load.end();
        assert!(tally.refused == 0 && tally.dropped <= LATE, "{tally:?}");
        finishes(GUARD, move || child.stop());
    }
}

/// Two servers of one process on one socket, as two processes would have it: stopping one neither
/// hangs nor disturbs the other, whatever it was doing.
#[test]
fn a_shared_socket_outlives_one_of_its_servers() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::from(socket.local_addr().unwrap());
    let server = || {
        let place = Listen::from(socket.try_clone().unwrap()).shared();
        router(&Barrier::default())
            .serve_managed_on([place], Settings::default())
            .unwrap()
    };
    let mut current = server();
    for round in 0..20 {
        let next = server();
        let load = (round % 2 == 0).then(|| Load::on(address.clone(), 2, KeepAliveMode::KeepAlive));
        let (drained, took) = timed(|| std::mem::replace(&mut current, next).stop());
        assert!(took < SLACK && drained.cut == 0, "{took:?} {drained:?}");
        assert!(get(&address, "/x").starts_with("/x from "));
        if let Some(load) = load {
            load.each_answered(5);
            let tally = load.end();
            assert_eq!((tally.refused, tally.dropped), (0, 0), "{tally:?}");
        }
    }
    let _ = current.stop();
    // No process accepts now; the socket stays open all the same.
    let mut waits = Client::at(&address);
    waits.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let last = server();
    assert!(waits.response().text().starts_with("/x from "));
    let _ = last.stop();
}
