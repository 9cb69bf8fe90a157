//! One line for each request, in four formats. It knows requests and responses, the time of day,
//! and whatever can be written to; not who serves, nor what was sent.
//!
//! The line is written when the handler returns, as rouille does it: what goes out after that is
//! the server's affair, and a client that reads slowly delays no line.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::net::SocketAddr;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::syntax::date::Utc;
use crate::message::{Request, Response};

/// How a line of [`log_as`] looks.
///
/// Times are UTC, and tell when the handler began; durations are the handler's. The client is
/// [`Request::remote_addr`]: behind a proxy that is not trusted, that proxy. In every format a line
/// is printable ASCII, whatever the client sent: see [`log_as`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// rouille's, for the eye: `2023-11-14 22:13:20.123456 UTC - GET /a?b - 1.5ms - 200`.
    Plain,
    /// The Common Log Format, as Apache and nginx write it:
    /// `192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] "GET /a?b HTTP/1.1" 200 11`.
    ///
    /// The number is the body's length, `-` where there is none or it is not known beforehand. The
    /// two dashes stand for names that the server does not know.
    Common,
    /// [`Common`](LogFormat::Common), then the request's `Referer` and `User-Agent` in quotes, `-`
    /// where they are missing. Log analysers know it: GoAccess, AWStats, fail2ban.
    Combined,
    /// A JSON object, for collectors. Its members are `time` (RFC 3339), `client`, `method`,
    /// `target`, `version`, `status`, `bytes`, `micros`, `panicked`, `host`, `referer` and
    /// `user_agent`; `null` where there is nothing.
    Json,
}

/// Calls the handler and writes a line about it to `output`, as rouille does:
/// `2023-11-14 22:13:20.123456 UTC - GET /a?b - 1.5ms - 200`. It is [`log_as`] with
/// [`LogFormat::Plain`].
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

/// Calls the handler and writes a line in that format about it to `output`. All requests of a
/// server are logged where its handler is wrapped:
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
/// * **A line is one write.** Lines of several threads do not mix where the output keeps one write
///   together: standard output and error do, and `&File` does for a file opened to append.
/// * **Nothing that a client sends can end a line or a field.** Quotes, backslashes, and what is
///   not printable ASCII are written as `\x22`, byte by byte, as nginx does; as `\u0022` in JSON.
/// * **A handler that panics** is logged with the status 500 (`PANIC!` in the plain format), and
///   the panic goes on.
/// * What cannot be written is lost: no request fails for its log.
///
/// It tells what the handler answered. What the server refuses by itself (a malformed request, one
/// beyond the limits) reaches no handler, and is counted in [`Stats`](crate::Stats) alone. The
/// target may hold what should not be kept, in its query say; [`log_custom`] leaves that to you.
pub fn log_as<W, F>(format: LogFormat, request: &Request, mut output: W, handler: F) -> Response
where
    W: Write,
    F: FnOnce() -> Response,
{
    // A clock set before 1970 says 1970.
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let since_epoch = since_epoch.unwrap_or_default();
    let mut write = |answer, took| {
        let entry = Entry {
            request,
            since_epoch,
            answer,
            took,
        };
        let _ = output.write_all(entry.line(format).as_bytes());
    };
    let (response, took) = timed(handler);
    match response {
        Ok(response) => {
            write(Some(Answer::of(request, &response)), took);
            response
        }
        Err(panic) => {
            write(None, took);
            resume_unwind(panic)
        }
    }
}

/// Calls the handler, then `log_ok_f` with the response, or `log_err_f` if it panicked; then the
/// panic goes on. The time is what the handler took. rouille's, to log elsewhere or otherwise.
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

/// What a handler that may panic returned. Nobody sees what it left behind: the panic goes on.
fn timed<F: FnOnce() -> Response>(handler: F) -> (std::thread::Result<Response>, Duration) {
    let began = Instant::now();
    let response = catch_unwind(AssertUnwindSafe(handler));
    (response, began.elapsed())
}

/// What a line tells of a response.
struct Answer {
    status: u16,
    /// Of the body, where there is one and its length is known.
    bytes: Option<u64>,
}

impl Answer {
    fn of(request: &Request, response: &Response) -> Answer {
        // RFC 9110 §6.4.1: these have no content, whatever the handler gave them.
        let none = request.method() == "HEAD" || matches!(response.status_code, 204 | 205 | 304);
        Answer {
            status: response.status_code,
            bytes: response.data.size().filter(|_| !none),
        }
    }
}

/// What a line is made of.
struct Entry<'a> {
    request: &'a Request,
    since_epoch: Duration,
    /// `None` of a handler that panicked.
    answer: Option<Answer>,
    took: Duration,
}

impl Entry<'_> {
    fn line(&self, format: LogFormat) -> String {
        let mut line = String::with_capacity(256);
        // A `String` takes all that is written to it.
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
        let (method, target) = (Bytes(self.request.method()), Bytes(self.request.raw_url()));
        write!(line, "{method} {target} - {} - ", Took(self.took))?;
        match &self.answer {
            Some(answer) => write!(line, "{}", answer.status),
            None => write!(line, "PANIC!"),
        }
    }

    /// `%h %l %u %t "%r" %>s %b`, as Apache's documentation has it.
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
        let (method, target) = (Bytes(request.method()), Bytes(request.raw_url()));
        write!(line, "\"{method} {target} {}\" ", request.head().version)?;
        match self.bytes().filter(|&bytes| bytes > 0) {
            Some(bytes) => write!(line, "{} {bytes}", self.status()),
            None => write!(line, "{} -", self.status()),
        }
    }

    fn combined(&self, line: &mut String) -> fmt::Result {
        self.common(line)?;
        let field = |name| Bytes(self.request.header(name).unwrap_or("-"));
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
        let (method, target) = (Units(request.method()), Units(request.raw_url()));
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
        let panicked = self.answer.is_none();
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
                Some(value) => write!(line, r#","{member}":"{}""#, Units(value))?,
                None => write!(line, r#","{member}":null"#)?,
            }
        }
        line.write_char('}')
    }

    fn utc(&self) -> Utc {
        Utc::at(self.since_epoch.as_secs())
    }

    /// A handler that panics is answered for.
    fn status(&self) -> u16 {
        self.answer.as_ref().map_or(500, |answer| answer.status)
    }

    fn bytes(&self) -> Option<u64> {
        self.answer.as_ref().and_then(|answer| answer.bytes)
    }
}

/// Whether it can stand in a field as it is: no quote, no escape, nothing that a terminal or a
/// reader of lines could take for more than itself.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~') && c != '"' && c != '\\'
}

/// A text with its other bytes as `\xhh`, as nginx writes them.
struct Bytes<'a>(&'a str);

impl fmt::Display for Bytes<'_> {
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

/// A text with its other characters as `\uhhhh` (RFC 8259 §7): within JSON's quotes, and in ASCII,
/// which a writer of JSON need not keep to.
struct Units<'a>(&'a str);

impl fmt::Display for Units<'_> {
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

/// A duration to one decimal, in the unit that leaves fewer than four digits before it.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        // As exact as one decimal needs it, however long it took.
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
