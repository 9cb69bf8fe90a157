//! The lines as tables, and the ways in which a handler can end.

use super::*;
#[cfg(feature = "json")]
use crate::extra::json::Json;
use crate::message::ResponseBody;
use std::panic;
use std::sync::{Arc, Mutex};

use LogFormat::{Combined, Common, Json as JsonLines, Plain};

/// 14 Nov 2023, 22:13:20.123456 UTC.
const NOW: Duration = Duration::from_micros(1_700_000_000_123_456);

fn request(method: &str, target: &str, fields: &[(&str, &str)]) -> Request {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let fields = fields.iter().map(own).collect();
    let from = ([192, 0, 2, 7], 40_000).into();
    Request::fake_http_from(from, method, target, fields, vec![])
}

fn line(format: LogFormat, request: &Request, response: Option<&Response>, took: u64) -> String {
    let entry = Entry {
        request,
        since_epoch: NOW,
        outcome: response.map(|response| Outcome::of(request, response)),
        took: Duration::from_nanos(took),
    };
    entry.line(format)
}

#[test]
fn each_format_writes_its_line() {
    let browser = [
        ("Host", "example.org"),
        ("Referer", "http://example.org/?a=b"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ];
    let unknown = || Response {
        data: ResponseBody::from_reader(std::io::empty()),
        ..Response::text("")
    };
    let table = [
        (
            Plain,
            request("GET", "/a?b", &[]),
            Some(Response::text("hello world")),
            "2023-11-14 22:13:20.123456 UTC - GET /a?b - 1.5ms - 200\n",
        ),
        (
            Plain,
            request("POST", "/", &[]),
            None,
            "2023-11-14 22:13:20.123456 UTC - POST / - 1.5ms - PANIC!\n",
        ),
        (
            Common,
            request("GET", "/a?b", &browser),
            Some(Response::text("hello world")),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b HTTP/1.1\" 200 11\n",
        ),
        (
            Common,
            request("GET", "/empty", &[]),
            Some(Response::text("")),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /empty HTTP/1.1\" 200 -\n",
        ),
        (
            Common,
            request("GET", "/stream", &[]),
            Some(unknown()),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /stream HTTP/1.1\" 200 -\n",
        ),
        (
            Common,
            request("HEAD", "/", &[]),
            Some(Response::text("hello")),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"HEAD / HTTP/1.1\" 200 -\n",
        ),
        (
            Common,
            request("GET", "/", &[]),
            Some(Response::text("hello").with_status_code(304)),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET / HTTP/1.1\" 304 -\n",
        ),
        (
            Common,
            request("DELETE", "/", &[]),
            None,
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"DELETE / HTTP/1.1\" 500 -\n",
        ),
        (
            Combined,
            request("GET", "/a?b", &browser),
            Some(Response::empty_404()),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET /a?b HTTP/1.1\" 404 - \
             \"http://example.org/?a=b\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n",
        ),
        (
            Combined,
            request("GET", "/", &[]),
            Some(Response::text("hello world")),
            "192.0.2.7 - - [14/Nov/2023:22:13:20 +0000] \"GET / HTTP/1.1\" 200 11 \"-\" \"-\"\n",
        ),
        (
            JsonLines,
            request("GET", "/a?b", &browser),
            Some(Response::text("hello world")),
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"client\":\"192.0.2.7:40000\",\
             \"method\":\"GET\",\"target\":\"/a?b\",\"version\":\"HTTP/1.1\",\"status\":200,\
             \"bytes\":11,\"micros\":1500,\"panicked\":false,\"host\":\"example.org\",\
             \"referer\":\"http://example.org/?a=b\",\
             \"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}\n",
        ),
        (
            JsonLines,
            request("GET", "/", &[]),
            None,
            "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"client\":\"192.0.2.7:40000\",\
             \"method\":\"GET\",\"target\":\"/\",\"version\":\"HTTP/1.1\",\"status\":500,\
             \"bytes\":null,\"micros\":1500,\"panicked\":true,\"host\":null,\"referer\":null,\
             \"user_agent\":null}\n",
        ),
    ];
    for (format, request, response, want) in table {
        assert_eq!(line(format, &request, response.as_ref(), 1_500_000), want);
    }
}

#[test]
fn an_ipv6_address_has_no_port_in_the_common_format() {
    let from = "[2001:db8::1]:80".parse().unwrap();
    let request = Request::fake_http_from(from, "GET", "/", vec![], vec![]);
    let response = Response::text("");
    assert!(line(Common, &request, Some(&response), 0).starts_with("2001:db8::1 - - [14/"));
    assert!(line(JsonLines, &request, Some(&response), 0).contains("\"[2001:db8::1]:80\""));
}

#[test]
fn durations_have_the_units_of_rouille() {
    for (nanos, want) in [
        (0, "0ns"),
        (999, "999ns"),
        (1_000, "1.0us"),
        (1_500_000, "1.5ms"),
        (999_949_999, "999.9ms"),
        (1_000_000_000, "1.0s"),
        (90_000_000_000, "90.0s"),
        (u64::MAX, "18446744073.7s"),
    ] {
        assert_eq!(
            RoundedDuration(Duration::from_nanos(nanos)).to_string(),
            want
        );
    }
    assert!(RoundedDuration(Duration::MAX).to_string().ends_with('s'));
}

#[test]
fn a_client_cannot_end_a_line_or_a_field() {
    let nasty: String = (0..=0x2ff).filter_map(char::from_u32).collect();
    let nasty = nasty + "\u{2028}\u{202e}\u{1f600}\r\n127.0.0.1 - - [x] \"GET /forged\" 200 1";
    let sent = request(
        &nasty,
        &nasty,
        &[
            ("Host", &nasty),
            ("Referer", &nasty),
            ("User-Agent", &nasty),
        ],
    );
    let response = Response::text("");
    for format in [Plain, Common, Combined, JsonLines] {
        let line = line(format, &sent, Some(&response), 0);
        assert_eq!(line.find('\n'), Some(line.len() - 1), "{format:?}");
        let printable = |b: &u8| (b' '..=b'~').contains(b);
        assert!(line.trim_end().as_bytes().iter().all(printable));
        let quotes = line.matches('"').count();
        match format {
            Plain => assert_eq!(quotes, 0),
            Common => assert_eq!(quotes, 2),
            Combined => assert_eq!(quotes, 6),
            #[cfg(not(feature = "json"))]
            JsonLines => {}
            #[cfg(feature = "json")]
            JsonLines => {
                let value = Json::parse(line.as_bytes()).expect("JSON");
                assert_eq!(value.as_object().map(|object| object.len()), Some(12));
                for member in ["method", "target", "host", "referer", "user_agent"] {
                    assert_eq!(value[member].as_str(), Some(nasty.as_str()), "{member}");
                }
            }
        }
    }
    for (text, bytes, units) in [
        ("a b~", "a b~", "a b~"),
        ("\"\\", r"\x22\x5c", r"\u0022\u005c"),
        (
            "\r\n\0\u{7f}",
            r"\x0d\x0a\x00\x7f",
            r"\u000d\u000a\u0000\u007f",
        ),
        ("\u{e9}\u{9b}", r"\xc3\xa9\xc2\x9b", r"\u00e9\u009b"),
        ("\u{1f600}", r"\xf0\x9f\x98\x80", r"\ud83d\ude00"),
    ] {
        assert_eq!(EscapedBytes(text).to_string(), bytes);
        assert_eq!(EscapedUnits(text).to_string(), units);
    }
}

/// An output that keeps each write as one entry.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<String>>>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.lock().unwrap().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_is_one_write_with_the_current_time() {
    let written = Writes::default();
    let sent = request("GET", "/a", &[]);
    let response = log(&sent, written.clone(), || Response::text("hello"));
    assert_eq!(response.status_code, 200);
    for format in [Plain, Common, Combined, JsonLines] {
        log_as(format, &sent, written.clone(), || Response::text("hello"));
    }
    let lines = written.0.lock().unwrap();
    assert_eq!(lines.len(), 5);
    assert!(lines.iter().all(|line| line.ends_with('\n')));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = lines[4].split('"').nth(3).unwrap();
    let year = Utc::at(now.as_secs()).year.to_string();
    assert!(time.starts_with(&year), "{time}");
}

/// An output that always fails.
struct FailingOutput;

impl Write for FailingOutput {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::Other.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::Other.into())
    }
}

#[test]
fn an_error_of_the_output_is_ignored() {
    let sent = request("GET", "/", &[]);
    assert_eq!(
        log(&sent, FailingOutput, Response::empty_204).status_code,
        204
    );
}

#[test]
fn a_panic_is_logged_and_continues() {
    let written = Writes::default();
    let sent = request("GET", "/", &[]);
    let cause = panic::catch_unwind(AssertUnwindSafe(|| {
        log(&sent, written.clone(), || panic::panic_any("the cause"))
    }));
    assert_eq!(cause.err().unwrap().downcast_ref(), Some(&"the cause"));
    assert!(written.0.lock().unwrap()[0].ends_with(" - PANIC!\n"));
}

#[test]
fn log_custom_calls_one_of_the_two_functions() {
    let sent = request("GET", "/custom", &[]);
    let entries = Mutex::new(Vec::new());
    let ok = |request: &Request, response: &Response, _: Duration| {
        let entry = format!("{} {}", request.url(), response.status_code);
        entries.lock().unwrap().push(entry);
    };
    let err = |request: &Request, _: Duration| {
        entries.lock().unwrap().push(format!("{} !", request.url()));
    };
    assert_eq!(
        log_custom(&sent, ok, err, Response::empty_404).status_code,
        404
    );
    let cause = panic::catch_unwind(AssertUnwindSafe(|| {
        log_custom(&sent, ok, err, || panic::panic_any(7))
    }));
    assert_eq!(cause.err().unwrap().downcast_ref(), Some(&7));
    assert_eq!(*entries.lock().unwrap(), ["/custom 404", "/custom !"]);
}

/// The signatures of rouille.
#[test]
fn code_for_rouille_compiles() {
    type Handler = fn() -> Response;
    type Ok = fn(&Request, &Response, Duration);
    type Err = fn(&Request, Duration);
    let _: fn(&Request, std::io::Stdout, Handler) -> Response = log::<std::io::Stdout, Handler>;
    let _: fn(&Request, Ok, Err, Handler) -> Response = log_custom::<Ok, Err, Handler>;
}
