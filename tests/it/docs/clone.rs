//! Two commands in a fresh clone: the tree is copied elsewhere, and a machine that has never seen
//! a registry, and cannot reach one, builds an example there that answers.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{finishes, get, Folder, GUARD};

/// A release build from nothing, on a slow machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(300);

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a clone would have: the files git knows or would take in; without git, all but what was
/// built.
fn files(root: &Path) -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    match listed {
        Ok(Output { status, stdout, .. }) if status.success() && root.join(".git").exists() => {
            let text = String::from_utf8(stdout).expect("names of text");
            text.lines().map(PathBuf::from).collect()
        }
        _ => {
            let mut files = Vec::new();
            walk(root, root, &mut files);
            files
        }
    }
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with(".git") {
                walk(root, &path, files);
            }
        } else {
            let name = path.strip_prefix(root).expect("a path inside");
            files.push(name.to_owned());
        }
    }
}

fn copy_tree(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in files(root) {
        let (from, to) = (root.join(&file), to.join(&file));
        // Git still lists what was deleted a moment ago.
        if from.exists() {
            fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            fs::copy(from, to).expect("a copy");
        }
    }
}

/// `program`, cut off from every network where this system lets us.
fn without_network(program: &str) -> Command {
    for cut in [&["-n"][..], &["-r", "-n"]] {
        let tried = Command::new("unshare").args(cut).arg("true").output();
        if tried.map_or(false, |output| output.status.success()) {
            let mut command = Command::new("unshare");
            command.args(cut).arg(program);
            return command;
        }
    }
    let mut command = Command::new(program);
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        // Nobody listens on the port that stands for "discard" on a machine of today.
        command.env(name, "http://127.0.0.1:9");
    }
    command
}

/// Runs it to its end, which has to be a good one.
fn run(mut command: Command) {
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = Process(child.expect("cargo can be run"));
    let mut stderr = child.0.stderr.take().expect("it is piped");
    let (done, said) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        let _ = done.send(text);
    });
    let text = said.recv_timeout(PATIENCE).expect("a build takes minutes");
    let status = child.0.wait().expect("it has ended");
    assert!(status.success(), "{status}:\n{text}");
}

#[test]
fn a_fresh_clone_builds_offline_and_answers() {
    let folder = Folder::new();
    let (tree, home) = (folder.path("tree"), folder.path("home"));
    let target = folder.path("target");
    copy_tree(&tree);
    fs::create_dir(&home).expect("an empty CARGO_HOME");
    let lock = fs::read(tree.join("Cargo.lock")).expect("a lock file");

    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut build = without_network(&cargo);
    build
        .args(["build", "--offline", "--release", "--example", "hello"])
        .current_dir(&tree)
        .env("CARGO_HOME", &home)
        .env("CARGO_NET_OFFLINE", "true")
        .env("CARGO_TARGET_DIR", &target);
    run(build);
    assert!(!home.join("registry").exists(), "something was fetched");
    assert_eq!(fs::read(tree.join("Cargo.lock")).unwrap(), lock);

    let program = target.join("release/examples/hello");
    let child = Command::new(program)
        .arg("127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut hello = Process(child.expect("the example can be run"));
    let stdout = hello.0.stdout.take().expect("it is piped");
    let line = finishes(GUARD, move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).map(|_| line)
    });
    let line = line.expect("a line of text");
    let address = line
        .trim_end()
        .trim_end_matches('/')
        .strip_prefix("http://");
    let address = address.unwrap_or_else(|| panic!("not a URL: {line:?}"));
    let reply = get(address.parse().expect("an address"), "/");
    assert_eq!((reply.status, reply.text()), (200, "hello world\n"));
}
