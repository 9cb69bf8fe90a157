//! Errors of the server that no response can report go to the hook: once each, with their details.
//! Mistakes of clients do not.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use crate::support::{eventually, Client};
use millpond::{BackgroundServer, CloseReason, Monitor, ReadWrite, Request, Response};
use millpond::{ResponseBody, Router, ServerErrorKind, Settings, Upgrade};

/// Yields some bytes, then fails or panics.
struct Breaks {
    yields: usize,
    panics: bool,
}

impl Read for Breaks {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.yields.min(buf.len());
        self.yields -= count;
        match count {
            0 if self.panics => panic!("a reader that panics, on purpose"),
            0 => Err(io::Error::new(io::ErrorKind::Other, "the disk is gone")),
            _ => Ok(count),
        }
    }
}

struct Panics;

impl Upgrade for Panics {
    fn build(&mut self, _: Box<dyn ReadWrite + Send>) {
        panic!("an upgrade that panics, on purpose")
    }
}

fn handler(request: &Request) -> Response {
    let breaks = |yields, panics| Response {
        data: ResponseBody::from_reader(Breaks { yields, panics }),
        ..Response::text("")
    };
    match request.url().as_str() {
        "/panics" => panic!("a handler, on purpose"),
        "/panics/formatted" => panic!("a handler, {}", "formatted"),
        "/panics/other" => std::panic::panic_any(7),
        "/fails/at/once" => breaks(0, false),
        "/fails/later" => breaks(200_000, false),
        "/reader/panics" => breaks(200_000, true),
        "/short" => Response {
            data: ResponseBody::from_reader_and_size(&b"four"[..], 5),
            ..Response::text("")
        },
        "/header" => Response::text("").with_additional_header("X-Note", "two\nlines"),
        "/upgrade/header" => Response {
            status_code: 101,
            headers: vec![
                ("Upgrade".into(), "nothing".into()),
                ("a b".into(), "".into()),
            ],
            data: ResponseBody::empty(),
            upgrade: Some(Box::new(Panics)),
        },
        "/upgrade" => Response {
            status_code: 101,
            headers: vec![("Upgrade".into(), "nothing".into())],
            data: ResponseBody::empty(),
            upgrade: Some(Box::new(Panics)),
        },
        _ => Response::text("fine"),
    }
}

type Told = Arc<Mutex<Vec<(ServerErrorKind, String, Option<String>)>>>;

/// A server and the reports of its hook. The hook reads the numbers, because it is called under no
/// lock, and then panics.
fn server() -> (BackgroundServer, Told) {
    let told = Told::default();
    let (list, monitor) = (Arc::clone(&told), Monitor::default());
    let numbers = monitor.clone();
    let hook = move |error: &millpond::ServerError| {
        assert_eq!(numbers.stats().accepted, 1);
        numbers.in_flight();
        let peer = error.peer.expect("it is about a client");
        assert!(peer.ip().is_loopback());
        let entry = (error.kind, error.error.to_string(), error.request.clone());
        list.lock().unwrap().push(entry);
        panic!("a hook that panics, on purpose");
    };
    let router = Router::default();
    router.fallback(handler);
    let settings = Settings::default().monitor(&monitor).on_error(hook);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    (server.expect("a free port"), told)
}

#[test]
fn each_cause_is_told_once() {
    use ServerErrorKind::*;
    let panicked = |what: &str| format!("panic: {what}");
    let short = "response body shorter than announced";
    for (path, status, kind, text) in [
        ("/panics", 500, Handler, panicked("a handler, on purpose")),
        (
            "/panics/formatted",
            500,
            Handler,
            panicked("a handler, formatted"),
        ),
        (
            "/panics/other",
            500,
            Handler,
            "panic without message".into(),
        ),
        ("/fails/at/once", 500, Body, "the disk is gone".into()),
        ("/fails/later", 200, Body, "the disk is gone".into()),
        (
            "/reader/panics",
            200,
            Body,
            panicked("a reader that panics, on purpose"),
        ),
        ("/header", 500, Header, "field \"X-Note\"".into()),
        ("/upgrade/header", 500, Header, "field \"a b\"".into()),
        ("/short", 200, Body, short.into()),
        (
            "/upgrade",
            101,
            Upgrade,
            panicked("an upgrade that panics, on purpose"),
        ),
    ] {
        let (server, told) = server();
        let mut client = Client::connect(server.addr());
        client.send(format!(
            "GET {path}?token=secret HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\
             Upgrade: nothing\r\n\r\n"
        ));
        assert_eq!(client.head().expect("a head").status, status, "{path}");
        if status != 500 {
            client.rest().expect("the end");
        }
        eventually(path, || !told.lock().unwrap().is_empty());
        drop(client);
        eventually("it is closed", || server.stats().open == 0);
        assert_eq!(Client::connect(server.addr()).get("/").text(), "fine");
        server.stop();
        let want = (kind, text, Some(format!("GET {path}")));
        assert_eq!(*told.lock().unwrap(), [want], "{path}");
    }
}

#[test]
fn what_clients_do_wrong_is_not_told() {
    let (server, told) = server();
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET /",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let mut client = Client::connect(server.addr());
        client.send(text).finish_sending();
        client.rest().expect("the end");
    }
    eventually("all are closed", || server.stats().open == 0);
    assert_eq!(server.stats().closed(CloseReason::Refused), 1);
    server.stop();
    assert_eq!(*told.lock().unwrap(), []);
}
