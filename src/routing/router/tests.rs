//! The router's promises, without a socket.

use std::io::Read;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::{Route, Router};
use crate::message::{Request, Response};
use crate::util::lock::write;

/// A route that answers with `name: params`.
fn route(method: &str, pattern: &'static str) -> Route {
    Route::on(method, pattern).onconnect(move |request| {
        let params = pattern.split('/').filter_map(|segment| {
            let name = segment.strip_prefix('{')?.strip_suffix('}')?;
            request.param(name.trim_end_matches('.'))
        });
        Response::text(format!(
            "{} [{}]",
            pattern,
            params.collect::<Vec<_>>().join("|")
        ))
    })
}

fn router(routes: &[(&str, &'static str)]) -> Router {
    let router = Router::default();
    for (method, pattern) in routes {
        router.add(route(method, pattern));
    }
    router
}

fn ask(router: &Router, method: &str, url: &str) -> Response {
    router.handle(&Request::fake_http(method, url, vec![], vec![]))
}

/// The body, or the status where there is none, and `Allow`.
fn answer(router: &Router, method: &str, url: &str) -> String {
    let response = ask(router, method, url);
    let allow = response.headers.iter().find(|(name, _)| name == "Allow");
    let allow = allow
        .map(|(_, value)| format!(" {}", value))
        .unwrap_or_default();
    let status = response.status_code;
    let mut body = String::new();
    let (mut reader, _) = response.data.into_reader_and_size();
    reader.read_to_string(&mut body).unwrap();
    if body.is_empty() {
        return format!("{}{}", status, allow);
    }
    body
}

#[test]
fn the_most_specific_pattern_wins_whatever_the_order() {
    let mut routes = vec![
        ("GET", "/"),
        ("GET", "/users"),
        ("GET", "/users/"),
        ("GET", "/users/me"),
        ("GET", "/users/{id}"),
        ("GET", "/users/{id}/posts"),
        ("GET", "/users/me/{what}"),
        ("GET", "/{a}/{b}/{c}/d"),
        ("GET", "/files/{path...}"),
        ("GET", "/files/{name}"),
        ("GET", "/a b/\u{e9}"),
        ("GET", "/{x}/b"),
        ("GET", "/a/{y}"),
    ];
    let table = [
        ("/", "/ []"),
        ("", "/ []"),
        ("/?q=/users", "/ []"),
        ("/users", "/users []"),
        ("/users?", "/users []"),
        ("/users/", "/users/ []"),
        ("/users/me", "/users/me []"),
        ("/users/%6De", "/users/me []"),
        ("/users/42?x=/y", "/users/{id} [42]"),
        ("/users/a%2Fb", "/users/{id} [a/b]"),
        ("/users%2Fme", "404"),
        ("/users/42/posts", "/users/{id}/posts [42]"),
        // Back from /users/me/{what}, which is tried first and does not end there.
        ("/users/me/posts", "/users/me/{what} [posts]"),
        ("/users/me/posts/d", "/{a}/{b}/{c}/d [users|me|posts]"),
        ("/users/42/", "404"),
        ("/users//posts", "404"),
        ("/files", "404"),
        ("/files/", "/files/{path...} []"),
        ("/files/x", "/files/{name} [x]"),
        ("/files/x/y%20z", "/files/{path...} [x/y z]"),
        ("/files//y", "/files/{path...} [/y]"),
        ("/a%20b/%C3%A9", "/a b/\u{e9} []"),
        ("/a/b", "/a/{y} [b]"),
        ("/c/b", "/{x}/b [c]"),
        ("/Users", "404"),
        ("/users/42/posts/x/y", "404"),
    ];
    for turn in 0..routes.len() {
        let router = router(&routes);
        for (url, want) in table {
            assert_eq!(
                answer(&router, "GET", url),
                want,
                "{} in turn {}",
                url,
                turn
            );
        }
        routes.rotate_left(1);
    }
}

#[test]
fn finds_the_right_answer_for_every_method() {
    let router = router(&[
        ("GET", "/users/me"),
        ("POST", "/users/{id}"),
        ("HEAD", "/head"),
        ("GET", "/head/get"),
        ("*", "/any"),
        ("PUT", "/any"),
        ("OPTIONS", "/own"),
        ("PROPFIND", "/dav"),
    ]);
    let table = [
        ("GET", "/users/me", "/users/me []"),
        ("HEAD", "/users/me", "/users/me []"),
        // A less specific pattern takes what the more specific one has no route for.
        ("POST", "/users/me", "/users/{id} [me]"),
        ("PUT", "/users/me", "405 GET, HEAD, OPTIONS, POST"),
        ("PUT", "/users/you", "405 OPTIONS, POST"),
        ("GET", "/users/you", "405 OPTIONS, POST"),
        ("HEAD", "/users/you", "405 OPTIONS, POST"),
        ("TRACE", "/users/you", "405 OPTIONS, POST"),
        ("get", "/users/me", "501"),
        ("HEAD", "/head", "/head []"),
        ("GET", "/head", "405 HEAD, OPTIONS"),
        ("HEAD", "/head/get", "/head/get []"),
        ("DELETE", "/any", "/any []"),
        ("OPTIONS", "/any", "/any []"),
        ("BREW", "/any", "/any []"),
        ("*", "/any", "/any []"),
        ("OPTIONS", "/users/me", "204 GET, HEAD, OPTIONS, POST"),
        ("OPTIONS", "/own", "/own []"),
        ("GET", "/own", "405 OPTIONS"),
        ("OPTIONS", "/none", "404"),
        (
            "OPTIONS",
            "*",
            "204 GET, HEAD, OPTIONS, POST, PROPFIND, PUT",
        ),
        ("GET", "*", "404"),
        ("PROPFIND", "/dav", "/dav []"),
        ("PROPFIND", "/own", "405 OPTIONS"),
        ("PROPFIND", "/none", "404"),
        ("BREW", "/own", "501"),
        ("BREW", "/none", "501"),
        ("PATCH", "/none", "404"),
    ];
    for (method, url, want) in table {
        assert_eq!(answer(&router, method, url), want, "{} {}", method, url);
    }
}

#[test]
fn same_method_and_pattern_replaces() {
    let mut router = router(&[("GET", "/{a}/x"), ("POST", "/{a}/x")]);
    router
        .mechanism(route("GET", "/{b}/x"))
        .mechanism(route("GET", "/{b}/y"));
    assert_eq!(answer(&router, "GET", "/1/x"), "/{b}/x [1]");
    assert_eq!(
        format!("{:?}", router),
        "[GET /{b}/x, POST /{a}/x, GET /{b}/y]"
    );
    assert!(router.remove("GET", "/{any_name}/x"));
    assert!(!router.remove("GET", "/{any_name}/x"));
    assert!(!router.remove("GET", "no pattern"));
    assert_eq!(answer(&router, "GET", "/1/x"), "405 OPTIONS, POST");
    let old = router.replace(vec![
        route("GET", "/n"),
        route("PUT", "/n"),
        route("GET", "/n"),
    ]);
    assert_eq!((old.len(), router.routes().len()), (2, 2));
    assert_eq!(answer(&router, "GET", "/1/y"), "404");
}

#[test]
fn fallback_answers_what_no_pattern_matches() {
    let router = router(&[("GET", "/here")]);
    router.fallback(|_| Response::text("first"));
    router.fallback(|request| Response::text(format!("no {}", request.url())));
    assert_eq!(answer(&router, "GET", "/there"), "no /there");
    assert_eq!(answer(&router, "POST", "/here"), "405 GET, HEAD, OPTIONS");
    assert_eq!(answer(&router, "BREW", "/there"), "501");
}

#[test]
fn an_inner_router_adds_its_parameters() {
    let inner = router(&[("GET", "/{id}")]);
    let outer = Router::default();
    outer.add(Route::any("/{tenant}/{rest...}").onconnect(move |request| {
        let prefix = format!("/{}", request.param("tenant").unwrap());
        let request = request.remove_prefix(&prefix).unwrap();
        assert_eq!(request.param("tenant"), Some("t"));
        inner.handle(&request)
    }));
    assert_eq!(answer(&outer, "GET", "/t/7"), "/{id} [7]");
}

#[test]
fn a_handler_may_change_the_router_it_was_called_by() {
    let router = Router::default();
    let live = router.clone();
    router.add(Route::post("/turn").onconnect(move |_| {
        assert!(live.remove("POST", "/turn"));
        live.add(route("GET", "/new"));
        live.fallback(|_| Response::text("fallback"));
        let all = live.routes();
        live.replace(all);
        Response::text(answer(&live, "GET", "/new"))
    }));
    assert_eq!(answer(&router, "POST", "/turn"), "/new []");
    assert_eq!(answer(&router, "POST", "/turn"), "fallback");
}

#[test]
fn a_dropped_handler_may_use_the_router() {
    struct OnDrop(Router, Mutex<mpsc::Sender<usize>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.add(route("GET", "/from-drop"));
            let sender = self.1.get_mut().unwrap();
            sender.send(self.0.routes().len()).unwrap();
        }
    }
    let router = Router::default();
    let (sender, receiver) = mpsc::channel();
    let last_words = || {
        let on_drop = OnDrop(router.clone(), Mutex::new(sender.clone()));
        move |_: &Request| Response::text(format!("{}", on_drop.0.routes().len()))
    };
    router.add(Route::get("/a").onconnect(last_words()));
    router.add(route("GET", "/a")); // replaced
    assert_eq!(receiver.try_recv(), Ok(2));
    router.add(Route::get("/b").onconnect(last_words()));
    assert!(router.remove("GET", "/b")); // removed
    assert_eq!(receiver.try_recv(), Ok(2));
    router.add(Route::get("/b").onconnect(last_words()));
    router.replace(vec![]); // swapped
    assert_eq!(receiver.try_recv(), Ok(1));
    router.fallback(last_words());
    router.fallback(|_| Response::empty_404());
    assert_eq!(receiver.try_recv(), Ok(1));
}

#[test]
fn no_lock_is_held_while_a_handler_runs() {
    let router = Router::default();
    let (entered_tx, entered) = mpsc::channel();
    let (leave, leave_rx) = mpsc::channel::<()>();
    let shared = Mutex::new((entered_tx, leave_rx));
    router.add(Route::get("/slow").onconnect(move |_| {
        let (entered, leave) = &*shared.lock().unwrap();
        entered.send(()).unwrap();
        leave.recv_timeout(Duration::from_secs(5)).unwrap();
        Response::text("whole")
    }));
    let slow = thread::spawn({
        let router = router.clone();
        move || answer(&router, "GET", "/slow")
    });
    entered.recv_timeout(Duration::from_secs(5)).unwrap();
    // A held read lock would make each of these wait for the handler, which waits for us.
    router.add(route("GET", "/fast"));
    assert!(router.remove("GET", "/slow"));
    assert_eq!(answer(&router, "GET", "/fast"), "/fast []");
    leave.send(()).unwrap();
    assert_eq!(slow.join().unwrap(), "whole", "a removed route finishes");
}

#[test]
fn readers_see_one_table_or_the_other_and_never_a_mix() {
    let table = |name: &'static str| -> Vec<Route> {
        let a = Route::get("/a").onconnect(move |_| Response::text(name));
        let b = Route::get("/{b}").onconnect(move |_| Response::text(name));
        vec![a, b]
    };
    let router = Router::default();
    router.replace(table("one"));
    let (stop, stopped) = mpsc::channel::<()>();
    let swapper = thread::spawn({
        let router = router.clone();
        move || {
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                router.replace(table("two"));
                router.add(route("GET", "/c"));
                router.remove("GET", "/c");
                router.replace(table("one"));
            }
        }
    });
    for _ in 0..2_000 {
        for url in ["/a", "/b"] {
            let got = answer(&router, "GET", url);
            assert!(got == "one" || got == "two", "{}", got);
        }
        let routes = router.routes();
        assert!(routes.len() == 2 || routes.len() == 3);
    }
    drop(stop);
    swapper.join().unwrap();
}

#[test]
fn goes_on_after_a_panic_under_its_lock() {
    let router = router(&[("GET", "/a")]);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guards = (write(&router.routes), write(&router.fallback));
        panic!("with both locks held");
    }));
    assert!(panicked.is_err());
    assert!(router.routes.is_poisoned() && router.fallback.is_poisoned());
    router.add(route("GET", "/b"));
    router.fallback(|_| Response::text("fallback"));
    assert_eq!(answer(&router, "GET", "/a"), "/a []");
    assert_eq!(answer(&router, "GET", "/b"), "/b []");
    assert_eq!(answer(&router, "GET", "/c"), "fallback");
}

#[test]
fn refuses_malformed_routes_with_a_sentence() {
    let table: &[(&str, &str, &str)] = &[
        ("GET", "users", "expected `/` at start"),
        ("GET", "/{id", "expected parameter as whole segment"),
        ("GE T", "/", "invalid route method \"GE T\": not a token"),
        ("", "/", "invalid route method \"\": not a token"),
    ];
    for (method, pattern, want) in table {
        let error = Route::try_on(*method, pattern).unwrap_err().to_string();
        assert!(error.contains(want), "{}", error);
        let result = catch_unwind(|| Route::on(*method, pattern));
        let sentence = result.unwrap_err().downcast::<String>().unwrap();
        assert!(sentence.contains(want), "{}", sentence);
    }
}

/// The bound is two hundred times the time of an optimized build. On any machine and in any build,
/// the test therefore shows only that the time is not linear in the number of routes.
#[test]
fn finds_one_of_a_thousand_routes_at_once() {
    let router = Router::default();
    let handler = Arc::new(|_: &Request| Response::empty_204());
    for i in 0..500 {
        let handler = (Arc::clone(&handler), Arc::clone(&handler));
        let (group, item) = (i / 10, i % 10);
        let literal = format!("/api/v1/group{}/item{}", group, item);
        router.add(Route::get(literal).onconnect(move |r| (handler.0)(r)));
        let parameters = format!("/api/v1/group{}/{{id}}/part{}/{{part}}", group, item);
        router.add(Route::get(parameters).onconnect(move |r| (handler.1)(r)));
    }
    assert_eq!(router.routes().len(), 1_000);
    for (name, status, url) in [
        ("a literal", 204, "/api/v1/group27/item3"),
        ("two parameters", 204, "/api/v1/group27/42/part3/7"),
        ("nothing", 404, "/api/v1/group27/42/part3/7/8"),
    ] {
        let request = Request::fake_http("GET", url, vec![], vec![]);
        // The quickest batch: others may have had to share their core.
        let batches = (0..40).map(|_| {
            let start = Instant::now();
            for _ in 0..50 {
                assert_eq!(router.handle(&request).status_code, status);
            }
            start.elapsed() / 50
        });
        let each = batches.min().expect("a batch");
        println!("{}: {:?}", name, each);
        assert!(each < Duration::from_micros(200), "{}: {:?}", name, each);
    }
}
