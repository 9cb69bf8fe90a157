//! The system has no randomness: its source is an empty device, an empty file, or missing.
//! Everything but sessions works, and no client gets an id that can be guessed.

use std::collections::HashSet;

use crate::server::Server;

/// A server that sees this change to `/dev/urandom`. No other process sees the change.
fn after(change: &str) -> Server {
    let script = format!("{change} && exec \"$0\" \"$@\"");
    Server::under(&["unshare", "--mount", "sh", "-c", &script])
}

#[test]
fn without_randomness_there_is_no_session_and_all_else_goes_on() {
    for change in [
        // It yields no bytes.
        "mount --bind /dev/null /dev/urandom",
        // It yields bytes, always the same, and is no device.
        "mount --bind /etc/passwd /dev/urandom",
        "mount -t tmpfs tmpfs /dev",
    ] {
        let server = after(change);
        let mut client = server.connect();
        for _ in 0..2 {
            assert_eq!(client.get("/session").status, 503, "{change}");
            assert_eq!(client.get("/").text(), "0", "{change}");
        }
        // A function that returns text can only panic.
        assert_eq!(client.get("/id").status, 500, "{change}");
        assert_eq!(server.get("/").text(), "0", "{change}");
    }
}

#[test]
fn with_it_ids_are_made() {
    let server = after("true");
    let mut client = server.connect();
    let ids: HashSet<Vec<u8>> = ["/session", "/id", "/session", "/id"]
        .map(|path| client.get(path).body)
        .into_iter()
        .collect();
    assert_eq!(ids.len(), 4);
    server.stop();
}
