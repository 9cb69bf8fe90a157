//! Signing in: `cargo run --release --example login [ADDRESS]`, then open the printed URL. The user
//! is `demo`, and the password is `millpond`.
//!
//! The example shows a session, a form that keeps the typed name and shows its errors beside the
//! fields, a token against forged requests (CSRF), signing out, and escaped HTML.

use millpond::session::{generate_session_id, session, Session};
use millpond::{post_input, router, Address, Request, Response, Server};
use std::time::{Duration, Instant};
use std::{collections::HashMap, error::Error, sync::Mutex};

/// Names and passwords. A real program stores a slow hash of each password, not the password.
const USERS: [(&str, &str); 1] = [("demo", "millpond")];
const COOKIE_NAME: &str = "SID";
const SESSION_SECONDS: u64 = 3_600;
/// The pages run no script, load nothing, and cannot be framed by another site.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

/// The data of one login.
#[derive(Clone)]
struct Login {
    user: String,
    csrf_token: String,
    expires: Instant,
}

/// All logins by session id. An entry is made for a correct password, and not for each visit.
/// Without this rule, visits without cookies could fill the memory.
type Logins = Mutex<HashMap<String, Login>>;

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let address: Address = address.as_deref().unwrap_or("127.0.0.1:8080").parse()?;
    let logins = Logins::default();
    let server = Server::listen_on([address], move |request| {
        // `session` reads the cookie of the request, and adds the cookie to the response.
        session(request, COOKIE_NAME, SESSION_SECONDS, |session| {
            respond(request, session, &logins)
        })
    })?;
    println!("http://{}/", server.server_addr());
    server.run();
    Ok(())
}

fn respond(request: &Request, session: &Session, logins: &Logins) -> Response {
    let login = logins.lock().unwrap().get(session.id()).cloned();
    let login = login.filter(|login| login.expires > Instant::now());
    // Each form contains a token. Another site can make a browser post a form with the cookie of
    // this site, but cannot read the token. Before the login, the token is the session id, which
    // grants nothing, as signing in replaces the id.
    let token = login
        .as_ref()
        .map_or(session.id(), |login| &login.csrf_token);
    router!(request,
        (GET) (/) => match &login {
            Some(login) => {
                let values = [("user", login.user.as_str()), ("csrf_token", token)];
                page(200, include_str!("home.html"), &values)
            },
            None => Response::redirect_303("/login"),
        },
        (GET) (/login) => login_page(200, token, "", &[]),
        (POST) (/login) => sign_in(request, session, token, logins),
        (POST) (/logout) => sign_out(request, session, token, logins),
        _ => Response::empty_404(),
    )
}

fn sign_in(request: &Request, session: &Session, token: &str, logins: &Logins) -> Response {
    // 1. Read the form. A missing field counts as an empty field.
    let input = match post_input!(request, {
        name: Option<String>, password: Option<String>, csrf_token: Option<String>,
    }) {
        Ok(input) => input,
        Err(error) => return login_page(400, token, "", &[("form_error", &error.to_string())]),
    };
    let name = input.name.unwrap_or_default();
    let password = input.password.unwrap_or_default();
    // 2. Collect all mistakes. The page shows each one beside its field.
    let mut errors = Vec::new();
    if input.csrf_token.as_deref() != Some(token) {
        errors.push(("form_error", "The form has expired. Please try again."));
    }
    if name.is_empty() {
        errors.push(("name_error", "Please enter your name."));
    }
    if password.is_empty() {
        errors.push(("password_error", "Please enter your password."));
    }
    if errors.is_empty() && !USERS.contains(&(&name, &password)) {
        // The same text for both mistakes. Without this, the form would reveal the names of users.
        errors.push(("password_error", "The name or the password is wrong."));
    }
    if !errors.is_empty() {
        return login_page(422, token, &name, &errors);
    }
    // 3. Store the login under a new id. An attacker may have planted the old id in this browser.
    let mut logins = logins.lock().unwrap();
    logins.retain(|_, login| login.expires > Instant::now());
    logins.remove(session.id());
    session.regenerate_id();
    let login = Login {
        user: name,
        csrf_token: generate_session_id(),
        expires: Instant::now() + Duration::from_secs(SESSION_SECONDS),
    };
    logins.insert(session.id().to_owned(), login);
    // 4. Redirect with 303, so that a reload of the next page does not post the form again.
    Response::redirect_303("/")
}

fn sign_out(request: &Request, session: &Session, token: &str, logins: &Logins) -> Response {
    match post_input!(request, { csrf_token: String }) {
        Ok(input) if input.csrf_token == token => {}
        _ => return Response::text("wrong token\n").with_status_code(403),
    }
    logins.lock().unwrap().remove(session.id());
    let cookie = format!("{COOKIE_NAME}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax");
    Response::redirect_303("/login").with_additional_header("Set-Cookie", cookie)
}

fn login_page(status: u16, token: &str, name: &str, errors: &[(&str, &str)]) -> Response {
    let values = [&[("csrf_token", token), ("name", name)], errors].concat();
    page(status, include_str!("login.html"), &values)
}

/// Returns the template with each `{{key}}` replaced by its value, or removed if it has no value.
fn page(status: u16, template: &str, values: &[(&str, &str)]) -> Response {
    let mut html = String::new();
    for part in template.split("{{") {
        let (key, rest) = part.split_once("}}").unwrap_or(("", part));
        let value = values.iter().find(|(name, _)| *name == key);
        html = html + &escape(value.map_or("", |(_, text)| text)) + rest;
    }
    Response::html(html)
        .with_status_code(status)
        .with_no_cache()
        .with_additional_header("Content-Security-Policy", POLICY)
}

/// Escapes text for HTML. Without this, a typed name could contain a script.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}
