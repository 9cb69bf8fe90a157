//! The response of a handler: a status, header fields and a body.
//!
//! * `refine`: the `with_` methods for status, headers and downloads
//! * `caching`: entity tags and `Cache-Control`
//!
//! The module does not write a response. The encoder in `wire` checks the fields.

pub(crate) mod caching;
mod refine;

use super::body::ResponseBody;
use super::syntax::percent;
use super::upgrade::Upgrade;
use std::borrow::Cow;
use std::fmt;
use std::fs::File;

/// A response to a request.
///
/// A handler creates a response with a constructor, changes it with the `with_` methods or through
/// its public fields, and returns it. The server then sends it:
///
/// ```no_run
/// use millpond::{Request, Response, Server};
/// use std::error::Error;
///
/// fn answer(request: &Request) -> Response {
///     match request.url().as_str() {
///         "/" => Response::html("<h1>home</h1>"),
///         "/old" => Response::redirect_303("/"),
///         "/csv" => Response::text("a,b\n1,2\n").with_unique_header("Content-Type", "text/csv"),
///         _ => Response::text("not found").with_status_code(404),
///     }
/// }
///
/// fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
///     let server = Server::new("127.0.0.1:8080", answer)?;
///     println!("http://{}/", server.server_addr());
///     server.run();
///     Ok(())
/// }
/// ```
///
/// # Example: another body
///
/// ```
/// use millpond::{Response, ResponseBody};
///
/// let response = Response::html("<p>saved</p>").with_status_code(201);
/// let response = Response { data: ResponseBody::from_string("<p>kept</p>"), ..response };
/// assert_eq!(response.status_code, 201);
/// ```
pub struct Response {
    /// The status code: 200 to 999, or 101 with an `upgrade` (RFC 9110 §15). In place of any other
    /// code, the server sends a 500. The server itself sends interim responses.
    pub status_code: u16,

    /// The header fields, in the order in which they are sent.
    ///
    /// The server itself sets `Connection`, `Content-Length`, `Transfer-Encoding`, `Keep-Alive` and
    /// `Trailer`, and omits these fields if the handler sets them. The one exception is
    /// `Connection: close`: after such a response, the server closes the connection. The server
    /// adds a `Date` unless the response has one.
    ///
    /// A name must be a token. A value must not contain a line break or any other control character
    /// except HTAB. Characters beyond ASCII are sent as UTF-8, which few clients expect. If a field
    /// is invalid, the server sends a 500 instead: without the field, the response could have
    /// another meaning. For a text from users, use a method that encodes the text:
    /// [`redirect_303`](Response::redirect_303) or a similar method for a target, and
    /// [`with_content_disposition_attachment`](Response::with_content_disposition_attachment) for a
    /// file name.
    pub headers: Vec<(Cow<'static, str>, Cow<'static, str>)>,

    /// The body.
    pub data: ResponseBody,

    /// The protocol that takes over the connection after this response, such as a websocket. The
    /// status must be 101, and an `Upgrade` header must name the protocol. With any other status,
    /// the server ignores this field.
    pub upgrade: Option<Box<dyn Upgrade + Send>>,
}

impl Response {
    /// Returns whether the status is 200 to 399: a success or a redirect.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert!(Response::text("hello").is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        (200..400).contains(&self.status_code)
    }

    /// Returns whether the status is not 200 to 399: the opposite of
    /// [`is_success`](Response::is_success).
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

/// Redirects. If in doubt, use 303.
///
/// A target may be any text. Characters that no URI can hold are percent-encoded: a space, a line
/// break, `"`, `\`, a letter beyond ASCII, a `%` that begins no escape. The methods do not check
/// where a target leads: check a target that a client sent before you use it.
impl Response {
    /// Returns a 301 (Moved Permanently): the resource has this other URL from now on. Caches may
    /// store the response.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_301("/new").headers[0], ("Location".into(), "/new".into()));
    /// ```
    pub fn redirect_301<S: Into<Cow<'static, str>>>(target: S) -> Response {
        redirect(301, target.into())
    }

    /// Returns a 302 (Found): the resource has this other URL at present.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_302("/today").status_code, 302);
    /// ```
    pub fn redirect_302<S: Into<Cow<'static, str>>>(target: S) -> Response {
        redirect(302, target.into())
    }

    /// Returns a 303 (See Other): the client gets the result of its request at this URL with GET.
    /// Use this as the response to a posted form.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let id = 5;
    /// assert_eq!(Response::redirect_303(format!("/users/{id}")).status_code, 303);
    /// ```
    pub fn redirect_303<S: Into<Cow<'static, str>>>(target: S) -> Response {
        redirect(303, target.into())
    }

    /// Returns a 307 (Temporary Redirect): as 302, and the client must keep its method and body.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_307("/elsewhere").status_code, 307);
    /// ```
    pub fn redirect_307<S: Into<Cow<'static, str>>>(target: S) -> Response {
        redirect(307, target.into())
    }

    /// Returns a 308 (Permanent Redirect): as 301, and the client must keep its method and body.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// assert_eq!(Response::redirect_308("/v2").status_code, 308);
    /// ```
    pub fn redirect_308<S: Into<Cow<'static, str>>>(target: S) -> Response {
        redirect(308, target.into())
    }
}

/// Responses with a body.
impl Response {
    /// Returns a 200 with these bytes and this media type.
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

    /// Returns a 200 with the rest of an open file and this media type. The server reads the file
    /// while it sends the response.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::from_file("text/plain", std::fs::File::open("Cargo.toml")?);
    /// # assert!(response.is_success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_file<C: Into<Cow<'static, str>>>(content_type: C, file: File) -> Response {
        ok(content_type.into(), ResponseBody::from_file(file))
    }

    /// Returns a 200 with HTML.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::html("<p>hello <strong>world</strong></p>");
    /// assert_eq!(response.headers[0].1, "text/html; charset=utf-8");
    /// ```
    pub fn html<D: Into<String>>(content: D) -> Response {
        Response::from_data("text/html; charset=utf-8", content.into())
    }

    /// Returns a 200 with an SVG image.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::svg("<svg xmlns='http://www.w3.org/2000/svg'/>");
    /// assert_eq!(response.headers[0].1, "image/svg+xml; charset=utf-8");
    /// ```
    pub fn svg<D: Into<String>>(content: D) -> Response {
        Response::from_data("image/svg+xml; charset=utf-8", content.into())
    }

    /// Returns a 200 with plain text.
    ///
    /// ```
    /// use millpond::Response;
    ///
    /// let response = Response::text("hello world");
    /// assert_eq!(response.headers[0].1, "text/plain; charset=utf-8");
    /// ```
    pub fn text<S: Into<String>>(text: S) -> Response {
        Response::from_data("text/plain; charset=utf-8", text.into())
    }
}

/// Responses without a body.
impl Response {
    /// Returns a 401 with the challenge for a user name and a password, which browsers show as a
    /// dialog (RFC 7617). `realm` names the protected area, and may be any text.
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

    /// Returns a 204 (No Content): success, without anything to show.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_204().status_code, 204);
    /// ```
    pub fn empty_204() -> Response {
        empty(204)
    }

    /// Returns a 400 (Bad Request) without a body.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_400().status_code, 400);
    /// ```
    pub fn empty_400() -> Response {
        empty(400)
    }

    /// Returns a 404 (Not Found) without a body.
    ///
    /// ```
    /// assert_eq!(millpond::Response::empty_404().status_code, 404);
    /// ```
    pub fn empty_404() -> Response {
        empty(404)
    }

    /// Returns a 406 (Not Acceptable) without a body: for a request with an `Accept` that excludes
    /// every type of the handler.
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

/// Appends the inside of a quoted-string (RFC 9110 §5.6.4). A control character becomes a space:
/// the encoder would reject the whole response because of that character.
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
