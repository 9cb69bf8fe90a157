//! Every example, started as anybody would start it, used, and ended.

#[cfg(unix)]
mod activated;
mod child;
mod files;
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
fn each_is_run_here_and_is_short() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut names = BTreeSet::new();
    let mut sources = Vec::new();
    for entry in fs::read_dir(folder).expect("the examples") {
        let path = entry.expect("an example").path();
        names.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
        match fs::read_dir(&path) {
            Ok(inner) => sources.extend(inner.map(|file| file.unwrap().path())),
            Err(_) => sources.push(path),
        }
    }
    let run = ["activated", "files", "hello", "live", "rolling", "upload"];
    assert_eq!(names, BTreeSet::from(run.map(String::from)));
    for source in sources
        .iter()
        .filter(|s| s.extension() == Some("rs".as_ref()))
    {
        let lines = fs::read_to_string(source).unwrap().lines().count();
        assert!(lines <= 60, "{} has {lines} lines", source.display());
    }
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
