//! Time: the mistakes of a client in each phase of a connection. Each cell of the table is a
//! server, a client in that phase, and an event; then the statuses, the time of the end, the
//! `CloseReason` that is counted, and the observation of the handler. A slow byte now and then ends
//! when silence does.
//!
//! After each cell nothing is in flight, every worker is free, and the server stops in time. After
//! all cells the process has as many descriptors and threads as before, so they run in a child
//! process: this very test binary.

mod phase_server;

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::{eventually, finishes, Client, Incomplete, Process, SLACK};
use millpond::CloseReason::{self, *};
use phase_server::{PhaseServer, Reached};
use Event::*;

const CHILD: &str = "MILLPOND_PHASES_CHILD";
/// Milliseconds after which it has to be over: at once, or a limit of [`PhaseServer`], or one of the
/// server's own.
const NOW: u64 = 0;
const HEAD: u64 = phase_server::HEAD_TIMEOUT;
const IDLE: u64 = phase_server::IDLE_TIMEOUT;
const RATE: u64 = 5_000;
const LINGER: u64 = 2_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// The client does nothing more, and reads the answer.
    Silence,
    /// It sends a byte now and then.
    Drip,
    /// The client ends its side, and reads the answer.
    Fin,
    /// The client is gone. Its unread bytes make this a reset.
    Reset,
    /// It neither reads nor sends nor closes.
    Deaf,
    /// It reads a byte now and then.
    Sip,
}

struct Phase {
    name: &'static str,
    start: String,
    drip: &'static [u8],
    reached: Reached,
}

fn phase(name: &'static str, start: &str, drip: &'static [u8], reached: Reached) -> Phase {
    let start = start
        .replace('⏎', "\r\n")
        .replace("{2000}", &"b".repeat(2000));
    Phase {
        name,
        start,
        drip,
        reached,
    }
}

/// The bytes with which a client enters each phase, the byte that it repeats there, and the sign
/// that it is there.
#[rustfmt::skip]
fn phases() -> Vec<Phase> {
    use Reached::{Answered, Began, Handler, Sent};
    let coded = |rest| format!("POST /read HTTP/1.1⏎Host: a⏎Transfer-Encoding: chunked⏎⏎{rest}");
    vec![
        phase("accepted", "", b"\r\n", Sent),
        phase("request line", "GET /mid", b"a", Sent),
        phase("header", "GET / HTTP/1.1⏎Host: a⏎A: b", b"b", Sent),
        phase("body", "POST /read HTTP/1.1⏎Host: a⏎Content-Length: 1000⏎⏎bbb", b"b", Sent),
        phase("chunk size", &coded("1;"), b"x", Sent),
        phase("chunk", &coded("ff⏎bbb"), b"b", Sent),
        phase("trailer", &coded("1⏎b⏎0⏎T: a"), b"a", Sent),
        phase("upload", "POST /read HTTP/1.1⏎Host: a⏎Content-Length: 99999⏎⏎{2000}", b"b", Handler),
        phase("upload's size", &coded("7d0⏎{2000}⏎1;"), b"x", Handler),
        phase("upload's chunk", &coded("ffff⏎{2000}"), b"b", Handler),
        phase("upload's trailer", &coded("7d0⏎{2000}⏎0⏎T: a"), b"a", Handler),
        phase("100", "POST /read HTTP/1.1⏎Host: a⏎Expect: 100-continue⏎Content-Length: 999⏎⏎",
            b"b", Handler),
        phase("handler", "GET /wait HTTP/1.1⏎Host: a⏎⏎", b"GET /aaaaaaaaaaaaaaaaaaaaaaa", Handler),
        phase("small answer", "GET / HTTP/1.1⏎Host: a⏎⏎", b"\r\n", Began),
        phase("large answer", "GET /big HTTP/1.1⏎Host: a⏎⏎", b"", Began),
        phase("streamed answer", "GET /stream HTTP/1.1⏎Host: a⏎⏎", b"", Began),
        phase("idle", "GET / HTTP/1.1⏎Host: a⏎⏎", b"\r\n", Answered),
        phase("discard", "POST /ignore HTTP/1.1⏎Host: a⏎Content-Length: 99999⏎⏎{2000}",
            b"b", Answered),
        phase("lingering", "GET / HTTP/1.1⏎Host : a⏎⏎", b"b", Answered),
        phase("upgraded", "GET /upgrade HTTP/1.1⏎Host: a⏎Connection: upgrade⏎Upgrade: echo⏎⏎",
            b"b", Answered),
    ]
}

/// Phase, event; the statuses, the time of the end, the reason, and the observation of the handler.
type Cell = (
    &'static str,
    Event,
    &'static str,
    u64,
    CloseReason,
    &'static str,
);

#[rustfmt::skip]
const CELLS: &[Cell] = &[
    ("accepted",         Silence, "",        IDLE,          Idle,         ""),
    ("accepted",         Drip,    "",        IDLE,          Idle,         ""),
    ("accepted",         Fin,     "",        NOW,           ClientClosed, ""),
    // It has received nothing: its close is no reset.
    ("accepted",         Reset,   "",        NOW,           ClientClosed, ""),
    ("request line",     Silence, "408",     HEAD,          HeadTimeout,  ""),
    ("request line",     Drip,    "408",     HEAD,          HeadTimeout,  ""),
    ("request line",     Fin,     "400",     NOW,           Broken,       ""),
    ("request line",     Reset,   "",        NOW,           Broken,       ""),
    ("request line",     Deaf,    "",        HEAD + LINGER, HeadTimeout,  ""),
    ("header",           Silence, "408",     HEAD,          HeadTimeout,  ""),
    ("header",           Drip,    "408",     HEAD,          HeadTimeout,  ""),
    ("header",           Fin,     "400",     NOW,           Broken,       ""),
    ("header",           Reset,   "",        NOW,           Broken,       ""),
    ("header",           Deaf,    "",        HEAD + LINGER, HeadTimeout,  ""),
    ("body",             Silence, "408",     RATE,          SlowBody,     ""),
    ("body",             Drip,    "408",     RATE,          SlowBody,     ""),
    ("body",             Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("body",             Reset,   "",        NOW,           Broken,       ""),
    ("body",             Deaf,    "",        RATE + LINGER, SlowBody,     ""),
    ("chunk size",       Silence, "408",     RATE,          SlowBody,     ""),
    ("chunk size",       Drip,    "408",     RATE,          SlowBody,     ""),
    ("chunk size",       Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("chunk size",       Reset,   "",        NOW,           Broken,       ""),
    ("chunk",            Silence, "408",     RATE,          SlowBody,     ""),
    ("chunk",            Drip,    "408",     RATE,          SlowBody,     ""),
    ("chunk",            Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("chunk",            Reset,   "",        NOW,           Broken,       ""),
    ("trailer",          Silence, "408",     RATE,          SlowBody,     ""),
    ("trailer",          Drip,    "408",     RATE,          SlowBody,     ""),
    ("trailer",          Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("trailer",          Reset,   "",        NOW,           Broken,       ""),
    ("upload",           Silence, "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload",           Drip,    "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload",           Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("upload",           Reset,   "",        NOW,           Broken,       "UnexpectedEof"),
    ("upload",           Deaf,    "",        RATE + LINGER, SlowBody,     "TimedOut"),
    ("upload's size",    Silence, "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's size",    Drip,    "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's size",    Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("upload's size",    Reset,   "",        NOW,           Broken,       "UnexpectedEof"),
    ("upload's chunk",   Silence, "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's chunk",   Drip,    "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's chunk",   Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("upload's chunk",   Reset,   "",        NOW,           Broken,       "UnexpectedEof"),
    ("upload's trailer", Silence, "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's trailer", Drip,    "408",     RATE,          SlowBody,     "TimedOut"),
    ("upload's trailer", Fin,     "400",     NOW,           Broken,       "UnexpectedEof"),
    ("upload's trailer", Reset,   "",        NOW,           Broken,       "UnexpectedEof"),
    ("100",              Silence, "100 408", RATE,          SlowBody,     "TimedOut"),
    ("100",              Drip,    "100 408", RATE,          SlowBody,     "TimedOut"),
    ("100",              Fin,     "100 400", NOW,           Broken,       "UnexpectedEof"),
    ("100",              Reset,   "",        NOW,           Broken,       "UnexpectedEof"),
    ("100",              Deaf,    "",        RATE + LINGER, SlowBody,     "TimedOut"),
    // A handler has no deadline, and does not learn that its client has left.
    ("handler",          Silence, "200",     IDLE,          Idle,         "passed"),
    ("handler",          Drip,    "200 408", HEAD,          HeadTimeout,  "passed"),
    ("handler",          Fin,     "200",     NOW,           ClientClosed, "passed"),
    ("handler",          Reset,   "",        NOW,           Broken,       "passed"),
    ("handler",          Deaf,    "",        IDLE,          Idle,         "passed"),
    ("small answer",     Silence, "200",     IDLE,          Idle,         ""),
    ("small answer",     Drip,    "200",     IDLE,          Idle,         ""),
    ("small answer",     Fin,     "200",     NOW,           ClientClosed, ""),
    ("small answer",     Reset,   "",        NOW,           Broken,       ""),
    ("small answer",     Deaf,    "",        IDLE,          Idle,         ""),
    ("large answer",     Fin,     "200",     NOW,           ClientClosed, ""),
    ("large answer",     Reset,   "",        NOW,           Broken,       ""),
    ("large answer",     Deaf,    "",        RATE,          SlowRead,     ""),
    ("large answer",     Sip,     "",        RATE,          SlowRead,     ""),
    ("streamed answer",  Fin,     "200",     NOW,           ClientClosed, "dropped"),
    ("streamed answer",  Reset,   "",        NOW,           Broken,       "dropped"),
    ("streamed answer",  Deaf,    "",        RATE,          SlowRead,     "dropped"),
    ("streamed answer",  Sip,     "",        RATE,          SlowRead,     "dropped"),
    ("idle",             Silence, "",        IDLE,          Idle,         ""),
    ("idle",             Drip,    "",        IDLE,          Idle,         ""),
    ("idle",             Fin,     "",        NOW,           ClientClosed, ""),
    ("idle",             Reset,   "",        NOW,           Broken,       ""),
    // Its request has been answered: a second answer would be taken for the next one's.
    ("discard",          Silence, "",        RATE,          SlowBody,     ""),
    ("discard",          Drip,    "",        RATE,          SlowBody,     ""),
    ("discard",          Fin,     "",        NOW,           Broken,       ""),
    ("discard",          Reset,   "",        NOW,           Broken,       ""),
    ("discard",          Deaf,    "",        RATE,          SlowBody,     ""),
    // The client sees the end at once. The server goes on reading, so that no reset destroys the
    // answer, and this cell waits for the end on the server's side.
    ("lingering",        Deaf,    "",        LINGER,        Refused,      ""),
    ("lingering",        Drip,    "",        LINGER,        Refused,      ""),
    ("lingering",        Fin,     "",        NOW,           Refused,      ""),
    ("lingering",        Reset,   "",        NOW,           Refused,      ""),
    ("upgraded",         Fin,     "",        NOW,           Upgraded,     "end"),
    ("upgraded",         Reset,   "",        NOW,           Upgraded,     "ConnectionReset"),
];

#[test]
fn each_ends_in_time_and_leaves_nothing_behind() {
    let child = Process::own_test("limits::phases::the_child", CHILD)
        .output()
        .expect("a child");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{said}");
}

/// The child's part. Run as any other test it does nothing.
#[test]
fn the_child() {
    if env::var_os(CHILD).is_none() {
        return;
    }
    let before = held();
    let cells: Vec<(String, JoinHandle<()>)> = CELLS
        .iter()
        .map(|cell| {
            let name = format!("{}, {:?}", cell.0, cell.1);
            let builder = thread::Builder::new().name(name.clone());
            (name, builder.spawn(move || run(cell)).expect("a thread"))
        })
        .collect();
    let upgraded = thread::spawn(an_upgraded_one_has_no_deadline);
    let failed = cells
        .into_iter()
        .filter_map(|(name, cell)| cell.join().err().map(|_| name));
    let failed: Vec<String> = failed.collect();
    assert!(failed.is_empty(), "failed: {failed:#?}");
    upgraded.join().expect("the upgraded one");
    eventually("all descriptors and threads are given back", || {
        held() <= before
    });
}

/// The descriptors and threads of this process. Linux only.
fn held() -> (usize, usize) {
    let count = |path| fs::read_dir(path).map_or(0, Iterator::count);
    (count("/proc/self/fd"), count("/proc/self/task"))
}

fn run(&(name, event, told, end, reason, seen): &Cell) {
    let phase = phases().into_iter().find(|phase| phase.name == name);
    let phase = phase.expect("a phase of that name");
    let server = PhaseServer::open();
    let mut client = server.connect();
    if event == Reset && !phase.start.is_empty() && phase.reached != Reached::Answered {
        // An answer that it never reads.
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        client.stream.peek(&mut [0]).expect("the answer");
    }
    // The phase begins somewhere between here and where it is seen to have begun.
    let sent = Instant::now();
    client.send(&phase.start);
    server.reached(&mut client, phase.reached, event == Reset);
    let began = Instant::now();
    let mut dripping = None;
    match event {
        Drip => dripping = Some(Dripping::begin(&client, phase.drip)),
        Fin => drop(client.finish_sending()),
        Silence | Reset | Deaf | Sip => {}
    }
    // Whatever the handler waited for has happened.
    let answers = match event {
        Reset => {
            drop(client);
            server.release();
            String::new()
        }
        Deaf | Sip => {
            server.release();
            server.wait_until_gone(event == Sip, &mut client);
            if reason == SlowRead {
                let rest = client.rest().expect("the end");
                assert!(rest.len() < phase_server::LARGE, "it was not cut");
            }
            String::new()
        }
        Drip if phase.name == "lingering" => {
            server.wait_until_gone(false, &mut client);
            String::new()
        }
        Silence | Drip | Fin => {
            server.release();
            statuses(&mut client)
        }
    };
    if event == Reset {
        server.wait_until_empty();
    }
    let (took, at_most) = (began.elapsed(), sent.elapsed());
    drop(dripping);
    assert_eq!(answers, told, "told after {took:?}");
    let end = Duration::from_millis(end);
    // A socket's timeout may be a little early by the clock of another thread. The rate of reading
    // is checked once in five seconds; the bytes that fill the sockets count for the first window.
    let late = match reason {
        SlowRead => end + SLACK * 3,
        _ => SLACK * 3,
    };
    let early = Duration::from_millis(50);
    assert!(
        at_most + early >= end,
        "over after {at_most:?}, before {end:?}"
    );
    assert!(
        took <= end + late,
        "over after {took:?}, long after {end:?}"
    );
    server.closes(reason, seen);
}

/// The statuses up to the end of the connection. Each answer must be whole.
fn statuses(client: &mut Client) -> String {
    let mut told = Vec::new();
    loop {
        match client.head() {
            Ok(head) => {
                told.push(head.status.to_string());
                if head.status >= 200 {
                    client.body(&head).expect("a whole answer");
                }
            }
            Err(Incomplete::Unstarted) => return told.join(" "),
            Err(cut) => panic!("{told:?}, then {cut:?}"),
        }
    }
}

/// Sends a byte every 50 ms until it is refused, or dropped.
struct Dripping(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Dripping {
    fn begin(client: &Client, bytes: &'static [u8]) -> Dripping {
        let mut stream = client.stream.try_clone().expect("another handle");
        let over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&over);
        stream.write_all(&bytes[..1]).expect("the first drop");
        let thread = thread::spawn(move || {
            let (start, end) = (&bytes[1..], &bytes[bytes.len() - 1..]);
            let rest = if bytes == b"\r\n" { bytes } else { end };
            for byte in start.iter().chain(rest.iter().cycle()) {
                // The pace of a client, not a wait for anything.
                thread::sleep(Duration::from_millis(50));
                if told.load(Ordering::Relaxed) || stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        });
        Dripping(over, Some(thread))
    }
}

impl Drop for Dripping {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().map(JoinHandle::join);
    }
}

/// A connection of another protocol has no deadline of ours.
fn an_upgraded_one_has_no_deadline() {
    let server = PhaseServer::open();
    let mut client = server.connect();
    client.send(&phases().pop().expect("the upgraded one").start);
    server.reached(&mut client, Reached::Answered, false);
    // Longer than any limit of this server: the test is that nothing comes.
    let wait = Duration::from_millis(IDLE * 2 + RATE);
    client
        .stream
        .set_read_timeout(Some(wait))
        .expect("a timeout");
    let error = client.stream.read(&mut [0]).expect_err("silence");
    assert!(
        matches!(error.kind(), std::io::ErrorKind::WouldBlock),
        "{error:?}"
    );
    assert_eq!(client.send("x").take(1).expect("its echo"), b"x");
    drop(client);
    finishes(SLACK * 2, move || server.closes(Upgraded, "end"));
}
