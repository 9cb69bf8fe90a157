//! The output of a program: a buffer between the thread that reads the pipe and the worker that
//! sends the response.
//!
//! A pipe has no read timeout in std, so a thread reads it, and the worker waits for the thread
//! with a timeout. The buffer has a bound in bytes, whatever the size of the pieces that the
//! program writes. The mutex guards the buffered bytes, the end of the output, and the flag that
//! closes the buffer.

use std::io::{self, ErrorKind, Read};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::util::lock::lock;

/// 1 MiB: the most bytes in the buffer. Then the thread stops reading until the worker takes them.
const MAX_BUFFERED_BYTES: usize = 1024 * 1024;
/// 16 KiB: the bytes of one read.
const PIECE_BYTES: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct Output {
    buffer: Mutex<Buffer>,
    /// Signals more bytes, more room, the end of the output, or a closed buffer.
    changed: Condvar,
}

#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// The end of the output after these bytes. An error is returned once.
    end: Option<io::Result<()>>,
    closed: bool,
}

/// The result of a wait for output.
#[derive(Debug)]
pub(crate) enum Received {
    Bytes(Vec<u8>),
    End(io::Result<()>),
    TimedOut,
}

impl Output {
    /// Reads the output to its end, or until the buffer is closed. Dropping the pipe then makes
    /// further writes of the program fail.
    pub(crate) fn read_all(&self, mut stdout: impl Read) {
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            let read = match stdout.read(&mut piece) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                read => read,
            };
            let mut buffer = lock(&self.buffer);
            match read {
                Ok(0) => buffer.end = Some(Ok(())),
                Ok(count) => buffer.bytes.extend_from_slice(&piece[..count]),
                Err(e) => buffer.end = Some(Err(e)),
            }
            self.changed.notify_all();
            let is_full = |buffer: &mut Buffer| {
                buffer.bytes.len() > MAX_BUFFERED_BYTES - PIECE_BYTES && !buffer.closed
            };
            let waited = self.changed.wait_while(buffer, is_full);
            let buffer = waited.unwrap_or_else(PoisonError::into_inner);
            if buffer.end.is_some() || buffer.closed {
                return;
            }
        }
    }

    /// Returns the buffered bytes, or waits for bytes or the end of the output. The buffer
    /// continues with the memory of `used`.
    pub(crate) fn next(&self, mut used: Vec<u8>, timeout: Duration) -> Received {
        let is_empty = |buffer: &mut Buffer| buffer.bytes.is_empty() && buffer.end.is_none();
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.buffer), timeout, is_empty);
        let (mut buffer, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if buffer.bytes.is_empty() {
            return match &mut buffer.end {
                Some(end) => Received::End(std::mem::replace(end, Ok(()))),
                None => Received::TimedOut,
            };
        }
        used.clear();
        std::mem::swap(&mut buffer.bytes, &mut used);
        self.changed.notify_all();
        Received::Bytes(used)
    }

    /// Closes the buffer: the thread reads no more.
    pub(crate) fn close(&self) {
        lock(&self.buffer).closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};
    use std::time::Instant;

    /// Yields this number of single bytes, and then fails.
    struct Bytewise(usize);

    impl Read for Bytewise {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(ErrorKind::BrokenPipe)?;
            buf[0] = b'x';
            Ok(1)
        }
    }

    const SHORT: Duration = Duration::from_millis(20);
    const GUARD: Duration = Duration::from_secs(5);

    fn ends(thread: JoinHandle<()>) {
        let began = Instant::now();
        while !thread.is_finished() {
            assert!(began.elapsed() < GUARD, "the thread still runs");
            thread::sleep(Duration::from_millis(1));
        }
        thread.join().expect("no panic");
    }

    #[test]
    fn the_bound_is_one_of_bytes_not_of_pieces() {
        // Up to the bound, the thread reads all at once. Beyond it, the thread waits for room.
        for (count, at_once) in [
            (MAX_BUFFERED_BYTES - PIECE_BYTES, true),
            (MAX_BUFFERED_BYTES, false),
        ] {
            let output = Arc::new(Output::default());
            let theirs = Arc::clone(&output);
            let reading = thread::spawn(move || theirs.read_all(Bytewise(count)));
            let (mut got, mut calls) = (0, 0);
            if at_once {
                ends(reading);
            }
            loop {
                match output.next(Vec::new(), GUARD) {
                    Received::Bytes(bytes) => {
                        assert!(bytes.len() <= MAX_BUFFERED_BYTES);
                        got += bytes.len();
                        calls += 1;
                    }
                    Received::End(end) => {
                        assert_eq!(end.map_err(|e| e.kind()), Err(ErrorKind::BrokenPipe));
                        break;
                    }
                    Received::TimedOut => panic!("{got} of {count}"),
                }
            }
            assert_eq!((got, calls == 1), (count, at_once));
        }
    }

    #[test]
    fn a_wait_ends_with_bytes_the_end_or_a_timeout() {
        let output = Output::default();
        assert!(matches!(output.next(Vec::new(), SHORT), Received::TimedOut));
        output.read_all(&b"all of it"[..]);
        match output.next(b"used".to_vec(), SHORT) {
            Received::Bytes(bytes) => assert_eq!(bytes, b"all of it"),
            other => panic!("{other:?}"),
        }
        for _ in 0..2 {
            assert!(matches!(
                output.next(Vec::new(), SHORT),
                Received::End(Ok(()))
            ));
        }
    }

    #[test]
    fn the_thread_reads_up_to_the_bound_and_ends_when_closed() {
        let output = Arc::new(Output::default());
        let theirs = Arc::clone(&output);
        let reading = thread::spawn(move || theirs.read_all(io::repeat(b'x')));
        for _ in 0..10 {
            // Time for more than the bound, on most machines.
            thread::sleep(Duration::from_millis(5));
            match output.next(Vec::new(), GUARD) {
                Received::Bytes(bytes) => {
                    assert!(bytes.len() <= MAX_BUFFERED_BYTES, "{}", bytes.len())
                }
                other => panic!("{other:?}"),
            }
        }
        output.close();
        ends(reading);
    }
}
