//! What went wrong and no response can tell: what it was, and whom to tell. It calls the user's
//! hook and knows nothing of what that does.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::server::registry::{ClientAndPeer, ConnectionHandle};
use crate::util::catch_panic::catch_panic;

/// What went wrong; see [`ServerError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerErrorKind {
    /// A connection could not be accepted: out of file descriptors, say. Accepting goes on.
    Accept,
    /// No further thread could be had for the pool. What is there goes on serving; a connection for
    /// which there is none at all is turned away.
    Thread,
    /// A handler panicked. Its client got a 500.
    Handler,
    /// The reader of a response's body failed, panicked, or came short of what was announced. The
    /// client got a 500 if nothing was sent yet; else its connection was cut.
    Body,
    /// A response had a header field that cannot be sent: its name is no token, or there is a
    /// control character in its value.
    Header,
    /// An upgrade panicked, or got no thread. Its connection is closed.
    Upgrade,
}

impl ServerErrorKind {
    fn description(self) -> &'static str {
        match self {
            ServerErrorKind::Accept => "a connection was not accepted",
            ServerErrorKind::Thread => "no thread was to be had",
            ServerErrorKind::Handler => "a handler failed",
            ServerErrorKind::Body => "the body of a response failed",
            ServerErrorKind::Header => "a header field cannot be sent",
            ServerErrorKind::Upgrade => "an upgrade failed",
        }
    }
}

/// Something that went wrong on the server's side and that no response can tell: for
/// [`Settings::on_error`](crate::Settings::on_error). What a client does wrong is not one.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerError {
    /// What went wrong.
    pub kind: ServerErrorKind,
    /// Why. For a panic it is of the kind `Other` and says what the panic said, if that was text.
    pub error: io::Error,
    /// The client, where it was about one, as
    /// [`Request::remote_addr`](crate::Request::remote_addr) has it: whom a trusted proxy names, if
    /// one does. The port is 0 where it was not told.
    pub client: Option<SocketAddr>,
    /// The other end of the connection, where it was about one: that proxy, or the client.
    pub peer: Option<SocketAddr>,
    /// The method and the target without its query, where it was about a request: `GET /report`.
    /// It is cut after 120 bytes.
    pub request: Option<String>,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.description(), self.error)?;
        let client_and_peer = match (self.client, self.peer) {
            (Some(client), Some(peer)) => ClientAndPeer { client, peer },
            _ => return Ok(()),
        };
        match &self.request {
            Some(request) => write!(f, " ({request} from {client_and_peer})"),
            None => write!(f, " ({client_and_peer})"),
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.error)
    }
}

type Hook = dyn Fn(&ServerError) + Send + Sync;

/// Whom to tell, if anybody.
#[derive(Clone, Default)]
pub(crate) struct ErrorHook(Option<Arc<Hook>>);

impl ErrorHook {
    pub(crate) fn new(hook: impl Fn(&ServerError) + Send + Sync + 'static) -> ErrorHook {
        ErrorHook(Some(Arc::new(hook)))
    }

    /// Tells what went wrong, on which connection if on one. Not to be called under a lock: what
    /// the hook does is the user's affair, and it may ask for the numbers.
    #[cold]
    pub(crate) fn report(
        &self,
        kind: ServerErrorKind,
        handle: Option<&ConnectionHandle>,
        error: impl FnOnce() -> io::Error,
    ) {
        if self.0.is_some() {
            self.report_detached(kind, handle.map(ErrorContext::of), error());
        }
    }

    /// As [`report`](ErrorHook::report), for a connection that may be gone by now.
    #[cold]
    pub(crate) fn report_detached(
        &self,
        kind: ServerErrorKind,
        context: Option<ErrorContext>,
        error: io::Error,
    ) {
        let hook = match &self.0 {
            Some(hook) => hook,
            None => return,
        };
        let error = ServerError {
            kind,
            error,
            client: context.as_ref().map(|context| context.client),
            peer: context.as_ref().map(|context| context.peer),
            request: context
                .map(|context| context.request)
                .filter(|request| !request.is_empty()),
        };
        // A hook that panics has nobody else to tell.
        let _ = catch_panic(|| hook(&error));
    }
}

/// Whose error it is.
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
    fn an_error_is_a_sentence() {
        let mut error = ServerError {
            kind: ServerErrorKind::Handler,
            error: io::Error::new(io::ErrorKind::Other, "it panicked"),
            client: None,
            peer: None,
            request: None,
        };
        assert_eq!(error.to_string(), "a handler failed: it panicked");
        error.peer = Some(([127, 0, 0, 1], 9).into());
        error.client = error.peer;
        assert_eq!(
            error.to_string(),
            "a handler failed: it panicked (127.0.0.1:9)"
        );
        error.request = Some("GET /a".into());
        let text = "a handler failed: it panicked (GET /a from 127.0.0.1:9)";
        assert_eq!(error.to_string(), text);
        error.client = Some(([192, 0, 2, 7], 80).into());
        let text = "a handler failed: it panicked (GET /a from 192.0.2.7:80 through 127.0.0.1:9)";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.source().unwrap().to_string(), "it panicked");
    }

    #[test]
    fn a_hook_that_panics_is_the_end_of_that() {
        let hook = ErrorHook::new(|_| panic!("in the hook, on purpose"));
        let error = || io::Error::from(io::ErrorKind::Other);
        hook.report(ServerErrorKind::Accept, None, error);
        let unset = ErrorHook::default();
        unset.report(ServerErrorKind::Accept, None, || {
            unreachable!("nobody asks")
        });
    }
}
