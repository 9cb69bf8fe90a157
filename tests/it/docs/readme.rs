//! What the README says, held to what is so: its tables are run, its paths exist.
//! (Its Rust blocks are doc tests, by way of `src/lib.rs`.)

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::docs::tidy::{beside, is_packed};
use crate::support::{serve_as, Running, SLACK};
use millpond::input::post;
use millpond::{Limits, Response, Route, Router};

const README: &str = include_str!("../../../README.md");
const LIMITS: &str = include_str!("../../../src/limits.rs");
const CRATE: &str = include_str!("../../../src/lib.rs");
const TESTS: &str = include_str!("../main.rs");
/// In columns, outside of tables.
const WIDEST_LINE: usize = 120;

/// The cells of the tables under a heading, whose first cell is code; escaped bars are bars.
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

    let told: Vec<(&str, &str)> = in_readme.iter().map(|r| (code(&r[0]), &*r[1])).collect();
    let defaults = defaults();
    let names = |list: &[(&str, &str)]| list.iter().map(|row| row.0.to_owned()).collect();
    let told_names: Vec<String> = names(&told);
    let is: Vec<(&str, &str)> = defaults.iter().map(|(n, v)| (*n, v.as_str())).collect();
    assert_eq!(told_names, names(&is) as Vec<String>);
    for ((name, told), (_, is)) in told.into_iter().zip(is) {
        let rest = told.strip_prefix(is);
        let fits = rest.map_or(false, |rest| {
            rest.is_empty() || rest.starts_with([' ', ','])
        });
        assert!(fits, "{name} is {is}, the README says {told}");
    }
}

/// Every field, as the table writes it. A new one does not compile until it is here.
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
fn bounds_of_forms_are_the_ones_told() {
    let told = format!(
        "text {}, files {}, {} fields",
        bytes(post::MAX_FORM_BYTES as u64),
        bytes(post::MAX_BUFFERED_BYTES as u64),
        count(post::MAX_FIELDS as u64)
    );
    let section = README.split("## Forms").nth(1).expect("the heading");
    assert!(section.contains(&told), "{told}");
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

/// With a comma between the thousands.
fn count(n: u64) -> String {
    match n {
        0..=999 => n.to_string(),
        _ => format!("{},{:03}", count(n / 1000), n % 1000),
    }
}

/// The server that the README describes above its tables.
fn described() -> Running {
    let router = Router::default();
    router.add(Route::get("/").onconnect(|_| Response::text("root")));
    router.add(Route::any("/echo").onconnect(|request| {
        let mut body = Vec::new();
        match request.data().map(|mut data| data.read_to_end(&mut body)) {
            Some(Ok(_)) => Response::from_data("application/octet-stream", body),
            _ => Response::empty_400(),
        }
    }));
    router.add(Route::post("/ignore").onconnect(|_| Response::text("ignored")));
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        ..Limits::default()
    };
    serve_as(
        move |request| router.handle(request),
        |server| server.limits(limits),
    )
}

/// A request of the tables.
struct Sample {
    first: Vec<u8>,
    /// Sent after the first answer.
    then: Option<Vec<u8>>,
    /// The client's side ends behind it.
    ends: bool,
}

impl Sample {
    fn of(cell: &str) -> Sample {
        let text = code(cell);
        let ends = text.ends_with('∎');
        let text = text.trim_end_matches('∎');
        let mut parts = text.split('…');
        Sample {
            first: decoded(parts.next().unwrap_or_default()),
            then: parts.next().map(decoded),
            ends,
        }
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '⏎' => bytes.extend(b"\r\n"),
            '{' => {
                let inner: String = chars.by_ref().take_while(|&c| c != '}').collect();
                let (what, times) = inner.split_once('×').expect("{what×times}");
                bytes.extend(decoded(what).repeat(times.parse().expect("a number")));
            }
            '\\' => bytes.push(match chars.next() {
                Some('n') => b'\n',
                Some('r') => b'\r',
                Some('t') => b'\t',
                Some('0') => 0,
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    u8::from_str_radix(&digits, 16).expect("two digits")
                }
                other => panic!("no escape: {other:?}"),
            }),
            c => bytes.extend(c.to_string().bytes()),
        }
    }
    bytes
}

/// The status codes in what a server sent, wherever a status line begins.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.split("HTTP/1.1 ").skip(1);
    lines
        .map(|line| line[..3].parse().expect("a status"))
        .collect()
}

#[test]
fn what_is_accepted_is_answered_as_told() {
    let server = described();
    let rows = table(README, "### Accepted\n");
    assert!(rows.len() > 20, "the table was found");
    for row in rows {
        println!("{}", row[0]);
        let sample = Sample::of(&row[0]);
        let want: Vec<u16> = row[1].split(' ').map(|s| s.parse().unwrap()).collect();
        let method = String::from_utf8_lossy(&sample.first)
            .trim_start()
            .split(' ')
            .next()
            .map_or(String::new(), str::to_owned);
        let mut client = server.connect();
        client.send(&sample.first);
        if sample.ends {
            client.finish_sending();
        }
        if row[2] == "closed" {
            let all = client.rest().expect("the end");
            assert_eq!(statuses(&all), want, "{}", row[0]);
            continue;
        }
        assert_eq!(row[2], "open", "{}", row[0]);
        let mut then = sample.then;
        for status in want {
            let head = client.head().expect("an answer");
            assert_eq!(head.status, status, "{}", row[0]);
            if status >= 200 && method != "HEAD" && status != 204 {
                client.body(&head).expect("its body");
            }
            if let Some(then) = then.take() {
                client.send(then);
            }
        }
        assert_eq!(client.get("/").text(), "root", "{}: open", row[0]);
    }
}

#[test]
fn what_is_refused_gets_one_answer_and_the_end() {
    let server = described();
    let rows = table(README, "### Refused\n");
    assert!(rows.len() > 40, "the table was found");
    for row in rows {
        println!("{}", row[0]);
        let sample = Sample::of(&row[0]);
        let mut client = server.connect();
        client.send(&sample.first);
        if sample.ends {
            client.finish_sending();
        } else if row[1] != "408" {
            // The server may be quick to close.
            let _ = client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        let all = client.rest().expect("the end");
        let want: u16 = row[1].parse().expect("a status");
        assert_eq!(statuses(&all), [want], "{}", row[0]);
        let text = String::from_utf8(all).expect("text");
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert!(head.contains("\r\nConnection: close"), "{text}");
        // The status line once more, and why in words that are no part of what was sent.
        let line = head.lines().next().unwrap_or_default();
        let line = line.strip_prefix("HTTP/1.1 ").expect("a status line");
        let why = body
            .strip_prefix(line)
            .and_then(|why| why.strip_prefix(": "));
        let why = why.expect("a reason").trim_end();
        assert!(!why.is_empty() && why.len() < 80, "{why}");
        assert!(
            !String::from_utf8_lossy(&sample.first).contains(why),
            "{why}"
        );
        let fields: Vec<&str> = head.lines().skip(1).collect();
        let names = fields.iter().filter_map(|f| f.split(": ").next());
        let names: BTreeSet<&str> = names.collect();
        let usual = ["Connection", "Content-Length", "Content-Type", "Date"];
        assert_eq!(names, BTreeSet::from(usual));
    }
}

/// What the tables claim: the request, the last answer, whether that is the end, and the section.
pub fn claims() -> Vec<(String, u16, bool, String)> {
    let section = |cell: &str| match cell.strip_prefix('+') {
        Some(of_9110) => format!("9110 §{of_9110}"),
        None => format!("9112 §{cell}"),
    };
    let last = |cell: &str| cell.rsplit(' ').next().map(str::parse);
    let status = |cell: &str| last(cell).and_then(Result::ok).expect("a status");
    let accepted = table(README, "### Accepted\n").into_iter();
    let accepted = accepted.map(|r| (status(&r[1]), r[2] == "closed", section(&r[3]), r));
    let refused = table(README, "### Refused\n").into_iter();
    let refused = refused.map(|r| (status(&r[1]), true, section(&r[3]), r));
    let all = accepted.chain(refused);
    all.map(|(status, closes, section, row)| (row[0].clone(), status, closes, section))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, as the README writes them.
fn sources(folder: &str, found: &mut BTreeSet<String>) {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    for entry in entries.map(|entry| entry.expect("an entry").path()) {
        let path = entry.strip_prefix(root()).expect("below the root");
        let path = path.to_str().expect("a plain name").replace('\\', "/");
        if entry.is_dir() {
            sources(&path, found);
        } else if path.ends_with(".rs") {
            found.insert(path);
        }
    }
}

/// What the modules behind a `#[cfg(test)]` of this file begin with.
fn test_modules(path: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(path)).expect("a source file");
    let own = path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
    let items = text.split("#[cfg(test)]\n").skip(1);
    let lines = items.filter_map(|item| item.lines().next()?.strip_suffix(';'));
    let names = lines.filter_map(|line| line.split_once("mod "));
    names.map(|(_, name)| format!("{own}/{name}")).collect()
}

#[test]
fn the_walk_names_every_file() {
    let mut files = BTreeSet::new();
    sources("src", &mut files);
    let tests: Vec<String> = files.iter().flat_map(|path| test_modules(path)).collect();
    files.retain(|path| !tests.iter().any(|test| path.starts_with(test.as_str())));
    files.retain(|path| !path.starts_with("src/json/"));
    let rows = table(README, "## A walk through the files\n");
    let named: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    let wrong: Vec<&String> = named.symmetric_difference(&files).collect();
    assert!(wrong.is_empty(), "not there, or not named: {wrong:?}");
}

#[test]
fn the_crates_map_names_every_folder() {
    let rows = table(&CRATE.replace("//! ", ""), "# The map\n");
    let named: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    let entries = fs::read_dir(root().join("src")).expect("a folder");
    let there: BTreeSet<String> = entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name(), entry.path().is_dir()))
        .map(|(name, dir)| (name.into_string().expect("a plain name"), dir))
        .filter(|(name, _)| name != "lib.rs" && name != "json")
        .map(|(name, dir)| if dir { name + "/" } else { name })
        .collect();
    assert_eq!(named, there);
}

/// The parts of the library in the order in which the crate's root has them.
fn parts() -> Vec<&'static str> {
    let mods = CRATE.lines().filter_map(|line| {
        let line = line.strip_prefix("pub ").unwrap_or(line);
        line.strip_prefix("mod ")?.strip_suffix(';')
    });
    mods.collect()
}

#[test]
fn the_walk_and_the_map_go_in_the_order_of_the_crate() {
    let order_of = |rows: Vec<Vec<String>>| {
        let names = rows.iter().map(|row| {
            let path = code(&row[0]).trim_start_matches("src/");
            let end = path.find(['/', '.']).unwrap_or(path.len());
            path[..end].to_owned()
        });
        let mut order: Vec<String> = names.filter(|name| name != "lib").collect();
        order.dedup();
        order
    };
    let walk = table(README, "## A walk through the files\n");
    assert_eq!(order_of(walk), parts());
    let map = table(&CRATE.replace("//! ", ""), "# The map\n");
    assert_eq!(order_of(map), parts());
}

#[test]
fn lines_have_an_end() {
    let is_long = |line: &&str| !line.starts_with('|') && line.chars().count() > WIDEST_LINE;
    let long: Vec<&str> = README.lines().filter(is_long).collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_path_exists() {
    let is_path = |word: &&str| {
        let known = ["src/", "tests/", "examples/", "LICENSE"];
        known.iter().any(|start| word.starts_with(start))
    };
    let words = README.split(|c: char| c.is_whitespace() || "`()[],|".contains(c));
    let paths: BTreeSet<&str> = words.filter(is_path).collect();
    assert!(paths.len() > 50, "{paths:?}");
    let is_left_out = |path: &&str| {
        let beside = path.starts_with("tests/") && !path.starts_with("tests/it");
        is_packed() && beside
    };
    let missing: Vec<&str> = paths
        .into_iter()
        .filter(|path| !root().join(path.trim_end_matches('.')).exists())
        .filter(|path| !is_left_out(path))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Whether somebody runs it: this binary, the library's own tests, or, as a rule about packages
/// has it, `.ci/run`.
fn is_run(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        ["tests", "it", folder, module] => {
            let main = fs::read_to_string(root().join("tests/it").join(folder).join("mod.rs"));
            let module = format!("mod {};\n", module.trim_end_matches(".rs"));
            TESTS.contains(&format!("\nmod {folder};\n"))
                && main.unwrap_or_default().contains(&module)
        }
        ["tests", package, ..] => is_packed() || beside().contains_key(package),
        _ => {
            let text = fs::read_to_string(root().join(path)).unwrap_or_default();
            path.starts_with("src/") && text.contains("#[test]\n")
        }
    }
}

#[test]
fn promises_and_defences_are_held_by_tests_that_run() {
    for (heading, least) in [("## Promises\n", 14), ("## Security\n", 13)] {
        let section = README.split(heading).nth(1).expect("the heading");
        let section = section.split("\n#").next().unwrap_or_default();
        let rows = section.lines().filter(|line| line.starts_with("| "));
        let rows: Vec<&str> = rows.skip(1).collect();
        assert!(rows.len() >= least, "{rows:?}");
        for row in rows {
            let cell = row.trim_end_matches(" |").rsplit(" | ").next();
            let held_by = cell.unwrap_or_default().split(", ");
            for path in held_by.map(code) {
                assert!(is_run(path), "{path}: {row}");
            }
        }
    }
}

#[test]
fn the_time_that_tests_allow_is_the_one_told() {
    let told = format!("allows {} ms more", SLACK.as_millis());
    assert!(README.replace('\n', " ").contains(&told), "{told}");
}

#[test]
fn every_limit_is_gone_to() {
    let tests = include_str!("../limits/bounds.rs");
    for row in table(README, "## Limits\n") {
        let name = code(&row[0]);
        assert!(
            tests.contains(name),
            "tests/it/limits/bounds.rs has no {name}"
        );
    }
}

#[test]
fn every_example_and_package_is_named() {
    let rows = table(README, "## Two commands\n");
    let named: BTreeSet<String> = rows.iter().map(|row| code(&row[0]).to_owned()).collect();
    let entries = fs::read_dir(root().join("examples")).expect("the examples");
    let examples = entries.map(|entry| entry.expect("an entry").path());
    let examples = examples.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
    let mut there: BTreeSet<String> = examples.collect();
    let packages = beside();
    there.extend(packages.keys().map(|name| format!("tests/{name}")));
    let known = |name: &&String| is_packed() && name.starts_with("tests/");
    let wrong: Vec<&String> = named.symmetric_difference(&there).collect();
    let wrong: Vec<&String> = wrong.into_iter().filter(|name| !known(name)).collect();
    assert!(wrong.is_empty(), "not there, or not named: {wrong:?}");
}

#[test]
fn every_link_within_has_its_heading() {
    let anchors: BTreeSet<String> = README
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.replace(' ', "-").replace([',', '\'', '.'], ""))
        .collect();
    let links = README.split("](#").skip(1);
    for link in links.filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.contains(link), "#{link} is none of {anchors:?}");
    }
}
