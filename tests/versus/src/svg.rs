//! Draws the report as bars, a panel for each workload, readable on light and on dark pages: the
//! picture brings its own background and follows the reader's colour scheme.

use crate::report::{self, Sample, Series};
use std::fmt::Write;

const PANEL_WIDTH: usize = 480;
const MARGIN: usize = 24;
const LABEL_WIDTH: usize = 108;
const BAR_WIDTH: f64 = 178.0;
const ROW_HEIGHT: usize = 21;
const TITLE_HEIGHT: usize = 50;
const PANEL_GAP: usize = 22;
/// A text that surely fits into the width, with any font.
const FOOTER_CHARS: usize = 130;
const LINE_HEIGHT: usize = 17;

const STYLE: &str = "\
:root { --page: #ffffff; --text: #1f2328; --muted: #59636e; --bar: #9db4d3; --ours: #14866a; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --text: #e6edf3; --muted: #9aa4af; --bar: #47628a; --ours: #2ba882; }
}
text { font: 12px system-ui, sans-serif; fill: var(--text); font-variant-numeric: tabular-nums; }
.page { fill: var(--page); } .bar { fill: var(--bar); } .ours { fill: var(--ours); }
.head { font-size: 17px; font-weight: 600; } .title { font-size: 13px; font-weight: 600; }
.muted { fill: var(--muted); } .strong { font-weight: 600; }
.spread { stroke: var(--text); stroke-width: 1.2; fill: none; }
";

/// The whole picture: two panels to a row, the facts of the run below them.
pub fn draw(
    about: &[(&str, String)],
    versions: &[(String, String)],
    all: &[Series],
    base: usize,
) -> String {
    let mut body = String::new();
    let mut y = MARGIN + 20;
    text(
        &mut body,
        MARGIN,
        y,
        "head",
        "millpond beside other HTTP servers",
    );
    y += LINE_HEIGHT + 3;
    let legend = format!(
        "Bars: medians. Thin lines: least to most of all rounds. ×: ratio to {}, within rounds.",
        versions[base].0
    );
    text(&mut body, MARGIN, y, "muted", &legend);
    y += PANEL_GAP;
    for row in all.chunks(2) {
        let mut bottom = y;
        for (column, series) in row.iter().enumerate() {
            let x = MARGIN + column * (PANEL_WIDTH + MARGIN);
            bottom = bottom.max(panel(&mut body, x, y, series, versions, base));
        }
        y = bottom + PANEL_GAP;
    }
    for line in footer(about, versions) {
        text(&mut body, MARGIN, y, "muted", &line);
        y += LINE_HEIGHT;
    }
    let (width, height) = (2 * PANEL_WIDTH + 3 * MARGIN, y + MARGIN - LINE_HEIGHT);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <title>millpond beside other HTTP servers</title>\n<style>\n{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n{body}</svg>\n"
    )
}

/// Draws one workload and returns where it ends.
fn panel(
    body: &mut String,
    x: usize,
    y: usize,
    series: &Series,
    versions: &[(String, String)],
    base: usize,
) -> usize {
    let unit = match series.work.compares_latency() {
        true => "median latency, shorter is better",
        false => "requests a second, longer is better",
    };
    text(body, x, y + 14, "title", series.work.title);
    text(body, x, y + 31, "muted", unit);
    let ranking = report::ranking(series, versions.len());
    let spreads = ranking.iter().filter_map(|&peer| series.compared(peer));
    let most = spreads
        .map(|spread| spread.high)
        .fold(f64::MIN_POSITIVE, f64::max);
    let length = |value: f64| value / most * BAR_WIDTH;
    let bar_x = (x + LABEL_WIDTH) as f64;
    let mut top = y + TITLE_HEIGHT - 8;
    for peer in ranking {
        let Some(spread) = series.compared(peer) else {
            continue;
        };
        let name = &versions[peer].0;
        let ours = name.starts_with("millpond");
        let (label, bar) = if ours {
            ("strong", "ours")
        } else {
            ("", "bar")
        };
        text(body, x, top + 14, label, name);
        let _ = writeln!(
            body,
            "<rect class=\"{bar}\" x=\"{bar_x}\" y=\"{}\" width=\"{:.1}\" height=\"15\" rx=\"2\"/>",
            top + 2,
            length(spread.median).max(1.0),
        );
        if spread.high > spread.low {
            let (low, high) = (bar_x + length(spread.low), bar_x + length(spread.high));
            let (middle, above, below) = (top + 9, top + 6, top + 13);
            let _ = writeln!(
                body,
                "<path class=\"spread\" d=\"M{low:.1} {above}V{below}M{low:.1} {middle}H{high:.1}\
                 M{high:.1} {above}V{below}\"/>",
            );
        }
        let end = bar_x + length(spread.high) + 7.0;
        text(
            body,
            end as usize,
            top + 14,
            label,
            &caption(series, peer, base),
        );
        top += ROW_HEIGHT;
    }
    top
}

/// The figures beside a bar, and the reasons to doubt them.
fn caption(series: &Series, peer: usize, base: usize) -> String {
    let Some(spread) = series.compared(peer) else {
        return String::new();
    };
    let ratio = series
        .ratio(peer, base)
        .map_or_else(String::new, |ratio| format!(" ×{ratio:.2}"));
    let p99 = |sample: &Sample| sample.p99_micros;
    let mut caption = match series.work.compares_latency() {
        true => {
            let p99 = series
                .spread(peer, p99)
                .map_or(f64::NAN, |spread| spread.median);
            let median = report::micros(spread.median);
            format!("{median}{ratio} · p99 {}", report::micros(p99))
        }
        false => format!("{}{ratio}", report::count(spread.median)),
    };
    match series.answered(peer) {
        Some(answered) if answered < series.work.connections => {
            let unanswered = series.work.connections - answered;
            caption.push_str(&format!(" · {unanswered} unanswered"));
        }
        _ if series.errors(peer) > 0 => {
            caption.push_str(&format!(
                " · {} errors",
                report::count(series.errors(peer) as f64)
            ));
        }
        _ => {}
    }
    caption
}

fn footer(about: &[(&str, String)], versions: &[(String, String)]) -> Vec<String> {
    let facts: Vec<_> = about
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let peers: Vec<_> = versions
        .iter()
        .map(|(name, version)| format!("{name} {version}"))
        .collect();
    let mut lines = vec!["load generator: on the same cores as the servers".to_owned()];
    for item in facts.into_iter().chain(peers) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + item.chars().count() < FOOTER_CHARS => {
                line.push_str(" · ");
                line.push_str(&item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

fn text(body: &mut String, x: usize, y: usize, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        body,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"
    );
}
