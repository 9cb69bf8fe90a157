//! RFC 9110 and RFC 9112 as a client sees a server: the demands of each section, and the rows that
//! show them. A row has the bytes, the answers and the end of the connection. A demand that no bytes
//! show names a test; a demand that is not followed has the reason.
//!
//! Each row is sent whole, byte by byte, split at several points, with its sending side ended, and
//! with another request behind it: that request is answered where the connection stays, and never
//! where it closes. (`src/wire` splits its rows at every byte.)
//!
//! Demands on clients, proxies, caches and TLS are left out, and so are those on a handler: the
//! resources, their validators, the access to them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::docs::readme;

mod check;
mod chunked;
mod connections;
mod ends;
mod fields;
mod framing;
mod lines;
mod responses;
mod targets;

use check::{check, describing_server};

/// The level of a demand, in the words of RFC 2119. A demand of the grammar alone is a `Must`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Must,
    Should,
    May,
}
use Level::{May, Must, Should};

/// Section, level, the demand, and its proofs. A proof is a row of that section by its name, a row
/// of another section as `name @ section`, a test of this binary or of the library as
/// `module::test()`, or, for a demand that is not followed, `not: ` and the reason.
pub type Demand = (&'static str, Level, &'static str, &'static [&'static str]);

/// The connection behind the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    Stays,
    Closes,
    /// The client's side ends behind the bytes, and so does the connection behind the answers.
    Ends,
}
pub use Persistence::{Closes, Ends, Stays};

/// Section, fact, bytes, answers, persistence. An answer is a status, for HEAD as `HEAD 200`; after a
/// blank follows the text of [`describe`](check), where the handler ran.
pub type Row = (
    &'static str,
    &'static str,
    &'static [u8],
    &'static [&'static str],
    Persistence,
);

/// A row with all of its bytes: those of a table may be a part of them.
#[derive(Clone, Debug)]
pub struct Case {
    pub section: &'static str,
    pub name: String,
    pub bytes: Vec<u8>,
    pub answers: Vec<String>,
    pub persistence: Persistence,
}

impl Case {
    pub fn new(
        section: &'static str,
        name: &str,
        bytes: impl Into<Vec<u8>>,
        answers: &[&str],
        persistence: Persistence,
    ) -> Case {
        Case {
            section,
            name: name.to_owned(),
            bytes: bytes.into(),
            answers: answers.iter().map(|&answer| answer.to_owned()).collect(),
            persistence,
        }
    }
}

/// The rows of a table that hold all of their bytes but those before and behind.
fn cases(before: &[u8], rows: &[Row], behind: &[u8]) -> Vec<Case> {
    rows.iter()
        .map(|&(section, name, bytes, answers, persistence)| {
            Case::new(
                section,
                name,
                [before, bytes, behind].concat(),
                answers,
                persistence,
            )
        })
        .collect()
}

/// All rows.
fn all() -> Vec<Case> {
    let tables = [
        lines::rows(),
        targets::rows(),
        fields::rows(),
        framing::rows(),
        chunked::rows(),
        connections::rows(),
        ends::rows(),
    ];
    tables.concat()
}

const DEMANDS: [&[Demand]; 8] = [
    lines::DEMANDS,
    targets::DEMANDS,
    fields::DEMANDS,
    framing::DEMANDS,
    chunked::DEMANDS,
    connections::DEMANDS,
    ends::DEMANDS,
    responses::DEMANDS,
];

fn demands() -> impl Iterator<Item = &'static Demand> {
    DEMANDS.iter().copied().flatten()
}

/// Returns whether this binary or the library has a test of that name.
fn is_test(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").expect("module::test()");
    let path = module.replace("::", "/");
    let files = ["tests/it", "src"].iter().flat_map(|root| {
        let ends = [".rs", "/mod.rs", "/tests.rs", "/tests/mod.rs"];
        ends.map(|end| format!("{root}/{path}{end}"))
    });
    let mut files = files.map(|file| Path::new(env!("CARGO_MANIFEST_DIR")).join(file));
    files.any(|file| fs::read_to_string(file).map_or(false, |text| has_test(&text, test)))
}

fn has_test(text: &str, test: &str) -> bool {
    let start = format!("fn {test} {{");
    let above = match text.split_once(&start) {
        Some((above, _)) => above,
        None => return false,
    };
    let lines = above
        .lines()
        .rev()
        .map(str::trim)
        .skip_while(|line| line.is_empty());
    lines
        .take_while(|line| line.starts_with("#["))
        .any(|line| line == "#[test]")
}

#[test]
fn every_demand_is_shown() {
    let rows = all();
    assert!(demands().count() > 140 && rows.len() > 640, "rows are lost");
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
    let rows = all();
    let loose = rows.iter().filter(|row| !sections.contains(row.section));
    let loose: Vec<_> = loose.map(|row| (row.section, &row.name)).collect();
    assert!(loose.is_empty(), "{loose:#?}");
}

#[test]
fn no_two_rows_of_a_section_have_one_name() {
    let rows = all();
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
    for demands in DEMANDS {
        for pair in demands.windows(2) {
            assert!(number(pair[0].0) <= number(pair[1].0), "{}", pair[1].2);
        }
    }
}

/// README's tables are run by `readme.rs`. Here: they claim nothing that the tables of the wire do
/// not show of the same section, with the same answers and the same end.
#[test]
fn what_the_readme_claims_is_demanded_and_shown() {
    let sections: BTreeSet<&str> = demands().map(|demand| demand.0).collect();
    let rows = all();
    let mut wrong = Vec::new();
    for (request, answer, closes, section) in readme::claims() {
        let of: Vec<_> = rows.iter().filter(|row| row.section == section).collect();
        let shows = |row: &&Case| {
            let last = row.answers.last().map_or("", |answer| answer);
            let status = last.trim_start_matches("HEAD ").get(..3);
            let status: u16 = status.and_then(|text| text.parse().ok()).expect("a status");
            // The handlers of the two servers differ, and so do their statuses of success.
            let same = status == answer || (status / 100, answer / 100) == (2, 2);
            same && (row.persistence != Stays) == closes
        };
        // Limits, times and the answers of a router have tests instead of rows.
        let shown = of.is_empty() || of.iter().any(shows);
        if !shown || !sections.contains(&*section) {
            wrong.push(format!("{request}: {answer}, {section}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
