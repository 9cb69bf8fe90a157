//! The switch to another protocol: whether a 101 response may be sent (RFC 9110 §7.8), and the
//! hand-over to the [`Upgrade`] after that response. Nothing is sent here.

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::byte_queue::ByteQueue;
use super::service::{Service, UpgradePermit};
use crate::message::request::head::Version;
use crate::message::{Duplex, Request, Response, Switched, Upgrade};
use crate::server::registry::ConnectionHandle;
use crate::server::stats::error_hook::{ErrorContext, ServerErrorKind};
use crate::util::catch_panic::catch_panic;
use crate::wire::encode;

/// Acquires a permit for a 101 response.
///
/// # Errors
///
/// The status of the response to send instead: 500 for a 101 that must not be sent, 503 if no permit
/// is left or the connection is to end.
pub(crate) fn permit(
    service: &Arc<Service>,
    handle: &ConnectionHandle,
    request: &Request,
    response: &Response,
    body_is_read: bool,
) -> Result<UpgradePermit, u16> {
    service.report_bad_headers(handle, &response.headers);
    let mut fields = response.headers.iter();
    // RFC 9110 §15.2, §7.8: no 101 to HTTP/1.0, and none before the request has ended.
    let may_switch = request.head().version > Version::Http10
        && body_is_read
        && response.upgrade.is_some()
        && fields.all(|(name, value)| encode::is_field(name, value))
        && is_requested(request, response);
    match may_switch {
        false => Err(500),
        // A drain may have shut the connection for reading, and does not wait for an upgrade.
        true if handle.is_ending() => Err(503),
        true => service.try_upgrade_permit().ok_or(503),
    }
}

/// Returns whether the request asks for the protocols of the response (RFC 9110 §7.8). The Upgrade
/// field must name each of them, and the Connection field must name Upgrade.
fn is_requested(request: &Request, response: &Response) -> bool {
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

/// Hands the connection over to `upgrade`, on a thread of its own, because the other protocol may
/// use the connection for long. The permit bounds the number of these threads.
pub(crate) fn hand_over(
    service: &Arc<Service>,
    handle: &Arc<ConnectionHandle>,
    mut upgrade: Box<dyn Upgrade + Send>,
    permit: UpgradePermit,
    unread: ByteQueue,
) {
    let socket = Switched {
        early: io::Cursor::new(unread.into_vec()),
        socket: Box::new(UpgradedSocket {
            handle: Arc::clone(handle),
            permit,
        }),
    };
    let stream = &handle.stream;
    let reset = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_read_timeout(None))
        .and_then(|()| stream.set_write_timeout(None));
    service.registry.begin_upgrade(handle);
    if reset.is_err() {
        return;
    }
    // The context of an error, and not the handle, which would keep the socket open.
    let (service_of_thread, context) = (Arc::clone(service), ErrorContext::of(handle));
    let run = move || {
        if let Err(panicked) = catch_panic(move || upgrade.take_over(socket)) {
            let hook = &service_of_thread.on_error;
            hook.report(ServerErrorKind::Upgrade, Some(context), panicked.into());
        }
    };
    // If no thread can be started, the socket is dropped, which closes the connection.
    let thread = thread::Builder::new().name("millpond-upgrade".into());
    if let Err(error) = thread.spawn(run) {
        service.report(handle, ServerErrorKind::Upgrade, error);
    }
}

/// The socket of a connection after the hand-over.
struct UpgradedSocket {
    handle: Arc<ConnectionHandle>,
    /// Held for as long as the connection is open.
    permit: UpgradePermit,
}

impl Drop for UpgradedSocket {
    fn drop(&mut self) {
        self.permit.service().registry.upgrade_ended(&self.handle);
    }
}

impl Duplex for UpgradedSocket {
    fn read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let count = (&self.handle.stream).read(buf)?;
        self.permit.service().counters.received(count);
        Ok(count)
    }

    fn write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = (&self.handle.stream).write_vectored(bufs)?;
        self.permit.service().counters.sent(count);
        Ok(count)
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.handle.stream.set_nonblocking(nonblocking)
    }

    fn set_read_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.handle.stream.set_read_timeout(time)
    }

    fn set_write_timeout(&self, time: Option<Duration>) -> io::Result<()> {
        self.handle.stream.set_write_timeout(time)
    }

    fn finish_writing(&self) {
        // Fails only if the connection is gone, and the peer then sees the end anyway.
        let _ = self.handle.stream.shutdown(Shutdown::Write);
    }

    fn cut(&self) {
        let _ = self.handle.stream.shutdown(Shutdown::Both);
    }
}
