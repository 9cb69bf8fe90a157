//! `accept!`: chooses a value by the media type that the client prefers.

use super::priority::preferred;
use crate::extra::negotiation::weights;
use crate::message::Request;

/// Returns the value for the media type that the client prefers by its `Accept` field (RFC 9110
/// §12.5.1).
///
/// Each arm is a media type and a value. All values have one type, and only the chosen value is
/// evaluated. The first arm is chosen among arms with equal weight. The first arm of all is chosen
/// if there is no `Accept` field, or if the client accepts none of the arms. For another value in
/// the last case, add `"*/*"`, which matches every type, as the last arm.
/// [`priority_header_preferred`](crate::input::priority_header_preferred) describes the comparison.
///
/// Add `Vary: Accept` to the response, so that caches store one response for each type.
///
/// # Example: a page, data, or an error
///
/// ```
/// use millpond::{accept, json, Request, Response};
///
/// fn tea(request: &Request) -> Response {
///     accept!(request,
///         "text/html" => Response::html("<p>tea</p>"),
///         "application/json" => Response::json(&json!({ "drink": "tea" })),
///         "*/*" => Response::empty_406(),
///     )
///     .with_unique_header("Vary", "Accept")
/// }
///
/// let ask = |accept: &str| {
///     let headers = vec![("Accept".into(), accept.into())];
///     tea(&Request::fake_http("GET", "/", headers, vec![]))
/// };
/// assert_eq!(ask("application/json, */*;q=0.1").headers[0].1, "application/json");
/// assert_eq!(ask("image/png").status_code, 406);
/// let unsaid = tea(&Request::fake_http("GET", "/", vec![], vec![]));
/// assert_eq!(unsaid.headers[0].1, "text/html; charset=utf-8");
/// ```
#[macro_export]
macro_rules! accept {
    ($request:expr, $($mime:expr => $val:expr),+ $(,)*) => {{
        let request: &$crate::Request = &$request;
        let position = $crate::input::__accepted(request, &[$($mime),+]);
        $crate::__accept_arm!(position, $($val),+)
    }};
}

/// Evaluates the value at a position; a position past the end chooses the last value.
#[doc(hidden)]
#[macro_export]
macro_rules! __accept_arm {
    ($position:ident, $last:expr) => {{
        let _ = $position;
        // In a match arm, braces around a value do not cause the lint `unused_braces`.
        match () { () => $last }
    }};
    ($position:ident, $first:expr, $($rest:expr),+) => {
        match $position {
            0 => $first,
            _ => {
                let position = $position - 1;
                $crate::__accept_arm!(position, $($rest),+)
            }
        }
    };
}

/// Returns the position of the arm that `accept!` chooses.
pub fn accepted(request: &Request, types: &[&str]) -> usize {
    let list = weights::of_field(request, "Accept");
    preferred(list, types.iter().copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::Request;

    fn asking(accept: &[&str]) -> Request {
        let field = |value: &&str| ("accept".to_owned(), (*value).to_owned());
        Request::fake_http("GET", "/", accept.iter().map(field).collect(), vec![])
    }

    #[test]
    fn the_arm_that_the_client_prefers_is_chosen() {
        let pick = |accept: &[&str]| {
            crate::accept!(asking(accept),
                "text/html" => "page",
                "application/json" => "data",
                "image/*" => "picture",
            )
        };
        // (fields, the arm)
        let table: &[(&[&str], &str)] = &[
            (&[], "page"),
            (&[""], "page"),
            (&["*/*"], "page"),
            (&["text/html"], "page"),
            (&["application/json"], "data"),
            (&["application/json, text/html"], "page"),
            (&["application/json, text/html;q=0.9"], "data"),
            (&["image/png, */*;q=0.5"], "picture"),
            (&["text/html;q=0, */*"], "data"),
            (&["text/css"], "page"),
            (&["text/html;q=0"], "page"),
            // RFC 9110 §5.3: several fields are one list.
            (&["text/html;q=0.5", "application/json"], "data"),
            // The fields of browsers and curl.
            (
                &["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"],
                "page",
            ),
            (&["image/avif,image/webp,image/*,*/*;q=0.8"], "picture"),
        ];
        for (fields, want) in table {
            assert_eq!(pick(fields), *want, "{fields:?}");
        }
    }

    #[test]
    fn a_last_arm_for_all_types_is_chosen_if_no_other_matches() {
        let pick = |accept: &[&str]| crate::accept!(asking(accept), "a/b" => 1, "*/*" => 2);
        assert_eq!(pick(&[]), 1);
        assert_eq!(pick(&["a/b, */*"]), 1);
        assert_eq!(pick(&["c/d"]), 2);
    }

    #[test]
    fn an_arm_may_move_return_and_have_any_type() {
        fn by_value(request: &Request, text: String) -> Option<String> {
            const MIME: &str = "a/b";
            Some(crate::accept!(request,
                MIME => text,
                "c/d" => { text + "!" },
                "e/f" => return None,
                "g/h" => "?".parse().ok()?,,,
            ))
        }
        let ask = |accept| by_value(&asking(&[accept]), "x".to_owned());
        assert_eq!(ask("a/b").as_deref(), Some("x"));
        assert_eq!(ask("c/d").as_deref(), Some("x!"));
        assert_eq!(ask("e/f"), None);
        assert_eq!(ask("g/h").as_deref(), Some("?"));
        assert_eq!(crate::accept!(&asking(&[]), "a/b" => 5), 5);
        let shared = std::sync::Arc::new(asking(&["c/d"]));
        assert_eq!(crate::accept!(shared, "a/b" => 1, "c/d" => 2), 2);

        let mut seen = Vec::new();
        for accept in ["a/b", "c/d", "e/f", "c/d"] {
            crate::accept!(asking(&[accept]),
                "a/b" => continue,
                "c/d" => seen.push(accept),
                "e/f" => break
            );
        }
        assert_eq!(seen, ["c/d"]);
    }
}
