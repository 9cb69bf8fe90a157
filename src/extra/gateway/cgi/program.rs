//! A running program: its input, its output and its end.
//!
//! Pipes have no timeouts in std. So one thread writes the input and one reads the output, and the
//! worker waits for these threads with a timeout.
//!
//! ```text
//! client ── handler ─► pieces ─► thread ─► stdin │ program
//!              ▲ ◄─ used pieces ◄─┘
//! program │ stdout ─► thread ─► at most 1 MiB ─► worker ── client
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::output::{Output, Received};
use crate::extra::gateway::response_head::{HeadSyntax, ResponseHead, ResponseParser};
use crate::util::lock::lock;

/// 64 KiB: the bytes of one piece of the request body. There are two such pieces.
const PIECE_BYTES: usize = 64 * 1024;
/// 50 ms: the wait for the exit status after the end of the output. A program exits shortly after
/// its output ends. After this time, the program counts as one that has closed its output.
const EXIT_STATUS_TIMEOUT: Duration = Duration::from_millis(50);

/// The timeouts of the waits for a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Until the program reads more.
    pub(crate) write: Duration,
    /// For the complete head.
    pub(crate) head: Duration,
    /// Until the program writes more.
    pub(crate) read: Duration,
    /// From the end of the output to the exit.
    pub(crate) exit: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            write: Duration::from_secs(60),
            head: Duration::from_secs(60),
            read: Duration::from_secs(60),
            exit: Duration::from_secs(5),
        }
    }
}

pub(crate) struct Program {
    process: Process,
    timeouts: Timeouts,
    output: Arc<Output>,
    /// Received output, unused from `at` on.
    piece: Vec<u8>,
    at: usize,
    /// The end of the output.
    ended: Option<Result<(), ErrorKind>>,
}

impl Program {
    pub(crate) fn start(mut command: Command, timeouts: Timeouts) -> io::Result<Program> {
        let mut child = command.spawn()?;
        let (stdout, stdin) = (child.stdout.take(), child.stdin.take());
        let mut program = Program {
            process: Process {
                child: Some(child),
                stdin,
                exit_timeout: timeouts.exit,
            },
            timeouts,
            output: Arc::default(),
            piece: Vec::new(),
            at: 0,
            ended: None,
        };
        if let Some(stdout) = stdout {
            let output = Arc::clone(&program.output);
            if let Err(e) = spawn(move || output.read_all(stdout)) {
                program.kill();
                return Err(e);
            }
        }
        Ok(program)
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Writes the buffered part of the body, and then the rest: `rest` bytes, or all bytes. Returns
    /// early if the program closes its input.
    pub(crate) fn write_body(
        &mut self,
        buffered: Vec<u8>,
        mut body: impl Read,
        mut rest: Option<u64>,
    ) -> io::Result<()> {
        let stdin = match self.process.stdin.take() {
            Some(stdin) => stdin,
            None => return Ok(()),
        };
        let (pieces, input) = mpsc::channel();
        let (return_piece, used) = mpsc::channel();
        spawn(move || {
            // Dropping `stdin` after the last piece is the end of the input.
            let mut stdin: ChildStdin = stdin;
            for piece in input {
                let piece: Vec<u8> = piece;
                if stdin.write_all(&piece).is_err() {
                    break;
                }
                // Sending fails for the last two pieces, which the handler does not reuse.
                let _ = return_piece.send(piece);
            }
        })?;
        let mut spare = vec![Vec::new()];
        match buffered.is_empty() {
            true => spare.push(buffered),
            false => drop(pieces.send(buffered)),
        }
        loop {
            let room = rest.map_or(PIECE_BYTES, |rest| {
                usize::try_from(rest).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES))
            });
            if room == 0 {
                return Ok(());
            }
            let mut piece = match spare.pop() {
                Some(piece) => piece,
                None => match used.recv_timeout(self.timeouts.write) {
                    Ok(piece) => piece,
                    Err(RecvTimeoutError::Timeout) => {
                        return Err(self.kill_for(
                            ErrorKind::TimedOut,
                            "timeout of CGI program while reading input",
                        ));
                    }
                    // The program has closed its input or ended.
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
                    return Err(self.kill_for(
                        ErrorKind::UnexpectedEof,
                        "request body shorter than announced",
                    ));
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

    /// Kills the program, and returns an error with the reason. The input is still open: without
    /// this order, the program could take the end of the input for the end of the body.
    fn kill_for(&mut self, kind: ErrorKind, reason: &str) -> io::Error {
        self.kill();
        io::Error::new(kind, reason)
    }

    /// Waits for the head of the output, and returns it.
    pub(crate) fn read_head(&mut self) -> io::Result<ResponseHead> {
        let end = Instant::now() + self.timeouts.head;
        let mut parser = ResponseParser::new(HeadSyntax::Cgi);
        let mut received = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let mut piece = self.next_piece(Vec::new(), left)?;
            if piece.is_empty() {
                let text = "CGI output ended before end of head";
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

    /// Returns the next piece of output, or an empty one at the end. Reuses the memory of `used`.
    fn next_piece(&mut self, used: Vec<u8>, timeout: Duration) -> io::Result<Vec<u8>> {
        match self.output.next(used, timeout) {
            Received::Bytes(piece) => Ok(piece),
            Received::TimedOut => Err(self.kill_for(
                ErrorKind::TimedOut,
                "timeout of CGI program while writing output",
            )),
            Received::End(Err(e)) => Err(e),
            Received::End(Ok(())) if self.process.was_killed() => Err(io::Error::new(
                ErrorKind::Other,
                "CGI program ended by signal",
            )),
            Received::End(Ok(())) => Ok(Vec::new()),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.output.close();
    }
}

impl Read for Program {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            match self.ended {
                Some(Ok(())) => return Ok(0),
                Some(Err(kind)) => return Err(kind.into()),
                None => {}
            }
            self.at = 0;
            let used = std::mem::take(&mut self.piece);
            self.piece = match self.next_piece(used, self.timeouts.read) {
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
        let unused = &self.piece[self.at..];
        let count = unused.len().min(buf.len());
        buf[..count].copy_from_slice(&unused[..count]);
        self.at += count;
        Ok(count)
    }
}

fn spawn(act: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("millpond-cgi".into());
    thread.spawn(act).map(|_| ())
}

/// The process of a program. Dropping it makes the program end, and waits for the exit: without
/// this, the process would stay as a zombie.
struct Process {
    /// `None` after the exit.
    child: Option<Child>,
    stdin: Option<ChildStdin>,
    exit_timeout: Duration,
}

impl Process {
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // `kill` fails if the program has ended. After SIGKILL, the wait is short.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Returns whether a signal has ended the program. Does not wait for a program that has closed
    /// its output and continues.
    fn was_killed(&mut self) -> bool {
        let child = match &mut self.child {
            Some(child) => child,
            None => return true,
        };
        let began = Instant::now();
        let mut pause = Duration::from_micros(50);
        loop {
            match child.try_wait() {
                Ok(Some(status)) => {
                    self.child = None;
                    return status.code().is_none();
                }
                Ok(None) if began.elapsed() < EXIT_STATUS_TIMEOUT => thread::sleep(pause),
                _ => return false,
            }
            pause *= 2;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Without this, a program that never got input would wait for the end of its input.
        self.stdin = None;
        let mut child = match self.child.take() {
            Some(child) => child,
            None => return,
        };
        if let Ok(Some(_)) = child.try_wait() {
            return;
        }
        let timeout = self.exit_timeout;
        // The child is shared, so that this thread still has it if there is no other thread.
        let child = Arc::new(Mutex::new(child));
        let shared = Arc::clone(&child);
        if spawn(move || wait_or_kill(&shared, timeout)).is_err() {
            wait_or_kill(&child, Duration::from_secs(0));
        }
    }
}

/// Waits for the exit of a program after the last read of its output. Kills the program after the
/// timeout.
fn wait_or_kill(child: &Mutex<Child>, timeout: Duration) {
    let mut child = lock(child);
    let began = Instant::now();
    let mut pause = Duration::from_micros(200);
    while began.elapsed() < timeout {
        match child.try_wait() {
            Ok(None) => thread::sleep(pause.min(timeout)),
            _ => return,
        }
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    let _ = child.kill();
    let _ = child.wait();
}
