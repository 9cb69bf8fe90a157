//! The numbers in Prometheus' text format, version 0.0.4: their names, help texts and labels.

use std::fmt::{Debug, Display, Write};

use super::{CloseReason, ConnectionState, Stats, WorkerState};

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Stats {
    /// The content type of [`to_prometheus`](Stats::to_prometheus).
    pub const PROMETHEUS: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// Returns the numbers in Prometheus' text format, version 0.0.4. The content type of the page
    /// must be [`PROMETHEUS`](Stats::PROMETHEUS).
    ///
    /// All names begin with `millpond_`. The names of counters end in `_total`; all other numbers
    /// are current values. Labels are `class` (`2xx`), `reason` ([`CloseReason`]) and `state`
    /// ([`ConnectionState`], [`WorkerState`]).
    ///
    /// # Example: page for Prometheus
    ///
    /// ```
    /// use millpond::{Response, Route, Router, Stats};
    ///
    /// let router = Router::default();
    /// let server = router.serve_managed(([127, 0, 0, 1], 0))?;
    /// let monitor = server.monitor();
    /// router.add(Route::get("/metrics").onconnect(move |_| {
    ///     Response::from_data(Stats::PROMETHEUS, monitor.stats().to_prometheus())
    /// }));
    /// # let request = millpond::Request::fake_http("GET", "/metrics", vec![], vec![]);
    /// # let page = router.handle(&request);
    /// # let mut text = String::new();
    /// # let mut reader = page.data.into_reader_and_size().0;
    /// # std::io::Read::read_to_string(&mut reader, &mut text)?;
    /// # assert!(text.contains("\nmillpond_requests_total{class=\"2xx\"} 0\n"));
    /// # let _ = server.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn to_prometheus(&self) -> String {
        let mut page = Page {
            text: String::with_capacity(4096),
            family: "",
        };
        page.family("uptime_seconds", "Time since the server was created.")
            .value(self.uptime.as_secs_f64());
        page.family("connections_accepted_total", "Connections accepted.")
            .value(self.accepted);
        page.family(
            "connections_turned_away_total",
            "Connections turned away with 503.",
        )
        .value(self.turned_away);
        page.family(
            "connections_not_admitted_total",
            "Connections to an address that is not served.",
        )
        .value(self.not_admitted);
        page.family("accept_errors_total", "Failures to accept a connection.")
            .value(self.accept_errors);
        let reasons = CloseReason::ALL.map(|reason| (name(reason), self.closed(reason)));
        page.family(
            "connections_closed_total",
            "Connections that ended, by reason.",
        )
        .labelled("reason", reasons);
        let states = ConnectionState::ALL.map(|state| (name(state), self.connections(state)));
        page.family("connections", "Connections open now, by state.")
            .labelled("state", states);
        page.family(
            "requests_in_flight",
            "Requests received and not answered completely.",
        )
        .value(self.in_flight);
        let classes = CLASSES.iter().map(|class| class.to_string());
        page.family("requests_total", "Requests answered, by class of status.")
            .labelled("class", classes.zip(self.responses));
        page.family("panics_total", "Handlers that panicked.")
            .value(self.panics);
        page.family("received_bytes_total", "Bytes received from clients.")
            .value(self.received_bytes);
        page.family("sent_bytes_total", "Bytes sent to clients.")
            .value(self.sent_bytes);
        let states = WorkerState::ALL.map(|state| (name(state), self.workers_in(state)));
        page.family("workers", "Threads of the pool, by state.")
            .labelled("state", states);
        page.text
    }
}

/// The page so far, and the family of numbers that is being written.
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    /// Begins a family with its help text and type.
    fn family(&mut self, family: &'static str, help: &str) -> &mut Page {
        self.family = family;
        let is_counter = family.ends_with("_total");
        let kind = if is_counter { "counter" } else { "gauge" };
        self.line(format_args!("# HELP millpond_{family} {help}"));
        self.line(format_args!("# TYPE millpond_{family} {kind}"));
        self
    }

    fn value(&mut self, value: impl Display) {
        let family = self.family;
        self.line(format_args!("millpond_{family} {value}"));
    }

    fn labelled(&mut self, label: &str, rows: impl IntoIterator<Item = (String, u64)>) {
        let family = self.family;
        for (text, value) in rows {
            self.line(format_args!(
                "millpond_{family}{{{label}=\"{text}\"}} {value}"
            ));
        }
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// Returns the name of a variant in the form of a label: `client_closed` for `ClientClosed`.
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

    /// Returns numbers of which no two are the same.
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
    fn writes_a_line_for_each_number() {
        let text = sample().to_prometheus();
        let lines: BTreeSet<&str> = text.lines().collect();
        for line in [
            "# HELP millpond_uptime_seconds Time since the server was created.",
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

    /// Returns whether the text is `name` or `name{label="value"}`.
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
    fn keeps_to_the_grammar() {
        let text = sample().to_prometheus();
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
    fn rejects_other_series() {
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
