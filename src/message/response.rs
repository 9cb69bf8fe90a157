//! What a handler answers: a status, header fields and a body.
//! It knows nothing of how a response is written: what may not be sent is dropped there.

use super::body::ResponseBody;
use super::percent;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};

/// An answer to a request.
///
/// Made by one of the constructors, then refined by the `with_` functions or by its public fields. It
/// is sent when the handler returns it.
///
/// ```
/// use millpond::{Response, ResponseBody};
///
/// let response = Response::html("<p>saved</p>").with_status_code(201);
/// let response = Response { data: ResponseBody::from_data(b"<p>kept</p>".to_vec()), ..response };
/// assert_eq!(response.status_code, 201);
/// ```
pub struct Response {
    /// The status code, 100 to 999 (RFC 9110 §15). The server answers 500 in place of any other.
    pub status_code: u16,

    /// The header fields, in the order they are sent.
    ///
    /// The server writes `Connection`, `Content-Length`, `Trailer` and `Transfer-Encoding` itself, and
    /// a `Date` if there is none here. A field whose name is not a token, or whose value holds a line
    /// break or another control character, is not sent at all.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,

    /// The body.
    pub data: ResponseBody,

    /// Who takes the connection over once this response is sent, for a change of protocol such as a
    /// websocket. The status is 101 then, and an `Upgrade` header says to what.
    pub upgrade: Option<Box<dyn Upgrade + Send>>,
}

/// Takes a connection over after a [`Response`] whose `upgrade` field holds it.
///
/// ```
/// use millpond::{ReadWrite, Upgrade};
///
/// struct Echo;
///
/// impl Upgrade for Echo {
///     fn build(&mut self, mut socket: Box<dyn ReadWrite + Send>) {
///         let mut buf = [0; 1024];
///         while let Ok(n @ 1..) = socket.read(&mut buf) {
///             if socket.write_all(&buf[..n]).is_err() {
///                 break;
///             }
///         }
///     }
/// }
/// ```
pub trait Upgrade {
    /// Called once, with the connection. What the client sent right behind its request is read first.
    fn build(&mut self, socket: Box<dyn ReadWrite + Send>);
}

/// A connection in both directions: everything that is [`Read`] and [`Write`].
pub trait ReadWrite: Read + Write {}

impl<T: Read + Write> ReadWrite for T {}

impl Response {
    /// Whether the status is 200 to 399: the answer is what was asked for, or says where it is.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert!(Response::text("hello").is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        (200..400).contains(&self.status_code)
    }

    /// Whether the status is not 200 to 399: the opposite of [`is_success`](Response::is_success).
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert!(Response::empty_404().is_error());
    /// ```
    pub fn is_error(&self) -> bool {
        !self.is_success()
    }
}

/// Redirects. If in doubt take 303.
impl Response {
    /// 301 Moved Permanently: the resource has this other URL from now on, and caches may remember it.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_301("/new").headers[0], ("Location".into(), "/new".into()));
    /// ```
    pub fn redirect_301<S>(target: S) -> Response
    where
        S: Into<Cow<'static, str>>,
    {
        redirect(301, target.into())
    }

    /// 302 Found: the resource has this other URL for now.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_302("/today").status_code, 302);
    /// ```
    pub fn redirect_302<S>(target: S) -> Response
    where
        S: Into<Cow<'static, str>>,
    {
        redirect(302, target.into())
    }

    /// 303 See Other: what came of the request is at this URL, and the client gets it with GET. The
    /// answer to a form that was posted.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let id = 5;
    /// assert_eq!(Response::redirect_303(format!("/users/{id}")).status_code, 303);
    /// ```
    pub fn redirect_303<S>(target: S) -> Response
    where
        S: Into<Cow<'static, str>>,
    {
        redirect(303, target.into())
    }

    /// 307 Temporary Redirect: as 302, and the client must keep its method and body.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_307("/elsewhere").status_code, 307);
    /// ```
    pub fn redirect_307<S>(target: S) -> Response
    where
        S: Into<Cow<'static, str>>,
    {
        redirect(307, target.into())
    }

    /// 308 Permanent Redirect: as 301, and the client must keep its method and body.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_308("/v2").status_code, 308);
    /// ```
    pub fn redirect_308<S>(target: S) -> Response
    where
        S: Into<Cow<'static, str>>,
    {
        redirect(308, target.into())
    }
}

/// Answers with a body.
impl Response {
    /// 200 with these bytes, of this media type.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::from_data("application/octet-stream", vec![1, 2, 3, 4]);
    /// # assert!(response.is_success());
    /// ```
    pub fn from_data<C, D>(content_type: C, data: D) -> Response
    where
        C: Into<Cow<'static, str>>,
        D: Into<Vec<u8>>,
    {
        ok(content_type.into(), ResponseBody::from_data(data))
    }

    /// 200 with the rest of an open file, of this media type.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// use millpond::Response;
    ///
    /// let response = Response::from_file("image/png", std::fs::File::open("image.png")?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_file<C>(content_type: C, file: File) -> Response
    where
        C: Into<Cow<'static, str>>,
    {
        ok(content_type.into(), ResponseBody::from_file(file))
    }

    /// 200 with HTML.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::html("<p>hello <strong>world</strong></p>");
    /// assert_eq!(response.headers[0].1, "text/html; charset=utf-8");
    /// ```
    pub fn html<D>(content: D) -> Response
    where
        D: Into<String>,
    {
        ok(
            "text/html; charset=utf-8".into(),
            ResponseBody::from_string(content),
        )
    }

    /// 200 with an SVG image.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::svg("<svg xmlns='http://www.w3.org/2000/svg'/>");
    /// assert_eq!(response.headers[0].1, "image/svg+xml; charset=utf-8");
    /// ```
    pub fn svg<D>(content: D) -> Response
    where
        D: Into<String>,
    {
        ok(
            "image/svg+xml; charset=utf-8".into(),
            ResponseBody::from_string(content),
        )
    }

    /// 200 with plain text.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("hello world");
    /// assert_eq!(response.headers[0].1, "text/plain; charset=utf-8");
    /// ```
    pub fn text<S>(text: S) -> Response
    where
        S: Into<String>,
    {
        ok(
            "text/plain; charset=utf-8".into(),
            ResponseBody::from_string(text),
        )
    }
}

/// Answers without a body.
impl Response {
    /// 401 with the challenge that makes a browser ask for a name and a password (RFC 7617).
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::basic_http_auth_login_required("the \"back\" office");
    /// assert_eq!(response.headers[0].1, r#"Basic realm="the \"back\" office""#);
    /// ```
    pub fn basic_http_auth_login_required(realm: &str) -> Response {
        let mut challenge = String::from("Basic realm=\"");
        push_quoted(&mut challenge, realm);
        challenge.push('"');
        empty(401).with_additional_header("WWW-Authenticate", challenge)
    }

    /// 204 No Content: done, and there is nothing to show.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_204().status_code, 204);
    /// ```
    pub fn empty_204() -> Response {
        empty(204)
    }

    /// 400 Bad Request, without a body.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_400().status_code, 400);
    /// ```
    pub fn empty_400() -> Response {
        empty(400)
    }

    /// 404 Not Found, without a body.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_404().status_code, 404);
    /// ```
    pub fn empty_404() -> Response {
        empty(404)
    }

    /// 406 Not Acceptable, without a body: for a request whose `Accept` nothing here can satisfy.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_406().status_code, 406);
    /// ```
    pub fn empty_406() -> Response {
        empty(406)
    }
}

/// Changes to an answer.
impl Response {
    /// The same response with another status code.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::text("try later").with_status_code(503).status_code, 503);
    /// ```
    pub fn with_status_code(mut self, code: u16) -> Response {
        self.status_code = code;
        self
    }

    /// The same response without any header of that name. The name ignores case.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert!(Response::text("?").without_header("content-type").headers.is_empty());
    /// ```
    pub fn without_header(mut self, header: &str) -> Response {
        self.headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case(header));
        self
    }

    /// The same response with one header more, whether or not it has one of that name: for those that
    /// may be repeated, such as `Set-Cookie`.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("hello")
    ///     .with_additional_header("Set-Cookie", "theme=dark")
    ///     .with_additional_header("Set-Cookie", format!("visits={}", 2));
    /// assert_eq!(response.headers.len(), 3);
    /// ```
    pub fn with_additional_header<H, V>(mut self, header: H, value: V) -> Response
    where
        H: Into<Cow<'static, str>>,
        V: Into<Cow<'static, str>>,
    {
        self.headers.push((header.into(), value.into()));
        self
    }

    /// The same response with exactly one header of that name: it takes the place of the first one
    /// there was, the others go.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("a,b").with_unique_header("content-type", "text/csv");
    /// assert_eq!(response.headers, [("Content-Type".into(), "text/csv".into())]);
    /// ```
    pub fn with_unique_header<H, V>(mut self, header: H, value: V) -> Response
    where
        H: Into<Cow<'static, str>>,
        V: Into<Cow<'static, str>>,
    {
        let header = header.into();
        let mut value = Some(value.into());
        self.headers.retain_mut(|(name, old)| {
            if !name.eq_ignore_ascii_case(&header) {
                return true;
            }
            value.take().map(|new| *old = new).is_some()
        });
        match value {
            Some(value) => self.with_additional_header(header, value),
            None => self,
        }
    }

    /// The same response as a download to be saved under this name (`Content-Disposition`, RFC 6266).
    /// Any name will do: what a header cannot hold is encoded.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("...").with_content_disposition_attachment("book.txt");
    /// assert_eq!(response.headers[1].1, "attachment; filename=\"book.txt\"");
    /// ```
    pub fn with_content_disposition_attachment(self, filename: &str) -> Response {
        self.with_unique_header("Content-Disposition", attachment(filename))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status_code", &self.status_code)
            .field("headers", &self.headers)
            .field("data", &self.data)
            .field("upgrade", &self.upgrade.is_some())
            .finish()
    }
}

fn ok(content_type: Cow<'static, str>, data: ResponseBody) -> Response {
    Response {
        status_code: 200,
        headers: vec![("Content-Type".into(), content_type)],
        data,
        upgrade: None,
    }
}

fn empty(status_code: u16) -> Response {
    Response {
        status_code,
        headers: Vec::new(),
        data: ResponseBody::empty(),
        upgrade: None,
    }
}

fn redirect(status_code: u16, target: Cow<'static, str>) -> Response {
    empty(status_code).with_additional_header("Location", target)
}

/// Appends the inside of a quoted-string (RFC 9110 §5.6.4). A control character cannot be in one and
/// would cost the response this header, so it becomes a space.
fn push_quoted(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

/// RFC 6266 §4.3: `filename` for every client; `filename*` beside it, for those that know it, when the
/// name has more in it than `filename` can hold everywhere (§D): ASCII, and no `\`, `"` or `%`.
fn attachment(filename: &str) -> String {
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let mut value = String::from("attachment; filename=\"");
    value.extend(filename.chars().map(|c| if plain(c) { c } else { '_' }));
    value.push('"');
    if !filename.chars().all(plain) {
        value.push_str("; filename*=UTF-8''");
        percent::encode_into(&mut value, filename, is_attr_char);
    }
    value
}

/// RFC 8187 §3.2.1: attr-char = ALPHA / DIGIT / "!" / "#" / "$" / "&" / "+" / "-" / "." / "^" / "_" /
/// "`" / "|" / "~"
fn is_attr_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}
