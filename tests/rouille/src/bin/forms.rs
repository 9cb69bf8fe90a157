//! Programs with forms as they are written for rouille: a form with files, a login, a type for
//! fields, a form read part by part. They serve themselves, and panic if an answer is wrong.

#[macro_use]
extern crate rouille;

use rouille::input::multipart::{get_multipart_input, MultipartError};
use rouille::input::post::{BufferedFile, DecodePostField, PostError, PostFieldError};
use rouille::{Request, Response, Server};
use std::collections::HashMap;
use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

const MULTIPART: &str = "multipart/form-data; boundary=----x";
const URLENCODED: &str = "application/x-www-form-urlencoded";

fn main() {
    let sessions: Mutex<HashMap<String, String>> = Mutex::new(HashMap::new());
    let server = Server::new("localhost:0", move |request| {
        rouille::log(&request, io::sink(), || {
            router!(request,
                (POST) (/submit) => {
                    let data = try_or_400!(post_input!(request, {
                        txt: String,
                        files: Vec<rouille::input::post::BufferedFile>,
                    }));
                    Response::text(format!("{:?}", data))
                },
                (POST) (/parts) => { parts(request) },
                (POST) (/sizes) => { sizes(request) },
                _ => rouille::session::session(request, "SID", 3600, |session| {
                    let mut login = if session.client_has_sid() {
                        sessions.lock().unwrap().get(session.id()).cloned()
                    } else {
                        None
                    };
                    let response = private(request, &mut login);
                    if let Some(login) = login {
                        sessions.lock().unwrap().insert(session.id().to_owned(), login);
                    } else if session.client_has_sid() {
                        sessions.lock().unwrap().remove(session.id());
                    }
                    response
                })
            )
        })
    })
    .unwrap();
    assert!(!globs(PostError::WrongContentType));
    let address = server.server_addr();
    let (handle, sender) = server.stoppable();
    let client = thread::spawn(move || visit(address));
    client.join().unwrap();
    sender.send(()).unwrap();
    handle.join().unwrap();
}

fn visit(address: SocketAddr) {
    let form = "------x\r\nContent-Disposition: form-data; name=\"txt\"\r\n\r\nhello\r\n\
                ------x\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.png\"\r\n\
                Content-Type: image/png\r\n\r\npixels\r\n------x--\r\n";
    let answer = post(address, "/submit", MULTIPART, "", form);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{}", answer);
    let file = "BufferedFile { data: <6 bytes>, mime: \"image/png\", filename: Some(\"a.png\") }";
    let want = format!("PostInput {{ txt: \"hello\", files: [{}] }}", file);
    assert!(answer.replace('\\', "").contains(&want), "{}", answer);
    let answer = post(address, "/submit", URLENCODED, "", "files=a");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{}", answer);

    let answer = post(address, "/parts", MULTIPART, "", form);
    assert!(
        answer.ends_with("\r\n\r\ntxt=hello files=a.png(image/png)6 "),
        "{}",
        answer
    );
    let answer = post(address, "/parts", MULTIPART, "", &form[..form.len() - 20]);
    assert!(answer.starts_with("HTTP/1.1 500 "), "{}", answer);
    let answer = post(address, "/parts", URLENCODED, "", "txt=hello");
    assert!(answer.starts_with("HTTP/1.1 415 "), "{}", answer);
    let answer = post(
        address,
        "/sizes",
        MULTIPART,
        "",
        &form.replace("txt", "files"),
    );
    assert!(answer.ends_with("\r\n\r\n[5, 12]"), "{}", answer);

    let answer = post(address, "/private", URLENCODED, "", "");
    assert!(answer.starts_with("HTTP/1.1 303 "), "{}", answer);
    let answer = post(
        address,
        "/login",
        URLENCODED,
        "",
        "login=Ann&password=sesame",
    );
    assert!(answer.contains("Wrong login/password"), "{}", answer);
    let answer = post(
        address,
        "/login",
        URLENCODED,
        "",
        "login=A%20n%2B&password=b+b",
    );
    assert!(answer.starts_with("HTTP/1.1 303 "), "{}", answer);
    let cookie = answer.split("Set-Cookie: ").nth(1).expect("a cookie");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let answer = post(address, "/private", URLENCODED, &cookie, "");
    assert!(answer.ends_with("\r\n\r\nprivate to A n+"), "{}", answer);
    post(address, "/logout", URLENCODED, &cookie, "");
    let answer = post(address, "/private", URLENCODED, &cookie, "");
    assert!(answer.starts_with("HTTP/1.1 303 "), "{}", answer);
}

fn private(request: &Request, session_data: &mut Option<String>) -> Response {
    router!(request,
        (POST) (/login) => {
            let data = try_or_400!(post_input!(request, {
                login: String,
                password: String,
            }));
            if data.password.starts_with("b") {
                *session_data = Some(data.login);
                return Response::redirect_303("/");
            } else {
                return Response::html("Wrong login/password");
            }
        },
        (POST) (/logout) => {
            *session_data = None;
            return Response::html("Logout successful.");
        },
        _ => ()
    );
    match session_data.as_ref() {
        Some(login) => Response::text(format!("private to {}", login)),
        None => Response::redirect_303("/"),
    }
}

fn parts(request: &Request) -> Response {
    let mut multipart = match get_multipart_input(request) {
        Ok(multipart) => multipart,
        Err(MultipartError::WrongContentType) => return Response::text("").with_status_code(415),
        Err(MultipartError::BodyAlreadyExtracted) => return Response::empty_400(),
    };
    let mut all = String::new();
    while let Some(mut field) = multipart.next() {
        if field.is_text() {
            let mut text = String::new();
            field
                .data
                .read_to_string(&mut text)
                .expect("a field is text");
            all += &format!("{}={} ", field.headers.name, text);
        } else if let Some(filename) = field.headers.filename {
            let mut bytes = Vec::new();
            field.data.read_to_end(&mut bytes).expect("a file is whole");
            let mime = field
                .headers
                .content_type
                .map(|m| m.to_string())
                .unwrap_or_default();
            let name: &str = field.headers.name.as_ref();
            all += &format!("{}={}({}){} ", name, filename, mime, bytes.len());
        }
    }
    Response::text(all)
}

/// How large a field is; a file counts twice.
#[derive(Debug)]
struct Size(usize);

impl DecodePostField<usize> for Size {
    fn from_field(_: usize, content: &str) -> Result<Self, PostFieldError> {
        Ok(Size(content.len()))
    }

    fn from_file<R>(
        factor: usize,
        mut file: R,
        _: Option<&str>,
        _: &str,
    ) -> Result<Self, PostFieldError>
    where
        R: BufRead,
    {
        let mut out = Vec::new();
        file.read_to_end(&mut out)?;
        Ok(Size(factor * out.len()))
    }
}

fn sizes(request: &Request) -> Response {
    let input = post_input!(request, {
        files: Vec<Size> {2},
        avatar: Option<BufferedFile>,
    });
    match input {
        Ok(input) => {
            let sizes: Vec<_> = input.files.iter().map(|size| size.0).collect();
            Response::text(format!("{:?}", sizes))
        }
        Err(PostError::Field {
            field,
            error: PostFieldError::MissingField,
        }) => Response::text(field).with_status_code(422),
        Err(error) => try_or_400!(Err(error)),
    }
}

/// Names that a program has from elsewhere, by a glob beside rouille's.
mod shop {
    pub struct Form;
    pub struct Entry;
    pub fn absent(_: Form, _: Entry) {}
}

fn globs(error: PostError) -> bool {
    use crate::shop::*;
    use rouille::input::multipart::*;
    use rouille::input::post::*;
    absent(Form, Entry);
    match error {
        PostError::Field { .. } => true,
        _ => MultipartError::WrongContentType.to_string().is_empty(),
    }
}

fn post(address: SocketAddr, path: &str, kind: &str, more: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let length = body.len();
    write!(
        stream,
        "POST {} HTTP/1.0\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n{}",
        path, kind, more, length, body
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
