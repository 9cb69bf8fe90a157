//! The request that opens a websocket, and the response (RFC 6455 §4.2). The module reads and
//! writes header fields; frames belong to `frame`.
//!
//! `sha1` has the digest that the response needs.

mod sha1;

use std::borrow::Cow;
use std::sync::mpsc;
use std::vec;

use self::sha1::sha1;
use super::error::WebsocketError;
use super::socket::Websocket;
use crate::message::request::head::Version;
use crate::message::syntax::bytes::trim;
use crate::message::{Request, Response, ResponseBody};
use crate::util::base64;

/// RFC 6455 §1.3: a server that does not implement the protocol cannot answer with this value.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";

/// Accepts a request for a websocket. Returns the response, and a channel that delivers the
/// [`Websocket`] after the response has been sent.
///
/// The websocket is therefore available only after the handler has returned: another thread must
/// wait for the websocket. If the response is not sent, the channel ends without a websocket. If
/// the receiver of the channel has been dropped, the websocket is closed.
///
/// Check first whether the client may open a websocket: see [Checking the
/// origin](super#checking-the-origin).
///
/// ```
/// use millpond::{websocket, Request, Response};
/// use std::thread;
///
/// fn echo(request: &Request) -> Response {
///     let (response, receiver) = match websocket::start(request, None::<&str>) {
///         Ok(started) => started,
///         Err(_) => return websocket::refusal(request),
///     };
///     thread::spawn(move || {
///         for mut socket in receiver {
///             while let Some(websocket::Message::Text(text)) = socket.next() {
///                 if socket.send_text(&text).is_err() {
///                     break;
///                 }
///             }
///         }
///     });
///     response
/// }
/// # assert_eq!(echo(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 426);
/// ```
///
/// # Errors
///
/// Returns an error if the request is not a valid request for a websocket, or does not name the
/// given subprotocol. [`refusal`] returns a response for this case.
pub fn start<S>(
    request: &Request,
    subprotocol: Option<S>,
) -> Result<(Response, mpsc::Receiver<Websocket>), WebsocketError>
where
    S: Into<Cow<'static, str>>,
{
    let key = key(request).ok_or(WebsocketError::InvalidWebsocketRequest)?;
    let subprotocol: Option<Cow<'static, str>> = subprotocol.map(Into::into);
    let mut headers: Vec<(Cow<'static, str>, Cow<'static, str>)> = vec![
        ("Upgrade".into(), "websocket".into()),
        ("Sec-WebSocket-Accept".into(), accept(key).into()),
    ];
    if let Some(name) = subprotocol {
        // RFC 6455 §4.2.2: one of the subprotocols that the client named, or none.
        if !requested_protocols(request).any(|requested| requested == name) {
            return Err(WebsocketError::WrongSubprotocol);
        }
        headers.push(("Sec-WebSocket-Protocol".into(), name));
    }
    let (sender, receiver) = mpsc::channel();
    let response = Response {
        status_code: 101,
        headers,
        data: ResponseBody::empty(),
        upgrade: Some(Box::new(sender)),
    };
    Ok((response, receiver))
}

/// Returns the response to a request that [`start`] refused.
///
/// The status is 426, with the supported version of the protocol, if the client requested another
/// version or no websocket (RFC 6455 §4.4). Otherwise the status is 400.
///
/// ```
/// use millpond::{websocket, Request};
///
/// let response = websocket::refusal(&Request::fake_http("GET", "/", vec![], vec![]));
/// assert_eq!(response.status_code, 426);
/// assert!(response.headers.contains(&("Sec-WebSocket-Version".into(), "13".into())));
/// ```
pub fn refusal(request: &Request) -> Response {
    let is_13 = only(request, "Sec-WebSocket-Version") == Some(VERSION);
    if is_13 && names(request, "Upgrade", "websocket") {
        let text = WebsocketError::InvalidWebsocketRequest.to_string();
        return Response::text(text).with_status_code(400);
    }
    Response::text("websocket request with version 13 required")
        .with_status_code(426)
        .with_additional_header("Upgrade", "websocket")
        .with_additional_header("Sec-WebSocket-Version", VERSION)
}

/// Returns the subprotocols that the client requested, the preferred one first (RFC 6455 §4.1).
/// Choose a supported one and pass that to [`start`].
///
/// ```
/// use millpond::{websocket, Request};
///
/// let headers = vec![("Sec-WebSocket-Protocol".into(), "chat.v2, chat".into())];
/// let request = Request::fake_http("GET", "/", headers, vec![]);
/// let known = websocket::requested_protocols(&request).find(|name| name == "chat");
/// assert_eq!(known.as_deref(), Some("chat"));
/// ```
pub fn requested_protocols(request: &Request) -> RequestedProtocolsIter {
    let all: Vec<String> = elements(request, "Sec-WebSocket-Protocol")
        .map(str::to_owned)
        .collect();
    RequestedProtocolsIter {
        iter: all.into_iter(),
    }
}

/// An iterator over subprotocols, returned by [`requested_protocols`].
///
/// ```
/// use millpond::{websocket, Request};
///
/// let request = Request::fake_http("GET", "/", vec![], vec![]);
/// assert_eq!(websocket::requested_protocols(&request).len(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct RequestedProtocolsIter {
    iter: vec::IntoIter<String>,
}

impl Iterator for RequestedProtocolsIter {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.iter.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.iter.size_hint()
    }
}

impl ExactSizeIterator for RequestedProtocolsIter {}

/// Returns the key if the request has the form of RFC 6455 §4.2.1. The server has already checked
/// that the request has one `Host`.
fn key(request: &Request) -> Option<&str> {
    let asks = request.method() == "GET"
        && request.head().version > Version::Http10
        && names(request, "Upgrade", "websocket")
        && names(request, "Connection", "upgrade")
        && only(request, "Sec-WebSocket-Version") == Some(VERSION);
    let key = only(request, "Sec-WebSocket-Key").filter(|_| asks)?;
    let is_nonce = base64::decode(key)?.len() == 16;
    Some(key).filter(|_| is_nonce)
}

/// Returns the value of `Sec-WebSocket-Accept` (RFC 6455 §4.2.2, item 5.4).
fn accept(key: &str) -> String {
    base64::encode(&sha1(format!("{key}{GUID}").as_bytes()))
}

/// Returns the value of a field that occurs exactly once.
fn only<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    let mut values = values(request, name);
    values.next().filter(|_| values.next().is_none())
}

/// Returns whether a list contains the element; the case is ignored.
fn names(request: &Request, field: &'static str, element: &str) -> bool {
    elements(request, field).any(|e| e.eq_ignore_ascii_case(element))
}

/// Returns the elements of a list, which may span several fields and have empty elements (RFC 9110
/// §5.6.1).
fn elements<'a>(request: &'a Request, field: &'static str) -> impl Iterator<Item = &'a str> {
    values(request, field)
        .flat_map(|value| value.split(','))
        .map(trim)
        .filter(|element| !element.is_empty())
}

fn values<'a>(request: &'a Request, field: &'static str) -> impl Iterator<Item = &'a str> {
    let fields = request.headers();
    let fields = fields.filter(move |(name, _)| name.eq_ignore_ascii_case(field));
    fields.map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
