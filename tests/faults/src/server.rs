//! A server as a child process under a tool that makes the kernel refuse something.

use std::env;
use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millpond::session::{generate_session_id, session};
use millpond::{CloseReason, Limits, Request, Response, Router};
use millpond::{ServerError, ServerErrorKind, Settings};

use crate::support::{Client, Process, Reply};

const CHILD: &str = "MILLPOND_FAULTS_CHILD";
/// Added to every bound: a CI stalls at times, and strace takes its time.
pub const SLACK: Duration = Duration::from_millis(1_500);
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(2);
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
pub const BIG: usize = 4 * 1024 * 1024;

fn handler(request: &Request) -> Response {
    let mut data = request.data().expect("the first to ask");
    match request.raw_url() {
        "/big" => Response::from_data("text/plain", vec![b'x'; BIG]),
        "/session" => session(request, "SID", 60, |session| Response::text(session.id())),
        "/id" => Response::text(generate_session_id()),
        _ => match io::copy(&mut data, &mut io::sink()) {
            Ok(count) => Response::text(count.to_string()),
            Err(e) => Response::text(format!("{:?}", e.kind())).with_status_code(400),
        },
    }
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn the_child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let router = Router::default();
    router.fallback(handler);
    let limits = Limits {
        head_timeout: HEAD_TIMEOUT,
        idle_timeout: IDLE_TIMEOUT,
        ..Limits::default()
    };
    let reported: Arc<Mutex<Vec<ServerErrorKind>>> = Arc::default();
    let list = Arc::clone(&reported);
    let hook = move |error: &ServerError| list.lock().unwrap().push(error.kind);
    let settings = Settings::default().limits(limits).on_error(hook);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    let server = server.expect("a free port");
    println!("\npid {}\naddr {}", process::id(), server.addr());
    let reported = |kind| {
        reported
            .lock()
            .unwrap()
            .iter()
            .filter(|&&k| k == kind)
            .count() as u64
    };
    // Until the parent has seen enough, or is gone.
    for line in io::stdin().lock().lines() {
        let (name, stats) = (line.expect("a line"), server.stats());
        let number = match name.as_str() {
            "errors" => stats.accept_errors,
            "reported errors" => reported(ServerErrorKind::Accept),
            "reported threads" => reported(ServerErrorKind::Thread),
            "workers" => stats.workers,
            "turned away" => stats.turned_away,
            "closed" => CloseReason::ALL.iter().map(|&why| stats.closed(why)).sum(),
            other => panic!("{other}?"),
        };
        println!("\n{name} {number}");
    }
    let panics = server.stats().panics;
    println!("\ncut {} panics {panics}", server.stop().cut);
    println!("\nreported errors {}", reported(ServerErrorKind::Accept));
}

pub struct Server {
    process: Process,
    pub pid: u32,
    pub addr: SocketAddr,
}

impl Server {
    /// Serves under a tool, whose arguments precede the program.
    pub fn under(tool: &[&str]) -> Server {
        let program = env::current_exe().expect("this binary");
        Server::of(program, tool)
    }

    /// [`under`](Server::under), from another copy of this binary.
    pub fn of(program: PathBuf, tool: &[&str]) -> Server {
        let mut command = Process::own_test_under(tool, program, "server::the_child", CHILD);
        let mut process = Process::start(&mut command);
        // The tool may run as another process before the program does.
        let pid = process.line_after("pid ").parse().expect("a number");
        let addr = process.addr_after("addr ");
        Server { process, pid, addr }
    }

    /// One of its numbers, as [`the_child`] knows them.
    pub fn number(&mut self, name: &str) -> u64 {
        self.process.send(&format!("{name}\n"));
        self.process.number_after(&format!("{name} "))
    }

    pub fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.connect().get(path)
    }

    /// The server must still run, cut no request, and end well. Returns the number of all the
    /// errors that it reported.
    pub fn stop(mut self) -> u64 {
        self.process.close_input();
        assert_eq!(self.process.line_after("cut "), "0 panics 0");
        let reported = self.process.number_after("reported errors ");
        self.process.ends();
        reported
    }
}
