//! Sessions: an id that tells one client from all others, in a cookie. What is known of a client
//! the program keeps under that id, wherever it likes; nothing of it is here.
//!
//! # Example: who logged in, and how often he came
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
//! # What the program has to do
//!
//! * **A new id at every login.** An id that is well-formed may still be one that somebody else
//!   knows: an attacker can visit the site himself, and plant the id that he got in another
//!   browser. [`Session::regenerate_id`] before anything is stored of who logged in takes it away
//!   from him.
//! * **An end.** The cookie's `Max-Age` is a request to the browser. What is kept under an id has
//!   to be forgotten by the program, after a time and at a logout. An entry for every id that was
//!   ever given out is memory that visitors without cookies can fill; make one at the login.
//! * **TLS**, by a proxy in front that is [trusted](crate::Proxies): then the cookie is `Secure`. A
//!   cookie whose name begins with `__Host-` cannot be set by another host of the domain either.
//!
//! # Where the ids come from
//!
//! 256 bits of randomness, as 64 hexadecimal digits. On Unix they are those of the system, from
//! `/dev/urandom`: read in full, from a file that is opened once, or there is no id. Elsewhere std
//! has no way to the system's generator but one: the keys of its hash maps. There an id is SipHash
//! under such keys, of a count and the time. These keys are 128 bits that the system makes for each
//! thread, and no way to guess the output is known; but nobody has promised that either, so it is
//! not a cryptographically secure generator by name.

use super::input;
use crate::message::{Request, Response};
use std::fmt::Write;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(any(not(unix), test))]
mod hashed;
#[cfg(unix)]
mod system;

#[cfg(not(unix))]
use self::hashed::random;
#[cfg(unix)]
use self::system::random;

/// As rouille's ids, so that those it gave out go on being known.
const ID_LENGTH: usize = 64;

/// Calls `inner` with the session of the client that asks, and returns its response; with a cookie
/// that holds the session's id, if `inner` asked for that.
///
/// The client's id is the value of its cookie of this name, if that is one that
/// [`generate_session_id`] might have made: 64 ASCII letters and digits. If it is not, or there are
/// several that differ, of which one may be planted, the client gets a new one.
///
/// The cookie lives for `timeout_s` seconds, counted anew by every response that has it. It is sent
/// for the whole site (`Path=/`), not shown to scripts (`HttpOnly`), not sent along with what other
/// sites embed or post (`SameSite=Lax`), and over TLS alone if this request came over TLS
/// (`Secure`). A response that has a `Set-Cookie` of this name already keeps its own: so `inner`
/// can set other attributes, or end the session with `Max-Age=0`.
///
/// `cookie_name` is a token: letters, digits, `-`, `_` and their like.
///
/// Where the system yields no randomness the answer is 503, and `inner` is not called.
///
/// ```
/// use millpond::{session::session, Request, Response};
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// let response = session(&request, "SID", 3600, |session| Response::text(session.id()));
/// assert!(response.headers[1].1.ends_with("; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax"));
///
/// let response = session(&request, "SID", 3600, |_| Response::text("who cares"));
/// assert_eq!(response.headers.len(), 1); // no cookie, as nobody asked for the id
/// ```
pub fn session<'r, F>(request: &'r Request, cookie_name: &str, timeout_s: u64, inner: F) -> Response
where
    F: FnOnce(&Session<'r>) -> Response,
{
    match new_id() {
        Ok(fresh) => hold(request, cookie_name, timeout_s, fresh, inner),
        Err(_) => Response::text("no session can begin now\n").with_status_code(503),
    }
}

fn hold<'r, F>(
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
        given: given(request, cookie_name),
        fresh,
        asked: AtomicBool::new(false),
        renewed: AtomicBool::new(false),
    };
    let mut response = inner(&session);
    if session.asked.into_inner() && !sets_cookie(&response, cookie_name) {
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

/// The session of one client, for the time of one request: what [`session`] hands out.
pub struct Session<'r> {
    given: Option<&'r str>,
    fresh: String,
    /// Whether the id was told, and so may be stored: the client has to get it.
    asked: AtomicBool,
    renewed: AtomicBool,
}

impl<'r> Session<'r> {
    /// Whether the client sent an id. If it did not, nothing can be known of it.
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

    /// The id: the one that the client sent, or a new one. Whoever asks for it decides that the
    /// response has the cookie.
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
        self.asked.store(true, Ordering::Relaxed);
        match self.given {
            Some(given) if !self.renewed.load(Ordering::Relaxed) => given,
            _ => &self.fresh,
        }
    }

    /// Makes [`id`](Session::id) one that nobody can have known before this request: for a login,
    /// [so that no other has it](self#what-the-program-has-to-do). What is stored under the old
    /// one is for the program to move or to remove. A second call changes nothing more.
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
        self.asked.store(true, Ordering::Relaxed);
        self.renewed.store(true, Ordering::Relaxed);
    }
}

/// A new id for a session: 64 digits that nobody can guess
/// ([where they come from](self#where-the-ids-come-from)). Also for whatever else must not be
/// guessed: the address of a confirmation, a token against forged forms.
///
/// # Panics
///
/// When the system yields no randomness: `/dev/urandom` is not there, or no descriptor is left to
/// open it. It is opened once, so a program that makes an id before it serves has nothing to fear
/// later.
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
        // Whatever could be returned here would be taken for a secret.
        Err(error) => panic!("no randomness: {error}"),
    }
}

fn new_id() -> io::Result<String> {
    Ok(id(random()?))
}

fn id(bytes: [u8; ID_LENGTH / 2]) -> String {
    let mut id = String::with_capacity(ID_LENGTH);
    for byte in bytes {
        write!(id, "{byte:02x}").expect("a String takes it");
    }
    id
}

/// The id that the client sent.
fn given<'r>(request: &'r Request, cookie_name: &str) -> Option<&'r str> {
    let mut ids = input::cookies(request)
        .filter(|(name, _)| *name == cookie_name)
        .map(|(_, id)| id)
        .filter(|id| is_id(id));
    let first = ids.next()?;
    Some(first).filter(|first| ids.all(|id| id == *first))
}

/// rouille's ids have letters of either case.
fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn sets_cookie(response: &Response, cookie_name: &str) -> bool {
    response.headers.iter().any(|(name, value)| {
        let set = value.split('=').next().unwrap_or_default();
        name.eq_ignore_ascii_case("Set-Cookie") && set.trim() == cookie_name
    })
}

#[cfg(test)]
mod tests;
