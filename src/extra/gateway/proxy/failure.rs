//! The failures of a forwarded request, and reads that report them.

use std::io::{self, ErrorKind, Read};

/// The reason for which the other server does not answer a request, by the responsible side.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The handler has already taken the body.
    BodyTaken,
    Client(io::Error),
    Upstream(io::Error),
    MalformedResponse,
}

/// Reads once, and again after an interruption. An elapsed timeout is `TimedOut` on each system:
/// Unix returns `WouldBlock`.
pub(crate) fn read_once(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buf) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(timed_out()),
            other => return other,
        }
    }
}

pub(crate) fn timed_out() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "timeout of upstream server")
}

pub(crate) fn ended_early() -> io::Error {
    io::Error::new(
        ErrorKind::UnexpectedEof,
        "upstream connection closed before end of response",
    )
}
