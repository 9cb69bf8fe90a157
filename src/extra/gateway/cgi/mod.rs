//! A request answered by a program of its own (CGI, RFC 3875): what it is told, and what becomes of
//! what it says. It knows requests, responses and processes; of this server nothing.
//!
//! [`CgiRun`] is for a [`Command`]: the handler chooses the program, [`start_cgi`] tells it of the
//! request and answers with its output.
//!
//! [`start_cgi`]: CgiRun::start_cgi
//!
//! ```no_run
//! use millpond::cgi::CgiRun;
//! use millpond::Server;
//! use std::process::Command;
//!
//! let server = Server::new("0.0.0.0:80", |request| {
//!     let mut command = Command::new("php-cgi");
//!     command.env("SCRIPT_FILENAME", "/srv/page.php").env("REDIRECT_STATUS", "1");
//!     command.start_cgi(request).expect("php-cgi runs")
//! });
//! server.unwrap().run();
//! ```
//!
//! # What the program is told
//!
//! | variable | value |
//! |---|---|
//! | `GATEWAY_INTERFACE`, `SERVER_SOFTWARE` | `CGI/1.1`, `millpond/` and its version |
//! | `SERVER_PROTOCOL`, `REQUEST_METHOD` | as the request has them |
//! | `SCRIPT_NAME` | the prefix that [`remove_prefix`] has cut off, decoded; else empty |
//! | `PATH_INFO` | the rest of the path, decoded |
//! | `QUERY_STRING`, `REQUEST_URI` | what is behind the `?`; the whole target; neither decoded |
//! | `CONTENT_TYPE` | the field |
//! | `CONTENT_LENGTH` | of the body, if there is one and it is [known](#bodies) |
//! | `REMOTE_ADDR`, `REMOTE_PORT` | [`remote_addr`]; no port where none is known |
//! | `SERVER_NAME`, `SERVER_PORT` | of `Host`, the client's word; else `localhost`, 80 or 443 |
//! | `HTTPS` | `on` if [`is_secure`] |
//! | `HTTP_` and a name | a field: `HTTP_ACCEPT_LANGUAGE` |
//!
//! [`remove_prefix`]: crate::Request::remove_prefix
//! [`remote_addr`]: crate::Request::remote_addr
//! [`is_secure`]: crate::Request::is_secure
//!
//! What the command was given with [`env`](Command::env) is left as it is, also where it is one of
//! these: `SCRIPT_NAME`, say, or `REMOTE_USER` and `AUTH_TYPE` once the handler knows who asks. The
//! rest of the environment is that of the server, as with every [`Command`], secrets included:
//! [`env_clear`](Command::env_clear) keeps it from the program. What it may have of CGI in it
//! (`HTTP_` and the names of RFC 3875) is taken out, so that these are always of this request. No
//! argument is added to the command.
//!
//! Of the fields these are not told: `Authorization` and `Proxy-Authorization` (RFC 3875 §4.1.18),
//! those of one connection (`Connection` and what it names, `Upgrade` and the like), `Expect`,
//! `Proxy`, which would be `HTTP_PROXY`, and any whose name has more than letters, digits and `-`:
//! `X_Role` would be taken for `X-Role`. Several of one name are joined with commas, `Cookie` with
//! semicolons.
//!
//! # Bodies
//!
//! The body of the request is the program's standard input, in pieces of up to 64 KiB. One without
//! a known length is gathered up to 1 MiB, so that there is a `CONTENT_LENGTH`; of a longer one
//! there is none, and the program reads to the end, as `git http-backend` does. One that goes by
//! `CONTENT_LENGTH` alone (RFC 3875 §4.1.2), as `php-cgi` does, takes such a body for an empty one:
//! in front of it answer 411 to a request with `Transfer-Encoding`. A body that the client cuts off
//! kills the program, before it could see an end.
//!
//! The response is there when the program has been given all of the body, or takes no more of it,
//! and has written its head. Up to 1 MiB of what it writes before that is kept. One that writes
//! more while it still has to read does not get on, and is killed when the time is up.
//!
//! Its output may begin with `Status`, `Content-Type` and `Location`, of which there has to be one.
//! A `Location` without a `Status` is a 302; a path there, which RFC 3875 §6.2.2 lets the server
//! serve in place of the program, is a 302 as well. `Content-Length` is heeded, and what is of one
//! connection is left out. The head may have 64 KiB and 256 fields.
//!
//! # Time, and the end
//!
//! A worker of the pool waits for the program: in the handler, and while its output is sent. It may
//! take 60 s to read more, to write its head once it was given all, and to write more. When its
//! output is over, or nobody wants it any more (the client is gone, or the answer has no body), it
//! has 5 s to end; then it is killed. In any case it is waited for, by a thread of its own if need
//! be. What it has started itself is not killed: it sees the end of its input, and that of its
//! output when it writes on. One that keeps the output open and is silent keeps a thread and a pipe
//! here as long as it runs: start it with its output elsewhere.
//!
//! If a signal ends it, or it writes less than its `Content-Length`, the response is cut off, and
//! so does not look whole. Its standard error is the server's, unless the command says otherwise.

mod answer;
#[cfg(test)]
mod compat;
mod output;
mod process;
mod variables;

use std::error::Error;
use std::fmt;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use self::process::Script;
use super::hops::{announced, Announced};
use crate::{Request, Response};

/// Why a program has not answered.
#[derive(Debug)]
pub enum CgiError {
    /// The request's body has been taken before: the handler called
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
    /// The program could not be started; what it wrote is no head of a response (`InvalidData`), or
    /// ended before it was one (`UnexpectedEof`); it took too long (`TimedOut`); or the client did
    /// not send its body.
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
            CgiError::BodyAlreadyExtracted => {
                f.write_str("the body of the request has been taken before")
            }
            CgiError::IoError(error) => write!(f, "the CGI program did not answer: {error}"),
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

/// What can answer a request through CGI: a [`Command`].
pub trait CgiRun {
    /// Runs the program for this request, and answers with what it writes.
    ///
    /// It returns when the head of the response is there; the body follows while it is sent. The
    /// [module documentation](self) says what the program is told and how long is waited. What its
    /// `Status` says is the response's: a 404 of the program is no error. A path with a NUL, which
    /// no variable can hold, is a 400.
    ///
    /// # Errors
    ///
    /// If the program does not run or does not answer, which is mostly the server's own fault; see
    /// [`CgiError`].
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
        run(self, request, Times::default())
    }
}

/// How long each wait for a program may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Until it takes more.
    write: Duration,
    /// The whole head.
    head: Duration,
    /// Until it says more.
    read: Duration,
    /// From the end of its output to its own.
    grace: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            write: Duration::from_secs(60),
            head: Duration::from_secs(60),
            read: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// A body of no known length is gathered up to this.
const GATHERED: u64 = 1024 * 1024;

fn run(mut command: Command, request: &Request, times: Times) -> Result<Response, CgiError> {
    let mut body = request.data().ok_or(CgiError::BodyAlreadyExtracted)?;
    let mut gathered = Vec::new();
    // What is there of it beside what was gathered, and what the program is told.
    let (rest, length) = match announced(request.headers()) {
        Announced::Length(length) => (Some(length), Some(length)),
        other => {
            (&mut body).take(GATHERED + 1).read_to_end(&mut gathered)?;
            match gathered.len() as u64 {
                0 if other == Announced::Nothing => (Some(0), None),
                length if length <= GATHERED => (Some(0), Some(length)),
                _ => (None, None),
            }
        }
    };
    if !variables::tell(&mut command, request, length) {
        return Ok(Response::empty_400());
    }
    let has_input = rest != Some(0) || !gathered.is_empty();
    command.stdout(Stdio::piped());
    command.stdin(match has_input {
        true => Stdio::piped(),
        false => Stdio::null(),
    });
    let mut script = Script::start(command, times)?;
    let head = script
        .give(gathered, body, rest)
        .and_then(|()| script.head());
    let answer = head.and_then(|head| answer::Answer::of(&head));
    match answer {
        Ok(answer) => Ok(answer.with(script)),
        Err(error) => {
            script.kill();
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests;
