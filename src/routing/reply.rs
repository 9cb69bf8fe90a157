//! `reply!` and [`Status`], as in toolkit-zero. Each form of the macro returns a plain
//! [`Response`], so the branches of an `if` may reply in different ways.

use crate::message::{Response, ResponseBody};

/// Returns a response, in one line: for the handler of a route.
///
/// | form | status | body |
/// |---|---|---|
/// | `reply!()` | 200 | none |
/// | `reply!(message => text, status => s)` | `s` | the text, or the headers and body of a `Response` |
/// | `reply!(json => value)` | 200 | the value, of any type that is [`ToJson`](crate::ToJson) |
/// | `reply!(json => value, status => s)` | `s` | the same |
///
/// A status is a [`Status`] or a number. The forms with `json` need the feature `json`.
///
/// ```
/// use millpond::{json, reply, Request, Response, Status};
///
/// fn show(request: &Request) -> Response {
///     match request.param("id") {
///         Some(id) => reply!(json => json!({ "id": id })),
///         None => reply!(json => json!({ "error": "no id" }), status => Status::BadRequest),
///     }
/// }
///
/// assert_eq!(show(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 400);
/// assert_eq!(reply!(message => "short and stout", status => 418).status_code, 418);
/// ```
#[macro_export]
macro_rules! reply {
    () => {
        $crate::__reply::empty()
    };
    (message => $message:expr, status => $status:expr $(,)?) => {
        $crate::__reply::Message::into_response($message)
            .with_status_code($crate::__reply::StatusCode::code($status))
    };
    (json => $value:expr $(,)?) => {
        $crate::Response::json(&$value)
    };
    (json => $value:expr, status => $status:expr $(,)?) => {
        $crate::Response::json(&$value).with_status_code($crate::__reply::StatusCode::code($status))
    };
}

macro_rules! statuses {
    ($($name:ident $code:literal;)*) => {
        /// A status code by its name (RFC 9110 §15). Other codes are written as numbers.
        ///
        /// ```
        /// use millpond::Status;
        ///
        /// assert_eq!(u16::from(Status::NotFound), 404);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Status {
            $(#[doc = concat!("`", $code, "`")] $name = $code,)*
        }
    };
}

statuses! {
    Ok 200;
    Created 201;
    Accepted 202;
    NoContent 204;
    MovedPermanently 301;
    Found 302;
    NotModified 304;
    TemporaryRedirect 307;
    PermanentRedirect 308;
    BadRequest 400;
    Unauthorized 401;
    Forbidden 403;
    NotFound 404;
    MethodNotAllowed 405;
    Conflict 409;
    Gone 410;
    UnprocessableEntity 422;
    TooManyRequests 429;
    InternalServerError 500;
    NotImplemented 501;
    BadGateway 502;
    ServiceUnavailable 503;
    GatewayTimeout 504;
}

impl From<Status> for u16 {
    fn from(status: Status) -> u16 {
        status as u16 // The discriminants are the codes, all below 600.
    }
}

/// The type after `status =>`. Of all integers only `u16` has this trait, so a bare `404` is a
/// `u16`.
pub trait StatusCode {
    /// Returns the code.
    fn code(self) -> u16;
}

impl StatusCode for u16 {
    fn code(self) -> u16 {
        self
    }
}

impl StatusCode for Status {
    fn code(self) -> u16 {
        self.into()
    }
}

/// The type after `message =>`.
pub trait Message {
    /// Converts into a response, whose status the macro then sets.
    fn into_response(self) -> Response;
}

impl Message for Response {
    fn into_response(self) -> Response {
        self
    }
}

impl Message for &str {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

impl Message for String {
    fn into_response(self) -> Response {
        Response::text(self)
    }
}

/// Returns the response of `reply!()`: 200 without a body and, unlike an empty text, without a
/// media type.
pub fn empty() -> Response {
    Response {
        status_code: 200,
        headers: Vec::new(),
        data: ResponseBody::empty(),
        upgrade: None,
    }
}

#[cfg(feature = "json")]
#[cfg(test)]
mod tests {
    use crate::json;
    use crate::{Response, Status};

    #[test]
    fn every_form_has_its_status_type_and_body() {
        let number: u16 = 299;
        let owned = String::from("owned");
        let page = Response::html("<p>");
        let table = [
            (reply!(), 200, "", ""),
            (
                reply!(message => "hi", status => Status::Accepted),
                202,
                "text/plain",
                "hi",
            ),
            (
                reply!(message => owned, status => 418),
                418,
                "text/plain",
                "owned",
            ),
            (
                reply!(message => page, status => Status::Gone,),
                410,
                "text/html",
                "<p>",
            ),
            (
                reply!(json => json!({ "ok": true })),
                200,
                "application/json",
                r#"{"ok":true}"#,
            ),
            (
                reply!(json => vec![1, 2], status => number),
                299,
                "application/json",
                "[1,2]",
            ),
            (
                reply!(json => "text", status => Status::Ok,),
                200,
                "application/json",
                "\"text\"",
            ),
        ];
        for (response, status, media_type, want) in table {
            assert_eq!(response.status_code, status, "{}", want);
            let got = response
                .headers
                .first()
                .map_or("", |(_, value)| value.as_ref());
            assert_eq!(got.split(';').next(), Some(media_type), "{}", want);
            let mut body = String::new();
            let (mut reader, _) = response.data.into_reader_and_size();
            std::io::Read::read_to_string(&mut reader, &mut body).unwrap();
            assert_eq!(body, want);
        }
    }
}
