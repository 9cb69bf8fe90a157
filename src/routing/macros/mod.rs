//! The macros of rouille: `router!`, `find_route!`, and the early returns `try_or_404!` and
//! `assert_or_400!`. They expand to full paths, so a crate need not import anything to use them.
//! `try_or_400!` is with the JSON that it sends.

use std::borrow::Cow;

use crate::message::syntax::percent;
use crate::message::Request;

/// Evaluates the first arm that matches the method and the path of a request, or the arm `_`.
///
/// The arm `_` is required. No other arm is evaluated, so two arms may move the same value. All
/// arms have one type, which may be any type. For routes that change while the server runs, use
/// [`Router`](crate::Router).
///
/// An arm has one method and a path in one of two notations, which can be mixed:
///
/// * `(GET) (/users/{id: u32}/edit)`: segments as Rust tokens, a parameter in braces. Without a
///   type, `{id}`, the type is inferred.
/// * `(GET) ["/users/{id}/v1.2", id: u32]`: any text, followed by the name and type of each
///   parameter. Without these, braces are text.
///
/// A parameter is one whole segment, percent-decoded. [`FromStr`](std::str::FromStr) reads it into
/// the variable of its name; if that fails, the arm does not match. The other segments match both
/// as they are written and decoded. A slash at the end counts; the query does not.
///
/// A `GET` arm also matches HEAD, as the server omits the body of the response to a HEAD. For
/// another response, put a `HEAD` arm for the same path before it. (In rouille, HEAD is left to
/// `_`.)
///
/// # Example: both notations
///
/// ```
/// use millpond::{router, Request, Response};
///
/// fn handler(request: &Request) -> Response {
///     router!(request,
///         (GET) (/) => { Response::redirect_302("/add/1/2") },
///         (GET) (/add/{a: u32}/{b: u32}) => Response::text((a + b).to_string()),
///         (GET) ["/files/{name}/v1.2", name: String] => Response::text(name),
///         (POST) (/add) => { Response::empty_204() },
///         _ => Response::empty_404(),
///     )
/// }
///
/// let status = |method, url| {
///     handler(&Request::fake_http(method, url, vec![], vec![])).status_code
/// };
/// assert_eq!(status("GET", "/add/40/2?verbose"), 200);
/// assert_eq!(status("HEAD", "/files/a%2Fb/v1.2"), 200);
/// assert_eq!(status("GET", "/add/forty/2"), 404);
/// ```
///
/// # Panics
///
/// Panics if a request matches a path in quotes whose names in braces are not the names with types.
/// An arm without any type is exempt: its braces are text.
#[macro_export]
macro_rules! router {
    ($request:expr, $(($method:ident) $path:tt => $value:expr,)* _ => $default:expr $(,)*) => {{
        #[allow(unused_variables)] // Used by the arms before `_`, if there are any.
        let request: &$crate::Request = &$request;
        // In a match arm, braces around a value cause no warning of `unused_braces`.
        $(if let $crate::__router_arm!(@bind $path)
            = $crate::__router_arm!(@test request $method $path)
        {
            match () { () => $value }
        } else)* {
            match () { () => $default }
        }
    }};
}

/// Expands one arm of `router!`: `@bind` to the pattern, and `@test` to the value of its `if let`.
#[doc(hidden)]
#[macro_export]
macro_rules! __router_arm {
    (@bind [$pattern:expr $(, $param:ident: $type:ty)* $(,)?]) => {
        ::core::option::Option::Some(($($param,)*))
    };
    (@test $request:ident $method:ident [$pattern:expr $(, $param:ident: $type:ty)* $(,)?]) => {
        $crate::__macros::capture(
            $request,
            ::core::stringify!($method),
            $pattern,
            [$(::core::stringify!($param)),*],
        )
        .and_then(|[$($param),*]| {
            ::core::option::Option::Some(($($param.parse::<$type>().ok()?,)*))
        })
    };
    // `(/a/{b: T})` becomes `["/a/{b}", b: T]`, token by token, for the rule in `$then`.
    (@bind ($($tokens:tt)*)) => {
        $crate::__router_arm!(@tokens (@bind) [] [] $($tokens)*)
    };
    (@test $request:ident $method:ident ($($tokens:tt)*)) => {
        $crate::__router_arm!(@tokens (@test $request $method) [] [] $($tokens)*)
    };
    (@tokens ($($then:tt)*) [$($text:tt)*] [$($params:tt)*]) => {
        $crate::__router_arm!($($then)* [::core::concat!($($text)*) $($params)*])
    };
    (@tokens $then:tt $text:tt $params:tt / {$param:ident} $($rest:tt)*) => {
        $crate::__router_arm!(@tokens $then $text $params / {$param: _} $($rest)*)
    };
    (@tokens $then:tt [$($text:tt)*] [$($params:tt)*]
        / {$param:ident: $type:ty} $(/ $($rest:tt)*)?
    ) => {
        $crate::__router_arm!(@tokens $then [$($text)* "/{", ::core::stringify!($param), "}",]
            [$($params)* , $param: $type] $(/ $($rest)*)?)
    };
    (@tokens $then:tt $text:tt $params:tt $(/)? {$($param:tt)*} $($rest:tt)*) => {
        ::core::compile_error!("a parameter is a whole segment: `/{name}` or `/{name: Type}`")
    };
    (@tokens $then:tt [$($text:tt)*] $params:tt $token:tt $($rest:tt)*) => {
        $crate::__router_arm!(@tokens $then [$($text)* ::core::stringify!($token),] $params
            $($rest)*)
    };
}

/// Evaluates responses in order, and returns the first one that is not a 404, or the last one.
///
/// The responses after the returned one are not evaluated.
///
/// ```
/// use millpond::{find_route, Request, Response};
///
/// fn pages(_: &Request) -> Response { Response::empty_404() }
/// fn api(_: &Request) -> Response { Response::text("found") }
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// let response = find_route!(pages(&request), api(&request), unreachable!());
/// assert_eq!(response.status_code, 200);
/// ```
#[macro_export]
macro_rules! find_route {
    ($last:expr $(,)?) => { $last };
    ($first:expr, $($rest:expr),+ $(,)?) => {{
        // Not a match: the temporaries of `$first`, perhaps a lock, are dropped before the rest.
        let response = $first;
        if response.status_code == 404 {
            $crate::find_route!($($rest),+)
        } else {
            response
        }
    }};
}

/// Evaluates to the value of a `Result`. On an error, the enclosing function returns a 404. The
/// function must return a [`Response`](crate::Response).
///
/// ```
/// use millpond::{try_or_404, Request, Response};
///
/// fn show(request: &Request) -> Response {
///     let id: u32 = try_or_404!(request.raw_query_string().parse());
///     Response::text(id.to_string())
/// }
///
/// let request = Request::fake_http("GET", "/?x", vec![], vec![]);
/// assert_eq!(show(&request).status_code, 404);
/// ```
#[macro_export]
macro_rules! try_or_404 {
    ($result:expr) => {
        match $result {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(_) => return $crate::Response::empty_404(),
        }
    };
}

/// Returns a 400 from the enclosing function unless the condition holds. The function must return a
/// [`Response`](crate::Response).
///
/// ```
/// use millpond::{assert_or_400, Request, Response};
///
/// fn search(request: &Request) -> Response {
///     assert_or_400!(request.get_param("q").is_some());
///     Response::text("nothing found")
/// }
///
/// let request = Request::fake_http("GET", "/?p=2", vec![], vec![]);
/// assert_eq!(search(&request).status_code, 400);
/// ```
#[macro_export]
macro_rules! assert_or_400 {
    ($condition:expr) => {
        if !$condition {
            return $crate::Response::empty_400();
        }
    };
}

/// Returns the values of the parameters `names`, if the request matches the arm of a `router!`.
pub fn capture<'r, const N: usize>(
    request: &'r Request,
    method: &str,
    pattern: &str,
    names: [&str; N],
) -> Option<[Cow<'r, str>; N]> {
    if request.method() != method && (request.method(), method) != ("HEAD", "GET") {
        return None;
    }
    let path = request.raw_path();
    let pairs = || pattern.split('/').zip(path.split('/'));
    // Without names there are no parameters, and braces are text.
    let is_param = |wanted: &str| N > 0 && param_name(wanted).is_some();
    let fits = |(wanted, segment): (&str, &str)| {
        is_param(wanted) || segment == wanted || percent::decode(segment) == wanted
    };
    if !pairs().all(fits) || pattern.split('/').count() != path.split('/').count() {
        return None;
    }
    for name in pattern.split('/').filter_map(param_name) {
        assert!(
            N == 0 || names.contains(&name),
            "no type for {{{name}}} in route {pattern:?}: expected `, {name}: Type`"
        );
    }
    Some(names.map(|name| {
        let pair = pairs().find(|(wanted, _)| param_name(wanted) == Some(name));
        match pair {
            Some((_, segment)) => percent::decode(segment),
            None => panic!("type for {name} without {{{name}}} in route {pattern:?}"),
        }
    }))
}

fn param_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests;
