//! The macros that route by hand, as rouille has them: `router!`, `find_route!`, and the early
//! returns `try_or_400!`, `try_or_404!` and `assert_or_400!`. What they expand to names everything
//! by its full path, so that a crate which imports nothing can use them.

use std::borrow::Cow;

use crate::message::syntax::percent;
use crate::message::Request;

/// A `match` on the method and the path of a request.
///
/// The first arm that matches is evaluated, else the one of `_`, which must be there; no other, so
/// two arms may move the same value. All have one type, of any kind. For routes that change while
/// the server runs there is [`Router`](crate::Router).
///
/// An arm has one method and a path in one of two notations, which can be mixed:
///
/// * `(GET) (/users/{id: u32}/edit)`: segments as Rust tokens, a parameter in braces. Without a
///   type, `{id}`, the type is inferred.
/// * `(GET) ["/users/{id}/v1.2", id: u32]`: any text, with name and type of each parameter behind
///   it. Without parameters behind it, braces are text.
///
/// A parameter is one whole segment, percent-decoded, which [`FromStr`](std::str::FromStr) reads
/// into the variable of its name; if that fails, the arm does not match. The other segments match
/// as they are written and decoded. A slash at the end counts; the query does not.
///
/// A `GET` arm takes HEAD too, as the server leaves the body out of the response to a HEAD: put a
/// `HEAD` arm for the same path before it to answer differently. (In rouille HEAD is left to `_`.)
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
/// When a request fits a path in quotes of which a `{name}` has no type behind it, though others
/// have, or a type has no `{name}`.
#[macro_export]
macro_rules! router {
    ($request:expr, $(($method:ident) $path:tt => $value:expr,)* _ => $default:expr $(,)*) => {{
        #[allow(unused_variables)] // Without an arm before `_` nobody asks it.
        let request: &$crate::Request = &$request;
        // Where a match arm stands, braces around a value are no `unused_braces`.
        $(if let $crate::__router_arm!(@bind $path)
            = $crate::__router_arm!(@test request $method $path)
        {
            match () { () => $value }
        } else)* {
            match () { () => $default }
        }
    }};
}

/// One arm of `router!`: `@bind` gives the pattern and `@test` the value of its `if let`.
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
    // `(/a/{b: T})` becomes `["/a/{b}", b: T]`, token by token, and goes to the rule in `$then`.
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

/// The first of several responses that is not a 404; if all are, the last one.
///
/// What comes after that first one is not evaluated.
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
        // Not a match: what `$first` borrowed, a lock perhaps, is free before the rest is asked.
        let response = $first;
        if response.status_code == 404 {
            $crate::find_route!($($rest),+)
        } else {
            response
        }
    }};
}

/// The value of a `Result`; or, from a function that returns a [`Response`](crate::Response), an
/// early return with 400 and the error.
///
/// The error must be a [`std::error::Error`]. The body is `{"description": "..", "cause": ..}` in
/// JSON, where the cause is the error's source in the same shape, or `null`.
///
/// These are the error's own words, so one that quotes what the client sent sends that back. It is
/// a JSON string then, and no page of any browser; but where the sentence says more than a client
/// should know, a file's name say, answer with something else. std's errors of parsing quote
/// nothing, and [`JsonError`](crate::JsonError) no more than short plain names of members.
///
/// ```
/// use millpond::{try_or_400, Request, Response};
///
/// fn double(request: &Request) -> Response {
///     let number: u32 = try_or_400!(request.raw_query_string().parse());
///     Response::text((2 * u64::from(number)).to_string())
/// }
///
/// let ask = |url| double(&Request::fake_http("GET", url, vec![], vec![]));
/// assert_eq!(ask("/?21").status_code, 200);
/// assert_eq!(ask("/?x").status_code, 400);
/// ```
#[cfg(feature = "json")]
#[macro_export]
macro_rules! try_or_400 {
    ($result:expr) => {
        match $result {
            ::core::result::Result::Ok(value) => value,
            ::core::result::Result::Err(error) => {
                let error = $crate::try_or_400::ErrJson::from_err(&error);
                return $crate::Response::json(&error).with_status_code(400);
            }
        }
    };
}

/// The value of a `Result`; or, from a function that returns a [`Response`](crate::Response), an
/// early return with 404.
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

/// From a function that returns a [`Response`](crate::Response), an early return with 400 unless
/// the condition holds.
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

/// The test of a `router!` arm: the values of the parameters `names`, if the request fits.
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
    // Without names there are no parameters, and braces are text.
    let param = |wanted| param_name(wanted).filter(|_| N > 0);
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        let fits = || segment == wanted || percent::decode(segment) == wanted;
        if param(wanted).is_none() && !fits() {
            return None;
        }
    }
    if segments.next().is_some() {
        return None;
    }
    for name in pattern.split('/').filter_map(param) {
        let typed = names.contains(&name);
        assert!(
            typed,
            "the route {pattern:?} lacks a type for {{{name}}}: `, {name}: Type`"
        );
    }
    let pairs = || pattern.split('/').zip(path.split('/'));
    Some(names.map(|name| {
        let pair = pairs().find(|(wanted, _)| param_name(wanted) == Some(name));
        match pair {
            Some((_, segment)) => percent::decode(segment),
            None => panic!("the route {pattern:?} has a type for {name}, and no {{{name}}}"),
        }
    }))
}

fn param_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

#[cfg(test)]
mod tests;
