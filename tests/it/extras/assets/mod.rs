//! Files over sockets: the file that a URL names, and the bytes that are sent.

pub mod folder;
mod inside;
mod sent;

use std::fs;

use folder::{ask, serve_folder, Folder};

const DIGITS: &[u8] = b"0123456789";

#[test]
fn a_file_comes_with_what_a_cache_needs() {
    let folder = Folder::new();
    folder.settled("a.html", "<p>a");
    folder.settled("noext", "?");
    let server = serve_folder(&folder);
    let mut client = server.connect();
    let reply = client.get("/a.html");
    assert_eq!((reply.status, reply.text()), (200, "<p>a"));
    for (name, want) in [
        ("Content-Type", Some("text/html; charset=utf-8")),
        ("Content-Length", Some("4")),
        ("Last-Modified", Some("Sun, 06 Nov 1994 08:49:37 GMT")),
        ("ETag", Some("\"4-ae1b981bc490a00\"")),
        ("Accept-Ranges", Some("bytes")),
        ("Vary", None),
        ("Content-Encoding", None),
        ("Cache-Control", None),
    ] {
        assert_eq!(reply.header(name), want, "{name}");
    }
    let unknown = client.get("/noext");
    assert_eq!(
        unknown.header("Content-Type"),
        Some("application/octet-stream")
    );
    // A later change may leave the same modification time.
    folder.write("fresh", DIGITS);
    let fresh = client.get("/fresh");
    assert_eq!(fresh.body, DIGITS);
    assert_eq!(
        (fresh.header("ETag"), fresh.header("Last-Modified")),
        (None, None)
    );
}

#[test]
fn head_is_answered_like_get_and_other_methods_are_refused() {
    let folder = Folder::new();
    folder.settled("ten", DIGITS);
    let server = serve_folder(&folder);
    let mut client = server.connect();
    let ranged = [("Range", "bytes=0-0")];
    let mut got = client.get("/ten");
    got.body.clear();
    let fields = |mut reply: crate::support::Reply| {
        reply.headers.retain(|(name, _)| name != "Date");
        (reply.status, reply.headers)
    };
    // RFC 9110 §14.2: a range is for GET.
    assert_eq!(
        fields(ask(&mut client, "HEAD", "/ten", &ranged)),
        fields(got)
    );
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let reply = ask(&mut client, method, "/ten", &[]);
        assert_eq!(
            (reply.status, reply.header("Allow")),
            (405, Some("GET, HEAD"))
        );
        assert_eq!(
            ask(&mut client, method, "/none", &[]).status,
            404,
            "{method}"
        );
    }
}

#[test]
fn conditions_are_judged_over_the_wire() {
    let folder = Folder::new();
    folder.settled("ten", DIGITS);
    let server = serve_folder(&folder);
    let mut client = server.connect();
    let first = client.get("/ten");
    let tag = first.header("ETag").expect("a tag").to_owned();
    let date = first.header("Last-Modified").expect("a date").to_owned();
    let (tag, date, range) = (&*tag, &*date, ("Range", "bytes=3-4"));
    let (other, weak) = ("\"other\"", format!("W/{tag}"));
    let earlier = "Sat, 05 Nov 1994 08:49:37 GMT";
    type Row<'a> = (&'a [(&'a str, &'a str)], u16, &'a str);
    let table: &[Row<'_>] = &[
        (&[("If-None-Match", tag)], 304, ""),
        (&[("If-None-Match", other)], 200, "0123456789"),
        (&[("If-Modified-Since", date)], 304, ""),
        (&[("If-Modified-Since", earlier)], 200, "0123456789"),
        (
            &[("If-None-Match", other), ("If-Modified-Since", date)],
            200,
            "0123456789",
        ),
        (&[("If-Match", tag)], 200, "0123456789"),
        (&[("If-Match", other)], 412, ""),
        (&[("If-Unmodified-Since", earlier)], 412, ""),
        (&[range, ("If-Range", tag)], 206, "34"),
        (&[range, ("If-Range", other)], 200, "0123456789"),
        (&[range, ("If-Range", &weak)], 200, "0123456789"),
        (&[range, ("If-Range", date)], 206, "34"),
        (&[range, ("If-Range", earlier)], 200, "0123456789"),
        (&[range, ("If-None-Match", tag)], 304, ""),
        (&[range, ("If-Match", other)], 412, ""),
        (&[("Range", "bytes=20-"), ("If-None-Match", tag)], 304, ""),
        (
            &[("Range", "bytes=20-"), ("If-Range", other)],
            200,
            "0123456789",
        ),
    ];
    for (fields, status, body) in table {
        let reply = ask(&mut client, "GET", "/ten", fields);
        assert_eq!((reply.status, reply.text()), (*status, *body), "{fields:?}");
        if matches!(status, 200 | 206 | 304) {
            assert_eq!(reply.header("ETag"), Some(tag), "{fields:?}");
            assert_eq!(reply.header("Last-Modified"), Some(date), "{fields:?}");
        }
        let typed = reply.header("Content-Type").is_some();
        assert_eq!(typed, matches!(status, 200 | 206), "{fields:?}");
    }
    // Another state of the file has another tag, at the same length too.
    folder.write("ten", "9876543210");
    folder.date("ten", "1994-11-06T08:49:38Z");
    let changed = ask(&mut client, "GET", "/ten", &[range, ("If-Range", tag)]);
    assert_eq!((changed.status, changed.text()), (200, "9876543210"));
}

#[test]
fn a_coded_sibling_is_sent_to_who_prefers_it() {
    let folder = Folder::new();
    for (name, text) in [
        ("both.js", "plain"),
        ("both.js.gz", "gzipped"),
        ("both.js.br", "brotli-coded"),
        ("one.css", "plain"),
        ("one.css.gz", "gzipped"),
        ("none.txt", "plain"),
        ("stale.txt", "plain"),
        ("stale.txt.gz", "gzipped"),
        ("dir.txt", "plain"),
    ] {
        folder.settled(name, text);
    }
    folder.date("stale.txt.gz", "1994-11-06T08:49:36Z");
    fs::create_dir(folder.path("dir.txt.gz")).unwrap();
    let server = serve_folder(&folder);
    let mut client = server.connect();
    // (path, Accept-Encoding, body, coding, whether it varies)
    let table = [
        ("/both.js", "gzip, br", "brotli-coded", Some("br"), true),
        ("/both.js", "gzip", "gzipped", Some("gzip"), true),
        ("/both.js", "gzip, br;q=0.5", "gzipped", Some("gzip"), true),
        ("/both.js", "gzip;q=0, br;q=0", "plain", None, true),
        ("/both.js", "", "plain", None, true),
        ("/both.js", "identity;q=1, *;q=0", "plain", None, true),
        ("/one.css", "br", "plain", None, true),
        ("/one.css", "br, gzip", "gzipped", Some("gzip"), true),
        ("/none.txt", "br, gzip", "plain", None, false),
        ("/stale.txt", "gzip", "plain", None, false),
        ("/dir.txt", "gzip", "plain", None, false),
    ];
    for (path, accept, body, coding, varies) in table {
        let reply = ask(&mut client, "GET", path, &[("Accept-Encoding", accept)]);
        let row = format!("{path} {accept}");
        assert_eq!((reply.status, reply.text()), (200, body), "{row}");
        assert_eq!(reply.header("Content-Encoding"), coding, "{row}");
        let vary = Some("Accept-Encoding").filter(|_| varies);
        assert_eq!(reply.header("Vary"), vary, "{row}");
    }
    // The type is that of the uncoded file, the tag is that of the coded bytes, and ranges refer to
    // the coded bytes.
    let gzip = ("Accept-Encoding", "gzip");
    let coded = ask(&mut client, "GET", "/both.js", &[gzip]);
    assert_eq!(
        coded.header("Content-Type"),
        Some("text/javascript; charset=utf-8")
    );
    let plain = client.get("/both.js");
    assert_ne!(coded.header("ETag"), plain.header("ETag"));
    let tag = ("If-None-Match", plain.header("ETag").expect("a tag"));
    assert_eq!(ask(&mut client, "GET", "/both.js", &[tag]).status, 304);
    assert_eq!(
        ask(&mut client, "GET", "/both.js", &[tag, gzip]).status,
        200
    );
    let part = ask(
        &mut client,
        "GET",
        "/both.js",
        &[gzip, ("Range", "bytes=-3")],
    );
    assert_eq!((part.status, part.text()), (206, "ped"));
    assert_eq!(part.header("Content-Range"), Some("bytes 4-6/7"));
    // One that may not be read (by root all may) is as good as none.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let sibling = folder.path("one.css.gz");
        fs::set_permissions(&sibling, fs::Permissions::from_mode(0o000)).unwrap();
        let want = fs::read_to_string(sibling).unwrap_or_else(|_| "plain".to_owned());
        let reply = ask(&mut client, "GET", "/one.css", &[gzip]);
        assert_eq!((reply.status, reply.text()), (200, &*want));
        let coding = reply.header("Content-Encoding");
        assert_eq!(coding.is_some(), want == "gzipped");
    }
    // By its own name it is an archive like any other.
    let archive = client.get("/both.js.gz");
    assert_eq!(archive.header("Content-Type"), Some("application/gzip"));
    assert_eq!(archive.header("Content-Encoding"), None);
}
