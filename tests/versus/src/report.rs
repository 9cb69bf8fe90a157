//! The measurements and their report: medians, spreads and ratios, as a table and as JSON.

use crate::work::Work;
use std::fmt::Write;
use std::time::Duration;

/// One run of one server under one workload.
#[derive(Clone, Debug)]
pub struct Sample {
    pub per_second: f64,
    pub p50_micros: f64,
    pub p99_micros: f64,
    /// The server's processor time for each request.
    pub cpu_micros: Option<f64>,
    /// The server's processor time in hundredths of one core.
    pub cpu_percent: f64,
    pub resident_kib: u64,
    /// Connections that were answered at all.
    pub answered: usize,
    pub errors: u64,
}

impl Sample {
    /// Rate, percentiles and processor time of requests that were timed one by one.
    pub fn of_latencies(mut latencies: Vec<Duration>, seconds: f64, cpu: Duration) -> Sample {
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let at = (latencies.len() * percent / 100).min(latencies.len().saturating_sub(1));
            latencies
                .get(at)
                .map_or(f64::NAN, |l| l.as_secs_f64() * 1e6)
        };
        let count = latencies.len() as f64;
        Sample {
            per_second: count / seconds,
            p50_micros: percentile(50),
            p99_micros: percentile(99),
            cpu_micros: (count > 0.0).then(|| cpu.as_micros() as f64 / count),
            cpu_percent: 0.0,
            resident_kib: 0,
            answered: 0,
            errors: 0,
        }
    }
}

/// The samples of one workload: for each server, one per round or none where it failed.
pub struct Series {
    pub work: &'static Work,
    pub samples: Vec<Vec<Option<Sample>>>,
}

/// The median and the extremes of the measurements.
#[derive(Clone, Copy)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        values.sort_unstable_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        let (left, right) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Spread {
            median: (left + right) / 2.0,
            low,
            high,
        })
    }
}

impl Series {
    /// The figure servers are compared by: requests a second, or the median latency in µs.
    pub fn compared(&self, peer: usize) -> Option<Spread> {
        self.spread(peer, |sample| self.figure(sample))
    }

    fn figure(&self, sample: &Sample) -> f64 {
        match self.work.compares_latency() {
            true => sample.p50_micros,
            false => sample.per_second,
        }
    }

    pub fn spread(&self, peer: usize, of: impl Fn(&Sample) -> f64) -> Option<Spread> {
        Spread::of(self.samples[peer].iter().flatten().map(of))
    }

    /// The median of the ratios within each round: the drift of the machine cancels out.
    pub fn ratio(&self, peer: usize, base: usize) -> Option<f64> {
        let rounds = self.samples[peer].iter().zip(&self.samples[base]);
        let ratios = rounds.filter_map(|(sample, base)| {
            Some(self.figure(sample.as_ref()?) / self.figure(base.as_ref()?))
        });
        Spread::of(ratios).map(|spread| spread.median)
    }

    /// The worst round counts: a connection that was starved once was starved.
    pub fn answered(&self, peer: usize) -> Option<usize> {
        self.samples[peer]
            .iter()
            .flatten()
            .map(|sample| sample.answered)
            .min()
    }

    pub fn errors(&self, peer: usize) -> u64 {
        self.samples[peer]
            .iter()
            .flatten()
            .map(|sample| sample.errors)
            .sum()
    }
}

/// The table of one workload, in Markdown, the best server first.
pub fn table(series: &Series, names: &[String], base: usize) -> String {
    let latency = series.work.compares_latency();
    let of_base = format!("× {}", names[base]);
    let cost = if latency { "server CPU" } else { "CPU/request" };
    let mut rows: Vec<Vec<String>> = vec![["peer", "req/s", "min–max", &of_base, "p50", "p99"]
        .iter()
        .chain(&[cost, "memory", "answered", "errors"])
        .map(|title| title.to_string())
        .collect()];
    if latency {
        rows[0][1] = "median p50".to_owned();
    }
    for peer in ranking(series, names.len()) {
        let Some(compared) = series.compared(peer) else {
            continue;
        };
        let shown = |value: f64| if latency { micros(value) } else { count(value) };
        let median = |of: fn(&Sample) -> f64| series.spread(peer, of).map(|spread| spread.median);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
        let cost = match latency {
            true => median(|s| s.cpu_percent).map(|percent| format!("{percent:.1} %")),
            false => median(|s| s.cpu_micros.unwrap_or(f64::NAN)).map(|us| format!("{us:.1} µs")),
        };
        let answered = series.answered(peer).unwrap_or(0);
        rows.push(vec![
            names[peer].clone(),
            shown(compared.median),
            format!("{}–{}", shown(compared.low), shown(compared.high)),
            or_dash(series.ratio(peer, base).map(|ratio| format!("{ratio:.2}"))),
            or_dash(median(|s| s.p50_micros).map(micros)),
            or_dash(median(|s| s.p99_micros).map(micros)),
            or_dash(cost),
            or_dash(median(|s| s.resident_kib as f64).map(|k| format!("{:.1} MB", k / 1024.0))),
            format!("{answered}/{}", series.work.connections),
            count(series.errors(peer) as f64),
        ]);
    }
    format!("## {}\n\n{}", series.work.title, aligned(&rows))
}

/// The servers that were measured, best first.
pub fn ranking(series: &Series, peers: usize) -> Vec<usize> {
    let mut ranked: Vec<(usize, f64)> = (0..peers)
        .filter_map(|peer| Some((peer, series.compared(peer)?.median)))
        .collect();
    ranked.sort_by(|a, b| match series.work.compares_latency() {
        true => a.1.total_cmp(&b.1),
        false => b.1.total_cmp(&a.1),
    });
    ranked.into_iter().map(|(peer, _)| peer).collect()
}

fn aligned(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..rows[0].len()).filter_map(width).collect();
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = match cell == &row[0] {
                true => write!(text, "| {cell:<width$} "),
                false => write!(text, "| {cell:>width$} "),
            };
        }
        text.push_str("|\n");
        if at == 0 {
            let rules = widths
                .iter()
                .enumerate()
                .map(|(column, width)| match column {
                    0 => format!("|{}", "-".repeat(width + 2)),
                    _ => format!("|{}:", "-".repeat(width + 1)),
                });
            text.extend(rules);
            text.push_str("|\n");
        }
    }
    text
}

/// 950 · 9,500 · 95.0k · 1.24M
pub fn count(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{:.2}M", n / 1e6),
        n if n >= 1e4 => format!("{:.1}k", n / 1e3),
        n if n >= 1e3 => format!("{},{:03}", n as u64 / 1000, n as u64 % 1000),
        n => format!("{n:.0}"),
    }
}

/// 95 µs · 1.24 ms · 1.24 s
pub fn micros(us: f64) -> String {
    match us {
        us if us >= 1e6 => format!("{:.2} s", us / 1e6),
        us if us >= 1e3 => format!("{:.2} ms", us / 1e3),
        us => format!("{us:.0} µs"),
    }
}

/// Everything that was measured, sample by sample.
pub fn json(about: &[(&str, String)], versions: &[(String, String)], all: &[Series]) -> String {
    let facts = about
        .iter()
        .map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)));
    let peers = versions.iter().map(|(name, version)| {
        format!(
            "{{\"name\": {}, \"version\": {}}}",
            quoted(name),
            quoted(version)
        )
    });
    let works = all.iter().map(|series| {
        let results = versions.iter().enumerate().map(|(peer, (name, _))| {
            let samples = series.samples[peer].iter().map(sample_json);
            format!("{}: {}", quoted(name), list(samples, "\n     "))
        });
        format!(
            "{{\"name\": {}, \"title\": {}, \"connections\": {}, \"rounds\": {{\n    {}}}}}",
            quoted(series.work.name),
            quoted(series.work.title),
            series.work.connections,
            results.collect::<Vec<_>>().join(",\n    ")
        )
    });
    format!(
        "{{\n {},\n \"peers\": {},\n \"works\": {}\n}}\n",
        facts.collect::<Vec<_>>().join(",\n "),
        list(peers, "\n  "),
        list(works, "\n   ")
    )
}

fn list(items: impl Iterator<Item = String>, separator: &str) -> String {
    format!(
        "[{}]",
        items.collect::<Vec<_>>().join(&format!(",{separator}"))
    )
}

fn sample_json(sample: &Option<Sample>) -> String {
    let Some(s) = sample else {
        return "null".to_owned();
    };
    // JSON knows no NaN.
    let number = |n: f64| {
        if n.is_finite() {
            format!("{n:.2}")
        } else {
            "null".to_owned()
        }
    };
    format!(
        "{{\"per_second\": {}, \"p50_micros\": {}, \"p99_micros\": {}, \"cpu_micros\": {}, \
         \"cpu_percent\": {}, \"resident_kib\": {}, \"answered\": {}, \"errors\": {}}}",
        number(s.per_second),
        number(s.p50_micros),
        number(s.p99_micros),
        number(s.cpu_micros.unwrap_or(f64::NAN)),
        number(s.cpu_percent),
        s.resident_kib,
        s.answered,
        s.errors
    )
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter()).unwrap();
        assert_eq!((spread.median, spread.low, spread.high), (2.5, 1.0, 4.0));
        assert!(Spread::of([f64::NAN].into_iter()).is_none());
    }

    #[test]
    fn figures_are_short() {
        let rows = [
            (950.0, "950"),
            (9_500.0, "9,500"),
            (95_000.0, "95.0k"),
            (1.24e6, "1.24M"),
        ];
        for (n, want) in rows {
            assert_eq!(count(n), want);
        }
        let rows = [(95.0, "95 µs"), (1240.0, "1.24 ms"), (1.24e6, "1.24 s")];
        for (us, want) in rows {
            assert_eq!(micros(us), want);
        }
    }
}
