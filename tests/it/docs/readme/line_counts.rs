//! The reading plan of `guide::architecture`: each file of the core is in one row, and the numbers
//! of lines are right within a tenth.

use std::fs;

use super::{code, count, page, root, sources};

const CORE: [&str; 6] = [
    "src/limits.rs",
    "src/message/",
    "src/routing/",
    "src/server/",
    "src/util/",
    "src/wire/",
];
/// Differences that a reader does not notice, so that small changes leave the table alone.
const SLACK_LINES: usize = 20;

/// Returns the lines of a file that are code: no blanks, no comments, no `#[cfg(test)]` item.
fn code_lines(text: &str) -> usize {
    let mut lines = text.lines().map(str::trim);
    let mut count = 0;
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            skip_item(&mut lines);
        } else if !line.is_empty() && !line.starts_with("//") {
            count += 1;
        }
    }
    count
}

/// Skips an item: up to the bracket that closes the first one, or to a `;` or `,` without any.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>) {
    let mut depth = 0;
    let mut has_brackets = false;
    for line in lines.filter(|line| !line.starts_with("#[")) {
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
        }
        has_brackets |= line.contains('{');
        if depth <= 0 && (has_brackets || line.ends_with([';', ','])) {
            return;
        }
    }
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs") || path.ends_with("/compat.rs")
}

#[test]
fn the_reading_plan_has_every_file_and_the_right_numbers() {
    let section = page("architecture")
        .split("# The core in order\n")
        .nth(1)
        .expect("the heading");
    let section = section.split("\n#").next().unwrap_or_default();
    let rows: Vec<Vec<&str>> = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches(&['|', ' '][..]).split(" | ").collect())
        .collect();
    let rows: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|cells| (code(cells[0]), cells[1], cells[2]))
        .collect();

    // A file belongs to the longest path that it begins with.
    let mut lines = vec![0; rows.len()];
    let mut missing = Vec::new();
    let in_core = |path: &String| CORE.iter().any(|part| path.starts_with(part));
    for path in sources().filter(|path| in_core(path) && !is_test(path)) {
        let owns = |(_, row): &(usize, &(&str, &str, &str))| path.starts_with(row.0);
        let row = rows.iter().enumerate().filter(owns);
        match row.max_by_key(|(_, row)| row.0.len()) {
            Some((row, _)) => {
                let text = fs::read_to_string(root().join(&path)).expect("a source file");
                lines[row] += code_lines(&text);
            }
            None => missing.push(path),
        }
    }
    assert!(missing.is_empty(), "in no row: {missing:#?}");

    let rounded = |lines: usize| (lines + 5) / 10 * 10;
    let want: Vec<String> = rows
        .iter()
        .zip(&lines)
        .map(|((path, _, text), lines)| {
            format!("| `{path}` | {} | {text} |", count(rounded(*lines) as u64))
        })
        .collect();
    let is_near = |shown: &str, lines: usize| {
        let shown: usize = shown.replace(',', "").parse().expect("a number");
        lines > 0 && shown.max(lines) - shown.min(lines) <= SLACK_LINES.max(lines / 10)
    };
    let right = rows.iter().zip(&lines);
    let is_right = right.clone().all(|(row, lines)| is_near(row.1, *lines));
    let sum: usize = lines.iter().sum();
    assert!(
        is_right,
        "src/guide/internals/architecture.md, \"The core in order\" ({sum} lines in all), must be:\n{}\n",
        want.join("\n")
    );
}
