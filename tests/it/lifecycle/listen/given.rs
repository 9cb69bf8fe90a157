//! Sockets that another process has too: passed on as the standard input, in safe code, and from
//! one process to the next.
//!
//! The servers are child processes: this very test binary, told by an environment variable.

use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::io::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::{get, is_refused, router, Folder, LATE};
use crate::support::{finishes, timed, Client, Gate, Habit, Load, GUARD, SLACK};
use millpond::{Address, Listen, Settings};

const CHILD: &str = "MILLPOND_TEST_GIVEN";

/// The child: serves what it was given until the other end of its control connection is closed.
fn serve() {
    let listen = match Listen::stdin() {
        Ok(listen) => listen,
        Err(e) => return println!("\nrefused {e}"),
    };
    let control = env::var(CHILD).expect("an address");
    let mut control = TcpStream::connect(control).expect("the parent");
    let server = router(&Gate::default()).serve_managed_on([listen], Settings::default());
    let server = server.expect("it listens");
    println!("\nserves {}", server.addresses()[0]);
    let _ = control.read(&mut [0]);
    println!("\ncut {}", server.stop().cut);
}

struct Instance {
    child: Child,
    says: BufReader<ChildStdout>,
    control: Option<TcpStream>,
}

fn start(given: impl Into<Stdio>, control: &str) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(env::current_exe().expect("this binary"))
        .args(["lifecycle::listen::given::a_listener_is_passed_on_as_the_standard_input"])
        .args(["--exact", "--nocapture"])
        .env(CHILD, control)
        .stdin(given)
        .stdout(Stdio::piped())
        .spawn()
        .expect("this binary starts");
    let says = BufReader::new(child.stdout.take().expect("a pipe"));
    (child, says)
}

/// The rest of the next line that begins so.
fn hear(says: &mut BufReader<ChildStdout>, start: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        let count = says.read_line(&mut line).expect("the child speaks");
        assert_ne!(count, 0, "the child is gone");
        if let Some(rest) = line.trim_end().strip_prefix(start) {
            return rest.to_owned();
        }
    }
}

impl Instance {
    /// Started, and accepting.
    fn start(given: impl Into<Stdio>, at: &Address) -> Instance {
        let parent = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = parent.local_addr().unwrap().to_string();
        let (child, mut says) = start(given, &addr);
        let told = hear(&mut says, "serves ");
        assert_eq!(told, at.to_string());
        let (control, _) = parent.accept().unwrap();
        Instance {
            child,
            says,
            control: Some(control),
        }
    }

    fn stop(mut self) {
        drop(self.control.take());
        assert_eq!(hear(&mut self.says, "cut "), "0");
        // Else it could not tell how it ended.
        let _ = io::copy(&mut self.says, &mut io::sink());
        assert!(self.child.wait().expect("its end").success());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
        // It is still ours, and whoever comes meanwhile waits for the next one.
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
        let (mut child, mut says) = start(given, "");
        assert!(!hear(&mut says, "refused ").is_empty(), "{name}");
        let _ = io::copy(&mut says, &mut io::sink());
        assert!(child.wait().unwrap().success());
    }
}

/// Two instances overlap: the next one is started before the last one is stopped, and both accept
/// from the one socket. Nobody is refused, and nobody is cut off.
#[test]
fn generations_on_one_socket_lose_nobody() {
    let folder = Folder::new();
    for (socket, address) in [tcp(), unix(&folder)] {
        let mut child = Instance::start(socket.try_clone().unwrap(), &address);
        let load = Load::on(address.clone(), 4, Habit::Close);
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
        router(&Gate::default())
            .serve_managed_on([place], Settings::default())
            .unwrap()
    };
    let mut current = server();
    for round in 0..20 {
        let next = server();
        let load = (round % 2 == 0).then(|| Load::on(address.clone(), 2, Habit::KeepAlive));
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
    // Nobody accepts now; the socket is ours all the same.
    let mut waits = Client::at(&address);
    waits.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    let last = server();
    assert!(waits.response().text().starts_with("/x from "));
    let _ = last.stop();
}
