//! The five redirects, followed by ureq or by hand.

use millpond::{Request, Response, Route};
use ureq::http::Method;
use ureq::ResponseExt;

use crate::agents::{agent, agent_with, echo, serve, url};

type Redirect = fn(&'static str) -> Response;

const ALL: [(&str, u16, Redirect); 5] = [
    ("/301", 301, Response::redirect_301),
    ("/302", 302, Response::redirect_302),
    ("/303", 303, Response::redirect_303),
    ("/307", 307, Response::redirect_307),
    ("/308", 308, Response::redirect_308),
];

fn there(request: &Request) -> Response {
    let method = request.method().to_owned();
    let echoed = echo(request);
    echoed.with_additional_header("X-Method", method)
}

/// A route of every method for each redirect to `/there`.
fn routes() -> Vec<Route> {
    let mut routes = vec![Route::any("/there").onconnect(there)];
    for (path, _, redirect) in ALL {
        routes.push(Route::any(path).onconnect(move |_| redirect("/there")));
    }
    routes
}

fn method(response: &ureq::http::Response<ureq::Body>) -> &str {
    response.headers()["x-method"].to_str().expect("a token")
}

#[test]
fn all_five_lead_a_get_there() {
    let server = serve(routes());
    let agent = agent();
    for (path, _, _) in ALL {
        let response = agent.get(url(&server, path)).call().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.get_uri().path(), "/there", "{path}");
        assert_eq!(method(&response), "GET", "{path}");
    }
    assert_eq!(server.stats().responses, [0, 5, 5, 0, 0]);
    assert_eq!(server.stats().accepted, 1);
}

#[test]
fn each_says_its_own_status() {
    let server = serve(routes());
    let agent = agent_with(|config| config.max_redirects(0).max_redirects_will_error(false));
    for (path, status, _) in ALL {
        let mut response = agent.get(url(&server, path)).call().unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["location"], "/there");
        assert_eq!(response.body_mut().read_to_vec().unwrap(), b"");
    }
}

#[test]
fn a_post_becomes_a_get_after_301_302_and_303() {
    let server = serve(routes());
    let agent = agent();
    for path in ["/301", "/302", "/303"] {
        let mut response = agent.post(url(&server, path)).send("body").unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(method(&response), "GET", "{path}");
        assert_eq!(response.body_mut().read_to_string().unwrap(), "", "{path}");
    }
}

#[test]
fn a_post_stays_one_after_307_and_308() {
    let server = serve(routes());
    // ureq does not send a body twice of its own accord.
    let agent = agent_with(|config| config.max_redirects(0).max_redirects_will_error(false));
    for path in ["/307", "/308"] {
        let response = agent.post(url(&server, path)).send("body").unwrap();
        let location = response.headers()["location"].to_str().unwrap();
        let there = url(&server, location);
        let mut response = agent.post(there).send("body").unwrap();
        assert_eq!(method(&response), "POST", "{path}");
        assert_eq!(response.body_mut().read_to_string().unwrap(), "body");
    }
    let response = crate::agents::agent()
        .get(url(&server, "/307"))
        .call()
        .unwrap();
    assert_eq!(method(&response), Method::GET.as_str());
}

#[test]
fn a_chain_is_followed_to_its_end_on_one_connection() {
    let server = serve(vec![Route::get("/{left}").onconnect(|request| {
        let left = request.param("left").and_then(|left| left.parse().ok());
        match left.unwrap_or(0u32) {
            0 => Response::text("arrived"),
            left => Response::redirect_303(format!("/{}", left - 1)),
        }
    })]);
    let mut response = agent().get(url(&server, "/9")).call().unwrap();
    assert_eq!(response.body_mut().read_to_string().unwrap(), "arrived");
    assert_eq!(server.stats().requests, 10);
    assert_eq!(server.stats().accepted, 1);
}
