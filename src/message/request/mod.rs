//! What a client asks: a received head, its body, and what routing found in its path. It knows no
//! socket: the server fills its [`Parts`], a test makes one up with [`Request::fake_http`].

mod fake;
pub(crate) mod head;
pub(crate) mod headers;

use self::head::{Head, Version};
use self::headers::HeadersIter;
use super::body::RequestBody;
use super::syntax::percent;
use crate::util::net::unix_peer;
use std::fmt;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// A request to answer.
///
/// A handler gets one from the server; a test makes one with [`Request::fake_http`], and calls the
/// handler with it, no socket needed:
///
/// ```
/// use millpond::{Request, Response};
///
/// fn greet(request: &Request) -> Response {
///     let name = request.get_param("name").unwrap_or_else(|| "world".to_owned());
///     Response::text(format!("hello {name}"))
/// }
///
/// let request = Request::fake_http("GET", "/greet?name=Ann+Lee", vec![], vec![]);
/// let (mut body, _) = greet(&request).data.into_reader_and_size();
/// let mut text = String::new();
/// body.read_to_string(&mut text)?;
/// assert_eq!(text, "hello Ann Lee");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Request {
    /// Shared with the requests that `remove_prefix` and the routing make of this one.
    parts: Arc<Parts>,
    /// Where the target begins for this request: behind the prefixes removed, else 0. Always a
    /// character boundary of the target, within its path.
    start: usize,
    /// Name and decoded value; an inner router's stand before those of the router around it.
    params: Vec<(String, String)>,
}

/// What the server fills in for one request and all its views share.
pub(crate) struct Parts {
    pub head: Head,
    pub peer_addr: SocketAddr,
    /// Whom a trusted proxy speaks for.
    pub client: Option<SocketAddr>,
    pub secure: bool,
    /// Guards that one caller gets the body, whichever thread or view asks first.
    body: Mutex<Option<Box<dyn Read + Send>>>,
}

impl Parts {
    fn new(peer_addr: SocketAddr) -> Parts {
        Parts {
            head: Head::default(),
            peer_addr,
            client: None,
            secure: false,
            // Nothing is allocated for an empty reader: it has no fields.
            body: Mutex::new(Some(Box::new(io::empty()))),
        }
    }

    pub(crate) fn set_body(&mut self, reader: Box<dyn Read + Send>) {
        let body = self.body.get_mut();
        *body.unwrap_or_else(PoisonError::into_inner) = Some(reader);
    }
}

impl Request {
    /// The same request without `prefix` at the front of its path, if its decoded path begins with
    /// it: to hand a subtree to a handler that does not know where it is mounted.
    ///
    /// The prefix is compared with the decoded path, so `/%73tatic/x` has the prefix `/static`. The
    /// two requests share one body.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/static/a%20b.css?v=2", vec![], vec![]);
    /// let inner = request.remove_prefix("/static").expect("the path begins with it");
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

    /// Whether the request came over TLS. The server itself speaks plain HTTP, so this is `false`
    /// unless a proxy says otherwise that is trusted to ([`Proxies`](crate::Proxies)).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert!(!Request::fake_http("GET", "/", vec![], vec![]).is_secure());
    /// ```
    pub fn is_secure(&self) -> bool {
        self.parts.secure
    }

    /// The method as the client wrote it: `GET`, `POST`. Methods are case-sensitive (RFC 9110
    /// §9.1).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// assert_eq!(Request::fake_http("PUT", "/", vec![], vec![]).method(), "PUT");
    /// ```
    pub fn method(&self) -> &str {
        self.parts.head.method()
    }

    /// Path and query as the client wrote them, escapes not decoded. See [`url`](Request::url).
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/hello%20world?foo=bar", vec![], vec![]);
    /// assert_eq!(request.raw_url(), "/hello%20world?foo=bar");
    /// ```
    pub fn raw_url(&self) -> &str {
        &self.parts.head.target()[self.start..]
    }

    /// What follows the first `?` of the raw URL, escapes not decoded; empty if nothing does.
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

    /// The path: escapes decoded, the query left off. What is not UTF-8 becomes U+FFFD.
    ///
    /// `%2F` becomes a `/` like any other; where the difference matters, as in a file name that
    /// holds a slash, take a path parameter of a route ([`param`](Request::param)).
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

    /// The value of a query parameter, decoded (`+` is a space, `%41` an `A`); the first one if
    /// there are several of that name. A parameter without `=` has the value `""`.
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
            // rouille compares the name as it is written; callers that escape it go on working.
            .find(|(name, _)| *name == param_name || percent::decode_form(name) == param_name)
            .map(|(_, value)| percent::decode_form(value).into_owned())
    }

    /// The value of a path parameter of the route that matched, decoded.
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

    /// The value of a header field, the first one if there are several of that name. The name
    /// ignores case.
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
        self.parts.head.get(key)
    }

    /// All header fields, in the order they came, duplicates kept.
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
        HeadersIter::new(&self.parts.head)
    }

    /// What the `DNT` (do not track) header says: `Some(true)` for `1`, `Some(false)` for `0`,
    /// `None` without the header or for anything else in it.
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

    /// The body, to be read once: the first call has it (an empty one if the request brings none),
    /// every later call gets `None`.
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
        self.take_body().map(RequestBody::new)
    }

    /// The address of the client: of the other end of the connection or, if that is a proxy that is
    /// trusted ([`Proxies`](crate::Proxies)), the one that it speaks for. The port is 0 where the
    /// proxy told none.
    ///
    /// A client of IPv4 has its own address, `192.0.2.7`, also where the server listens on `[::]`,
    /// so that rules about addresses need not care. One at the other end of a Unix socket has none:
    /// it is `0.0.0.0:0`, which is nobody's address and not a loopback one; see
    /// [`is_unix`](Request::is_unix).
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

    /// The address of the other end of the connection, whoever it speaks for.
    ///
    /// ```
    /// use millpond::Request;
    ///
    /// let request = Request::fake_http("GET", "/", vec![], vec![]);
    /// assert_eq!(request.peer_addr(), request.remote_addr()); // nobody in between
    /// ```
    pub fn peer_addr(&self) -> &SocketAddr {
        &self.parts.peer_addr
    }

    /// Whether the client is at the other end of a Unix socket, and so on this machine: nobody else
    /// has [that address](Request::remote_addr). It may be a proxy that tells of no client, or that
    /// is not [trusted](crate::Proxies).
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

/// What the server and the routing use.
impl Request {
    /// A request with nothing in it, for [`renew`](Request::renew) to fill.
    pub(crate) fn blank() -> Request {
        Request {
            parts: Arc::new(Parts::new(([0, 0, 0, 0], 0).into())),
            start: 0,
            params: Vec::new(),
        }
    }

    /// The parts, emptied for the next request of the connection: the head keeps its capacity, the
    /// address stays. Allocates only where something still holds the old ones.
    pub(crate) fn renew(&mut self) -> &mut Parts {
        self.start = 0;
        self.params.clear();
        if Arc::get_mut(&mut self.parts).is_none() {
            self.parts = Arc::new(Parts::new(self.parts.peer_addr));
        }
        let parts = Arc::get_mut(&mut self.parts).expect("nothing else holds the parts by now");
        parts.head.clear();
        parts.client = None;
        parts.secure = false;
        parts.set_body(Box::new(io::empty()));
        parts
    }

    /// The same request with more path parameters, which win over those it has.
    pub(crate) fn with_params(&self, mut params: Vec<(String, String)>) -> Request {
        params.extend_from_slice(&self.params);
        Request {
            parts: Arc::clone(&self.parts),
            start: self.start,
            params,
        }
    }

    /// The target as the client wrote it, and how much of its front was removed as a prefix.
    pub(crate) fn whole_target(&self) -> (&str, usize) {
        (self.parts.head.target(), self.start)
    }

    pub(crate) fn version(&self) -> Version {
        self.parts.head.version
    }

    /// The path, escapes not decoded: what a route's segments are matched with.
    pub(crate) fn raw_path(&self) -> &str {
        let url = self.raw_url();
        url.split_once('?').map_or(url, |(path, _)| path)
    }

    pub(crate) fn take_body(&self) -> Option<Box<dyn Read + Send>> {
        let body = self.parts.body.lock();
        body.unwrap_or_else(PoisonError::into_inner).take()
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
