//! The fields that the constructors set, and injection through their arguments.

use super::*;

#[test]
fn constructors() {
    let cases = [
        (Response::redirect_301("/a"), 301, "Location", "/a"),
        (
            Response::redirect_302(String::from("/b")),
            302,
            "Location",
            "/b",
        ),
        (Response::redirect_303("/c?d"), 303, "Location", "/c?d"),
        (
            Response::redirect_307("http://x/"),
            307,
            "Location",
            "http://x/",
        ),
        (Response::redirect_308(""), 308, "Location", ""),
        (Response::from_data("a/b", "c"), 200, "Content-Type", "a/b"),
        (
            Response::html("c"),
            200,
            "Content-Type",
            "text/html; charset=utf-8",
        ),
        (
            Response::svg("c"),
            200,
            "Content-Type",
            "image/svg+xml; charset=utf-8",
        ),
        (
            Response::text("c"),
            200,
            "Content-Type",
            "text/plain; charset=utf-8",
        ),
        (Response::empty_204(), 204, "", ""),
        (Response::empty_400(), 400, "", ""),
        (Response::empty_404(), 404, "", ""),
        (Response::empty_406(), 406, "", ""),
    ];
    for (response, status, name, value) in cases {
        assert_eq!(response.status_code, status);
        let header = (!name.is_empty()).then(|| (name.into(), value.into()));
        assert_eq!(
            response.headers,
            header.into_iter().collect::<Vec<_>>(),
            "{status}"
        );
        assert!(response.upgrade.is_none());
        let has_body = status == 200;
        let size = response.data.into_reader_and_size().1;
        assert_eq!(size, Some(usize::from(has_body)), "{status}");
    }
}

#[test]
fn success_is_200_to_399() {
    for (status, want) in [
        (101, false),
        (199, false),
        (200, true),
        (399, true),
        (400, false),
    ] {
        let response = Response::empty_204().with_status_code(status);
        assert_eq!(
            (response.is_success(), response.is_error()),
            (want, !want),
            "{status}"
        );
    }
}

#[test]
fn a_realm_cannot_leave_its_quotes() {
    let table = [
        ("realm", r#"Basic realm="realm""#),
        ("", r#"Basic realm="""#),
        (r#"a", charset="x"#, r#"Basic realm="a\", charset=\"x""#),
        (r"a\", r#"Basic realm="a\\""#),
        (
            "a\r\nSet-Cookie: b\0\x7f",
            r#"Basic realm="a  Set-Cookie: b  ""#,
        ),
        ("h\u{e9}", "Basic realm=\"h\u{e9}\""),
    ];
    for (realm, want) in table {
        let response = Response::basic_http_auth_login_required(realm);
        assert_eq!(response.status_code, 401);
        assert_eq!(
            response.headers,
            [("WWW-Authenticate".into(), want.into())],
            "{realm:?}"
        );
    }
}

#[test]
fn can_be_made_on_one_thread_and_sent_on_another() {
    fn is_send<T: Send>() {}
    is_send::<Response>();
}
