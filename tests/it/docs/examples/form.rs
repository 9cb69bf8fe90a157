//! The example `form`, with what browsers and curl really send.

#[cfg(target_os = "linux")]
use std::fs;

use super::child::Example;
use crate::support::{Client, Reply};

fn post(example: &Example, path: &str, content_type: &str, body: &[u8]) -> Reply {
    let mut client = Client::connect(example.addr);
    let length = body.len();
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {content_type}\r\n\
         Content-Length: {length}\r\n\r\n"
    ));
    client.send(body).response()
}

/// The page that answers a form: its status, and the rows of its result.
fn submit(example: &Example, content_type: &str, body: &str) -> (u16, Vec<String>) {
    rows(&post(example, "/submit", content_type, body.as_bytes()))
}

/// Each row as `name: value`, or the text of the error. All of it is HTML.
fn rows(reply: &Reply) -> (u16, Vec<String>) {
    let content_type = reply.header("Content-Type");
    assert_eq!(content_type, Some("text/html; charset=utf-8"), "{reply:?}");
    let page = reply.text();
    assert!(page.contains("<form action=\"submit\""), "no form: {page}");
    let (_, result) = page.split_once("<section>").expect("a result");
    let (result, _) = result.split_once("</section>").expect("its end");
    let text = |row: &str| row.split("</").next().unwrap().to_owned();
    let rows = match result.split_once("<p role=\"alert\">") {
        Some((_, error)) => vec![text(error)],
        None => result
            .split("<dt>")
            .skip(1)
            .map(|row| text(row) + ": " + &text(row.split("<dd>").nth(1).unwrap()))
            .collect(),
    };
    (reply.status, rows)
}

/// From Chromium 156: a file's name has quotes, backslashes, an end of a line, a percent sign.
const CHROMIUM: &str = "------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"name\"\r\n\r\nAnn \"L\u{e9}e\"x\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"age\"\r\n\r\n41\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"news\"\r\n\r\non\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\
    Content-Type: text/plain\r\n\r\nhello\n\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"files\"; filename=\"we%22ird\\na%41\u{e9};%0A.t\\\"\r\n\
    Content-Type: image/png\r\n\r\nx\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u\r\n\
    Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\n\
    Content-Type: application/octet-stream\r\n\r\n\r\n\
    ------WebKitFormBoundaryHqdcevcBAoDXX96u--\r\n";

/// From curl 7.88, which escapes with `%`, or with backslashes if it is told to.
const CURL: &str = "--------------------------d74496d66958873e\r\n\
    Content-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n\
    --------------------------d74496d66958873e\r\n\
    Content-Disposition: form-data; name=\"files\"; filename=\"{}\"\r\n\
    Content-Type: text/plain\r\n\r\nx\r\n\
    --------------------------d74496d66958873e--\r\n";

#[test]
fn form_takes_what_browsers_and_curl_send() {
    let form = Example::start("form", &[]);
    let page = Client::connect(form.addr).get("/");
    assert!(page.text().contains("enctype=\"multipart/form-data\""));

    let kind = "multipart/form-data; boundary=----WebKitFormBoundaryHqdcevcBAoDXX96u";
    let want = [
        "Name: Ann &quot;L\u{e9}e&quot;x",
        "Age: 41",
        "News: yes",
        "File: a.txt, 6 bytes, text/plain",
        "File: we&quot;ird\\na%41\u{e9};\n.t\\, 1 bytes, image/png",
    ];
    assert_eq!(
        submit(&form, kind, CHROMIUM),
        (200, want.map(String::from).into())
    );

    let kind = "multipart/form-data; boundary=------------------------d74496d66958873e";
    for name in ["we%22ird\\name;.txt", "we\\\"ird\\\\name;.txt"] {
        let (status, rows) = submit(&form, kind, &CURL.replace("{}", name));
        assert_eq!(status, 200, "{name}");
        let file = "File: we&quot;ird\\name;.txt, 1 bytes, text/plain";
        assert_eq!(rows, ["Name: x", "Age: none", "News: no", file]);
    }

    let kind = "application/x-www-form-urlencoded";
    let (status, rows) = submit(&form, kind, "name=Ann+L%C3%A9e%3Cb%3E&news=on&age=");
    assert_eq!(status, 200);
    assert_eq!(
        rows,
        ["Name: Ann L\u{e9}e&lt;b&gt;", "Age: none", "News: yes"]
    );
}

#[test]
fn form_answers_mistakes_with_a_page() {
    let form = Example::start("form", &["1000000"]);
    let urlencoded = "application/x-www-form-urlencoded";
    for (kind, body) in [
        (urlencoded, "age=7"),
        ("text/plain", "name=a"),
        ("multipart/form-data; boundary=x", "--x"),
    ] {
        let (status, rows) = submit(&form, kind, body);
        assert_eq!(status, 400, "{kind}");
        assert!(
            rows[0].starts_with("The form is wrong: "),
            "{kind}: {rows:?}"
        );
    }
    let mut client = Client::connect(form.addr);
    assert_eq!(client.get("/nothing").status, 404);
    // A form without a length could be endless.
    client.send("POST /submit HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_eq!(rows(&client.send("0\r\n\r\n").response()).0, 411);
}

/// The answer to a form that is too large is a page too, and comes before the body.
#[test]
fn form_answers_a_large_form_with_a_page() {
    let form = Example::start("form", &["1000000"]);
    for (path, max_bytes) in [("/submit", 16 << 20), ("/measure", 1_000_000)] {
        let mut client = Client::connect(form.addr);
        client.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\
             Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
            max_bytes + 1
        ));
        let want = format!("The form is too large: at most {max_bytes} bytes are allowed.");
        // The server waits for the first part of the body, or for the end of the client's side.
        let reply = client.finish_sending().response();
        assert_eq!(rows(&reply), (413, vec![want]), "{path}");
    }
}

/// Two files that a 32-bit machine might hold, and a server of 16 KiB need not.
#[cfg(target_os = "linux")]
#[test]
fn form_measures_an_upload_of_100_mb_in_constant_memory() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 50;
    let form = Example::start("form", &[]);
    let first = "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n";
    let (second, last) = (format!("\r\n{first}"), "\r\n--x--\r\n");
    let length = first.len() + second.len() + last.len() + 2 * PIECES * PIECE;
    // What a boundary begins with, over and over, and everything else a byte can be.
    let bytes = (0..PIECE).map(|at| match at % 7 {
        0 => b'\r',
        1 => b'\n',
        2 => b'-',
        _ => (at / 7) as u8,
    });
    let piece: Vec<u8> = bytes.collect();
    let mut client = Client::connect(form.addr);
    client.send(format!(
        "POST /measure HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\n\r\n"
    ));
    let before = peak(&form);
    for head in [first, &second] {
        client.send(head);
        for _ in 0..PIECES {
            client.send(&piece);
        }
    }
    let reply = client.send(last).response();
    let row = format!("a: b, {} bytes", PIECES * PIECE);
    assert_eq!(rows(&reply), (200, vec![row.clone(), row]));
    let grown = peak(&form) - before;
    assert!(grown < 4 * 1024, "{grown} KiB more");
}

/// The most memory that it has had, in KiB.
#[cfg(target_os = "linux")]
fn peak(example: &Example) -> u64 {
    let path = format!("/proc/{}/status", example.pid());
    let status = fs::read_to_string(path).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let text = line.expect("a peak").trim().trim_end_matches(" kB");
    text.parse().expect("a number")
}
