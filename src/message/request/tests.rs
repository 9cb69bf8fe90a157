//! The values that a handler reads of a request, and the reuse of a request by the server.

use super::*;

fn get(url: &str) -> Request {
    Request::fake_http("GET", url, vec![], vec![])
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    list.iter().map(own).collect()
}

fn body_of(request: &Request) -> Option<String> {
    let mut text = String::new();
    request.data()?.read_to_string(&mut text).unwrap();
    Some(text)
}

#[test]
fn path_and_query() {
    // (raw URL, path, query)
    let table = [
        ("/", "/", ""),
        ("/?", "/", ""),
        ("/a/b", "/a/b", ""),
        ("/a%20b?c=%20", "/a b", "c=%20"),
        ("/a?b?c", "/a", "b?c"),
        ("/a%3Fb?c", "/a?b", "c"),
        ("/a%2Fb", "/a/b", ""),
        ("/a+b", "/a+b", ""),
        ("/%E2%82%AC", "/\u{20ac}", ""),
        ("/\u{20ac}", "/\u{20ac}", ""),
        ("/%ff", "/\u{fffd}", ""),
        ("/%zz%4", "/%zz%4", ""),
        ("/%2541", "/%41", ""),
        ("*", "*", ""),
        ("", "", ""),
        ("?a", "", "a"),
    ];
    for (raw, path, query) in table {
        let request = get(raw);
        assert_eq!(request.raw_url(), raw);
        assert_eq!(request.url(), path, "{raw}");
        assert_eq!(request.raw_query_string(), query, "{raw}");
    }
}

#[test]
fn prefixes_are_removed_from_the_decoded_path() {
    let table = [
        ("/static/x", "/static", Some("/x")),
        ("/static/x", "/static/", Some("x")),
        ("/static/x", "", Some("/static/x")),
        ("/static", "/static", Some("")),
        ("/static?v=1", "/static", Some("?v=1")),
        ("/%73tatic/x%20y?v", "/static", Some("/x%20y?v")),
        ("/st%61%74ic/x", "/static", Some("/x")),
        ("/a%20b/c", "/a b", Some("/c")),
        ("/a%20b/c", "/a%20b", None),
        ("/%E2%82%AC/c", "/\u{20ac}", Some("/c")),
        ("/\u{20ac}/c", "/\u{20ac}", Some("/c")),
        ("/%3Fa", "/?", Some("a")),
        ("/%zz", "/%z", Some("z")),
        ("/static/x", "/Static", None),
        ("/stat", "/static", None),
        ("/a?/b", "/a?", None),
        ("/%ff/x", "/\u{fffd}", None),
        ("/%C3", "/\u{e9}", None),
        ("", "/", None),
    ];
    for (raw, prefix, want) in table {
        let inner = get(raw).remove_prefix(prefix);
        let got = inner.as_ref().map(Request::raw_url);
        assert_eq!(got, want, "{raw} without {prefix}");
    }
}

#[test]
fn a_request_without_its_prefix_is_the_same_otherwise() {
    let from = ([192, 0, 2, 1], 7).into();
    let headers = pairs(&[("Accept", "*/*")]);
    let outer = Request::fake_https_from(from, "PUT", "/a/b/c?d=1", headers, b"body".to_vec());
    let outer = outer.with_params(pairs(&[("id", "5")]));
    let inner = outer.remove_prefix("/a").unwrap();
    let inner = inner.remove_prefix("/b").unwrap();
    assert_eq!(inner.raw_url(), "/c?d=1");
    assert_eq!(inner.get_param("d").as_deref(), Some("1"));
    assert_eq!(inner.method(), "PUT");
    assert_eq!(inner.header("accept"), Some("*/*"));
    assert_eq!(inner.param("id"), Some("5"));
    assert_eq!(inner.remote_addr(), &from);
    assert!(inner.is_secure());
    assert_eq!(outer.raw_url(), "/a/b/c?d=1");
}

#[test]
fn query_parameters() {
    let table = [
        ("/?p=v", "p", Some("v")),
        ("/?a=1&p=v&b", "p", Some("v")),
        ("/?p", "p", Some("")),
        ("/?p=", "p", Some("")),
        ("/?p&p=2", "p", Some("")),
        ("/?p=1&p=2", "p", Some("1")),
        ("/?p=a+b%2B%20c", "p", Some("a b+ c")),
        ("/?p=a%26b%3Dc", "p", Some("a&b=c")),
        ("/?p=YQ==", "p", Some("YQ==")),
        ("/?p=%E2%82%AC", "p", Some("\u{20ac}")),
        ("/?p=%ff%zz", "p", Some("\u{fffd}%zz")),
        ("/?p=a?b", "p", Some("a?b")),
        ("/?first+name=Ann", "first name", Some("Ann")),
        ("/?%70=v", "p", Some("v")),
        ("/?a%5B%5D=v", "a[]", Some("v")),
        ("/?a%5B%5D=v", "a%5B%5D", Some("v")),
        ("/?=v", "", Some("v")),
        ("/?pp=v&P=v", "p", None),
        ("/p=v", "p", None),
        ("/", "p", None),
        ("/?", "", None),
        ("/?&&", "", None),
    ];
    for (url, name, want) in table {
        assert_eq!(
            get(url).get_param(name).as_deref(),
            want,
            "{name:?} of {url}"
        );
    }
}

#[test]
fn headers_keep_their_order_and_their_duplicates() {
    let list = [
        ("B", "1"),
        ("a", "2"),
        ("b", "3"),
        ("C", ""),
        ("c", "h\u{e9}"),
    ];
    let request = Request::fake_http("GET", "/", pairs(&list), vec![]);
    assert_eq!(request.header("b"), Some("1"));
    assert_eq!(request.header("A"), Some("2"));
    assert_eq!(request.header("c"), Some(""));
    assert_eq!(request.header(""), None);

    let mut iter = request.headers();
    assert_eq!(iter.len(), 5);
    assert_eq!(iter.next(), Some(("B", "1")));
    let rest = iter.clone();
    assert_eq!((iter.len(), rest.len()), (4, 4));
    assert_eq!(iter.collect::<Vec<_>>(), list[1..]);
    let (name, value) = list[1];
    assert!(format!("{rest:?}").starts_with(&format!("[({name:?}, {value:?}), ")));
}

#[test]
fn do_not_track_is_one_or_nought() {
    for (value, want) in [
        ("1", Some(true)),
        ("0", Some(false)),
        ("", None),
        ("yes", None),
    ] {
        let request = Request::fake_http("GET", "/", pairs(&[("dnt", value)]), vec![]);
        assert_eq!(request.do_not_track(), want, "{value:?}");
    }
    assert_eq!(get("/").do_not_track(), None);
}

#[test]
fn one_caller_gets_the_body() {
    let request = Request::fake_http("POST", "/a/b", vec![], b"once".to_vec());
    let view = request.remove_prefix("/a").unwrap();
    let routed = request.with_params(vec![]);
    assert_eq!(body_of(&view).as_deref(), Some("once"));
    assert_eq!(body_of(&request), None);
    assert_eq!(body_of(&routed), None);

    let empty = get("/");
    assert_eq!(body_of(&empty).as_deref(), Some(""));
    assert_eq!(body_of(&empty), None);
}

#[test]
fn an_inner_router_names_its_parameters_anew() {
    let outer = get("/").with_params(pairs(&[("id", "1"), ("a", "2")]));
    let inner = outer.with_params(pairs(&[("id", "3")]));
    assert_eq!(inner.param("id"), Some("3"));
    assert_eq!(inner.param("a"), Some("2"));
    assert_eq!(inner.param("ID"), None);
    assert_eq!(outer.param("id"), Some("1"));
}

fn fill(request: &mut Request, url: &str, body: &'static [u8]) {
    let parts = request.renew();
    parts.head.target = parts.head.push(url);
    parts.set_body(Box::new(body));
}

#[test]
fn a_renewed_request_has_nothing_of_the_last_one() {
    let mut request = Request::fake_https("POST", "/a/b", pairs(&[("A", "1")]), b"old".to_vec());
    request = request.with_params(pairs(&[("id", "1")]));
    request = request.remove_prefix("/a").unwrap();
    let address = *request.peer_addr();
    request.renew().client = Some(([192, 0, 2, 7], 0).into());
    assert_ne!(request.remote_addr(), &address);
    request.renew();
    assert_eq!((request.method(), request.raw_url()), ("", ""));
    assert_eq!(request.headers().len(), 0);
    assert_eq!(request.param("id"), None);
    assert!(!request.is_secure());
    assert_eq!(request.remote_addr(), &address);
    assert_eq!(request.peer_addr(), &address);
    assert_eq!(body_of(&request).as_deref(), Some(""));
}

#[test]
fn renewing_leaves_other_views_unchanged() {
    let mut request = Request::blank();
    fill(&mut request, "/first", b"one");
    let parts = Arc::as_ptr(&request.parts);
    fill(&mut request, "/second", b"two");
    assert_eq!(
        Arc::as_ptr(&request.parts),
        parts,
        "no other view: no new allocation"
    );

    let held = request.remove_prefix("/sec").unwrap();
    fill(&mut request, "/third", b"three");
    assert_eq!(held.raw_url(), "ond");
    assert_eq!(body_of(&held).as_deref(), Some("two"));
    assert_eq!(request.raw_url(), "/third");
    assert_eq!(body_of(&request).as_deref(), Some("three"));
}

#[test]
fn can_be_shared_between_threads_and_kept_over_a_panic() {
    fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<Request>();
    fn check_body<T: Read + Send>() {}
    check_body::<RequestBody<'_>>();
}

#[test]
fn debug_shows_the_request() {
    let request = Request::fake_http("GET", "/a?b", pairs(&[("C", "d")]), vec![]);
    let text = format!("{request:?}");
    for part in ["GET", "/a?b", "[(\"C\", \"d\")]", "127.0.0.1:12345"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
