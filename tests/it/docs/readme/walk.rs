//! The walk in the docs of `server`: each function that the walk names exists, and is named once.

use std::collections::BTreeSet;
use std::fs;

use super::{root, sources};

const SERVER: &str = include_str!("../../../../src/server/mod.rs");

/// Returns the names of the form `` `Owner::function` ``, in the order of the text.
fn steps() -> Vec<(&'static str, &'static str)> {
    let docs = SERVER.lines().filter(|line| line.starts_with("//!"));
    let quoted = docs.flat_map(|line| line.split('`').skip(1).step_by(2));
    let names = quoted.filter_map(|name| name.split_once("::"));
    let is_function = |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase());
    names.filter(|(_, name)| is_function(name)).collect()
}

/// Returns whether this file defines the function in the module or for the type `owner`.
fn defines(path: &str, text: &str, owner: &str, function: &str) -> bool {
    let has = |start: &str| {
        text.match_indices(start).any(|(at, _)| {
            let rest = &text[at + start.len()..];
            !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    let is_owner = if owner.starts_with(char::is_uppercase) {
        text.lines().any(|line| {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            line.starts_with("impl") && words.any(|word| word == owner)
        })
    } else {
        path.ends_with(&format!("/{owner}.rs")) || path.ends_with(&format!("/{owner}/mod.rs"))
    };
    is_owner && has(&format!("fn {function}"))
}

#[test]
fn each_function_of_the_walk_exists_and_is_named_once() {
    let files: Vec<(String, String)> = sources()
        .map(|path| {
            let text = fs::read_to_string(root().join(&path)).expect("a source file");
            (path, text)
        })
        .collect();
    let steps = steps();
    assert!(steps.len() >= 90, "only {} functions", steps.len());
    let mut seen = BTreeSet::new();
    for (owner, function) in steps {
        assert!(
            seen.insert((owner, function)),
            "{owner}::{function} is named twice"
        );
        let exists = |(path, text): &(String, String)| defines(path, text, owner, function);
        assert!(
            files.iter().any(exists),
            "{owner}::{function} does not exist"
        );
    }
}
