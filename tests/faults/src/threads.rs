//! No more threads can be started. The existing workers serve all clients. Without any worker, each
//! client gets a 503, and service resumes with the first thread.
//!
//! The kernel exempts root from the limit: the server runs as a user of its own.

use std::env;
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::server::Server;
use crate::support::{eventually, Client, Folder, Process};
use millpond::Response;

const STOPPABLE: &str = "MILLPOND_FAULTS_STOPPABLE";

/// A child's own: the test's and the harness's.
const OWN: usize = 2;
/// And the one that accepts.
const OTHERS: usize = OWN + 1;

/// All that the limit can be raised to.
const MOST: usize = 64;

/// The words before a program that is to run as another user.
fn becomes(user: &str) -> Vec<String> {
    let (reuid, regid) = (format!("--reuid={user}"), format!("--regid={user}"));
    vec!["setpriv".into(), reuid, regid, "--clear-groups".into()]
}

/// This binary, where any user may run it: its usual place may be in a home that is closed.
fn open_copy() -> (PathBuf, Folder) {
    let folder = Folder::new();
    let program = folder.path("server");
    fs::copy(env::current_exe().expect("this binary"), &program).expect("a copy");
    for path in [folder.root(), program.as_path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    (program, folder)
}

/// The words before a program that may have so many threads. The limit is soft, so that the same
/// user may raise it.
fn limited(threads: usize, user: &str) -> Vec<String> {
    let limit = format!("--nproc={threads}:{MOST}");
    [vec!["prlimit".into(), limit], becomes(user)].concat()
}

fn with_workers(workers: usize, user: &str) -> (Server, Folder) {
    let (program, folder) = open_copy();
    let tool = limited(OTHERS + workers, user);
    let tool: Vec<&str> = tool.iter().map(String::as_str).collect();
    (Server::of(program, &tool), folder)
}

#[test]
fn the_few_that_there_are_serve_everybody() {
    let (mut server, _folder) = with_workers(2, "64998");
    let mut clients: Vec<Client> = (0..40).map(|_| server.connect()).collect();
    for _ in 0..3 {
        for client in &mut clients {
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        for client in &mut clients {
            assert_eq!(client.response().text(), "0");
        }
    }
    let mut upload = server.connect();
    assert_eq!(upload.put("/", &[b'b'; 300_000]).text(), "300000");
    assert_eq!(server.number("workers"), 2);
    assert_eq!(server.number("turned away"), 0);
    // The hook is called once for each failed attempt to start a thread, and there is no attempt
    // for every client.
    let told = server.number("reported threads");
    assert!((1..40).contains(&told), "{told}");
    server.stop();
}

#[test]
fn without_any_each_is_told_and_service_resumes_by_itself() {
    let (mut server, _folder) = with_workers(0, "64999");
    for _ in 0..3 {
        let reply = server.get("/");
        assert_eq!(
            (reply.status, reply.header("Retry-After")),
            (503, Some("1"))
        );
    }
    assert_eq!(server.number("turned away"), 3);
    assert_eq!(server.number("closed"), 0);
    assert_eq!(server.number("reported threads"), 3);
    let pid = server.pid;
    let raises = format!("prlimit --pid={pid} --nproc={MOST}:{MOST}");
    let becomes = becomes("64999");
    let words = becomes.iter().map(String::as_str).chain(raises.split(' '));
    let raised = Command::new("env").args(words).status();
    assert!(raised.expect("env").success());
    eventually("service resumes", || server.get("/").status == 200);
    server.stop();
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn a_stoppable_child() {
    if env::var_os(STOPPABLE).is_none() {
        return;
    }
    let server = millpond::Server::new("127.0.0.1:0", |_| Response::text("")).expect("a free port");
    let addr = server.server_addr();
    let stoppable = catch_unwind(AssertUnwindSafe(|| server.stoppable()));
    println!("\npanicked {}", stoppable.is_err());
    drop(stoppable);
    eventually("nobody listens", || TcpStream::connect(addr).is_err());
    eventually("its threads are gone", || {
        fs::read_dir("/proc/self/task")
            .expect("this process")
            .count()
            == OWN
    });
}

/// `stoppable` starts two threads. Without either it panics, as it says, and leaves nothing behind.
#[test]
fn stoppable_is_all_or_nothing() {
    for (threads, panics) in [(0, true), (1, true), (2, false)] {
        let user = (65_000 + threads).to_string();
        let (program, _folder) = open_copy();
        let tool = limited(OWN + threads, &user);
        let tool: Vec<&str> = tool.iter().map(String::as_str).collect();
        let name = "threads::a_stoppable_child";
        let child = Process::own_test_under(&tool, program, name, STOPPABLE)
            .stderr(Stdio::inherit())
            .output()
            .expect("prlimit");
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{threads}: {said}");
        assert!(
            said.contains(&format!("\npanicked {panics}\n")),
            "{threads}: {said}"
        );
    }
}
