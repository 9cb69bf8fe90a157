//! No more threads are to be had. Kept: those there are serve everybody; where there is none at all
//! each client is told 503, and served again once there is one.
//!
//! The kernel exempts root from the limit: the server runs as a user that nobody else is.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::support::{eventually, Client, Folder, Server};

/// The child's own: the test's, the harness's, and the one that accepts.
const OTHERS: usize = 3;

/// All that the limit can be raised to.
const MOST: usize = 64;

/// The words before a program that is to run as another user.
fn becomes(user: &str) -> Vec<String> {
    let (reuid, regid) = (format!("--reuid={user}"), format!("--regid={user}"));
    vec!["setpriv".into(), reuid, regid, "--clear-groups".into()]
}

fn with_workers(workers: usize, user: &str) -> (Server, Folder) {
    let folder = Folder::of(user);
    // Its usual place may be in a home that is closed to others.
    let program = folder.0.join("server");
    fs::copy(std::env::current_exe().expect("this binary"), &program).expect("a copy");
    for path in [&folder.0, &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    // Soft, so that the same user may raise it.
    let limit = format!("--nproc={}:{MOST}", OTHERS + workers);
    let mut tool = vec!["prlimit", &limit];
    let becomes = becomes(user);
    tool.extend(becomes.iter().map(String::as_str));
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
    // It is told once for each time that the system was asked in vain, which is not at each client.
    let told = server.number("told of threads");
    assert!((1..40).contains(&told), "{told}");
    server.stop();
}

#[test]
fn without_any_each_is_told_and_service_resumes_by_itself() {
    let (mut server, _folder) = with_workers(0, "64999");
    for _ in 0..3 {
        let reply = server.get("/");
        assert_eq!((reply.status, reply.header("Retry-After")), (503, "1"));
    }
    assert_eq!(server.number("turned away"), 3);
    assert_eq!(server.number("closed"), 0);
    assert_eq!(server.number("told of threads"), 3);
    let pid = server.pid;
    let raises = format!("prlimit --pid={pid} --nproc={MOST}:{MOST}");
    let becomes = becomes("64999");
    let words = becomes.iter().map(String::as_str).chain(raises.split(' '));
    let raised = Command::new("env").args(words).status();
    assert!(raised.expect("env").success());
    eventually("service resumes", || server.get("/").status == 200);
    server.stop();
}
