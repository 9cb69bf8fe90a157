//! Every bound a peer can push against: its field, its default and its reason.
//! A limit of n admits n and refuses n + 1. This file knows no socket and no request.

use std::time::Duration;

/// The bounds of a server. Plain fields; change some, keep the rest:
///
/// ```
/// let limits = millpond::Limits { max_body_bytes: 1 << 20, ..millpond::Limits::default() };
/// assert_eq!(limits.max_headers, 100);
/// ```
///
/// | field | default | when it is passed |
/// |---|---|---|
/// | `max_target_bytes` | 8 KiB | 414, close |
/// | `max_head_bytes` | 16 KiB | 431, close |
/// | `max_headers` | 100 | 431, close |
/// | `max_body_bytes` | 16 MiB | 413, close |
/// | `buffered_body_bytes` | 64 KiB | the rest is read while the handler runs |
/// | `head_timeout` | 10 s, first byte to last | 408, close |
/// | `idle_timeout` | 15 s | close |
/// | `min_body_rate` | 240 B/s after 5 s | 408, close |
/// | `min_write_rate` | 240 B/s after 5 s | cut |
/// | `max_connections` | 4,096 | the one idle longest is closed, else 503 |
/// | `max_upgraded` | 1,024 | 503, close |
/// | `max_requests_per_connection` | none | close after the last one |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the request target (RFC 9112 §3 asks for at least 8,000). Beyond it: 414.
    pub max_target_bytes: usize,
    /// Bytes of a whole request head, its last empty line included. Beyond it: 431.
    pub max_head_bytes: usize,
    /// Header fields of one request, and likewise trailer fields. Beyond it: 431.
    pub max_headers: usize,
    /// Bytes of a request body, decoded. A longer `Content-Length` is refused before anything is
    /// read or allocated; a longer chunked body when it passes the bound. Beyond it: 413.
    pub max_body_bytes: u64,
    /// Bytes of a body that are gathered before the handler runs, so that no worker waits for a
    /// slow sender. A larger body is read while the handler runs.
    pub buffered_body_bytes: usize,
    /// From the first byte of a head to its last. A deadline: dripping does not stretch it.
    pub head_timeout: Duration,
    /// Between the end of a response, or the accepting, and the first byte of the next request.
    pub idle_timeout: Duration,
    /// Bytes a second that a body must bring, on average, once 5 seconds have passed.
    pub min_body_rate: u64,
    /// Bytes a second that a client must take of a response, once 5 seconds have passed.
    pub min_write_rate: u64,
    /// Open connections. One more closes one that has its last answer and whose client has not
    /// closed its side yet, or the one idle longest; if there is none it is told 503.
    pub max_connections: usize,
    /// Connections handed over to another protocol
    /// ([`Response::upgrade`](crate::Response::upgrade)) and still open. One more is told 503.
    pub max_upgraded: usize,
    /// Requests answered on one connection before it is closed. `None`: no bound.
    pub max_requests_per_connection: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_target_bytes: 8 * 1024,
            max_head_bytes: 16 * 1024,
            max_headers: 100,
            max_body_bytes: 16 * 1024 * 1024,
            buffered_body_bytes: 64 * 1024,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(15),
            min_body_rate: 240,
            min_write_rate: 240,
            max_connections: 4096,
            max_upgraded: 1024,
            max_requests_per_connection: None,
        }
    }
}
