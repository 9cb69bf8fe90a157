//! Programs for `sh` that hang, one for each phase, with short timeouts; and their end.

#![cfg(unix)]

use super::*;
use std::fs;
use std::io::ErrorKind;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

const GUARD: Duration = Duration::from_secs(5);

fn short() -> Timeouts {
    Timeouts {
        write: Duration::from_millis(300),
        head: Duration::from_millis(300),
        read: Duration::from_millis(300),
        exit: Duration::from_millis(300),
    }
}

/// Short timeouts after the head: a busy machine may need long for the head.
fn short_after_the_head() -> Timeouts {
    Timeouts {
        head: GUARD,
        ..short()
    }
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(script);
    command
}

fn post(body: Vec<u8>) -> Request {
    Request::fake_http("POST", "/", vec![], body)
}

fn of_length(body: Vec<u8>) -> Request {
    let length = body.len().to_string();
    let fields = vec![("Content-Length".to_owned(), length)];
    Request::fake_http("POST", "/", fields, body)
}

fn fails(script: &str, request: &Request) -> io::Error {
    match run(sh(script), request, short()) {
        Err(CgiError::IoError(error)) => error,
        other => panic!("{script}: {other:?}"),
    }
}

fn text(response: Response) -> String {
    let (mut body, _) = response.data.into_reader_and_size();
    let mut text = String::new();
    body.read_to_string(&mut text).expect("the whole body");
    text
}

/// Returns whether the process exists, as a zombie too.
fn exists(pid: &str) -> bool {
    fs::metadata(format!("/proc/{}", pid.trim())).is_ok()
}

fn is_gone(pid: &str) {
    let began = Instant::now();
    while exists(pid) {
        assert!(began.elapsed() < GUARD, "{pid} is still there");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_program_without_a_head_is_an_error_and_ended() {
    for (script, kind) in [
        ("sleep 30", ErrorKind::TimedOut),
        ("echo A: b; sleep 30", ErrorKind::TimedOut),
        ("exit 0", ErrorKind::UnexpectedEof),
        ("printf 'Status: 200'", ErrorKind::UnexpectedEof),
        ("echo hello; sleep 30", ErrorKind::InvalidData),
        ("echo X: y; echo; sleep 30", ErrorKind::InvalidData),
        ("while :; do echo A: b; done", ErrorKind::InvalidData),
        ("kill -9 $$", ErrorKind::Other),
    ] {
        let began = Instant::now();
        let error = fails(&format!("exec 2>/dev/null; {script}"), &post(vec![]));
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(began.elapsed() < Duration::from_millis(1400), "{script}");
    }
}

#[test]
fn a_missing_program_is_an_error() {
    let missing = Command::new("/none/there/is").start_cgi(&post(vec![]));
    assert!(matches!(missing, Err(CgiError::IoError(_))));
    let request = post(vec![]);
    drop(request.data());
    let taken = sh("exit").start_cgi(&request);
    assert!(matches!(taken, Err(CgiError::BodyAlreadyExtracted)));
}

#[test]
fn a_program_that_does_not_read_is_timed_out() {
    let error = fails("sleep 30", &of_length(vec![b'x'; 1 << 20]));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    // A body that fits into the pipe causes no wait.
    let script = "echo Status: 200; echo; echo done";
    for size in [1, 60_000, 1 << 20] {
        let response = of_length(vec![b'x'; size]).start(script);
        assert_eq!(text(response), "done\n");
    }
}

#[test]
fn a_program_may_write_before_it_has_read_all() {
    let cat = "echo Status: 200; echo; exec cat";
    for size in [1, 100_000, 700_000] {
        let response = of_length(vec![b'x'; size]).start(cat);
        assert_eq!(text(response).len(), size);
    }
    // With small pieces, too.
    let patient = Timeouts {
        write: GUARD,
        ..short_after_the_head()
    };
    let dd = "echo Status: 200; echo; exec dd bs=50 2>/dev/null";
    let response = run(sh(dd), &of_length(vec![b'x'; 700_000]), patient).expect("a head");
    assert_eq!(text(response).len(), 700_000);
    // Beyond the bound of the buffer, the program is blocked.
    let error = fails(cat, &of_length(vec![b'x'; 4 << 20]));
    assert_eq!(error.kind(), ErrorKind::TimedOut);
}

#[test]
fn a_body_of_unknown_length_is_buffered_up_to_a_bound() {
    let script = "echo Status: 200; echo; echo ${CONTENT_LENGTH-none} $(wc -c)";
    let most = MAX_BUFFERED_BODY_BYTES as usize;
    for (size, want) in [
        (0, "none 0".to_owned()),
        (5, "5 5".to_owned()),
        (most, format!("{most} {most}")),
        (most + 1, format!("none {}", most + 1)),
        (3 * most, format!("none {}", 3 * most)),
    ] {
        let response = post(vec![b'x'; size]).start(script);
        assert_eq!(text(response).trim_end(), want, "{size}");
    }
    // An announced length is passed on, however large.
    let response = of_length(vec![b'x'; 3 * most]).start(script);
    assert_eq!(text(response).trim_end(), format!("{0} {0}", 3 * most));
    let chunked = vec![("Transfer-Encoding".to_owned(), "chunked".to_owned())];
    let request = Request::fake_http("POST", "/", chunked, vec![]);
    assert_eq!(text(request.start(script)).trim_end(), "0 0");
}

trait Start {
    fn start(&self, script: &str) -> Response;
}

impl Start for Request {
    fn start(&self, script: &str) -> Response {
        sh(script).start_cgi(self).expect("a head")
    }
}

#[test]
fn an_incomplete_body_kills_the_program_before_the_end_of_its_input() {
    // The program creates a file when it reads an end.
    let name = format!("millpond-cgi-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let script = format!("cat >/dev/null; touch {}", path.display());
    for size in [10, 200_000] {
        let fields = vec![("Content-Length".to_owned(), (size + 1).to_string())];
        let request = Request::fake_http("POST", "/", fields, vec![b'x'; size]);
        let error = fails(&script, &request);
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        assert!(!path.exists(), "the program read an end");
    }
}

#[test]
fn output_that_stalls_or_ends_by_a_signal_is_an_error() {
    for (script, kind) in [
        ("echo part; exec sleep 30", ErrorKind::TimedOut),
        ("echo part; kill -9 $$", ErrorKind::Other),
    ] {
        let script = format!("echo Status: 200; echo; {script}");
        let response = run(sh(&script), &post(vec![]), short_after_the_head()).expect("a head");
        let (mut body, _) = response.data.into_reader_and_size();
        let mut got = Vec::new();
        let error = body.read_to_end(&mut got).expect_err(&script);
        assert_eq!((error.kind(), &got[..]), (kind, &b"part\n"[..]), "{script}");
        let again = body.read(&mut [0; 8]).expect_err(&script);
        assert_eq!(again.kind(), kind, "{script}");
    }
    // Any exit code is a normal end: scripts exit with all kinds.
    let response = post(vec![]).start("echo Status: 200; echo; echo whole; exit 3");
    assert_eq!(text(response), "whole\n");
}

#[test]
fn a_program_ends_with_its_response_or_soon_after() {
    for script in [
        // The program continues silently, or closes its output and continues.
        "echo Status: 200; echo; echo $$; exec sleep 30",
        "echo Status: 200; echo; echo $$; exec >&-; exec sleep 30",
        "echo Status: 200; echo; echo $$; while :; do echo x; done 2>/dev/null",
        "echo Status: 200; echo; echo $$; trap '' PIPE TERM; while :; do echo x; done 2>/dev/null",
        "echo Status: 200; echo; echo $$",
    ] {
        let response = run(sh(script), &post(vec![]), short_after_the_head()).expect("a head");
        let (mut body, _) = response.data.into_reader_and_size();
        let mut pid = Vec::new();
        while !pid.contains(&b'\n') {
            let mut piece = [0; 64];
            let count = body.read(&mut piece).expect("a process id");
            pid.extend_from_slice(&piece[..count]);
        }
        let pid = String::from_utf8(pid).expect("text");
        let pid = pid.lines().next().expect("a line");
        drop(body);
        is_gone(pid);
    }
}

#[test]
fn a_program_may_work_after_a_response_without_a_body() {
    let name = format!("millpond-cgi-late-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let script = format!(
        "echo Status: 204; echo; sleep 0.1; touch {}",
        path.display()
    );
    drop(run(sh(&script), &post(vec![]), short_after_the_head()).expect("a head"));
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed() < GUARD, "the program was killed");
        thread::sleep(Duration::from_millis(5));
    }
    fs::remove_file(path).expect("the file");
}

#[test]
fn a_grandchild_that_keeps_the_output_blocks_no_worker() {
    let script = "echo Status: 200; echo; sleep 2 & exit";
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        let response = run(sh(script), &post(vec![]), short_after_the_head()).expect("a head");
        let (mut body, _) = response.data.into_reader_and_size();
        let _ = done.send(body.read_to_end(&mut Vec::new()).map_err(|e| e.kind()));
    });
    let read = finished.recv_timeout(Duration::from_millis(1400));
    assert_eq!(read, Ok(Err(ErrorKind::TimedOut)));
}
