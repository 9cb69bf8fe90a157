//! What a program written for rouille reads of a request, and how it tells clients apart. It tries
//! its handlers without a server, and panics if an answer is wrong.

#[macro_use]
extern crate rouille;

use rouille::input::json::JsonError;
use rouille::input::{self, HttpAuthCredentials, PlainTextError};
use rouille::session::{self, Session};
use rouille::{Request, Response};
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Debug, Clone)]
struct SessionData {
    login: String,
}

fn main() {
    let storage: Mutex<HashMap<String, SessionData>> = Mutex::new(HashMap::new());

    let stranger = request("GET", "/", &[], "");
    assert_eq!(site(&stranger, &storage).status_code, 303);

    // "Ann:sesame", and then with the cookie alone.
    let login = request(
        "POST",
        "/login",
        &[("Authorization", "Basic QW5uOnNlc2FtZQ==")],
        "",
    );
    let welcome = site(&login, &storage);
    assert_eq!(text(welcome), "hello Ann");
    let sid = storage.lock().unwrap().keys().next().unwrap().clone();
    let cookie = format!("theme=dark; SID={}", sid);
    let known = request(
        "GET",
        "/",
        &[("Cookie", &cookie), ("Accept", "text/plain")],
        "",
    );
    assert_eq!(text(site(&known, &storage)), "you are Ann in dark");
    let known = request(
        "GET",
        "/",
        &[("Cookie", &cookie), ("Accept", "image/png")],
        "",
    );
    assert_eq!(site(&known, &storage).status_code, 406);
    let note = request(
        "POST",
        "/note",
        &[
            ("Cookie", &cookie),
            ("Content-Type", "text/plain; charset=utf8"),
        ],
        "buy tea",
    );
    assert_eq!(text(site(&note, &storage)), "Ann: buy tea");
    let logout = request("POST", "/logout", &[("Cookie", &cookie)], "");
    site(&logout, &storage);
    assert!(storage.lock().unwrap().is_empty());

    let header = "text/plain; q=1.2, image/png; q=2.0";
    let handled = ["image/gif", "image/png", "text/plain"];
    let preferred = input::priority_header_preferred(header, handled.iter().cloned());
    assert_eq!(preferred, Some(1));
    let mut list = input::parse_priority_header("text/plain, image/png; q=1.5");
    assert_eq!(list.next().unwrap(), ("text/plain", 1.0));
    assert_eq!(list.next().unwrap(), ("image/png", 1.5));

    let error = std::num::ParseIntError::from("x".parse::<u8>().unwrap_err());
    let told = rouille::try_or_400::ErrJson::from_err(&error);
    assert!(text(Response::json(&told)).contains("\"cause\":null"));
}

fn site(request: &Request, storage: &Mutex<HashMap<String, SessionData>>) -> Response {
    session::session(request, "SID", 3600, |session: &Session| {
        let mut session_data = if session.client_has_sid() {
            storage.lock().unwrap().get(session.id()).cloned()
        } else {
            None
        };
        let response = route(request, &mut session_data);
        if let Some(data) = session_data {
            storage
                .lock()
                .unwrap()
                .insert(session.id().to_owned(), data);
        } else if session.client_has_sid() {
            storage.lock().unwrap().remove(session.id());
        }
        response
    })
}

fn route(request: &Request, session_data: &mut Option<SessionData>) -> Response {
    router!(request,
        (POST) (/login) => {
            let auth = match input::basic_http_auth(request) {
                Some(a) => a,
                None => return Response::basic_http_auth_login_required("realm"),
            };
            let HttpAuthCredentials { login, password } = auth;
            if password != "sesame" {
                return Response::text("Bad login/password").with_status_code(403);
            }
            let response = Response::text(format!("hello {}", login));
            *session_data = Some(SessionData { login });
            return response;
        },
        (POST) (/logout) => {
            *session_data = None;
            return Response::html("Logout successful.");
        },
        _ => ()
    );
    match session_data {
        Some(data) => route_logged_in(request, data),
        None => Response::redirect_303("/login"),
    }
}

fn route_logged_in(request: &Request, data: &SessionData) -> Response {
    router!(request,
        (GET) (/) => {
            let theme = input::cookies(request).find(|&(n, _)| n == "theme");
            let line = format!("you are {} in {}", data.login, theme.map(|(_, v)| v).unwrap_or(""));
            accept!(request,
                "text/html" => { Response::html(line) },
                "text/plain" => Response::text(line),
                "*/*" => Response::empty_406(),
            )
        },
        (POST) (/note) => {
            let note = match input::plain_text_body_with_limit(request, 100) {
                Ok(text) => text,
                Err(PlainTextError::LimitExceeded) => return Response::empty_400(),
                Err(PlainTextError::BodyAlreadyExtracted) => unreachable!(),
                Err(e @ PlainTextError::WrongContentType)
                | Err(e @ PlainTextError::IoError(_))
                | Err(e @ PlainTextError::NotUtf8) => try_or_400!(Err(e)),
            };
            Response::text(format!("{}: {}", data.login, note))
        },
        _ => described(request)
    )
}

fn described(request: &Request) -> Response {
    // In a program that has serde, the type is one that it derives.
    let numbers: Vec<u32> = match input::json_input(request) {
        Ok(numbers) => numbers,
        Err(JsonError::WrongContentType) => return Response::empty_404(),
        Err(e) => try_or_400!(Err(e)),
    };
    Response::text(numbers.len().to_string())
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let headers = headers
        .iter()
        .map(|&(n, v)| (n.to_owned(), v.to_owned()))
        .collect();
    Request::fake_http(method, url, headers, body.into())
}

fn text(response: Response) -> String {
    let (mut reader, _) = response.data.into_reader_and_size();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}
