//! Promise 7: a wrong method is a 405 with `Allow`, HEAD is served by GET, OPTIONS is answered, the
//! most specific pattern wins in any order, and registering again replaces.

use crate::support::{serve_routes, Client, Reply};
use millpond::{BackgroundServer, Response, Route, RouteBuilder};

fn echo(name: &'static str) -> impl Fn(&millpond::Request) -> Response {
    move |request| {
        let id = request.param("id").unwrap_or("-");
        Response::text(format!("{name} {} {id}", request.method()))
    }
}

fn serve(routes: Vec<(RouteBuilder, &'static str)>) -> (BackgroundServer, Client) {
    let routes = routes.into_iter();
    let server = serve_routes(
        routes
            .map(|(route, name)| route.onconnect(echo(name)))
            .collect(),
    );
    let client = Client::connect(server.addr());
    (server, client)
}

fn users() -> (BackgroundServer, Client) {
    serve(vec![
        (Route::get("/users/{id}"), "one"),
        (Route::put("/users/{id}"), "one"),
        (Route::post("/users"), "all"),
        (Route::any("/any"), "any"),
        (Route::on("PROPFIND", "/dav"), "dav"),
    ])
}

fn allow(reply: &Reply) -> (u16, Option<&str>) {
    (reply.status, reply.header("Allow"))
}

#[test]
fn a_wrong_method_is_a_405_that_says_which_are_right() {
    let (_server, mut client) = users();
    for (method, path, want) in [
        ("DELETE", "/users/7", "GET, HEAD, OPTIONS, PUT"),
        ("POST", "/users/7", "GET, HEAD, OPTIONS, PUT"),
        ("GET", "/users", "OPTIONS, POST"),
        ("HEAD", "/users", "OPTIONS, POST"),
        ("GET", "/dav", "OPTIONS, PROPFIND"),
        ("PROPFIND", "/users", "OPTIONS, POST"),
    ] {
        let reply = client.ask(method, path);
        assert_eq!(allow(&reply), (405, Some(want)), "{method} {path}");
    }
    assert_eq!(allow(&client.ask("DELETE", "/nowhere")), (404, None));
    assert_eq!(client.ask("BREW", "/users").status, 501);
    assert_eq!(client.ask("PROPFIND", "/dav").text(), "dav PROPFIND -");
}

#[test]
fn head_is_served_by_get_without_the_body() {
    let (_server, mut client) = users();
    let get = client.get("/users/7");
    assert_eq!(get.text(), "one GET 7");
    let head = client.ask("HEAD", "/users/7");
    assert_eq!(head.status, 200);
    assert_eq!(head.header("Content-Length"), Some("10")); // "one HEAD 7"
    assert_eq!(head.header("Content-Type"), get.header("Content-Type"));
    // Had a body come, it would be taken for the next response.
    assert_eq!(client.get("/users/8").text(), "one GET 8");
    assert_eq!(client.ask("HEAD", "/any").status, 200);
    assert_eq!(client.ask("HEAD", "/nowhere").status, 404);
}

#[test]
fn a_head_route_of_its_own_wins() {
    let (_server, mut client) = serve(vec![
        (Route::get("/"), "get"),
        (Route::head("/"), "a head of its own"),
    ]);
    let head = client.ask("HEAD", "/");
    assert_eq!(head.header("Content-Length"), Some("24")); // "a head of its own HEAD -"
}

#[test]
fn options_is_answered() {
    let (_server, mut client) = users();
    for (path, want) in [
        ("/users/7", "GET, HEAD, OPTIONS, PUT"),
        ("/users", "OPTIONS, POST"),
        ("/dav", "OPTIONS, PROPFIND"),
    ] {
        assert_eq!(
            allow(&client.ask("OPTIONS", path)),
            (204, Some(want)),
            "{path}"
        );
    }
    assert_eq!(allow(&client.ask("OPTIONS", "/nowhere")), (404, None));
    let all = client.ask("OPTIONS", "*");
    assert_eq!(all.status, 204);
    assert_eq!(
        all.header("Allow"),
        Some("GET, HEAD, OPTIONS, POST, PROPFIND, PUT")
    );
    assert_eq!(client.ask("OPTIONS", "/any").text(), "any OPTIONS -");
}

#[test]
fn the_most_specific_pattern_wins_whatever_the_order() {
    let routes = || {
        vec![
            (Route::get("/{rest...}"), "rest"),
            (Route::get("/a/{rest...}"), "a-rest"),
            (Route::get("/a/{id}"), "param"),
            (Route::get("/a/b"), "literal"),
            (Route::get("/{id}/b"), "late literal"),
        ]
    };
    for turn in 0..5 {
        let mut order = routes();
        order.rotate_left(turn);
        let (_server, mut client) = serve(order);
        for (path, want) in [
            ("/a/b", "literal GET -"),
            ("/a/c", "param GET c"),
            ("/a/c/d", "a-rest GET -"),
            ("/x/b", "late literal GET x"),
            ("/x/c", "rest GET -"),
        ] {
            assert_eq!(client.get(path).text(), want, "{path}, turn {turn}");
        }
    }
}

#[test]
fn registering_again_replaces() {
    let (mut server, mut client) = serve(vec![(Route::get("/users/{id}"), "old")]);
    assert_eq!(client.get("/users/7").text(), "old GET 7");
    server.mechanism(Route::get("/users/{id}").onconnect(echo("new")));
    assert_eq!(client.get("/users/7").text(), "new GET 7");
    assert_eq!(server.router().routes().len(), 1);
    // The name of a parameter does not make another pattern.
    server.mechanism(Route::get("/users/{name}").onconnect(echo("renamed")));
    assert_eq!(client.get("/users/7").text(), "renamed GET -");
    assert_eq!(server.router().routes().len(), 1);
    server.mechanism(Route::put("/users/{id}").onconnect(echo("put")));
    assert_eq!(server.router().routes().len(), 2);
}
