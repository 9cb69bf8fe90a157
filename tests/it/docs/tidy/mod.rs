//! The rules of this code base as tests: the direction of imports, no unsafe code, no dependency. A
//! violation is reported with its file and line.

mod imports;
mod layers;
mod packages;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

pub use packages::{is_packed, test_packages};
use source::{sources, words, Source};

const TOP: [&str; 8] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "examples",
    "src",
    "tests",
];
/// The only file that may call functions without Rust's guarantees, and the only such calls.
const SIGNALS_FILE: &str = "examples/rolling/signals.rs";
const UNSAFE_CALLS: [&str; 2] = [
    "unsafe { signal(number, on_signal) }",
    "unsafe { _exit(128 + number) }",
];
/// A reader of a folder sees no more at once.
const MAX_FOLDER_ENTRIES: usize = 10;
const EVERYWHERE: [&str; 12] = [
    "src",
    "examples",
    "tests/it",
    "tests/support",
    "tests/ctrlc",
    "tests/faults",
    "tests/interop",
    "tests/proxies",
    "tests/rolling",
    "tests/rouille",
    "tests/soak",
    "tests/versus",
];

/// Fails with everything that was found.
fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// `file:line: ` for messages.
fn location(source: &Source, at: usize) -> String {
    let line = source.code[..at].matches('\n').count() + 1;
    format!("{}:{line}", source.name)
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn the_top_level_is_complete_and_has_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = BTreeSet::new();
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output();
    match listed {
        Ok(output) if output.status.success() && root.join(".git").exists() => {
            let text = String::from_utf8(output.stdout).expect("names of text");
            let tops = text
                .lines()
                .map(|line| line.split('/').next().unwrap_or(line));
            names.extend(tops.map(str::to_owned));
        }
        // A tree without its history, or a machine without git.
        _ => {
            for entry in fs::read_dir(root).expect("the package's folder") {
                let name = entry.expect("an entry").file_name();
                names.insert(name.to_str().expect("a name of text").to_owned());
            }
            names.remove("target");
            names.remove("millpond-upload");
            names.remove("Cargo.toml.orig");
        }
    }
    names.retain(|name| !name.starts_with('.'));
    assert_eq!(names.into_iter().collect::<Vec<_>>(), TOP);
}

#[test]
fn nothing_is_unsafe() {
    let root = read("src/lib.rs");
    assert!(root.lines().any(|line| line == "#![forbid(unsafe_code)]"));
    let mut found = Vec::new();
    // Counting allocations beside other servers is not possible otherwise.
    let places: Vec<&str> = EVERYWHERE
        .iter()
        .copied()
        .filter(|&folder| folder != "tests/versus")
        .collect();
    for source in sources(&places) {
        let is_call = |at: &usize| {
            let rest = &source.code[*at..];
            source.name == SIGNALS_FILE && UNSAFE_CALLS.iter().any(|call| rest.starts_with(call))
        };
        let strange = words(&source.code, "unsafe").filter(|at| !is_call(at));
        found.extend(strange.map(|at| location(&source, at)));
    }
    assert_none(found);
}

#[test]
fn no_folder_of_the_library_is_wide() {
    let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for source in sources(&["src"]) {
        if source.is_only_for_tests() {
            continue;
        }
        let parts: Vec<&str> = source.name.split('/').collect();
        for at in 1..parts.len() {
            let entries = folders.entry(parts[..at].join("/")).or_default();
            entries.insert(parts[at].to_owned());
        }
    }
    assert!(folders.len() > 20, "{:?}", folders.keys());
    let wide = folders
        .into_iter()
        .filter(|(_, entries)| entries.len() > MAX_FOLDER_ENTRIES);
    assert_none(
        wide.map(|(folder, entries)| format!("{folder}: {} entries", entries.len()))
            .collect(),
    );
}

/// A module with files of its own is `x/mod.rs`, never `x.rs` beside `x/`.
#[test]
fn modules_have_one_style() {
    let names: BTreeSet<String> = sources(&EVERYWHERE)
        .into_iter()
        .map(|source| source.name)
        .collect();
    let has_folder = |name: &&String| {
        let folder = format!("{}/", name.trim_end_matches(".rs"));
        names.iter().any(|other| other.starts_with(&folder))
    };
    assert_none(names.iter().filter(has_folder).cloned().collect());
}

#[test]
fn nothing_is_left_undone() {
    let mut found = Vec::new();
    for source in sources(&EVERYWHERE) {
        for name in ["todo", "unimplemented", "dbg"] {
            let macros = words(&source.code, name)
                .filter(|at| source.code[at + name.len()..].starts_with('!'));
            found.extend(macros.map(|at| format!("{}: {name}!", location(&source, at))));
        }
        for attribute in ["#[ignore", "#![allow(dead_code"] {
            let places = source.code.match_indices(attribute);
            found.extend(places.map(|(at, _)| format!("{}: {attribute}", location(&source, at))));
        }
    }
    assert_none(found);
}

#[test]
fn the_library_unwraps_nothing() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        let places = source.live.match_indices(".unwrap()");
        found.extend(places.map(|(at, _)| location(&source, at)));
    }
    assert_none(found);
}
