//! Sending to a socket that takes as much as it is told to, at a time, and no more.

use super::*;
use std::collections::VecDeque;
use std::sync::{mpsc, Arc};
use std::thread;

/// What each call of `write` does: takes so many bytes at most, or fails. After that it takes all.
/// Its client says nothing, and leaves unless it is only silent.
#[derive(Default)]
pub(crate) struct Fake {
    script: Mutex<VecDeque<Result<usize, ErrorKind>>>,
    calls: Mutex<Vec<Vec<u8>>>,
    timeouts: Mutex<Vec<Duration>>,
    pub read_timeout: Mutex<Option<Duration>>,
    pub is_silent: AtomicBool,
    /// When a `write` was over last.
    pub wrote: Mutex<Option<Instant>>,
    ends: Mutex<Vec<&'static str>>,
    /// Held by a test, so that nothing is taken meanwhile.
    full: Mutex<()>,
}

impl Duplex for Arc<Fake> {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        match self.is_silent.load(Ordering::Relaxed) {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(0),
        }
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        drop(lock(&self.full));
        let next = lock(&self.script).pop_front().unwrap_or(Ok(usize::MAX));
        let mut bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        bytes.truncate(next?);
        let count = bytes.len();
        lock(&self.calls).push(bytes);
        *lock(&self.wrote) = Some(Instant::now());
        Ok(count)
    }

    fn set_nonblocking(&self, _: bool) -> io::Result<()> {
        Ok(())
    }

    fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        *lock(&self.read_timeout) = time;
        Ok(())
    }

    fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        lock(&self.timeouts).extend(time);
        Ok(())
    }

    fn finish_writing(&self) {
        lock(&self.ends).push("finish");
    }

    fn cut(&self) {
        lock(&self.ends).push("cut");
    }
}

fn line(script: &[Result<usize, ErrorKind>]) -> (Arc<Fake>, Line) {
    let fake = Arc::new(Fake::default());
    lock(&fake.script).extend(script);
    let line = Line::new(Box::new(Arc::clone(&fake)));
    (fake, line)
}

fn sent(fake: &Fake) -> Vec<u8> {
    lock(&fake.calls).concat()
}

#[test]
fn a_frame_is_one_call() {
    let (fake, line) = line(&[]);
    let large = vec![b'x'; 100_000];
    line.send(Opcode::Text, b"Hello").unwrap();
    line.send(Opcode::Binary, &large).unwrap();
    line.send(Opcode::Ping, b"").unwrap();
    let head = b"\x82\x7f\0\0\0\0\0\x01\x86\xa0".to_vec();
    let want = [
        b"\x81\x05Hello".to_vec(),
        [head, large].concat(),
        b"\x89\0".to_vec(),
    ];
    assert_eq!(*lock(&fake.calls), want);
    assert_eq!(*lock(&fake.timeouts), [WRITE_TIMEOUT]);
}

/// The head too, after an interruption too; and then the timeout is what it was.
#[test]
fn what_was_not_taken_is_sent_on() {
    for first in 0..12 {
        let (fake, line) = line(&[Ok(first), Err(ErrorKind::Interrupted), Ok(1)]);
        let sending = line.send(Opcode::Text, b"some text");
        if first == 0 {
            assert!(sending.is_err(), "a socket that takes nothing is no socket");
            continue;
        }
        sending.unwrap();
        assert_eq!(sent(&fake), b"\x81\x09some text", "{first}");
        let timeouts = lock(&fake.timeouts);
        assert!(
            timeouts.iter().all(|&time| time <= WRITE_TIMEOUT),
            "{first}"
        );
        assert_eq!(timeouts.last(), Some(&WRITE_TIMEOUT), "{first}");
    }
}

#[test]
fn a_frame_that_is_not_taken_is_the_end() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let (fake, line) = line(&[Ok(3), Err(kind)]);
        match line.send(Opcode::Text, b"some text") {
            Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::TimedOut),
            other => panic!("{other:?}"),
        }
        assert!(line.is_closed());
        assert_eq!(*lock(&fake.ends), ["cut"]);
        assert!(matches!(
            line.send(Opcode::Text, b""),
            Err(SendError::Closed)
        ));
        assert_eq!(sent(&fake), b"\x81\x09s", "nothing comes behind a part");
    }
}

/// Taking a byte now and then is not taking a message.
#[test]
fn many_small_bites_have_one_deadline() {
    // Each call makes and keeps a Vec: so many of them take longer than a millisecond.
    let (fake, line) = line(&[Ok(1); 60_000]);
    line.set_write_timeout(Duration::ZERO);
    match line.send(Opcode::Binary, &vec![0; 60_000]) {
        Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
    assert_eq!(*lock(&fake.ends), ["cut"]);
}

#[test]
fn nothing_follows_a_close_frame() {
    let (fake, line) = line(&[]);
    line.close(Some(1000), "done").unwrap();
    assert!(line.is_closed() && line.closing().is_some());
    for opcode in [Opcode::Text, Opcode::Pong, Opcode::Close] {
        assert!(matches!(line.send(opcode, b""), Err(SendError::Closed)));
    }
    line.hang_up(1000);
    assert_eq!(sent(&fake), b"\x88\x06\x03\xe8done");
}

/// Whoever receives asks for it before each read, and may not wait as long as a client may take.
#[test]
fn that_it_is_closing_is_told_while_the_close_frame_is_on_its_way() {
    let (fake, line) = line(&[]);
    let (line, (told, asked)) = (&line, mpsc::channel());
    thread::scope(|scope| {
        let full = lock(&fake.full);
        scope.spawn(|| line.close(Some(1000), "").unwrap());
        scope.spawn(move || {
            while !line.is_closed() {
                thread::yield_now();
            }
            told.send(line.closing()).unwrap();
        });
        let closing = asked.recv_timeout(Duration::from_secs(10));
        drop(full);
        assert!(matches!(closing, Ok(Some(_))), "{closing:?}");
    });
}

#[test]
fn a_reason_fits_and_a_code_may_be_sent() {
    let (fake, long) = line(&[]);
    // The 62nd of these would end at 124 bytes.
    long.close(Some(4000), &"\u{e9}".repeat(70)).unwrap();
    let want = [
        b"\x88\x7c\x0f\xa0".to_vec(),
        "\u{e9}".repeat(61).into_bytes(),
    ]
    .concat();
    assert_eq!(sent(&fake), want);
    let (fake, bad) = line(&[]);
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        match bad.close(Some(code), "") {
            Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::InvalidInput),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert!(!bad.is_closed() && sent(&fake).is_empty());
}

#[test]
fn who_hangs_up_waits_for_nobody() {
    let (fake, line) = line(&[]);
    let writing = lock(&line.writing);
    line.hang_up(1000);
    drop(writing);
    assert_eq!(*lock(&fake.ends), ["cut"]);
    assert!(sent(&fake).is_empty() && line.is_closed());
}
