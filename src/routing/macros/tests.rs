//! The forms that the macros accept, and the arm that they choose. The tests import nothing for the
//! macros.

use crate::{Request, Response};

fn request(method: &str, url: &str) -> Request {
    Request::fake_http(method, url, vec![], vec![])
}

#[test]
fn takes_the_first_arm_that_fits() {
    let pick = |method: &str, url: &str| -> String {
        crate::router!(request(method, url),
            (GET) (/) => { "root".into() },
            (GET) (/a) => "a".into(),
            (GET) (/a/) => { "a/".into() },
            (GET) (/a-b/c_d) => { "dash".into() },
            (GET) (/robots.txt) => { "dot".into() },
            (GET) (/v1/2) => { "number".into() },
            (GET) (/type/{r#as: u8}) => { format!("keyword {}", r#as) },
            (GET) (/n/{id: u32}) => { format!("u32 {}", id) },
            (GET) (/n/{id: f32}/) => { format!("f32 {}", id) },
            (GET) (/n/{id: String}) => { id },
            (PUT) (/n/{id: String}) => { format!("put {}", id) },
            (GET) (/{a: u8}/plus/{b: i64}) => { (i64::from(a) + b).to_string() },
            (GET) (/path/{n: std::num::NonZeroU8}/{s: String}) => { format!("{} {}", n, s) },
            (GET) ["/q/2.5/x y"] => "quoted".into(),
            (GET) ["/q/{text}/braces"] => { "braces".into() },
            (GET) ["/q/{a}/{b}", b: char, a: String] => { format!("{} {}", a, b) },
            (GET) [concat!("/q/", "built/{n}"), n: u8,] => n.to_string(),
            (HEAD) (/h) => { "own HEAD".into() },
            (GET) (/h) => { "GET".into() },
            (HEAD) (/a) => { "never: GET came first".into() },
            (PROPFIND) (/a) => { "dav".into() },
            _ => "none".into(),
        )
    };
    let table = [
        ("GET", "/", "root"),
        ("GET", "/?/a", "root"),
        ("GET", "", "none"),
        ("GET", "/a", "a"),
        ("GET", "/a?x=/b", "a"),
        ("GET", "/%61", "a"),
        ("GET", "/a/", "a/"),
        ("GET", "/a/b", "none"),
        ("GET", "/A", "none"),
        ("GET", "//a", "none"),
        ("HEAD", "/a", "a"),
        ("POST", "/a", "none"),
        ("get", "/a", "none"),
        ("PROPFIND", "/a", "dav"),
        ("GET", "/a-b/c_d", "dash"),
        ("GET", "/robots.txt", "dot"),
        ("GET", "/v1/2", "number"),
        ("GET", "/n/5", "u32 5"),
        ("GET", "/n/5/", "f32 5"),
        ("GET", "/n/-5", "-5"),
        ("GET", "/n/5.5/", "f32 5.5"),
        ("GET", "/n/a%2Fb%20c", "a/b c"),
        ("GET", "/n/%35", "u32 5"),
        ("GET", "/n/", ""),
        ("GET", "/n", "none"),
        ("PUT", "/n/x", "put x"),
        ("GET", "/3/plus/-4", "-1"),
        ("GET", "/300/plus/-4", "none"),
        ("GET", "/path/0/x", "none"),
        ("GET", "/path/7/x", "7 x"),
        ("GET", "/q/2.5/x%20y", "quoted"),
        ("GET", "/q/{text}/braces", "braces"),
        ("GET", "/q/%7Btext%7D/braces", "braces"),
        ("GET", "/q/one/z", "one z"),
        ("GET", "/q/one/zz", "none"),
        ("GET", "/q/built/7", "built 7"),
        ("GET", "/q/built/77", "77"),
        ("HEAD", "/h", "own HEAD"),
        ("GET", "/h", "GET"),
    ];
    for (method, url, want) in table {
        assert_eq!(pick(method, url), want, "{} {}", method, url);
    }
}

#[test]
fn infers_the_type_of_a_bare_parameter() {
    fn takes(a: u8, b: &str) -> String {
        format!("{}{}", a, b)
    }
    let pick = |url: &str| {
        crate::router!(&request("GET", url),
            (GET) (/{a}/{b}) => { let b: String = b; takes(a, &b) },
            _ => String::new()
        )
    };
    assert_eq!(pick("/1/x"), "1x");
    assert_eq!(pick("/256/x"), "");
}

#[test]
fn arms_may_move_borrow_leave_and_be_any_type() {
    fn by_value(request: &Request, text: String) -> Option<String> {
        Some(crate::router!(request,
            (GET) (/move) => text,
            (GET) (/move/{more: String}) => { [text, more].concat() },
            (GET) (/leave) => return None,
            _ => { text + "!" },,,
        ))
    }
    assert_eq!(
        by_value(&request("GET", "/move"), "a".into()).as_deref(),
        Some("a")
    );
    assert_eq!(
        by_value(&request("GET", "/move/b"), "a".into()).as_deref(),
        Some("ab")
    );
    assert_eq!(by_value(&request("GET", "/leave"), "a".into()), None);
    assert_eq!(
        by_value(&request("GET", "/other"), "a".into()).as_deref(),
        Some("a!")
    );

    fn borrowed(request: &Request) -> &str {
        crate::router!(request, (GET) (/) => request.raw_query_string(), _ => "")
    }
    assert_eq!(borrowed(&request("GET", "/?q")), "q");

    let mut seen = Vec::new();
    for url in ["/skip", "/keep", "/stop", "/keep"] {
        crate::router!(request("GET", url),
            (GET) (/skip) => continue,
            (GET) (/stop) => { break },
            _ => seen.push(url)
        );
    }
    assert_eq!(seen, ["/keep"]);
    assert_eq!(crate::router!(request("GET", "/"), _ => 5), 5);
    let shared = std::sync::Arc::new(request("GET", "/x"));
    assert_eq!(crate::router!(shared, (GET) (/x) => { 1 }, _ => 2), 1);
}

#[test]
fn a_quoted_path_and_its_types_must_agree() {
    type Row = (&'static str, fn(&Request), &'static str);
    let table: [Row; 2] = [
        (
            "/a/1/2",
            |r| crate::router!(r, (GET) ["/a/{x}/{y}", x: u8] => { let _ = x; }, _ => ()),
            "no type for {y} in route \"/a/{x}/{y}\": expected `, y: Type`",
        ),
        (
            "/a/1",
            |r| crate::router!(r, (GET) ["/a/{x}", x: u8, y: u8] => { let _ = (x, y); }, _ => ()),
            "type for y without {y} in route",
        ),
    ];
    for (url, route, want) in table {
        route(&request("POST", url));
        route(&request("GET", "/elsewhere"));
        let request = request("GET", url);
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| route(&request)));
        let sentence = panic.unwrap_err().downcast::<String>().unwrap();
        assert!(sentence.contains(want), "{}", sentence);
    }
}

#[test]
fn find_route_stops_at_the_first_that_is_no_404() {
    let say = |status: u16| Response::text("").with_status_code(status);
    assert_eq!(
        crate::find_route!(say(404), say(500), unreachable!()).status_code,
        500
    );
    assert_eq!(crate::find_route!(say(404), say(404),).status_code, 404);
    assert_eq!(crate::find_route!(say(200)).status_code, 200);
}

#[cfg(feature = "json")]
#[test]
fn a_bad_request_tells_the_error_and_its_causes() {
    #[derive(Debug)]
    struct Outer(Option<std::num::ParseIntError>);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("not \"a\" number")
        }
    }
    impl std::error::Error for Outer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.0.as_ref().map(|cause| cause as _)
        }
    }
    fn ask(result: Result<u8, Outer>) -> Response {
        let value = crate::try_or_400!(result);
        crate::assert_or_400!(value < 9);
        let digit = crate::try_or_404!(char::from_digit(value.into(), 8).ok_or(()));
        Response::text(digit)
    }
    let table = [
        (Ok(7), 200, "7"),
        (Ok(8), 404, ""),
        (Ok(9), 400, ""),
        (
            Err(Outer(None)),
            400,
            r#"{"description":"not \"a\" number","cause":null}"#,
        ),
        (
            Err(Outer("x".parse::<u8>().err())),
            400,
            concat!(
                r#"{"description":"not \"a\" number","cause":"#,
                r#"{"description":"invalid digit found in string","cause":null}}"#
            ),
        ),
    ];
    for (input, status, want) in table {
        let response = ask(input);
        assert_eq!(response.status_code, status);
        let mut body = String::new();
        let (mut reader, _) = response.data.into_reader_and_size();
        std::io::Read::read_to_string(&mut reader, &mut body).unwrap();
        assert_eq!(body, want);
    }
}

/// rouille's signature written out, for an error of any size.
#[cfg(feature = "json")]
#[test]
fn an_error_is_told_in_json_by_hand_too() {
    use crate::try_or_400::ErrJson;
    let _: fn(&std::fmt::Error) -> ErrJson = ErrJson::from_err;
    let _: fn(&(dyn std::error::Error + 'static)) -> ErrJson = ErrJson::from_err;
    let boxed: Box<dyn std::error::Error> = "no".into();
    let text = crate::ToJson::to_json(&ErrJson::from_err(&*boxed)).to_string();
    assert_eq!(text, r#"{"description":"no","cause":null}"#);
}
