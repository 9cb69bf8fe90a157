//! One exchange: a handler answers a request, and the response becomes bytes to send and the action
//! that follows them. [`run_exchange`] is a function of values; nothing is sent here.

pub(crate) mod outcome;
pub(crate) mod writer;

use std::io::{self, Cursor};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use self::outcome::{Linger, NextAction, Outcome, Refusal, SLOW_BODY_REFUSAL};
use self::writer::{BodyReader, BodySource};
use super::buffers::Buffers;
use super::byte_queue::ByteQueue;
use super::request::upload::{Fault, Leftover, UploadState};
use super::request::{BodyRemainder, ReceivedRequest, MAX_SKIPPED_BODY_BYTES};
use super::service::{Fields, Service};
use super::upgrade;
use crate::message::request::head::{Head, Version};
use crate::message::syntax::status;
use crate::message::{Data, Request, Response, Upgrade};
use crate::server::registry::ConnectionHandle;
use crate::server::stats::error_hook::ServerErrorKind;
use crate::server::stats::CloseReason;
use crate::util::catch_panic::catch_panic;
use crate::util::lock::lock;
use crate::wire::encode;
use crate::wire::encode::{BodyFraming, Payload};
use crate::wire::proxied::Client;

/// The longest body that is copied behind the head and sent in one buffer, 16 KiB. A longer body is
/// sent from the buffer that the handler returned.
const MAX_INLINE_BODY_BYTES: usize = 16 * 1024;

/// A request, with all values on which the handler and the decisions about the response depend.
pub(crate) struct Exchange<'a> {
    pub(crate) service: &'a Arc<Service>,
    pub(crate) handle: &'a Arc<ConnectionHandle>,
    pub(crate) head: Head,
    /// The client that a trusted proxy names.
    pub(crate) client: Option<Client>,
    pub(crate) received: ReceivedRequest,
    /// The bytes received after `received`.
    pub(crate) unread: ByteQueue,
    /// The number of this request on the connection, from 1.
    pub(crate) number: u64,
}

/// The traits of a request on which the form of the response depends.
#[derive(Clone, Copy)]
struct RequestTraits {
    is_head: bool,
    version: Version,
    keep_alive: bool,
}

/// Runs the handler of a request, and encodes the response.
///
/// # Errors
///
/// The reason to cut the connection without a response: the client got half of a "100 Continue".
pub(crate) fn run_exchange(
    exchange: Exchange<'_>,
    buffers: &mut Buffers,
) -> Result<Outcome, CloseReason> {
    let (service, handle, number) = (exchange.service, exchange.handle, exchange.number);
    let traits = RequestTraits {
        is_head: exchange.head.method() == "HEAD",
        version: exchange.head.version,
        keep_alive: exchange.received.framing.keep_alive,
    };
    let is_server_wide = exchange.head.method() == "OPTIONS" && exchange.head.target() == "*";

    let (upload, unread) = lend_request(exchange, buffers);
    let mut response = run_handler(service, handle, &buffers.request);
    let finished = Instant::now();
    let mut leftover = match upload {
        Some(upload) => lock(&upload).close(),
        None => Leftover::none(unread),
    };
    let unread = std::mem::take(&mut leftover.unread);
    if leftover.fault == Some(Fault::HalfContinue) {
        let _ = catch_panic(|| drop(response));
        return Err(CloseReason::Broken);
    }
    // "*" is the server as a whole, which a handler need not know (RFC 9110 §9.3.7).
    if is_server_wide && matches!(response.status_code, 404 | 405) {
        response = replace(response, Response::text("").with_status_code(200));
    }
    let mut persist = PersistDecision::of(service, handle, traits, number, leftover);
    if let (Some(refusal), true) = (persist.refusal, response.status_code >= 400) {
        response = replace(response, refusal_page(refusal));
    }
    let mut permit = None;
    if response.status_code == 101 {
        let body_is_read = persist.rest.is_none();
        match upgrade::permit(service, handle, &buffers.request, &response, body_is_read) {
            Ok(granted) => permit = Some(granted),
            Err(status) => {
                // The bytes that follow may be of the other protocol, and must not be read as HTTP.
                persist.keep_alive = false;
                persist.reason = match handle.is_ending() {
                    true => CloseReason::Drained,
                    false => CloseReason::Limit,
                };
                response = replace(response, status_page(status));
            }
        }
    }
    let close = !persist.keep_alive;
    let encoded = encode_response(service, handle, buffers, traits, close, response, finished);
    let next = match (encoded.upgrade, permit) {
        (Some(upgrade), Some(permit)) => NextAction::Upgrade(upgrade, permit),
        _ if !encoded.close => NextAction::KeepAlive(persist.rest),
        _ => {
            let is_short = encoded.source.is_nothing();
            persist.close(traits, is_short, unread.is_empty())
        }
    };
    Ok(Outcome {
        source: encoded.source,
        next,
        unread,
        finished,
    })
}

/// Fills `buffers.request` with the request that the handler sees. Returns the state of a body that
/// the handler reads from the socket, or else the unread bytes.
fn lend_request(
    exchange: Exchange<'_>,
    buffers: &mut Buffers,
) -> (Option<Arc<Mutex<UploadState>>>, ByteQueue) {
    let (service, handle, received) = (exchange.service, exchange.handle, exchange.received);
    let parts = buffers.request.renew();
    parts.peer_addr = handle.peer;
    // The head of the request before this one becomes the spare head.
    buffers.head = std::mem::replace(&mut parts.head, exchange.head);
    if let Some(client) = exchange.client {
        parts.client = Some(client.address);
        parts.secure = client.secure;
    }
    if !received.rest.is_done() {
        let (state, reader) = UploadState::share(service, handle, received, exchange.unread);
        parts.set_body(Box::new(reader));
        return (Some(state), ByteQueue::default());
    }
    if !received.body.is_empty() {
        parts.set_body(Box::new(Cursor::new(received.body)));
    }
    (None, exchange.unread)
}

fn run_handler(service: &Service, handle: &ConnectionHandle, request: &Request) -> Response {
    catch_panic(|| (service.handler)(request)).unwrap_or_else(|panicked| {
        service.counters.panicked();
        service.report(handle, ServerErrorKind::Handler, panicked.into());
        status_page(500)
    })
}

/// The decision whether the connection persists after the response, with the reason if not.
struct PersistDecision {
    keep_alive: bool,
    /// The part of the body that is still to come.
    rest: Option<BodyRemainder>,
    /// The reason for the end of the connection, if the connection ends.
    reason: CloseReason,
    /// The mistake of the client, if there was one: more exact than the error of the handler.
    refusal: Option<Refusal>,
}

impl PersistDecision {
    /// Decides from the request and from the part of the body that the handler left.
    fn of(
        service: &Service,
        handle: &ConnectionHandle,
        traits: RequestTraits,
        number: u64,
        leftover: Leftover,
    ) -> PersistDecision {
        let most = service.limits.max_requests_per_connection;
        let is_last = most.map_or(false, |most| number >= most);
        let (mut keep_alive, reason) = match () {
            _ if handle.is_ending() => (false, CloseReason::Drained),
            _ if is_last => (false, CloseReason::Limit),
            _ if service.registry.winds_down(handle) => (false, CloseReason::Drained),
            _ => (traits.keep_alive, CloseReason::Asked),
        };
        let (refusal, reason) = match leftover.fault {
            None => (None, reason),
            Some(Fault::Wire(error)) => (Some(error.refusal()), CloseReason::Refused),
            Some(Fault::TooSlow) => (Some(SLOW_BODY_REFUSAL), CloseReason::SlowBody),
            Some(Fault::Truncated | Fault::HalfContinue) => (None, CloseReason::Broken),
        };
        let rest = Some(leftover.rest).filter(|rest| !rest.is_done());
        if let Some(rest) = &rest {
            let known_length = rest.known_length().unwrap_or(0);
            // Whether a client that waits for its 100 sends the body now cannot be known.
            keep_alive &= known_length <= MAX_SKIPPED_BODY_BYTES as u64
                && !leftover.expects_continue
                && leftover.fault.is_none();
        }
        PersistDecision {
            keep_alive,
            rest,
            reason,
            refusal,
        }
    }

    /// Closes the connection, and decides whether to linger.
    fn close(self, traits: RequestTraits, is_short: bool, is_all_read: bool) -> NextAction {
        // A client that did not ask for the end may have sent its next request by now. Much of a
        // large response may still have to be sent.
        let is_expected = !traits.keep_alive && self.reason == CloseReason::Asked;
        NextAction::Close {
            linger: match is_expected && is_short && is_all_read && self.rest.is_none() {
                true => Linger::IfMoreArrived,
                false => Linger::Always,
            },
            reason: self.reason,
        }
    }
}

/// A response with the head, and perhaps the body, in `Buffers::out`.
struct EncodedResponse {
    /// The part of the body that is not in `Buffers::out`.
    source: BodySource,
    close: bool,
    upgrade: Option<Box<dyn Upgrade + Send>>,
}

/// Appends a response to `Buffers::out`: the head, and a small body. A response that cannot be sent
/// is replaced by a 500.
fn encode_response(
    service: &Service,
    handle: &ConnectionHandle,
    buffers: &mut Buffers,
    traits: RequestTraits,
    close: bool,
    response: Response,
    now: Instant,
) -> EncodedResponse {
    let response = presentable(response);
    let (status, headers) = (response.status_code, response.headers);
    let payload = response.data.size();
    let payload = payload.map_or(Payload::Unknown, Payload::Known);
    let mut plan = encode::plan(traits.is_head, traits.version, !close, status, payload);
    let data = response.data.into_data();
    let date = *buffers.date(now);
    let Buffers { out, input, .. } = buffers;
    let start = out.len();
    let is_valid = encode::response_head(out, &mut plan, traits.version, status, &headers, &date);
    let source = if is_valid && !plan.head_only {
        let is_chunked = plan.framing == BodyFraming::Chunked;
        // An error before the first byte was sent: the client can still get a 500.
        encode_body(data, &headers, is_chunked, out, input)
            .map_err(|error| service.report(handle, ServerErrorKind::Body, error))
            .ok()
    } else {
        let _ = catch_panic(|| drop(data));
        is_valid.then(|| BodySource::Nothing)
    };
    if !is_valid {
        service.report_bad_headers(handle, &headers);
    }
    match source {
        Some(source) => {
            buffers.counters(&service.counters).answered(status);
            EncodedResponse {
                source,
                close: plan.close,
                upgrade: response.upgrade,
            }
        }
        None => {
            buffers.out.truncate(start);
            encode_response(
                service,
                handle,
                buffers,
                traits,
                close,
                status_page(500),
                now,
            )
        }
    }
}

/// Appends a body, or the first piece, to the head in `out`. Returns the source of the rest.
fn encode_body(
    data: Data,
    headers: &Fields,
    is_chunked: bool,
    out: &mut Vec<u8>,
    piece: &mut Vec<u8>,
) -> io::Result<BodySource> {
    Ok(match data {
        Data::Empty => BodySource::Nothing,
        Data::Bytes(bytes) if bytes.len() <= MAX_INLINE_BODY_BYTES => {
            out.extend_from_slice(&bytes);
            BodySource::Nothing
        }
        Data::Bytes(bytes) => BodySource::Bytes(bytes.into()),
        Data::Reader { reader, size } => {
            let mut body = BodyReader::new(reader, size, is_chunked);
            // The first event may be long in coming. The head is sent before the event, and shows
            // the client that the stream is open.
            if !is_event_stream(headers) {
                body.fill(out, piece)?;
            }
            BodySource::Reader(body)
        }
    })
}

/// Returns whether the response is a stream of server-sent events.
fn is_event_stream(headers: &Fields) -> bool {
    headers.iter().any(|(name, value)| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("Content-Type")
            && essence.eq_ignore_ascii_case("text/event-stream")
    })
}

/// Returns a response that can be sent: one with a final status, or a 101 with an upgrade.
fn presentable(mut response: Response) -> Response {
    match (response.status_code, &response.upgrade) {
        (101, Some(_)) | (200..=999, None) => response,
        (200..=999, Some(_)) => {
            let upgrade = response.upgrade.take();
            let _ = catch_panic(|| drop(upgrade));
            response
        }
        _ => replace(response, status_page(500)),
    }
}

/// Replaces the response of the handler by another. The first holds user code, and the drop of that
/// code may panic.
fn replace(response: Response, other: Response) -> Response {
    let _ = catch_panic(|| drop(response));
    other
}

/// Returns a response that states only the status.
fn status_page(status: u16) -> Response {
    let reason = status::reason(status);
    Response::text(format!("{status} {reason}\n")).with_status_code(status)
}

/// Returns the response for a refusal.
fn refusal_page((status, text): Refusal) -> Response {
    let reason = status::reason(status);
    Response::text(format!("{status} {reason}: {text}\n")).with_status_code(status)
}

/// Appends a refusal to `Buffers::out`. The connection ends after the refusal.
pub(crate) fn encode_refusal(
    service: &Service,
    handle: &ConnectionHandle,
    buffers: &mut Buffers,
    is_head: bool,
    refusal: Refusal,
    now: Instant,
) {
    let traits = RequestTraits {
        is_head,
        version: Version::Http11,
        keep_alive: false,
    };
    // The body is small: nothing is left to send after the buffer.
    let response = refusal_page(refusal);
    let _ = encode_response(service, handle, buffers, traits, true, response, now);
}
