//! What a handler answers: a status, header fields and a body.
//! It knows nothing of how a response is written: what may not be sent is found out there.

pub(crate) mod caching;
mod refine;

use super::body::ResponseBody;
use super::syntax::percent;
use super::upgrade::Upgrade;
#[cfg(feature = "json")]
use crate::extra::json::ToJson;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;

/// An answer to a request.
///
/// Made by one of the constructors, then refined by the `with_` functions or by its public fields.
/// It is sent when the handler returns it.
///
/// ```
/// use millpond::{Response, ResponseBody};
///
/// let response = Response::html("<p>saved</p>").with_status_code(201);
/// let response = Response { data: ResponseBody::from_data(b"<p>kept</p>".to_vec()), ..response };
/// assert_eq!(response.status_code, 201);
/// ```
pub struct Response {
    /// The status code: 200 to 999, or 101 with an `upgrade` (RFC 9110 §15). The server answers 500
    /// in place of any other; it sends the interim ones itself.
    pub status_code: u16,

    /// The header fields, in the order they are sent.
    ///
    /// The server decides on `Connection`, `Content-Length`, `Transfer-Encoding`, `Keep-Alive` and
    /// `Trailer`; what is here of them is left out. But a `Connection: close` is heeded: the answer
    /// says so, and the connection ends after it. It adds a `Date` if there is none.
    ///
    /// A name is a token, a value holds no line break and no other control character; what is not
    /// ASCII goes out as UTF-8, which few clients expect. With a field that breaks this the server
    /// answers 500 in place of the response: without the field it would be another one. What takes
    /// text from users, a redirect or a file name, has a function here that encodes it.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,

    /// The body.
    pub data: ResponseBody,

    /// Who takes the connection over once this response is sent, for a change of protocol such as a
    /// websocket. The status is 101 then, and an `Upgrade` header says to what. With any other
    /// status it is dropped.
    pub upgrade: Option<Box<dyn Upgrade + Send>>,
}

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
///
/// Any target will do: what no URI can hold (a blank, a line break, `"`, `\`, a letter beyond
/// ASCII, a `%` that begins no escape) is percent-encoded. Whether the client should be sent there
/// is yours to decide: a target that a client named may be anywhere.
impl Response {
    /// 301 Moved Permanently: the resource has this other URL from now on, and caches may remember
    /// it.
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

    /// 200 with the rest of an open file, of this media type. It is read while it is sent.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::from_file("text/plain", std::fs::File::open("Cargo.toml")?);
    /// # assert!(response.is_success());
    /// # Ok::<(), std::io::Error>(())
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

    #[cfg(feature = "json")]
    /// 200 with JSON: a [`Json`](crate::Json) value, a struct of
    /// [`json_struct!`](crate::json_struct), or anything else that is [`ToJson`].
    ///
    /// ```
    /// use millpond::{json, Response};
    ///
    /// let response = Response::json(&json!({ "name": "Ann", "age": 41 }));
    /// assert_eq!(response.headers[0].1, "application/json");
    /// assert_eq!(response.data.into_reader_and_size().1, Some(23));
    /// ```
    pub fn json<T>(content: &T) -> Response
    where
        T: ToJson + ?Sized,
    {
        let mut text = String::new();
        content.write_json(&mut text);
        // RFC 8259 §11: the media type has no charset parameter; the text is UTF-8 always.
        ok("application/json".into(), ResponseBody::from_string(text))
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
    empty(status_code).with_additional_header("Location", percent::encode_uri(target))
}

/// Appends the inside of a quoted-string (RFC 9110 §5.6.4). A control character cannot be in one
/// and would cost the response itself, so it becomes a space.
fn push_quoted(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
