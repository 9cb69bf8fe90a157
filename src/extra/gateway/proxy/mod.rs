//! Reverse proxy: another HTTP/1 server answers the request.
//!
//! [`proxy`] forwards a request and returns the response of the other server, or an error. The
//! texts of errors call the other server *upstream*. [`full_proxy`] returns a response with status
//! 502 or 504 in place of most errors. A handler that calls one of them is a reverse proxy (a
//! *gateway*, RFC 9110 §3.7), for some or all of its requests:
//!
//! ```no_run
//! use millpond::proxy::{full_proxy, ProxyConfig};
//! use millpond::{Response, Server};
//! use std::error::Error;
//!
//! fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
//!     let server = Server::new("0.0.0.0:8080", |request| match request.header("Host") {
//!         Some("shop.example") => {
//!             let config = ProxyConfig { addr: "10.0.0.7:8080", replace_host: None };
//!             full_proxy(request, config).expect("this handler has not taken the body")
//!         }
//!         _ => Response::empty_404(),
//!     })?;
//!     server.run();
//!     Ok(())
//! }
//! ```
//!
//! # Forwarded fields
//!
//! Method, path and query are forwarded as received, except for a prefix that
//! [`remove_prefix`](crate::Request::remove_prefix) has removed. The fields are forwarded too,
//! except for these:
//!
//! | field | change |
//! |---|---|
//! | `Host` | kept or replaced; if missing (HTTP/1.0), set to the address of the other server |
//! | hop-by-hop: `Connection`, the fields it names, `TE`, `Upgrade` | removed (RFC 9110 §7.6.1) |
//! | `Content-Length`, `Transfer-Encoding` | replaced by one of them: the length if it is known |
//! | `Expect` | removed: the client gets its 100 (Continue) when its body is first read |
//! | `Forwarded`, `X-Real-IP`, all of `X-Forwarded-` | removed: any client can send them |
//! | `X-Forwarded-For` | set to the IP address of [`remote_addr`], or `unknown` for a Unix socket |
//! | `X-Forwarded-Proto` | set to `https` if [`is_secure`], else `http` |
//! | `X-Forwarded-Host` | set to the `Host` of the client |
//! | `Via` | one more field, `1.1 millpond` |
//! | `Proxy` | removed: CGI would turn it into `HTTP_PROXY` |
//!
//! [`remote_addr`]: crate::Request::remote_addr
//! [`is_secure`]: crate::Request::is_secure
//!
//! A field name with `_` in place of `-` counts as the same name, as it does for many servers. If
//! the other server is a millpond too, its [`Proxies::x_forwarded`](crate::Proxies::x_forwarded)
//! reads the three `X-Forwarded-` fields. If this server is itself behind a proxy, name that proxy
//! in [`Settings::proxies`](crate::Settings::proxies). The fields then contain the client that the
//! proxy names.
//!
//! Hop-by-hop fields of the response are removed too, and interim responses (1xx, at most 16)
//! are not forwarded. A change of protocol is not forwarded in either direction, so the
//! other server rejects a websocket.
//!
//! # Bodies
//!
//! Both bodies are streamed in pieces of up to 64 KiB, whatever their length. If the client
//! disconnects before the end of its body, the other server does not get a complete request. The
//! same holds for a response. The one exception is a body that ends with its connection, because an
//! early end looks like the end of the body. Such a body follows a response with neither length nor
//! coding, and for a client of HTTP/1.0 each response without a length.
//!
//! If the other server sends an error (400 and above) before the end of the request body, the rest
//! is not sent. Any other response waits until the body is sent, or until the other server has read
//! nothing for 60 s. So a server that echoes a large body while it reads, and therefore
//! stops reading, does not get the rest of the request. The head of a response is sent with the
//! first piece of its body, that of an event stream at once.
//!
//! # Time
//!
//! A worker of the pool waits for the other server, so [`pool_size`](crate::Server::pool_size)
//! limits the number of forwarded requests at once. The handler waits for the head, and the worker
//! for the body while it sends. Each wait has a limit:
//!
//! | wait | limit |
//! |---|---|
//! | connecting to all addresses of a name; the system limits its resolution | 10 s |
//! | until the other server reads more of the request | 60 s |
//! | for the complete head of the response, after the request is sent | 60 s |
//! | for more of the body of the response | 60 s |
//!
//! Each request has a connection of its own, without TLS, which ends with the response.
//!
//! # Trust
//!
//! The handler chooses the address of the other server. If an `addr` is derived from data of a
//! client, the client can reach every server that this one can reach. Responses are read as
//! strictly as requests. If two parsers could read a response differently (both lengths, bare LF,
//! folded lines), the result is a [`ProxyError::HttpParseError`]. A head of more than 64 KiB or 256
//! fields has the same result.
//!
//! # Performance
//!
//! The measurement used the machine of [performance](crate::guide::performance), busy with other
//! programs. wrk and the other server (millpond too) ran on the same two cores. `proxy` forwarded
//! 12,000 requests per second. nginx reached 10,000, or 22,000 to 32,000 with kept connections to
//! the other server. Bodies of 1 MiB had 0.9 to 1.1 GB/s, and 0.5 to 0.7 GB/s with nginx.
//!
//! Tests: `tests/it/extras/gateway` and `src/extra/gateway/proxy/tests.rs`; with nginx in
//! front and as the other server, `tests/proxies`.

// `forward` sends the request, `upstream` is the connection to the other server, `body` reads the
// body of its response, and `failure` has the errors.
mod body;
#[cfg(test)]
mod compat;
mod failure;
mod forward;
mod upstream;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs;

use self::body::ResponseLength;
use self::failure::Failure;
use self::upstream::{Timeouts, Upstream};
use super::request::HopByHop;
use super::response_head::ResponseHead;
use super::BODY_ALREADY_READ;
use crate::{Request, Response, ResponseBody};

/// The reason for which [`proxy`] has no response of the other server.
#[derive(Debug)]
pub enum ProxyError {
    /// The handler has already read the body of the request with
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
    /// The other server could not be reached, or failed before the end of its response head. The
    /// kind is `TimedOut` for a timeout, and `UnexpectedEof` for an incomplete head. An incomplete
    /// body of the client is `UnexpectedEof` too. The kind is `InvalidInput` for a request that
    /// cannot be forwarded, which a client cannot send.
    IoError(io::Error),
    /// The other server sent an invalid response.
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
            ProxyError::BodyAlreadyExtracted => f.write_str(BODY_ALREADY_READ),
            ProxyError::IoError(error) => write!(f, "cannot forward request: {error}"),
            ProxyError::HttpParseError => f.write_str("invalid response from upstream server"),
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

/// The other server, and the `Host` to send.
///
/// ```
/// use millpond::proxy::ProxyConfig;
///
/// let config = ProxyConfig { addr: ("localhost", 8080), replace_host: Some("inner".into()) };
/// ```
#[derive(Clone, Debug)]
pub struct ProxyConfig<A> {
    /// The address to connect to, for example `example.com:80`. If a name has several addresses,
    /// they are tried in turn.
    pub addr: A,
    /// The value of `Host`. `None` keeps the value of the client.
    pub replace_host: Option<Cow<'static, str>>,
}

/// Forwards the request, and returns the response of the other server.
///
/// The function returns after the head of the response. The server reads the body while it sends
/// the response. The [module documentation](self) lists the forwarded fields and the timeouts.
///
/// If there is no connection, the body stays in the request, so another address can be tried.
///
/// # Errors
///
/// Returns a [`ProxyError`] if there is no response head. After the head, an error closes the
/// connection to the client before the end of the body.
///
/// ```
/// use millpond::proxy::{proxy, ProxyConfig, ProxyError};
/// use millpond::{Request, Response};
///
/// fn first_of_two(request: &Request) -> Response {
///     for addr in ["127.0.0.1:1", "127.0.0.1:2"] {
///         match proxy(request, ProxyConfig { addr, replace_host: None }) {
///             Ok(response) => return response,
///             Err(ProxyError::IoError(_)) => {} // try the next one
///             Err(_) => break,
///         }
///     }
///     Response::text("no server available").with_status_code(502)
/// }
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// assert_eq!(first_of_two(&request).status_code, 502);
/// ```
pub fn proxy<A>(request: &Request, config: ProxyConfig<A>) -> Result<Response, ProxyError>
where
    A: ToSocketAddrs,
{
    forward_request(request, config, Timeouts::default()).map_err(|failure| match failure {
        Failure::BodyTaken => ProxyError::BodyAlreadyExtracted,
        Failure::Client(error) | Failure::Upstream(error) => ProxyError::IoError(error),
        Failure::MalformedResponse => ProxyError::HttpParseError,
    })
}

/// The reason for which [`full_proxy`] has no response.
#[derive(Debug)]
pub enum FullProxyError {
    /// The handler has already read the body of the request with
    /// [`Request::data`](crate::Request::data).
    BodyAlreadyExtracted,
}

impl fmt::Display for FullProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FullProxyError::BodyAlreadyExtracted => f.write_str(BODY_ALREADY_READ),
        }
    }
}

impl Error for FullProxyError {}

/// Forwards the request as [`proxy`] does, and returns a response for each failure outside of the
/// handler.
///
/// | status | failure |
/// |---|---|
/// | 504 | the other server exceeded a timeout |
/// | 502 | the other server cannot be reached, or its response is invalid |
/// | 400 | the client did not send its complete body |
///
/// # Errors
///
/// Returns an error if the handler has already read the body. This is a bug in the handler, so
/// `unwrap` or `expect` is appropriate.
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
    with_error_response(forward_request(request, config, Timeouts::default()))
}

/// Replaces each failure outside of the handler with a response.
fn with_error_response(result: Result<Response, Failure>) -> Result<Response, FullProxyError> {
    let (code, text) = match result {
        Ok(response) => return Ok(response),
        Err(Failure::BodyTaken) => return Err(FullProxyError::BodyAlreadyExtracted),
        Err(Failure::Client(_)) => (400, "Bad Request"),
        Err(Failure::Upstream(error)) if error.kind() == ErrorKind::TimedOut => {
            (504, "Gateway Timeout")
        }
        Err(Failure::Upstream(_) | Failure::MalformedResponse) => (502, "Bad Gateway"),
    };
    Ok(Response::text(text).with_status_code(code))
}

fn forward_request<A>(
    request: &Request,
    config: ProxyConfig<A>,
    timeouts: Timeouts,
) -> Result<Response, Failure>
where
    A: ToSocketAddrs,
{
    // The connection comes first: without one, the caller can try another address with the body.
    let mut upstream = Upstream::connect(config.addr, timeouts).map_err(Failure::Upstream)?;
    let mut body = request.data().ok_or(Failure::BodyTaken)?;
    let host = config.replace_host.as_deref();
    forward::send(request, host, &mut body, &mut upstream)?;
    let head = upstream.head()?;
    to_response(head, upstream, request.method() == "HEAD", timeouts)
}

/// Returns the response for the client. The server decides the framing of its body.
fn to_response(
    head: ResponseHead,
    upstream: Upstream,
    to_head: bool,
    timeouts: Timeouts,
) -> Result<Response, Failure> {
    let length = body::length(&head).map_err(|_| Failure::MalformedResponse)?;
    let data = match (length, to_head) {
        (ResponseLength::None | ResponseLength::Known(0), _) => ResponseBody::empty(),
        // RFC 9110 §9.3.2: the fields of a response to HEAD are those of one to GET.
        (ResponseLength::Known(length), true) => {
            ResponseBody::from_reader_and_length(io::empty(), length)
        }
        (_, true) => ResponseBody::from_reader(io::empty()),
        (length, false) => {
            let (stream, received) = upstream.into_parts();
            body::read(stream, received, length, timeouts.read).map_err(Failure::Upstream)?
        }
    };
    let hop_by_hop = HopByHop::of(head.fields());
    let kept = head.fields().filter(|(name, _)| !hop_by_hop.has(name));
    let headers = kept.map(|(name, value)| (name.to_owned().into(), value.to_owned().into()));
    Ok(Response {
        status_code: head.status,
        headers: headers.collect(),
        data,
        upgrade: None,
    })
}

#[cfg(test)]
mod tests;
