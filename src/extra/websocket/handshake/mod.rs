//! The request that asks for a websocket, and the answer (RFC 6455 §4.2). It reads and makes
//! headers, and knows no frame.

mod sha1;

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::mpsc;
use std::vec;

use self::sha1::sha1;
use super::Websocket;
use crate::message::request::head::Version;
use crate::message::syntax::bytes::trim;
use crate::message::{Request, Response, ResponseBody};
use crate::util::base64;

/// RFC 6455 §1.3: nobody answers with it who does not know this protocol.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const VERSION: &str = "13";

/// Why [`start`] did not.
///
/// ```
/// use millpond::{try_or_400, websocket, Request, Response};
///
/// fn talk(request: &Request) -> Response {
///     // As rouille's users have it; `refusal` tells the client more.
///     let (response, _receiver) = try_or_400!(websocket::start(request, Some("chat")));
///     response
/// }
/// # assert_eq!(talk(&Request::fake_http("GET", "/", vec![], vec![])).status_code, 400);
/// ```
#[derive(Debug)]
pub enum WebsocketError {
    /// The request does not ask for a websocket as RFC 6455 §4.2.1 has it: with GET, HTTP/1.1,
    /// `Upgrade: websocket`, `Connection: upgrade`, `Sec-WebSocket-Version: 13`, and one
    /// `Sec-WebSocket-Key` that stands for 16 bytes.
    InvalidWebsocketRequest,

    /// The client did not ask for the subprotocol.
    WrongSubprotocol,
}

impl Error for WebsocketError {}

impl fmt::Display for WebsocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WebsocketError::InvalidWebsocketRequest => "this is no request for a websocket",
            WebsocketError::WrongSubprotocol => "the client did not ask for this subprotocol",
        })
    }
}

/// Answers a request for a websocket: with the response to return, and a channel on which the
/// [`Websocket`] comes once that is sent.
///
/// So it comes when the handler is over: have another thread wait for it. If the response cannot be
/// sent, or another one is, the channel ends without one. If nobody waits on the channel any more
/// the websocket is closed.
///
/// Who may open one is for you to check, [before this](super#whose-page-it-is).
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
/// If the request asks for no websocket, or not for the subprotocol that is given here.
/// [`refusal`] makes a response of that.
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
        // RFC 6455 §4.2.2: it is one of those that the client named, or none.
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

/// What to answer where [`start`] gave an error: 426 with the version of the protocol that is
/// spoken here, if the client asked for another one or for no websocket at all (RFC 6455 §4.4), and
/// else 400.
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
        return Response::text("this is no proper request for a websocket").with_status_code(400);
    }
    Response::text("this is for websockets, version 13")
        .with_status_code(426)
        .with_additional_header("Upgrade", "websocket")
        .with_additional_header("Sec-WebSocket-Version", VERSION)
}

/// The subprotocols that the client asked for, the one it likes best first (RFC 6455 §4.1): choose
/// one that you know and pass it to [`start`].
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

/// Made by [`requested_protocols`].
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

/// The key, if the request is as RFC 6455 §4.2.1 has it. That there is one `Host` the server has
/// seen to.
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

/// RFC 6455 §4.2.2, item 5.4.
fn accept(key: &str) -> String {
    base64::encode(&sha1(format!("{key}{GUID}").as_bytes()))
}

/// The value of a field that may come only once.
fn only<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    let mut values = values(request, name);
    values.next().filter(|_| values.next().is_none())
}

/// Whether a list names this; case does not count.
fn names(request: &Request, field: &'static str, element: &str) -> bool {
    elements(request, field).any(|e| e.eq_ignore_ascii_case(element))
}

/// RFC 9110 §5.6.1: a list may be in several fields, and have empty elements.
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
