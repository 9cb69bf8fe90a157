//! The output of a program, from the thread that takes it to whoever asks for it, with a deadline:
//! pipes have none in std. It is kept up to a bound in bytes, however small the pieces are in which
//! the program writes them. What they say is not known here.

use std::io::{self, ErrorKind, Read};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::util::lock::lock;

/// What is kept of it.
const MOST: usize = 1024 * 1024;
/// What is taken at once.
const PIECE: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct Output {
    /// Guards what is between the two.
    kept: Mutex<Kept>,
    /// There is more, or room for more, or an end.
    changed: Condvar,
}

#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Behind these bytes, once it is known; the error is told once.
    end: Option<io::Result<()>>,
    unwanted: bool,
}

/// What has come in the time given.
#[derive(Debug)]
pub(crate) enum Next {
    Bytes(Vec<u8>),
    End(io::Result<()>),
    TooSlow,
}

impl Output {
    /// Takes all there is, as long as somebody wants it. When it returns the pipe is closed, and
    /// the program sees that when it writes on.
    pub(super) fn take(&self, mut stdout: impl Read) {
        let mut piece = vec![0; PIECE];
        loop {
            let read = match stdout.read(&mut piece) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                read => read,
            };
            let mut kept = lock(&self.kept);
            match read {
                Ok(0) => kept.end = Some(Ok(())),
                Ok(count) => kept.bytes.extend_from_slice(&piece[..count]),
                Err(e) => kept.end = Some(Err(e)),
            }
            self.changed.notify_all();
            let is_full = |kept: &mut Kept| kept.bytes.len() > MOST - PIECE && !kept.unwanted;
            let waited = self.changed.wait_while(kept, is_full);
            let kept = waited.unwrap_or_else(PoisonError::into_inner);
            if kept.end.is_some() || kept.unwanted {
                return;
            }
        }
    }

    /// What is kept, and what comes first if that is nothing. `spent` is used anew.
    pub(super) fn next(&self, mut spent: Vec<u8>, wait: Duration) -> Next {
        let is_empty = |kept: &mut Kept| kept.bytes.is_empty() && kept.end.is_none();
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.kept), wait, is_empty);
        let (mut kept, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if kept.bytes.is_empty() {
            return match &mut kept.end {
                Some(end) => Next::End(std::mem::replace(end, Ok(()))),
                None => Next::TooSlow,
            };
        }
        spent.clear();
        std::mem::swap(&mut kept.bytes, &mut spent);
        self.changed.notify_all();
        Next::Bytes(spent)
    }

    /// Nobody asks for more.
    pub(super) fn close(&self) {
        lock(&self.kept).unwanted = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::thread::{self, JoinHandle};
    use std::time::Instant;

    /// Yields single bytes, so many, and then fails.
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
            assert!(began.elapsed() < GUARD, "it goes on");
            thread::sleep(Duration::from_millis(1));
        }
        thread.join().expect("no panic");
    }

    #[test]
    fn the_bound_is_one_of_bytes_not_of_pieces() {
        // As much as is kept is taken at once; of more, the rest once there is room.
        for (count, at_once) in [(MOST - PIECE, true), (MOST, false)] {
            let output = Arc::new(Output::default());
            let theirs = Arc::clone(&output);
            let taking = thread::spawn(move || theirs.take(Bytewise(count)));
            let (mut got, mut asked) = (0, 0);
            if at_once {
                ends(taking);
            }
            loop {
                match output.next(Vec::new(), GUARD) {
                    Next::Bytes(bytes) => {
                        assert!(bytes.len() <= MOST);
                        got += bytes.len();
                        asked += 1;
                    }
                    Next::End(end) => {
                        assert_eq!(end.map_err(|e| e.kind()), Err(ErrorKind::BrokenPipe));
                        break;
                    }
                    Next::TooSlow => panic!("{got} of {count}"),
                }
            }
            assert_eq!((got, asked == 1), (count, at_once));
        }
    }

    #[test]
    fn who_waits_is_told_of_the_end_and_of_the_time() {
        let output = Output::default();
        assert!(matches!(output.next(Vec::new(), SHORT), Next::TooSlow));
        output.take(&b"all of it"[..]);
        match output.next(b"spent".to_vec(), SHORT) {
            Next::Bytes(bytes) => assert_eq!(bytes, b"all of it"),
            other => panic!("{other:?}"),
        }
        for _ in 0..2 {
            assert!(matches!(output.next(Vec::new(), SHORT), Next::End(Ok(()))));
        }
    }

    #[test]
    fn no_more_is_taken_than_is_kept_and_nothing_that_nobody_wants() {
        let output = Arc::new(Output::default());
        let theirs = Arc::clone(&output);
        let taking = thread::spawn(move || theirs.take(io::repeat(b'x')));
        for _ in 0..10 {
            // Time for more than is kept, on most machines.
            thread::sleep(Duration::from_millis(5));
            match output.next(Vec::new(), GUARD) {
                Next::Bytes(bytes) => assert!(bytes.len() <= MOST, "{}", bytes.len()),
                other => panic!("{other:?}"),
            }
        }
        output.close();
        ends(taking);
    }
}
