//! The shared vector of routes, the search in it, and the answers that need no handler: 404, 405,
//! 501 and OPTIONS. It knows no server: a router is a handler like any other.
//!
//! The vector is sorted by [`Route::precedence_to`], so the routes below one prefix stand together,
//! literals before `{name}` before `{name...}`. A search narrows that slice one segment at a time,
//! by bisection: a tree without nodes to keep in order.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::pattern::{relative, split, Pattern, Segment};
use super::route::{Handler, Route, ANY};
use crate::message::syntax::percent;
use crate::message::{Request, Response};

/// The methods of RFC 9110 §9.3 and RFC 5789: known, whether or not a route takes them.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Routes that can be added, replaced and removed while requests are served.
///
/// A clone is another handle on the same routes: keep one and give one to the server. Everything
/// but [`mechanism`](Router::mechanism), which chains, takes `&self` and may be called from any
/// thread and from inside a handler; the next request sees the change, on open connections too. A
/// lock is held while a request is matched, never while a handler runs or is dropped.
///
/// What answers a request:
///
/// * Of the routes whose pattern and method match, the one with the most specific pattern, whatever
///   was added first: at the first segment in which two patterns differ, a literal wins over
///   `{name}`, and that over `{name...}`.
/// * On one pattern, a route of the request's very method, else for HEAD the GET route (the server
///   leaves the body out), else the [`any`](Route::any) route.
/// * If none does: `OPTIONS` is answered with 204 and `Allow`; a path that has routes for other
///   methods with 405 and `Allow`; a method that is neither a standard one nor that of any route
///   with 501; anything else by the [`fallback`](Router::fallback), at first an empty 404.
///
/// # Example: a route that adds routes
///
/// ```
/// use millpond::{Request, Response, Route, Router};
///
/// let router = Router::default();
/// let live = router.clone();
/// router.add(Route::put("/lamp").onconnect(move |_| {
///     live.add(Route::get("/lamp").onconnect(|_| Response::text("on")));
///     Response::empty_204()
/// }));
///
/// let get = Request::fake_http("GET", "/lamp", vec![], vec![]);
/// assert_eq!(router.handle(&get).status_code, 405);
/// router.handle(&Request::fake_http("PUT", "/lamp", vec![], vec![]));
/// assert_eq!(router.handle(&get).status_code, 200);
/// ```
///
/// (Such a handler keeps its router alive, as the router keeps the handler: their memory is freed
/// once the route is removed or replaced.)
#[derive(Clone, Default)]
pub struct Router {
    routes: Arc<RwLock<Vec<Route>>>,
    fallback: Arc<RwLock<Option<Arc<Handler>>>>,
}

impl Router {
    /// Adds a route and returns the router, for the next one. See [`add`](Router::add).
    ///
    /// ```
    /// use millpond::{json, reply, Router, ServerMechanism};
    ///
    /// let mut server = Router::default();
    /// server
    ///     .mechanism(ServerMechanism::post("/ping").onconnect(|_| reply!()))
    ///     .mechanism(ServerMechanism::get("/ping").onconnect(|_| {
    ///         reply!(json => json!({ "ok": true }))
    ///     }));
    /// assert_eq!(server.routes().len(), 2);
    /// ```
    pub fn mechanism(&mut self, route: Route) -> &mut Self {
        self.add(route);
        self
    }

    /// Adds a route. It replaces the one with the same method and pattern, if there is one; the
    /// names of parameters do not count, as `/{a}` and `/{b}` match the same paths.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let router = Router::default();
    /// let elsewhere = router.clone();
    /// std::thread::spawn(move || {
    ///     elsewhere.add(Route::get("/late").onconnect(|_| Response::empty_204()));
    /// })
    /// .join()
    /// .unwrap();
    /// assert_eq!(format!("{:?}", router.routes()), "[GET /late]");
    /// ```
    pub fn add(&self, route: Route) {
        let replaced = insert(&mut write(&self.routes), route);
        drop(replaced); // With the lock released: what a handler owns may call us in its Drop.
    }

    /// Removes the route with this method (`*` for that of [`Route::any`]) and pattern, and says
    /// whether there was one. Requests that its handler is answering are answered.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let router = Router::default();
    /// router.add(Route::get("/users/{id}").onconnect(|_| Response::empty_204()));
    /// assert!(!router.remove("POST", "/users/{id}"));
    /// assert!(router.remove("GET", "/users/{id}"));
    /// assert!(!router.remove("GET", "/users/{id}"));
    /// ```
    pub fn remove(&self, method: &str, pattern: &str) -> bool {
        let pattern = match Pattern::parse(pattern) {
            Ok(pattern) => pattern,
            Err(_) => return false, // No route has it.
        };
        let removed = {
            let mut routes = write(&self.routes);
            let at = routes.binary_search_by(|held| held.precedence_to(method, &pattern));
            at.map(|at| routes.remove(at))
        };
        removed.is_ok()
    }

    /// Swaps all routes for others at once, and returns the old ones: no request sees some of both.
    /// Of several with the same method and pattern the last one stays.
    ///
    /// ```
    /// use millpond::{Response, Route, Router};
    ///
    /// let router = Router::default();
    /// router.add(Route::get("/").onconnect(|_| Response::text("open")));
    /// let closed = Route::any("/{path...}").onconnect(|_| Response::text("closed for an hour"));
    /// let usual = router.replace(vec![closed]);
    /// router.replace(usual);
    /// assert_eq!(router.routes()[0].pattern(), "/");
    /// ```
    pub fn replace(&self, routes: Vec<Route>) -> Vec<Route> {
        let mut sorted = Vec::with_capacity(routes.len());
        for route in routes {
            insert(&mut sorted, route);
        }
        mem::replace(&mut *write(&self.routes), sorted)
    }

    /// The routes as they are now, in the order of their precedence.
    pub fn routes(&self) -> Vec<Route> {
        read(&self.routes).clone()
    }

    /// Sets what answers the paths that no pattern matches; until then an empty 404 does. It is not
    /// asked about a method that nobody knows; `Route::any("/{path...}")` takes those too.
    ///
    /// ```
    /// use millpond::{Request, Response, Router};
    ///
    /// let router = Router::default();
    /// router.fallback(|request| Response::text(request.url()).with_status_code(404));
    /// let request = Request::fake_http("GET", "/nowhere", vec![], vec![]);
    /// assert_eq!(router.handle(&request).status_code, 404);
    /// ```
    pub fn fallback<F>(&self, handler: F)
    where
        F: Fn(&Request) -> Response + Send + Sync + 'static,
    {
        let replaced = write(&self.fallback).replace(Arc::new(handler));
        drop(replaced); // As in `add`.
    }

    /// Answers a request, which makes `move |request| router.handle(request)` a handler like any
    /// other: for a server, or for a route of another router.
    ///
    /// ```
    /// use millpond::{Request, Response, Route, Router};
    ///
    /// let api = Router::default();
    /// api.add(Route::get("/users/{id}").onconnect(|_| Response::empty_204()));
    /// let site = Router::default();
    /// site.add(Route::any("/api/{path...}").onconnect(move |request| {
    ///     match request.remove_prefix("/api") {
    ///         Some(request) => api.handle(&request),
    ///         None => Response::empty_404(),
    ///     }
    /// }));
    /// let request = Request::fake_http("GET", "/api/users/7", vec![], vec![]);
    /// assert_eq!(site.handle(&request).status_code, 204);
    /// ```
    pub fn handle(&self, request: &Request) -> Response {
        // A statement of its own: the guard is released at its end, before any handler runs.
        let verdict = judge(&read(&self.routes), request);
        match verdict {
            Verdict::Call(route) => route.call(request),
            Verdict::Options(allow) => Response::empty_204().with_unique_header("Allow", allow),
            // RFC 9110 §15.5.6: a 405 must carry Allow.
            Verdict::MethodNotAllowed(allow) => Response::empty_404()
                .with_status_code(405)
                .with_unique_header("Allow", allow),
            Verdict::MethodUnknown => Response::empty_404().with_status_code(501),
            Verdict::NotFound => {
                let fallback = read(&self.fallback).clone();
                fallback.map_or_else(Response::empty_404, |handler| handler(request))
            }
        }
    }
}

/// What is to become of a request. The strings are values for `Allow`.
enum Verdict {
    Call(Route),
    Options(String),
    MethodNotAllowed(String),
    MethodUnknown,
    NotFound,
}

/// The one place that decides which route, or which answer without one, a request gets.
fn judge(routes: &[Route], request: &Request) -> Verdict {
    let (method, path) = (request.method(), request.raw_path());
    // RFC 9110 §9.3.7: `*` asks about the server as a whole. It is not a path.
    if path == "*" && method == "OPTIONS" {
        return Verdict::Options(allow(routes));
    }
    let path = Some(relative(path));
    if let Some(route) = search(routes, 0, path, &mut |group| choose(group, method)) {
        return Verdict::Call(route.clone());
    }
    // RFC 9110 §15.6.2: 501 is for a method that is not recognized for any resource at all.
    if !METHODS.contains(&method) && !routes.iter().any(|route| route.method() == method) {
        return Verdict::MethodUnknown;
    }
    let mut matching = Vec::new();
    search(routes, 0, path, &mut |group| {
        matching.extend_from_slice(group);
        None
    });
    match (matching.is_empty(), method) {
        (true, _) => Verdict::NotFound,
        (false, "OPTIONS") => Verdict::Options(allow(&matching)),
        (false, _) => Verdict::MethodNotAllowed(allow(&matching)),
    }
}

/// Shows `visit` the routes of each pattern that matches, the most specific pattern first, until it
/// picks a route.
///
/// The first `depth` segments of the patterns in `group` have matched; `path` is what is left to
/// match, `None` at its end. A prefix is looked into once, so the work is bounded by the number of
/// routes, and without `{name}` beside literals by its logarithm.
fn search<'r>(
    group: &'r [Route],
    depth: usize,
    path: Option<&str>,
    visit: &mut dyn FnMut(&'r [Route]) -> Option<&'r Route>,
) -> Option<&'r Route> {
    let (ending, longer) =
        group.split_at(group.partition_point(|route| route.segments().len() == depth));
    let path = match path {
        Some(path) => path,
        None if ending.is_empty() => return None,
        None => return visit(ending),
    };
    if longer.is_empty() {
        return None;
    }
    let (segment, tail) = split(path);
    let text = percent::decode(segment);
    let start =
        longer.partition_point(|route| route.segments()[depth].literal_order(&text).is_lt());
    let end = longer.partition_point(|route| route.segments()[depth].literal_order(&text).is_le());
    if start < end {
        let found = search(&longer[start..end], depth + 1, tail, visit);
        if found.is_some() {
            return found;
        }
    }
    let params = longer.partition_point(|r| matches!(r.segments()[depth], Segment::Literal(_)));
    let rest = longer.partition_point(|r| !matches!(r.segments()[depth], Segment::Rest(_)));
    if params < rest && !segment.is_empty() {
        let found = search(&longer[params..rest], depth + 1, tail, visit);
        if found.is_some() {
            return found;
        }
    }
    match &longer[rest..] {
        [] => None,
        rest => visit(rest),
    }
}

/// The route for `method` among those of one pattern.
fn choose<'r>(group: &'r [Route], method: &str) -> Option<&'r Route> {
    let of = |method: &str| group.iter().find(|route| route.method() == method);
    let get = || of("GET").filter(|_| method == "HEAD");
    of(method).or_else(get).or_else(|| of(ANY))
}

/// The value of `Allow` for these routes: sorted, with what the router answers of itself.
fn allow(routes: &[Route]) -> String {
    let mut methods: BTreeSet<&str> = routes.iter().map(Route::method).collect();
    methods.remove(ANY);
    methods.insert("OPTIONS");
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    methods.into_iter().collect::<Vec<_>>().join(", ")
}

/// Puts the route where it belongs, and returns the one it replaces.
fn insert(routes: &mut Vec<Route>, route: Route) -> Option<Route> {
    match routes.binary_search_by(|held| held.precedence_to(route.method(), route.parsed())) {
        Ok(at) => Some(mem::replace(&mut routes[at], route)),
        Err(at) => {
            routes.insert(at, route);
            None
        }
    }
}

/// A panic under a lock leaves what it guards whole: every change is one call on the vector.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes()).finish()
    }
}

#[cfg(test)]
mod tests;
