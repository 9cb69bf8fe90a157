//! The other direction: millpond is the client. nginx is the server behind it, and the proxy in
//! front of it; git clones from a repository and pushes to it, both through CGI.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;

use millpond::cgi::CgiRun;
use millpond::proxy::{full_proxy, ProxyConfig};
use millpond::{BackgroundServer, Proxies, Request, Response, Router, Settings};

use crate::proxy::{free_port, Proxy};
use crate::support::{Client, Folder};
use crate::{ask, describe, nginx, FORGED, NGINX, NGINX_FOLDERS, NGINX_X_FORWARDED};

fn serve(
    settings: Settings,
    handler: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> BackgroundServer {
    let router = Router::default();
    router.fallback(handler);
    let server = router.serve_managed_with(([127, 0, 0, 1], 0), settings);
    server.expect("a free port")
}

fn to(addr: SocketAddr) -> impl Fn(&Request) -> Response + Send + Sync + 'static {
    move |request| {
        let replace_host = None;
        full_proxy(request, ProxyConfig { addr, replace_host }).expect("a response")
    }
}

fn trusting(address: &str) -> Settings {
    let proxies = Proxies::new([address]).expect("an address");
    Settings::default().proxies(proxies.x_forwarded())
}

/// The head and the body of the response to these bytes, after which the connection ends.
fn exchange(addr: SocketAddr, request: &[u8]) -> (String, Vec<u8>) {
    let mut answer = Client::connect(addr)
        .send(request)
        .rest()
        .expect("an answer");
    let end = answer.windows(4).position(|w| w == b"\r\n\r\n");
    let body = answer.split_off(end.expect("a head") + 4);
    (String::from_utf8(answer).expect("text"), body)
}

#[test]
fn nginx_is_asked() {
    let folder = Folder::new();
    let file: Vec<u8> = (0..5_000_000).map(|at| (at * 7 + at / 251) as u8).collect();
    fs::write(folder.path("file"), &file).expect("a file");
    let port = free_port();
    let _nginx = Proxy::nginx(
        port,
        &format!(
            "events {{ }}\nhttp {{\n  access_log off;\n{NGINX_FOLDERS}  server {{\n    \
             listen 127.0.0.1:{port};\n    root {};\n    \
             location /told {{ return 200 \"$http_host $http_x_forwarded_for $http_via \
             $http_connection $http_upgrade\"; }}\n    \
             location /moved {{ return 301 http://elsewhere/; }}\n    \
             location /none {{ return 204; }}\n  }}\n}}\n",
            folder.root().display()
        ),
    );
    let server = serve(
        Settings::default(),
        to(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
    );
    let get = |target: &str, fields: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: me\r\nConnection: close\r\n");
        exchange(server.addr(), format!("{head}{fields}\r\n").as_bytes())
    };
    let (head, body) = get("/file", "");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(body == file, "{} bytes", body.len());
    let (head, body) = get("/file", "Range: bytes=1000000-1000009\r\n");
    assert!(head.starts_with("HTTP/1.1 206 "), "{head}");
    assert_eq!(body, &file[1_000_000..1_000_010]);
    let upgrade = "Upgrade: h2c\r\nX-Forwarded-For: 203.0.113.1\r\n";
    let (_, body) = get("/told", upgrade);
    assert_eq!(body, b"me 127.0.0.1 1.1 millpond close ");
    for (target, status, body) in [
        ("/none", 204, false),
        ("/moved", 301, true),
        ("/x", 404, true),
    ] {
        let (head, got) = get(target, "");
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
        assert_eq!(!got.is_empty(), body, "{target}");
    }
}

#[test]
fn nginx_asks() {
    // nginx names the client, this server trusts it, and passes the name on.
    let inner = serve(trusting("127.0.0.1"), describe);
    let server = serve(trusting(NGINX), to(inner.addr()));
    let front = nginx(NGINX_X_FORWARDED, server.addr(), NGINX);
    for fields in ["", FORGED] {
        let (_, status, body) = ask(front.port, fields);
        let want = "127.0.0.1:0 by 127.0.0.1, false".to_owned();
        assert_eq!((status, body), (200, want), "{fields}");
    }
}

/// git without the variables of an outer git, as in a hook, and with a home of its own.
fn git_at(home: &Path) -> Command {
    let mut git = Command::new("git");
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git.env_remove(name);
        }
    }
    git.env("HOME", home);
    git
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_at(folder)
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        // A machine that reaches others through a proxy reaches itself without.
        .env("no_proxy", "*")
        .output()
        .expect("git");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "git {arguments:?}: {out}{err}");
    out
}

#[test]
fn git_clones_and_pushes() {
    let folder = Folder::new();
    git(folder.root(), &["init", "--quiet", "--bare", "served.git"]);
    let root = folder.root().to_owned();
    let server = serve(Settings::default(), move |request| {
        let Some(inner) = request.remove_prefix("/git") else {
            return Response::empty_404();
        };
        let mut command = git_at(&root);
        command.arg("http-backend").env("GIT_PROJECT_ROOT", &root);
        command.env("GIT_HTTP_EXPORT_ALL", "");
        // The handler decides about the right to push.
        command.env("REMOTE_USER", "ann");
        command.start_cgi(&inner).expect("git http-backend runs")
    });
    let url = format!("http://{}/git/served.git", server.addr());
    git(folder.root(), &["clone", "--quiet", &url, "first"]);
    let first = folder.path("first");
    fs::write(first.join("small"), "hello\n").expect("a file");
    // More than git sends in one piece with a length, and than a pipe holds; it does not compress.
    let mut state = 1_u64;
    let mut noise = Vec::new();
    while noise.len() < 6_000_000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    fs::write(first.join("large"), &noise).expect("a file");
    git(&first, &["add", "."]);
    git(&first, &["commit", "--quiet", "-m", "first"]);
    git(&first, &["push", "--quiet", "origin", "HEAD:main"]);
    for version in ["0", "2"] {
        let name = format!("second{version}");
        let protocol = format!("protocol.version={version}");
        let clone = [
            "-c", &protocol, "clone", "--quiet", "-b", "main", &url, &name,
        ];
        git(folder.root(), &clone);
        let second = folder.path(name);
        assert!(fs::read(second.join("large")).expect("it") == noise);
    }
    // A second round, with a history to negotiate.
    fs::write(first.join("small"), "hello again\n").expect("a file");
    git(&first, &["commit", "--quiet", "-a", "-m", "second"]);
    git(&first, &["push", "--quiet", "origin", "HEAD:main"]);
    let second = folder.path("second2");
    git(&second, &["pull", "--quiet"]);
    let text = fs::read_to_string(second.join("small")).expect("it");
    assert_eq!(text, "hello again\n");
    git(&folder.path("served.git"), &["fsck", "--strict"]);
}
