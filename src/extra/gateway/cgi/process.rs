//! A program that runs: its input, its output and its end. Pipes have no deadlines in std, so a
//! thread for each waits on them, and who is asked for bytes waits on that thread, with a deadline.
//!
//! ```text
//! client ── handler ─► pieces ─► thread ─► stdin │ program
//!              ▲ ◄── used ones ◄──┘
//! program │ stdout ─► thread ─► 1 MiB at most ─► worker ── client
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::output::{Next, Output};
use super::Times;
use crate::extra::gateway::response::{Dialect, ResponseHead, ResponseParser};
use crate::util::lock::lock;

/// Of the request's body at once; there are two such pieces.
const INPUT_PIECE: usize = 64 * 1024;
/// A program's end is seen a moment after that of its output.
const LAST_MOMENT: Duration = Duration::from_millis(50);

pub(crate) struct Script {
    process: Process,
    times: Times,
    output: Arc<Output>,
    /// Output that was taken and not been used up.
    piece: Vec<u8>,
    at: usize,
    /// How its output ended, once it has.
    ended: Option<Result<(), ErrorKind>>,
}

impl Script {
    pub(super) fn start(mut command: Command, times: Times) -> io::Result<Script> {
        let mut child = command.spawn()?;
        let (stdout, stdin) = (child.stdout.take(), child.stdin.take());
        let mut script = Script {
            process: Process {
                child: Some(child),
                stdin,
                grace: times.grace,
            },
            times,
            output: Arc::default(),
            piece: Vec::new(),
            at: 0,
            ended: None,
        };
        if let Some(stdout) = stdout {
            let output = Arc::clone(&script.output);
            if let Err(e) = spawn(move || output.take(stdout)) {
                script.kill();
                return Err(e);
            }
        }
        Ok(script)
    }

    pub(super) fn kill(&mut self) {
        self.process.kill();
    }

    /// Hands over what was gathered and then the body: so many bytes, or all there are. A program
    /// need not take all of it.
    pub(super) fn give(
        &mut self,
        gathered: Vec<u8>,
        mut body: impl Read,
        mut rest: Option<u64>,
    ) -> io::Result<()> {
        let stdin = match self.process.stdin.take() {
            Some(stdin) => stdin,
            None => return Ok(()),
        };
        let (pieces, given) = mpsc::channel();
        let (give_back, used) = mpsc::channel();
        spawn(move || {
            // Its drop, at the end of the pieces, is the end of the input.
            let mut stdin: ChildStdin = stdin;
            for piece in given {
                let piece: Vec<u8> = piece;
                if stdin.write_all(&piece).is_err() {
                    break;
                }
                // The last two are not asked for any more.
                let _ = give_back.send(piece);
            }
        })?;
        let mut spare = vec![Vec::new()];
        match gathered.is_empty() {
            true => spare.push(gathered),
            false => drop(pieces.send(gathered)),
        }
        loop {
            let room = rest.map_or(INPUT_PIECE, |rest| {
                usize::try_from(rest).map_or(INPUT_PIECE, |rest| rest.min(INPUT_PIECE))
            });
            if room == 0 {
                return Ok(());
            }
            let mut piece = match spare.pop() {
                Some(piece) => piece,
                None => match used.recv_timeout(self.times.write) {
                    Ok(piece) => piece,
                    Err(RecvTimeoutError::Timeout) => {
                        return Err(self.failed(ErrorKind::TimedOut, "it does not read its input"));
                    }
                    // It has closed its input, or ended.
                    Err(RecvTimeoutError::Disconnected) => return Ok(()),
                },
            };
            piece.resize(room, 0);
            let count = loop {
                match body.read(&mut piece) {
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    other => break other,
                }
            };
            let count = match count {
                Ok(0) if rest.is_none() => return Ok(()),
                Ok(0) => {
                    return Err(self.failed(ErrorKind::UnexpectedEof, "the body is too short"));
                }
                Ok(count) => count,
                Err(e) => {
                    self.kill();
                    return Err(e);
                }
            };
            rest = rest.map(|rest| rest - count as u64);
            piece.truncate(count);
            if pieces.send(piece).is_err() {
                return Ok(());
            }
        }
    }

    /// Kills it before its input ends, so that it cannot take that for the end of the body.
    fn failed(&mut self, kind: ErrorKind, what: &str) -> io::Error {
        self.kill();
        io::Error::new(kind, what)
    }

    /// Waits for the head of its output.
    pub(super) fn head(&mut self) -> io::Result<ResponseHead> {
        let end = Instant::now() + self.times.head;
        let mut parser = ResponseParser::new(Dialect::Cgi);
        let mut received = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut piece = self.next_piece(Vec::new(), left)?;
            if piece.is_empty() {
                let text = "its output ended before its head did";
                return Err(io::Error::new(ErrorKind::UnexpectedEof, text));
            }
            received.append(&mut piece);
            let fed = parser.feed(&received);
            let head = fed.map_err(|e| io::Error::new(ErrorKind::InvalidData, e))?;
            if let Some((length, head)) = head {
                self.piece = received;
                self.at = length;
                return Ok(head);
            }
        }
    }

    /// The next piece of output; an empty one at its end.
    fn next_piece(&mut self, spent: Vec<u8>, wait: Duration) -> io::Result<Vec<u8>> {
        match self.output.next(spent, wait) {
            Next::Bytes(piece) => Ok(piece),
            Next::TooSlow => Err(self.failed(ErrorKind::TimedOut, "it does not write on")),
            Next::End(Err(e)) => Err(e),
            Next::End(Ok(())) => match self.process.was_killed() {
                true => Err(io::Error::new(ErrorKind::Other, "a signal ended it")),
                false => Ok(Vec::new()),
            },
        }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.output.close();
    }
}

impl Read for Script {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.ended {
                Some(Ok(())) => return Ok(0),
                Some(Err(kind)) => return Err(kind.into()),
                None => {}
            }
            self.at = 0;
            let spent = std::mem::take(&mut self.piece);
            self.piece = match self.next_piece(spent, self.times.read) {
                Ok(piece) => piece,
                Err(e) => {
                    self.ended = Some(Err(e.kind()));
                    return Err(e);
                }
            };
            if self.piece.is_empty() {
                self.ended = Some(Ok(()));
            }
        }
        let here = &self.piece[self.at..];
        let count = here.len().min(buf.len());
        buf[..count].copy_from_slice(&here[..count]);
        self.at += count;
        Ok(count)
    }
}

fn spawn(act: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("millpond-cgi".into());
    thread.spawn(act).map(|_| ())
}

/// Its drop sees to it that the program ends and is waited for: there is never a zombie for longer
/// than it takes.
struct Process {
    /// `None` once it was waited for.
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    grace: Duration,
}

impl Process {
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It fails if it has ended already. After SIGKILL nothing keeps it for long.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether a signal has ended it. One that has closed its output and goes on is not waited for.
    fn was_killed(&mut self) -> bool {
        let child = match &mut self.child {
            Some(child) => child,
            None => return true,
        };
        let began = Instant::now();
        let mut nap = Duration::from_micros(50);
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.child = None;
                    return status.code().is_none();
                }
                Ok(None) if began.elapsed() < LAST_MOMENT => thread::sleep(nap),
                _ => return false,
            }
            nap *= 2;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The end of its input, should it never have been given any.
        self.stdin = None;
        let mut child = match self.child.take() {
            Some(child) => child,
            None => return,
        };
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        let grace = self.grace;
        // Shared, so that it is not lost where there is no thread to be had.
        let child = Arc::new(Mutex::new(child));
        let theirs = Arc::clone(&child);
        if spawn(move || wind_down(&theirs, grace)).is_err() {
            wind_down(&child, Duration::from_secs(0));
        }
    }
}

/// Waits for a program whose output nobody reads any more, and kills it when its time is over.
fn wind_down(child: &Mutex<Child>, grace: Duration) {
    let mut child = lock(child);
    let began = Instant::now();
    let mut nap = Duration::from_micros(200);
    while began.elapsed() < grace {
        match child.try_wait() {
            Ok(None) => thread::sleep(nap.min(grace)),
            _ => return,
        }
        nap = (nap * 2).min(Duration::from_millis(100));
    }
    let _ = child.kill();
    let _ = child.wait();
}
