//! A request answered by another HTTP/1 server: what is asked of it, and what becomes of its
//! answer. It knows requests, responses and their bytes; of this server nothing.
//!
//! [`proxy`] passes a request on and answers with what comes back, or with an error;
//! [`full_proxy`] answers with a 502 or a 504 in place of most errors. So a handler is a reverse
//! proxy (a *gateway*, RFC 9110 §3.7), for all of its requests or for some:
//!
//! ```no_run
//! use millpond::proxy::{full_proxy, ProxyConfig};
//! use millpond::{Response, Server};
//!
//! let server = Server::new("0.0.0.0:80", |request| match request.header("Host") {
//!     Some("shop.example") => {
//!         let config = ProxyConfig { addr: "10.0.0.7:8080", replace_host: None };
//!         full_proxy(request, config).expect("nobody has taken the body")
//!     }
//!     _ => Response::empty_404(),
//! });
//! server.unwrap().run();
//! ```
//!
//! # What is passed on
//!
//! Method, path and query as they were sent, but for a prefix that
//! [`remove_prefix`](crate::Request::remove_prefix) has cut off. The fields, but for these:
//!
//! | field | what becomes of it |
//! |---|---|
//! | `Host` | is kept or replaced; if there is none (HTTP/1.0), it is the address that is asked |
//! | `Connection` and what it names, `TE`, `Upgrade` and the like | ends here (RFC 9110 §7.6.1) |
//! | `Content-Length`, `Transfer-Encoding` | written anew, one of them: the length if it is known |
//! | `Expect` | ends here: the client is told to go on when its body is first read |
//! | `Forwarded`, `X-Real-IP`, all of `X-Forwarded-` | ends here: anybody can write them |
//! | `X-Forwarded-For` | is the IP address of [`remote_addr`]; `unknown` at a Unix socket |
//! | `X-Forwarded-Proto` | is `https` if [`is_secure`], else `http` |
//! | `X-Forwarded-Host` | is the client's `Host` |
//! | `Via` | one more line, `1.1 millpond` |
//! | `Proxy` | ends here: CGI would make an `HTTP_PROXY` of it |
//!
//! [`remote_addr`]: crate::Request::remote_addr
//! [`is_secure`]: crate::Request::is_secure
//!
//! A name with `_` in place of `-` is the same name here, as it is to many servers. A server behind
//! that is millpond too believes the three with
//! [`Proxies::x_forwarded`](crate::Proxies::x_forwarded). Whoever has a proxy in front as well
//! names it in its own [`Proxies`](crate::Proxies), and what that one says is what is passed on.
//!
//! Of the answer the fields of its hop end here too, and interim answers (1xx, of which there may
//! be 16). A change of protocol is not passed on in either direction, so a websocket is refused by
//! whoever is asked.
//!
//! # Bodies
//!
//! Both are streamed, in pieces of up to 64 KiB, however long they are. A request that is cut off
//! reaches the other server cut off, never as if it were whole, and so it is with an answer; but
//! where the end of a connection is the end of a body (an answer with neither length nor coding,
//! and any without a length to a client of HTTP/1.0), one that comes too early shows to nobody.
//!
//! If an error (400 and above) comes while the body is still being sent, the rest is not sent. Any
//! other answer waits until the body is sent, or nothing more of it was taken for the time below;
//! so what echoes a large body while it comes, and reads no further, is cut off. The head of an
//! answer goes out with the first piece of its body; that of an event stream goes at once.
//!
//! # Time
//!
//! A worker of the pool waits as long as the other server takes: for its head in the handler, for
//! its body while that is sent. Nothing waits for ever:
//!
//! | for | at most |
//! |---|---|
//! | connections to all addresses of a name; the resolving itself has the system's bounds | 10 s |
//! | the other server to take more of the request | 60 s |
//! | the whole head of the answer, once the request is sent | 60 s |
//! | more of the body of the answer | 60 s |
//!
//! Each request has a connection of its own, which ends with the answer.
//!
//! # Trust
//!
//! Where a request goes is for the handler to say. An `addr` that is made of what a client sent
//! makes of this server a client's way to everything that it can reach itself. The answer is read
//! as strictly as a request: one that two readers could take for two (both lengths, bare LF, folded
//! lines), or whose head has more than 64 KiB or 256 fields, is a [`ProxyError::HttpParseError`].

mod body;
#[cfg(test)]
mod compat;
mod forward;
mod upstream;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::ToSocketAddrs;
use std::time::Duration;

use self::body::Body;
use self::upstream::Upstream;
use super::hops::Hops;
use super::response;
use super::response::{ResponseHead, ResponseLength};
use crate::{Request, Response, ResponseBody};

/// Why there is no answer of the other server.
#[derive(Debug)]
pub enum ProxyError {
    /// The request's body has been taken before: the handler called
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
    /// The other server could not be reached, ended before its answer did or took too long
    /// (`TimedOut`); or the client did not send its body; or the request is none that can be passed
    /// on (`InvalidInput`), which no client can send.
    IoError(io::Error),
    /// What the other server sent is no proper answer.
    HttpParseError,
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> ProxyError {
        ProxyError::IoError(error)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyError::BodyAlreadyExtracted => f.write_str(TAKEN),
            ProxyError::IoError(error) => write!(f, "the request was not passed on: {error}"),
            ProxyError::HttpParseError => f.write_str("the other server's answer is malformed"),
        }
    }
}

impl Error for ProxyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ProxyError::IoError(error) => Some(error),
            _ => None,
        }
    }
}

const TAKEN: &str = "the body of the request has been taken before";

/// Whom to ask, and as whom.
///
/// ```
/// use millpond::proxy::ProxyConfig;
///
/// let config = ProxyConfig { addr: ("localhost", 8080), replace_host: Some("inner".into()) };
/// ```
#[derive(Clone, Debug)]
pub struct ProxyConfig<A> {
    /// The address to connect to: `example.com:80`, say. If a name has several, they are tried in
    /// turn.
    pub addr: A,
    /// What `Host` is to be. `None`: the client's.
    pub replace_host: Option<Cow<'static, str>>,
}

/// Passes the request on, and answers with what comes back.
///
/// It returns when the head of the answer is there; the body follows while it is sent. The [module
/// documentation](self) says what is passed on and how long is waited.
///
/// If there is no connection the body is left where it is: another address can be tried.
///
/// # Errors
///
/// Whatever keeps the answer from coming; see [`ProxyError`]. What goes wrong behind the head cuts
/// the answer off.
///
/// ```
/// use millpond::proxy::{proxy, ProxyConfig, ProxyError};
/// use millpond::{Request, Response};
///
/// fn first_of_two(request: &Request) -> Response {
///     for addr in ["127.0.0.1:1", "127.0.0.1:2"] {
///         match proxy(request, ProxyConfig { addr, replace_host: None }) {
///             Ok(response) => return response,
///             Err(ProxyError::IoError(_)) => {} // the next one
///             Err(_) => break,
///         }
///     }
///     Response::text("nobody is there").with_status_code(502)
/// }
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// assert_eq!(first_of_two(&request).status_code, 502);
/// ```
pub fn proxy<A>(request: &Request, config: ProxyConfig<A>) -> Result<Response, ProxyError>
where
    A: ToSocketAddrs,
{
    pass(request, config, Times::default()).map_err(|failure| match failure {
        Failure::Taken => ProxyError::BodyAlreadyExtracted,
        Failure::Client(error) | Failure::Upstream(error) => ProxyError::IoError(error),
        Failure::Malformed => ProxyError::HttpParseError,
    })
}

/// Why [`full_proxy`] has no response at all.
#[derive(Debug)]
pub enum FullProxyError {
    /// The request's body has been taken before: the handler called
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
}

impl fmt::Display for FullProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FullProxyError::BodyAlreadyExtracted => f.write_str(TAKEN),
        }
    }
}

impl Error for FullProxyError {}

/// [`proxy`], with a response for what may go wrong outside of the handler: 504 where the other
/// server took too long, 502 where it cannot be reached or does not answer properly, 400 where the
/// client did not send its body.
///
/// # Errors
///
/// If the body has been taken before, which is a mistake in the handler: `unwrap` or `expect` it.
///
/// ```
/// use millpond::proxy::{full_proxy, ProxyConfig};
/// use millpond::Request;
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// let config = ProxyConfig { addr: "127.0.0.1:1", replace_host: None };
/// assert_eq!(full_proxy(&request, config).unwrap().status_code, 502);
/// ```
pub fn full_proxy<A>(request: &Request, config: ProxyConfig<A>) -> Result<Response, FullProxyError>
where
    A: ToSocketAddrs,
{
    answered(pass(request, config, Times::default()))
}

/// What a client is told.
fn answered(passed: Result<Response, Failure>) -> Result<Response, FullProxyError> {
    let (code, text) = match passed {
        Ok(response) => return Ok(response),
        Err(Failure::Taken) => return Err(FullProxyError::BodyAlreadyExtracted),
        Err(Failure::Client(_)) => (400, "Bad Request"),
        Err(Failure::Upstream(error)) if error.kind() == ErrorKind::TimedOut => {
            (504, "Gateway Timeout")
        }
        Err(Failure::Upstream(_) | Failure::Malformed) => (502, "Bad Gateway"),
    };
    Ok(Response::text(text).with_status_code(code))
}

/// Why a request is not answered by the other server, and so by whose fault.
#[derive(Debug)]
enum Failure {
    Taken,
    Client(io::Error),
    Upstream(io::Error),
    Malformed,
}

/// How long each wait for the other server may take. rouille waits as long for a write and a read,
/// and nginx by default.
#[derive(Clone, Copy, Debug)]
struct Times {
    connect: Duration,
    write: Duration,
    head: Duration,
    read: Duration,
}

impl Default for Times {
    fn default() -> Times {
        Times {
            connect: Duration::from_secs(10),
            write: Duration::from_secs(60),
            head: Duration::from_secs(60),
            read: Duration::from_secs(60),
        }
    }
}

fn pass<A>(request: &Request, config: ProxyConfig<A>, times: Times) -> Result<Response, Failure>
where
    A: ToSocketAddrs,
{
    // Before the body is taken, so that a second address can be tried with it.
    let mut upstream = Upstream::connect(config.addr, times).map_err(Failure::Upstream)?;
    let mut body = request.data().ok_or(Failure::Taken)?;
    let host = config.replace_host.as_deref();
    forward::send(request, host, &mut body, &mut upstream)?;
    let head = upstream.head()?;
    respond(head, upstream, request.method() == "HEAD", times)
}

/// The answer as it goes to the client: how its body travels there is decided by the server.
fn respond(
    head: ResponseHead,
    upstream: Upstream,
    to_head: bool,
    times: Times,
) -> Result<Response, Failure> {
    let length = response::length(&head).map_err(|_| Failure::Malformed)?;
    let data = match (length, to_head) {
        (ResponseLength::Nothing | ResponseLength::Known(0), _) => ResponseBody::empty(),
        // RFC 9110 §9.3.2: the fields of a response to HEAD are those of one to GET.
        (ResponseLength::Known(length), true) => {
            ResponseBody::from_reader_and_length(io::empty(), length)
        }
        (_, true) => ResponseBody::from_reader(io::empty()),
        (ResponseLength::Known(length), false) => {
            let (stream, received) = upstream.into_body();
            match usize::try_from(length) {
                // All of it came with the head: it can go out with that, too.
                Ok(length) if length <= received.len() => {
                    ResponseBody::from_data(&received[..length])
                }
                _ => {
                    let body = Body::new(stream, received, ResponseLength::Known(length));
                    let body = body.within(times.read).map_err(Failure::Upstream)?;
                    ResponseBody::from_reader_and_length(body, length)
                }
            }
        }
        (length, false) => {
            let (stream, received) = upstream.into_body();
            let body = Body::new(stream, received, length).within(times.read);
            ResponseBody::from_reader(body.map_err(Failure::Upstream)?)
        }
    };
    let hops = Hops::of(head.fields());
    let kept = head.fields().filter(|(name, _)| !hops.end(name));
    let headers = kept.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
    Ok(Response {
        status_code: head.status,
        headers: headers.collect(),
        data,
        upgrade: None,
    })
}

/// Reads until something else than an interruption comes of it. A wait that is over is `TimedOut`
/// everywhere: Unix says `WouldBlock`.
fn read_on(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buf) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Err(too_slow()),
            other => return other,
        }
    }
}

fn too_slow() -> io::Error {
    io::Error::new(ErrorKind::TimedOut, "the other server takes too long")
}

fn ended() -> io::Error {
    io::Error::new(
        ErrorKind::UnexpectedEof,
        "the other server ended before its answer did",
    )
}

#[cfg(test)]
mod tests;
