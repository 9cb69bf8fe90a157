//! [`Router`]: the shared vector of routes, the search in it, and the responses without a handler:
//! 404, 405, 501 and OPTIONS. A router is a handler like any other, and knows no server.
//!
//! The vector is sorted by [`Route::precedence_to`]: routes with a common prefix are neighbours,
//! literals before `{name}` before `{name...}`. A search narrows the slice one segment at a time,
//! by bisection. This has the effect of a tree, without nodes to maintain.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::sync::{Arc, RwLock};

use super::pattern::{relative, split, Pattern, Segment};
use super::route::{Handler, Route, ANY};
use crate::message::syntax::percent;
use crate::message::{Request, Response};
use crate::util::lock::{read, write};

/// The methods of RFC 9110 §9.3 and RFC 5789. These are never unknown, so they never lead to a 501.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// Routes that can be added, replaced and removed while requests are served.
///
/// ```no_run
/// use millpond::{Response, Route, Router};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let router = Router::default();
///     router.add(Route::get("/").onconnect(|_| Response::html("<h1>hello</h1>")));
///     router.add(Route::get("/users/{id}").onconnect(|request| {
///         Response::text(format!("user {}", request.param("id").unwrap_or("?")))
///     }));
///     router.fallback(|request| Response::text(request.url()).with_status_code(404));
///     let server = router.serve_managed(([127, 0, 0, 1], 8080))?;
///     println!("http://{}/users/7; press Enter to stop", server.addr());
///     std::io::stdin().read_line(&mut String::new())?;
///     println!("{}", server.stop());
///     Ok(())
/// }
/// ```
///
/// A clone is another handle to the same routes: keep one and pass one to the server. All methods
/// except [`mechanism`](Router::mechanism), which chains, take `&self`, and may be called from any
/// thread and from inside a handler. The next request sees the change, on open connections too. A
/// lock is held while a request is matched, but not while a handler runs or is dropped.
///
/// A request is answered by the first of these:
///
/// * The matching route with the most specific pattern, in any order of registration. At the first
///   segment in which two patterns differ, a literal is more specific than `{name}`, and `{name}`
///   more than `{name...}`.
/// * On one pattern, the route for the method of the request; then, for HEAD, the GET route, whose
///   body the server omits; then the [`any`](Route::any) route.
/// * Without a matching route, `OPTIONS` gets 204 and `Allow`. A path with routes for other methods
///   gets 405 and `Allow`. A method that is neither a standard one nor that of any route gets 501.
/// * Everything else is answered by the [`fallback`](Router::fallback), which is an empty 404 by
///   default.
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
/// Such a handler owns a handle to its router, and the router owns the handler. Their memory is
/// freed once the route is removed or replaced.
#[derive(Clone, Default)]
pub struct Router {
    /// Each change is one call on the vector, so the routes are whole after a panic under the lock.
    routes: Arc<RwLock<Vec<Route>>>,
    fallback: Arc<RwLock<Option<Arc<Handler>>>>,
}

impl Router {
    /// Adds a route like [`add`](Router::add), and returns the router for the next call.
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

    /// Adds a route, or replaces the one with the same method and pattern. Names of parameters do
    /// not count, as `/{a}` and `/{b}` match the same paths.
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
        drop(replaced); // With the lock released: a handler's drop may call this router.
    }

    /// Removes the route with this method (`*` for [`Route::any`]) and pattern, and returns whether
    /// there was one. Requests in its handler are still answered.
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
            Err(_) => return false, // No route has a malformed pattern.
        };
        let removed = {
            let mut routes = write(&self.routes);
            let at = routes.binary_search_by(|held| held.precedence_to(method, &pattern));
            at.map(|at| routes.remove(at))
        };
        removed.is_ok()
    }

    /// Replaces all routes at once, and returns the old ones. No request sees a mixture. Of several
    /// new routes with the same method and pattern, the last one counts.
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

    /// Returns the present routes, in the order of their precedence.
    pub fn routes(&self) -> Vec<Route> {
        read(&self.routes).clone()
    }

    /// Sets the handler for paths that no pattern matches, in place of an empty 404. Requests with
    /// an unknown method get 501 and do not reach the fallback. A route `Route::any("/{path...}")`
    /// gets these too.
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

    /// Returns the response to a request. `move |request| router.handle(request)` is thus a handler
    /// like any other, for a server or for a route of another router.
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
        let decision = decide(&read(&self.routes), request);
        match decision {
            Decision::Call(route) => route.call(request),
            Decision::Send(response) => response,
            Decision::Fallback => {
                let fallback = read(&self.fallback).clone();
                fallback.map_or_else(Response::empty_404, |handler| handler(request))
            }
        }
    }
}

enum Decision {
    Call(Route),
    Send(Response),
    Fallback,
}

/// Returns the route whose handler answers the request, or the response if no handler does.
fn decide(routes: &[Route], request: &Request) -> Decision {
    let (method, path) = (request.method(), request.raw_path());
    // RFC 9110 §9.3.7: `*` stands for the server as a whole. It is not a path.
    if path == "*" && method == "OPTIONS" {
        return Decision::Send(allow(204, routes));
    }
    let path = Some(relative(path));
    if let Some(route) = search(routes, 0, path, &mut |group| choose(group, method)) {
        return Decision::Call(route.clone());
    }
    // RFC 9110 §15.6.2: 501 is for a method that is not recognized for any resource at all.
    if !METHODS.contains(&method) && !routes.iter().any(|route| route.method() == method) {
        return Decision::Send(Response::empty_404().with_status_code(501));
    }
    let mut matching = Vec::new();
    search(routes, 0, path, &mut |group| {
        matching.extend_from_slice(group);
        None
    });
    match (matching.is_empty(), method) {
        (true, _) => Decision::Fallback,
        (false, "OPTIONS") => Decision::Send(allow(204, &matching)),
        // RFC 9110 §15.5.6: a 405 must have Allow.
        (false, _) => Decision::Send(allow(405, &matching)),
    }
}

/// Passes the routes of each matching pattern to `visit`, the most specific pattern first, until
/// `visit` returns a route.
///
/// The first `depth` segments of the patterns in `group` have matched; `path` is the rest, `None`
/// at its end. Each prefix is searched once. The work is bounded by the number of routes, and by
/// its logarithm if no `{name}` stands beside literals.
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

/// Returns the route for `method` among those of one pattern.
fn choose<'r>(group: &'r [Route], method: &str) -> Option<&'r Route> {
    let of = |method: &str| group.iter().find(|route| route.method() == method);
    let get = || of("GET").filter(|_| method == "HEAD");
    of(method).or_else(get).or_else(|| of(ANY))
}

/// Returns an empty response with `Allow`: the methods of these routes, sorted, with those that the
/// router itself answers.
fn allow(status: u16, routes: &[Route]) -> Response {
    let mut methods: BTreeSet<&str> = routes.iter().map(Route::method).collect();
    methods.remove(ANY);
    methods.insert("OPTIONS");
    if methods.contains("GET") {
        methods.insert("HEAD");
    }
    let methods = methods.into_iter().collect::<Vec<_>>().join(", ");
    Response::empty_204()
        .with_status_code(status)
        .with_unique_header("Allow", methods)
}

/// Inserts the route in order, and returns the one that it replaces.
fn insert(routes: &mut Vec<Route>, route: Route) -> Option<Route> {
    match routes.binary_search_by(|held| held.precedence_to(route.method(), route.parsed())) {
        Ok(at) => Some(mem::replace(&mut routes[at], route)),
        Err(at) => {
            routes.insert(at, route);
            None
        }
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.routes()).finish()
    }
}

#[cfg(test)]
mod tests;
