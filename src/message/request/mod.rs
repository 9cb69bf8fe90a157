//! The request: a received head, its body, and the path parameters of the route.
//!
//! * `head`: the head as one text with spans
//! * `headers`: the iterator over the header fields
//! * `fake`: requests made up for tests
//!
//! The module knows no socket: the server fills the [`Parts`]. The body has a lock, because two
//! threads may take the body at once.

mod fake;
pub(crate) mod head;
pub(crate) mod headers;

use self::head::Head;
use self::headers::HeadersIter;
use super::body::RequestBody;
use super::syntax::percent;
use crate::util::lock::lock;
use crate::util::net::unix_peer;
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// A request of a client.
///
/// The server calls the handler with a request. This program answers
/// `http://127.0.0.1:8080/greet?name=Ann` with `hello Ann`:
///
/// ```no_run
/// use millpond::{Request, Response, Server};
/// use std::error::Error;
///
/// fn greet(request: &Request) -> Response {
///     let name = request.get_param("name").unwrap_or_else(|| "world".to_owned());
///     Response::text(format!("hello {name}"))
/// }
///
/// fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
///     let server = Server::new("127.0.0.1:8080", greet)?;
///     println!("http://{}/greet?name=Ann", server.server_addr());
///     server.run();
///     Ok(())
/// }
/// ```
///
/// # Example: test a handler
///
/// A test makes up a request with [`Request::fake_http`] and calls the handler without a socket:
///
/// ```
/// # use millpond::{Request, Response};
/// # fn greet(request: &Request) -> Response {
/// #     let name = request.get_param("name").unwrap_or_else(|| "world".to_owned());
/// #     Response::text(format!("hello {name}"))
/// # }
/// let request = Request::fake_http("GET", "/greet?name=Ann+Lee", vec![], vec![]);
/// let (mut body, _) = greet(&request).data.into_reader_and_size();
/// let mut text = String::new();
/// body.read_to_string(&mut text)?;
/// assert_eq!(text, "hello Ann Lee");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Request {
    /// Shared with the requests that `remove_prefix` and the routing derive from this one.
    parts: Arc<Parts>,
    /// The index in the target at which this request begins: after the removed prefixes, or 0. The
    /// index is a character boundary within the path.
    start: usize,
    /// Names and decoded values. Those of an inner router precede those of the outer router.
    params: Vec<(String, String)>,
}

/// The content of a request, which the server fills and all views share.
pub(crate) struct Parts {
    pub(crate) head: Head,
    pub(crate) peer_addr: SocketAddr,
    /// The address of the client that a trusted proxy names.
    pub(crate) client: Option<SocketAddr>,
    pub(crate) secure: bool,
    /// Guards the reader, so that exactly one caller takes it: the first one, in any thread and
    /// through any view.
    body: Mutex<Option<Box<dyn Read + Send>>>,
}

impl Parts {
    fn new(peer_addr: SocketAddr) -> Parts {
        Parts {
            head: Head::default(),
            peer_addr,
            client: None,
            secure: false,
            // `Box` allocates nothing for a type without fields.
            body: Mutex::new(Some(Box::new(io::empty()))),
        }
    }

    pub(crate) fn set_body(&mut self, reader: Box<dyn Read + Send>) {
        self.body = Mutex::new(Some(reader));
    }
}

impl Request {
    /// Returns the same request without `prefix` at the front of its path, or `None` if the decoded
    /// path does not begin with `prefix`. Use this to pass a subtree to a handler that does not
    /// know its own prefix.
    ///
    /// The prefix is compared with the decoded path, so `/%73tatic/x` has the prefix `/static`.
    /// Both requests share one body.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/static/a%20b.css?v=2", vec![], vec![]);
    /// let inner = request.remove_prefix("/static").expect("a path with this prefix");
    /// assert_eq!(inner.url(), "/a b.css");
    /// assert_eq!(inner.raw_url(), "/a%20b.css?v=2");
    /// assert!(inner.remove_prefix("/b").is_none());
    /// ```
    pub fn remove_prefix(&self, prefix: &str) -> Option<Request> {
        let len = percent::prefix_len(self.raw_path(), prefix)?;
        Some(Request {
            parts: Arc::clone(&self.parts),
            start: self.start + len,
            params: self.params.clone(),
        })
    }

    /// Returns whether the client used TLS. The server itself has no TLS, so this is `true` only if
    /// a trusted proxy ([`Settings::proxies`](crate::Settings::proxies)) reports TLS.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert!(!Request::fake_http("GET", "/", vec![], vec![]).is_secure());
    /// ```
    pub fn is_secure(&self) -> bool {
        self.parts.secure
    }

    /// Returns the method as received: `GET`, `POST`. Methods are case-sensitive (RFC 9110 §9.1).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert_eq!(Request::fake_http("PUT", "/", vec![], vec![]).method(), "PUT");
    /// ```
    pub fn method(&self) -> &str {
        self.head().method()
    }

    /// Returns path and query as received: escapes are not decoded. See [`url`](Request::url) for
    /// the decoded path.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/hello%20world?foo=bar", vec![], vec![]);
    /// assert_eq!(request.raw_url(), "/hello%20world?foo=bar");
    /// ```
    pub fn raw_url(&self) -> &str {
        &self.head().target()[self.start..]
    }

    /// Returns the part of the raw URL after the first `?`, or an empty text. Escapes are not
    /// decoded.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/search?q=a%26b&page=2", vec![], vec![]);
    /// assert_eq!(request.raw_query_string(), "q=a%26b&page=2");
    /// ```
    pub fn raw_query_string(&self) -> &str {
        self.raw_url()
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    /// Returns the path without the query, with its escapes decoded. Bytes that are not UTF-8
    /// become U+FFFD.
    ///
    /// `%2F` becomes a `/` that looks like any other. If the difference matters, as in a name that
    /// contains a slash, use a path parameter of a route ([`param`](Request::param)).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/hello%20world?foo=bar", vec![], vec![]);
    /// assert_eq!(request.url(), "/hello world");
    /// ```
    pub fn url(&self) -> String {
        percent::decode(self.raw_path()).into_owned()
    }

    /// Returns the decoded value of a query parameter: `+` becomes a space, and `%41` becomes `A`.
    /// Returns the first value if several parameters have that name, and `None` if no parameter has
    /// the name. A parameter without `=` has the value `""`.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/?q=tea+%26+cake&q=no&draft", vec![], vec![]);
    /// assert_eq!(request.get_param("q").as_deref(), Some("tea & cake"));
    /// assert_eq!(request.get_param("draft").as_deref(), Some(""));
    /// assert_eq!(request.get_param("page"), None);
    /// ```
    pub fn get_param(&self, param_name: &str) -> Option<String> {
        let pairs = self.raw_query_string().split('&').filter(|p| !p.is_empty());
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            // rouille compares the name as it is written. Without the first comparison, a caller
            // that passes an escaped name would no longer find its value.
            .find(|(name, _)| *name == param_name || percent::decode_form(name) == param_name)
            .map(|(_, value)| percent::decode_form(value).into_owned())
    }

    /// Returns the decoded value of a path parameter of the matched route, or `None` if the route
    /// has no parameter of that name.
    ///
    /// ```
    /// use millpond::{Request, Response};
    ///
    /// // Registered for "/users/{id}".
    /// fn show(request: &Request) -> Response {
    ///     match request.param("id") {
    ///         Some(id) => Response::text(format!("user {id}")),
    ///         None => Response::empty_404(),
    ///     }
    /// }
    /// # assert_eq!(show(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 404);
    /// ```
    pub fn param(&self, name: &str) -> Option<&str> {
        let param = self.params.iter().find(|(key, _)| key == name);
        param.map(|(_, value)| value.as_str())
    }

    /// Returns the value of a header field, or the first value if several fields have that name.
    /// Names ignore case.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let headers = vec![("Content-Type".into(), "text/plain".into())];
    /// let request = Request::fake_http("POST", "/", headers, vec![]);
    /// assert_eq!(request.header("content-type"), Some("text/plain"));
    /// assert_eq!(request.header("Accept"), None);
    /// ```
    pub fn header(&self, key: &str) -> Option<&str> {
        self.head().get(key)
    }

    /// Returns an iterator over all header fields, in the order of their arrival, duplicates
    /// included.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let headers = vec![("Accept".into(), "*/*".into()), ("DNT".into(), "1".into())];
    /// let request = Request::fake_http("GET", "/", headers, vec![]);
    /// let names: Vec<&str> = request.headers().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["Accept", "DNT"]);
    /// ```
    pub fn headers(&self) -> HeadersIter<'_> {
        HeadersIter::new(self.head())
    }

    /// Returns the value of the `DNT` (do not track) header: `Some(true)` for `1`, `Some(false)`
    /// for `0`. Returns `None` without the header and for any other value.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/", vec![("DNT".into(), "1".into())], vec![]);
    /// assert_eq!(request.do_not_track(), Some(true));
    /// ```
    pub fn do_not_track(&self) -> Option<bool> {
        match self.header("DNT") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        }
    }

    /// Returns the body on the first call, and `None` on every later call. The body of a request
    /// without one is empty.
    ///
    /// ```
    /// use millpond::{Request, Response};
    /// use std::io::Read;
    ///
    /// fn echo(request: &Request) -> Response {
    ///     let mut bytes = Vec::new();
    ///     match request.data().map(|mut body| body.read_to_end(&mut bytes)) {
    ///         Some(Ok(_)) => Response::from_data("application/octet-stream", bytes),
    ///         _ => Response::empty_400(),
    ///     }
    /// }
    ///
    /// let request = Request::fake_http("POST", "/", vec![], b"ping".to_vec());
    /// assert_eq!(echo(&request).status_code, 200);
    /// assert!(request.data().is_none());
    /// ```
    pub fn data(&self) -> Option<RequestBody<'_>> {
        lock(&self.parts.body).take().map(RequestBody::new)
    }

    /// Returns the address of the client. This is the other end of the connection or, if that is a
    /// trusted proxy ([`Settings::proxies`](crate::Settings::proxies)), the client that the proxy
    /// names. The port is 0 if the proxy names no port.
    ///
    /// An IPv4 client has the address `192.0.2.7`, not `::ffff:192.0.2.7`, even if the server
    /// listens on `[::]`. Rules about addresses therefore need one spelling only. A client of a
    /// Unix socket has no address. The method then returns `0.0.0.0:0`, which is no loopback
    /// address and which no client can have; see [`is_unix`](Request::is_unix).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/", vec![], vec![]);
    /// assert!(request.remote_addr().ip().is_loopback());
    /// ```
    pub fn remote_addr(&self) -> &SocketAddr {
        let parts = &*self.parts;
        parts.client.as_ref().unwrap_or(&parts.peer_addr)
    }

    /// Returns the address of the other end of the connection: the client or a proxy.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/", vec![], vec![]);
    /// assert_eq!(request.peer_addr(), request.remote_addr()); // no proxy
    /// ```
    pub fn peer_addr(&self) -> &SocketAddr {
        &self.parts.peer_addr
    }

    /// Returns whether the client is at the other end of a Unix socket, and therefore on this
    /// machine. That client may be a proxy that names no client, or a proxy that is
    /// not [trusted](crate::Settings::proxies).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert!(!Request::fake_http("GET", "/", vec![], vec![]).is_unix());
    /// let unix = ([0, 0, 0, 0], 0).into();
    /// assert!(Request::fake_http_from(unix, "GET", "/", vec![], vec![]).is_unix());
    /// ```
    pub fn is_unix(&self) -> bool {
        *self.remote_addr() == unix_peer()
    }
}

/// Methods for the server and the routing.
impl Request {
    /// Returns an empty request. The server fills the parts that [`renew`](Request::renew) returns.
    pub(crate) fn blank() -> Request {
        Request {
            parts: Arc::new(Parts::new(unix_peer())),
            start: 0,
            params: Vec::new(),
        }
    }

    /// Empties the request for the next one of the connection, and returns its parts. The head
    /// keeps its capacity, and the peer address stays. Allocates only if another view still holds
    /// the old parts.
    pub(crate) fn renew(&mut self) -> &mut Parts {
        self.start = 0;
        self.params.clear();
        // The count is exact here: no `Weak` exists, and only this view could be cloned. Asking
        // `get_mut` twice would cost pipelined requests 1 % of their rate.
        if Arc::strong_count(&self.parts) != 1 {
            self.parts = Arc::new(Parts::new(self.parts.peer_addr));
        }
        let parts = Arc::get_mut(&mut self.parts).expect("no other view holds the parts");
        parts.head.clear();
        parts.client = None;
        parts.secure = false;
        parts.set_body(Box::new(io::empty()));
        parts
    }

    /// Returns the same request with more path parameters, which precede those it has.
    pub(crate) fn with_params(&self, mut params: Vec<(String, String)>) -> Request {
        params.extend_from_slice(&self.params);
        Request {
            parts: Arc::clone(&self.parts),
            start: self.start,
            params,
        }
    }

    pub(crate) fn head(&self) -> &Head {
        &self.parts.head
    }

    /// Returns the path with its escapes not decoded. Routes match their segments with this.
    pub(crate) fn raw_path(&self) -> &str {
        let url = self.raw_url();
        url.split_once('?').map_or(url, |(path, _)| path)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method())
            .field("raw_url", &self.raw_url())
            .field("headers", &self.headers())
            .field("params", &self.params)
            .field("secure", &self.is_secure())
            .field("remote_addr", self.remote_addr())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
