//! Every example, run as a process of its own: each of its handlers answers, and it ends.

#[cfg(unix)]
mod activated;
mod api;
mod chat;
mod child;
mod files;
mod form;
mod live;
mod login;
#[cfg(unix)]
mod rolling;
mod upload;

use crate::support::get;
use child::Example;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_is_run_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(folder).expect("the examples");
    let paths = entries.map(|entry| entry.expect("an example").path());
    let names: BTreeSet<String> = paths
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let run = [
        "activated",
        "api",
        "chat",
        "files",
        "form",
        "hello",
        "live",
        "login",
        "rolling",
        "upload",
    ];
    assert_eq!(names, BTreeSet::from(run.map(String::from)));
}

#[test]
fn hello_greets() {
    let hello = Example::start("hello", &[]);
    assert_eq!(get(hello.addr, "/").text(), "hello world\n");
}
