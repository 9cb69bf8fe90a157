//! The outcome of an exchange: the action that follows a response, and the refusals, which the
//! server sends without a handler.

use std::time::Instant;

use super::writer::BodySource;
use crate::message::Upgrade;
use crate::server::connection::byte_queue::ByteQueue;
use crate::server::connection::request::upload::SLOW_BODY_TEXT;
use crate::server::connection::request::BodyRemainder;
use crate::server::connection::service::UpgradePermit;
use crate::server::stats::CloseReason;

/// The outcome of an exchange. The head and a small body of the response are in `Buffers::out`.
pub(crate) struct Outcome {
    /// The part of the body that is not in `Buffers::out`.
    pub(crate) source: BodySource,
    pub(crate) next: NextAction,
    /// The bytes received after the part of the request that was read.
    pub(crate) unread: ByteQueue,
    /// When the handler returned.
    pub(crate) finished: Instant,
}

/// The action that follows a response.
pub(crate) enum NextAction {
    /// Receives the next request, after the rest of an unread body was skipped.
    KeepAlive(Option<BodyRemainder>),
    /// Closes the connection after the response was sent.
    Close { linger: Linger, reason: CloseReason },
    /// Hands the connection over to another protocol after the 101 was sent.
    Upgrade(Box<dyn Upgrade + Send>, UpgradePermit),
}

/// The decision whether the server reads on for a moment after the last response. Bytes that arrive
/// at a closed socket cause a reset, which may destroy the response before the client reads it (RFC
/// 9112 §9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linger {
    Always,
    /// Only if more bytes have arrived: the client asked for the end, and the response is short.
    IfMoreArrived,
}

/// The status and the reason of a refusal. The reason is a fixed text and contains no byte of the
/// client.
pub(crate) type Refusal = (u16, &'static str);

pub(crate) const HEAD_TIMEOUT_REFUSAL: Refusal = (408, "request head timeout");
pub(crate) const INCOMPLETE_HEAD_REFUSAL: Refusal = (400, "incomplete request head");
pub(crate) const SLOW_BODY_REFUSAL: Refusal = (408, SLOW_BODY_TEXT);
