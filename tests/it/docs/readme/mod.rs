//! README and guide, compared with the library: tables, limits, paths, links, programs. (Their Rust
//! blocks are doctests.)

mod http_tables;
mod line_counts;
mod walk;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub use self::http_tables::claims;
use crate::docs::tidy::{is_packed, test_packages};
use crate::support::SLACK;
use millpond::input::post;
use millpond::Limits;

const README: &str = include_str!("../../../../README.md");
const LIMITS: &str = include_str!("../../../../src/limits.rs");
const HELLO: &str = include_str!("../../../../examples/hello.rs");

macro_rules! pages {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../../src/guide/", $name, ".md")))),*]
    };
}

const PAGES: [(&str, &str); 12] = pages! {
    "changelog" "cookbook" "internals/architecture" "internals/engine" "migration/from_rouille"
    "migration/from_toolkit_zero" "production/operations" "production/performance"
    "production/security" "reference/guarantees" "reference/http" "reference/limitations"
};

/// Returns the text of the page `millpond::guide::name`.
fn page(name: &str) -> &'static str {
    let is_named = |path: &str| path.rsplit('/').next() == Some(name);
    let found = PAGES.iter().find(|(path, _)| is_named(path));
    found.expect("a page of the guide").1
}

/// Returns the README and all pages, each with its path.
fn texts() -> impl Iterator<Item = (String, &'static str)> {
    let pages = PAGES.iter();
    let pages = pages.map(|(path, text)| (format!("src/guide/{path}.md"), *text));
    pages.chain([("README.md".to_owned(), README)])
}

/// Returns a file of `.github`, or `None` in a packed crate, which has none.
fn github(name: &str) -> Option<String> {
    if is_packed() {
        return None;
    }
    let path = root().join(".github").join(name);
    Some(fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}")))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the cells of the rows under a heading whose first cell is code.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split(heading).nth(1).expect("the heading");
    let section = section.split("\n#").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let row = row.trim_start_matches("| ").trim_end_matches(" |");
        row.split(" | ").map(str::to_owned).collect()
    })
    .collect()
}

fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

/// Returns the paths of all Rust files in `src`.
fn sources() -> impl Iterator<Item = String> {
    fn collect(folder: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().map_or(false, |end| end == "rs") {
                let path = path.strip_prefix(root()).expect("below the root");
                found.push(path.to_str().expect("a plain name").replace('\\', "/"));
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join("src"), &mut found);
    found.into_iter()
}

#[test]
fn limits_are_the_documented_ones() {
    let docs: String = LIMITS
        .lines()
        .filter_map(|line| line.strip_prefix("/// "))
        .map(|line| format!("{line}\n"))
        .collect();
    let in_docs = table(&format!("# Limits\n{docs}"), "# Limits\n");
    let in_readme = table(README, "## Limits\n");
    assert_eq!(in_readme, in_docs);

    let shown: Vec<(&str, &str)> = in_readme.iter().map(|r| (code(&r[0]), &*r[1])).collect();
    let defaults = defaults();
    let names = |list: &[(&str, &str)]| list.iter().map(|row| row.0.to_owned()).collect();
    let shown_names: Vec<String> = names(&shown);
    let real: Vec<(&str, &str)> = defaults.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(shown_names, names(&real) as Vec<String>);
    for ((name, shown), (_, real)) in shown.into_iter().zip(real) {
        let rest = shown.strip_prefix(real);
        let fits = rest.map_or(false, |rest| {
            rest.is_empty() || rest.starts_with([' ', ','])
        });
        assert!(fits, "{name}: default {real}, README {shown}");
    }
}

/// Returns every field as the table writes its default. A new field does not compile until it is
/// here.
fn defaults() -> Vec<(&'static str, String)> {
    let Limits {
        max_target_bytes,
        max_head_bytes,
        max_headers,
        max_body_bytes,
        buffered_body_bytes,
        head_timeout,
        idle_timeout,
        min_body_rate,
        min_write_rate,
        max_connections,
        max_upgraded,
        max_requests_per_connection,
    } = Limits::default();
    vec![
        ("max_target_bytes", bytes(max_target_bytes as u64)),
        ("max_head_bytes", bytes(max_head_bytes as u64)),
        ("max_headers", count(max_headers as u64)),
        ("max_body_bytes", bytes(max_body_bytes)),
        ("buffered_body_bytes", bytes(buffered_body_bytes as u64)),
        ("head_timeout", seconds(head_timeout)),
        ("idle_timeout", seconds(idle_timeout)),
        ("min_body_rate", format!("{min_body_rate} B/s")),
        ("min_write_rate", format!("{min_write_rate} B/s")),
        ("max_connections", count(max_connections as u64)),
        ("max_upgraded", count(max_upgraded as u64)),
        (
            "max_requests_per_connection",
            max_requests_per_connection.map_or("none".to_owned(), count),
        ),
    ]
}

#[test]
fn limits_of_forms_are_the_documented_ones() {
    let limits = format!(
        "text {}, files {}, {} fields",
        bytes(post::MAX_FORM_BYTES as u64),
        bytes(post::MAX_BUFFERED_BYTES as u64),
        count(post::MAX_FIELDS as u64)
    );
    for name in ["security", "from_rouille"] {
        assert!(page(name).contains(&limits), "{name}: {limits}");
    }
}

fn bytes(n: u64) -> String {
    const MIB: u64 = 1 << 20;
    match n {
        _ if n % MIB == 0 => format!("{} MiB", n / MIB),
        _ if n % 1024 == 0 => format!("{} KiB", n / 1024),
        _ => format!("{} B", count(n)),
    }
}

fn seconds(time: Duration) -> String {
    assert_eq!(time.subsec_nanos(), 0, "whole seconds");
    format!("{} s", time.as_secs())
}

/// Returns the number with a comma between the thousands.
fn count(n: u64) -> String {
    match n {
        0..=999 => n.to_string(),
        _ => format!("{},{:03}", count(n / 1000), n % 1000),
    }
}

#[test]
fn every_limit_has_a_test() {
    let tests = include_str!("../../limits/bounds.rs");
    for row in table(README, "## Limits\n") {
        let name = code(&row[0]);
        assert!(tests.contains(name), "tests/it/limits/bounds.rs: {name}");
    }
}

#[test]
fn the_slack_of_timed_tests_is_the_documented_one() {
    let text = format!("allows {} ms more", SLACK.as_millis());
    assert!(page("guarantees").contains(&text), "{text}");
}

/// Returns whether a name in a table is a module with tests, of this binary or of the library, or a
/// package of tests.
fn is_run(name: &str) -> bool {
    if let Some(package) = name.strip_prefix("tests/") {
        return is_packed() || test_packages().contains_key(package);
    }
    is_in_this_binary(name) || has_unit_tests(&name.replace("::", "/"))
}

/// Returns whether each module of the path is declared by the one above.
fn is_in_this_binary(path: &str) -> bool {
    let mut folder = root().join("tests/it");
    let mut declaring = folder.join("main.rs");
    for name in path.split("::") {
        let text = fs::read_to_string(&declaring).unwrap_or_default();
        let is_declared = text.lines().any(|line| {
            let line = line.trim_start_matches("pub ").strip_prefix("mod ");
            line.and_then(|line| line.strip_suffix(';')) == Some(name)
        });
        if !is_declared {
            return false;
        }
        let file = folder.join(format!("{name}.rs"));
        folder.push(name);
        declaring = match file.exists() {
            true => file,
            false => folder.join("mod.rs"),
        };
    }
    declaring.exists()
}

/// Returns whether the library has tests in this module or in a module `tests` below.
fn has_unit_tests(path: &str) -> bool {
    let files = [".rs", "/mod.rs", "/tests.rs", "/tests/mod.rs"];
    let mut files = files
        .iter()
        .map(|end| root().join("src").join(format!("{path}{end}")));
    files.any(|file| fs::read_to_string(file).map_or(false, |text| text.contains("#[test]\n")))
}

#[test]
fn every_test_in_a_table_runs() {
    let mut rows_with_tests = 0;
    let mut wrong = Vec::new();
    for (name, text) in texts() {
        let mut in_table = false;
        for line in text.lines() {
            if line.ends_with("| tests |") {
                in_table = true;
            } else if !line.starts_with('|') {
                in_table = false;
            } else if in_table && !line.starts_with("|---") {
                rows_with_tests += 1;
                let cell = line.trim_end_matches(" |").rsplit(" | ").next();
                let tests = cell.unwrap_or_default().split(", ").map(code);
                let missing = tests.filter(|path| !is_run(path));
                wrong.extend(missing.map(|path| format!("{name}: {path}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(rows_with_tests > 40, "{rows_with_tests}");
}

#[test]
fn every_path_exists() {
    let is_path = |word: &&str| {
        let known = ["src/", "tests/", "examples/", "LICENSE", ".github/"];
        known.iter().any(|start| word.starts_with(start))
    };
    // A packed crate has neither the packages beside the library nor `.github`.
    let is_absent = |path: &&str| {
        let beside = path.starts_with("tests/") && !path.starts_with("tests/it");
        is_packed() && (beside || path.starts_with('.'))
    };
    let github = ["CONTRIBUTING.md", "SECURITY.md"].map(|name| (name, github(name)));
    let mut all: Vec<(String, &str)> = texts().collect();
    for (name, text) in &github {
        all.extend(text.as_deref().map(|text| ((*name).to_owned(), text)));
    }
    let mut missing = Vec::new();
    for (name, text) in all {
        let words = text.split(|c: char| c.is_whitespace() || "`()[],|\"".contains(c));
        let paths = words.filter(is_path).filter(|path| !is_absent(path));
        let lost = paths.filter(|path| !root().join(path.trim_end_matches(['.', ':'])).exists());
        missing.extend(lost.map(|path| format!("{name}: {path}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Returns the anchor that GitHub and rustdoc give to a heading.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    heading.replace(' ', "-").replace([',', '\'', '.', ':'], "")
}

#[test]
fn every_link_has_its_heading() {
    let anchors = |text: &str| -> BTreeSet<String> {
        text.lines()
            .filter(|line| line.starts_with('#'))
            .map(anchor)
            .collect()
    };
    let mut wrong = Vec::new();
    for (name, text) in texts() {
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let (target, heading) = match link.split_once('#') {
                Some((target, heading)) if !link.starts_with("http") => (target, heading),
                _ => continue,
            };
            let there = match target.strip_prefix("crate::guide::") {
                Some(other) => anchors(page(other)),
                None if target.is_empty() => anchors(text),
                // rustdoc checks the items of links to other pages, but not their headings.
                None => continue,
            };
            if !there.contains(heading) {
                wrong.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Returns the Rust programs of a text as a reader sees them, without hidden lines.
fn programs(text: &str) -> Vec<String> {
    let mut programs = Vec::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        match &mut current {
            None if line.starts_with("```rust") => current = Some(String::new()),
            Some(_) if line == "```" => programs.extend(current.take()),
            Some(program) if line != "#" && !line.starts_with("# ") => {
                program.push_str(line);
                program.push('\n');
            }
            _ => {}
        }
    }
    programs
}

/// Returns a program without its comments at the top and with another port.
fn body(program: &str, port: &str) -> String {
    let lines = program
        .lines()
        .skip_while(|line| line.starts_with("//") || line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace("8080", port)
}

#[test]
fn the_first_program_is_the_example_hello() {
    assert_eq!(body(&programs(README)[0], "8080"), body(HELLO, "8080"));
}

#[test]
fn the_recipe_for_ctrl_c_is_the_program_of_its_package() {
    let path = root().join("tests/ctrlc/src/main.rs");
    if is_packed() {
        return;
    }
    let tested = fs::read_to_string(path).expect("the package");
    let recipes = programs(page("cookbook"));
    let recipe = recipes.iter().find(|program| program.contains("ctrlc::"));
    assert_eq!(body(recipe.expect("the recipe"), "0"), body(&tested, "0"));
}

#[test]
fn every_example_and_package_is_named() {
    let rows = table(README, "## Source, examples and tests\n");
    let named: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    let entries = fs::read_dir(root().join("examples")).expect("the examples");
    let examples = entries.map(|entry| entry.expect("an entry").path());
    let examples = examples.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    assert_eq!(named, examples.collect());

    let contributing = match github("CONTRIBUTING.md") {
        Some(text) => text,
        None => return,
    };
    let rows = table(&contributing, "## Packages of tests\n");
    let named: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    let packages = test_packages();
    assert_eq!(
        named,
        packages
            .keys()
            .map(|name| format!("tests/{name}"))
            .collect()
    );
}
