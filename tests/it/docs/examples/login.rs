//! The example `login`: the form with its mistakes, the session, and the token of each form.

use super::child::Example;
use crate::support::{get, Client, Reply};

/// A browser: its cookie, and the token of the form that it shows.
struct Browser<'a> {
    login: &'a Example,
    cookie: String,
    token: String,
}

impl Browser<'_> {
    fn new(login: &Example) -> Browser<'_> {
        Browser {
            login,
            cookie: String::new(),
            token: String::new(),
        }
    }

    fn get(&mut self, path: &str) -> Reply {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    fn post(&mut self, path: &str, fields: &str) -> Reply {
        let body = format!("csrf_token={}&{fields}", self.token);
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {length}\r\n"
        );
        self.send(&head, &body)
    }

    fn send(&mut self, head: &str, body: &str) -> Reply {
        let cookie = format!("Host: a\r\nCookie: {}\r\n\r\n", self.cookie);
        let mut client = Client::connect(self.login.addr);
        let reply = client.send(head.to_owned() + &cookie + body).response();
        if let Some(cookie) = reply.header("Set-Cookie") {
            self.cookie = cookie.split(';').next().unwrap().to_owned();
        }
        if let Some(rest) = reply.text().split("name=\"csrf_token\" value=\"").nth(1) {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        reply
    }
}

const CORRECT: &str = "name=demo&password=millpond";

#[test]
fn login_signs_in_and_out() {
    let login = Example::start("login", &[]);
    let mut browser = Browser::new(&login);
    assert_eq!(browser.get("/").header("Location"), Some("/login"));
    let page = browser.get("/login");
    assert!(page.text().contains("<h1>Sign in</h1>"));
    let policy = page.header("Content-Security-Policy");
    assert!(policy.map_or(false, |policy| policy.contains("default-src 'none'")));

    let old_cookie = browser.cookie.clone();
    let reply = browser.post("/login", CORRECT);
    assert_eq!((reply.status, reply.header("Location")), (303, Some("/")));
    assert_ne!(
        browser.cookie, old_cookie,
        "the id before the login may be known to others"
    );
    assert!(browser.get("/").text().contains("<h1>Hello, demo</h1>"));

    let signed_in = browser.cookie.clone();
    let reply = browser.post("/logout", "");
    assert_eq!(
        (reply.status, reply.header("Location")),
        (303, Some("/login"))
    );
    assert_eq!(browser.cookie, "SID=", "the browser removes the cookie");
    browser.cookie = signed_in;
    assert_eq!(browser.get("/").status, 303, "the server removes the login");
    assert_eq!(get(login.addr, "/nothing").status, 404);
}

#[test]
fn login_shows_mistakes_beside_the_fields_and_keeps_the_name() {
    let login = Example::start("login", &[]);
    let mut browser = Browser::new(&login);
    browser.get("/login");
    let error = |field: &str, text: &str| format!("id=\"{field}-error\" role=\"alert\">{text}</p>");
    let wrong = "The name or the password is wrong.";
    for (fields, name, name_error, password_error) in [
        (
            "",
            "",
            "Please enter your name.",
            "Please enter your password.",
        ),
        ("name=&password=x", "", "Please enter your name.", ""),
        ("name=demo", "demo", "", "Please enter your password."),
        ("name=demo&password=x", "demo", "", wrong),
        ("name=other&password=millpond", "other", "", wrong),
        (
            "name=%22%3E%3Cb%3E%27%26&password=x",
            "&quot;&gt;&lt;b&gt;&#39;&amp;",
            "",
            wrong,
        ),
        // A value is no template.
        (
            "name=%7B%7Bcsrf_token%7D%7D&password=x",
            "{{csrf_token}}",
            "",
            wrong,
        ),
    ] {
        let reply = browser.post("/login", fields);
        let text = reply.text();
        assert_eq!(reply.status, 422, "{fields}");
        assert!(
            text.contains(&format!("name=\"name\" value=\"{name}\"")),
            "{fields}: {text}"
        );
        assert!(
            text.contains(&error("name", name_error)),
            "{fields}: {text}"
        );
        assert!(
            text.contains(&error("password", password_error)),
            "{fields}: {text}"
        );
        assert!(
            text.contains("<p class=\"form error\" role=\"alert\"></p>"),
            "{fields}"
        );
    }
    let reply = browser.post("/login", "name=a&name=b");
    assert_eq!(reply.status, 400);
    assert!(
        reply.text().contains("role=\"alert\">invalid form field"),
        "{reply:?}"
    );
    // After all these mistakes, the form still works.
    assert_eq!(browser.post("/login", CORRECT).status, 303);
}

#[test]
fn login_rejects_forms_without_their_token() {
    let login = Example::start("login", &[]);
    let mut browser = Browser::new(&login);
    browser.get("/login");
    let token = std::mem::take(&mut browser.token);
    let reply = browser.post("/login", CORRECT);
    assert_eq!(reply.status, 422);
    assert!(reply
        .text()
        .contains("The form has expired. Please try again."));
    // The token of one browser is no token of another browser.
    let mut other = Browser::new(&login);
    other.get("/login");
    other.token = token;
    assert_eq!(other.post("/login", CORRECT).status, 422);

    assert_eq!(browser.post("/login", CORRECT).status, 303);
    // A page of another site has the cookie on its side, but not the token.
    browser.token.clear();
    assert_eq!(browser.post("/logout", "").status, 403);
    assert!(browser.get("/").text().contains("Hello, demo"));
    assert_eq!(browser.post("/logout", "").status, 303);
}
