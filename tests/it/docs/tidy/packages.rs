//! The dependencies of the packages, and the checks of each. The library has none; the packages
//! have those of their table.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{assert_none, read, EVERYWHERE};

/// The packages that need a registry, and their dependencies. All others need the library and
/// nothing else.
const FROM_REGISTRY: [(&str, &[&str]); 3] = [
    ("ctrlc", &["ctrlc"]),
    ("interop", &["ureq"]),
    (
        "versus",
        &[
            "actix-web",
            "axum",
            "http-body-util",
            "hyper",
            "hyper-util",
            "rouille",
            "tiny_http",
            "tokio",
        ],
    ),
];
/// Built and run by hand: its numbers are of the machine.
const NOT_RUN: &str = "versus";

/// Whether this is the crate as a registry has it: without the packages beside it, and with some
/// files of cargo's.
pub fn is_packed() -> bool {
    manifest() != "Cargo.toml"
}

/// The manifest as it was written. Cargo packs another one beside it.
fn manifest() -> &'static str {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match root.join("Cargo.toml.orig").exists() {
        true => "Cargo.toml.orig",
        false => "Cargo.toml",
    }
}

/// The packages in `tests/`, and their manifests.
pub fn test_packages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let entries = fs::read_dir(folder).expect("the tests");
    let found = entries.filter_map(|entry| {
        let path = entry.expect("an entry").path();
        let manifest = fs::read_to_string(path.join("Cargo.toml")).ok()?;
        Some((path.file_name()?.to_str()?.to_owned(), manifest))
    });
    found.collect()
}

#[test]
fn nothing_is_depended_on() {
    let manifest = read(manifest());
    for line in manifest.lines().map(str::trim) {
        let is_table = line.starts_with('[');
        let is_strange = ["dependencies", "workspace", "patch", "replace"]
            .iter()
            .any(|word| line.contains(word));
        assert!(!(is_table && is_strange), "Cargo.toml has {line}");
        assert!(!line.starts_with("build"), "Cargo.toml has {line}");
    }
    assert!(manifest.contains("rust-version = \"1.63\""));
    assert_eq!(read("Cargo.lock").matches("[[package]]").count(), 1);
}

#[test]
fn each_package_needs_what_it_may_and_nothing_else() {
    for (name, manifest) in test_packages() {
        let dependencies = manifest
            .lines()
            .skip_while(|line| *line != "[dependencies]")
            .skip(1)
            .take_while(|line| !line.is_empty())
            // A package may know the library by another name.
            .filter_map(|line| match line.contains("package = \"millpond\"") {
                true => Some("millpond"),
                false => line.split(' ').next(),
            });
        let mut dependencies: Vec<&str> = dependencies.collect();
        dependencies.sort_unstable();
        let may = FROM_REGISTRY.iter().find(|(asks, _)| *asks == name);
        let mut may = may.map_or(&[][..], |(_, may)| *may).to_vec();
        may.push("millpond");
        may.sort_unstable();
        assert_eq!(dependencies, may, "{name}");
    }
}

/// `.ci/run` formats and lints the packages that it finds in `tests/`; each has a step of its own.
#[test]
fn no_package_is_forgotten() {
    if is_packed() {
        return;
    }
    let (ci, root) = (read(".ci/run"), read("Cargo.toml"));
    let mut missing = Vec::new();
    let packages = test_packages();
    assert!(packages.len() > 5, "{:?}", packages.keys());
    for name in packages.keys() {
        let folder = format!("tests/{name}");
        let mut must = |what: &str, holds: bool| {
            if !holds {
                missing.push(format!("{folder}: {what}"));
            }
        };
        must(
            "no lock file",
            !read(&format!("{folder}/Cargo.lock")).is_empty(),
        );
        must("packed", root.contains(&format!("\"/{folder}\"")));
        must(
            "has rules of its own",
            EVERYWHERE.contains(&folder.as_str()),
        );
        let runs = [
            format!("in_package {name} test --locked"),
            format!("in_package {name} run --locked"),
            format!("{folder}/run\n"),
        ];
        let is_run = runs.iter().any(|run| ci.contains(run.as_str()));
        must("is not run", is_run || name == NOT_RUN);
        must(
            "is not a step",
            ci.contains(&format!("'{name}:")) || name == NOT_RUN,
        );
    }
    for all in [
        "for manifest in tests/*/Cargo.toml",
        "in_package \"$name\" fmt --check",
        "in_package \"$name\" clippy --locked --all-targets -- -D warnings",
    ] {
        assert!(ci.contains(all), ".ci/run has no {all}");
    }
    assert_none(missing);
}
