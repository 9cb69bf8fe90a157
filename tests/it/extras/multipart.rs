//! Forms over real sockets: slow clients, clients that leave, and the files that remain.

use std::io::{self, ErrorKind, Read};
use std::sync::mpsc;
use std::sync::Mutex;

use crate::support::{serve_as, Client, Running, GUARD};
use millpond::input::multipart::get_multipart_input;
use millpond::input::post::BufferedFile;
use millpond::{post_input, try_or_400, Limits, Request, Response};

const BODY: &str = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n\
                    --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"b\"\r\n\r\n\
                    \r\n--two\r\n--x--\r\n";

fn head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    )
}

/// Which fields came whole, and how it ended.
fn fields(request: &Request) -> (String, Option<ErrorKind>) {
    let mut form = get_multipart_input(request).expect("a form");
    let mut names = String::new();
    loop {
        match form.try_next() {
            Ok(None) => return (names, None),
            Err(error) => return (names, Some(error.kind())),
            Ok(Some(mut field)) => match field.data.read_to_end(&mut Vec::new()) {
                Ok(length) => names += &format!("{}{length} ", field.headers.name),
                Err(error) => return (names, Some(error.kind())),
            },
        }
    }
}

/// Handlers read while the body comes, not once it is there.
fn server(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Running {
    let limits = Limits {
        buffered_body_bytes: 0,
        ..Limits::default()
    };
    serve_as(handler, |server| server.limits(limits))
}

#[test]
fn a_form_that_comes_byte_by_byte_is_whole() {
    let server = server(|request| match request.url().as_str() {
        "/stream" => Response::text(fields(request).0),
        _ => {
            let input = try_or_400!(post_input!(request, { a: String, f: BufferedFile }));
            Response::text(format!("{} {}", input.a, input.f.data.len()))
        }
    });
    for (path, want) in [("/stream", "a3 f7 "), ("/post", "one 7")] {
        let mut client = server.connect();
        client.send(head(path, BODY.len()));
        for byte in BODY.bytes() {
            client.send([byte]);
        }
        assert_eq!(client.response().text(), want);
        client.open();
    }
}

#[test]
fn a_client_that_leaves_leaves_no_whole_form() {
    let (told, seen) = mpsc::channel();
    let told = Mutex::new(told);
    let server = server(move |request| {
        let _ = told.lock().unwrap().send(fields(request));
        Response::text("")
    });
    let first = BODY.find("\r\n--x\r\nContent-Disposition: form-data; name=\"f\"");
    let first = first.expect("the first field's end") + "\r\n--x\r\n".len();
    for sent in (0..BODY.len())
        .step_by(7)
        .chain([first - 1, first, BODY.len() - 1])
    {
        let mut client = server.connect();
        client.send(head("/", BODY.len())).send(&BODY[..sent]);
        client.finish_sending();
        let (names, error) = seen.recv_timeout(GUARD).expect("the handler is run");
        assert_eq!(error, Some(ErrorKind::UnexpectedEof), "{sent} sent");
        assert_eq!(names, if sent < first { "" } else { "a3 " }, "{sent} sent");
    }
}

#[test]
fn what_a_handler_does_not_read_of_a_form_is_no_request() {
    let server = server(|request| {
        let mut form = get_multipart_input(request).expect("a form");
        Response::text(&*form.next().expect("a field").headers.name)
    });
    let mut client = server.connect();
    for _ in 0..2 {
        client.send(head("/", BODY.len())).send(BODY);
        assert_eq!(client.response().text(), "a");
    }
}

#[test]
fn a_form_beyond_the_limit_of_bodies_is_413() {
    let limits = Limits {
        max_body_bytes: BODY.len() as u64 - 1,
        buffered_body_bytes: 0,
        ..Limits::default()
    };
    let handler = |request: &Request| match fields(request).1 {
        Some(_) => Response::empty_400(),
        None => Response::text(""),
    };
    let server = serve_as(handler, |server| server.limits(limits));
    let mut client = server.connect();
    client.send(head("/", BODY.len()));
    assert_eq!(client.response().status, 413);
    let mut client = Client::connect(server.addr);
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n",
    );
    client.send(format!("{:x}\r\n{BODY}\r\n0\r\n\r\n", BODY.len()));
    assert_eq!(client.response().status, 413);
}

/// Stores files as a program for rouille does: copying a whole file reveals a cut body.
#[test]
fn a_copy_of_half_a_file_fails() {
    let server = server(|request| {
        let mut form = get_multipart_input(request).expect("a form");
        let mut copied = Vec::new();
        while let Some(mut field) = form.next() {
            if let Err(error) = io::copy(&mut field.data, &mut io::sink()) {
                return Response::text(format!("{copied:?} {:?}", error.kind()));
            }
            copied.push(field.headers.name.to_string());
        }
        Response::text("whole")
    });
    for cut in ["\r\n--x\r\n", "two"] {
        let body = &BODY[..BODY.find(cut).expect("its place") + cut.len()];
        let mut client = server.connect();
        client.send(head("/", body.len())).send(body);
        let want = "[\"a\"] UnexpectedEof";
        assert_eq!(client.response().text(), want, "cut behind {cut:?}");
    }
}
