//! The wall clock jumps, both ways and by decades. No deadline changes, because none is taken from
//! that clock. `Date` follows the clock within a second.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::server::{Server, HEAD_TIMEOUT, IDLE_TIMEOUT, SLACK};
use crate::support::{eventually, Folder};

/// Where Debian has it, whatever the machine.
fn library() -> PathBuf {
    let found = fs::read_dir("/usr/lib")
        .expect("a system")
        .find_map(|folder| {
            let path = folder.ok()?.path().join("faketime/libfaketimeMT.so.1");
            path.is_file().then_some(path)
        });
    found.expect("faketime is installed")
}

#[test]
fn a_clock_that_jumps_moves_the_date_and_no_deadline() {
    let folder = Folder::new();
    let time = folder.path("time");
    let set = |text: &str| {
        let next = folder.path("next");
        fs::write(&next, text)
            .and_then(|()| fs::rename(next, &time))
            .expect("a clock");
    };
    set("2031-05-05 05:05:05");
    let server = Server::under(&[
        "env",
        &format!("LD_PRELOAD={}", library().display()),
        &format!("FAKETIME_TIMESTAMP_FILE={}", time.display()),
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
        "DONT_FAKE_MONOTONIC=1",
        "TZ=UTC",
    ]);
    let shows = |date: &str| {
        let began = Instant::now();
        eventually(date, || server.get("/").header("Date") == Some(date));
        assert!(began.elapsed() < Duration::from_secs(1) + SLACK);
    };
    shows("Mon, 05 May 2031 05:05:05 GMT");
    let mut idle = server.connect();
    assert_eq!(idle.get("/").text(), "0");
    let mut half = server.connect();
    half.send("GET / HT");
    let began = Instant::now();
    // Half of the time for a head goes by in each of these years, whichever comes first.
    set("2099-12-31 23:59:58");
    shows("Thu, 31 Dec 2099 23:59:58 GMT");
    set("1999-12-31 23:59:58");
    assert_eq!(half.response().status, 408);
    let took = began.elapsed();
    assert!(
        took + SLACK / 10 > HEAD_TIMEOUT && took < HEAD_TIMEOUT + SLACK,
        "{took:?}"
    );
    shows("Fri, 31 Dec 1999 23:59:58 GMT");
    // Before the epoch: `Date` shows the epoch.
    set("1965-01-01 00:00:00");
    shows("Thu, 01 Jan 1970 00:00:00 GMT");
    idle.closed_without_reset();
    let took = began.elapsed();
    assert!(
        took + SLACK / 10 > IDLE_TIMEOUT && took < IDLE_TIMEOUT + SLACK,
        "{took:?}"
    );
    // Forward again, with an idle connection that has time left.
    let mut idle = server.connect();
    assert_eq!(idle.get("/").text(), "0");
    set("2031-05-05 05:05:05");
    shows("Mon, 05 May 2031 05:05:05 GMT");
    thread::sleep(IDLE_TIMEOUT / 4);
    assert_eq!(idle.get("/").text(), "0");
    server.stop();
}
