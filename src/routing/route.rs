//! [`Route`]: a method, a pattern and a handler. A route knows no other route.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::pattern::{Pattern, Segment};
use crate::message::syntax::bytes::is_token;
use crate::message::{Request, Response};

/// The method of a route for every method. A request may have this method, as `*` is a token; the
/// route is for that request too.
pub(crate) const ANY: &str = "*";

/// A function that answers a request.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// A method and a path pattern, and the handler that answers the requests that match both.
///
/// ```no_run
/// use millpond::{Response, Route, Router};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let router = Router::default();
///     router.add(Route::get("/users/{id}").onconnect(|request| {
///         Response::text(format!("user {}", request.param("id").unwrap_or("?")))
///     }));
///     router.add(Route::post("/users").onconnect(|_| Response::empty_204()));
///     let server = router.serve_managed(([127, 0, 0, 1], 8080))?;
///     println!("http://{}/users/7; press Enter to stop", server.addr());
///     std::io::stdin().read_line(&mut String::new())?;
///     println!("{}", server.stop());
///     Ok(())
/// }
/// ```
///
/// A route is also exported as `ServerMechanism`. A clone is another handle to the same route.
///
/// A pattern consists of literal segments, `{name}` for one segment that is not empty, and at the
/// end `{name...}` for the rest of the path. Segments are percent-decoded one by one, so a `%2F`
/// stays inside its segment. A slash at the end counts: `/a` and `/a/` are two patterns.
///
/// # Example: the rest of a path
///
/// ```
/// use millpond::{Request, Response, Route, Router};
///
/// let router = Router::default();
/// router.add(Route::put("/files/{path...}").onconnect(|request| {
///     assert_eq!(request.param("path"), Some("a/b.txt"));
///     Response::empty_204()
/// }));
///
/// let request = Request::fake_http("PUT", "/files/a/b.txt", vec![], vec![]);
/// assert_eq!(router.handle(&request).status_code, 204);
/// ```
#[must_use = "a route has no effect until a router has it"]
#[derive(Clone)]
pub struct Route(Arc<Inner>); // Shared: a removed route exists as long as its handler runs.

struct Inner {
    method: Cow<'static, str>,
    pattern: Pattern,
    handler: Box<Handler>,
}

/// A route without a handler, which [`onconnect`](RouteBuilder::onconnect) adds.
#[must_use = "a route needs a handler: `.onconnect(|request| ..)`"]
#[derive(Debug)]
pub struct RouteBuilder {
    method: Cow<'static, str>,
    pattern: Pattern,
}

/// The error of a malformed method or pattern of a route. The message names the method or the
/// pattern, and the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteError(String);

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for RouteError {}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident $method:expr;)*) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        ///
        /// Panics if `pattern` is malformed, with a message that names the problem.
        #[track_caller] // A malformed pattern is reported at the line that contains it.
        pub fn $name(pattern: impl AsRef<str>) -> RouteBuilder {
            // Not in a closure: the panic would be reported at the closure's line.
            match RouteBuilder::new(Cow::Borrowed($method), pattern.as_ref()) {
                Ok(builder) => builder,
                Err(error) => panic!("{error}"),
            }
        }
    )*};
}

impl Route {
    constructors! {
        /// Begins a route for GET, and for HEAD unless there is a HEAD route.
        get "GET";
        /// Begins a route for POST.
        post "POST";
        /// Begins a route for PUT.
        put "PUT";
        /// Begins a route for DELETE.
        delete "DELETE";
        /// Begins a route for PATCH.
        patch "PATCH";
        /// Begins a route for HEAD. Without one, the GET route answers, without its body.
        head "HEAD";
        /// Begins a route for OPTIONS. Without one, the router answers 204 with `Allow`.
        options "OPTIONS";
        /// Begins a route for every method without a route of its own on the same pattern.
        any ANY;
    }

    /// Begins a route for any method, for example one without a constructor here.
    ///
    /// ```
    /// use millpond::{Response, Route};
    ///
    /// let route = Route::on("PROPFIND", "/dav/{path...}").onconnect(|_| Response::empty_404());
    /// assert_eq!((route.method(), route.pattern()), ("PROPFIND", "/dav/{path...}"));
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if `method` is not a token (RFC 9110 §9.1) or `pattern` is malformed.
    #[track_caller]
    pub fn on(method: impl Into<String>, pattern: impl AsRef<str>) -> RouteBuilder {
        match Route::try_on(method, pattern) {
            Ok(builder) => builder,
            Err(error) => panic!("{error}"),
        }
    }

    /// Begins a route like [`on`](Route::on), for methods and patterns that are known only when the
    /// program runs, for example from a file.
    ///
    /// # Errors
    ///
    /// Returns an error if `method` is not a token (RFC 9110 §9.1) or `pattern` is malformed.
    ///
    /// ```
    /// use millpond::Route;
    ///
    /// assert!(Route::try_on("GET", "/users/{id}").is_ok());
    /// let error = Route::try_on("GET", "users").unwrap_err();
    /// assert_eq!(error.to_string(), "invalid route pattern \"users\": expected `/` at start");
    /// ```
    pub fn try_on(
        method: impl Into<String>,
        pattern: impl AsRef<str>,
    ) -> Result<RouteBuilder, RouteError> {
        let method = method.into();
        if !is_token(&method) {
            return Err(RouteError(format!(
                "invalid route method {method:?}: not a token"
            )));
        }
        RouteBuilder::new(Cow::Owned(method), pattern.as_ref())
    }

    /// Returns the method, or `*` for [`Route::any`].
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Returns the pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.0.pattern.text()
    }

    pub(crate) fn parsed(&self) -> &Pattern {
        &self.0.pattern
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        self.0.pattern.segments()
    }

    /// Orders by the precedence of the patterns, then by method, as a router's vector. `Equal`
    /// means that one of the two replaces the other.
    pub(crate) fn precedence_to(&self, method: &str, pattern: &Pattern) -> Ordering {
        self.parsed()
            .precedence(pattern)
            .then_with(|| self.method().cmp(method))
    }

    /// Runs the handler. A route without parameters passes the request on unchanged.
    pub(crate) fn call(&self, request: &Request) -> Response {
        let params = self.parsed().params(request.raw_path());
        if params.is_empty() {
            return (self.0.handler)(request);
        }
        (self.0.handler)(&request.with_params(params))
    }
}

impl RouteBuilder {
    fn new(method: Cow<'static, str>, pattern: &str) -> Result<RouteBuilder, RouteError> {
        let pattern = Pattern::parse(pattern).map_err(RouteError)?;
        Ok(RouteBuilder { method, pattern })
    }

    /// Completes the route: `handler` runs for every request that matches, on many threads at once.
    /// The handler may change the router that called it.
    ///
    /// ```
    /// use millpond::{reply, Route};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let visits = AtomicU64::new(0);
    /// let route = Route::get("/visits").onconnect(move |_| {
    ///     reply!(json => visits.fetch_add(1, Ordering::Relaxed) + 1)
    /// });
    /// assert_eq!((route.method(), route.pattern()), ("GET", "/visits"));
    /// ```
    pub fn onconnect<F>(self, handler: F) -> Route
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        Route(Arc::new(Inner {
            method: self.method,
            pattern: self.pattern,
            handler: Box::new(handler),
        }))
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.pattern())
    }
}
