//! Frames sent to a socket whose writes follow a script.

use super::*;
use std::collections::VecDeque;
use std::sync::{mpsc, Arc};
use std::thread;

/// A socket with a script for `write`: each entry is the maximum of bytes, or an error. After the
/// script, writes accept all bytes. A read returns the end, or `WouldBlock` if `is_silent`.
#[derive(Default)]
pub(crate) struct FakeSocket {
    script: Mutex<VecDeque<Result<usize, ErrorKind>>>,
    calls: Mutex<Vec<Vec<u8>>>,
    timeouts: Mutex<Vec<Duration>>,
    pub(crate) read_timeout: Mutex<Option<Duration>>,
    pub(crate) is_silent: AtomicBool,
    /// The end of the last `write`.
    pub(crate) last_write: Mutex<Option<Instant>>,
    ends: Mutex<Vec<&'static str>>,
    /// Locked by a test to block writes.
    block_writes: Mutex<()>,
}

impl Duplex for Arc<FakeSocket> {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        if self.is_silent.load(Ordering::Relaxed) {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(0)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        drop(lock(&self.block_writes));
        let next = lock(&self.script).pop_front().unwrap_or(Ok(usize::MAX));
        let mut bytes: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        bytes.truncate(next?);
        let count = bytes.len();
        lock(&self.calls).push(bytes);
        *lock(&self.last_write) = Some(Instant::now());
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

fn sender(script: &[Result<usize, ErrorKind>]) -> (Arc<FakeSocket>, FrameSender) {
    let fake = Arc::new(FakeSocket::default());
    lock(&fake.script).extend(script);
    let sender = FrameSender::new(Box::new(Arc::clone(&fake)));
    (fake, sender)
}

fn sent(fake: &FakeSocket) -> Vec<u8> {
    lock(&fake.calls).concat()
}

#[test]
fn a_frame_is_one_call() {
    let (fake, sender) = sender(&[]);
    let large = vec![b'x'; 100_000];
    sender.send(Opcode::Text, b"Hello").unwrap();
    sender.send(Opcode::Binary, &large).unwrap();
    sender.send(Opcode::Ping, b"").unwrap();
    let head = b"\x82\x7f\0\0\0\0\0\x01\x86\xa0".to_vec();
    let want = [
        b"\x81\x05Hello".to_vec(),
        [head, large].concat(),
        b"\x89\0".to_vec(),
    ];
    assert_eq!(*lock(&fake.calls), want);
    assert_eq!(*lock(&fake.timeouts), [WRITE_TIMEOUT]);
}

/// Also the head, and after an interruption. Then the timeout is restored.
#[test]
fn a_partial_write_is_continued() {
    for first in 0..12 {
        let (fake, sender) = sender(&[Ok(first), Err(ErrorKind::Interrupted), Ok(1)]);
        let sending = sender.send(Opcode::Text, b"some text");
        if first == 0 {
            assert!(sending.is_err(), "a write of 0 bytes is an error");
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
fn a_frame_that_times_out_closes_the_connection() {
    for kind in [ErrorKind::WouldBlock, ErrorKind::TimedOut] {
        let (fake, sender) = sender(&[Ok(3), Err(kind)]);
        match sender.send(Opcode::Text, b"some text") {
            Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::TimedOut),
            other => panic!("{other:?}"),
        }
        assert!(sender.is_closed());
        assert_eq!(*lock(&fake.ends), ["cut"]);
        assert!(matches!(
            sender.send(Opcode::Text, b""),
            Err(SendError::Closed)
        ));
        assert_eq!(
            sent(&fake),
            b"\x81\x09s",
            "nothing follows a part of a frame"
        );
    }
}

/// A client that reads single bytes does not extend the deadline.
#[test]
fn many_small_writes_have_one_deadline() {
    // Each call makes and keeps a Vec: so many of them take longer than a millisecond.
    let (fake, sender) = sender(&[Ok(1); 60_000]);
    sender.set_write_timeout(Duration::ZERO);
    match sender.send(Opcode::Binary, &vec![0; 60_000]) {
        Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::TimedOut),
        other => panic!("{other:?}"),
    }
    assert_eq!(*lock(&fake.ends), ["cut"]);
}

#[test]
fn nothing_follows_a_close_frame() {
    let (fake, sender) = sender(&[]);
    sender.close(Some(1000), "done").unwrap();
    assert!(sender.is_closed() && sender.close_began().is_some());
    for opcode in [Opcode::Text, Opcode::Pong, Opcode::Close] {
        assert!(matches!(sender.send(opcode, b""), Err(SendError::Closed)));
    }
    sender.close_now(1000);
    assert_eq!(sent(&fake), b"\x88\x06\x03\xe8done");
}

/// The receiver calls `close_began` before each read, and must not wait for a blocked write.
#[test]
fn close_began_does_not_wait_for_the_close_frame() {
    let (fake, sender) = sender(&[]);
    let (sender, (result, results)) = (&sender, mpsc::channel());
    thread::scope(|scope| {
        let blocked = lock(&fake.block_writes);
        scope.spawn(|| sender.close(Some(1000), "").unwrap());
        scope.spawn(move || {
            while !sender.is_closed() {
                thread::yield_now();
            }
            result.send(sender.close_began()).unwrap();
        });
        let closing = results.recv_timeout(Duration::from_secs(10));
        drop(blocked);
        assert!(matches!(closing, Ok(Some(_))), "{closing:?}");
    });
}

#[test]
fn a_long_reason_is_cut_and_an_invalid_code_refused() {
    let (fake, long) = sender(&[]);
    // The 62nd of these would end at 124 bytes.
    long.close(Some(4000), &"\u{e9}".repeat(70)).unwrap();
    let want = [
        b"\x88\x7c\x0f\xa0".to_vec(),
        "\u{e9}".repeat(61).into_bytes(),
    ]
    .concat();
    assert_eq!(sent(&fake), want);
    let (fake, bad) = sender(&[]);
    for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        match bad.close(Some(code), "") {
            Err(SendError::IoError(e)) => assert_eq!(e.kind(), ErrorKind::InvalidInput),
            other => panic!("{code}: {other:?}"),
        }
    }
    assert!(!bad.is_closed() && sent(&fake).is_empty());
}

#[test]
fn close_now_does_not_wait_for_another_writer() {
    let (fake, sender) = sender(&[]);
    let writing = lock(&sender.writing);
    sender.close_now(1000);
    drop(writing);
    assert_eq!(*lock(&fake.ends), ["cut"]);
    assert!(sent(&fake).is_empty() && sender.is_closed());
}
