//! millpond behind real proxies: HAProxy and nginx name the client of each request, in every way
//! that `Proxies` knows, and the server trusts them and nothing that the client claims. `gateway`
//! is the other direction.
//!
//! The client is 127.0.0.1. The proxies connect to the server from other addresses of the loopback
//! network, which are trusted.

#![warn(rust_2018_idioms)]
#![warn(clippy::self_named_module_files)]

mod gateway;
mod proxy;
// A package uses some of these parts, and other packages the others.
#[allow(dead_code, unused_imports)]
#[path = "../../support/mod.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millpond::{BackgroundServer, Proxies, Request, Response, Router, Settings};
use proxy::{free_port, Proxy};
use support::{eventually, Client};

const NGINX: &str = "127.0.0.8";
const HAPROXY: &str = "127.0.0.9";
/// No test waits longer than this for anything.
pub const GUARD: Duration = Duration::from_secs(10);

/// False claims of a client.
const FORGED: &str = "Forwarded: for=203.0.113.1;proto=https\r\n\
    X-Forwarded-For: 203.0.113.1, 127.0.0.8\r\nX-Forwarded-Proto: https\r\n";

fn describe(request: &Request) -> Response {
    let (client, peer) = (request.remote_addr(), request.peer_addr().ip());
    Response::text(format!("{client} by {peer}, {}", request.is_secure()))
}

fn serve(shape: impl FnOnce(Proxies) -> Proxies) -> BackgroundServer {
    let router = Router::default();
    router.fallback(describe);
    let proxies = Proxies::new([NGINX, HAPROXY]).expect("two addresses");
    let settings = Settings::default().proxies(shape(proxies));
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

/// A request with these fields through the proxy: the client's address, the status, the body.
fn ask(port: u16, fields: &str) -> (SocketAddr, u16, String) {
    let mut client = Client::connect((Ipv4Addr::LOCALHOST, port).into());
    client.send(format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n"
    ));
    let reply = client.response();
    client.closed();
    let own = client.stream.local_addr().expect("our address");
    (own, reply.status, reply.text().to_owned())
}

/// The server sees the client's address, from this proxy; with its port, or 0 for it.
fn sees_the_client(port: u16, by: &str, with_port: bool) {
    for fields in ["", FORGED, "Forwarded: for=\"\r\nX-Forwarded-For: \"\r\n"] {
        let (mut client, status, body) = ask(port, fields);
        if !with_port {
            client.set_port(0);
        }
        assert_eq!(
            (status, body),
            (200, format!("{client} by {by}, false")),
            "{fields}"
        );
    }
}

fn haproxy(mode: &str, lines: &str, server: SocketAddr, options: &str) -> Proxy {
    let port = free_port();
    let text = format!(
        "defaults\n  mode {mode}\n  timeout connect 5s\n  timeout client 10s\n  \
         timeout server 10s\n\
         listen here\n  bind 127.0.0.1:{port}\n  source {HAPROXY}\n{lines}\n  \
         server us {server} {options}\n"
    );
    Proxy::haproxy(port, &text)
}

#[test]
fn haproxy_sends_the_proxy_protocol() {
    let server = serve(Proxies::proxy_protocol);
    for version in [
        "send-proxy",
        "send-proxy-v2",
        "send-proxy-v2 proxy-v2-options crc32c,unique-id",
    ] {
        let id = "  unique-id-format %[uuid()]";
        let proxy = haproxy("tcp", id, server.addr(), version);
        sees_the_client(proxy.port, HAPROXY, true);
    }
    // A proxy that is to begin with it and does not gets no answer.
    let proxy = haproxy("http", "", server.addr(), "");
    assert_eq!(ask(proxy.port, "").1, 502);
}

#[test]
fn haproxy_checks_health_on_its_own_behalf() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let router = Router::default();
    let all = Arc::clone(&seen);
    router.fallback(move |request: &Request| {
        let who = format!("{} {}", request.url(), request.remote_addr().ip());
        all.lock().expect("no handler panics").push(who);
        Response::text("healthy")
    });
    let proxies = Proxies::new([HAPROXY])
        .expect("an address")
        .proxy_protocol();
    let server = router
        .serve_managed_with(([127, 0, 0, 1], 0), Settings::default().proxies(proxies))
        .expect("a free port");
    for version in ["send-proxy", "send-proxy-v2"] {
        let check = "  option httpchk GET /health";
        let options = format!("{version} check-send-proxy check inter 20ms");
        let _proxy = haproxy("http", check, server.addr(), &options);
        eventually(&format!("{version}: a health check"), || {
            seen.lock().expect("no handler panics").len() >= 3
        });
        for who in seen.lock().expect("no handler panics").drain(..) {
            // In version 1 HAProxy sends its own address; in version 2 it sends LOCAL.
            assert_eq!(who, format!("/health {HAPROXY}"), "{version}");
        }
    }
}

#[test]
fn haproxy_sets_fields() {
    let x_forwarded = "  option forwardfor\n  http-request set-header X-Forwarded-Proto http";
    let server = serve(Proxies::x_forwarded);
    let proxy = haproxy("http", x_forwarded, server.addr(), "");
    sees_the_client(proxy.port, HAPROXY, false);
    // As `option forwarded` has it, from HAProxy 2.8 on.
    let forwarded = "  http-request add-header Forwarded 'for=\"%[src]:%[src_port]\";proto=http'";
    let server = serve(Proxies::forwarded);
    let proxy = haproxy("http", forwarded, server.addr(), "");
    sees_the_client(proxy.port, HAPROXY, true);
}

/// In its own folder: those that Debian has for them are for root.
const NGINX_FOLDERS: &str = "  client_body_temp_path body;\n  proxy_temp_path proxy;\n  \
    fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n";

fn nginx(lines: &str, upstream: SocketAddr, from: &str) -> Proxy {
    let port = free_port();
    let text = format!(
        "events {{ }}\nhttp {{\n  access_log off;\n{NGINX_FOLDERS}  server {{\n    \
         listen 127.0.0.1:{port};\n    \
         location / {{\n      proxy_pass http://{upstream};\n      proxy_bind {from};\n\
         {lines}\n    }}\n  }}\n}}\n"
    );
    Proxy::nginx(port, &text)
}

const NGINX_X_FORWARDED: &str = "      proxy_set_header X-Forwarded-Proto $scheme;\n      \
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";

#[test]
fn nginx_sets_fields() {
    let server = serve(Proxies::x_forwarded);
    let proxy = nginx(NGINX_X_FORWARDED, server.addr(), NGINX);
    sees_the_client(proxy.port, NGINX, false);
    let server = serve(Proxies::forwarded);
    let forwarded = "      proxy_set_header Forwarded \
        '$http_forwarded, for=\"$remote_addr:$remote_port\";proto=$scheme';";
    let proxy = nginx(forwarded, server.addr(), NGINX);
    sees_the_client(proxy.port, NGINX, true);
}

#[test]
fn one_behind_the_other() {
    // nginx next to the client; HAProxy appends nginx's address, and passes the protocol on.
    let server = serve(Proxies::x_forwarded);
    let inner = haproxy("http", "  option forwardfor", server.addr(), "");
    let outer = nginx(
        NGINX_X_FORWARDED,
        SocketAddr::from((Ipv4Addr::LOCALHOST, inner.port)),
        NGINX,
    );
    sees_the_client(outer.port, HAPROXY, false);
    // The same, with the hop between HAProxy and the server in the PROXY protocol.
    let server = serve(|proxies| proxies.proxy_protocol().x_forwarded());
    let inner = haproxy("tcp", "", server.addr(), "send-proxy-v2");
    let outer = nginx(
        NGINX_X_FORWARDED,
        SocketAddr::from((Ipv4Addr::LOCALHOST, inner.port)),
        NGINX,
    );
    sees_the_client(outer.port, HAPROXY, false);
}

#[test]
fn a_proxy_that_is_not_trusted_is_the_client() {
    let server = serve(Proxies::x_forwarded);
    let proxy = nginx(NGINX_X_FORWARDED, server.addr(), "127.0.0.7");
    let (_, status, body) = ask(proxy.port, FORGED);
    assert_eq!(status, 200);
    assert!(body.starts_with("127.0.0.7:"), "{body}");
    assert!(body.ends_with(" by 127.0.0.7, false"), "{body}");
}
