//! [`Limits`]: every limit on the sizes, numbers, rates and times that a client controls, with its
//! default. This file has no socket and no request.

use std::time::Duration;

/// The limits on the sizes, numbers, rates and times that a client controls. Each field has a
/// default. Pass the limits to [`Server::limits`](crate::Server::limits) or
/// [`Settings::limits`](crate::Settings::limits).
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
/// A limit of n accepts n and rejects n + 1.
///
/// | field | default | when exceeded |
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
    /// Bytes of the request target. RFC 9112 §3 recommends at least 8,000. A longer target gets
    /// 414.
    pub max_target_bytes: usize,
    /// Bytes of a whole request head, including its last empty line. A longer head gets 431.
    pub max_head_bytes: usize,
    /// Header fields of one request, and also trailer fields. One more gets 431.
    pub max_headers: usize,
    /// Bytes of a request body, decoded. A longer body gets 413. A longer `Content-Length` is
    /// rejected before anything is read or allocated; a longer chunked body is rejected at the
    /// first byte beyond the limit.
    pub max_body_bytes: u64,
    /// Bytes of a body that are read before the handler runs, so that no worker waits for a slow
    /// client. The rest of a larger body is read while the handler runs.
    pub buffered_body_bytes: usize,
    /// The time from the first byte of a head to its last byte. Bytes that arrive slowly do not
    /// extend this time. A slower client gets 408.
    pub head_timeout: Duration,
    /// The time from the end of a response, or from the accept, to the first byte of the next
    /// request. Then the connection is closed.
    pub idle_timeout: Duration,
    /// Bytes per second of a body that must arrive, on average over each window of 5 seconds. A
    /// slower client gets 408.
    pub min_body_rate: u64,
    /// Bytes per second of a response that a client must read, on average over each window of 5
    /// seconds. If the client is slower, the connection is closed before the end of the response.
    pub min_write_rate: u64,
    /// Open connections. To accept one more, the server closes a connection that has its last
    /// response but is still open on the client's side, or else the connection that has been idle
    /// longest. If there is none, the new connection gets 503.
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
