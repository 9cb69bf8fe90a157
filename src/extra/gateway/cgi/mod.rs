//! CGI: a program answers the request (RFC 3875).
//!
//! [`CgiRun`] is implemented for [`Command`]. The handler chooses the program, and
//! [`start_cgi`](CgiRun::start_cgi) returns the response of the program:
//!
//! ```no_run
//! use millpond::cgi::CgiRun;
//! use millpond::Server;
//! use std::error::Error;
//! use std::process::Command;
//!
//! fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
//!     let server = Server::new("0.0.0.0:8080", |request| {
//!         let mut command = Command::new("php-cgi");
//!         command.env("SCRIPT_FILENAME", "/srv/page.php").env("REDIRECT_STATUS", "1");
//!         command.start_cgi(request).expect("php-cgi runs")
//!     })?;
//!     server.run();
//!     Ok(())
//! }
//! ```
//!
//! # Environment
//!
//! | variable | value |
//! |---|---|
//! | `GATEWAY_INTERFACE`, `SERVER_SOFTWARE` | `CGI/1.1`, `millpond/` and its version |
//! | `SERVER_PROTOCOL`, `REQUEST_METHOD` | as in the request |
//! | `SCRIPT_NAME` | the prefix that [`remove_prefix`] has removed, decoded, or empty |
//! | `PATH_INFO` | the rest of the path, decoded |
//! | `QUERY_STRING`, `REQUEST_URI` | the part after the `?`; the whole target; both not decoded |
//! | `CONTENT_TYPE` | the field |
//! | `CONTENT_LENGTH` | the length of the body, if there is one and it is [known](#bodies) |
//! | `REMOTE_ADDR`, `REMOTE_PORT` | [`remote_addr`]; no port if it is unknown |
//! | `SERVER_NAME`, `SERVER_PORT` | from `Host`, a client's choice; else `localhost`, 80 or 443 |
//! | `HTTPS` | `on` if [`is_secure`] |
//! | `HTTP_` and a name | a field: `HTTP_ACCEPT_LANGUAGE` |
//!
//! [`remove_prefix`]: crate::Request::remove_prefix
//! [`remote_addr`]: crate::Request::remote_addr
//! [`is_secure`]: crate::Request::is_secure
//!
//! A variable that the handler sets with [`env`](Command::env) stays, even if it is in this table.
//! Use this for `SCRIPT_NAME`, or for `REMOTE_USER` and `AUTH_TYPE` after authentication. As with
//! every [`Command`], the program inherits the rest of the server's environment, secrets included;
//! [`env_clear`](Command::env_clear) prevents that. Inherited variables of CGI (`HTTP_` and the
//! names of RFC 3875) are removed, so each one describes this request. The server adds no
//! argument to the command.
//!
//! These fields have no variable:
//!
//! * `Authorization` and `Proxy-Authorization` (RFC 3875 §4.1.18)
//! * hop-by-hop fields: `Connection` and the fields it names, `Upgrade` and others
//! * `Expect`
//! * `Proxy`, because programs take `HTTP_PROXY` for the proxy to use
//! * a field name with other characters than letters, digits and `-`: `X_Role` would look like
//!   `X-Role`
//!
//! Several fields of one name are joined with commas, `Cookie` fields with semicolons.
//!
//! # Bodies
//!
//! The program reads the body of the request from its standard input, in pieces of up to 64 KiB. A
//! body without a known length is buffered up to 1 MiB, so that there is a `CONTENT_LENGTH`. For a
//! longer one, there is no such variable, and the program must read to the end, as
//! `git-http-backend` does. A program that relies on `CONTENT_LENGTH` alone (RFC 3875 §4.1.2), as
//! `php-cgi` does, takes the body for an empty one. A handler for this kind of program should
//! answer 411 to a request with `Transfer-Encoding`. If the client disconnects before the end of
//! its body, the program is killed before it can read an end.
//!
//! `start_cgi` returns when the program has read the body, or has closed its input, and has written
//! its head. Up to 1 MiB of output before that is buffered. A program that writes more while it
//! still has to read is blocked, and is killed after the timeout.
//!
//! The output may begin with `Status`, `Content-Type` and `Location`, and must have one of them. A
//! `Location` without a `Status` is a 302. A path in `Location`, which RFC 3875 §6.2.2 permits the
//! server to serve itself, is a 302 too. A `Content-Length` is used, and hop-by-hop fields are
//! removed. The head may have 64 KiB and 256 fields.
//!
//! # Time
//!
//! A worker of the pool waits for the program, in the handler and while it sends the output.
//! [`pool_size`](crate::Server::pool_size) therefore limits the number of programs at once. Each
//! wait has a limit:
//!
//! | wait | limit |
//! |---|---|
//! | until the program reads more | 60 s |
//! | for the complete head, after the program got its whole input | 60 s |
//! | for more output | 60 s |
//! | for the end of the program after its output ends or is no longer needed | 5 s |
//!
//! After a timeout, the program is killed. Output is not needed if the client has disconnected or
//! the response has no body. The server always waits for the end of the program, in a thread of its
//! own if necessary, so no zombie remains.
//!
//! Children of the program are not killed: they read the end of their input, and a write to the
//! output fails. A child that keeps the output open and writes nothing holds a thread and a pipe of
//! the server until the child ends. Start such a child with another output.
//!
//! If a signal ends the program, or its output is shorter than its `Content-Length`, the server
//! closes the connection before the end of the body. The standard error of the program is that of
//! the server, unless the command has another.
//!
//! Tests: `tests/it/extras/cgi` and `src/extra/gateway/cgi/tests.rs`; with git,
//! `tests/proxies`.

// `program` runs a program, `output` buffers its output, `variables` sets its environment, and
// `response` reads the head of its output.
#[cfg(test)]
mod compat;
mod output;
mod program;
mod response;
mod variables;

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::process::{Command, Stdio};

use self::program::{Program, Timeouts};
use self::response::CgiResponse;
use super::request::{body_length, RequestLength};
use super::BODY_ALREADY_READ;
use crate::{Request, Response};

/// The reason for which a program has not responded.
#[derive(Debug)]
pub enum CgiError {
    /// The handler has already read the body of the request with
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
    /// The program could not start, or failed before the end of its head. The kind is `InvalidData`
    /// for an invalid head, `UnexpectedEof` for an incomplete one, and `TimedOut` for a timeout. An
    /// incomplete body of the client is `UnexpectedEof` too.
    IoError(io::Error),
}

impl From<io::Error> for CgiError {
    fn from(error: io::Error) -> CgiError {
        CgiError::IoError(error)
    }
}

impl fmt::Display for CgiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CgiError::BodyAlreadyExtracted => f.write_str(BODY_ALREADY_READ),
            CgiError::IoError(error) => write!(f, "cannot run CGI program: {error}"),
        }
    }
}

impl Error for CgiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            CgiError::IoError(error) => Some(error),
            CgiError::BodyAlreadyExtracted => None,
        }
    }
}

/// A program that can answer a request through CGI: a [`Command`].
pub trait CgiRun {
    /// Runs the program for this request, and returns its response.
    ///
    /// The method returns after the head of the response. The server reads the body while it sends
    /// the response. The [module documentation](self) lists the environment and the timeouts. The
    /// `Status` of the program becomes the status of the response, so a 404 of the program is no
    /// error. A path with a NUL, which no variable can hold, gets a 400.
    ///
    /// # Errors
    ///
    /// Returns a [`CgiError`] if the program cannot run or writes no valid head, which is mostly a
    /// fault of the server.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use millpond::cgi::CgiRun;
    /// use millpond::{Request, Response};
    /// use std::process::Command;
    ///
    /// fn date(request: &Request) -> Response {
    ///     let mut command = Command::new("sh");
    ///     command.arg("-c").arg("echo Content-Type: text/plain; echo; echo $PATH_INFO; date");
    ///     command.start_cgi(request).unwrap_or_else(|_| Response::text("").with_status_code(502))
    /// }
    ///
    /// let response = date(&Request::fake_http("GET", "/now", vec![], vec![]));
    /// assert_eq!(response.status_code, 200);
    /// # }
    /// ```
    fn start_cgi(self, request: &Request) -> Result<Response, CgiError>;
}

impl CgiRun for Command {
    fn start_cgi(self, request: &Request) -> Result<Response, CgiError> {
        run(self, request, Timeouts::default())
    }
}

/// 1 MiB: the buffered bytes of a body of unknown length. The length of a longer one stays unknown.
const MAX_BUFFERED_BODY_BYTES: u64 = 1024 * 1024;

fn run(mut command: Command, request: &Request, timeouts: Timeouts) -> Result<Response, CgiError> {
    let mut body = request.data().ok_or(CgiError::BodyAlreadyExtracted)?;
    let mut buffered = Vec::new();
    // `rest` is the length of the body after the buffered part, `length` the CONTENT_LENGTH.
    let (rest, length) = match body_length(request.headers()) {
        RequestLength::Known(length) => (Some(length), Some(length)),
        other => {
            let mut part = (&mut body).take(MAX_BUFFERED_BODY_BYTES + 1);
            part.read_to_end(&mut buffered)?;
            match buffered.len() as u64 {
                0 if other == RequestLength::None => (Some(0), None),
                length if length <= MAX_BUFFERED_BODY_BYTES => (Some(0), Some(length)),
                _ => (None, None),
            }
        }
    };
    if !variables::set_environment(&mut command, request, length) {
        return Ok(Response::empty_400());
    }
    let has_input = rest != Some(0) || !buffered.is_empty();
    command.stdout(Stdio::piped());
    command.stdin(if has_input {
        Stdio::piped()
    } else {
        Stdio::null()
    });
    let mut program = Program::start(command, timeouts)?;
    let head = program
        .write_body(buffered, body, rest)
        .and_then(|()| program.read_head());
    match head.and_then(|head| CgiResponse::of(&head)) {
        Ok(response) => Ok(response.with_body(program)),
        Err(error) => {
            program.kill();
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests;
