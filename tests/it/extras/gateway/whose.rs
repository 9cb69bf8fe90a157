//! The client's address as the other server gets it: from this server's knowledge, never from the
//! client's own fields.

use super::*;
use crate::support::serve_routes;
use millpond::{BackgroundServer, Proxies, Router, Settings};

const FORGED: &str = "Forwarded: for=203.0.113.1;proto=https\r\nX-Real-IP: 203.0.113.1\r\n\
    X-Forwarded-For: 203.0.113.1\r\nX_Forwarded_For: 203.0.113.1\r\nX-Forwarded-Proto: https\r\n\
    X-Forwarded-Host: evil\r\nConnection: X-Forwarded-For, X-Forwarded-Host\r\n";

/// A server that believes the loopback address, and does this.
fn trusting(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> BackgroundServer {
    let router = Router::default();
    router.fallback(handler);
    let proxies = Proxies::new(["127.0.0.1"]).expect("an address");
    let settings = Settings::default().proxies(proxies.x_forwarded());
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

fn describe(request: &Request) -> Response {
    let fields = request.headers();
    let ours = fields.filter(|(name, _)| name.to_ascii_lowercase().contains("forwarded"));
    let ours: Vec<String> = ours
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let (client, secure) = (request.remote_addr().ip(), request.is_secure());
    Response::text(format!("{client} {secure} {}", ours.join(", ")))
}

fn ask(addr: SocketAddr, fields: &str) -> String {
    let mut client = Client::connect(addr);
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    client.response().text().to_owned()
}

#[test]
fn a_clients_own_words_are_not_passed_on() {
    let inner = trusting(describe);
    let server = gateway(inner.addr());
    let want = "127.0.0.1 false X-Forwarded-For: 127.0.0.1, X-Forwarded-Proto: http, \
                X-Forwarded-Host: a";
    assert_eq!(ask(server.addr, ""), want);
    assert_eq!(ask(server.addr, FORGED), want);
}

#[test]
fn whom_a_trusted_proxy_speaks_for_is_passed_on() {
    let inner = trusting(describe);
    let server = trusting(to(inner.addr()));
    let told = ask(
        server.addr(),
        "X-Forwarded-For: 203.0.113.1, 203.0.113.9\r\nX-Forwarded-Proto: http, https\r\n",
    );
    let want = "203.0.113.9 true X-Forwarded-For: 203.0.113.9, X-Forwarded-Proto: https, \
                X-Forwarded-Host: a";
    assert_eq!(told, want);
}

#[test]
fn the_host_is_kept_or_replaced() {
    let (addr, heads) = says(b"HTTP/1.1 204 \r\n\r\n", usize::MAX);
    let server = serve(move |request| {
        let replace_host = request.get_param("host").map(Into::into);
        full_proxy(request, ProxyConfig { addr, replace_host }).expect("a response")
    });
    let old = addr.to_string();
    for (head, want) in [
        (
            "GET / HTTP/1.1\r\nHost: A.example:80\r\n\r\n",
            "A.example:80",
        ),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "b"),
        ("GET /?host=inner HTTP/1.1\r\nHost: a\r\n\r\n", "inner"),
        ("GET / HTTP/1.0\r\n\r\n", &old),
    ] {
        Client::connect(server.addr).send(head).response();
        let got = heads.recv().expect("a head");
        let hosts: Vec<&str> = got
            .lines()
            .filter(|line| line.starts_with("Host:"))
            .collect();
        assert_eq!(hosts, [format!("Host: {want}")], "{got}");
        let version = if head.contains("HTTP/1.0") {
            "1.0"
        } else {
            "1.1"
        };
        assert!(
            got.contains(&format!("\r\nVia: {version} millpond\r\n")),
            "{got}"
        );
    }
    // A value that no field can hold is not sent: a mistake of the handler.
    let refused = Client::connect(server.addr)
        .send("GET /?host=a%0d%0aX:%20y HTTP/1.1\r\nHost: a\r\n\r\n")
        .response();
    assert_eq!(refused.status, 400);
    assert!(heads.try_recv().map_or(true, |head| head.is_empty()));
}

#[test]
fn a_body_that_was_taken_is_the_handlers_mistake() {
    let inner = serve_routes(vec![]);
    let pass = to(inner.addr());
    let server = serve(move |request| {
        drop(request.data());
        pass(request)
    });
    assert_eq!(server.get("/").status, 500);
}
