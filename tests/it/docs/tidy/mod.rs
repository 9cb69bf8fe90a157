//! The rules of this code base as tests: who may know whom, what may not be, how long and how wide
//! things are. A rule that is broken is told with the file and the line.

mod packages;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

pub use packages::{beside, is_packed};
use source::{is_word, paths, sources, words, Source};

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
/// What each part of the library may know, besides itself. A part that is not named here may know
/// `message`.
const MAY_KNOW: [(&str, &[&str]); 13] = [
    ("base64", &[]),
    ("cgi", &["message", "wire", "lock"]),
    ("input", &["message", "json", "base64"]),
    ("json", &[]),
    ("limits", &[]),
    ("lock", &[]),
    ("message", &["json"]),
    ("proxy", &["message", "wire"]),
    ("routing", &["message", "json"]),
    ("wire", &["message", "limits"]),
    ("server", &["message", "wire", "limits", "lock"]),
    ("session", &["message", "input"]),
    ("websocket", &["message", "base64", "lock"]),
];
/// The one file of the server that knows routes.
const SEAM: &str = "src/server/background.rs";
/// Files of the server that know nothing of HTTP, and so nothing of the files that do.
const KNOW_NO_HTTP: [&str; 5] = ["caught", "drain", "pace", "pool", "sweep"];
/// Modules of std that do not belong into a part: what waits, what is shared, what talks.
const STD_NOT_IN: [(&str, &[&str]); 12] = [
    ("assets", &["env", "net", "process", "sync", "thread"]),
    ("cgi", &["fs", "net"]),
    (
        "content_encoding",
        &["env", "fs", "net", "process", "sync", "thread", "time"],
    ),
    ("input", &["env", "fs", "net", "process", "thread", "time"]),
    (
        "json",
        &["env", "fs", "io", "net", "process", "thread", "time"],
    ),
    ("log", &["env", "fs", "net", "process"]),
    ("message", &["env", "net", "process", "thread", "time"]),
    ("proxy", &["env", "fs", "process", "sync", "thread"]),
    (
        "routing",
        &["env", "fs", "io", "net", "process", "thread", "time"],
    ),
    ("session", &["env", "net", "process"]),
    ("websocket", &["env", "fs", "net", "process"]),
    (
        "wire",
        &[
            "env", "fs", "io", "net", "process", "sync", "thread", "time",
        ],
    ),
];
/// The one file that may call what Rust cannot vouch for, and all that it may say there.
const TELLS_SIGNALS: &str = "examples/rolling/signals.rs";
const UNSAFE_CALLS: [&str; 2] = [
    "unsafe { signal(number, on_signal) }",
    "unsafe { _exit(128 + number) }",
];
const LONGEST_FILE: usize = 600;
const LONGEST_EXAMPLE: usize = 60;
const WIDEST_LINE: usize = 106;
const EVERYWHERE: [&str; 10] = [
    "src",
    "examples",
    "tests/it",
    "tests/support",
    "tests/faults",
    "tests/interop",
    "tests/proxies",
    "tests/rolling",
    "tests/soak",
    "tests/versus",
];

/// Fails with everything that was found.
fn none(found: Vec<String>) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// `file:line: ` for messages.
fn place(source: &Source, at: usize) -> String {
    let line = source.code[..at].matches('\n').count() + 1;
    format!("{}:{line}", source.name)
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// In which part of the library a name at the crate's root is defined: its modules, what is
/// exported from them, and their macros.
fn homes(all: &[Source]) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for source in all {
        let area = source.area();
        for at in words(&source.code, "macro_rules") {
            let rest = source.code[at..]
                .trim_start_matches("macro_rules")
                .trim_start();
            let rest = rest.trim_start_matches('!').trim_start();
            let name: String = rest.chars().take_while(|&c| is_word(c)).collect();
            homes.insert(name, area.clone());
        }
    }
    let areas: BTreeSet<String> = all.iter().map(Source::area).collect();
    let root = all.iter().find(|source| source.name == "src/lib.rs");
    let root = &root.expect("the crate's root").code;
    for area in areas.into_iter().filter(|area| !area.is_empty()) {
        for (_, path) in paths(root, &area) {
            homes.insert(path[path.len() - 1].clone(), area.clone());
        }
        homes.insert(area.clone(), area);
    }
    homes
}

/// What is wrong with the paths that this file mentions.
fn strays(source: &Source, homes: &BTreeMap<String, String>) -> Vec<String> {
    let area = source.area();
    let known = MAY_KNOW.iter().find(|(name, _)| *name == area);
    let mut may: Vec<&str> = known.map_or(&["message"][..], |(_, may)| *may).to_vec();
    may.push(&area);
    if source.name == SEAM {
        may.push("routing");
    }
    let mut found = Vec::new();
    for path in source.crate_paths(&source.live) {
        // A glob from the root, or a name that nobody defines, is nobody's to know.
        let home = homes.get(&path[0]).map_or("?", String::as_str);
        if !may.contains(&home) {
            found.push(format!(
                "{} knows {} of {home}",
                source.name,
                path.join("::")
            ));
        }
    }
    found
}

#[test]
fn parts_know_only_what_is_below_them() {
    let all = sources(&["src"]);
    let homes = homes(&all);
    for (name, _) in MAY_KNOW {
        assert!(homes.contains_key(name), "the library has no part {name}");
    }
    let inner = all.iter().filter(|source| !source.area().is_empty());
    none(inner.flat_map(|source| strays(source, &homes)).collect());
}

#[test]
fn strays_are_found_in_every_spelling() {
    let homes = homes(&sources(&["src"]));
    for (name, code, stray) in [
        ("src/wire/head.rs", "use crate::server::Server;", true),
        ("src/wire/head.rs", "use crate::message::head::Head;", false),
        ("src/wire/head.rs", "fn f() { crate::routing::x() }", true),
        ("src/wire/mod.rs", "use super::routing::Route;", true),
        ("src/wire/head.rs", "use super::super::json::Json;", true),
        ("src/wire/head.rs", "use super::bytes::TOKEN;", false),
        (
            "src/wire/head.rs",
            "mod x { use super::super::super::json::Json; }",
            true,
        ),
        (
            "src/wire/head.rs",
            "mod x { use super::super::bytes::TOKEN; }",
            false,
        ),
        (
            "src/server/pool.rs",
            "use crate::{limits::Limits, Router};",
            true,
        ),
        (
            "src/server/pool.rs",
            "use crate::{limits::Limits, Request};",
            false,
        ),
        (
            "src/server/background.rs",
            "use crate::{Route, Router};",
            false,
        ),
        (
            "src/message/mod.rs",
            "use crate::{\n    json::{self, Json},\n    wire,\n};",
            true,
        ),
        ("src/json/value.rs", "use crate::*;", true),
        ("src/json.rs", "fn f() { crate::router!() }", true),
        (
            "src/json.rs",
            "// use crate::server;\nconst A: &str = \"crate::wire::x\";",
            false,
        ),
        (
            "src/json.rs",
            "#[cfg(test)]\nmod tests { use crate::Response; }",
            false,
        ),
        (
            "src/later/mod.rs",
            "use crate::{message::Request, Response};",
            false,
        ),
        ("src/later/mod.rs", "use crate::wire::date;", true),
    ] {
        let found = strays(&Source::of(name, code), &homes);
        assert_eq!(!found.is_empty(), stray, "{name}: {code}: {found:?}");
    }
}

#[test]
fn the_pool_and_the_drain_know_nothing_of_http() {
    let mut found = Vec::new();
    let mut seen = 0;
    for source in sources(&["src/server"]) {
        let module = source.module();
        if !module
            .get(1)
            .map_or(false, |name| KNOW_NO_HTTP.contains(&name.as_str()))
        {
            continue;
        }
        seen += 1;
        for path in source.crate_paths(&source.live) {
            let fits = match path[0].as_str() {
                "lock" | "limits" => true,
                "server" => path.get(1).map_or(false, |name| {
                    KNOW_NO_HTTP.contains(&name.as_str()) || name == "would_block"
                }),
                _ => false,
            };
            if !fits {
                found.push(format!("{} knows {}", source.name, path.join("::")));
            }
        }
    }
    assert!(
        seen >= KNOW_NO_HTTP.len(),
        "a file is missing: {KNOW_NO_HTTP:?}"
    );
    none(found);
}

#[test]
fn bytes_values_and_routes_have_no_sockets_clocks_or_threads() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        let area = source.area();
        let not = STD_NOT_IN.iter().find(|(name, _)| *name == area);
        let roots = ["std", "core", "alloc"];
        for (at, path) in roots.iter().flat_map(|root| paths(&source.live, root)) {
            // An address in a field is a value, and no socket; a length of time is no clock.
            let last = path.last().map_or("", String::as_str);
            let is_value = matches!(
                last,
                "IpAddr" | "Ipv4Addr" | "Ipv6Addr" | "SocketAddr" | "Duration"
            );
            let is_out = not.map_or(false, |(_, not)| not.contains(&path[0].as_str()));
            if is_out && !is_value {
                let place = place(&source, at);
                found.push(format!("{place}: std::{} in {area}", path.join("::")));
            }
        }
    }
    none(found);
}

#[test]
fn the_server_does_not_know_the_word_route() {
    let server = sources(&["src/server"]);
    assert!(server.iter().any(|source| source.name == SEAM));
    let others = server.iter().filter(|source| source.name != SEAM);
    let tell = |source: &Source| {
        // Examples in the documentation may need some to serve.
        let code = source.code.to_ascii_lowercase();
        code.find("route").map(|at| place(source, at))
    };
    none(others.filter_map(tell).collect());
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
    // What counts allocations beside other servers has no other way to.
    let places: Vec<&str> = EVERYWHERE
        .iter()
        .copied()
        .filter(|&place| place != "tests/versus")
        .collect();
    for source in sources(&places) {
        let is_call = |at: &usize| {
            let rest = &source.code[*at..];
            source.name == TELLS_SIGNALS && UNSAFE_CALLS.iter().any(|call| rest.starts_with(call))
        };
        let strange = words(&source.code, "unsafe").filter(|at| !is_call(at));
        found.extend(strange.map(|at| place(&source, at)));
    }
    none(found);
}

#[test]
fn every_file_says_what_it_owns() {
    let all = sources(&EVERYWHERE);
    let silent = all.iter().filter(|source| !source.text.starts_with("//! "));
    none(silent.map(|source| source.name.clone()).collect());
}

#[test]
fn files_and_lines_have_an_end() {
    let mut found = Vec::new();
    for source in sources(&EVERYWHERE) {
        let length = source.text.lines().count();
        let longest = match source.name.starts_with("examples/") {
            true => LONGEST_EXAMPLE,
            false => LONGEST_FILE,
        };
        if length > longest {
            found.push(format!(
                "{}: {length} lines, at most {longest}",
                source.name
            ));
        }
        for (line, number) in source.text.lines().zip(1..) {
            let width = line.chars().count();
            if width > WIDEST_LINE {
                found.push(format!("{}:{number}: {width} columns", source.name));
            }
        }
    }
    none(found);
}

#[test]
fn nothing_is_left_undone() {
    let mut found = Vec::new();
    for source in sources(&EVERYWHERE) {
        for name in ["todo", "unimplemented", "dbg"] {
            let macros = words(&source.code, name)
                .filter(|at| source.code[at + name.len()..].starts_with('!'));
            found.extend(macros.map(|at| format!("{}: {name}!", place(&source, at))));
        }
        for attribute in ["#[ignore", "#![allow(dead_code"] {
            let places = source.code.match_indices(attribute);
            found.extend(places.map(|(at, _)| format!("{}: {attribute}", place(&source, at))));
        }
        for word in ["TODO", "FIXME", "XXX", "HACK"] {
            if words(&source.comments, word).next().is_some() {
                found.push(format!("{}: {word}", source.name));
            }
        }
    }
    none(found);
}

#[test]
fn the_library_unwraps_nothing() {
    let mut found = Vec::new();
    for source in sources(&["src"]) {
        let places = source.live.match_indices(".unwrap()");
        found.extend(places.map(|(at, _)| place(&source, at)));
    }
    none(found);
}
