//! [`Limits`], every bound that a peer can reach: its field, its default and its reason. This file
//! knows no socket and no request.

use std::time::Duration;

/// The bounds of a server: plain fields with defaults.
///
/// ```no_run
/// use millpond::{Limits, Response, Server};
/// use std::time::Duration;
///
/// fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
///     let limits = Limits {
///         max_body_bytes: 1 << 20,
///         head_timeout: Duration::from_secs(5),
///         ..Limits::default()
///     };
///     let server = Server::new("127.0.0.1:8080", |_| Response::text("hello"))?.limits(limits);
///     println!("http://{}/", server.server_addr());
///     server.run();
///     Ok(())
/// }
/// ```
///
/// A limit of n admits n and rejects n + 1.
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
    /// Bytes of the request target. RFC 9112 §3 recommends at least 8,000. Beyond it: 414.
    pub max_target_bytes: usize,
    /// Bytes of a whole request head, including its last empty line. Beyond it: 431.
    pub max_head_bytes: usize,
    /// Header fields of one request, and also trailer fields. Beyond it: 431.
    pub max_headers: usize,
    /// Bytes of a request body, decoded. A longer `Content-Length` is rejected before anything is
    /// read or allocated, and a longer chunked body when it passes the limit. Beyond it: 413.
    pub max_body_bytes: u64,
    /// Bytes of a body that are read before the handler runs, so that no worker waits for a slow
    /// client. The rest of a larger body is read while the handler runs.
    pub buffered_body_bytes: usize,
    /// The time from the first byte of a head to its last. Slow bytes do not extend it.
    pub head_timeout: Duration,
    /// The time from the end of a response, or from the accept, to the first byte of the next
    /// request.
    pub idle_timeout: Duration,
    /// Bytes a second that must arrive of a body, on average, once 5 seconds have passed.
    pub min_body_rate: u64,
    /// Bytes a second that a client must read of a response, once 5 seconds have passed.
    pub min_write_rate: u64,
    /// Open connections. To admit one more, the server closes a connection that has its last
    /// response but is still open on the client's side, or the connection idle longest. If there is
    /// none, the new connection gets 503.
    pub max_connections: usize,
    /// Open connections that were passed to another protocol
    /// ([`Response::upgrade`](crate::Response::upgrade)). One more gets 503.
    pub max_upgraded: usize,
    /// Requests answered on one connection before it is closed. `None`: no limit.
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
