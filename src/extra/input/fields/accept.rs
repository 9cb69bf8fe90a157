//! `accept!`: a value for each media type, and which of them the client gets.

use super::priority::preferred;
use crate::extra::negotiation::weights;
use crate::message::Request;

/// The value of the media type that the client likes best, by its `Accept` header (RFC 9110
/// §12.5.1).
///
/// Each arm is a type and what to answer in it; only the chosen arm's value is evaluated, and all
/// are of one type. Of those that the client likes as well the first is chosen. So it is if the
/// client says nothing, or takes none of them; where that should be another answer, let the last
/// arm be `"*/*"`, which stands for every type. How members of the header and arms are compared,
/// [`priority_header_preferred`](crate::input::priority_header_preferred) says.
///
/// Caches that keep the answer have to know on what it depends: `Vary: Accept`.
///
/// # Example: a page, data, or neither
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
        let place = $crate::input::__accepted(request, &[$($mime),+]);
        $crate::__accept_arm!(place, $($val),+)
    }};
}

/// The value at a place in a list; the last one has every place from its own on.
#[doc(hidden)]
#[macro_export]
macro_rules! __accept_arm {
    ($place:ident, $last:expr) => {{
        let _ = $place;
        // Where a match arm stands, braces around a value are no `unused_braces`.
        match () { () => $last }
    }};
    ($place:ident, $first:expr, $($rest:expr),+) => {
        match $place {
            0 => $first,
            _ => {
                let place = $place - 1;
                $crate::__accept_arm!(place, $($rest),+)
            }
        }
    };
}

/// The place of the arm that `accept!` takes.
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
    fn takes_the_arm_that_the_client_likes_best() {
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
            // What browsers and curl send.
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
    fn a_last_arm_for_everything_is_for_the_rest() {
        let pick = |accept: &[&str]| crate::accept!(asking(accept), "a/b" => 1, "*/*" => 2);
        assert_eq!(pick(&[]), 1);
        assert_eq!(pick(&["a/b, */*"]), 1);
        assert_eq!(pick(&["c/d"]), 2);
    }

    #[test]
    fn arms_may_move_leave_and_be_any_type() {
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
