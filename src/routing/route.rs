//! A route: a method, a pattern and the handler they lead to. It knows no other route.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::pattern::{Pattern, Segment};
use crate::message::syntax::bytes::is_token;
use crate::message::{Request, Response};

/// The method of a route that takes every method. A request could carry it, as `*` is a token; such
/// a request is one of the "every", so nothing is confused.
pub(crate) const ANY: &str = "*";

/// What answers a request.
pub(crate) type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// A method and a path pattern, and the handler that answers what they match.
///
/// Also exported as `ServerMechanism`. A clone is another handle on the same route.
///
/// Patterns are literal segments, `{name}` for one segment that is not empty, and at the end
/// `{name...}` for all that is left. Segments are percent-decoded one by one, so a `%2F` stays
/// inside its segment. A slash at the end counts: `/a` and `/a/` are two patterns.
///
/// # Example: parameters
///
/// ```
/// use millpond::{Request, Response, Route, Router};
///
/// let mut router = Router::default();
/// router
///     .mechanism(Route::get("/users/{id}").onconnect(|request| {
///         Response::text(format!("user {}", request.param("id").unwrap_or("?")))
///     }))
///     .mechanism(Route::put("/files/{path...}").onconnect(|request| {
///         assert_eq!(request.param("path"), Some("a/b.txt"));
///         Response::empty_204()
///     }));
///
/// let request = Request::fake_http("PUT", "/files/a/b.txt", vec![], vec![]);
/// assert_eq!(router.handle(&request).status_code, 204);
/// ```
#[derive(Clone)]
pub struct Route(Arc<Inner>); // Shared: a removed route lives on while its handler still runs.

struct Inner {
    method: Cow<'static, str>,
    pattern: Pattern,
    handler: Box<Handler>,
}

/// A route that still lacks its handler; [`onconnect`](RouteBuilder::onconnect) gives it one.
#[must_use = "a route needs a handler: `.onconnect(|request| ..)`"]
#[derive(Debug)]
pub struct RouteBuilder {
    method: Cow<'static, str>,
    pattern: Pattern,
}

/// What is wrong with a route's method or pattern, as a sentence for the one who wrote it.
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
        /// If `pattern` is malformed; the message says how.
        #[track_caller] // A malformed pattern is reported at the line that holds it.
        pub fn $name(pattern: impl AsRef<str>) -> RouteBuilder {
            // Not in a closure, which would be where the panic is reported.
            match RouteBuilder::new(Cow::Borrowed($method), pattern.as_ref()) {
                Ok(builder) => builder,
                Err(error) => panic!("{error}"),
            }
        }
    )*};
}

impl Route {
    constructors! {
        /// Begins a route for GET, and for HEAD where no route of its own takes it.
        get "GET";
        /// Begins a route for POST.
        post "POST";
        /// Begins a route for PUT.
        put "PUT";
        /// Begins a route for DELETE.
        delete "DELETE";
        /// Begins a route for PATCH.
        patch "PATCH";
        /// Begins a route for HEAD. Without one the GET route answers, its body left out.
        head "HEAD";
        /// Begins a route for OPTIONS. Without one the router answers 204 with `Allow`.
        options "OPTIONS";
        /// Begins a route for every method that has no route of its own on the same pattern.
        any ANY;
    }

    /// Begins a route for a method without a constructor here.
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
    /// If `method` is not a token (RFC 9110 §9.1) or `pattern` is malformed.
    #[track_caller]
    pub fn on(method: impl Into<String>, pattern: impl AsRef<str>) -> RouteBuilder {
        match Route::try_on(method, pattern) {
            Ok(builder) => builder,
            Err(error) => panic!("{error}"),
        }
    }

    /// [`on`](Route::on) for what is not known before the program runs: a pattern from a file, or
    /// one that somebody typed.
    ///
    /// # Errors
    ///
    /// If `method` is not a token (RFC 9110 §9.1) or `pattern` is malformed.
    ///
    /// ```
    /// use millpond::Route;
    ///
    /// assert!(Route::try_on("GET", "/users/{id}").is_ok());
    /// let error = Route::try_on("GET", "users").unwrap_err();
    /// assert_eq!(error.to_string(), "the route pattern \"users\" does not begin with `/`");
    /// ```
    pub fn try_on(
        method: impl Into<String>,
        pattern: impl AsRef<str>,
    ) -> Result<RouteBuilder, RouteError> {
        let method = method.into();
        if !is_token(&method) {
            return Err(RouteError(format!("the method {method:?} is not a token")));
        }
        RouteBuilder::new(Cow::Owned(method), pattern.as_ref())
    }

    /// The method, `*` for [`Route::any`].
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.0.pattern.text()
    }

    pub(crate) fn parsed(&self) -> &Pattern {
        &self.0.pattern
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        self.0.pattern.segments()
    }

    /// The order of a router's vector: by precedence of the patterns, then by method. `Equal` means
    /// that one of the two is to replace the other.
    pub(crate) fn precedence_to(&self, method: &str, pattern: &Pattern) -> Ordering {
        self.parsed()
            .precedence(pattern)
            .then_with(|| self.method().cmp(method))
    }

    /// Runs the handler. A route without parameters hands the request on as it came.
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

    /// Completes the route: `handler` runs for every request that it matches, on many threads at
    /// once. It may change the very router it was called by.
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
