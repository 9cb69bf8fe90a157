//! Request logging: one line for each request, in four formats. The module depends on requests,
//! responses, the clock and a writer, and not on the server.
//!
//! The line is written when the handler returns, as in rouille. A client that reads slowly
//! therefore delays no line. The line does not show whether the response was sent.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::net::SocketAddr;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::syntax::date::Utc;
use crate::message::{Request, Response};

/// The format of a line of [`log_as`].
///
/// The time is the start of the handler, in UTC. The duration is that of the handler. The client is
/// [`Request::remote_addr`], which is the proxy if the proxy is not trusted. A line is always
/// printable ASCII: see [`log_as`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// The format of rouille, for human readers:
    /// `2023-11-14 22:13:20.123456 UTC - GET /a?b - 1.5ms - 200`.
    Plain,
    /// The Common Log Format of Apache and nginx:
    /// `192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /a?b HTTP/1.1" 200 11`.
    ///
    /// The last number is the length of the body, or `-` if there is no body or the length is
    /// unknown. The two dashes stand for names that the server does not have.
    Common,
    /// [`Common`](LogFormat::Common), then the request's `Referer` and `User-Agent` in quotes, or
    /// `-` for a missing field. Log analysers such as GoAccess, AWStats and fail2ban read this
    /// format.
    Combined,
    /// A JSON object, for log collectors. Its members are `time` (RFC 3339), `client`, `method`,
    /// `target`, `version`, `status`, `bytes`, `micros`, `panicked`, `host`, `referer` and
    /// `user_agent`. A member without a value is `null`.
    Json,
}

/// Calls the handler and writes a line to `output` in rouille's format, [`LogFormat::Plain`].
///
/// [`log_as`] writes lines in other formats.
///
/// ```
/// use millpond::{log, Request, Response};
///
/// fn handle(request: &Request) -> Response {
///     log(request, std::io::stdout(), || Response::text("hello world"))
/// }
/// # handle(&Request::fake_http("GET", "/a?b", vec![], vec![]));
/// ```
pub fn log<W, F>(rq: &Request, output: W, f: F) -> Response
where
    W: Write,
    F: FnOnce() -> Response,
{
    log_as(LogFormat::Plain, rq, output, f)
}

/// Calls the handler and writes a line in the given format to `output`.
///
/// To log all requests of a server, wrap its handler:
///
/// ```
/// use millpond::{log_as, LogFormat, Response, Route, Router, Server};
///
/// let router = Router::default();
/// router.add(Route::get("/").onconnect(|_| Response::text("hello")));
/// let server = Server::new("127.0.0.1:0", move |request| {
///     log_as(LogFormat::Combined, request, std::io::stdout(), || router.handle(request))
/// });
/// # server.unwrap();
/// ```
///
/// * **Each line is one write.** Lines of several threads do not mix if the output keeps a write
///   together. Standard output and standard error do, and a `&File` that was opened for appending.
/// * **A client cannot end a line or a field.** Quotes, backslashes, and characters that are not
///   printable ASCII are escaped. Each byte becomes `\x22`, as in nginx; in JSON, the escape is
///   `\u0022`.
/// * **A panic of the handler** is logged with the status 500 (`PANIC!` in the plain format), and
///   then continues.
/// * **Errors of the output** are ignored, so that no request fails because of the log.
///
/// The line shows the response of the handler. A request that the server itself refuses (malformed,
/// or beyond a limit) does not reach a handler, and is only counted in [`Stats`](crate::Stats). The
/// query of the target may contain text that should not be stored. For such cases, use
/// [`log_custom`].
pub fn log_as<W, F>(format: LogFormat, request: &Request, mut output: W, handler: F) -> Response
where
    W: Write,
    F: FnOnce() -> Response,
{
    // A clock before 1970 gives 1970.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_epoch = since_epoch.unwrap_or_default();
    let mut write = |outcome, took| {
        let entry = Entry {
            request,
            since_epoch,
            outcome,
            took,
        };
        let _ = output.write_all(entry.line(format).as_bytes());
    };
    let (response, took) = timed(handler);
    match response {
        Ok(response) => {
            write(Some(Outcome::of(request, &response)), took);
            response
        }
        Err(panic) => {
            write(None, took);
            resume_unwind(panic)
        }
    }
}

/// Calls the handler, then `log_ok_f` with the response, or `log_err_f` after a panic. The panic
/// then continues.
///
/// The duration is that of the handler. The function is from rouille, for logs in another format or
/// another place.
///
/// ```
/// use millpond::{log_custom, Request, Response};
///
/// fn handle(request: &Request) -> Response {
///     let ok = |request: &Request, response: &Response, took: std::time::Duration| {
///         println!("{} {:?} {} {took:?}", request.method(), request.url(), response.status_code);
///     };
///     let err = |request: &Request, took: std::time::Duration| {
///         eprintln!("{} {:?} panicked after {took:?}", request.method(), request.url());
///     };
///     log_custom(request, ok, err, || Response::text("hello world"))
/// }
/// # handle(&Request::fake_http("GET", "/", vec![], vec![]));
/// ```
pub fn log_custom<L, E, F>(req: &Request, log_ok_f: L, log_err_f: E, handler: F) -> Response
where
    L: Fn(&Request, &Response, Duration),
    E: Fn(&Request, Duration),
    F: FnOnce() -> Response,
{
    let (response, took) = timed(handler);
    match response {
        Ok(response) => {
            log_ok_f(req, &response, took);
            response
        }
        Err(panic) => {
            log_err_f(req, took);
            resume_unwind(panic)
        }
    }
}

/// Calls the handler. Returns its response or its panic, and its duration. `AssertUnwindSafe` is
/// correct, because the callers resume the panic.
fn timed<F: FnOnce() -> Response>(handler: F) -> (std::thread::Result<Response>, Duration) {
    let began = Instant::now();
    let response = catch_unwind(AssertUnwindSafe(handler));
    (response, began.elapsed())
}

/// The parts of a response that a line contains.
struct Outcome {
    status: u16,
    /// The length of the body. `None` if there is no body or the length is unknown.
    bytes: Option<u64>,
}

impl Outcome {
    fn of(request: &Request, response: &Response) -> Outcome {
        // RFC 9110 §6.4.1: these have no content, even if the handler's response has a body.
        let none = request.method() == "HEAD" || matches!(response.status_code, 204 | 205 | 304);
        Outcome {
            status: response.status_code,
            bytes: response.data.size().filter(|_| !none),
        }
    }
}

/// The content of a line.
struct Entry<'a> {
    request: &'a Request,
    since_epoch: Duration,
    /// `None` after a panic of the handler.
    outcome: Option<Outcome>,
    took: Duration,
}

impl Entry<'_> {
    fn line(&self, format: LogFormat) -> String {
        let mut line = String::with_capacity(256);
        // Writing to a `String` never fails.
        let _ = match format {
            LogFormat::Plain => self.plain(&mut line),
            LogFormat::Common => self.common(&mut line),
            LogFormat::Combined => self.combined(&mut line),
            LogFormat::Json => self.json(&mut line),
        };
        line.push('\n');
        line
    }

    fn plain(&self, line: &mut String) -> fmt::Result {
        let Utc {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self.utc();
        let micros = self.since_epoch.subsec_micros();
        write!(line, "{year:04}-{month:02}-{day:02} ")?;
        write!(line, "{hour:02}:{minute:02}:{second:02}.{micros:06} UTC - ")?;
        let (method, target) = (
            EscapedBytes(self.request.method()),
            EscapedBytes(self.request.raw_url()),
        );
        write!(
            line,
            "{method} {target} - {} - ",
            RoundedDuration(self.took)
        )?;
        match &self.outcome {
            Some(outcome) => write!(line, "{}", outcome.status),
            None => write!(line, "PANIC!"),
        }
    }

    /// Writes `%h %l %u %t "%r" %>s %b` of Apache's documentation.
    fn common(&self, line: &mut String) -> fmt::Result {
        let utc = self.utc();
        let request = self.request;
        let (day, month, year) = (utc.day, utc.month_name(), utc.year);
        let (hour, minute, second) = (utc.hour, utc.minute, utc.second);
        write!(line, "{} - - ", request.remote_addr().ip())?;
        write!(
            line,
            "[{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000] "
        )?;
        let (method, target) = (
            EscapedBytes(request.method()),
            EscapedBytes(request.raw_url()),
        );
        write!(line, "\"{method} {target} {}\" ", request.head().version)?;
        match self.bytes().filter(|&bytes| bytes > 0) {
            Some(bytes) => write!(line, "{} {bytes}", self.status()),
            None => write!(line, "{} -", self.status()),
        }
    }

    fn combined(&self, line: &mut String) -> fmt::Result {
        self.common(line)?;
        let field = |name| EscapedBytes(self.request.header(name).unwrap_or("-"));
        write!(
            line,
            " \"{}\" \"{}\"",
            field("Referer"),
            field("User-Agent")
        )
    }

    fn json(&self, line: &mut String) -> fmt::Result {
        let utc = self.utc();
        let request = self.request;
        let (year, month, day) = (utc.year, utc.month, utc.day);
        let (hour, minute, second) = (utc.hour, utc.minute, utc.second);
        let micros = self.since_epoch.subsec_micros();
        write!(line, r#"{{"time":"{year:04}-{month:02}-{day:02}T"#)?;
        write!(line, r#"{hour:02}:{minute:02}:{second:02}.{micros:06}Z","#)?;
        let client: &SocketAddr = request.remote_addr();
        let (method, target) = (
            EscapedUnits(request.method()),
            EscapedUnits(request.raw_url()),
        );
        write!(
            line,
            r#""client":"{client}","method":"{method}","target":"{target}","#
        )?;
        write!(line, r#""version":"{}","#, request.head().version)?;
        write!(line, r#""status":{},"bytes":"#, self.status())?;
        match self.bytes() {
            Some(bytes) => write!(line, "{bytes}")?,
            None => write!(line, "null")?,
        }
        let panicked = self.outcome.is_none();
        write!(
            line,
            r#","micros":{},"panicked":{panicked}"#,
            self.took.as_micros()
        )?;
        for (member, field) in [
            ("host", "Host"),
            ("referer", "Referer"),
            ("user_agent", "User-Agent"),
        ] {
            match request.header(field) {
                Some(value) => write!(line, r#","{member}":"{}""#, EscapedUnits(value))?,
                None => write!(line, r#","{member}":null"#)?,
            }
        }
        line.write_char('}')
    }

    fn utc(&self) -> Utc {
        Utc::at(self.since_epoch.as_secs())
    }

    /// Returns 500 after a panic, which is the status of the server's response.
    fn status(&self) -> u16 {
        self.outcome.as_ref().map_or(500, |outcome| outcome.status)
    }

    fn bytes(&self) -> Option<u64> {
        self.outcome.as_ref().and_then(|outcome| outcome.bytes)
    }
}

/// Returns whether a character needs no escape: not a quote, a backslash, or a character with a
/// special meaning for terminals or parsers of lines.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && c != '"' && c != '\\'
}

/// A text that is printed with `\xhh` for each other byte, as in nginx.
struct EscapedBytes<'a>(&'a str);

impl fmt::Display for EscapedBytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_plain(c) {
                f.write_char(c)?;
                continue;
            }
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// A text that is printed with `\uhhhh` for each other character (RFC 8259 §7). The crate's JSON
/// writer is not used here, because its output is not limited to ASCII.
struct EscapedUnits<'a>(&'a str);

impl fmt::Display for EscapedUnits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_plain(c) {
                f.write_char(c)?;
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(f, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// A duration that is printed with one decimal, in a unit that gives at most three digits before
/// the decimal point.
struct RoundedDuration(Duration);

impl fmt::Display for RoundedDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // `as` is exact enough for one decimal at any duration.
        let of = |unit: f64| nanos as f64 / unit;
        match nanos {
            0..=999 => write!(f, "{nanos}ns"),
            1_000..=999_999 => write!(f, "{:.1}us", of(1e3)),
            1_000_000..=999_999_999 => write!(f, "{:.1}ms", of(1e6)),
            _ => write!(f, "{:.1}s", of(1e9)),
        }
    }
}

#[cfg(test)]
mod tests;
