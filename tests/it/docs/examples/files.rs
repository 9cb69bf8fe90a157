//! The example `files`: listings, redirects, hidden names, error pages and the log.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::child::{program, Example};
use crate::support::{Client, Folder};

/// The example with a folder of its own, which goes when the test ends.
struct Files {
    example: Example,
    folder: PathBuf,
    _outer: Folder,
}

impl Files {
    fn start() -> Files {
        let outer = Folder::new();
        let folder = outer.path("site");
        fs::create_dir(&folder).unwrap();
        let args = [folder.to_str().unwrap(), "127.0.0.1:0"];
        let example = Example::start_as("files", &args);
        Files {
            example,
            folder,
            _outer: outer,
        }
    }

    fn connect(&self) -> Client {
        Client::connect(self.example.addr)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn folder(&self, name: &str) {
        fs::create_dir(self.folder.join(name)).unwrap();
    }
}

/// The links of a listing, in order.
fn links(page: &str) -> Vec<&str> {
    let rows = page.split("<li>").skip(1);
    let links = rows.filter_map(|row| row.split("href=\"").nth(1)?.split('"').next());
    links.collect()
}

#[test]
fn files_lists_a_folder() {
    let files = Files::start();
    let mut client = files.connect();
    assert!(client.get("/").text().contains("Entries: 0"));
    for name in ["b", "A", "\u{fc}n\u{ef}code"] {
        files.folder(name);
    }
    for name in [
        "z.txt",
        "M & \"Q\".txt",
        "100% #1.txt",
        ".hidden",
        "{content}",
    ] {
        files.write(name, "text");
    }
    files.write("big", &"x".repeat(1_540));
    let page = client.get("/");
    assert_eq!(
        page.header("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    let text = page.text();
    let want = [
        "A/",
        "b/",
        "%C3%BCn%C3%AFcode/",
        "100%25%20%231.txt",
        "big",
        "M%20%26%20%22Q%22.txt",
        "z.txt",
        "%7Bcontent%7D",
    ];
    assert_eq!(links(text), want);
    assert!(text.contains(">M &amp; &quot;Q&quot;.txt</a>"), "{text}");
    assert!(text.contains("Entries: 8"), "{text}");
    let cells = "<span>1.5 kB</span><span>0 min ago</span>";
    assert!(text.contains(cells), "{text}");
    // The heading is the name of the folder, which leads to the root.
    let heading = "<title>site</title>\n<h1><a href=\"/\">site</a></h1>";
    assert!(text.contains(heading), "{text}");
    for link in links(text) {
        assert_eq!(client.get(&format!("/{link}")).status, 200, "{link}");
    }
    let below = client.get("/b/");
    assert_eq!(links(below.text()), ["../"]);
    let heading = "<h1><a href=\"/\">site</a>/b</h1>";
    assert!(below.text().contains(heading), "{}", below.text());
    assert_eq!(client.ask("HEAD", "/").status, 200);
    assert_eq!(client.ask("POST", "/").header("Allow"), Some("GET, HEAD"));
}

#[test]
fn files_sends_folders_to_their_slash_and_nowhere_else() {
    let files = Files::start();
    files.folder("docs");
    files.folder("evil");
    files.folder("&sol;evil");
    files.write("docs/index.html", "<p>index");
    let mut client = files.connect();
    for (path, status, location) in [
        ("/docs", 302, Some("/docs/")),
        ("/docs?a=b", 302, Some("/docs/?a=b")),
        ("/%64ocs", 302, Some("/%64ocs/")),
        ("//evil", 404, None),
        ("//evil/..", 404, None),
        ("/%2fevil", 404, None),
        ("/%5cevil", 404, None),
        ("http://evil/docs", 302, Some("/docs/")),
        ("/docs/", 200, None),
        ("/docs/index.html/", 404, None),
    ] {
        let reply = client.get(path);
        assert_eq!(
            (reply.status, reply.header("Location")),
            (status, location),
            "{path}"
        );
    }
    assert_eq!(client.get("/docs/").text(), "<p>index");
    // Unescaped, the name would be `//evil` in HTML.
    let page = client.get("/&sol;evil/");
    assert!(page.text().contains("</a>/&amp;sol;evil</h1>"), "{page:?}");
}

#[test]
fn files_keeps_to_itself_what_is_hidden_or_outside() {
    let files = Files::start();
    files.folder(".git");
    files.folder("sub");
    files.write(".git/config", "secret");
    files.write(".env", "secret");
    files.write("sub/.env", "secret");
    fs::write(files.folder.with_file_name("outside"), "secret").unwrap();
    #[cfg(unix)]
    for name in ["link", "sub/index.html"] {
        let target = files.folder.with_file_name("outside");
        std::os::unix::fs::symlink(target, files.folder.join(name)).unwrap();
    }
    let mut client = files.connect();
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/",
        "/.git/config",
        "/sub/.env",
        "/sub/%2Eenv",
        "/../outside",
        "/%2e%2e/outside",
        "/link",
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, 404, "{path}");
        assert!(!reply.text().contains("secret"), "{path}");
    }
    assert_eq!(links(client.get("/").text()), ["sub/"]);
    assert_eq!(links(client.get("/sub/").text()), ["../"]);
}

#[test]
fn files_links_back_from_an_error() {
    let files = Files::start();
    let mut client = files.connect();
    let page = client.get("/none/of/these");
    assert_eq!(page.status, 404);
    let link = "There is no such file.\n<p><a href=\"/\">Back to site</a>";
    assert!(page.text().contains(link), "{}", page.text());
}

#[test]
fn files_logs_each_request() {
    let mut files = Files::start();
    files.write("a b.txt", "0123456789");
    let mut client = files.connect();
    assert_eq!(client.get("/a%20b.txt").text(), "0123456789");
    client.send("GET /a%20b.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=2-4\r\n\r\n");
    assert_eq!(client.response().text(), "234");
    client.get("/none");
    for (path, status) in [("/a%20b.txt", 200), ("/a%20b.txt", 206), ("/none", 404)] {
        let line = files.example.line();
        assert!(line.contains(&format!(" - GET {path} - ")), "{line:?}");
        assert!(line.ends_with(&format!(" - {status}")), "{line:?}");
    }
}

#[test]
fn files_reports_wrong_arguments() {
    let nowhere = std::env::temp_dir().join("millpond-no-such-folder");
    let (nowhere, here) = (nowhere.to_str().unwrap(), env!("CARGO_MANIFEST_DIR"));
    for (args, want) in [
        (&[nowhere][..], "millpond-no-such-folder"),
        (&[here, "nonsense"], "nonsense"),
    ] {
        let output = Command::new(program("files")).args(args).output();
        let output = output.expect("the example");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(want), "{args:?}: {error}");
        assert!(!output.status.success(), "{args:?}");
        assert_eq!(output.stdout, b"", "{args:?}");
    }
}
