//! No URL leads out of the folder, and only regular files are opened.

use std::fs;

use super::folder::{serve_folder, Folder};
#[cfg(unix)]
use crate::support::serve;
#[cfg(unix)]
use millpond::serve_file;

#[test]
fn no_spelling_leads_out() {
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    folder.write("a.txt", "inside");
    folder.write("sub/b.txt", "inside");
    folder.write(".hidden", "inside");
    folder.write("a b\u{e9}.txt", "inside");
    fs::write(folder.path("../secret"), "secret").unwrap();
    let server = serve_folder(&folder);
    let mut client = server.connect();
    for path in [
        "/a.txt",
        "/a.txt?../../secret",
        "/%61%2etxt",
        "/sub/b.txt",
        "/.hidden",
        "/a%20b%c3%A9.txt",
        "http://b/sub/b.txt",
    ] {
        let reply = client.get(path);
        assert_eq!((reply.status, reply.text()), (200, "inside"), "{path}");
    }
    let absolute = fs::canonicalize(folder.path("../secret")).unwrap();
    let absolute = absolute.to_str().unwrap().to_owned();
    let mut paths: Vec<String> = [
        "/../secret",
        "/%2e%2e/secret",
        "/%2E./secret",
        "/.%2e/secret",
        "/..%2fsecret",
        "/..%2Fsecret",
        "/%2e%2e%2fsecret",
        "/..%5csecret",
        "/%2e%2e%5csecret",
        "/%252e%252e/secret",
        "/%252e%252e%252fsecret",
        "/..%252fsecret",
        "/%c0%ae%c0%ae/secret",
        "/%c0%ae%c0%ae%c0%afsecret",
        "/%e0%80%ae%e0%80%ae/secret",
        "/%uff0e%uff0e/secret",
        "/sub/../../secret",
        "/sub/%2e%2e/%2e%2e/secret",
        "/sub/..%2f..%2fsecret",
        "/./../secret",
        "/a.txt/../../secret",
        "/none/../../secret",
        "//../secret",
        "/..//secret",
        "/%2f..%2fsecret",
        "/..%00/secret",
        "/..%00secret",
        "/..;/secret",
        "/...;/secret",
        "/secret",
        "/~/secret",
        "/C:/secret",
        "/C:%5csecret",
        "/%5c%5c%3f%5cC:%5csecret",
        "/file:///secret",
        "/site/../secret",
        // In the folder, and yet not their names.
        "/sub/../a.txt",
        "/./a.txt",
        "/%2e/a.txt",
        "//a.txt",
        "/sub//b.txt",
        "/sub%2fb.txt",
        "/sub%5cb.txt",
        "/a.txt/",
        "/a.txt/.",
        "/a.txt%2f",
        "/a.txt%00",
        "/a.txt%00.png",
        "/a.txt%20",
        "/a.txt.",
        "/a.txt::$DATA",
        "/A.TXT",
        "/%2561.txt",
        "/",
        "/sub",
        "/sub/",
    ]
    .map(str::to_owned)
    .into();
    paths.push(format!("/{absolute}"));
    paths.push(absolute.clone());
    paths.push(absolute.replace('/', "%2f"));
    for path in paths {
        let mut client = server.connect();
        let reply = client.get(&path);
        // 400 is the server's own answer to an invalid target.
        assert!(matches!(reply.status, 404 | 400), "{path}: {reply:?}");
        let body = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(
            !body.contains("secret") && !body.contains("inside"),
            "{path}: {body}"
        );
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_as_far_as_the_folder_goes() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    fs::create_dir(folder.path("sub")).unwrap();
    fs::create_dir(folder.path("../other")).unwrap();
    // A folder whose name begins like that of the served one.
    fs::create_dir(folder.path("../site2")).unwrap();
    folder.write("sub/b.txt", "inside");
    folder.write("c.txt", "inside");
    for secret in ["secret", "other/secret", "site2/secret"] {
        fs::write(folder.path("..").join(secret), "secret").unwrap();
    }
    let absolute = fs::canonicalize(folder.path("sub/b.txt")).unwrap();
    let links = [
        ("in", "sub/b.txt", "/in", 200),
        ("absolute", absolute.to_str().unwrap(), "/absolute", 200),
        ("folder", "sub", "/folder/b.txt", 200),
        ("chain", "in", "/chain", 200),
        ("sub/back", "../c.txt", "/sub/back", 200),
        ("round", "../site/c.txt", "/round", 200),
        ("sub/self", "..", "/sub/self/sub/self/c.txt", 200),
        ("out", "../secret", "/out", 404),
        ("outfolder", "../other", "/outfolder/secret", 404),
        ("outchain", "out", "/outchain", 404),
        ("sub/outside", "../../secret", "/sub/outside", 404),
        ("like", "../site2/secret", "/like", 404),
        ("likefolder", "../site2", "/likefolder/secret", 404),
        ("root", "/", "/root/etc/hostname", 404),
        ("loop", "loop", "/loop", 404),
        ("dangling", "none", "/dangling", 404),
        ("device", "/dev/zero", "/device", 404),
        ("parent", "..", "/parent/secret", 404),
    ];
    for (name, target, ..) in links {
        symlink(target, folder.path(name)).unwrap();
    }
    // Beside a file: sent in its place, if it were followed.
    symlink("../secret", folder.path("c.txt.gz")).unwrap();
    let server = serve_folder(&folder);
    let mut client = server.connect();
    for (_, target, path, status) in links {
        let reply = client.get(path);
        assert_eq!(reply.status, status, "{path} is {target}");
        let want = if status == 200 { "inside" } else { "" };
        assert_eq!(reply.text(), want, "{path} is {target}");
    }
    let reply = super::ask(&mut client, "GET", "/c.txt", &[("Accept-Encoding", "gzip")]);
    assert_eq!(reply.text(), "inside");
    // The folder itself may be one.
    symlink("site", folder.path("../current")).unwrap();
    let current = folder.path("../current");
    let server = serve(move |r| millpond::match_assets(r, &current));
    assert_eq!(server.get("/in").text(), "inside");
    assert_eq!(server.get("/out").status, 404);
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_opened() {
    let folder = Folder::new();
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path("pipe"))
        .arg(folder.path("page.gz"))
        .status();
    assert!(made.expect("mkfifo").success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("socket")).unwrap();
    fs::create_dir(folder.path("folder")).unwrap();
    folder.write("page", "page");
    let server = serve_folder(&folder);
    let mut client = server.connect();
    // Opening the pipe would block until a writer opens it, and the client would wait.
    for path in ["/pipe", "/socket", "/folder", "/pipe/"] {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
    let reply = super::ask(&mut client, "GET", "/page", &[("Accept-Encoding", "gzip")]);
    assert_eq!(reply.text(), "page");
    // Nor is one that the handler names itself.
    let path = folder.path("");
    let server = serve(move |r| serve_file(r, &path.join(r.url().trim_start_matches('/'))));
    for (path, status) in [
        ("/pipe", 404),
        ("/socket", 404),
        ("/folder", 404),
        ("/page", 200),
    ] {
        assert_eq!(server.get(path).status, status, "{path}");
    }
}
