//! `cgi` between a real server and real programs: scripts for `sh`, which every Unix has.

#![cfg(unix)]

mod left;

use std::io::{ErrorKind, Write};
use std::process::Command;
use std::thread;

use crate::support::{serve, Client, Incomplete, Running};
use millpond::cgi::{CgiError, CgiRun};
use millpond::{Request, Response};

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).env("LC_ALL", "C");
    command
}

/// Answers with the output of the script; 502 if the output is invalid.
fn answer(request: &Request, mut command: Command) -> Response {
    command.stderr(std::process::Stdio::null());
    match command.start_cgi(request) {
        Ok(response) => response,
        Err(CgiError::IoError(e)) => Response::text(e.to_string()).with_status_code(502),
        Err(other) => panic!("{other}"),
    }
}

/// Answers each request with this script.
fn scripted(script: &'static str) -> Running {
    serve(move |request| answer(request, sh(script)))
}

#[test]
fn a_script_is_told_of_the_request() {
    let server = serve(|request| {
        let inner = request.remove_prefix("/cgi").expect("the prefix");
        let mut command = sh("echo Content-Type: text/plain; echo; exec env");
        command.env("MINE", "yes").env("REMOTE_USER", "ann");
        answer(&inner, command)
    });
    let mut client = server.connect();
    client.send(
        "POST /cgi/a%20b/../c?d=%20e HTTP/1.1\r\nHost: me.example:81\r\nContent-Length: 4\r\n\
         Content-Type: a/b\r\nProxy: http://evil\r\nX_Role: admin\r\nX-Role: user\r\n\
         Authorization: Basic eDp5\r\nCookie: a=b\r\nCookie: c=d\r\nConnection: X-Hop\r\n\
         X-Hop: 1\r\nRemote-User: eve\r\nX: $(id) `id` ; ' \" \\ \r\n\r\nbody",
    );
    let reply = client.response();
    assert_eq!(
        (reply.status, reply.header("Content-Type")),
        (200, Some("text/plain"))
    );
    let own = client.stream.local_addr().expect("our address");
    let has = |line: &str| reply.text().lines().any(|l| l == line);
    for line in [
        "GATEWAY_INTERFACE=CGI/1.1",
        "SERVER_PROTOCOL=HTTP/1.1",
        "REQUEST_METHOD=POST",
        "SCRIPT_NAME=/cgi",
        "PATH_INFO=/a b/../c",
        "QUERY_STRING=d=%20e",
        "REQUEST_URI=/cgi/a%20b/../c?d=%20e",
        "CONTENT_LENGTH=4",
        "CONTENT_TYPE=a/b",
        "REMOTE_ADDR=127.0.0.1",
        &format!("REMOTE_PORT={}", own.port()),
        "REMOTE_USER=ann",
        "SERVER_NAME=me.example",
        "SERVER_PORT=81",
        "HTTP_HOST=me.example:81",
        "HTTP_COOKIE=a=b; c=d",
        "HTTP_X_ROLE=user",
        "HTTP_REMOTE_USER=eve",
        "HTTP_X=$(id) `id` ; ' \" \\",
        "MINE=yes",
        "LC_ALL=C",
    ] {
        assert!(has(line), "{line}: {}", reply.text());
    }
    for name in [
        "HTTP_PROXY",
        "HTTP_AUTHORIZATION",
        "HTTP_X_HOP",
        "HTTPS",
        "AUTH_TYPE",
    ] {
        let start = format!("{name}=");
        assert!(
            !reply.text().lines().any(|line| line.starts_with(&start)),
            "{name}"
        );
    }
}

#[test]
fn what_a_script_says_is_the_response() {
    for (script, status, fields, body) in [
        (
            "echo Content-Type: a/b; echo; echo hi",
            200,
            &[("Content-Type", "a/b")][..],
            "hi\n",
        ),
        (
            "printf 'Status: 404 No\\r\\nX: y\\r\\n\\r\\nno'",
            404,
            &[("X", "y")],
            "no",
        ),
        (
            "echo Location: /there?a; echo",
            302,
            &[("Location", "/there?a")],
            "",
        ),
        (
            "echo Location: http://b/; echo",
            302,
            &[("Location", "http://b/")],
            "",
        ),
        (
            "echo Status: 301; echo Location: /x; echo",
            301,
            &[("Location", "/x")],
            "",
        ),
        ("echo Status: 204; echo; echo more", 204, &[], ""),
        (
            "echo Status: 200; echo Content-Length: 2; echo; echo more",
            200,
            &[],
            "mo",
        ),
        (
            "echo Status: 200; echo Transfer-Encoding: chunked; echo; echo 0",
            200,
            &[],
            "0\n",
        ),
        ("echo Status: 200; echo; exit 7", 200, &[], ""),
        // No response.
        ("exit 0", 502, &[], "CGI output ended before end of head"),
        ("echo hello", 502, &[], "field line without colon"),
        (
            "echo Status: 101; echo",
            502,
            &[],
            "invalid Status in CGI head: expected 200 to 999",
        ),
        (
            "exec none-there-is",
            502,
            &[],
            "CGI output ended before end of head",
        ),
    ] {
        let reply = scripted(script).get("/");
        assert_eq!((reply.status, reply.text()), (status, body), "{script}");
        for (name, value) in fields {
            assert_eq!(reply.header(name), Some(*value), "{script}");
        }
    }
}

#[test]
fn a_head_at_each_limit_passes_and_one_beyond_it_does_not() {
    // As the module's documentation has it: 64 KiB, 256 fields.
    let fields = |count: usize| (0..count).map(|_| "A: b\n").collect::<String>();
    let sized = |size: usize| {
        let start = "Status: 200\nX: ";
        format!("{start}{}\n", "x".repeat(size - start.len() - 2))
    };
    for (head, status) in [
        (format!("Status: 200\n{}", fields(255)), 200),
        (format!("Status: 200\n{}", fields(256)), 502),
        (sized(64 * 1024), 200),
        (sized(64 * 1024 + 1), 502),
    ] {
        // By its input: no argument is so long on every system.
        let server = serve(|request| answer(request, sh("cat; echo")));
        let mut client = server.connect();
        let length = head.len();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        assert_eq!(client.send(head).response().status, status, "{length}");
    }
}

#[test]
fn bodies_go_both_ways_to_the_byte() {
    // It answers once it has read everything: more than pipes, and more than is kept.
    let sums = "echo Status: 200; echo Type: $CONTENT_TYPE; \
                echo Length: ${CONTENT_LENGTH-none}; echo; \
                x=$(od -v -An -tu1 | cksum); echo $x";
    let server = scripted(sums);
    let mut client = server.connect();
    let sum = |body: &[u8]| {
        let mut child = Command::new("sh");
        child.arg("-c").arg("x=$(od -v -An -tu1 | cksum); echo $x");
        let piped = std::process::Stdio::piped;
        let mut child = child.stdin(piped()).stdout(piped()).spawn().expect("sh");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(body)
            .expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        String::from_utf8(output.stdout).expect("text")
    };
    for size in [0, 5, 70_000, 3 << 20] {
        let body: Vec<u8> = (0..size).map(|at| (at * 7 + at / 251) as u8).collect();
        let want = sum(&body);
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"
        ));
        let reply = client.send(&body).response();
        assert_eq!(reply.text(), want, "{size}");
        assert_eq!(reply.header("Length"), Some(size.to_string().as_str()));
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
        client.send("Content-Type: x/y\r\n\r\n");
        for chunk in body.chunks(50_000) {
            client
                .send(format!("{:x}\r\n", chunk.len()))
                .send(chunk)
                .send("\r\n");
        }
        let reply = client.send("0\r\n\r\n").response();
        assert_eq!(reply.text(), want, "{size}");
        assert_eq!(reply.header("Type"), Some("x/y"));
        // A buffered body has a length.
        let told = if size <= 1 << 20 {
            size.to_string()
        } else {
            "none".to_owned()
        };
        assert_eq!(reply.header("Length"), Some(told.as_str()));
    }
    let lots = scripted("echo Content-Type: a/b; echo; exec head -c 20000000 /dev/zero");
    assert_eq!(lots.get("/").body.len(), 20_000_000);
}

#[test]
fn output_goes_out_as_it_comes() {
    let name = format!("millpond-cgi-fifo-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let file = path.clone();
    let server = serve(move |request| {
        // It says more only when the test says so.
        let mut command =
            sh("echo Content-Type: a/b; echo; echo one; read line < $FIFO; echo $line");
        command.env("FIFO", &file);
        answer(request, command)
    });
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head().expect("a head");
    assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
    assert_eq!(client.take(9).expect("a chunk"), b"4\r\none\n\r\n");
    std::fs::write(&path, "two\n").expect("it listens");
    assert_eq!(client.body(&head).expect("the rest"), b"two\n");
    std::fs::remove_file(path).expect("the pipe");
}

#[test]
fn output_that_is_cut_off_does_not_look_whole() {
    for script in [
        "echo Status: 200; echo Content-Length: 10; echo; echo part",
        "echo Status: 200; echo; echo part; kill -9 $$",
    ] {
        let server = scripted(script);
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        match client.try_response("GET") {
            Err(Incomplete::Ended(_)) => {}
            // The end came before the first piece was sent.
            Ok(reply) if reply.status == 500 => {}
            other => panic!("{script}: {other:?}"),
        }
    }
}

#[test]
fn a_body_that_the_client_cuts_off_is_none_for_the_script() {
    let server = scripted("cat >/dev/null; echo Status: 200; echo; echo whole");
    for (fields, part) in [
        ("Content-Length: 200000", vec![b'x'; 150_000]),
        ("Transfer-Encoding: chunked", b"5\r\nhello\r\n".to_vec()),
    ] {
        let mut client = server.connect();
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
        client.send(&part).finish_sending();
        let reply = client.response();
        assert_eq!(reply.status, 502, "{fields}: {reply:?}");
        assert!(!reply.text().contains("whole"));
    }
}

#[test]
fn the_answer_to_head_has_no_body() {
    let server = scripted("echo X: $REQUEST_METHOD; echo Status: 200; echo; echo body");
    let mut client = server.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
    let reply = client.response_to_head();
    assert_eq!((reply.status, reply.header("X")), (200, Some("HEAD")));
    client.open();
}

#[test]
fn a_path_with_a_nul_is_the_clients_mistake() {
    let server = scripted("echo Status: 200; echo; echo ran");
    assert_eq!(server.get("/a%00b").status, 400);
    assert_eq!(server.get("/a%0ab").text(), "ran\n");
}

#[test]
fn many_at_once_are_told_apart() {
    let server = scripted("echo Status: 200; echo; cat; echo $QUERY_STRING");
    let addr = server.addr;
    let clients = (0..16).map(|number| {
        thread::spawn(move || {
            let mut client = Client::connect(addr);
            for round in 0..4 {
                client.send(format!(
                    "POST /?{number}-{round} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nhi\n"
                ));
                assert_eq!(client.response().text(), format!("hi\n{number}-{round}\n"));
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.join().expect("a client");
    }
}

#[test]
fn errors_say_what_they_are() {
    let request = Request::fake_http("GET", "/", vec![], vec![]);
    let error = Command::new("/none/there/is")
        .start_cgi(&request)
        .unwrap_err();
    match &error {
        CgiError::IoError(e) => assert_eq!(e.kind(), ErrorKind::NotFound),
        CgiError::BodyAlreadyExtracted => panic!("{error}"),
    }
    let taken = sh("exit").start_cgi(&request).unwrap_err();
    assert!(matches!(taken, CgiError::BodyAlreadyExtracted), "{taken}");
}
