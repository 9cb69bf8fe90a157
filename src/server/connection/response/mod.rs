//! One request answered: its body is lent to the handler, the handler runs, and its response
//! becomes the bytes to send and what follows them. Nothing is sent here.

pub(crate) mod writer;

use std::borrow::Cow;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Instant;

use self::writer::BodySource;
use super::request::upload::{Fault, Leftover, UploadState};
use super::request::{BodyRemainder, ReceivedRequest};
use super::{Buffers, Connection, Linger, NextAction, SKIP};
use crate::message::request::head::Version;
use crate::message::syntax::status;
use crate::message::{Data, Request, Response, Upgrade};
use crate::server::stats::error_hook::ServerErrorKind;
use crate::server::stats::CloseReason;
use crate::util::catch_panic::catch_panic;
use crate::util::lock::lock;
use crate::wire::encode;
use crate::wire::encode::{BodyFraming, Payload, Plan};

pub(crate) const SLOW_BODY: Refusal = (408, "the body comes too slowly");

/// What a response's form depends on, of the request it answers.
#[derive(Clone, Copy)]
struct RequestTraits {
    head: bool,
    version: Version,
    keep_alive: bool,
}

/// The response's head and small body are in `Buffers::out`; this is what comes behind them.
pub(crate) struct Answered {
    pub source: BodySource,
    pub after: NextAction,
    /// When the handler returned.
    pub now: Instant,
}

/// Answers the request that is ready.
pub(crate) fn answer(
    connection: &mut Connection,
    buffers: &mut Buffers,
    received: ReceivedRequest,
) -> Answered {
    let parts = buffers.request.renew();
    parts.peer_addr = connection.link.peer;
    std::mem::swap(&mut parts.head, &mut connection.reader.head);
    if let Some(client) = connection.client.take() {
        parts.client = Some(client.address);
        parts.secure = client.secure;
    }
    let asked = RequestTraits {
        head: parts.head.method() == "HEAD",
        version: parts.head.version,
        keep_alive: received.framing.keep_alive,
    };
    let server_wide = parts.head.method() == "OPTIONS" && parts.head.target() == "*";

    let mut transfer = None;
    if received.is_partial() || received.truncated {
        connection.wait_in_reads();
        let raw = connection.take_unread();
        let rate = connection.service.limits.min_body_rate;
        let link = Arc::clone(&connection.link);
        let counters = Arc::clone(&connection.service.counters);
        let (shared, upload) = UploadState::new(link, counters, received, raw, rate).reader();
        parts.set_body(Box::new(upload));
        transfer = Some(shared);
    } else if !received.body.is_empty() {
        parts.set_body(Box::new(Cursor::new(received.body)));
    }

    let mut response = run_handler(connection, buffers);
    // A handler that does not know the server as a whole need not: RFC 9110 §9.3.7.
    if server_wide && matches!(response.status_code, 404 | 405) {
        response = instead(response, Response::text("").with_status_code(200));
    }
    let now = Instant::now();
    connection.served += 1;
    let leftover = transfer.map(|transfer| lock(&transfer).close());
    if matches!(&leftover, Some(leftover) if leftover.fault == Some(Fault::HalfContinue)) {
        let _ = catch_panic(|| drop(response));
        return Answered {
            source: BodySource::Abort,
            after: NextAction::Close {
                linger: Linger::No,
                reason: CloseReason::Broken,
            },
            now,
        };
    }
    let mut left = PersistDecision::of(connection, asked, leftover);
    if let (Some(refusal), true) = (left.refusal, response.status_code >= 400) {
        response = instead(response, refused(refusal));
    }
    let mut place = None;
    if response.status_code == 101 {
        connection.report_bad_headers(&response.headers);
        // RFC 9110 §15.2, §7.8: no 101 to HTTP/1.0, and none before the request has ended.
        let may_switch = asked.version > Version::Http10 && left.rest.is_none();
        let possible = may_switch
            && response.upgrade.is_some()
            && can_be_sent(&response)
            && asked_for(&buffers.request, &response);
        // A drain may have shut the connection for reading already, and would not wait for it.
        let leaving = connection.link.is_ending();
        if possible && !leaving {
            place = connection.service.place_to_upgrade();
        }
        if place.is_none() {
            // What follows may be of the other protocol already: it must not be read as HTTP.
            left.keep = false;
            left.reason = match leaving {
                true => CloseReason::Drained,
                false => CloseReason::Limit,
            };
            response = instead(response, plain(if possible { 503 } else { 500 }));
        }
    }
    let (source, plan, upgrade) = compose(connection, buffers, asked, left.keep, response, now);
    if let (Some(upgrade), Some(place)) = (upgrade, place) {
        return Answered {
            source,
            after: NextAction::Upgrade(upgrade, place),
            now,
        };
    }
    let after = if plan.close {
        // A client that did not ask for it may have sent its next request by now; of a large answer
        // much may still have to be sent.
        let untold = asked.keep_alive || left.reason != CloseReason::Asked;
        let more = left.rest.take().is_some() || connection.has_unread();
        NextAction::Close {
            linger: match untold || more || !source.is_nothing() {
                true => Linger::Yes,
                false => Linger::IfMoreCame,
            },
            reason: left.reason,
        }
    } else {
        NextAction::KeepAlive(left.rest)
    };
    Answered { source, after, now }
}

/// RFC 9110 §7.8: a switch is to a protocol that the request names in Upgrade, and Connection has
/// to name that field.
fn asked_for(request: &Request, response: &Response) -> bool {
    let names = |field: &str, element: &str| {
        let values = request
            .headers()
            .filter(|(name, _)| name.eq_ignore_ascii_case(field));
        let mut elements = values.flat_map(|(_, value)| value.split(','));
        elements.any(|e| e.trim().eq_ignore_ascii_case(element))
    };
    let fields = response.headers.iter();
    let upgrades = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Upgrade"));
    let mut protocols = upgrades
        .flat_map(|(_, value)| value.split(','))
        .map(str::trim)
        .peekable();
    names("Connection", "upgrade")
        && protocols.peek().is_some()
        && protocols.all(|protocol| names("Upgrade", protocol))
}

/// A status and why, in words that are the server's own: nothing a peer sent is in them.
pub(crate) type Refusal = (u16, &'static str);

/// Puts a refusal into `buffers.out`: the connection ends after it, whatever else was sent.
pub(crate) fn refuse(
    connection: &Connection,
    buffers: &mut Buffers,
    refusal: Refusal,
    now: Instant,
) {
    let method = connection.reader.head.method();
    let asked = RequestTraits {
        head: method == "HEAD",
        version: Version::Http11,
        keep_alive: false,
    };
    let response = refused(refusal);
    // Its body is small: nothing is left to be sent behind the buffer.
    let _ = compose(connection, buffers, asked, false, response, now);
}

fn refused((code, why): Refusal) -> Response {
    let text = format!("{} {}: {}\n", code, status::reason(code), why);
    Response::text(text).with_status_code(code)
}

/// The response to what only the status can say.
fn plain(code: u16) -> Response {
    Response::text(format!("{} {}\n", code, status::reason(code))).with_status_code(code)
}

fn run_handler(connection: &Connection, buffers: &mut Buffers) -> Response {
    let handler = &*connection.service.handler;
    let request = &buffers.request;
    catch_panic(|| handler(request)).unwrap_or_else(|panicked| {
        connection.service.counters.panicked();
        connection.report(ServerErrorKind::Handler, panicked.into());
        plain(500)
    })
}

/// What the handler left of the body, and what follows from it.
struct PersistDecision {
    keep: bool,
    /// What is still to be read past, if anything.
    rest: Option<BodyRemainder>,
    reason: CloseReason,
    /// The client's own mistake, where it made one: better than the handler's word for it.
    refusal: Option<Refusal>,
}

impl PersistDecision {
    fn of(
        connection: &mut Connection,
        asked: RequestTraits,
        leftover: Option<Leftover>,
    ) -> PersistDecision {
        let limits = &connection.service.limits;
        let last = limits
            .max_requests_per_connection
            .map_or(false, |n| connection.served >= n);
        let (keep, reason) = match () {
            _ if connection.link.is_ending() => (false, CloseReason::Drained),
            _ if last => (false, CloseReason::Limit),
            _ if connection.winds_down() => (false, CloseReason::Drained),
            _ => (asked.keep_alive, CloseReason::Asked),
        };
        let mut left = PersistDecision {
            keep,
            rest: None,
            reason,
            refusal: None,
        };
        let leftover = match leftover {
            Some(leftover) => leftover,
            None => return left,
        };
        connection.unread = leftover.raw;
        if !leftover.rest.is_done() {
            // Whether a client that waits for its 100 sends the body now is anyone's guess.
            let short = leftover
                .rest
                .known()
                .map_or(true, |known| known <= SKIP as u64);
            left.keep &= short && !leftover.owes_continue && leftover.fault.is_none();
            left.rest = Some(leftover.rest);
        }
        match leftover.fault {
            Some(Fault::Wire(error)) => {
                left.refusal = Some(error.refusal());
                left.reason = CloseReason::Refused;
            }
            Some(Fault::TooSlow) => {
                left.refusal = Some(SLOW_BODY);
                left.reason = CloseReason::SlowBody;
            }
            Some(Fault::Truncated | Fault::HalfContinue) => left.reason = CloseReason::Broken,
            None => {}
        }
        left
    }
}

type EncodedResponse = (BodySource, Plan, Option<Box<dyn Upgrade + Send>>);

/// Appends a response's head, and its body if that is small, to `buffers.out`.
fn compose(
    connection: &Connection,
    buffers: &mut Buffers,
    asked: RequestTraits,
    keep: bool,
    response: Response,
    now: Instant,
) -> EncodedResponse {
    let start = buffers.out.len();
    let response = presentable(response);
    let Response {
        status_code,
        headers,
        data,
        upgrade,
    } = response;
    let data = data.into_data();
    let payload = match &data {
        Data::Empty => Payload::Known(0),
        Data::Bytes(bytes) => Payload::Known(bytes.len() as u64),
        Data::Reader {
            size: Some(size), ..
        } => Payload::Known(*size),
        Data::Reader { size: None, .. } => Payload::Unknown,
    };
    let mut plan = encode::plan(asked.head, asked.version, keep, status_code, payload);
    let date = *buffers.date(now);
    let out = &mut buffers.out;
    let mut source = BodySource::Nothing;
    let mut fits =
        encode::response_head(out, &mut plan, asked.version, status_code, &headers, &date);
    if !fits {
        connection.report_bad_headers(&headers);
    }
    if plan.head_only || !fits {
        BodySource::discard(data);
    } else {
        let chunked = plan.framing == BodyFraming::Chunked;
        source = match data {
            // By its head the client knows that it is open.
            Data::Reader { reader, size } if is_event_stream(&headers) => {
                BodySource::unread(reader, size, chunked)
            }
            data => BodySource::of(data, chunked, out, &mut buffers.input),
        };
        // Before its first byte: nothing of it was sent, and so the client can still be told.
        if let Some(error) = source.failure() {
            connection.report(ServerErrorKind::Body, error);
            fits = false;
        }
    }
    if !fits {
        buffers.out.truncate(start);
        return compose(connection, buffers, asked, keep, plain(500), now);
    }
    buffers
        .worker_counters(&connection.service.counters)
        .answered(status_code);
    (source, plan, upgrade)
}

/// Of server-sent events, the first of which may be long in coming.
fn is_event_stream(headers: &[(Cow<'static, str>, Cow<'static, str>)]) -> bool {
    headers.iter().any(|(name, value)| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("Content-Type")
            && essence.eq_ignore_ascii_case("text/event-stream")
    })
}

/// Whether its fields are fields.
fn can_be_sent(response: &Response) -> bool {
    let mut fields = response.headers.iter();
    fields.all(|(name, value)| encode::is_field(name, value))
}

/// A response that can be sent as it is: a final status, or 101 with someone to take over.
fn presentable(response: Response) -> Response {
    match (response.status_code, &response.upgrade) {
        (101, Some(_)) | (200..=999, None) => response,
        (200..=999, Some(_)) => {
            let mut response = response;
            let upgrade = response.upgrade.take();
            let _ = catch_panic(|| drop(upgrade));
            response
        }
        _ => instead(response, plain(500)),
    }
}

/// Another response than the handler's, whose reader may panic when it is dropped.
fn instead(response: Response, other: Response) -> Response {
    let _ = catch_panic(|| drop(response));
    other
}
