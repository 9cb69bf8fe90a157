//! The bytes that arrive: parts, huge files, and files that change while they are sent.

use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use super::folder::{ask, serve_folder, Folder};
use super::DIGITS;
use crate::support::Incomplete;

#[test]
fn a_part_is_sent_to_the_byte() {
    let folder = Folder::new();
    folder.settled("ten", DIGITS);
    folder.settled("none", "");
    let server = serve_folder(&folder);
    let mut client = server.connect();
    // (path, Range, status, Content-Range, body)
    let table = [
        ("/ten", "bytes=0-0", 206, "bytes 0-0/10", "0"),
        ("/ten", "bytes=3-6", 206, "bytes 3-6/10", "3456"),
        ("/ten", "bytes=9-9", 206, "bytes 9-9/10", "9"),
        ("/ten", "bytes=-1", 206, "bytes 9-9/10", "9"),
        ("/ten", "bytes=-3", 206, "bytes 7-9/10", "789"),
        ("/ten", "bytes=-11", 206, "bytes 0-9/10", "0123456789"),
        ("/ten", "bytes=7-", 206, "bytes 7-9/10", "789"),
        ("/ten", "bytes=0-", 206, "bytes 0-9/10", "0123456789"),
        (
            "/ten",
            "bytes=8-99999999999999999999",
            206,
            "bytes 8-9/10",
            "89",
        ),
        ("/ten", "bytes=, 3-4 ,", 206, "bytes 3-4/10", "34"),
        ("/ten", "bytes=10-", 416, "bytes */10", ""),
        ("/ten", "bytes=10-20", 416, "bytes */10", ""),
        ("/ten", "bytes=18446744073709551615-", 416, "bytes */10", ""),
        ("/ten", "bytes=18446744073709551616-", 416, "bytes */10", ""),
        ("/ten", "bytes=-0", 416, "bytes */10", ""),
        ("/none", "bytes=0-0", 416, "bytes */0", ""),
        ("/none", "bytes=0-", 416, "bytes */0", ""),
        ("/none", "bytes=-5", 200, "", ""),
        ("/ten", "bytes=0-1,3-4", 200, "", "0123456789"),
        ("/ten", "bytes=0-1, 20-30", 200, "", "0123456789"),
        ("/ten", "bytes=4-3", 200, "", "0123456789"),
        ("/ten", "bytes=a-b", 200, "", "0123456789"),
        ("/ten", "bytes=-", 200, "", "0123456789"),
        ("/ten", "octets=0-1", 200, "", "0123456789"),
    ];
    for (path, range, status, content_range, body) in table {
        let reply = ask(&mut client, "GET", path, &[("Range", range)]);
        assert_eq!(
            (reply.status, reply.text()),
            (status, body),
            "{path} {range}"
        );
        let is = reply.header("Content-Range").unwrap_or("");
        assert_eq!(is, content_range, "{path} {range}");
        let length = body.len().to_string();
        assert_eq!(
            reply.header("Content-Length"),
            Some(&*length),
            "{path} {range}"
        );
    }
    let twice = [("Range", "bytes=0-1"), ("Range", "bytes=0-1")];
    assert_eq!(ask(&mut client, "GET", "/ten", &twice).body, DIGITS);
}

#[test]
fn parts_of_a_large_file_put_it_together() {
    let folder = Folder::new();
    let whole: Vec<u8> = (0..1_000_003u32)
        .map(|i| (i / 251) as u8 ^ i as u8)
        .collect();
    folder.write("large", &whole);
    let server = serve_folder(&folder);
    let mut client = server.connect();
    assert!(client.get("/large").body == whole, "sent whole");
    let mut parts = Vec::new();
    // Around the sizes of buffers.
    for size in [1, 4_095, 4_096, 65_535, 65_536, 65_537, 300_000, 1_000_000] {
        let range = format!("bytes={}-{}", parts.len(), parts.len() + size - 1);
        let reply = ask(&mut client, "GET", "/large", &[("Range", &range)]);
        assert_eq!(reply.status, 206, "{range}");
        parts.extend(reply.body);
    }
    assert!(parts == whole, "sent in parts");
}

#[test]
fn a_file_may_be_longer_than_32_bits_tell() {
    const LENGTH: u64 = 6 << 30;
    let folder = Folder::new();
    let mut file = File::create(folder.path("huge")).unwrap();
    // Nothing but its end takes room on the disk.
    file.set_len(LENGTH).unwrap();
    file.seek(SeekFrom::Start(LENGTH - 10)).unwrap();
    file.write_all(DIGITS).unwrap();
    let server = serve_folder(&folder);
    let mut client = server.connect();
    let whole = ask(&mut client, "HEAD", "/huge", &[]);
    assert_eq!(whole.header("Content-Length"), Some("6442450944"));
    for (range, content_range, body) in [
        (
            "bytes=6442450936-6442450939",
            "bytes 6442450936-6442450939/6442450944",
            "2345",
        ),
        ("bytes=-4", "bytes 6442450940-6442450943/6442450944", "6789"),
        (
            "bytes=4294967296-4294967297",
            "bytes 4294967296-4294967297/6442450944",
            "\0\0",
        ),
    ] {
        let reply = ask(&mut client, "GET", "/huge", &[("Range", range)]);
        assert_eq!((reply.status, reply.text()), (206, body), "{range}");
        assert_eq!(
            reply.header("Content-Range"),
            Some(content_range),
            "{range}"
        );
    }
}

/// More than the sockets between server and client hold.
const MUCH: u64 = 64 << 20;

/// A folder in which `file` is as long as that, and takes no room on the disk.
fn folder_with_much() -> Folder {
    let folder = Folder::new();
    let file = File::create(folder.path("file")).unwrap();
    file.set_len(MUCH).unwrap();
    folder
}

#[test]
fn a_file_that_shrinks_is_cut_off() {
    let folder = folder_with_much();
    let server = serve_folder(&folder);
    for range in ["", "Range: bytes=1-\r\n"] {
        let file = OpenOptions::new()
            .write(true)
            .open(folder.path("file"))
            .unwrap();
        file.set_len(MUCH).unwrap();
        let mut client = server.connect();
        client.send(format!("GET /file HTTP/1.1\r\nHost: a\r\n{range}\r\n"));
        let head = client.head().expect("a head");
        let announced = head.header("Content-Length").unwrap().to_owned();
        file.set_len(10).unwrap();
        match client.body(&head) {
            Err(Incomplete::Ended(bytes)) => assert!(bytes.len() < announced.parse().unwrap()),
            other => panic!("it looks whole: {:?}", other.map(|body| body.len())),
        }
        assert_eq!(server.get("/file").body.len(), 10);
    }
}

#[test]
fn a_file_that_grows_is_sent_as_long_as_it_was() {
    let folder = folder_with_much();
    let server = serve_folder(&folder);
    let mut client = server.connect();
    client.send("GET /file HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head().expect("a head");
    let mut file = OpenOptions::new()
        .append(true)
        .open(folder.path("file"))
        .unwrap();
    file.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    assert_eq!(client.body(&head).expect("a body").len() as u64, MUCH);
    fs::write(folder.path("next"), "next").unwrap();
    assert_eq!(client.get("/next").text(), "next");
}
