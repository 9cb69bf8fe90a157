//! Public types that report connections: the state of each, the requests in flight, and the result
//! of a drain. They depend on nothing else.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// The state of a connection.
///
/// Reported by [`Stats::connections`](crate::Stats::connections) and in [`InFlight`]. A request is
/// *in flight* from the time when it was received (a large request: when its first part was
/// received) until its response is sent completely. These are the states
/// [`Waiting`](Self::Waiting), [`Handler`](Self::Handler), [`Upload`](Self::Upload) and
/// [`Response`](Self::Response).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectionState {
    /// The connection was accepted, and no byte has arrived.
    Fresh,
    /// The connection is between two requests.
    Idle,
    /// The last response was sent, and the connection is still read for a moment. Without this, a
    /// reset could destroy the response before the client reads it (RFC 9112 §9.6). Or the
    /// connection was cut, and its handler has not returned.
    Closing,
    /// A part of a head has arrived.
    Head,
    /// A part of a body has arrived, and the handler runs once the body is complete.
    Body,
    /// The request waits for a worker.
    Waiting,
    /// The handler runs.
    Handler,
    /// The handler waits for more of the body.
    Upload,
    /// The response is being sent.
    Response,
    /// Another protocol uses the connection.
    Upgraded,
}

impl ConnectionState {
    /// All states, in the order of [`Stats::connections`](crate::Stats::connections).
    pub const ALL: [ConnectionState; 10] = [
        ConnectionState::Fresh,
        ConnectionState::Idle,
        ConnectionState::Closing,
        ConnectionState::Head,
        ConnectionState::Body,
        ConnectionState::Waiting,
        ConnectionState::Handler,
        ConnectionState::Upload,
        ConnectionState::Response,
        ConnectionState::Upgraded,
    ];

    pub(crate) fn is_in_flight(self) -> bool {
        use ConnectionState::*;
        matches!(self, Waiting | Handler | Upload | Response)
    }

    fn description(self) -> &'static str {
        match self {
            ConnectionState::Fresh => "fresh",
            ConnectionState::Idle => "idle",
            ConnectionState::Closing => "closing",
            ConnectionState::Head => "receiving head",
            ConnectionState::Body => "receiving body",
            ConnectionState::Waiting => "waiting for worker",
            ConnectionState::Handler => "in handler",
            ConnectionState::Upload => "receiving upload",
            ConnectionState::Response => "sending response",
            ConnectionState::Upgraded => "upgraded",
        }
    }
}

/// A request that is in flight, or a connection that was upgraded.
///
/// Returned by [`Monitor::in_flight`](crate::Monitor::in_flight) and in [`Drained`].
///
/// ```
/// # use millpond::Router;
/// # let server = Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// for request in server.monitor().in_flight() {
///     println!("{request}"); // 127.0.0.1:50312 GET /report in handler, 2.4s
/// }
/// # let _ = server.stop();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The client. The address is that of [`Request::remote_addr`](crate::Request::remote_addr):
    /// the one that a trusted proxy names, if there is one. The port is 0 if the proxy names
    /// none.
    pub client: SocketAddr,
    /// The other end of the connection: the proxy, or the client.
    pub peer: SocketAddr,
    /// The method and the target without its query, which may contain secrets: `GET /report`. The
    /// text is truncated after 120 bytes.
    pub request: String,
    /// The current state.
    pub state: ConnectionState,
    /// The time since the handler started. In the state [`Waiting`](ConnectionState::Waiting), the
    /// time for which the request has waited. For an upgraded connection, the time since the
    /// handler of its request started.
    pub age: Duration,
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (request, state) = (&self.request, self.state.description());
        let addresses = ClientAndPeer {
            client: self.client,
            peer: self.peer,
        };
        write!(f, "{addresses} {request} {state}, {:.1?}", self.age)
    }
}

/// The addresses of a connection in words: `192.0.2.7 through 127.0.0.1:50312`, or one address if
/// both are the same.
pub(crate) struct ClientAndPeer {
    pub(crate) client: SocketAddr,
    pub(crate) peer: SocketAddr,
}

impl fmt::Display for ClientAndPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClientAndPeer { client, peer } = self;
        match client.port() {
            _ if client == peer => write!(f, "{peer}"),
            0 => write!(f, "{} through {peer}", client.ip()),
            _ => write!(f, "{client} through {peer}"),
        }
    }
}

/// The result of a drain: the number of requests that were answered, cut or lost.
///
/// ```
/// use millpond::{Router, Response, Route};
/// let router = Router::default();
/// let server = router.serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let drained = server.stop();
/// assert_eq!((drained.answered, drained.cut), (0, 0));
/// println!("{drained}"); // 0 answered, 0 cut, 0 lost in 20.1µs
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Requests answered completely since the drain began, including those received in its first
    /// moments.
    pub answered: u64,
    /// Requests whose response was not sent completely at the deadline.
    pub cut: u64,
    /// Requests that ended without a complete response for another reason: the client left or was
    /// too slow, or the response's body failed.
    pub lost: u64,
    /// The duration of the drain.
    pub took: Duration,
    /// The requests that were in flight when the drain had taken a second, with their state at that
    /// time: those of the oldest 32 connections.
    pub held_up_by: Vec<InFlight>,
    /// The requests that were cut, with their state at that time: those of the oldest 32
    /// connections.
    pub unanswered: Vec<InFlight>,
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, cut, lost) = (self.answered, self.cut, self.lost);
        let took = self.took;
        write!(
            f,
            "{answered} answered, {cut} cut, {lost} lost in {took:.1?}"
        )?;
        list(f, "held up by", &self.held_up_by)?;
        list(f, "cut", &self.unanswered)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, requests: &[InFlight]) -> fmt::Result {
    let mut separator = format!("; {title}");
    for request in requests {
        write!(f, "{separator} {request}")?;
        separator = " and".to_owned();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_counts_and_requests() {
        let in_flight = |request: &str, state, secs| InFlight {
            client: ([127, 0, 0, 1], 9).into(),
            peer: ([127, 0, 0, 1], 9).into(),
            request: request.into(),
            state,
            age: Duration::from_secs(secs),
        };
        let mut drained = Drained {
            answered: 3,
            took: Duration::from_millis(2500),
            ..Drained::default()
        };
        assert_eq!(drained.to_string(), "3 answered, 0 cut, 0 lost in 2.5s");
        drained.cut = 1;
        drained.held_up_by = vec![
            in_flight("GET /a", ConnectionState::Handler, 4),
            in_flight("PUT /b", ConnectionState::Upload, 1),
        ];
        drained.unanswered = vec![InFlight {
            client: ([192, 0, 2, 7], 0).into(),
            ..in_flight("PUT /b", ConnectionState::Response, 2)
        }];
        assert_eq!(
            drained.to_string(),
            "3 answered, 1 cut, 0 lost in 2.5s; held up by 127.0.0.1:9 GET /a in handler, 4.0s \
             and 127.0.0.1:9 PUT /b receiving upload, 1.0s; cut 192.0.2.7 through 127.0.0.1:9 \
             PUT /b sending response, 2.0s"
        );
    }

    #[test]
    fn lists_states_by_number() {
        for (at, state) in ConnectionState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, at);
        }
    }
}
