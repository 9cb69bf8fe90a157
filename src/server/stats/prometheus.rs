//! The numbers in Prometheus' text format 0.0.4. It knows their names and nothing of where they
//! come from.

use std::fmt::{Debug, Display, Write};

use super::{CloseReason, ConnectionState, Stats, WorkerState};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The text, which ends with a line break.
pub(crate) fn text(stats: &Stats) -> String {
    let mut page = Page(String::with_capacity(4096));
    let uptime = stats.uptime.as_secs_f64();
    page.metric("uptime_seconds", "Time since the server was made.", uptime);
    let help = "Connections accepted.";
    page.metric("connections_accepted_total", help, stats.accepted);
    let help = "Connections turned away with 503.";
    page.metric("connections_turned_away_total", help, stats.turned_away);
    let help = "Connections to an address that is not served.";
    page.metric("connections_not_admitted_total", help, stats.not_admitted);
    let help = "Times that accepting a connection failed.";
    page.metric("accept_errors_total", help, stats.accept_errors);
    page.labelled(
        (
            "connections_closed_total",
            "Connections that ended, by reason.",
        ),
        "reason",
        CloseReason::ALL.map(|reason| (name(reason), stats.closed(reason))),
    );
    page.labelled(
        (
            "connections",
            "Connections open now, by what they are doing.",
        ),
        "state",
        ConnectionState::ALL.map(|state| (name(state), stats.connections(state))),
    );
    let help = "Requests received and not yet answered whole.";
    page.metric("requests_in_flight", help, stats.in_flight);
    let classes = CLASSES.iter().zip(stats.responses);
    page.labelled(
        ("requests_total", "Requests answered, by class of status."),
        "class",
        classes.map(|(class, count)| (class.to_string(), count)),
    );
    page.metric("panics_total", "Handlers that panicked.", stats.panics);
    let help = "Bytes received from clients.";
    page.metric("received_bytes_total", help, stats.received_bytes);
    let help = "Bytes sent to clients.";
    page.metric("sent_bytes_total", help, stats.sent_bytes);
    page.labelled(
        ("workers", "Threads of the pool, by what they are doing."),
        "state",
        WorkerState::ALL.map(|state| (name(state), stats.workers_in(state))),
    );
    page.0
}

struct Page(String);

impl Page {
    fn metric(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, help);
        self.line(format_args!("millpond_{name} {value}"));
    }

    fn labelled(
        &mut self,
        (name, help): (&str, &str),
        label: &str,
        rows: impl IntoIterator<Item = (String, u64)>,
    ) {
        self.head(name, help);
        for (is, value) in rows {
            self.line(format_args!("millpond_{name}{{{label}=\"{is}\"}} {value}"));
        }
    }

    fn head(&mut self, name: &str, help: &str) {
        let grows = name.ends_with("_total");
        self.line(format_args!("# HELP millpond_{name} {help}"));
        let kind = if grows { "counter" } else { "gauge" };
        self.line(format_args!("# TYPE millpond_{name} {kind}"));
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{line}");
    }
}

/// `ClientClosed` as `client_closed`.
fn name(variant: impl Debug) -> String {
    let mut name = String::new();
    for c in format!("{variant:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::time::Duration;

    /// Every number another one.
    fn sample() -> Stats {
        let mut stats = Stats {
            uptime: Duration::from_millis(1500),
            accepted: 1,
            turned_away: 2,
            not_admitted: 12,
            accept_errors: 3,
            in_flight: 4,
            responses: [5, 6, 7, 8, 9],
            panics: 10,
            received_bytes: 11,
            sent_bytes: u64::MAX,
            ..Stats::default()
        };
        let numbers = [
            &mut stats.closed[..],
            &mut stats.connections,
            &mut stats.workers_in,
        ];
        for (number, next) in numbers.into_iter().flatten().zip(100..) {
            *number = next;
        }
        stats
    }

    #[test]
    fn each_number_has_its_line() {
        let text = text(&sample());
        let lines: BTreeSet<&str> = text.lines().collect();
        for line in [
            "# HELP millpond_uptime_seconds Time since the server was made.",
            "# TYPE millpond_uptime_seconds gauge",
            "millpond_uptime_seconds 1.5",
            "# TYPE millpond_connections_accepted_total counter",
            "millpond_connections_accepted_total 1",
            "millpond_connections_turned_away_total 2",
            "millpond_connections_not_admitted_total 12",
            "millpond_accept_errors_total 3",
            "millpond_requests_in_flight 4",
            "millpond_requests_total{class=\"1xx\"} 5",
            "millpond_requests_total{class=\"5xx\"} 9",
            "millpond_panics_total 10",
            "millpond_received_bytes_total 11",
            "millpond_sent_bytes_total 18446744073709551615",
            "millpond_connections_closed_total{reason=\"client_closed\"} 100",
            "millpond_connections_closed_total{reason=\"upgraded\"} 111",
            "millpond_connections{state=\"fresh\"} 112",
            "millpond_connections{state=\"upgraded\"} 121",
            "millpond_workers{state=\"handler\"} 122",
            "millpond_workers{state=\"idle\"} 126",
        ] {
            assert!(lines.contains(line), "{line} is missing:\n{text}");
        }
    }

    /// `name` or `name{label="value"}`, as the format has them.
    fn is_series(series: &str) -> bool {
        let is_name = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match series.split_once('{') {
            None => is_name(series),
            Some((name, labels)) => labels
                .strip_suffix("\"}")
                .and_then(|label| label.split_once("=\""))
                .map_or(false, |(label, value)| {
                    is_name(name)
                        && is_name(label)
                        && is_name(value.trim_start_matches(|c: char| c.is_ascii_digit()))
                }),
        }
    }

    #[test]
    fn the_text_keeps_to_the_grammar() {
        let text = text(&sample());
        assert!(text.ends_with('\n'));
        let (mut families, mut series) = (BTreeSet::new(), BTreeSet::new());
        let mut family = "";
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split_once(' ').expect("some help").0;
                assert!(families.insert(family), "{line}: a second time");
                let kind = lines.next().expect("its type");
                let kind = kind.strip_prefix(&format!("# TYPE {family} ")).expect(kind);
                let grows = family.ends_with("_total");
                assert_eq!(kind, if grows { "counter" } else { "gauge" }, "{line}");
                assert!(lines.peek().is_some(), "{line}: no value");
                continue;
            }
            let (name, value) = line.split_once(' ').expect("a value");
            assert!(is_series(name), "{line}");
            assert_eq!(name.split('{').next(), Some(family), "{line}: among others");
            assert!(series.insert(name), "{line}: a second time");
            value
                .parse::<f64>()
                .unwrap_or_else(|e| panic!("{line}: {e}"));
        }
        assert_eq!(families.len(), 13);
        assert_eq!(series.len(), 9 + 12 + 10 + 5 + 5);
    }

    #[test]
    fn what_is_no_series_is_seen() {
        for (series, is) in [
            ("a_b", true),
            ("a{b=\"c_d\"}", true),
            ("a{b=\"2xx\"}", true),
            ("a-b", false),
            ("1a", false),
            ("a{b=c}", false),
            ("a{b=\"c\"", false),
            ("a{=\"c\"}", false),
            ("a{b=\"c\"d\"}", false),
        ] {
            assert_eq!(is_series(series), is, "{series}");
        }
    }
}
