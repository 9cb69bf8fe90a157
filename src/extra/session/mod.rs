//! Sessions: an id for each client, in a cookie. The program stores its data about a client under
//! this id, and decides how long to keep the data. The module stores nothing.
//!
//! # Example: count the visits of each client
//!
//! ```
//! use millpond::{session, Request, Response};
//! use std::collections::HashMap;
//! use std::sync::Mutex;
//!
//! fn handle(request: &Request, visits: &Mutex<HashMap<String, u32>>) -> Response {
//!     session::session(request, "SID", 3600, |session| {
//!         let mut visits = visits.lock().unwrap();
//!         let count = visits.entry(session.id().to_owned()).or_insert(0);
//!         *count += 1;
//!         Response::text(format!("visit {count}"))
//!     })
//! }
//!
//! let visits = Mutex::default();
//! let first = handle(&Request::fake_http("GET", "/", vec![], vec![]), &visits);
//! let (_, cookie) = first.headers.last().unwrap();
//! let sid = cookie.split(';').next().unwrap().to_owned();
//! let again = Request::fake_http("GET", "/", vec![("Cookie".into(), sid)], vec![]);
//! handle(&again, &visits);
//! assert_eq!(visits.lock().unwrap().values().max(), Some(&2));
//! ```
//!
//! # Duties of the program
//!
//! * **Change the id at each login.** An attacker may know a valid id. For example, the attacker
//!   visits the site, and plants the received id in another browser. Call
//!   [`Session::regenerate_id`] before you store which user has logged in. The planted id is then
//!   worthless.
//! * **End sessions.** The `Max-Age` of the cookie is only a request to the browser. The program
//!   must delete the data of an id after a time, and at a logout. Clients without cookies get a new
//!   id with each request, and could fill the memory with entries. Create an entry at the login.
//! * **Use TLS**, with a [trusted](crate::Proxies) proxy. The cookie is then `Secure`. If the name
//!   begins with `__Host-`, another host of the domain cannot set the cookie.
//!
//! # Source of the ids
//!
//! An id has 256 random bits, written as 64 hexadecimal digits. On Unix, the bits are those of the
//! system, from `/dev/urandom`. The file is opened once, and if a read fails, there is no id.
//!
//! On other systems, std gives access to the system's generator only through the keys of hash maps.
//! There, an id is SipHash with such keys, of a count, the time and a stack address. The system
//! makes these 128-bit keys for each thread. No way to predict the output is known. std does not
//! guarantee that, so this is not formally a cryptographically secure generator.
//!
//! # Tests
//!
//! `tests/it/extras/session.rs` and `src/extra/session/tests.rs`.

use super::input;
use crate::message::{Request, Response};
use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

// The files:
//
// * `system`: randomness from `/dev/urandom`
// * `hashed`: randomness on other systems than Unix

#[cfg(any(not(unix), test))]
mod hashed;
#[cfg(unix)]
mod system;

#[cfg(not(unix))]
use self::hashed::random;
#[cfg(unix)]
use self::system::random;

/// 64 characters: the length of an id, as in rouille. Ids of a program that used rouille stay
/// valid.
const ID_CHARS: usize = 64;

/// Calls `inner` with the session of the client, and returns its response. Adds a cookie with the
/// session's id if `inner` has used the id.
///
/// The id is the value of the client's cookie with this name, if the value has 64 ASCII letters and
/// digits. Otherwise the client gets a new id. The client also gets a new id if several cookies of
/// the name differ, because one of them may be planted.
///
/// The attributes of the cookie are:
///
/// | attribute | effect |
/// |---|---|
/// | `Max-Age` | the cookie ends `timeout_s` seconds after the last response with the cookie |
/// | `Path=/` | browsers send the cookie for the whole site |
/// | `HttpOnly` | scripts cannot read the cookie |
/// | `SameSite=Lax` | browsers do not send the cookie with posts and embeds of other sites |
/// | `Secure`, if this request used TLS | browsers send the cookie only over TLS |
///
/// If the response already has a `Set-Cookie` of this name, no cookie is added. `inner` can thus
/// set other attributes, or end the session with `Max-Age=0`.
///
/// `cookie_name` must be a token: letters, digits, `-`, `_` and similar characters.
///
/// If the system returns no randomness, the response is 503, and `inner` is not called.
///
/// ```
/// use millpond::{session::session, Request, Response};
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// let response = session(&request, "SID", 3600, |session| Response::text(session.id()));
/// assert!(response.headers[1].1.ends_with("; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"));
///
/// let response = session(&request, "SID", 3600, |_| Response::text("hello"));
/// assert_eq!(response.headers.len(), 1); // no cookie, because `inner` did not use the id
/// ```
pub fn session<'r, F>(request: &'r Request, cookie_name: &str, timeout_s: u64, inner: F) -> Response
where
    F: FnOnce(&Session<'r>) -> Response,
{
    match new_id() {
        Ok(fresh) => with_session(request, cookie_name, timeout_s, fresh, inner),
        Err(_) => Response::text("no session available\n").with_status_code(503),
    }
}

fn with_session<'r, F>(
    request: &'r Request,
    cookie_name: &str,
    timeout_s: u64,
    fresh: String,
    inner: F,
) -> Response
where
    F: FnOnce(&Session<'r>) -> Response,
{
    let session = Session {
        given: client_id(request, cookie_name),
        fresh,
        used: AtomicBool::new(false),
        renewed: AtomicBool::new(false),
    };
    let mut response = inner(&session);
    if session.used.into_inner() && !sets_cookie(&response, cookie_name) {
        let id = match (session.given, session.renewed.into_inner()) {
            (Some(given), false) => given,
            _ => &session.fresh,
        };
        let secure = if request.is_secure() { "; Secure" } else { "" };
        let cookie = format!(
            "{cookie_name}={id}; Max-Age={timeout_s}; Path=/; HttpOnly; SameSite=Lax{secure}"
        );
        response.headers.push(("Set-Cookie".into(), cookie.into()));
    }
    response
}

/// The session of one client during one request, which [`session`] passes to `inner`.
pub struct Session<'r> {
    given: Option<&'r str>,
    fresh: String,
    /// Set when the program has read or renewed the id. The response must then have the cookie.
    used: AtomicBool,
    renewed: AtomicBool,
}

impl<'r> Session<'r> {
    /// Returns whether the client sent a valid id. Otherwise the client is new.
    ///
    /// ```
    /// use millpond::{session::session, Request, Response};
    ///
    /// let request = Request::fake_http("GET", "/", vec![], vec![]);
    /// session(&request, "SID", 3600, |session| {
    ///     assert!(!session.client_has_sid());
    ///     Response::empty_204()
    /// });
    /// ```
    pub fn client_has_sid(&self) -> bool {
        self.given.is_some()
    }

    /// Returns the id that the client sent, or a new one. This call adds the cookie to the
    /// response.
    ///
    /// ```
    /// use millpond::{session::session, Request, Response};
    ///
    /// let sid = "0".repeat(64);
    /// let headers = vec![("Cookie".into(), format!("SID={sid}"))];
    /// let request = Request::fake_http("GET", "/", headers, vec![]);
    /// session(&request, "SID", 3600, |session| {
    ///     assert_eq!(session.id(), sid);
    ///     Response::empty_204()
    /// });
    /// ```
    pub fn id(&self) -> &str {
        self.used.store(true, Ordering::Relaxed);
        match self.given {
            Some(given) if !self.renewed.load(Ordering::Relaxed) => given,
            _ => &self.fresh,
        }
    }

    /// Replaces the [`id`](Session::id) by a new one, which no client knows. Call this function at
    /// a login: see [Duties of the program](self#duties-of-the-program).
    ///
    /// The program must move or delete the data that is stored under the old id. A second call has
    /// no effect.
    ///
    /// ```
    /// use millpond::{session::session, Request, Response};
    /// use std::collections::HashMap;
    ///
    /// let mut users = HashMap::new();
    /// let headers = vec![("Cookie".into(), format!("SID={}", "0".repeat(64)))];
    /// let request = Request::fake_http("POST", "/login", headers, vec![]);
    /// let response = session(&request, "SID", 3600, |session| {
    ///     users.remove(session.id());
    ///     session.regenerate_id();
    ///     users.insert(session.id().to_owned(), "Ann");
    ///     Response::redirect_303("/")
    /// });
    /// let (_, cookie) = response.headers.last().unwrap();
    /// assert!(users.contains_key(&cookie["SID=".len()..][..64]));
    /// ```
    pub fn regenerate_id(&self) {
        self.used.store(true, Ordering::Relaxed);
        self.renewed.store(true, Ordering::Relaxed);
    }
}

/// Returns a new id for a session: 64 unpredictable digits ([source of the
/// ids](self#source-of-the-ids)). The digits are also useful for other secrets, such as a
/// confirmation link or a token against forged forms.
///
/// # Panics
///
/// Panics if the system returns no randomness: `/dev/urandom` is missing, or the process has no
/// free descriptor to open the file. The file is opened once and stays open. To avoid the second
/// case, create an id before the server starts.
///
/// ```
/// use millpond::session::generate_session_id;
///
/// let id = generate_session_id();
/// assert_eq!(id.len(), 64);
/// assert_ne!(id, generate_session_id());
/// ```
pub fn generate_session_id() -> String {
    match new_id() {
        Ok(id) => id,
        // The caller would use any other result as a secret.
        Err(error) => panic!("no randomness from system: {error}"),
    }
}

fn new_id() -> io::Result<String> {
    Ok(format_id(random()?))
}

fn format_id(bytes: [u8; ID_CHARS / 2]) -> String {
    let mut id = String::with_capacity(ID_CHARS);
    for byte in bytes {
        write!(id, "{byte:02x}").expect("writing to a String never fails");
    }
    id
}

/// Returns the valid id that the client sent.
fn client_id<'r>(request: &'r Request, cookie_name: &str) -> Option<&'r str> {
    let mut ids = input::cookies(request)
        .filter(|(name, _)| *name == cookie_name)
        .map(|(_, id)| id)
        .filter(|id| is_id(id));
    let first = ids.next()?;
    Some(first).filter(|first| ids.all(|id| id == *first))
}

/// Returns whether the text is an id. Ids of rouille have letters of either case.
fn is_id(text: &str) -> bool {
    text.len() == ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn sets_cookie(response: &Response, cookie_name: &str) -> bool {
    response.headers.iter().any(|(name, value)| {
        let set = value.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("Set-Cookie") && set.trim() == cookie_name
    })
}

#[cfg(test)]
mod tests;
