//! A program as it is written for rouille: a reverse proxy for some hosts, and CGI for the rest. It
//! serves itself, and panics if an answer is wrong. The scripts are for `sh`; elsewhere there is
//! only the proxy.

extern crate rouille;

use rouille::cgi::{CgiError, CgiRun};
use rouille::proxy::{self, FullProxyError, ProxyConfig, ProxyError};
use rouille::{Request, Response, Server};
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

fn main() {
    let inner = start(|request| {
        let host = request.header("Host").unwrap_or("none");
        Response::text(format!(
            "inner {} {} {}",
            request.method(),
            host,
            request.raw_url()
        ))
    });
    let front = start(move |request| {
        rouille::log(&request, io::sink(), || {
            let config = match request.header("Host") {
                Some(host) if host == "kept.example" => ProxyConfig {
                    addr: inner,
                    replace_host: None,
                },
                Some(host) if host == "replaced.example" => ProxyConfig {
                    addr: inner,
                    replace_host: Some("inner.example".into()),
                },
                _ => return Response::empty_404(),
            };
            proxy::full_proxy(&request, config).unwrap()
        })
    });
    assert!(ask(front, "kept.example", "/a?b").ends_with("inner GET kept.example /a?b"));
    assert!(ask(front, "replaced.example", "/").ends_with("inner GET inner.example /"));
    assert!(ask(front, "other.example", "/").starts_with("HTTP/1.1 404 "));

    let refused = start(|request| {
        let host: Option<Cow<'static, str>> = Some(Cow::Borrowed("a"));
        let config = ProxyConfig {
            addr: String::from("127.0.0.1:1"),
            replace_host: host,
        };
        match proxy::proxy(request, config.clone()) {
            Ok(_) | Err(ProxyError::BodyAlreadyExtracted) => unreachable!(),
            Err(ProxyError::HttpParseError) => unreachable!(),
            Err(ProxyError::IoError(error)) => drop(error),
        }
        // The body is there still.
        match proxy::full_proxy(request, config) {
            Ok(response) => response,
            Err(FullProxyError::BodyAlreadyExtracted) => unreachable!(),
        }
    });
    assert!(ask(refused, "a", "/").starts_with("HTTP/1.1 502 "));

    if cfg!(unix) {
        scripts();
    }
}

fn scripts() {
    let server = start(|request| {
        let mut cmd = Command::new("sh");
        cmd.arg("-c");
        cmd.arg(
            "echo Status: 201 Created; echo Content-Type: text/plain; echo; \
             echo \"$GREETING $REQUEST_METHOD $PATH_INFO $QUERY_STRING\"; cat",
        );
        cmd.env("GREETING", "hello");
        match cmd.start_cgi(request) {
            Ok(response) => response,
            Err(CgiError::BodyAlreadyExtracted) => unreachable!(),
            Err(CgiError::IoError(error)) => panic!("{}", error),
        }
    });
    let answer = ask(server, "a", "/b%20c?d=e");
    assert!(answer.starts_with("HTTP/1.1 201 "), "{}", answer);
    assert!(
        answer.contains("\r\nContent-Type: text/plain\r\n"),
        "{}",
        answer
    );
    assert!(answer.contains("hello GET /b c d=e\n"), "{}", answer);
    let broken = start(|request| Command::new("/none/there/is").start_cgi(request).unwrap());
    assert!(ask(broken, "a", "/").starts_with("HTTP/1.1 500 "));
}

/// Serves until the program ends.
fn start<F>(handler: F) -> SocketAddr
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    let server = Server::new("localhost:0", handler).unwrap().pool_size(4);
    let address = server.server_addr();
    thread::spawn(move || server.run());
    address
}

fn ask(address: SocketAddr, host: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
        target, host
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
