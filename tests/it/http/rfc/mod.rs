//! What RFC 9112 and RFC 9110 demand of an origin server, section by section, and what shows that
//! it is so: rows of `tests/it/http/wire` (their bytes, the answers, the connection's fate), or a
//! test where bytes cannot show it. What is not followed stands here too, with the reason.
//!
//! Demands on clients, proxies, caches and TLS are left out, and so are those on what a handler
//! says: which resource there is, what its validators are, whom it lets in.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::docs::readme;
use crate::http::wire;

mod messages;
mod semantics;

/// How much it binds, in the words of RFC 2119. What the grammar alone demands is a `Must`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Must,
    Should,
    May,
}
use Level::{May, Must, Should};

/// Section, level, the demand, and what shows it: each a row of that section by its name, a row of
/// another as `name @ section`, a test as `module::test()` or `path.rs::test()`, or, for what is
/// not followed, `not: ` and why.
pub type Demand = (&'static str, Level, &'static str, &'static [&'static str]);

fn demands() -> impl Iterator<Item = &'static Demand> {
    messages::DEMANDS.iter().chain(semantics::DEMANDS)
}

/// Whether the test of that name is where the name says.
fn is_test(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").expect("module::test()");
    let path = match module.ends_with(".rs") {
        true => module.to_owned(),
        false => format!("tests/it/{}.rs", module.replace("::", "/")),
    };
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    let text = text.unwrap_or_default();
    let above = text
        .split(&format!("fn {test} {{"))
        .next()
        .unwrap_or_default();
    let lines = above
        .lines()
        .rev()
        .map(str::trim)
        .skip_while(|line| line.is_empty());
    above.len() < text.len()
        && lines
            .take_while(|line| line.starts_with("#["))
            .any(|line| line == "#[test]")
}

#[test]
fn every_demand_is_shown() {
    let rows = wire::all();
    let is_row = |name: &str, section: &str| {
        let (name, of) = name.split_once(" @ ").unwrap_or((name, section));
        rows.iter().any(|row| row.section == of && row.name == name)
    };
    let mut wrong = Vec::new();
    for (section, level, demand, shown) in demands() {
        let holds = |by: &&&str| match by.strip_prefix("not: ") {
            Some(_) => *level != Must,
            None if by.ends_with("()") => is_test(by),
            None => is_row(by, section),
        };
        let unshown = shown.iter().filter(|by| !holds(by));
        wrong.extend(unshown.map(|by| format!("{section}: {demand}: {by}")));
        assert!(!shown.is_empty(), "{section}: {demand}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_row_is_of_a_section_that_demands_it() {
    let sections: BTreeSet<&str> = demands().map(|demand| demand.0).collect();
    let rows = wire::all();
    let loose = rows.iter().filter(|row| !sections.contains(row.section));
    let loose: Vec<_> = loose.map(|row| (row.section, &row.name)).collect();
    assert!(loose.is_empty(), "{loose:#?}");
}

#[test]
fn no_two_rows_of_a_section_have_one_name() {
    let rows = wire::all();
    let mut names = BTreeSet::new();
    let twice = rows
        .iter()
        .filter(|row| !names.insert((row.section, &row.name)));
    let twice: Vec<_> = twice.map(|row| (row.section, &row.name)).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

#[test]
fn the_sections_are_in_their_order() {
    let number = |section: &str| -> Vec<u32> {
        let digits = section.split(|c: char| !c.is_ascii_digit());
        let numbers = digits.filter(|digits| !digits.is_empty());
        numbers.map(|n| n.parse().expect("a number")).collect()
    };
    for demands in [messages::DEMANDS, semantics::DEMANDS] {
        for pair in demands.windows(2) {
            assert!(number(pair[0].0) <= number(pair[1].0), "{}", pair[1].2);
        }
    }
}

/// README's tables are run by `readme.rs`. Here: they claim nothing that the tables of the wire do
/// not show of the same section, with the same answers and the same fate.
#[test]
fn what_the_readme_claims_is_demanded_and_shown() {
    let sections: BTreeSet<&str> = demands().map(|demand| demand.0).collect();
    let rows = wire::all();
    let mut wrong = Vec::new();
    for (request, answer, closes, section) in readme::claims() {
        let of: Vec<_> = rows.iter().filter(|row| row.section == section).collect();
        let shows = |row: &&wire::Case| {
            let last = row.answers.last().map_or("", |answer| answer);
            let status = last.trim_start_matches("HEAD ").get(..3);
            let status: u16 = status.and_then(|text| text.parse().ok()).expect("a status");
            // The handlers of the two servers differ, and so does what is a success.
            let same = status == answer || (status / 100, answer / 100) == (2, 2);
            same && (row.fate != wire::Stays) == closes
        };
        // Limits and times, and what a router says, are shown by tests alone.
        let shown = of.is_empty() || of.iter().any(shows);
        if !shown || !sections.contains(&*section) {
            wrong.push(format!("{request}: {answer}, {section}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
