//! What is told of connections: what each is doing, who is in flight, what a drain came to.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// What a connection is doing.
///
/// Told by [`Stats::connections`](crate::Stats::connections) and in [`InFlight`]. A request is *in
/// flight* from when it was received (if it is large: its first part) until its response is
/// written whole: that is [`Waiting`](Self::Waiting), [`Handler`](Self::Handler),
/// [`Upload`](Self::Upload) and [`Response`](Self::Response).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ConnectionState {
    /// It was accepted, and nothing came yet.
    Fresh,
    /// It is between requests.
    Idle,
    /// It was answered for the last time, and is read on for a moment so that the client gets to
    /// read that (RFC 9112 §9.6). Or it was cut, and its handler has not returned yet.
    Closing,
    /// A part of a head came.
    Head,
    /// A part of a body came, which is gathered before its handler runs.
    Body,
    /// Its request waits for a worker.
    Waiting,
    /// Its handler runs.
    Handler,
    /// Its handler waits for more of the body.
    Upload,
    /// Its response is being sent.
    Response,
    /// It was handed over to another protocol.
    Upgraded,
}

impl ConnectionState {
    /// Every state there is, in the order of [`Stats::connections`](crate::Stats::connections).
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

    fn as_told(self) -> &'static str {
        match self {
            ConnectionState::Fresh => "fresh",
            ConnectionState::Idle => "idle",
            ConnectionState::Closing => "closing",
            ConnectionState::Head => "sending its head",
            ConnectionState::Body => "sending its body",
            ConnectionState::Waiting => "waiting for a worker",
            ConnectionState::Handler => "in its handler",
            ConnectionState::Upload => "uploading",
            ConnectionState::Response => "taking its response",
            ConnectionState::Upgraded => "upgraded",
        }
    }
}

/// A request that is in flight, or a connection that was upgraded: what
/// [`Monitor::in_flight`](crate::Monitor::in_flight) and [`Drained`] tell.
///
/// ```
/// # use millpond::Router;
/// # let server = Router::default().serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// for one in server.monitor().in_flight() {
///     println!("{one}"); // 127.0.0.1:50312 GET /report in its handler, 2.4 s
/// }
/// # let _ = server.stop();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The client, as [`Request::remote_addr`](crate::Request::remote_addr) has it: whom a trusted
    /// proxy names, if one does. The port is 0 where it was not told.
    pub client: SocketAddr,
    /// The other end of the connection: that proxy, or the client.
    pub peer: SocketAddr,
    /// The method and the target without its query, which may hold secrets: `GET /report`. It is
    /// cut after 120 bytes.
    pub request: String,
    /// What is waited for.
    pub state: ConnectionState,
    /// How long ago the request was taken up.
    pub age: Duration,
}

impl fmt::Display for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (request, state) = (&self.request, self.state.as_told());
        let whose = Whose {
            client: self.client,
            peer: self.peer,
        };
        write!(f, "{whose} {request} {state}, {:.1?}", self.age)
    }
}

/// In words: `192.0.2.7 through 127.0.0.1:50312`, or the one address that both are.
pub(crate) struct Whose {
    pub client: SocketAddr,
    pub peer: SocketAddr,
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Whose { client, peer } = self;
        match client.port() {
            _ if client == peer => write!(f, "{peer}"),
            0 => write!(f, "{} through {peer}", client.ip()),
            _ => write!(f, "{client} through {peer}"),
        }
    }
}

/// What became of the requests that were in flight when a drain began.
///
/// ```
/// # use millpond::{Router, Response, Route};
/// let router = Router::default();
/// let server = router.serve_managed(([127, 0, 0, 1], 0)).unwrap();
/// let drained = server.stop();
/// assert_eq!((drained.answered, drained.cut), (0, 0));
/// println!("{drained}"); // 0 answered, 0 cut, 0 lost in 20.1µs
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Requests answered whole since the drain began, those received in its first moments included.
    pub answered: u64,
    /// Requests whose response was not written whole when the time was up.
    pub cut: u64,
    /// Requests that ended unanswered for another reason: the client left or was too slow, or the
    /// response's body failed.
    pub lost: u64,
    /// How long it took.
    pub took: Duration,
    /// What held it up: the requests that were in flight when it had taken a second, as they were
    /// then; the oldest 32 connections of them.
    pub held_up_by: Vec<InFlight>,
    /// The requests that were cut, as they were then; the oldest 32 connections of them.
    pub unanswered: Vec<InFlight>,
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, cut, lost) = (self.answered, self.cut, self.lost);
        write!(
            f,
            "{answered} answered, {cut} cut, {lost} lost in {:.1?}",
            self.took
        )?;
        list(f, "held up by", &self.held_up_by)?;
        list(f, "cut", &self.unanswered)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, these: &[InFlight]) -> fmt::Result {
    for (at, one) in these.iter().enumerate() {
        match at {
            0 => write!(f, "; {title} {one}")?,
            _ => write!(f, " and {one}")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_sentence() {
        let one = |request: &str, state, secs| InFlight {
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
            one("GET /a", ConnectionState::Handler, 4),
            one("PUT /b", ConnectionState::Upload, 1),
        ];
        drained.unanswered = vec![InFlight {
            client: ([192, 0, 2, 7], 0).into(),
            ..one("PUT /b", ConnectionState::Response, 2)
        }];
        assert_eq!(
            drained.to_string(),
            "3 answered, 1 cut, 0 lost in 2.5s; held up by 127.0.0.1:9 GET /a in its handler, 4.0s \
             and 127.0.0.1:9 PUT /b uploading, 1.0s; cut 192.0.2.7 through 127.0.0.1:9 PUT /b \
             taking its response, 2.0s"
        );
    }

    #[test]
    fn all_states_are_listed_by_their_number() {
        for (at, state) in ConnectionState::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, at);
        }
    }
}
