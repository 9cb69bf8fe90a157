//! The example `form`, with what browsers and curl really send.

#[cfg(target_os = "linux")]
use std::fs;

use millpond::{json, Json};

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

fn submit(example: &Example, content_type: &str, body: &str) -> (u16, Json) {
    let reply = post(example, "/submit", content_type, body.as_bytes());
    let said = Json::parse(&reply.body).expect("JSON");
    (reply.status, said)
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
    let files = json!([
        { "name": "a.txt", "type": "text/plain", "bytes": 6 },
        { "name": "we\"ird\\na%41\u{e9};\n.t\\", "type": "image/png", "bytes": 1 },
    ]);
    let want = json!({ "name": "Ann \"L\u{e9}e\"x", "age": 41, "news": true, "files": files });
    assert_eq!(submit(&form, kind, CHROMIUM), (200, want));

    let kind = "multipart/form-data; boundary=------------------------d74496d66958873e";
    for name in ["we%22ird\\name;.txt", "we\\\"ird\\\\name;.txt"] {
        let (status, said) = submit(&form, kind, &CURL.replace("{}", name));
        assert_eq!(
            (status, &said["age"], &said["news"]),
            (200, &Json::Null, &json!(false))
        );
        assert_eq!(said["files"][0]["name"], json!("we\"ird\\name;.txt"));
    }

    let kind = "application/x-www-form-urlencoded";
    let (status, said) = submit(&form, kind, "name=Ann+L%C3%A9e&news=on&age=");
    assert_eq!(
        (status, &said["name"], &said["age"]),
        (200, &json!("Ann L\u{e9}e"), &Json::Null)
    );
    let (status, said) = submit(&form, kind, "age=7");
    assert_eq!(status, 400);
    assert_eq!(
        said["description"],
        json!("invalid form field \"name\": missing field")
    );
    assert_eq!(submit(&form, "text/plain", "name=a").0, 400);
    assert_eq!(
        submit(&form, "multipart/form-data; boundary=x", "--x").0,
        400
    );
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
    let file = json!({ "name": "a", "file": "b", "bytes": PIECES * PIECE });
    assert_eq!(Json::parse(&reply.body), Ok(json!([file, file])));
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
