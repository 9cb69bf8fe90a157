//! Errors that no response can report, and the program's hook for them.
//!
//! [`ErrorHook`] calls the hook of [`Settings::on_error`](crate::Settings::on_error) with a
//! [`ServerError`]. The hook is the program's code: it may panic, take its time, or read the
//! numbers of the server. Therefore no lock is held during the call.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::server::registry::{ClientAndPeer, ConnectionHandle};
use crate::util::catch_panic::catch_panic;

/// The kind of a [`ServerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerErrorKind {
    /// A connection could not be accepted, for example because no file descriptor is left. The
    /// server continues to accept connections.
    Accept,
    /// The system could not start a thread for the pool. The existing threads continue to serve.
    /// A connection is turned away only if the pool has no thread at all.
    Thread,
    /// A handler panicked. Its client received a 500.
    Handler,
    /// The reader of a response's body failed, panicked, or ended before the announced length. The
    /// client received a 500 if nothing had been sent; otherwise its connection was cut.
    Body,
    /// A response had a header that cannot be sent: its name is not a token, or its value contains
    /// a control character. The client received a 500.
    Header,
    /// An upgrade panicked, or its thread could not be started. The connection is closed.
    Upgrade,
}

impl ServerErrorKind {
    fn description(self) -> &'static str {
        match self {
            ServerErrorKind::Accept => "cannot accept connection",
            ServerErrorKind::Thread => "cannot start worker thread",
            ServerErrorKind::Handler => "handler failed",
            ServerErrorKind::Body => "response body failed",
            ServerErrorKind::Header => "invalid response header",
            ServerErrorKind::Upgrade => "upgrade failed",
        }
    }
}

/// An error on the server's side that no response can report, for
/// [`Settings::on_error`](crate::Settings::on_error). Errors of clients are not reported.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerError {
    /// The kind of error.
    pub kind: ServerErrorKind,
    /// The cause. For a panic, the error has the kind `Other` and contains the panic's message if
    /// the message is text.
    pub error: io::Error,
    /// The client, if the error concerns a connection. The address is that of
    /// [`Request::remote_addr`](crate::Request::remote_addr): the one that a trusted proxy names,
    /// if there is one. The port is 0 if the proxy names none.
    pub client: Option<SocketAddr>,
    /// The other end of the connection, if the error concerns one: the proxy, or the client.
    pub peer: Option<SocketAddr>,
    /// The method and the target without its query, if the error concerns a request:
    /// `GET /report`. The text is truncated after 120 bytes.
    pub request: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.description(), self.error)?;
        let addresses = match (self.client, self.peer) {
            (Some(client), Some(peer)) => ClientAndPeer { client, peer },
            _ => return Ok(()),
        };
        match &self.request {
            Some(request) => write!(f, " ({request} from {addresses})"),
            None => write!(f, " ({addresses})"),
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

type Hook = dyn Fn(&ServerError) + Send + Sync;

/// The program's hook for errors, if the program has set one.
#[derive(Clone, Default)]
pub(crate) struct ErrorHook(Option<Arc<Hook>>);

impl ErrorHook {
    pub(crate) fn new(hook: impl Fn(&ServerError) + Send + Sync + 'static) -> ErrorHook {
        ErrorHook(Some(Arc::new(hook)))
    }

    /// Reports an error to the hook. Must not be called under a lock.
    #[cold]
    pub(crate) fn report(
        &self,
        kind: ServerErrorKind,
        context: Option<ErrorContext>,
        error: io::Error,
    ) {
        let hook = match &self.0 {
            Some(hook) => hook,
            None => return,
        };
        let mut error = ServerError {
            kind,
            error,
            client: None,
            peer: None,
            request: None,
        };
        if let Some(context) = context {
            error.client = Some(context.client);
            error.peer = Some(context.peer);
            error.request = Some(context.request).filter(|request| !request.is_empty());
        }
        // There is no other place to report the panic of a hook.
        let _ = catch_panic(|| hook(&error));
    }
}

/// The connection and the request that an error concerns. Taken from a handle before the
/// connection ends.
pub(crate) struct ErrorContext {
    client: SocketAddr,
    peer: SocketAddr,
    request: String,
}

impl ErrorContext {
    pub(crate) fn of(handle: &ConnectionHandle) -> ErrorContext {
        let (request, client) = handle.label();
        ErrorContext {
            client,
            peer: handle.peer,
            request,
        }
    }
}

impl fmt::Debug for ErrorHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Some(..)" } else { "None" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_kind_cause_and_context() {
        let mut error = ServerError {
            kind: ServerErrorKind::Handler,
            error: io::Error::new(io::ErrorKind::Other, "it panicked"),
            client: None,
            peer: None,
            request: None,
        };
        assert_eq!(error.to_string(), "handler failed: it panicked");
        error.peer = Some(([127, 0, 0, 1], 9).into());
        error.client = error.peer;
        assert_eq!(
            error.to_string(),
            "handler failed: it panicked (127.0.0.1:9)"
        );
        error.request = Some("GET /a".into());
        let text = "handler failed: it panicked (GET /a from 127.0.0.1:9)";
        assert_eq!(error.to_string(), text);
        error.client = Some(([192, 0, 2, 7], 80).into());
        let text = "handler failed: it panicked (GET /a from 192.0.2.7:80 through 127.0.0.1:9)";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().unwrap().to_string(), "it panicked");
    }

    #[test]
    fn ends_a_panic_of_the_hook() {
        let hook = ErrorHook::new(|_| panic!("in the hook, on purpose"));
        let error = io::Error::from(io::ErrorKind::Other);
        hook.report(ServerErrorKind::Accept, None, error);
    }
}
