//! Every example, started as anybody would start it, used, and ended.

#[cfg(unix)]
mod activated;
mod chat;
mod child;
mod files;
mod form;
mod live;
#[cfg(unix)]
mod rolling;
mod upload;

use crate::support::get;
use child::{address, Example};
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
        "chat",
        "files",
        "form",
        "hello",
        "live",
        "rolling",
        "upload",
    ];
    assert_eq!(names, BTreeSet::from(run.map(String::from)));
}

#[test]
fn hello_greets() {
    let hello = Example::start("hello", &[]);
    assert_eq!(get(hello.addr, "/").text(), "hello world\n");
    assert_eq!(get(hello.addr, "/?name=Ann+Lee").text(), "hello Ann Lee\n");
}

#[test]
fn hello_greets_at_every_address() {
    let mut hello = Example::start("hello", &["127.0.0.1:0"]);
    let second = address(&hello.line());
    for addr in [hello.addr, second] {
        assert_eq!(get(addr, "/").text(), "hello world\n");
    }
}
